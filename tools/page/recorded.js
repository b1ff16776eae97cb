"use strict";
// What was recorded while the program ran. The page only finds and draws it.
//
// An event is one time that a statement ran: events.statement[e] says which, events.frame[e] in
// which call of a function (the event with which that call began, or -1), events.iterations[e] in
// which rounds of the loops around it, and events.values[e] what it made, one for each target.

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const base64 = byId("numbers").textContent;
const {statements, events, pictures} = data;
const nEvents = events.statement.length;
const isLoop = (number) => ["For", "While"].includes(statements[number].kind);
// The loops that have rounds of their own in a statement's events, a loop's own included.
const loopsOf = (number) =>
  isLoop(number) ? [...statements[number].loops, number] : statements[number].loops;

const eventOf = new Map(); // "statement frame rounds" → event
const roundsOf = new Map(); // "loop frame rounds of the outer loops" → how many rounds it has
const callsOf = new Map(); // event → the events with which the functions began that it called
const callsTo = new Map(); // function → the events with which it began
const madeBy = new Map(); // name → the events that made or changed it, in order
const ended = new Set(events.ended); // headers of loops that found no more: no rounds
const depth = new Uint16Array(nEvents); // how many functions deep
const key = (number, frame, rounds) => `${number} ${frame} ${rounds.join(" ")}`;
const push = (map, name, value) =>
  map.has(name) ? map.get(name).push(value) : map.set(name, [value]);
const rootOf = (target) => target.match(/^\w*/)[0];

for (let e = 0; e < nEvents; e++) {
  const number = events.statement[e],
    frame = events.frame[e],
    rounds = events.iterations[e];
  eventOf.set(key(number, frame, rounds), e);
  if (isLoop(number) && !ended.has(e))
    roundsOf.set(key(number, frame, rounds.slice(0, -1)), rounds.at(-1) + 1);
  if (events.caller[e] >= 0) {
    push(callsOf, events.caller[e], e);
    push(callsTo, statements[number].name, e);
    depth[e] = depth[events.caller[e]] + 1;
  } else if (frame >= 0) {
    depth[e] = depth[frame];
  }
  events.values[e].forEach((value, i) => {
    if (value >= 0) push(madeBy, rootOf(statements[number].targets[i]), e);
  });
}
// What an event made for its statement's i-th target; undefined if it was not made after all.
const valueOf = (e, i) => data.values[events.values[e][i]];

// The latest value of a name at or before an event, or `after` it, in the same function.
function lookup(name, e, after = false) {
  const made = (madeBy.get(name) || []).filter((other) => events.frame[other] === -1);
  const found = after ? made.find((other) => other >= e) : made.findLast((other) => other <= e);
  if (found === undefined) return undefined;
  return valueOf(found, statements[events.statement[found]].targets.indexOf(name));
}

const decoded = new Map();
// The numbers of an array that are kept, as a typed array, the last index fastest.
function numbersOf(index) {
  if (!decoded.has(index)) {
    const {code, kept, at} = data.arrays[index];
    const Kind = {f4: Float32Array, f8: Float64Array, i4: Int32Array, u1: Uint8Array}[code];
    const n = kept.reduce((a, b) => a * b, 1),
      size = n * Kind.BYTES_PER_ELEMENT;
    const text = atob(base64.slice(at, at + 4 * Math.ceil(size / 3)));
    const bytes = new Uint8Array(Math.ceil(size / 8) * 8);
    for (let i = 0; i < size; i++) bytes[i] = text.charCodeAt(i);
    decoded.set(index, new Kind(bytes.buffer, 0, n));
  }
  return decoded.get(index);
}

// Range, mean and standard deviation of an array's finite numbers.
function figuresOf(index) {
  const array = data.arrays[index];
  if (!array.figures) {
    let least = Infinity,
      most = -Infinity,
      sum = 0,
      squares = 0,
      n = 0;
    for (const x of numbersOf(index)) {
      if (!Number.isFinite(x)) continue;
      least = Math.min(least, x);
      most = Math.max(most, x);
      sum += x;
      n++;
    }
    for (const x of numbersOf(index)) if (Number.isFinite(x)) squares += (x - sum / n) ** 2;
    array.figures = n ? [least, most, sum / n, Math.sqrt(squares / n)] : [null, null, null, null];
  }
  return array.figures;
}
