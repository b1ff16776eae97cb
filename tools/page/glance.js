// A glance: what a line made, in the height of the line.

const MOST_CHIPS = 12; // more never fit

// The row of an array that a strip shows: the followed token's, where rows are tokens, or the last.
function rowToShow(index, e) {
  const {columns, rows} = tableOf(index),
    axes = axesOf(e),
    {kept} = data.arrays[index];
  const start = kept.length === 2 && axes.length === 2 ? startOf(axes[0], e) : undefined;
  const row = followed >= 0 && start !== undefined ? followed - start : -1;
  return row >= 0 && row < rows && columns ? [row, true] : [rows - 1, false];
}

// One row of numbers as bars, up for those above zero and down for those below.
function strip(index, row, width, height, mark = -1) {
  const {numbers, columns} = tableOf(index);
  const [canvas, context] = sharp(width, height);
  const each = Math.max(1, Math.min(14, Math.floor(width / columns))),
    n = Math.min(columns, Math.floor(width / each));
  const limit = limitOf(index),
    negative = figuresOf(index)[0] < 0;
  const zero = negative ? Math.round(height / 2) : height - 1,
    reach = negative ? Math.floor(height / 2) - 1 : height - 2;
  // The number below a place of the strip: [row, column], or null.
  canvas.numberAt = (x) => {
    const i = Math.floor(x / each);
    return i >= 0 && i < n ? [row, Math.floor((i * columns) / n)] : null;
  };
  context.fillStyle = palette.line;
  context.fillRect(0, zero, n * each, 1);
  for (let i = 0; i < n; i++) {
    // where several numbers share a bar, the largest shows, or one that is not finite
    let x = 0;
    const [from, to] = [Math.floor((i * columns) / n), Math.floor(((i + 1) * columns) / n)];
    for (let c = from; c < Math.max(to, from + 1); c++) {
      const one = numbers[row * columns + c];
      if (!Number.isFinite(one)) {
        x = one;
        break;
      }
      if (Math.abs(one) > Math.abs(x)) x = one;
    }
    const left = i * each,
      thick = Math.max(1, each - (each > 2 ? 1 : 0));
    if (mark >= from && mark < Math.max(to, from + 1)) {
      context.fillStyle = palette.follow;
      context.globalAlpha = 0.35;
      context.fillRect(left, 0, thick, height);
      context.globalAlpha = 1;
    }
    if (!Number.isFinite(x)) {
      context.fillStyle = palette.none;
      for (let y = 1; y < height; y += 3) context.fillRect(left, y, thick, 1);
      continue;
    }
    const size = Math.max(x ? 1 : 0, Math.round(reach * Math.min(1, Math.abs(x) / limit)));
    context.fillStyle = x > 0 ? palette.up : palette.down;
    context.fillRect(left, x > 0 ? zero - size : zero + 1, thick, size);
  }
  return canvas;
}

// A whole array in the height of a line, where the numbers that are not finite are its point.
function tiny(index, width) {
  const {numbers, columns, rows} = tableOf(index);
  const [canvas, context] = sharp(width, 17);
  const wide = Math.min(12, width / columns),
    high = 16 / rows,
    colour = scale(limitOf(index));
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) {
      const found = colour(numbers[r * columns + c]);
      context.fillStyle = found ? `rgb(${found.join(" ")})` : palette.none;
      context.fillRect(c * wide, r * high, wide, high);
    }
  return canvas;
}

function chip(text, mark, more) {
  const inner = typeof text === "string" ? shown(text) : text;
  return element(
    "span",
    {class: `chip${mark ? " is-followed" : ""}`},
    inner,
    more === undefined ? null : element("small", {}, String(more)),
  );
}

// Items as chips, of which those that fit are seen.
function chipsOf(items, marked = -1, most = MOST_CHIPS) {
  return items
    .slice(0, most)
    .map((item, i) =>
      chip(
        Array.isArray(item)
          ? item.map(brief).join(": ")
          : typeof item === "string"
            ? item
            : element("bdi", {}, brief(item)),
        i === marked,
      ),
    );
}

// What a value looks like in one line of a width; its words, if it has any, for those who hear.
function glanceOf(name, value, e, width) {
  try {
    const special = glances[pictures[name]]?.(value, e, width, name);
    if (special) return special;
  } catch {
    // this script makes something else by that name
  }
  const kind = kindOf(value);
  if (kind === "array") {
    const {kept, shape} = data.arrays[value.array],
      numbers = numbersOf(value.array);
    if (!kept.length) return [element("b", {class: "scalar"}, number(numbers[0], 6))];
    if (!numbers.length) return [element("span", {class: "quiet"}, "empty")];
    const [least, most] = figuresOf(value.array);
    if (least === most && numbers.every(Number.isFinite))
      return [element("span", {class: "quiet"}, `all ${number(least)}`)];
    if (kept.length === 2 && !numbers.every(Number.isFinite)) return [tiny(value.array, width)];
    const [row, isFollowed] = rowToShow(value.array, e);
    const axes = axesOf(e),
      start = axes.length === shape.length ? startOf(axes.at(-1), e) : undefined;
    const mark = followed >= 0 && start !== undefined ? followed - start : -1;
    const made = strip(value.array, row, width, 17, mark);
    made.className = isFollowed ? "strip is-followed" : "strip";
    return [made];
  }
  if (isCollection(value)) {
    if (!value.length) return [element("span", {class: "quiet"}, "empty")];
    return chipsOf(itemsOf(value));
  }
  if (typeof value === "string" || kind === "str")
    return [chip(typeof value === "string" ? value.slice(0, 80) : value.str.slice(0, 80))];
  if (kind === "other") return [element("span", {class: "quiet"}, brief(value))];
  return [element("b", {class: "scalar"}, brief(value))];
}

const glances = {};

glances.tokens = (value) =>
  isCollection(value) && value.length
    ? chipsOf(itemsOf(value), itemsOf(value).length <= data.ids.length ? followed : -1)
    : undefined;

// Ids; a single one with its token.
glances.ids = (value, e, width, name) => {
  const isArray = kindOf(value) === "array";
  const items = isArray
    ? [...numbersOf(value.array).slice(0, MOST_CHIPS)]
    : isCollection(value)
      ? itemsOf(value)
      : [value];
  if (!items.length || !items.every(Number.isInteger)) return undefined;
  if (items.length === 1)
    return [element("b", {class: "scalar"}, String(items[0])), chip(tokenText(items[0]))];
  // of a list that grows, the end is what is new
  const grows = !isArray && statements[events.statement[e]].kind === "Expr";
  if (!grows) return chipsOf(items, isArray ? -1 : followed);
  return [element("span", {class: "quiet"}, "…"), ...chipsOf(items.slice(-3))];
};

glances.merges = (value) => (isCollection(value) ? chipsOf(itemsOf(value)) : undefined);

glances.candidates = (value, e) => {
  const note = events.notes[e];
  if (!note?.ids) return undefined;
  return note.ids.slice(0, 5).map((id, i) => {
    const share = note.probabilities?.[i];
    const made = chip(tokenText(id), false, share === undefined ? "" : Math.round(100 * share));
    made.style.setProperty("--share", `${Math.round(100 * (share ?? 0))}%`);
    made.classList.add("share");
    return made;
  });
};

// Of `words = []` one wants to know what becomes of it: what it is when its name is next made anew.
function becomes(name, value, e) {
  if (stepping || !isEmpty(value) || statements[events.statement[e]].kind !== "Assign")
    return undefined;
  let last;
  for (const other of madeBy.get(name) || []) {
    if (other <= e || events.frame[other] !== events.frame[e]) continue;
    const one = statements[events.statement[other]];
    if (one.kind === "Assign" && one.targets.includes(name)) break;
    if (one.targets.includes(name)) last = madeAt(other, name) ?? last;
  }
  return last;
}
