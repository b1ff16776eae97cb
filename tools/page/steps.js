// Moving through the run: line by line, into calls, over loops, out of them, to the next step, to
// the next round. What is folded is passed over, unless one steps into it.

const isFolded = (number) => {
  const fold = rowNodeOf(number)?.closest("details.fold");
  return fold ? !fold.open : false;
};

// The next event (or by -1 the one before); `into` functions, too, and into what is folded.
function step(direction, into) {
  const deep = cursor >= 0 ? depth[cursor] : 0;
  let e = cursor < 0 ? firstInView() : cursor + direction;
  const passed = (other) => depth[other] > deep || isFolded(events.statement[outermost(other)]);
  if (!into) while (e >= 0 && e < nEvents && passed(e)) e += direction;
  arrive(e);
}

function arrive(e) {
  if (e >= 0 && e < nEvents) {
    if (isFolded(events.statement[outermost(e)])) openFold(events.statement[outermost(e)]);
    moveTo(e, true);
  } else if (e >= nEvents) {
    atEnd = true;
    render();
  }
}
let atEnd = false; // the reader has tried to go on after the last event

// The first event from `e` on of which `fits` is true.
function findFrom(e, fits) {
  while (e < nEvents && !fits(e)) e++;
  return e;
}

// Over the loop that begins here, or over the functions that this line calls.
function stepOver() {
  if (cursor < 0 || !isLoop(events.statement[cursor])) return step(1, false);
  leave(events.statement[cursor], events.frame[cursor]);
}

// Out of the function that the cursor is in, or else out of the innermost loop around it.
function stepOut() {
  if (cursor < 0) return step(1, false);
  const loops = statements[events.statement[cursor]].loops;
  if (loops.length) return leave(loops.at(-1), events.frame[cursor]);
  if (events.frame[cursor] < 0) return step(1, false);
  const outside = depth[cursor] - 1;
  arrive(findFrom(cursor, (e) => depth[e] <= outside));
}

function leave(loop, frame) {
  const deep = depth[cursor];
  const within = (e) => {
    if (depth[e] > deep) return true;
    const number = events.statement[e];
    return (
      events.frame[e] === frame && (number === loop || statements[number].loops.includes(loop))
    );
  };
  arrive(findFrom(cursor, (e) => !within(e) && !isFolded(events.statement[outermost(e)])));
}

// To the next time that this line runs (by -1 the time before).
function nextRound(direction = 1) {
  const all = ranIn.get(events.statement[inHand()]);
  const e = all[all.indexOf(inHand()) + direction];
  if (e !== undefined) moveTo(e, true);
}

// Which of data.steps a line is in; -1 before the first.
const stepAt = (line) => data.steps.findLastIndex((one) => one.line <= line);
const stepOf = (e) => stepAt(lineOf(outermost(e)));

// The first event of a step, in the chosen rounds where they have one.
function firstOfStep(i) {
  if (!data.steps[i]) return undefined;
  const [first, last] = [data.steps[i].line, data.steps[i + 1]?.line ?? Infinity];
  const inside = statements.flatMap((one, number) =>
    one.first > first && one.first < last && !one.function && one.kind !== "Docstring"
      ? [number]
      : [],
  );
  const defines = (number) => statements[number].kind === "FunctionDef";
  const lessons = inside.filter((number) => !defines(number) && !isFolded(number));
  for (const number of [...lessons, ...inside]) {
    const e = eventAt(number, -1) ?? ranIn.get(number)?.[0];
    if (e !== undefined) return e;
  }
  return undefined;
}

// Begin at a step: the run stands at its first line.
function goToStep(i, step = stepping) {
  const e = firstOfStep(i);
  if (e === undefined) return false;
  target = cell = null;
  openFold(events.statement[e]);
  moveTo(e, step, false);
  byId(`step-${data.steps[i].number}`).scrollIntoView();
  return true;
}

function nextStep(direction = 1) {
  const here = cursor < 0 ? stepOf(Math.max(0, firstInView())) - 1 : stepOf(cursor);
  for (let i = here + direction; i >= 0 && i < data.steps.length; i += direction)
    if (goToStep(i, true)) return;
}

// Where the first step goes: to the first line on the screen that ran.
function firstInView() {
  const top = byId("bar").getBoundingClientRect().bottom;
  const inView = (row) =>
    row.event !== undefined &&
    !isFolded(row.number) &&
    row.node.getBoundingClientRect().top >= top &&
    events.frame[row.event] < 0;
  return rows.find(inView)?.event ?? 0;
}
