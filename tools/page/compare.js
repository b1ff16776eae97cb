// Compare: what differs from the run before is marked beside its line, in the map and in the pane,
// and said in a few words above them. `newRun` is told of a run when the one before it is known.

let latest = null; // the recording of the run before: {data, numbers, and perhaps its name}
let previous = null; // the one that is compared with: the latest, or the one that the reader keeps
let differences = null; // a Differences, while they are wanted
let wanted = false; // whether the reader wants them
let keepsBefore = false; // whether later runs are compared with the same run as well
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
      element(
        "p",
        {class: "differs-words", "data-level": 4},
        `${capital(differenceText(one, e))}.`,
      ),
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
  return run.data.source
    .split("\n")
    .slice(first - 1, last)
    .join("\n");
};
const lineBefore = (number) => codeLines(differences.before, differences.pairs.get(number)).trim();

// What is said beside a line: {level, node}, or undefined where nothing differs.
function markOf(number, e, frame) {
  const tally = differences.tally.get(number);
  if (!differences.pairs.has(number) && statements[number].kind !== "Docstring")
    return {level: 4, node: markNode("new line", `This line is not ${beforeIn()}.`, 4)};
  if (e === undefined) {
    const ran = frame === -1 && differences.counterpart(number, -1, roundsAt(number, -1));
    if (ran === undefined || ran === false || differences.before.ended.has(ran))
      return elsewhere(number, tally);
    return {level: 4, node: markNode("ran before", `It ran ${compare.when}, and not now.`, 4)};
  }
  const found = differences.at(e);
  if (found === undefined)
    return {level: 4, node: markNode("only now", `It did not run here ${compare.when}.`, 4)};
  if (!found) return elsewhere(number, tally);
  const strongest = found.reduce((one, other) => (other.level > one.level ? other : one));
  const words = found.map((one) => `${one.name} ${differenceText(one, e)}`).join(". ");
  const times =
    tally && tally.n > 1 ? `. Of its ${ranIn.get(number).length} runs, ${tally.n} differ` : "";
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

// -- on and off

// The run that is shown has taken the place of this one, which may have been none. The caller draws.
function newRun(before) {
  compare.stop();
  if (before?.data.events.statement.length) latest = before;
  if (!(keepsBefore && previous)) previous = latest;
  byId("comparison").hidden = !previous;
  if (previous && wanted) startComparing();
  else refill(byId("comparison"), inBar() ? null : compareButton(), previous && teaser());
  if (inBar()) refill(byId("beside-run"), previous && compareButton());
}

// Whether the button stands in the bar beside Run; on a phone there is no room for it.
const inBar = () => byId("beside-run") && !isNarrow();

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
  tellInBar();
}

// What is said above the map is said below Run as well, while the map is out of sight.
function tellInBar() {
  if (!inBar()) return;
  const bottom = (id) => byId(id).getBoundingClientRect().bottom;
  const told = byId("run-told");
  const mine = told.querySelector(".of-compare");
  if (told.textContent && !mine) return;
  const isHidden = previous && bottom("comparison") < bottom("bar");
  const parts = !isHidden ? [] : compareOn() ? verdict() : [teaser()].filter(Boolean);
  told.replaceChildren();
  if (parts.length) told.append(element("span", {class: "of-compare"}, ...parts));
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
    if (compare.whole || known !== differences.first) drawMap();
    if (!compare.whole) return setTimeout(lookOn);
    drawMarks();
    tellInBar();
  };
  setTimeout(lookOn);
}

byId("map").prepend(
  element("section", {id: "comparison", "aria-label": "Comparison with another run", hidden: true}),
);
const keysOfCompare = element(
  "div",
  {},
  element("dt", {}, element("kbd", {}, "C"), " ", element("kbd", {}, "D")),
  element(
    "dd",
    {},
    "mark what differs from the run before, or from the one that you keep; to the next difference, with ",
    element("kbd", {}, "Shift"),
    " the one before",
  ),
);
byId("legend").querySelector("dl").append(keysOfCompare);
byId("legend").append(
  element(
    "p",
    {},
    "Violet is what differs: ≠ and by how much at most, ≈ where it is only rounding. The longer the line under it, the larger the difference beside the values themselves. “3 of 48” means the same here, and not in 3 of the line’s 48 runs.",
  ),
);
KEYS.d = () => nextDifference(1);
KEYS.D = () => nextDifference(-1);
KEYS.c = () => toggleComparing();

// A page of two runs: the one that is shown can be read before the other one is looked at.
function startFromPage() {
  const {name, data: theirs} = JSON.parse(byId("previous").textContent);
  wanted = true;
  newRun({name, data: theirs, numbers: byId("previous-numbers").textContent});
  drawMarks();
}

if (byId("previous")) setTimeout(startFromPage);
