// A place is an event, `cursor`, or -1: then only rounds are chosen. `chosen` has the round of every
// loop; where a loop has fewer rounds there, its last one counts. Beside it: which of the line's
// values is looked at, which of its numbers, and which token of the text is followed.

let chosen, cursor, stepping, target, cell, followed;
let loopNames;

function newPlace() {
  chosen = new Map();
  [cursor, stepping, target, cell, followed] = [-1, false, null, null, -1];
  loopNames = new Map(choiceLoops.map((loop, i) => [loop, data.choice[1][i] ?? `loop${i}`]));
  statements.forEach((one, i) => {
    if (!isLoop(i) || loopNames.has(i)) return;
    const name = one.kind === "For" ? rootOf(one.targets[0] ?? "round") : "round";
    loopNames.set(i, `${name}${one.first}`);
  });
  chooseFirst();
}

// Rounds of a `while` count from 1; those of a `for` from 0, as Python counts.
const baseOf = (loop) => (statements[loop].kind === "While" ? 1 : 0);
const nameOfLoop = (loop) => loopNames.get(loop).replace(/\d+$/, "");

function roundsAt(number, frame) {
  const rounds = [];
  for (const loop of loopsOf(number)) {
    const n = roundsOf.get(key(loop, frame, rounds)) ?? 0;
    rounds.push(Math.max(0, Math.min(chosen.get(loop) ?? 0, n - 1)));
  }
  return rounds;
}

// How many rounds a loop has in the chosen rounds of the loops around it.
const nRounds = (loop, frame) =>
  roundsOf.get(key(loop, frame, roundsAt(loop, frame).slice(0, -1))) ?? 0;
const roundOf = (loop) => roundsAt(loop, -1).at(-1);
const eventAt = (number, frame) => eventOf.get(key(number, frame, roundsAt(number, frame)));

// The event that the pane is about: the cursor's, or else the one that the page is about.
function inHand() {
  if (cursor >= 0) return cursor;
  const e = choiceStatement < 0 ? undefined : eventAt(choiceStatement, -1);
  return e ?? firstOfStep(0) ?? 0;
}

// The call of a function that its own lines show: where the cursor is, or the first of this place.
function frameOf(name) {
  for (let e = cursor; e >= 0; e = callerOf(e)) {
    if (events.frame[e] >= 0 && statements[events.statement[events.frame[e]]].name === name)
      return events.frame[e];
  }
  const calls = callsTo.get(name) || [];
  const here = (e) =>
    eventAt(events.statement[events.caller[e]], events.frame[events.caller[e]]) ===
    events.caller[e];
  return calls.find((e) => here(e)) ?? calls[0];
}

// At first each loop shows the round in which most of its lines ran; of several, the first.
function chooseFirst() {
  statements.forEach((one, loop) => {
    if (!isLoop(loop) || one.function) return;
    const body = statements.flatMap((other, i) => (other.loops.includes(loop) ? [i] : []));
    let most = -1,
      best = 0;
    for (let round = nRounds(loop, -1) - 1; round >= 0; round--) {
      chosen.set(loop, round);
      const ran = body.filter((i) => eventAt(i, -1) !== undefined).length;
      if (ran >= most) [most, best] = [ran, round];
    }
    chosen.set(loop, best);
  });
  chooseTelling();
}

// Of all heads, the one that looks most at tokens other than the first and the token itself.
function chooseTelling() {
  if (choiceLoops.length !== 3) return;
  const [round, layers, heads] = choiceLoops;
  let most = 0,
    found = null;
  for (let layer = 0; layer < nRounds(layers, -1); layer++)
    for (let head = 0; head < nRounds(heads, -1); head++) {
      const stack = stackOf(chosen.get(round), layer, head);
      let sum = 0;
      for (let r = 2; r < Math.min(64, stack.size); r++) {
        let row = 0;
        for (let c = 1; c < r; c++) row = Math.max(row, stack.at(r, c) ?? 0);
        sum += row;
      }
      if (sum > most) [most, found] = [sum, [layer, head]];
    }
  if (!found) return;
  choose(layers, found[0]);
  choose(heads, found[1]);
}

function choose(loop, round) {
  chosen.set(loop, round);
  const over = (one) => statements[one].kind === "For" && statements[one].targets[0];
  if (!over(loop) || !choiceLoops.some((one) => over(one) === over(loop))) return;
  for (const [other] of loopNames) if (over(other) === over(loop)) chosen.set(other, round); // the layers of step 11, too
}

function moveTo(e, step = stepping, show = true) {
  if (e !== inHand() && events.statement[e] !== events.statement[inHand()]) target = cell = null;
  cursor = e;
  stepping = step;
  for (const one of chainOf(e)) {
    loopsOf(events.statement[one]).forEach((loop, i) => choose(loop, events.iterations[one][i]));
  }
  render();
  if (show) reveal();
}

// Choose a round of a loop. The cursor stays on its line, or where that did not run goes to the
// loop's header.
function pick(loop, round) {
  const chain = chainOf(cursor);
  choose(loop, round);
  let frame = -1,
    e = cursor < 0 ? -1 : (eventAt(loop, -1) ?? cursor);
  for (const [i, one] of chain.entries()) {
    const found = eventAt(events.statement[one], frame);
    if (found === undefined) break;
    e = found;
    const call = callsOf.get(one)?.indexOf(events.frame[chain[i + 1]]);
    frame = callsOf.get(e)?.[call] ?? -2;
  }
  cursor = e;
  render();
}

// Take the line that the page is about in hand, in these rounds of its loops, from the map.
function takeChoice(rounds) {
  rounds.forEach((round, i) => {
    if (round !== undefined) choose(choiceLoops[i], round);
  });
  const e = eventAt(choiceStatement, -1);
  if (e === undefined) render();
  else moveTo(e, stepping, false);
}

function follow(position) {
  followed = followed === position ? -1 : position;
  cell = null;
  render();
}

// Look at one number of the value in hand.
function takeCell(row, column) {
  cell = [row, column];
  within(shownRun, render); // the number may be one of the run before
}

// The address: "line=326&round=1&layer=3&head=2", within functions "/line=279" behind it.
function address() {
  const all = chainOf(cursor);
  const chain = all.length > 8 ? [all[0]] : all;
  const parts = chain.map((one, i) => {
    const loops = loopsOf(events.statement[one]);
    const part = [
      `line=${lineOf(one)}`,
      ...loops.map(
        (loop, j) => `${loopNames.get(loop)}=${events.iterations[one][j] + baseOf(loop)}`,
      ),
    ];
    const next = chain[i + 1];
    const call = next === undefined ? 0 : callsOf.get(one).indexOf(events.frame[next]);
    if (call > 0) part.push(`call=${call}`);
    return part.join("&");
  });
  if (cursor < 0)
    parts.push(
      choiceLoops
        .map((loop) => `${loopNames.get(loop)}=${(chosen.get(loop) ?? 0) + baseOf(loop)}`)
        .join("&"),
    );
  const more = [parts.join("/")];
  if (chain !== all && all.length > 8) more.push(`event=${cursor}`); // deep in a recursion
  if (target) more.push(`value=${encodeURIComponent(target)}`);
  if (cell) more.push(`cell=${cell.join(".")}`);
  if (followed >= 0) more.push(`follow=${followed}`);
  if (stepping) more.push("step=1");
  return "#" + more.filter(Boolean).join("&");
}

// Go where the address says. Returns false if it names no place.
function visit(hash) {
  const parts = hash
    .replace(/^#/, "")
    .split("/")
    .map((part) => new URLSearchParams(part));
  const step = hash.match(/^#step-(\d+)$/);
  if (step) return goToStep(data.steps.findIndex((one) => one.number === Number(step[1])));
  if (![...loopNames.values(), "line", "follow"].some((name) => parts[0].has(name))) return false;
  const last = parts.at(-1);
  followed = number_(last.get("follow"), data.ids.length);
  target = cell = null;
  let frame = -1,
    e = -1;
  for (const part of parts) {
    for (const [loop, name] of loopNames)
      if (part.has(name)) choose(loop, Math.max(0, Math.trunc(part.get(name)) - baseOf(loop)) || 0);
    if (!part.has("line")) break;
    const line = Number(part.get("line"));
    const number = statements.findIndex((one) => one.first <= line && line <= one.last);
    if (number < 0) break;
    if (frame === -1 && statements[number].function)
      frame = frameOf(statements[number].function) ?? -1;
    const named = loopsOf(number).map(
      (loop) => Number(part.get(loopNames.get(loop)) ?? NaN) - baseOf(loop),
    );
    const found =
      eventOf.get(key(number, frame, named)) ?? eventAt(number, frame) ?? eventIn(number, frame);
    if (found === undefined) break;
    e = found;
    frame = (callsOf.get(e) || [])[Number(part.get("call")) || 0] ?? -2;
  }
  const deep = number_(last.get("event"), nEvents);
  if (deep >= 0) e = deep;
  if (e < 0) {
    cursor = -1;
    stepping = false;
    render();
    return true;
  }
  moveTo(e, last.has("step"));
  if (targetsOf(e).includes(last.get("value"))) target = last.get("value");
  const at = (last.get("cell") ?? "").match(/^(\d{1,6})\.(\d{1,6})$/);
  if (at) cell = [Number(at[1]), Number(at[2])];
  render();
  return true;
}

// A whole number below `most` that a text says, or -1.
const number_ = (text, most) => (/^\d{1,9}$/.test(text ?? "") && text < most ? Number(text) : -1);

// Any event of a statement, the first one, where there is none in the chosen rounds.
const eventIn = (number, frame) => (ranIn.get(number) || []).find((e) => events.frame[e] === frame);

// Where an event is, in words.
function placeText(e) {
  const chain = chainOf(e);
  const some = chain.length > 6 ? [chain[0], chain.at(-1)] : chain;
  const names = some.flatMap((one) =>
    loopsOf(events.statement[one]).map(
      (loop, i) => `${nameOfLoop(loop)} ${events.iterations[one][i] + baseOf(loop)}`,
    ),
  );
  if (some !== chain) names.push(`${chain.length - 1} calls deep`);
  return [`line ${lineOf(e)}`, ...names].join(", ");
}
