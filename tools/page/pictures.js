// How a value is drawn goes by its kind; the table `pictures` says where a name asks for more.

const painters = {};

function drawn(target, value, e) {
  const open = () => openValue(target, value, e);
  const head = element(
    "div",
    {class: "value-head"},
    element(
      "button",
      {class: "name", onclick: open, "aria-label": `open ${target}, ${describe(value)}`},
      target,
    ),
    element("span", {class: "meta"}, describe(value)),
  );
  return element("div", {class: "value", "data-target": target}, head, painted(target, value, e));
}

function painted(target, value, e) {
  try {
    return painters[pictures[target]]?.(value, e, target) ?? plain(value, e, target);
  } catch {
    return plain(value, e, target); // this script makes something else by that name
  }
}

function plain(value, e, target) {
  if (kindOf(value) === "array") {
    const array = data.arrays[value.array];
    if (!array.kept.length)
      return element("span", {class: "scalar"}, number(numbersOf(value.array)[0], 6));
    return heat(value.array, axesOf(e), e, target);
  }
  if (isCollection(value)) {
    const made = [];
    let size = 0;
    for (const item of itemsOf(value)) {
      const text = Array.isArray(item) ? item.map(brief).join(": ") : null;
      size += 3 + (text ?? brief(item)).length;
      if (size > 200 && made.length) break;
      made.push(chip(text, item));
    }
    return element("div", {class: "chips"}, ...made, more(value.length - made.length));
  }
  if (typeof value === "string") return element("div", {class: "chips"}, chip(null, value));
  if (kindOf(value) === "other") return element("em", {class: "scalar"}, brief(value));
  return element("span", {class: "scalar"}, brief(value));
}

const more = (n) =>
  n > 0 ? element("span", {class: "meta"}, `… ${n.toLocaleString("en")} more`) : null;

function chip(text, item, below) {
  const inner =
    text === null && typeof item === "string"
      ? shown(item)
      : element("bdi", {}, visible(text ?? brief(item)));
  return element(
    "span",
    {class: "chip"},
    inner,
    below === undefined ? null : element("small", {}, String(below)),
  );
}

// The names in a line's shape comment, or in that of a line that makes the same variable.
function axesOf(e) {
  const one = statements[events.statement[e]],
    root = rootOf(one.targets[0] ?? "");
  return one.axes.length
    ? one.axes
    : (statements.find((other) => other.axes.length && other.targets.includes(root))?.axes ?? []);
}

// Tokens with their ids below.
painters.tokens = (value) => {
  if (!isCollection(value)) return undefined;
  const items = itemsOf(value).slice(0, 64);
  return element(
    "div",
    {class: "chips"},
    ...items.map((item, i) => chip(null, item, data.ids[i])),
    more(value.length - items.length),
  );
};

// Ids with the text of their tokens above.
painters.ids = (value) => {
  const isArray = kindOf(value) === "array";
  const all = isArray
    ? [...numbersOf(value.array)]
    : isCollection(value)
      ? itemsOf(value)
      : [value];
  const items = all.slice(0, isArray ? 12 : 64);
  if (!items.every(Number.isInteger)) return undefined;
  return element(
    "div",
    {class: "chips"},
    ...items.map((id) => chip(null, tokenText(id), id)),
    more((value.length ?? all.length) - items.length),
  );
};

// The merges of a word, one line each, in the order in which they happened.
painters.merges = (value, e, target) => {
  const word = events.iterations[e][0];
  const history = madeBy.get(target).filter((other) => events.iterations[other][0] === word);
  const list = element("ol", {class: "merges"});
  for (const other of history) {
    const at = statements[events.statement[other]].targets.indexOf(target);
    const ranked = events.iterations[other].length > 1 ? lookup("ranked", other) : undefined;
    const best = ranked && itemsOf(ranked).reduce((a, b) => (b[0] < a[0] ? b : a));
    const why = best ? `rank ${best[0]}: ${best[1].tuple.map(brief).join(" + ")}` : "characters";
    list.append(
      element(
        "li",
        {class: other === e ? "here" : ""},
        element("span", {class: "meta"}, why),
        " ",
        element(
          "span",
          {class: "chips"},
          ...itemsOf(valueOf(other, at)).map((piece) => chip(null, piece)),
        ),
      ),
    );
  }
  return list;
};

// The ten best candidates, and which was taken, even where that is none of them.
painters.candidates = (value, e, target) => {
  const note = events.notes[e];
  if (!note || !note.ids) return undefined;
  const taken = lookup("next_id", e, true);
  const lines = note.ids.map((id, i) => [id, note.logits?.[i], note.probabilities?.[i]]);
  const at = note.logits ? taken : idsOf("best", e).indexOf(taken);
  const x = numbersOf(value.array)[at];
  if (!note.ids.includes(taken) && x !== undefined)
    lines.push(note.logits ? [taken, x] : [taken, , x]);
  const body = element("tbody");
  for (const [id, logit, share] of lines) {
    const name = element("th", {scope: "row"}, chip(null, tokenText(id), id));
    if (id === taken) name.append(element("span", {class: "meta"}, " taken"));
    const line = element("tr", {class: id === taken ? "taken" : ""}, name);
    if (note.logits) line.append(element("td", {}, number(logit)));
    const label = `probability of ${visible(tokenText(id))}`;
    const bar = element("meter", {min: 0, max: 1, value: share, "aria-label": label});
    line.append(
      share === undefined ? element("td") : element("td", {}, bar, ` ${number(share, 3)}`),
    );
    body.append(line);
  }
  const columns = note.logits
    ? ["token", "logit", "softmax of the logits"]
    : ["token", "probability"];
  return element(
    "table",
    {class: "candidates"},
    element("caption", {}, `the ${note.ids.length} best of ${target}`),
    element(
      "thead",
      {},
      element("tr", {}, ...columns.map((text) => element("th", {scope: "col"}, text))),
    ),
    body,
  );
};

// The lengths of the residual's rows, from the embedding through all layers of this round.
painters.growth = (value, e, target) => {
  const round = events.iterations[e][0];
  const all = madeBy
    .get(target)
    .filter((other) => events.iterations[other][0] === round && Array.isArray(events.notes[other]));
  if (all.length < 2) return undefined;
  const lengths = all.map((other) => events.notes[other]),
    nRows = Math.min(...lengths.map((one) => one.length));
  const most = Math.max(...lengths.flat()),
    least = Math.min(...lengths.flat().filter((x) => x > 0));
  const [low, high] = [Math.log10(least), Math.log10(most) + 1e-9];
  const width = 320,
    height = 110,
    x = (i) => 34 + (i / (all.length - 1)) * (width - 44),
    y = (v) => 8 + ((high - Math.log10(Math.max(v, least))) / (high - low)) * (height - 26);
  const svg = (tag, attributes, ...children) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, one] of Object.entries(attributes)) made.setAttribute(name, one);
    made.append(...children);
    return made;
  };
  const last = lengths.map((one) => one[nRows - 1]);
  const name = `size of the residual's rows over the layers, logarithmic; the last row from ${number(last[0], 3)} to ${number(last.at(-1), 3)}`;
  const picture = svg("svg", {
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    "aria-label": name,
    class: "growth",
  });
  for (let row = Math.max(0, nRows - 24); row < nRows; row++) {
    const points = lengths
      .map((one, i) => `${x(i).toFixed(1)},${y(one[row]).toFixed(1)}`)
      .join(" ");
    picture.append(svg("polyline", {points, class: row === nRows - 1 ? "last" : "other"}));
  }
  const here = all.indexOf(e);
  picture.append(
    svg("circle", {cx: x(here), cy: y(last[here]), r: 4}),
    svg("text", {x: 30, y: 14, "text-anchor": "end"}, number(most, 2)),
    svg("text", {x: 30, y: height - 18, "text-anchor": "end"}, number(least, 2)),
    svg("text", {x: 34, y: height - 4}, "embedding"),
    svg("text", {x: width - 8, y: height - 4, "text-anchor": "end"}, "after the last layer"),
  );
  return element(
    "figure",
    {},
    heat(value.array, axesOf(e), e, target),
    picture,
    element(
      "figcaption",
      {class: "meta"},
      `size of each row (root of its squares' sum) after each addition: ${number(last[here], 4)} in the last`,
    ),
  );
};

// Attention weights: a row for each token that looks, a column for each that is looked at.
painters.attention = (value, e, target) => {
  const {kept} = data.arrays[value.array];
  if (kept.length !== 2 || kept[0] * kept[1] > 4096) return undefined;
  const axes = axesOf(e),
    table = element("table", {class: "attention"}),
    numbers = numbersOf(value.array),
    colour = scale(1);
  const head = element("tr", {}, element("td"));
  for (let c = 0; c < kept[1]; c++)
    head.append(element("th", {scope: "col"}, element("span", {}, shown(labelOf(axes[1], c, e)))));
  table.append(element("thead", {}, head));
  const body = element("tbody");
  for (let r = 0; r < kept[0]; r++) {
    const line = element("tr", {}, element("th", {scope: "row"}, shown(labelOf(axes[0], r, e))));
    for (let c = 0; c < kept[1]; c++) {
      const x = numbers[r * kept[1] + c],
        cell = element("td");
      cell.style.backgroundColor = `rgb(${colour(x).join(" ")})`;
      cell.dataset.at = `${r} ${c}`;
      line.append(cell);
    }
    body.append(line);
  }
  table.append(body);
  pointed(table, (event) => {
    if (!event.target.dataset.at) return null;
    const [r, c] = event.target.dataset.at.split(" ").map(Number);
    return [
      visible(labelOf(axes[0], r, e)) + " looks at " + visible(labelOf(axes[1], c, e)),
      numbers[r * kept[1] + c],
    ];
  });
  table.setAttribute("aria-label", `${target}: who looks at whom`);
  table.style.setProperty("--cell", kept[1] > 12 ? "12px" : "20px");
  return element(
    "div",
    {class: "scroll", tabindex: "0", role: "region", "aria-label": `${target} as a grid`},
    table,
  );
};

// All layers and heads of this round and those before it, one small picture each.
let overviewNow = {};
function overview(e) {
  const round = events.iterations[e][0];
  if (overviewNow.round !== round || overviewNow.palette !== palette)
    overviewNow = {round, palette, figure: drawOverview(round)};
  return overviewNow.figure;
}

// Mark the chosen layer and head in it.
function markOverview() {
  const rounds = choiceStatement < 0 ? [] : roundsAt(choiceStatement, -1);
  for (const thumb of document.querySelectorAll(".overview button")) {
    const here = thumb.dataset.at === rounds.slice(1).join(" ");
    thumb.tabIndex = here ? 0 : -1;
    here ? thumb.setAttribute("aria-current", "true") : thumb.removeAttribute("aria-current");
  }
}

function drawOverview(round) {
  const target = data.choice[0],
    at = statements[choiceStatement].targets.indexOf(target);
  const maps = new Map();
  let whole = true;
  for (const other of madeBy.get(target) || []) {
    const [r, layer, head] = events.iterations[other],
      array = data.arrays[valueOf(other, at)?.array];
    if (events.statement[other] !== choiceStatement || r > round || array?.kept.length !== 2)
      continue;
    push(maps, `${layer} ${head}`, valueOf(other, at).array);
    whole &&= array.kept.join() === array.shape.join();
  }
  if (!maps.size || choiceLoops.length !== 3) return "";
  const nHeads = Math.max(0, ...[...maps.keys()].map((name) => Number(name.split(" ")[1]) + 1));
  const grid = element("div", {
    class: "overview",
    role: "group",
    "aria-label": `${target} of all layers and heads`,
  });
  grid.style.setProperty("--heads", nHeads);
  for (const [name, indices] of maps) {
    const [layer, head] = name.split(" ").map(Number),
      label = `layer ${layer}, head ${head}`;
    const open = () => {
      choose(choiceLoops[1], layer);
      choose(choiceLoops[2], head);
      const found = eventAt(choiceStatement, -1);
      moveTo(found);
      openValue(target, valueOf(found, at), found);
    };
    grid.append(
      element(
        "button",
        {"aria-label": label, title: label, "data-at": name, onclick: open},
        stacked(indices),
      ),
    );
  }
  grid.addEventListener("keydown", (event) => {
    const move = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -nHeads, ArrowDown: nHeads}[event.key];
    const next = move && grid.children[[...grid.children].indexOf(document.activeElement) + move];
    if (move) event.stopPropagation();
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
  return element(
    "figure",
    {},
    element(
      "figcaption",
      {class: "meta"},
      `${target} of this token and those before${whole ? "" : ", as far as they are kept"}: layers down, heads across`,
    ),
    grid,
  );
}

// Arrays with the same kind of rows, one below the other, in one small picture.
function stacked(indices) {
  const shapes = indices.map((index) => data.arrays[index].kept);
  const nRows = shapes.reduce((sum, shape) => sum + shape[0], 0),
    nColumns = Math.max(...shapes.map((shape) => shape[1]));
  const width = Math.min(64, nColumns),
    height = Math.min(64, nRows);
  const most = new Float32Array(width * height); // where several share a spot, the largest
  let row = 0;
  for (const index of indices) {
    const numbers = numbersOf(index),
      [n, m] = data.arrays[index].kept;
    for (let r = 0; r < n; r++, row++) {
      const y = Math.floor((row * height) / nRows) * width;
      for (let c = 0; c < m; c++) {
        const spot = y + Math.floor((c * width) / nColumns);
        if (numbers[r * m + c] > most[spot]) most[spot] = numbers[r * m + c];
      }
    }
  }
  return raster(width, height, scale(1), (x, y) => most[y * width + x], {"aria-hidden": "true"});
}

// A canvas with the colour of a number at each of its spots.
function raster(width, height, colour, numberAt, attributes) {
  const canvas = element("canvas", {width, height, ...attributes});
  const context = canvas.getContext("2d"),
    image = context.createImageData(width, height);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [red, green, blue] = colour(numberAt(x, y));
      image.data[i++] = red;
      image.data[i++] = green;
      image.data[i++] = blue;
      image.data[i++] = 255;
    }
  context.putImageData(image, 0, 0);
  return canvas;
}

// Colours: from the paper's to one strong colour for numbers of one sign, between two for both.
let palette;
function readPalette() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(`--heat-${name}`).trim().split(/\s+/).map(Number);
  const [low, zero, high] = ["low", "zero", "high"].map(read);
  const mix = (share) =>
    zero.map((part, i) => part + ((share < 0 ? low : high)[i] - part) * Math.abs(share));
  palette = {none: read("none"), shades: Array.from({length: 511}, (_, i) => mix((i - 255) / 255))};
}

function scale(limit) {
  const {none, shades} = palette;
  return (x) =>
    Number.isFinite(x)
      ? shades[255 + Math.round(255 * Math.max(-1, Math.min(1, x / limit)))]
      : none;
}

// The colours of an array, which a few outliers must not blind: 98 of 100 numbers are in their range.
function colours(index) {
  const array = data.arrays[index];
  if (array.limit === undefined) {
    const numbers = numbersOf(index),
      step = Math.ceil(numbers.length / 4096),
      sizes = [];
    for (let i = 0; i < numbers.length; i += step)
      if (Number.isFinite(numbers[i])) sizes.push(Math.abs(numbers[i]));
    sizes.sort((a, b) => a - b);
    array.limit = (sizes.length > 64 ? sizes[Math.floor(sizes.length * 0.98)] : sizes.at(-1)) || 1;
  }
  return scale(array.limit);
}

// An array as a strip or grid of colours; where several numbers share a spot, the largest shows, or
// one that is not finite.
function heat(index, axes, e, target, most = 100) {
  const {kept, shape, dtype} = data.arrays[index],
    numbers = numbersOf(index);
  const nColumns = kept.at(-1),
    nRows = nColumns ? numbers.length / nColumns : 0;
  const width = Math.max(1, Math.min(nColumns, 384)),
    height = Math.max(1, Math.min(nRows, most));
  const [least, largest] = figuresOf(index).map((figure) => number(figure));
  const name = `${target}: ${dtype}, ${shape.join(" × ")}, from ${least} to ${largest}`;
  const extreme = (x, y) => {
    let found = 0;
    for (let r = Math.floor((y * nRows) / height); r < Math.floor(((y + 1) * nRows) / height); r++)
      for (
        let c = Math.floor((x * nColumns) / width);
        c < Math.floor(((x + 1) * nColumns) / width);
        c++
      ) {
        const one = numbers[r * nColumns + c];
        if (!Number.isFinite(one)) return one;
        if (Math.abs(one) > Math.abs(found)) found = one;
      }
    return found;
  };
  const attributes = {role: "img", "aria-label": name, class: "heat"};
  const canvas = raster(width, height, colours(index), extreme, attributes);
  canvas.style.height = `${Math.max(10, Math.min(height * 12, Math.max(most, height)))}px`;
  if (nColumns < 40) canvas.style.maxWidth = `${nColumns * 16}px`;
  pointed(canvas, (event) => {
    const r = Math.floor((event.offsetY / canvas.clientHeight) * nRows),
      c = Math.floor((event.offsetX / canvas.clientWidth) * nColumns);
    if (r < 0 || c < 0 || r >= nRows || c >= nColumns) return null;
    return [whereIn(kept, axes, r, c, e), numbers[r * nColumns + c]];
  });
  return canvas;
}

// Names of a number's row and column.
function whereIn(kept, axes, r, c, e) {
  const column = visible(labelOf(axes.at(-1), c, e));
  return kept.length < 2 ? column : `${rowLabel(kept, axes, r, e)}, ${column}`;
}

function rowLabel(kept, axes, r, e) {
  const labels = [];
  for (let axis = kept.length - 2; axis >= 0; axis--) {
    labels.unshift(
      visible(labelOf(axes.length === kept.length ? axes[axis] : "", r % kept[axis], e)),
    );
    r = Math.floor(r / kept[axis]);
  }
  return labels.join(", ");
}

// Show what is under the pointer.
function pointed(node, find) {
  const tip = byId("tip");
  node.addEventListener("pointermove", (event) => {
    const found = find(event);
    tip.hidden = !found;
    if (!found) return;
    tip.replaceChildren(element("b", {}, number(found[1], 7)), ` ${found[0]}`);
    const box = tip.parentElement.getBoundingClientRect();
    tip.style.left = `${Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) - (tip.parentElement === document.body ? 0 : box.left)}px`;
    tip.style.top = `${event.clientY + 18 - (tip.parentElement === document.body ? 0 : box.top)}px`;
  });
  node.addEventListener("pointerleave", () => {
    tip.hidden = true;
  });
}
