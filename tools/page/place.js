// A place is an event, `cursor`, or -1: then only rounds are chosen. `chosen` has the round of every
// loop; where a loop has fewer rounds there, its last one counts.

const chosen = new Map();
let cursor = -1,
  stepping = false;

const choiceStatement = statements.findIndex((one) => one.targets.includes(data.choice[0]));
const choiceLoops = choiceStatement < 0 ? [] : statements[choiceStatement].loops;
const loopNames = new Map(choiceLoops.map((loop, i) => [loop, data.choice[1][i] ?? `loop ${i}`]));
statements.forEach((one, i) => {
  if (!isLoop(i) || loopNames.has(i)) return;
  const name = one.kind === "For" ? rootOf(one.targets[0] ?? "round") : "round";
  loopNames.set(i, `${name}${one.first}`);
});

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
const eventAt = (number, frame) => eventOf.get(key(number, frame, roundsAt(number, frame)));

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

const callerOf = (e) => (events.frame[e] < 0 ? -1 : events.caller[events.frame[e]]);

// From the outermost call to the event itself.
function chainOf(e) {
  const chain = [];
  for (; e >= 0; e = callerOf(e)) chain.unshift(e);
  return chain;
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
}

function choose(loop, round) {
  chosen.set(loop, round);
  const i = choiceLoops.indexOf(loop);
  if (i < 0) return;
  for (const [other] of loopNames) {
    // another loop over the same thing: the layers of step 11
    if (
      statements[other].kind === "For" &&
      statements[other].targets[0] === statements[loop].targets[0]
    )
      chosen.set(other, round);
  }
}

function moveTo(e, step = stepping) {
  cursor = e;
  stepping = step;
  for (const one of chainOf(e)) {
    loopsOf(events.statement[one]).forEach((loop, i) => choose(loop, events.iterations[one][i]));
  }
  render();
  reveal();
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

const lineOf = (e) => statements[events.statement[e]].first;

// The address: "line=388&token=0&layer=3&head=2", within functions "/line=348" behind it.
function address() {
  const parts = chainOf(cursor).map((one, i, chain) => {
    const loops = loopsOf(events.statement[one]);
    const part = [
      `line=${lineOf(one)}`,
      ...loops.map((loop, j) => `${loopNames.get(loop)}=${events.iterations[one][j]}`),
    ];
    const next = chain[i + 1];
    const call = next === undefined ? 0 : callsOf.get(one).indexOf(events.frame[next]);
    if (call > 0) part.push(`call=${call}`);
    return part.join("&");
  });
  if (cursor < 0)
    parts.push(
      choiceLoops.map((loop) => `${loopNames.get(loop)}=${chosen.get(loop) ?? 0}`).join("&"),
    );
  return "#" + parts.join("/") + (stepping ? "&step=1" : "");
}

// Go where the address says. Returns false if it names no place.
function visit(hash) {
  const parts = hash
    .replace(/^#/, "")
    .split("/")
    .map((part) => new URLSearchParams(part));
  if (![...loopNames.values(), "line"].some((name) => parts[0].has(name))) return false;
  let frame = -1,
    e = -1;
  for (const part of parts) {
    for (const [loop, name] of loopNames)
      if (part.has(name)) choose(loop, Math.trunc(part.get(name)) || 0);
    if (!part.has("line")) break;
    const line = Number(part.get("line"));
    const number = statements.findIndex((one) => one.first <= line && line <= one.last);
    if (number < 0) break;
    if (frame === -1 && statements[number].function)
      frame = frameOf(statements[number].function) ?? -1;
    const named = loopsOf(number).map((loop) => Number(part.get(loopNames.get(loop)) ?? NaN));
    const found =
      eventOf.get(key(number, frame, named)) ?? eventAt(number, frame) ?? eventIn(number, frame);
    if (found === undefined) break;
    e = found;
    frame = (callsOf.get(e) || [])[Number(part.get("call")) || 0] ?? -2;
  }
  if (e < 0) {
    cursor = -1;
    stepping = false;
    render();
    return true;
  }
  moveTo(e, parts.at(-1).has("step"));
  return true;
}

// Any event of a statement, the first one, where there is none in the chosen rounds.
function eventIn(number, frame) {
  for (let e = 0; e < nEvents; e++)
    if (events.statement[e] === number && events.frame[e] === frame) return e;
  return undefined;
}

// Where the first step goes: to the first line on the screen that ran.
function firstInView() {
  const top = document.querySelector(".bar").getBoundingClientRect().bottom;
  const inView = (row) => row.event !== undefined && row.node.getBoundingClientRect().top >= top;
  return rows.find(inView)?.event ?? 0;
}

// The next event (or by -1 the one before); `over` functions that are called in between.
function step(direction, over) {
  let e = cursor < 0 ? firstInView() : cursor + direction;
  if (over && cursor >= 0) while (e >= 0 && e < nEvents && depth[e] > depth[cursor]) e += direction;
  if (e >= 0 && e < nEvents) moveTo(e, true);
}
