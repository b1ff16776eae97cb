// Compare: what differs from the run before is marked beside its line, in the map and in the pane,
// and said in a few words above them. `newRun` is told of a run when the one before it is known.

let previous = null; // the recording of the run before: {data, numbers, and perhaps its name}
let differences = null; // a Differences, while they are wanted
let wanted = false; // whether the reader wants them
let mapDiffers = true; // whether the map's grids show differences

const compare = {
  when: "before", // or "in other.py"

  // What else the pane and the map depend on.
  state: () => [differences.first === undefined, compare.whole, paneMode, mapDiffers],

  // The mark beside a line, and how strong it is.
  mark(row, frame) {
    const state = `${row.event} ${compare.whole} ${row.state}`;
    if (row.markState === state) return;
    row.markState = state;
    const found = markOf(row.number, row.event, frame);
    const level = found?.level ?? 0;
    row.node.dataset.level = level;
    row.node.classList.toggle("differs", level > 0);
    row.node.classList.toggle("changed", differences.changed.has(row.number));
    row.node.classList.toggle("new-line", !differences.pairs.has(row.number));
    row.glance.querySelector(":scope > .mark")?.remove();
    row.glance.prepend(found?.node ?? element("span", {class: "mark"}));
  },

  paint: (...given) => paintCompared(...given),

  // What a line was before, or that it was not there.
  aboutLine(e) {
    const number = events.statement[e],
      parts = [];
    if (!differences.pairs.has(number)) parts.push(`This line is not ${beforeIn()}.`);
    else if (differences.partner(e) < 0) parts.push(`It did not run here ${compare.when}.`);
    const said = parts.map((text) => element("p", {class: "differs-words", "data-level": 4}, text));
    if (differences.changed.has(number))
      said.push(
        element("p", {class: "label"}, `${capital(compare.when)}, this line was`),
        element("pre", {class: "whole was"}, lineBefore(number)),
      );
    return said;
  },

  withoutValue: (e) =>
    (differences.at(e) ?? []).map((one) =>
      element("p", {class: "differs-words", "data-level": 4}, `${capital(differenceText(one, e))}.`),
    ),

  mapToggle: () =>
    element(
      "button",
      {
        class: "map-toggle",
        "aria-pressed": String(mapDiffers),
        "data-key": "map differs",
        onclick: () => {
          mapDiffers = !mapDiffers;
          render();
        },
      },
      "difference",
    ),
  small: (...place) => (mapDiffers ? smallDifference(...place) : null),
  large: (...given) => (mapDiffers ? largeDifference(...given) : null),
  summary: () => drawSummary(),

  // Take all marks away. The caller draws.
  stop() {
    if (!differences) return;
    comparing = differences = null;
    document.documentElement.classList.remove("comparing");
    delete byId("comparison").dataset.state;
    for (const row of rows) {
      row.node.classList.remove("differs", "changed", "new-line");
      row.state = row.markState = null;
    }
  },
};

const beforeIn = () => (compare.when === "before" ? "in the program before" : compare.when);
const codeLines = (run, number) => {
  const {first, last} = run.data.statements[number];
  return run.data.source.split("\n").slice(first - 1, last).join("\n");
};
const lineBefore = (number) => codeLines(differences.before, differences.pairs.get(number)).trim();

// What is said beside a line: {level, node}, or undefined where nothing differs.
function markOf(number, e, frame) {
  const tally = differences.tally.get(number);
  if (!differences.pairs.has(number) && statements[number].kind !== "Docstring")
    return {level: 4, node: markNode("new line", `This line is not ${beforeIn()}.`, 4)};
  if (e === undefined) {
    const ran = frame === -1 && differences.counterpart(number, -1, roundsAt(number, -1));
    if (ran === undefined || ran === false || differences.before.ended.has(ran)) return elsewhere(number, tally);
    return {level: 4, node: markNode("ran before", `It ran ${compare.when}, and not now.`, 4)};
  }
  const found = differences.at(e);
  if (found === undefined)
    return {level: 4, node: markNode("only now", `It did not run here ${compare.when}.`, 4)};
  if (!found) return elsewhere(number, tally);
  const strongest = found.reduce((one, other) => (other.level > one.level ? other : one));
  const words = found.map((one) => `${one.name} ${differenceText(one, e)}`).join(". ");
  const times = tally && tally.n > 1 ? `. Of its ${ranIn.get(number).length} runs, ${tally.n} differ` : "";
  return {
    level: strongest.level,
    node: markNode(differenceMark(strongest), `${words}${times}`, strongest.level),
  };
}

function markNode(text, words, level) {
  return element(
    "span",
    {class: "mark", title: words, "data-level": level},
    element("span", {"aria-hidden": "true"}, text),
    element("i", {}),
    element("span", {class: "sr"}, words),
  );
}

// A line whose value is the same here, and differs in other rounds: how often, and the way there.
function elsewhere(number, tally) {
  if (!tally) return undefined;
  const all = ranIn.get(number).length;
  const go = (event) => {
    event.stopPropagation();
    moveTo(tally.first);
  };
  const words = `The same here. Of its ${all} runs, ${tally.n} differ: go to the first`;
  const attributes = {class: "mark elsewhere", title: words, "aria-label": words, onclick: go};
  return {
    level: 0,
    node: element("button", {...attributes, "data-key": "elsewhere"}, `${tally.n} of ${all}`),
  };
}

// -- the summary above the map

const isLessonLine = (number) => {
  const {kind, first} = statements[number];
  return !["FunctionDef", "Docstring"].includes(kind) && (!data.steps.length || stepAt(first) >= 0);
};

function drawSummary() {
  const box = byId("comparison");
  const signature = `${compare.whole} ${differences.first}`;
  if (box.dataset.state === signature) return;
  box.dataset.state = signature;
  const other = previous.name ?? "the run before";
  refill(
    box,
    element(
      "div",
      {class: "head"},
      byId("beside-run") ? null : compareButton(),
      element("h2", {}, `${byId("beside-run") ? "Compared with" : "with"} ${other}`),
      stepsOfDifference(),
    ),
    element(
      "div",
      {class: "sides"},
      element("div", {}, changesOf(), element("p", {class: "verdict", role: "status"}, ...verdict())),
      continuations(),
    ),
  );
}

function verdict() {
  const {first} = differences;
  if (first === undefined) return ["Looking for what differs …"];
  if (first === null && compare.whole)
    return [element("b", {}, nothingDiffers() ? "Nothing differs." : "No value differs."), ...missing()];
  const [one] = differences.at(first),
    {name} = one;
  const button = element(
    "button",
    {id: "first-difference", "data-key": "first difference", onclick: () => goToDifference(first)},
    element("b", {}, `line ${lineOf(first)}`),
    placeText(first).replace(/^line \d+/, ""),
  );
  const parts = ["First line that differs: ", button, element("span", {}, " ", element("code", {}, name), ` ${differenceText(one, first)}. `)];
  if (!compare.whole) return [...parts, "Counting …"];
  const ran = [...ranIn.keys()].filter(isLessonLine);
  const differ = ran.filter((number) => differences.tally.has(number));
  parts.push(element("b", {}, `${differ.length} of ${counted(ran.length, "line")} that ran differ.`));
  return [...parts, ...missing()];
}

const nothingDiffers = () =>
  !missing().length && !differences.changed.size && !differences.gone.length;

// Lines that ran in one of the runs only, in rounds that both have.
function missing() {
  const {ranNow, ranBefore, before, back} = differences;
  const say = ({lines, first}, words, where, go) =>
    lines
      ? [
          " ",
          element("b", {}, `${counted(lines, "line")} ${words}`),
          ", first ",
          element("button", {"data-key": words, onclick: () => go(first)}, where(first)),
          ".",
        ]
      : [];
  const thatRound = (e) => {
    const number = back.get(before.data.events.statement[e]),
      rounds = before.data.events.iterations[e];
    loopsOf(number).forEach((loop, i) => choose(loop, rounds[i]));
    cursor = statements[number].loops.length ? eventAt(statements[number].loops.at(-1), -1) : cursor;
    render();
    openFold(number);
    rowNodeOf(number).scrollIntoView({block: "center"});
  };
  const whereBefore = (e) => {
    const number = back.get(before.data.events.statement[e]);
    return within(before, () => placeText(e)).replace(/^line \d+/, `line ${statements[number].first}`);
  };
  return [
    ...say(ranBefore, `ran only ${compare.when}`, whereBefore, thatRound),
    ...say(ranNow, "ran only now", placeText, goToDifference),
  ];
}

// Buttons to the difference before and to the next one.
function stepsOfDifference() {
  if (differences.first === null) return null;
  const to = (direction, text, label) =>
    element(
      "button",
      {"aria-label": label, title: label, "data-key": label, onclick: () => nextDifference(direction)},
      text,
    );
  return element(
    "div",
    {class: "names", role: "group", "aria-label": "Differences in the order of the run"},
    to(-1, "‹ Back", "Difference before (Shift D)"),
    to(1, "Next ›", "Next difference (D)"),
  );
}

function goToDifference(e) {
  openFold(events.statement[outermost(e)]);
  moveTo(e);
}

// To the next value that differs, in the order of the run, over the functions that lines call.
function nextDifference(direction) {
  if (!differences) return;
  if (cursor < 0) return differences.first >= 0 ? goToDifference(differences.first) : undefined;
  const deep = depth[cursor];
  for (let e = cursor + direction; e >= 0 && e < nEvents; e += direction) {
    if (depth[e] > deep || isFolded(events.statement[outermost(e)])) continue;
    if (statements[events.statement[e]].kind !== "FunctionDef" && differences.at(e))
      return goToDifference(e);
  }
}

// The lines that are others, or the prompt and options.
function changesOf() {
  const {run, before} = differences,
    lines = [];
  const say = (sign, words, number, text) =>
    lines.push(
      element(
        "li",
        {"data-sign": sign},
        element("span", {class: "sr"}, words),
        element("small", {}, String(number)),
        element("code", {}, text.trim()),
      ),
    );
  const code = ({kind}) => kind !== "Docstring";
  statements.forEach((one, number) => {
    const other = differences.pairs.get(number);
    if (!code(one) || (other !== undefined && !differences.changed.has(number))) return;
    if (other !== undefined) say("−", "before: ", before.data.statements[other].first, codeLines(before, other));
    say("+", "now: ", one.first, codeLines(run, number));
  });
  for (const other of differences.gone) say("−", "before: ", before.data.statements[other].first, codeLines(before, other));
  const typed = [run, before].map(({data}) => (data.arguments ?? data.texts.slice(0, 1)).join(" "));
  if (typed[0] !== typed[1])
    lines.push(element("li", {"data-sign": "−"}, element("span", {class: "sr"}, "before: "), shown(typed[1])),
      element("li", {"data-sign": "+"}, element("span", {class: "sr"}, "now: "), shown(typed[0])));
  const most = 6;
  if (lines.length > most) lines.splice(most, lines.length, element("li", {}, `… and ${lines.length - most} more`));
  return lines.length ? element("ul", {class: "changes", "aria-label": "What was changed"}, ...lines) : null;
}

// Both continuations, token above token; the first that differs is marked.
function continuations() {
  const ofRun = (run) => within(run, () => ({ids: data.ids, n: promptLength(), texts: data.ids.map(tokenText)}));
  const [now, was] = [ofRun(differences.run), ofRun(differences.before)];
  if (!now.ids.length && !was.ids.length) return null;
  const same = now.n === was.n && now.ids.slice(0, now.n).join() === was.ids.slice(0, was.n).join();
  const from = same ? now.n : 0,
    n = Math.max(now.ids.length, was.ids.length);
  let first = from;
  while (first < n && now.texts[first] === was.texts[first]) first++;
  const row = (title, one) =>
    element(
      "tr",
      {},
      element("th", {scope: "row"}, title),
      ...Array.from({length: n - from}, (_, i) => {
        const text = one.texts[from + i],
          other = now.texts[from + i] !== was.texts[from + i];
        const name = `${from + i < one.n ? "given" : ""}${other ? " other" : ""}${from + i === first ? " first" : ""}`;
        return element("td", {class: name}, text === undefined ? "" : shown(text),
          from + i === first ? element("span", {class: "sr"}, " (the first that differs)") : null);
      }),
    );
  const what = same ? "continuations" : "texts";
  const caption = first < n ? `Both ${what} as tokens. The first that differs is token ${first}.` : `Both ${what} are the same.`;
  return element(
    "div",
    {class: "continuations", tabindex: "0", role: "region", "aria-label": caption},
    element("table", {}, element("caption", {}, caption),
      row("now", now), row(compare.when === "before" ? "before" : previous.name, was)),
  );
}

// -- on and off

// The run that is shown has taken the place of this one. A run that failed, or of a program with a
// slip, is not worth comparing with: then it is still the one before that. The caller draws.
function newRun(before) {
  compare.stop();
  if (before?.data.events.statement.length && before.numbers && !before.data.failure[1])
    previous = before;
  byId("comparison").hidden = !previous;
  if (byId("beside-run")) refill(byId("beside-run"), previous && compareButton());
  if (previous && wanted) startComparing();
  else refill(byId("comparison"), byId("beside-run") ? null : compareButton());
}

// Draw what is marked now, and no more.
function drawMarks() {
  readGlanceWidth();
  mapDrawn = paneDrawn = "";
  drawAll();
}

const compareOn = () => differences !== null;

function compareButton() {
  const title = compareOn() ? "Take the marks away (C)" : "Mark what differs (C)";
  return element(
    "button",
    {
      id: "compare",
      type: "button",
      title,
      "aria-pressed": String(compareOn()),
      "data-key": "compare",
      onclick: toggleComparing,
    },
    "Compare",
  );
}

function toggleComparing() {
  if (!previous) return;
  wanted = !compareOn();
  newRun();
  drawMarks();
}

function startComparing() {
  compare.when = previous.name ? `in ${previous.name}` : "before";
  differences = new Differences(shownRun, loaded(previous));
  compare.whole = false;
  differenceArrays.clear();
  differenceStacks.clear();
  document.documentElement.classList.add("comparing");
  comparing = compare;
  const mine = differences;
  const lookOn = () => {
    if (differences !== mine) return;
    const known = differences.first;
    compare.whole = differences.pass(performance.now() + 20);
    if (compare.whole || known !== differences.first) render();
    if (!compare.whole) setTimeout(lookOn);
  };
  setTimeout(lookOn);
}

byId("map").prepend(
  element("section", {id: "comparison", "aria-label": "Comparison with another run", hidden: true}),
);
KEYS.d = () => nextDifference(1);
KEYS.D = () => nextDifference(-1);
KEYS.c = () => toggleComparing();

if (byId("previous")) {
  const {name, data: theirs} = JSON.parse(byId("previous").textContent);
  wanted = true;
  newRun({name, data: theirs, numbers: byId("previous-numbers").textContent});
  drawMarks();
}
