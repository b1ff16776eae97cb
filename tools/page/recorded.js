// What was recorded while the program ran. The page only finds and draws it.
//
// An event is one time that a statement ran: events.statement[e] says which, events.frame[e] in
// which call of a function (the event with which that call began, or -1), events.iterations[e] in
// which rounds of the loops around it, and events.values[e] what it made, one for each target.

// What is known of a recording is one object, as `loaded` returns it. These names are the parts of the
// one in use: `shownRun`, unless `within` looks at another one.
let data, base64, statements, events, pictures, nEvents;
let eventOf; // "statement frame rounds" → event
let roundsOf; // "loop frame rounds of the outer loops" → how many rounds it has
let callsOf; // event → the events with which the functions began that it called
let callsTo; // function → the events with which it began
let madeBy; // name → the events that made or changed it, in order
let ranIn; // statement → its events, in order
let ended; // headers of loops that found no more: no rounds
let depth; // how many functions deep an event is
let localsOf; // function → the names that it makes itself
let decoded; // index of an array → its numbers
let stacks; // "round layer head" → its attention over the whole text
let choiceStatement, choiceLoops; // the line that the page is about, and the loops around it
let usedRun, shownRun;
let comparing = null; // what marks the differences from another run, while they are wanted

const key = (number, frame, rounds) => `${number} ${frame} ${rounds.join(" ")}`;
const push = (map, name, value) =>
  map.has(name) ? map.get(name).push(value) : map.set(name, [value]);
const rootOf = (target) => target.match(/^\w*/)[0];
const MAPS = ["eventOf", "roundsOf", "callsOf", "callsTo", "madeBy", "ranIn", "localsOf"];
MAPS.push("decoded", "stacks");
const LOOPS = ["For", "While"];
const isLoop = (number) => LOOPS.includes(statements[number].kind);
// The loops that have rounds of their own in a statement's events, a loop's own included.
const loopsOf = (number) =>
  isLoop(number) ? [...statements[number].loops, number] : statements[number].loops;

function loaded(recording) {
  const {statements, events} = recording.data;
  const run = {...recording, nEvents: events.statement.length};
  for (const name of MAPS) run[name] = new Map();
  run.ended = new Set(events.ended);
  run.depth = new Uint16Array(run.nEvents);
  const loops = statements.map((one) => LOOPS.includes(one.kind));
  for (let e = 0; e < run.nEvents; e++) {
    const number = events.statement[e],
      frame = events.frame[e],
      rounds = events.iterations[e];
    run.eventOf.set(key(number, frame, rounds), e);
    push(run.ranIn, number, e);
    if (loops[number] && !run.ended.has(e))
      run.roundsOf.set(key(number, frame, rounds.slice(0, -1)), rounds.at(-1) + 1);
    if (events.caller[e] >= 0) {
      push(run.callsOf, events.caller[e], e);
      push(run.callsTo, statements[number].name, e);
      run.depth[e] = run.depth[events.caller[e]] + 1;
    } else if (frame >= 0) {
      run.depth[e] = run.depth[frame];
    }
    events.values[e].forEach((value, i) => {
      if (value >= 0) push(run.madeBy, rootOf(statements[number].targets[i]), e);
    });
  }
  for (const one of statements) {
    const name = one.kind === "FunctionDef" ? one.name : one.function;
    if (name) run.localsOf.set(name, new Set([...(run.localsOf.get(name) ?? []), ...one.targets]));
  }
  const [name, names] = recording.data.choice;
  run.choiceStatement = statements.findIndex(
    (one) => one.targets.includes(name) && one.loops.length === names.length && !one.function,
  );
  run.choiceLoops = run.choiceStatement < 0 ? [] : statements[run.choiceStatement].loops;
  return run;
}

function use(run) {
  usedRun = run;
  ({data, numbers: base64, nEvents, ended, depth, choiceStatement, choiceLoops} = run);
  ({statements, events, pictures} = data);
  ({eventOf, roundsOf, callsOf, callsTo, madeBy, ranIn, localsOf, decoded, stacks} = run);
}

// Show this run from now on.
function load(run) {
  shownRun = run;
  use(run);
}

// What `look` finds in another run.
function within(run, look) {
  const back = usedRun;
  if (run !== back) use(run);
  try {
    return look();
  } finally {
    if (run !== back) use(back);
  }
}

// A function, or the functions among some options, that are called later and look at this run then.
function bound(some) {
  const run = usedRun;
  if (run === shownRun) return some;
  const one =
    (call) =>
    (...given) =>
      within(run, () => call(...given));
  if (typeof some === "function") return one(some);
  const later = ([name, option]) => [name, typeof option === "function" ? one(option) : option];
  return Object.fromEntries(Object.entries(some).map(later));
}

// What an event made for its statement's i-th target; undefined if it was not made after all.
const valueOf = (e, i) => data.values[events.values[e][i]];
const lineOf = (e) => statements[events.statement[e]].first;
const targetsOf = (e) => statements[events.statement[e]].targets;
// What an event made by this name; undefined if nothing.
const madeAt = (e, name) => valueOf(e, targetsOf(e).indexOf(name));
const callerOf = (e) => (events.frame[e] < 0 ? -1 : events.caller[events.frame[e]]);

// From the outermost call to the event itself.
function chainOf(e) {
  const chain = [];
  for (; e >= 0; e = callerOf(e)) chain.push(e);
  return chain.reverse();
}

// Whether the condition of an `if` held: then the first of the lines inside ran next, which are also
// those of its `else`.
function held(e) {
  const number = events.statement[e];
  let next = e + 1,
    first = number + 1;
  while (next < nEvents && depth[next] > depth[e]) next++;
  while (statements[first]?.kind === "Docstring") first++;
  return events.statement[next] === first && statements[first].inside.includes(number);
}

// The line of the script itself that runs while this event does.
function outermost(e) {
  while (callerOf(e) >= 0) e = callerOf(e);
  return e;
}

// The latest value of a name at or before an event, or `after` it, of the script itself.
function lookup(name, e, after = false) {
  const all = madeBy.get(name) || [];
  const fits = (other) => events.frame[other] === -1 && madeAt(other, name) !== undefined;
  const found = after
    ? all.find((other) => other >= e && fits(other))
    : all.findLast((other) => other <= e && fits(other));
  return found === undefined ? undefined : madeAt(found, name);
}

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

// The ids that a variable holds as an array.
function idsOf(name, e) {
  const ids = lookup(name, e);
  return ids?.array === undefined ? [] : numbersOf(ids.array);
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

// An array as rows: how many, how many columns, and its numbers.
function tableOf(index) {
  const {kept} = data.arrays[index],
    numbers = numbersOf(index),
    columns = kept.at(-1) ?? 1;
  return {numbers, columns, rows: columns ? numbers.length / columns : 0};
}

// The names in a line's shape comment, or in that of a line that makes the same variable.
const axesOf = (e) => axesOfStatement(events.statement[e]);

function axesOfStatement(number) {
  const one = statements[number],
    root = rootOf(one.targets[0] ?? "");
  return one.axes.length
    ? one.axes
    : (statements.find((other) => other.axes.length && other.targets.includes(root))?.axes ?? []);
}
