// How two runs differ: which statement of one is which of the other, which event, and by how much
// what they made differs. It looks things up and calculates; compare.js and before.js draw.

// A line without its comment, for a comment changes no value.
const codeOf = (line) => line.split("  # ")[0].trim();

const textsOf = ({data}) => {
  const lines = data.source.split("\n");
  return data.statements.map(({first, last}) =>
    lines
      .slice(first - 1, last)
      .map(codeOf)
      .join(" "),
  );
};

// The longest common subsequence of two lists: pairs [i, j], in order.
function common(a, b) {
  let same = 0;
  while (same < Math.min(a.length, b.length) && a[same] === b[same]) same++;
  const begin = Array.from({length: same}, (_, i) => [i, i]);
  return [
    ...begin,
    ...commonIn(a.slice(same), b.slice(same)).map(([i, j]) => [i + same, j + same]),
  ];
}

function commonIn(a, b) {
  const longest = Array.from({length: a.length + 1}, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      longest[i][j] =
        a[i] === b[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
  const found = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;)
    if (a[i] === b[j]) found.push([i++, j++]);
    else if (longest[i + 1][j] >= longest[i][j + 1]) i++;
    else j++;
  return found;
}

// Pairs [statement, that of the run before]. Between two lines that are the same, changed lines pair
// one to one; where more lines stand there than before, those pair that make the same.
function pairsOf(run, before) {
  const [a, b] = [textsOf(run), textsOf(before)];
  const pairs = [];
  let [i, j] = [0, 0];
  for (const [nextI, nextJ] of [...common(a, b), [a.length, b.length]]) {
    const [n, m] = [nextI - i, nextJ - j];
    if (n === m) for (let k = 0; k < n; k++) pairs.push([i + k, j + k]);
    else if (n && m) {
      const made = (one, from, count, sign) =>
        one.data.statements
          .slice(from, from + count)
          .map(({kind, targets}, k) => (targets.length ? `${kind} ${targets}` : sign + k));
      for (const [k, l] of common(made(run, i, n, "now "), made(before, j, m, "before ")))
        pairs.push([i + k, j + l]);
    }
    if (nextI < a.length) pairs.push([nextI, nextJ]);
    [i, j] = [nextI + 1, nextJ + 1];
  }
  const kept = pairs.filter(([x, y]) => a[x] === b[y] || isPair(run, x, before, y));
  return {pairs: kept, changed: new Set(kept.flatMap(([x, y]) => (a[x] === b[y] ? [] : [x])))};
}

// Lines that are of another kind, as an `if` and an assignment, do not stand for each other.
const isPair = (run, number, before, other) =>
  run.data.statements[number].kind === before.data.statements[other].kind ||
  [run.data.statements[number], before.data.statements[other]].every((one) => one.targets.length);

// By how much two numbers differ. Numbers that are not finite are the same or infinitely far apart.
const farApart = (x, y) =>
  x === y || (Number.isNaN(x) && Number.isNaN(y))
    ? 0
    : Number.isFinite(x) && Number.isFinite(y)
      ? Math.abs(x - y)
      : Infinity;

// How strong a difference is, by its share of the values' own size: 1 is rounding, 4 is large.
const levelOf = (share) => (share < 1e-5 ? 1 : share < 0.01 ? 2 : share < 0.2 ? 3 : 4);

class Differences {
  constructor(run, before) {
    this.run = run;
    this.before = before;
    const {pairs, changed} = pairsOf(run, before);
    this.changed = changed;
    this.pairs = new Map(pairs);
    this.back = new Map(pairs.map(([number, other]) => [other, number]));
    this.gone = before.data.statements.flatMap((_, other) => (this.back.has(other) ? [] : [other]));
    this.partners = new Int32Array(run.nEvents).fill(-2);
    this.found = new Array(run.nEvents);
    this.ways = new Map();
    this.values = new Map(); // "value value" → difference
    this.tally = new Map(); // statement → {n, first, level}, where level is that of the strongest
    this.next = 0; // the event from which on nothing has been looked at
    this.first = undefined; // the event of the first difference; null if there is none
  }

  // The same event of the run before, or -1.
  partner(e) {
    if (this.partners[e] === -2) this.partners[e] = this.findPartner(e);
    return this.partners[e];
  }

  findPartner(e) {
    const {run, before} = this,
      {statement, frame, caller, iterations} = run.data.events;
    if (caller[e] >= 0) {
      const from = this.partner(caller[e]);
      const named = (one, calls) => {
        const {statements, events} = one.data;
        const name = run.data.statements[statement[e]].name;
        return (calls ?? []).filter((call) => statements[events.statement[call]].name === name);
      };
      const nth = named(run, run.callsOf.get(caller[e])).indexOf(e);
      return from < 0 ? -1 : (named(before, before.callsOf.get(from))[nth] ?? -1);
    }
    const around = frame[e] < 0 ? -1 : this.partner(frame[e]);
    if (frame[e] >= 0 && around < 0) return -1;
    return this.counterpart(statement[e], around, iterations[e]) ?? -1;
  }

  // The event of the run before for a statement in these rounds; undefined if there is none.
  counterpart(number, frame, rounds) {
    if (!this.ways.has(number)) this.ways.set(number, this.wayOf(number));
    const way = this.ways.get(number);
    if (!way) return undefined;
    const theirs = way.map((i) => rounds[i]);
    return this.before.eventOf.get(key(this.pairs.get(number), frame, theirs));
  }

  // Which of a statement's rounds are those of each loop in the run before; null if it has no such.
  wayOf(number) {
    const other = this.pairs.get(number);
    if (other === undefined) return null;
    const loops = within(this.run, () => loopsOf(number));
    const others = within(this.before, () => loopsOf(other));
    const way = others.map((loop) => loops.indexOf(this.back.get(loop)));
    return loops.length !== others.length || way.includes(-1) ? null : way;
  }

  // [{name, value, other, ...}] of what an event made that the run before has made differently;
  // null if all is the same; undefined if the run before has no such event.
  at(e) {
    if (this.found[e] === undefined) this.found[e] = this.look(e) ?? false;
    return this.found[e] === "none" ? undefined : this.found[e] || null;
  }

  look(e) {
    const other = this.partner(e);
    if (other < 0) return "none";
    const {run, before} = this;
    const made = (one, event, i) => one.data.values[one.data.events.values[event][i]];
    const targets = (one, event) => one.data.statements[one.data.events.statement[event]].targets;
    const names = targets(before, other),
      found = [];
    targets(run, e).forEach((name, i) => {
      const j = names.indexOf(name);
      if (j < 0) return;
      const difference = this.between(made(run, e, i), made(before, other, j));
      if (difference) found.push({name, ...difference});
    });
    const printed = [run.data.events.printed[e], before.data.events.printed[other]];
    if (printed[0] !== printed[1])
      found.push({name: "prints", kind: "text", value: printed[0] ?? "", other: printed[1] ?? ""});
    if (run.data.statements[run.data.events.statement[e]].kind === "If" && !found.length) {
      const [value, was] = [within(run, () => held(e)), within(before, () => held(other))];
      if (value !== was) found.push({name: "its condition", kind: "truth", value, other: was});
    }
    return found.length ? found.map((one) => ({level: 4, ...one})) : null;
  }

  // How two values differ; null if they do not.
  between(value, other) {
    if (value === undefined || other === undefined)
      return value === other ? null : {kind: "made", value, other};
    if (value?.array === undefined || other?.array === undefined) {
      const found = valuesApart(value, other);
      return found && {...found, value, other};
    }
    const name = `${value.array} ${other.array}`;
    if (!this.values.has(name)) this.values.set(name, this.arraysApart(value.array, other.array));
    const found = this.values.get(name);
    return found && {...found, value, other};
  }

  arraysApart(index, otherIndex) {
    const {run, before} = this;
    const [a, b] = [run.data.arrays[index], before.data.arrays[otherIndex]];
    if (a.shape.join() !== b.shape.join()) return {kind: "shape"};
    const retyped = a.dtype === b.dtype ? null : {kind: "dtype", level: 2};
    if (a.code === b.code && a.kept.join() === b.kept.join()) {
      const size = a.kept.reduce((x, y) => x * y, {f8: 8, u1: 1}[a.code] ?? 4);
      const piece = (one, {at}) => one.numbers.slice(at, at + 4 * Math.ceil(size / 3));
      if (piece(run, a) === piece(before, b)) return figuresApart(a, b) ?? retyped;
    }
    const x = within(run, () => numbersOf(index)),
      y = within(before, () => numbersOf(otherIndex));
    return numbersApart(x, y, a.kept, b.kept) ?? figuresApart(a, b) ?? retyped;
  }

  // Look at all events, in the order of the run, until a time. Returns whether that was all.
  pass(until) {
    const {run} = this;
    while (this.next < run.nEvents && performance.now() < until)
      for (let i = 0; i < 64 && this.next < run.nEvents; i++) {
        const e = this.next++,
          found = this.at(e);
        if (!found) continue;
        const number = run.data.events.statement[e],
          tally = this.tally.get(number);
        const level = Math.max(...found.map((one) => one.level), tally?.level ?? 0);
        this.tally.set(number, {n: (tally?.n ?? 0) + 1, first: tally?.first ?? e, level});
        this.first ??= this.isLesson(e) ? this.origin(e) : undefined;
      }
    if (this.next < run.nEvents) return false;
    this.first ??= null;
    this.ranNow ??= oneSided(run, (e) => this.partner(e) >= 0, this.pairs, this.before);
    const met = new Set(this.partners);
    this.ranBefore ??= oneSided(this.before, (e) => met.has(e), this.back, run);
    return true;
  }

  // Whether an event is of a line of the lesson, from step 1 on, and more than a call's beginning.
  isLesson(e) {
    const {statements, events} = this.run.data;
    if (statements[events.statement[e]].kind === "FunctionDef") return false;
    return !this.run.data.steps.length || within(this.run, () => stepAt(lineOf(e)) >= 0);
  }

  // Where a difference arose: within a function that was called with the same values, or here.
  origin(e) {
    for (const call of this.run.callsOf.get(e) ?? []) {
      if (this.at(call)) return e;
      const {frame} = this.run.data.events;
      for (
        let inner = call + 1;
        inner < this.run.nEvents && this.run.depth[inner] > this.run.depth[e];
        inner++
      )
        if (frame[inner] === call && this.isLesson(inner) && this.at(inner))
          return this.origin(inner);
    }
    return e;
  }
}

// The lines of a run that did not run in the other one, in rounds that both have, and the first time.
function oneSided(run, isMet, others, other) {
  const {statements, events} = run.data,
    lines = new Set();
  const had = (loop, rounds) => {
    const header = other.eventOf.get(key(others.get(loop), -1, rounds));
    return header !== undefined && !other.ended.has(header);
  };
  // Whether a round is one more of a loop that the other run was in as well.
  const isMore = (loop, rounds) => !had(loop, rounds) && had(loop, [...rounds.slice(0, -1), 0]);
  let first;
  for (let e = 0; e < run.nEvents; e++) {
    const number = events.statement[e],
      rounds = events.iterations[e];
    if (events.frame[e] >= 0 || isMet(e) || run.ended.has(e) || !others.has(number)) continue;
    if (statements[number].kind === "FunctionDef") continue;
    if (within(run, () => data.steps.length && stepAt(lineOf(e)) < 0)) continue;
    const around = within(run, () => loopsOf(number));
    if (around.some((loop, i) => isMore(loop, rounds.slice(0, i + 1)))) continue;
    lines.add(number);
    first ??= e;
  }
  return {lines: lines.size, first};
}

// Values that are no arrays.
function valuesApart(value, other) {
  if (value === other) return null;
  if (JSON.stringify(value) === JSON.stringify(other)) return null;
  const kinds = [kindOf(value), kindOf(other)];
  if (kinds.every((kind) => ["int", "float"].includes(kind))) {
    const [x, y] = [value, other].map((one) => toNumber(one));
    const largest = farApart(x, y);
    if (!largest && kinds[0] === kinds[1]) return null;
    const whole = kinds.every((kind) => kind === "int");
    const level = whole ? 4 : levelOf(largest / Math.max(Math.abs(x), Math.abs(y)));
    return {kind: "number", largest, level};
  }
  if (kinds[0] !== kinds[1]) return {kind: "kind"};
  if (!isCollection(value)) return {kind: kinds[0] === "bool" ? "truth" : "text"};
  if (kinds[0] === "set" && value.length === other.length) {
    // a set has no order, and of a long one only some items are kept
    const sorted = (one) =>
      itemsOf(one)
        .map((item) => JSON.stringify(item))
        .sort()
        .join();
    if (value.length > itemsOf(value).length || sorted(value) === sorted(other)) return null;
  }
  const [a, b] = [itemsOf(value), itemsOf(other)];
  const n = Math.min(a.length, b.length);
  let at = 0;
  while (at < n && JSON.stringify(a[at]) === JSON.stringify(b[at])) at++;
  return {kind: "items", at};
}

const toNumber = (value) => {
  const text = typeof value === "object" ? (value.float ?? value.int) : value;
  return {inf: Infinity, "-inf": -Infinity}[text] ?? Number(text);
};

// The figures of an array of which not all is kept.
function figuresApart(a, b) {
  if (!a.figures || !b.figures || a.shape.join() === a.kept.join()) return null;
  return a.figures.join() === b.figures.join() ? null : {kind: "figures", level: 2};
}

// The largest difference of two arrays' numbers, where it is, and how many differ. Of arrays of
// which another part is kept, what is kept of both.
function numbersApart(x, y, kept, keptOther) {
  const columns = kept.at(-1) ?? 1,
    across = keptOther.at(-1) ?? 1;
  if (kept.slice(0, -2).join() !== keptOther.slice(0, -2).join()) return null;
  const rows = Math.min(x.length / columns, y.length / across),
    n = Math.min(columns, across);
  let largest = 0,
    at = null,
    differing = 0,
    scale = 0;
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < n; c++) {
      const [p, q] = [x[r * columns + c], y[r * across + c]];
      for (const one of [Math.abs(p), Math.abs(q)]) if (one > scale && one < Infinity) scale = one;
      const far = farApart(p, q);
      if (far > 0) differing++;
      if (far > largest) [largest, at] = [far, [r, c]];
    }
  if (!differing) return null;
  const [r, c] = at;
  const level = largest === Infinity ? 4 : levelOf(largest / scale);
  const both = [x[r * columns + c], y[r * across + c]];
  return {kind: "array", largest, at, both, differing, of: rows * n, level};
}
