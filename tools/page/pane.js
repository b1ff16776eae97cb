// The value in hand: its picture, its numbers, the lines that make and use it.

let paneDrawn = "",
  paneWide = false;

// The name in hand: the one that was picked, or the line's first.
function nameInHand(e) {
  const made = targetsOf(e).filter((name, i) => valueOf(e, i) !== undefined);
  return made.includes(target) ? target : made[0];
}

function drawPane() {
  const e = inHand();
  const box = byId("in-hand");
  const size = [byId("pane").clientWidth, innerHeight];
  const state = [
    e,
    target,
    cell,
    followed,
    stepping,
    palette.name,
    size,
    atEnd,
    paneWide,
    [...zooms],
    comparing?.state(),
  ];
  const signature = JSON.stringify(state);
  if (signature === paneDrawn) return;
  paneDrawn = signature;
  const name = nameInHand(e);
  const parts = [paneHead(e, name)];
  const readout = element("output", {class: "readout", "data-key": "readout"});
  let table;
  if (name === undefined) {
    parts.push(...withoutValue(e), ...(comparing?.withoutValue(e) ?? []));
  } else {
    const value = madeAt(e, name);
    const width = byId("pane").clientWidth - (isNarrow() ? 32 : 44);
    parts.push(readout);
    const painted =
      comparing?.paint(name, value, e, width, readout) ?? paint(name, value, e, width, readout);
    parts.push(...painted.parts);
    const later = becomes(name, value, e);
    if (later !== undefined) {
      const grown = paint(name, later, e, width, element("output"));
      parts.push(element("p", {class: "label"}, "Later lines make of it"), ...grown.parts);
      table ??= grown.table;
    }
    table = painted.table ?? table;
    if (events.printed[e]) parts.push(prints(e));
  }
  if (comparing) parts.push(...comparing.aboutLine(e));
  parts.push(element("div", {class: "about-line"}, ...aboutLine(e, name)));
  refill(box, ...parts);
  if (!readout.childNodes.length) readout.remove();
  table?.settle();
}

function paneHead(e, name) {
  const made = targetsOf(e).filter((one, i) => valueOf(e, i) !== undefined);
  const names =
    made.length > 1
      ? element(
          "div",
          {class: "names", role: "group", "aria-label": "What this line made"},
          ...made.map((one) =>
            element(
              "button",
              {
                "aria-pressed": String(one === name),
                "data-key": `made ${one}`,
                onclick: () => {
                  target = one;
                  cell = null;
                  render();
                },
              },
              one,
            ),
          ),
        )
      : null;
  const value = name === undefined ? undefined : madeAt(e, name);
  const wide = element(
    "button",
    {
      class: "wide",
      "aria-pressed": String(paneWide),
      "aria-label": paneWide ? "make this smaller" : "make this larger",
      title: paneWide ? "smaller" : "larger",
      "data-key": "wide",
      onclick: () => {
        paneWide = !paneWide;
        document.body.classList.toggle("pane-wide", paneWide);
        render();
      },
    },
    paneWide ? "⤡" : "⤢",
  );
  return element(
    "div",
    {class: "head"},
    element("h2", {id: "value-name"}, name ?? `line ${lineOf(e)}`),
    wide,
    element(
      "p",
      {class: "place"},
      [value === undefined ? "" : describe(value), placeText(e)].filter(Boolean).join(" · "),
    ),
    stepping
      ? element(
          "p",
          {class: "place"},
          "Later lines are faint until the run gets there. ",
          element("button", {id: "show-all", "data-key": "show all", onclick: showAll}, "Show all"),
        )
      : null,
    atEnd || e === data.endOfRecording[0]
      ? element("p", {class: "place end", role: "status"}, endText())
      : null,
    names,
  );
}

function endText() {
  if (data.endOfRecording[1]) return `The recording ends at ${data.endOfRecording[1]}.`;
  if (data.failure[1]) return `The recording ends here: the run stopped at ${data.failure[1]}.`;
  return byId("left-out").querySelector("ul")
    ? "The recording ends here. The run may have gone on: the end of the page says what was left out."
    : "The run ends here.";
}

function showAll() {
  stepping = false;
  render();
}

// A line that made nothing: a condition, a print.
function withoutValue(e) {
  const one = statements[events.statement[e]];
  const parts = [];
  if (data.failure[1] && data.failure[0] === e)
    parts.push(element("p", {class: "error"}, data.failure[1]));
  if (events.printed[e]) parts.push(prints(e));
  if (one.kind === "If")
    parts.push(
      element(
        "p",
        {class: "note"},
        held(e) ? "True: the lines inside ran." : "False: the lines inside did not run.",
      ),
    );
  if (ended.has(e)) parts.push(element("p", {class: "note"}, "The loop has found no more."));
  return parts;
}

function prints(e) {
  return element(
    "div",
    {},
    element("p", {class: "label"}, "It prints"),
    element("pre", {class: "printed"}, shownLines(events.printed[e].replace(/\n$/, ""))),
  );
}

// -- pictures

const paintings = {};

function paint(name, value, e, width, readout) {
  try {
    const special = paintings[pictures[name]]?.(value, e, name, width, readout);
    if (special) return special;
  } catch {
    // this script makes something else by that name
  }
  return paintPlain(value, e, name, width, readout);
}

function paintPlain(value, e, name, width, readout) {
  const kind = kindOf(value);
  if (kind === "array") return paintArray(value.array, e, name, width, readout);
  if (isCollection(value)) return paintItems(value);
  if (typeof value === "string" || kind === "str" || kind === "bytes")
    return {
      parts: [
        element(
          "pre",
          {class: "printed"},
          shownLines(typeof value === "string" ? value : (value.str ?? brief(value))),
        ),
      ],
    };
  readout.replaceChildren(element("b", {class: "number"}, brief(value)));
  return {parts: []};
}

function paintItems(value, chips) {
  const items = itemsOf(value),
    text = (r) => (Array.isArray(items[r]) ? items[r].map(brief).join(": ") : brief(items[r]));
  const parts = chips ? [element("div", {class: "chips"}, ...chips)] : [];
  if (value.length > items.length)
    parts.push(
      element(
        "p",
        {class: "note"},
        `The first ${items.length} of ${value.length.toLocaleString("en")} are kept here.`,
      ),
    );
  if (!items.length) parts.push(element("p", {class: "note"}, "empty"));
  const table =
    items.length && !chips
      ? sheet({
          rows: items.length,
          columns: 1,
          row: String,
          column: () => kindOf(value),
          cell: text,
          wide: true,
          at: cell ?? [0, 0],
          pick: takeCell,
        })
      : null;
  if (table) parts.push(table);
  return {parts, table};
}

// The names of a number's row and column.
function rowNames(kept, axes, r, e) {
  const found = [];
  for (let axis = kept.length - 2; axis >= 0; axis--) {
    found.unshift([axes.length === kept.length ? axes[axis] : "", r % kept[axis]]);
    r = Math.floor(r / kept[axis]);
  }
  return found;
}

function whereIn(kept, axes, r, c, e) {
  const column = wordsOf(axes.at(-1), c, e, "column");
  const names = rowNames(kept, axes, r, e).map(([axis, i]) => wordsOf(axis, i, e, "row"));
  return [...names, column].join(", ");
}

function rowLabel(kept, axes, r, e) {
  const nodes = rowNames(kept, axes, r, e).map(([axis, i]) => {
    const {text, position} = labelOf(axis, i, e);
    return position === undefined ? shown(text) : tokenLabel(position, text);
  });
  return element("span", {}, ...nodes.flatMap((node, i) => (i ? [", ", node] : [node])));
}

// `more` stands in the place of the picture; `also(r, c)` is said behind a number.
function paintArray(index, e, name, width, readout, more = [], also = () => "") {
  const {shape, kept, code} = data.arrays[index],
    {numbers, rows: nRows, columns: nColumns} = tableOf(index),
    axes = axesOf(e),
    digits = code === "f8" ? 17 : 9;
  if (!kept.length) {
    readout.replaceChildren(element("b", {class: "number"}, number(numbers[0], digits)));
    return {parts: []};
  }
  const parts = [];
  const colour = scale(limitOf(index));
  const fits = cell && cell[0] < nRows && cell[1] < nColumns ? cell : null;
  const at = pictures[name] === "attention" ? inThisRound(e, axes, fits, nRows) : fits;
  const tell = bound((r, c) => {
    const there = r === undefined ? at : [r, c];
    if (!there)
      return readout.replaceChildren(
        element("small", {}, "Pick a number in the picture or the table."),
      );
    readout.replaceChildren(
      `${whereIn(kept, axes, ...there, e)}: `,
      element("b", {class: "number"}, number(numbers[there[0] * nColumns + there[1]], digits)),
      also(...there),
    );
  });
  const start = kept.length === 2 && axes.length === 2 ? startOf(axes[0], e) : undefined,
    startColumn = axes.length === kept.length ? startOf(axes.at(-1), e) : undefined;
  const followedRow = followed >= 0 && start !== undefined ? followed - start : -1,
    followedColumn = followed >= 0 && startColumn !== undefined ? followed - startColumn : -1;
  if (more.length) parts.push(...more);
  else if (numbers.length) {
    tell();
    if (kept.length === 1) parts.push(row1(index, width, followedColumn, tell));
    else
      parts.push(
        gridOf({
          name: "value",
          label: name,
          flat: nColumns > 24 || nRows > 24,
          rows: nRows,
          columns: nColumns,
          colour: (r, c) => colour(numbers[r * nColumns + c]),
          ground: "hatched",
          rowLabel: (r) => rowLabel(kept, axes, r, e),
          columnLabel: nColumns <= 24 ? (c) => columnLabel(axes.at(-1), c, e) : null,
          width,
          height: paneWide || isNarrow() ? innerHeight * 0.5 : 250,
          side: 56,
          top: nColumns <= 24 ? 44 : 4,
          most: 26,
          row: followedRow >= 0 ? followedRow : undefined,
          column: followedColumn >= 0 ? followedColumn : undefined,
          at,
          text: (r, c) =>
            numbers[r * nColumns + c] === -Infinity ? {text: "−∞", dark: false} : null,
          tell,
          pick: takeCell,
        }),
      );
  }
  parts.push(figures(index));
  if (shape.join() !== kept.join())
    parts.push(
      element(
        "p",
        {class: "note"},
        `The first [${kept.join(", ")}] are kept here; the figures are those of all.`,
      ),
    );
  const upright = kept.length < 2;
  const table = sheet({
    rows: nRows,
    columns: nColumns,
    row: (r) => (upright ? "" : rowLabel(kept, axes, r, e)),
    column: (c) => columnLabel(axes.at(-1), c, e),
    cell: (r, c) => number(numbers[r * nColumns + c], 5),
    colour: (r, c) => colour(numbers[r * nColumns + c]),
    upright,
    at: at ?? null,
    followedRow,
    followedColumn,
    pick: (r, c) => takeCell(r + cellBase(e, name), c),
  });
  parts.push(table);
  return {parts, table};
}

function columnLabel(axis, c, e) {
  const {text, position} = labelOf(axis, c, e);
  return position === undefined ? shown(text) : tokenLabel(position, text);
}

// A cell of attention counts its rows from the text's first token, others from their own first row.
const cellBase = (e, name) => (pictures[name] === "attention" && startOf(axesOf(e)[0], e)) || 0;

// Attention's cell is picked by positions in the text; this round's array may begin later.
function inThisRound(e, axes, at, nRows) {
  if (!cell) return null;
  const start = axes.length === 2 ? startOf(axes[0], e) : undefined;
  if (start === undefined) return at;
  const row = cell[0] - start;
  return row >= 0 && row < nRows ? [row, cell[1]] : null;
}

// One row of numbers, large.
function row1(index, width, mark, tell) {
  const canvas = strip(index, 0, width, 96, mark);
  canvas.className = "row1";
  canvas.addEventListener("pointermove", (event) => {
    const at = canvas.numberAt(event.offsetX);
    if (at && event.pointerType === "mouse") tell(...at);
  });
  canvas.addEventListener("pointerleave", () => tell());
  canvas.addEventListener("click", (event) => {
    const at = canvas.numberAt(event.offsetX);
    if (at) takeCell(...at);
  });
  return canvas;
}

function figures(index) {
  const [least, most, mean, deviation] = figuresOf(index);
  const list = element("dl", {class: "figures"});
  const all = {smallest: least, mean, largest: most, spread: deviation};
  for (const [name, figure] of Object.entries(all))
    if (figure !== null)
      list.append(
        element(
          "div",
          {title: name === "spread" ? "standard deviation" : undefined},
          element("dt", {}, name),
          element("dd", {}, number(figure, 6)),
        ),
      );
  return list;
}

paintings.attention = (value, e, name, width, readout) => {
  if (events.statement[e] !== choiceStatement || choiceLoops.length !== 3) return undefined;
  const stack = stackOf(...events.iterations[e]);
  if (!stack.size) return undefined;
  const height = paneWide ? innerHeight * 0.6 : Math.min(width + 10, innerHeight * 0.5);
  const grid = attentionGrid("pane", width, height, 58, 52, 30, readout);
  const row = rowInQuestion(stack);
  const shares = Array.from({length: stack.size}, (_, c) => [stack.at(row, c) ?? 0, c])
    .sort((a, b) => b[0] - a[0])
    .slice(0, 6);
  const list = element("ol", {class: "lengths looks"});
  for (const [share, c] of shares) {
    if (!(share > 0)) continue;
    const bar = element("i", {class: "bar"});
    bar.style.width = `${100 * share}%`;
    list.append(
      element(
        "li",
        {},
        element("span", {}, tokenLabel(c)),
        element("span", {class: "track"}, bar),
        element("span", {class: "share"}, percent(share)),
      ),
    );
  }
  const title = element(
    "p",
    {class: "label"},
    "Row ",
    element("b", {}, tokenLabel(row)),
    " looks at",
  );
  return paintArray(value.array, e, name, width, readout, [grid, title, list]);
};

paintings.candidates = (value, e, name, width, readout) => {
  const note = events.notes[e];
  if (!note?.ids) return undefined;
  const found = candidatesOf(events.iterations[e][0], name);
  if (!found) return undefined;
  const list = bars(found, true);
  list.style.setProperty("--bar-height", isNarrow() ? "24px" : "27px");
  const painted = paintArray(value.array, e, name, width, readout, [list]);
  const [r, c] = cell ?? [];
  if (r === 0 && c < tableOf(value.array).columns)
    readout.replaceChildren(
      `${wordsOf(axesOf(e).at(-1), c, e, "column")}: `,
      element("b", {class: "number"}, number(numbersOf(value.array)[c], 9)),
    );
  return painted;
};

paintings.lengths = (value, e, name, width, readout) => {
  if (!Array.isArray(events.notes[e]) || kindOf(value) !== "array") return undefined;
  const painted = paintArray(value.array, e, name, width, readout);
  const round = events.iterations[e][0] ?? 0;
  const list = lengthsList(round, events.iterations[e][1] ?? -1);
  if (list)
    painted.parts.splice(
      2,
      0,
      element(
        "p",
        {class: "label"},
        `Length of the ${followed >= 0 ? "followed" : "last"} row (root of the sum of its squares)`,
      ),
      list,
    );
  return painted;
};

paintings.tokens = (value) => {
  if (!isCollection(value) || !value.length) return undefined;
  const items = itemsOf(value);
  return paintItems(
    value,
    items.map((item, i) =>
      chip(brief(item) === item ? item : brief(item), i === followed, data.ids[i]),
    ),
  );
};

paintings.ids = (value, e, name, width, readout) => {
  const isArray = kindOf(value) === "array";
  const items = isArray ? null : isCollection(value) ? itemsOf(value) : [value];
  if (!items?.length || !items.every(Number.isInteger)) return undefined;
  if (items.length === 1)
    return {
      parts: [
        element(
          "p",
          {class: "huge"},
          element("b", {class: "number"}, String(items[0])),
          " ",
          chip(tokenText(items[0])),
        ),
      ],
    };
  return paintItems(
    value,
    items.map((id, i) => chip(tokenText(id), i === followed, id)),
  );
};

// The merges of a word, one line each, in the order in which they happened.
paintings.merges = (value, e, name) => {
  const word = events.iterations[e][0];
  const history = madeBy
    .get(name)
    .filter((other) => events.iterations[other][0] === word && isCollection(madeAt(other, name)));
  const list = element("ol", {class: "merges"});
  for (const other of history) {
    const joined =
      events.iterations[other].length > 1 && ["left", "right"].map((one) => lookup(one, other));
    const why =
      joined && joined.every((one) => typeof one === "string")
        ? joined.map(visible).join(" + ")
        : "characters";
    list.append(
      element(
        "li",
        {class: other === e ? "here" : ""},
        element("span", {class: "meta"}, why),
        " ",
        element(
          "span",
          {class: "chips"},
          ...itemsOf(madeAt(other, name)).map((piece) => chip(piece)),
        ),
      ),
    );
  }
  return {parts: [list]};
};

// -- the line itself

function aboutLine(e, name) {
  const number = events.statement[e],
    all = ranIn.get(number);
  const text = rowNodeOf(number)?.querySelector("code").textContent ?? "";
  const parts = [
    element(
      "p",
      {class: "label"},
      lineLink(number, e, false),
      all.length > 1 ? `, run ${all.indexOf(e) + 1} of ${all.length.toLocaleString("en")}` : "",
    ),
    element("pre", {class: "whole"}, text.replace(/^\s+/, "")),
  ];
  const calls = callsOf.get(e) || [];
  if (calls.length)
    parts.push(
      element(
        "p",
        {class: "calls"},
        "It calls ",
        ...calls
          .slice(0, 12)
          .map((call) =>
            element(
              "button",
              {"data-key": `call ${call}`, onclick: () => moveTo(call, stepping)},
              `${statements[events.statement[call]].name}() ↓`,
            ),
          ),
        calls.length > 12 ? ` and ${calls.length - 12} more` : "",
      ),
    );
  if (name !== undefined) parts.push(usedBy(name, e));
  return parts;
}

// The lines that read a value until another one takes its name, or until its function is over.
function usedBy(name, e) {
  const root = rootOf(name),
    frame = events.frame[e],
    found = new Map();
  if (name === "return" && frame >= 0)
    found.set(events.statement[events.caller[frame]], events.caller[frame]);
  for (let other = e + 1; other < nEvents && depth[other] >= depth[e]; other++) {
    const number = events.statement[other],
      one = statements[number],
      inside = events.frame[other] !== frame;
    const reads = one.reads.includes(root) && !(inside && localsOf.get(one.function)?.has(root));
    if (reads && (!found.has(number) || eventAt(number, events.frame[other]) === other))
      found.set(number, other);
    const anew = ["Assign", "For"].includes(one.kind) && one.targets.includes(root);
    if (anew && !inside && !ended.has(other)) break;
  }
  if (!found.size) return element("p", {class: "label"}, "No line that is kept here uses it.");
  const links = [...found].map(([number, other]) => element("li", {}, lineLink(number, other)));
  return element(
    "details",
    {
      class: "uses",
      "data-key": "uses",
      open: usesOpen,
      ontoggle: (event) => (usesOpen = event.target.open),
    },
    element(
      "summary",
      {},
      `${counted(found.size, "line")} ${found.size === 1 ? "uses" : "use"} ${root === name ? "it" : root}`,
    ),
    element("ul", {}, ...links),
  );
}
let usesOpen = true;

// -- on a phone the pane is a sheet below the code

function openPane(open) {
  document.body.classList.toggle("pane-open", open);
  byId("grip").setAttribute("aria-expanded", String(open));
}
