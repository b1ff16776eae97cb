// What differs from the run before in a few words, above the map: what was changed, where the first
// difference is, how many lines differ, and both continuations. And the ways from one to the next.

const isLessonLine = (number) => {
  const {kind, first} = statements[number];
  return !["FunctionDef", "Docstring"].includes(kind) && (!data.steps.length || stepAt(first) >= 0);
};

const nameOfPrevious = () =>
  previous.name ?? (keepsBefore ? "the run that you keep" : "the run before");

function drawSummary() {
  const box = byId("comparison");
  const signature = `${compare.whole} ${differences.first} ${keepsBefore}`;
  if (box.dataset.state === signature) return;
  box.dataset.state = signature;
  refill(
    box,
    element(
      "div",
      {class: "head"},
      inBar() ? null : compareButton(),
      element("h2", {}, `${inBar() ? "Compared with" : "with"} ${nameOfPrevious()}`),
      previous.name ? null : keepButton(),
      stepsOfDifference(),
    ),
    element(
      "div",
      {class: "sides"},
      element(
        "div",
        {},
        changesOf(),
        element("p", {class: "verdict", role: "status"}, ...verdict()),
      ),
      continuations(),
    ),
  );
}

// Later runs are compared with the same run as this one, until the reader wants it otherwise.
function keepButton() {
  const title = "Compare the next runs with the same run, and not each with the one before it";
  return element(
    "button",
    {
      id: "keep",
      type: "button",
      title,
      "aria-pressed": String(keepsBefore),
      "data-key": "keep",
      onclick: () => {
        keepsBefore = !keepsBefore;
        if (keepsBefore || previous === latest) return drawSummary();
        newRun();
        drawMarks();
      },
    },
    "Keep",
  );
}

// While nothing is marked: what has changed, and the way to what that did.
function teaser() {
  const [now, was] = [shownRun.data, previous.data];
  if (now.source === was.source || now.failure[1] || was.failure[1]) return null;
  const same = now.ids.join() === was.ids.join();
  return element(
    "p",
    {class: "teaser"},
    `The program has changed since ${nameOfPrevious()}, `,
    `and what it wrote ${same ? "is the same" : "differs"}. `,
    inBar()
      ? element("button", {type: "button", onclick: toggleComparing}, "See what differs")
      : null,
  );
}

function verdict() {
  const {first} = differences;
  if (first === undefined) return ["Looking for what differs …"];
  if (first === null && compare.whole)
    return [
      element("b", {}, nothingDiffers() ? "Nothing differs." : "No value differs."),
      ...missing(),
    ];
  const [one] = differences.at(first),
    {name} = one;
  const button = element(
    "button",
    {class: "first-difference", "data-key": "first difference", onclick: () => goToDifference(first)},
    element("b", {}, `line ${lineOf(first)}`),
    placeText(first).replace(/^line \d+/, ""),
  );
  const parts = [
    "First line that differs: ",
    button,
    element("span", {}, " ", element("code", {}, name), ` ${differenceText(one, first)}. `),
  ];
  if (!compare.whole) return [...parts, "Counting …"];
  const ran = [...ranIn.keys()].filter(isLessonLine);
  const differ = ran.filter((number) => differences.tally.has(number));
  const rounded = differ.filter((number) => differences.tally.get(number).level === 1).length;
  const all = rounded === differ.length;
  parts.push(
    element("b", {}, `${differ.length} of ${counted(ran.length, "line")} that ran differ`),
    rounded ? `, ${all ? "all" : rounded} of them only by rounding (≈).` : ".",
  );
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
    cursor = statements[number].loops.length
      ? eventAt(statements[number].loops.at(-1), -1)
      : cursor;
    render();
    openFold(number);
    rowNodeOf(number).scrollIntoView({block: "center"});
  };
  const whereBefore = (e) => {
    const number = back.get(before.data.events.statement[e]);
    return within(before, () => placeText(e)).replace(
      /^line \d+/,
      `line ${statements[number].first}`,
    );
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
      {
        "aria-label": label,
        title: label,
        "data-key": label,
        onclick: () => nextDifference(direction),
      },
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
    if (other !== undefined)
      say("−", "before: ", before.data.statements[other].first, codeLines(before, other));
    say("+", "now: ", one.first, codeLines(run, number));
  });
  for (const other of differences.gone)
    say("−", "before: ", before.data.statements[other].first, codeLines(before, other));
  const typed = [run, before].map(({data}) => (data.arguments ?? data.texts.slice(0, 1)).join(" "));
  if (typed[0] !== typed[1])
    lines.push(
      element(
        "li",
        {"data-sign": "−"},
        element("span", {class: "sr"}, "before: "),
        shown(typed[1]),
      ),
      element("li", {"data-sign": "+"}, element("span", {class: "sr"}, "now: "), shown(typed[0])),
    );
  const most = 6;
  if (lines.length > most)
    lines.splice(most, lines.length, element("li", {}, `… and ${lines.length - most} more`));
  return lines.length
    ? element("ul", {class: "changes", "aria-label": "What was changed"}, ...lines)
    : null;
}

// Both continuations, token above token; the first that differs is marked.
function continuations() {
  const ofRun = (run) =>
    within(run, () => ({ids: data.ids, n: promptLength(), texts: data.ids.map(tokenText)}));
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
        return element(
          "td",
          {class: name},
          text === undefined ? "" : shown(text),
          from + i === first ? element("span", {class: "sr"}, " (the first that differs)") : null,
        );
      }),
    );
  const what = same ? "continuations" : "texts";
  const caption =
    first < n
      ? `Both ${what} as tokens. The first that differs is token ${first}.`
      : `Both ${what} are the same.`;
  return element(
    "div",
    {class: "continuations", tabindex: "0", role: "region", "aria-label": caption},
    element(
      "table",
      {},
      element("caption", {}, caption),
      row("now", now),
      row(compare.when === "before" ? "before" : previous.name, was),
    ),
  );
}
