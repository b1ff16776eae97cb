// The value in hand beside that of the run before, and the map's grids of what differs.

const quoted = (text) => `“${visible(text)}”`;
const infinite = (x, digits) => number(x, digits).replace("inf", "∞").replace("-", "−");

// How a value differs, in words.
function differenceText(one, e) {
  const {kind, name, value, other} = one;
  if (kind === "array") {
    const {kept} = data.arrays[value.array];
    const where = kept.length ? ` at ${whereIn(kept, axesOf(e), ...one.at, e)}` : "";
    const some =
      one.of > 1
        ? `. ${one.differing.toLocaleString("en")} of ${counted(one.of, "number")} differ`
        : "";
    const [now, was] = one.both.map((x) => infinite(x, 6));
    const rounding = one.level === 1 ? ", which is rounding" : "";
    const by = `differs by at most ${infinite(one.largest, 3)}${rounding}: ${now} instead of ${was}`;
    return `${one.largest < Infinity ? by : `is ${now} instead of ${was}`}${where}${some}`;
  }
  if (kind === "shape") return shapesText(one);
  if (kind === "dtype") return typesText(one);
  if (kind === "figures") return "differs in numbers that are not kept here";
  if (kind === "made")
    return value === undefined ? "was made before, and not now" : "is new: it was not made before";
  if (kind === "items") return itemsText(one);
  if (pictures[name] === "ids" && [value, other].every(Number.isInteger)) {
    const was = within(differences.before, () => tokenText(other));
    return `is ${quoted(tokenText(value))} instead of ${quoted(was)} (${value} instead of ${other})`;
  }
  const text = (x) => (typeof x === "string" ? quoted(x.slice(0, 200)) : brief(x));
  const by =
    kind === "number" && one.largest < Infinity ? `, ${infinite(one.largest, 3)} apart` : "";
  return `${name === "prints" ? "" : "is "}${text(value)} instead of ${within(differences.before, () => text(other))}${by}`;
}

const shapesText = ({value, other}) => {
  const shape = (run, {array}) => `[${run.data.arrays[array].shape.join(", ")}]`;
  return `has the shape ${shape(shownRun, value)} instead of ${shape(differences.before, other)}`;
};
const typesText = ({value, other}) => {
  const type = (run, {array}) => run.data.arrays[array].dtype;
  return `is ${type(shownRun, value)} instead of ${type(differences.before, other)}, with the same numbers`;
};

function itemsText({name, value, other, at}) {
  const noun = {ids: "id", tokens: "token"}[pictures[name]] ?? "item";
  const item = (run, one) => {
    const found = itemsOf(one)[at];
    if (noun === "id") return within(run, () => quoted(tokenText(found)));
    const text = Array.isArray(found) ? found.map(brief).join(": ") : brief(found);
    return quoted(text.slice(0, 80));
  };
  const parts = [];
  if (value.length !== other.length)
    parts.push(`${counted(value.length, noun)} instead of ${other.length.toLocaleString("en")}`);
  const [shorter, longer] = [value, other].sort((a, b) => itemsOf(a).length - itemsOf(b).length);
  if (at < itemsOf(shorter).length) {
    const which = noun === "item" ? "item" : "token";
    parts.push(
      `${which} ${at}: ${item(shownRun, value)} instead of ${item(differences.before, other)}`,
    );
  } else if (at < itemsOf(longer).length)
    parts.push(
      `${longer === value ? "now" : "before"} also ${item(longer === value ? shownRun : differences.before, longer)}`,
    );
  return parts.length ? `has ${parts.join("; ")}` : "differs in items that are not kept here";
}

// The same in a word, beside a line.
function differenceMark(one) {
  const {kind, name, value, other} = one;
  if (kind === "array") return `${one.level === 1 ? "≈" : "≠"} ${infinite(one.largest, 2)}`;
  if (kind === "items" && value.length !== other.length)
    return `${value.length} not ${other.length}`;
  if (kind === "items") return `≠ item ${one.at}`;
  if (pictures[name] === "ids" && Number.isInteger(other))
    return `not ${within(differences.before, () => visible(tokenText(other)))}`;
  if (kind === "number" || kind === "truth") return `not ${brief(other)}`;
  return {shape: "≠ shape", dtype: "≠ type", made: "≠ made", text: "≠ text"}[kind] ?? "≠";
}

// -- in the pane

let paneMode = "difference";

function paintCompared(name, value, e, width, readout) {
  const one = differences.at(e)?.find((found) => found.name === name);
  if (differences.partner(e) < 0) return undefined;
  if (!one) {
    const painted = paint(name, value, e, width, readout);
    painted.parts.unshift(element("p", {class: "note same"}, `The same ${comparing.when}.`));
    return painted;
  }
  const said = element(
    "p",
    {class: "differs-words", "data-level": one.level},
    `${name} ${differenceText(one, e)}.`,
  );
  const other = differences.partner(e);
  if (one.value?.array === undefined || one.other?.array === undefined) {
    const painted = paint(name, value, e, width, readout);
    painted.parts.unshift(said);
    if (one.other === undefined) return painted;
    const was = within(differences.before, () =>
      paint(name, one.other, other, width, element("output")),
    );
    painted.parts.push(element("p", {class: "label"}, capital(comparing.when)), ...was.parts);
    return painted;
  }
  const index =
    one.kind === "array" ? differenceArray(one.value.array, one.other.array) : undefined;
  const modes = index === undefined ? ["now", "before"] : ["now", "before", "difference"];
  const mode = modes.includes(paneMode) ? paneMode : "now";
  const painted =
    mode === "now"
      ? paint(name, value, e, width, readout)
      : mode === "before"
        ? within(differences.before, () => paintPlain(one.other, other, name, width, readout))
        : paintArray(index, e, name, width, readout, [], bothBehind(one));
  const beside = pictures[name] === "candidates" ? bestOfBoth(name, e, other) : null;
  painted.parts.unshift(...[said, modesOf(modes, mode), beside].filter(Boolean));
  return painted;
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);

function modesOf(modes, mode) {
  const button = (one) =>
    element(
      "button",
      {
        "aria-pressed": String(one === mode),
        "data-key": `mode ${one}`,
        onclick: () => {
          paneMode = one;
          render();
        },
      },
      one,
    );
  return element(
    "div",
    {class: "names modes", role: "group", "aria-label": "Which value"},
    ...modes.map(button),
  );
}

// The difference of two arrays, as one more array of the run that is shown.
const differenceArrays = new Map();
function differenceArray(index, otherIndex) {
  const name = `${index} ${otherIndex}`;
  if (differenceArrays.has(name)) return differenceArrays.get(name);
  const [a, b] = [data.arrays[index], differences.before.data.arrays[otherIndex]];
  if (a.kept.join() !== b.kept.join()) return undefined;
  const x = numbersOf(index),
    y = within(differences.before, () => numbersOf(otherIndex));
  const made = data.arrays.length;
  data.arrays.push({
    ...a,
    dtype: "difference",
    shape: a.kept,
    code: "f8",
    figures: null,
    limit: undefined,
  });
  decoded.set(
    made,
    Float64Array.from(x, (one, i) => (farApart(one, y[i]) ? one - y[i] : 0)),
  );
  differenceArrays.set(name, made);
  return made;
}

// What stood at a place now and before.
function bothBehind({value, other}) {
  const x = numbersOf(value.array),
    y = within(differences.before, () => numbersOf(other.array)),
    {columns} = tableOf(value.array);
  return (r, c) =>
    ` (${infinite(x[r * columns + c], 6)} now, ${infinite(y[r * columns + c], 6)} before)`;
}

// The ten best now and before.
function bestOfBoth(name, e, other) {
  const now = candidatesOf(events.iterations[e][0], name);
  const was = within(differences.before, () => candidatesOf(events.iterations[other][0], name));
  if (!now || !was) return null;
  const column = (title, list) =>
    element("section", {"aria-label": title}, element("p", {class: "label"}, title), list);
  return element(
    "div",
    {class: "both-best"},
    column("now", bars(now, false)),
    column(
      "before",
      within(differences.before, () => bars(was, false)),
    ),
  );
}

// -- in the map

// The attention of a head less that of the run before: undefined where one of them has none.
function differenceStack(round, layer, head) {
  const now = stackOf(round, layer, head);
  const was = within(differences.before, () =>
    choiceLoops.length === 3 ? stackOf(round, layer, head) : {at: () => undefined},
  );
  const at = (r, c) => {
    const [x, y] = [now.at(r, c), was.at(r, c)];
    return x === undefined || y === undefined ? undefined : x - y;
  };
  let largest = 0,
    known = false;
  for (let r = 0; r < now.size; r++)
    for (let c = 0; c < now.size; c++) {
      const x = at(r, c);
      known ||= x !== undefined;
      if (Math.abs(x) > largest) largest = Math.abs(x);
    }
  return {...now, at, was, largest, known, now: now.now};
}

let differenceStacks = new Map();
function stacksOfRound(round) {
  if (!differenceStacks.has(round)) {
    if (differenceStacks.size > 4) differenceStacks.clear();
    const [, layers, heads] = choiceLoops,
      found = new Map();
    for (let layer = 0; layer < nRounds(layers, -1); layer++)
      for (let head = 0; head < nRounds(heads, -1); head++)
        found.set(`${layer} ${head}`, differenceStack(round, layer, head));
    found.largest = Math.max(...[...found.values()].map((one) => one.largest));
    differenceStacks.set(round, found);
  }
  return differenceStacks.get(round);
}

const colourOfDifference = (stack, largest) => {
  const colour = scale(largest || 1);
  return (r, c) => {
    const x = stack.at(r, c);
    return x ? [...colour(x), stack.toCome(r) ? 110 : 255] : undefined;
  };
};

function smallDifference(round, layer, head) {
  const all = stacksOfRound(round),
    stack = all.get(`${layer} ${head}`);
  const words = stack.known
    ? stack.largest
      ? `differs by at most ${number(stack.largest, 2)}`
      : "does not differ"
    : "ran in one of the runs only";
  const picture = stack.known
    ? drawSmallOf(stack, colourOfDifference(stack, all.largest))
    : element("span", {class: "one-sided"}, "∅");
  return {picture, words};
}

// The chosen head's difference, in the place of its attention.
function largeDifference(rounds, width, height, side, top, most, tellTo) {
  const all = stacksOfRound(rounds[0]),
    stack = all.get(`${rounds[1]} ${rounds[2]}`);
  const token = (position) => element("b", {}, shown(tokenText(data.ids[position])));
  const tell = (r, c) => {
    const [row, column] = r === undefined ? (cell && onChoice() ? cell : []) : [r, c];
    const x = stack.at(row, column);
    if (x === undefined)
      return tellTo.replaceChildren(
        stack.known
          ? `At most ${infinite(stack.largest, 2)} apart. `
          : "This head ran in one of the runs only. ",
        stack.known ? "Orange: more than before." : "",
      );
    const was = stack.was.at(row, column);
    tellTo.replaceChildren(
      token(row),
      " looks at ",
      token(column),
      ": ",
      element("b", {class: "number"}, percent(x + was)),
      `, before ${percent(was)}`,
    );
  };
  tell();
  return gridOf({
    name: "map",
    label: "attention now less that before: each row’s token looks at the columns’",
    ...tokensOf(stack),
    colour: colourOfDifference(stack, all.largest),
    width,
    height,
    side,
    top,
    most,
    at: onChoice() && cell ? cell : null,
    text: () => null,
    tell,
    pick: (r, c) => {
      if (!onChoice()) moveTo(eventAt(choiceStatement, -1) ?? inHand(), stepping, false);
      takeCell(r, c);
    },
  });
}
