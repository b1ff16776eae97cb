"use strict";
// The page: easygpt2.py, and beside each line what it made. All that is shown was recorded while the
// program ran; this script only finds and draws it. Its parts, from top to bottom: what was
// recorded, text, the place in the run, rows, pictures, one value in full, controls.

// -- What was recorded ------------------------------------------------------------------------
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
const loopsOf = (number) => isLoop(number) ? [...statements[number].loops, number] : statements[number].loops;

const eventOf = new Map();   // "statement frame rounds" → event
const roundsOf = new Map();  // "loop frame rounds of the outer loops" → how many rounds it has
const callsOf = new Map();   // event → the events with which the functions began that it called
const callsTo = new Map();   // function → the events with which it began
const madeBy = new Map();    // name → the events that made or changed it, in order
const depth = new Uint8Array(nEvents);  // how many functions deep
const key = (number, frame, rounds) => `${number} ${frame} ${rounds.join(" ")}`;
const push = (map, name, value) => map.has(name) ? map.get(name).push(value) : map.set(name, [value]);
const rootOf = (target) => target.match(/^\w*/)[0];

for (let e = 0; e < nEvents; e++) {
  const number = events.statement[e], frame = events.frame[e], rounds = events.iterations[e];
  eventOf.set(key(number, frame, rounds), e);
  if (isLoop(number)) roundsOf.set(key(number, frame, rounds.slice(0, -1)), rounds.at(-1) + 1);
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
// A `for` that finds no more has run without making anything: that is no round.
for (const [name, rounds] of roundsOf) {
  const [number, frame, ...outer] = name.split(" ").filter((part) => part !== "").map(Number);
  const last = eventOf.get(key(number, frame, [...outer, rounds - 1]));
  if (statements[number].kind === "For" && !events.values[last].length) roundsOf.set(name, rounds - 1);
}

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
    const n = kept.reduce((a, b) => a * b, 1), size = n * Kind.BYTES_PER_ELEMENT;
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
    let least = Infinity, most = -Infinity, sum = 0, squares = 0, n = 0;
    for (const x of numbersOf(index)) {
      if (!Number.isFinite(x)) continue;
      least = Math.min(least, x); most = Math.max(most, x); sum += x; n++;
    }
    for (const x of numbersOf(index)) if (Number.isFinite(x)) squares += (x - sum / n) ** 2;
    array.figures = n ? [least, most, sum / n, Math.sqrt(squares / n)] : [null, null, null, null];
  }
  return array.figures;
}

// -- Text -------------------------------------------------------------------------------------

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// Characters that cannot be seen, or that would turn the text around them, as what they are.
const HIDDEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u00a0\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|(?<=^ *) | (?= *$)/gu;
const SIGNS = {" ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍"};
const sign = (character) => SIGNS[character] || `\\u{${character.codePointAt(0).toString(16)}}`;
const visible = (text) => text.replace(HIDDEN, sign);

// The same as an element, the signs set apart from the text.
function shown(text) {
  const made = element("bdi");
  let end = 0;
  for (const found of text.matchAll(HIDDEN)) {
    made.append(text.slice(end, found.index), element("span", {class: "sign"}, sign(found[0])));
    end = found.index + found[0].length;
  }
  made.append(text.slice(end));
  return made;
}

function number(x, digits = 4) {
  if (x === null || x === undefined || Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x > 0 ? "inf" : "-inf";
  if (Number.isInteger(x) && Math.abs(x) < 1e15) return String(x);
  const size = Math.abs(x);
  return size < 1e-3 || size >= 1e7 ? x.toExponential(digits - 1) : String(Number(x.toPrecision(digits)));
}

const tokenText = (id) => data.vocabulary[id] ?? `id ${id}`;

// What stands at an index of an axis: the token, where the axis counts tokens.
function labelOf(axis, index, e) {
  const known = data.axes[axis];
  if (known && "positions" in known) {
    const start = known.positions ? lookup(known.positions, e) ?? 0 : 0;
    const id = data.ids[start + index];
    return id === undefined ? `${axis} ${index}` : tokenText(id);
  }
  if (known && known.vocabulary) return tokenText(index);
  if (known && known.ids) {
    const ids = lookup(known.ids, e);
    if (ids && ids.array !== undefined) return tokenText(numbersOf(ids.array)[index]);
  }
  return /^\w/.test(axis) ? `${axis} ${index}` : String(index);
}

// A value in one line of text.
function brief(value) {
  if (value === null) return "None";
  if (value === true || value === false) return value ? "True" : "False";
  if (typeof value !== "object") return typeof value === "string" ? visible(value) : String(value);
  for (const kind of ["float", "int", "other"]) if (kind in value) return value[kind];
  if ("str" in value) return visible(value.str) + "…";
  if ("bytes" in value) return value.bytes + (value.length > 32 ? "…" : "");
  if ("array" in value) return `${data.arrays[value.array].dtype} [${data.arrays[value.array].shape.join(", ")}]`;
  const items = itemsOf(value), more = value.length > items.length ? ", …" : "";
  const text = items.map((item) => Array.isArray(item) ? item.map(brief).join(": ") : brief(item)).join(", ");
  const [open, close] = {list: "[]", tuple: "()", set: "{}", dict: "{}"}[kindOf(value)];
  return open + text + more + close;
}

const KINDS = ["list", "tuple", "set", "dict", "array", "float", "int", "str", "bytes", "other"];
const kindOf = (value) => {
  if (value === null) return "None";
  if (typeof value !== "object") return {number: "int", string: "str", boolean: "bool"}[typeof value];
  return KINDS.find((kind) => kind in value);
};
const itemsOf = (value) => value[kindOf(value)];
const isCollection = (value) => ["list", "tuple", "set", "dict"].includes(kindOf(value));

// What kind of value it is, how large, and its range.
function describe(value) {
  const kind = kindOf(value);
  if (kind === "array") {
    const {dtype, shape} = data.arrays[value.array], [least, most] = figuresOf(value.array);
    return `${dtype} [${shape.join(", ")}]` + (least === null ? "" : ` · ${number(least)} … ${number(most)}`);
  }
  if (isCollection(value)) return `${kind} of ${value.length}`;
  if (kind === "str" || kind === "bytes") return `${kind} of ${value.length}`;
  return kind === "other" ? "" : kind;
}

// -- The place in the run ---------------------------------------------------------------------
// A place is an event, `cursor`, or -1: then only rounds are chosen. `chosen` has the round of every
// loop; where a loop has fewer rounds there, its last one counts.

const chosen = new Map();
let cursor = -1, stepping = false;

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
const nRounds = (loop, frame) => roundsOf.get(key(loop, frame, roundsAt(loop, frame).slice(0, -1))) ?? 0;
const eventAt = (number, frame) => eventOf.get(key(number, frame, roundsAt(number, frame)));

// The call of a function that its own lines show: where the cursor is, or the first of this place.
function frameOf(name) {
  for (let e = cursor; e >= 0; e = callerOf(e)) {
    if (events.frame[e] >= 0 && statements[events.statement[events.frame[e]]].name === name) return events.frame[e];
  }
  const calls = callsTo.get(name) || [];
  const here = (e) => eventAt(events.statement[events.caller[e]], events.frame[events.caller[e]]) === events.caller[e];
  return calls.find((e) => here(e)) ?? calls[0];
}

const callerOf = (e) => events.frame[e] < 0 ? -1 : events.caller[events.frame[e]];

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
    const body = statements.flatMap((other, i) => other.loops.includes(loop) ? [i] : []);
    let most = -1, best = 0;
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
  for (const [other] of loopNames) {  // another loop over the same thing: the layers of step 11
    if (statements[other].kind === "For" && statements[other].targets[0] === statements[loop].targets[0]) chosen.set(other, round);
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

// Choose a round of a loop; the cursor stays on its line.
function pick(loop, round) {
  const chain = chainOf(cursor);
  choose(loop, round);
  let frame = -1, e = -1;
  for (const one of chain) {
    e = eventAt(events.statement[one], frame) ?? -1;
    const calls = callsOf.get(one) || [], next = chain[chain.indexOf(one) + 1];
    if (e < 0 || next === undefined) break;
    frame = (callsOf.get(e) || [])[calls.indexOf(events.frame[next])] ?? -2;
  }
  cursor = e;
  render();
}

const lineOf = (e) => statements[events.statement[e]].first;

// The address: "line=387&token=0&layer=3&head=2", within functions "/line=348" behind it.
function address(e = cursor) {
  const parts = chainOf(e).map((one, i, chain) => {
    const loops = loopsOf(events.statement[one]);
    const part = [`line=${lineOf(one)}`, ...loops.map((loop, j) => `${loopNames.get(loop)}=${events.iterations[one][j]}`)];
    const next = chain[i + 1];
    const call = next === undefined ? 0 : callsOf.get(one).indexOf(events.frame[next]);
    if (call > 0) part.push(`call=${call}`);
    return part.join("&");
  });
  if (e < 0) parts.push(choiceLoops.map((loop) => `${loopNames.get(loop)}=${chosen.get(loop) ?? 0}`).join("&"));
  return "#" + parts.join("/") + (stepping ? "&step=1" : "");
}

// Go where the address says. Returns false if it names no place.
function visit(hash) {
  const parts = hash.replace(/^#/, "").split("/").map((part) => new URLSearchParams(part));
  if (![...loopNames.values(), "line"].some((name) => parts[0].has(name))) return false;
  let frame = -1, e = -1;
  for (const part of parts) {
    for (const [loop, name] of loopNames) if (part.has(name)) choose(loop, Math.trunc(part.get(name)) || 0);
    if (!part.has("line")) break;
    const line = Number(part.get("line"));
    const number = statements.findIndex((one) => one.first <= line && line <= one.last);
    if (number < 0) break;
    if (frame === -1 && statements[number].function) frame = frameOf(statements[number].function) ?? -1;
    const named = loopsOf(number).map((loop) => Number(part.get(loopNames.get(loop)) ?? NaN));
    const found = eventOf.get(key(number, frame, named)) ?? eventAt(number, frame) ?? eventIn(number, frame);
    if (found === undefined) break;
    e = found;
    frame = (callsOf.get(e) || [])[Number(part.get("call")) || 0] ?? -2;
  }
  if (e < 0) { cursor = -1; render(); return true; }
  moveTo(e, parts.at(-1).has("step"));
  return true;
}

// Any event of a statement, the first one, where there is none in the chosen rounds.
function eventIn(number, frame) {
  for (let e = 0; e < nEvents; e++) if (events.statement[e] === number && events.frame[e] === frame) return e;
  return undefined;
}

// The next event (or by -1 the one before); `over` functions that are called in between.
function step(direction, over) {
  let e = cursor + direction;
  if (over && cursor >= 0) while (e >= 0 && e < nEvents && depth[e] > depth[cursor]) e += direction;
  if (e >= 0 && e < nEvents) moveTo(e, true);
}

// -- Rows -------------------------------------------------------------------------------------
// A row is a statement's lines and the values that they made. The row of a call can open to rows of
// the function's lines, for that call.

const rows = [];
const opened = new Set();  // "statement call" of the calls that are open, beside the cursor's
const ranAtAll = new Set(events.statement);

class Row {
  constructor(node, frame) {
    this.node = node;
    this.frame = frame;  // a function that returns the frame, or undefined: the function did not run
    this.number = Number(node.dataset.statement);
    this.values = node.querySelector(".values");
    this.event = undefined;
    this.state = null;  // what its values were drawn for
    this.within = [];
  }

  update() {
    const frame = this.frame();
    let e = frame === undefined ? undefined : eventAt(this.number, frame);
    if (this.isAt(cursor, frame)) e = cursor;  // also where a loop has found no more
    const calls = e === undefined ? [] : callsOf.get(e) || [];
    const state = `${e} ${isLoop(this.number) ? [...roundsAt(this.number, frame ?? -1), nRounds(this.number, frame ?? -1)] : ""}`;
    if (state !== this.state) {
      this.event = e;
      this.state = state;
      this.callsDrawn = null;
      const focused = this.values.contains(document.activeElement) && document.activeElement.ariaLabel;
      this.values.replaceChildren(...this.content(e));
      if (focused) {
        const again = [...this.values.querySelectorAll("button")].find((one) => one.ariaLabel === focused);
        (again?.disabled ? again.parentElement.querySelector("button:enabled") : again)?.focus();
      }
    }
    this.drawCalls(calls);
    this.node.classList.toggle("now", e !== undefined && e === cursor);
    this.node.classList.toggle("future", stepping && (e === undefined || e > cursor));
    if (e !== undefined && e === cursor) this.node.setAttribute("aria-current", "true");
    else this.node.removeAttribute("aria-current");
    for (const row of this.within) row.update();
  }

  // Say whether an event is this row's; a `def` itself runs outside of the function.
  isAt(e, frame) {
    const home = this.node.parentElement?.matches("main") && events.frame[e] === -1;
    return events.statement[e] === this.number && (events.frame[e] === frame || home);
  }

  content(e) {
    const parts = [], one = statements[this.number];
    if (isLoop(this.number)) parts.push(roundPicker(this.number, this.frame()));
    if (e === undefined) {
      if (!["FunctionDef", "Docstring"].includes(one.kind)) parts.push(element("span", {class: "none"}, ranAtAll.has(this.number) ? "not run here" : "not run"));
      return parts;
    }
    const seen = new Set();
    one.targets.forEach((target, i) => {
      if (seen.has(target) || events.values[e][i] === undefined) return;
      seen.add(target);
      const value = valueOf(e, i);
      if (value !== null || one.kind !== "Expr") parts.push(drawn(target, value, e));
    });
    if (events.printed[e]) parts.push(element("div", {class: "value"}, element("span", {class: "meta"}, "prints"), element("pre", {class: "printed"}, shownLines(events.printed[e].replace(/\n$/, "")))));
    if (data.failure[1] && data.failure[0] === e) parts.push(element("p", {class: "error"}, data.failure[1]));
    if (isLoop(this.number) && this.number === choiceLoops[1]) parts.push(overview(e));
    return parts;
  }

  drawCalls(calls) {
    const entered = chainOf(cursor).map((e) => events.frame[e]);
    const wanted = calls.map((call, i) => [call, `${this.number} ${i}`, opened.has(`${this.number} ${i}`) || entered.includes(call)]);
    const signature = wanted.join();
    if (signature === this.callsDrawn) return;
    this.callsDrawn = signature;
    this.within = [];
    this.values.querySelectorAll(".call").forEach((node) => node.remove());
    this.node.querySelectorAll(":scope > .inside").forEach((node) => node.remove());
    for (const [call, name, isOpen] of wanted) {
      const title = statements[events.statement[call]].name;
      const toggle = () => {
        isOpen ? opened.delete(name) : opened.add(name);
        entered.includes(call) ? moveTo(events.caller[call]) : this.update();
      };
      this.values.append(element("button", {class: "call", "aria-expanded": String(isOpen), onclick: toggle}, `${title}()`));
      if (isOpen) this.node.append(this.inside(title, call));
    }
  }

  inside(title, call) {
    const box = element("section", {class: "inside", "aria-label": `inside ${title}`});
    for (const node of document.querySelectorAll(`main > [data-function="${CSS.escape(title)}"]`)) {
      const copy = node.cloneNode(true);
      copy.removeAttribute("id");
      copy.querySelectorAll(".inside").forEach((inner) => inner.remove());
      copy.classList.remove("now", "future");
      copy.removeAttribute("aria-current");
      copy.querySelector(".values")?.replaceChildren();
      if (copy.dataset.statement) this.within.push(new Row(copy, () => call));
      box.append(copy);
    }
    for (const row of this.within) row.update();
    return box;
  }
}

function shownLines(text) {
  const lines = text.split("\n").map(shown);
  return element("span", {}, ...lines.flatMap((line, i) => i ? ["\n", line] : [line]));
}

// The round of a loop that is shown, with a button to either side.
function roundPicker(loop, frame) {
  const n = nRounds(loop, frame ?? -1);
  if (!n) return element("span", {class: "none"}, "no round");
  const round = roundsAt(loop, frame ?? -1).at(-1), name = loopNames.get(loop).replace(/\d+$/, "");
  const to = (other, label, text) => element("button", {"aria-label": label, disabled: other < 0 || other >= n, onclick: () => pick(loop, other)}, text);
  return element("span", {class: "rounds", role: "group", "aria-label": `rounds of ${name}`},
    to(round - 1, "round before", "◀"), ` ${name} ${round} of 0–${n - 1} `, to(round + 1, "next round", "▶"));
}

function render() {
  rows.forEach((row) => row.update());
  markOverview();
  renderBar();
  clearTimeout(render.later);
  render.later = setTimeout(() => history.replaceState(null, "", address()), 300);
}

// Scroll to the cursor's line; where it is shown twice, to the one inside the call.
function reveal() {
  const inside = (node) => node.closest(".inside") ? 1 + inside(node.closest(".inside").parentElement) : 0;
  const marks = [...document.querySelectorAll(".now > .line")].sort((a, b) => inside(b) - inside(a));
  if (!marks.length) return;
  const {top, bottom} = marks[0].getBoundingClientRect(), bar = document.querySelector(".bar").getBoundingClientRect().bottom;
  if (top < bar || bottom + 80 > innerHeight) marks[0].scrollIntoView({block: "center"});
}

// -- Pictures ---------------------------------------------------------------------------------
// How a value is drawn goes by its kind; the table `pictures` says where a name asks for more.

const painters = {};

function drawn(target, value, e) {
  const open = () => openValue(target, value, e);
  const head = element("div", {class: "value-head"},
    element("button", {class: "name", onclick: open, "aria-label": `open ${target}, ${describe(value)}`}, target),
    element("span", {class: "meta"}, describe(value)));
  const paint = painters[pictures[target]] ?? plain;
  return element("div", {class: "value", "data-target": target}, head, paint(value, e, target) ?? plain(value, e, target));
}

function plain(value, e, target) {
  if (kindOf(value) === "array") {
    const array = data.arrays[value.array];
    if (!array.kept.length) return element("span", {class: "scalar"}, number(numbersOf(value.array)[0], 6));
    return heat(value.array, axesOf(e), e, target);
  }
  if (isCollection(value)) {
    const made = [];
    let size = 0;
    for (const item of itemsOf(value)) {
      const text = Array.isArray(item) ? item.map(brief).join(": ") : null;
      size += 3 + (text ?? brief(item)).length;
      if (size > 200 && made.length) break;
      made.push(chip(text, item));
    }
    return element("div", {class: "chips"}, ...made, more(value.length - made.length));
  }
  if (typeof value === "string") return element("div", {class: "chips"}, chip(null, value));
  if (kindOf(value) === "other") return element("em", {class: "scalar"}, brief(value));
  return element("span", {class: "scalar"}, brief(value));
}

const more = (n) => n > 0 ? element("span", {class: "meta"}, `… ${n.toLocaleString("en")} more`) : null;

function chip(text, item, below) {
  const inner = text === null && typeof item === "string" ? shown(item) : element("bdi", {}, visible(text ?? brief(item)));
  return element("span", {class: "chip"}, inner, below === undefined ? null : element("small", {}, String(below)));
}

// The names in a line's shape comment, or in that of a line that makes the same variable.
function axesOf(e) {
  const one = statements[events.statement[e]], root = rootOf(one.targets[0] ?? "");
  return one.axes.length ? one.axes : statements.find((other) => other.axes.length && other.targets.includes(root))?.axes ?? [];
}

// Tokens with their ids below.
painters.tokens = (value) => {
  if (!isCollection(value)) return undefined;
  const items = itemsOf(value).slice(0, 64);
  return element("div", {class: "chips"}, ...items.map((item, i) => chip(null, item, data.ids[i])), more(value.length - items.length));
};

// Ids with the text of their tokens above.
painters.ids = (value) => {
  const items = isCollection(value) ? itemsOf(value).slice(0, 64) : [value];
  if (!items.every(Number.isInteger)) return undefined;
  return element("div", {class: "chips"}, ...items.map((id) => chip(null, tokenText(id), id)), more((value.length ?? 1) - items.length));
};

// The merges of a word, one line each, in the order in which they happened.
painters.merges = (value, e, target) => {
  const word = events.iterations[e][0];
  const history = madeBy.get(target).filter((other) => events.iterations[other][0] === word);
  const list = element("ol", {class: "merges"});
  for (const other of history) {
    const at = statements[events.statement[other]].targets.indexOf(target);
    const ranked = events.iterations[other].length > 1 ? lookup("ranked", other) : undefined;
    const best = ranked && itemsOf(ranked).reduce((a, b) => b[0] < a[0] ? b : a);
    const why = best ? `rank ${best[0]}: ${best[1].tuple.map(brief).join(" + ")}` : "characters";
    list.append(element("li", {class: other === e ? "here" : ""}, element("span", {class: "meta"}, why), " ",
      element("span", {class: "chips"}, ...itemsOf(valueOf(other, at)).map((piece) => chip(null, piece)))));
  }
  return list;
};

// The ten best candidates, and which was taken.
painters.candidates = (value, e) => {
  const note = events.notes[e];
  if (!note || !note.ids) return undefined;
  const taken = lookup("next_id", e, true);
  const table = element("table", {class: "candidates"});
  table.append(element("caption", {}, `the ${note.ids.length} best`), element("thead", {}, element("tr", {},
    element("th", {scope: "col"}, "token"), note.logits ? element("th", {scope: "col"}, "logit") : null, element("th", {scope: "col"}, "probability"))));
  const body = element("tbody");
  note.ids.forEach((id, i) => {
    const share = note.probabilities ? note.probabilities[i] : null;
    body.append(element("tr", {class: id === taken ? "taken" : ""},
      element("th", {scope: "row"}, chip(null, tokenText(id), id), id === taken ? element("span", {class: "meta"}, " taken") : null),
      note.logits ? element("td", {}, number(note.logits[i])) : null,
      element("td", {}, share === null ? "" : element("meter", {min: 0, max: 1, value: share, "aria-label": `probability of ${visible(tokenText(id))}`}), share === null ? "" : ` ${number(share, 3)}`)));
  });
  table.append(body);
  return table;
};

// The lengths of the residual's rows, from the embedding through all layers of this round.
painters.growth = (value, e, target) => {
  const round = events.iterations[e][0];
  const all = madeBy.get(target).filter((other) => events.iterations[other][0] === round && Array.isArray(events.notes[other]));
  if (all.length < 2) return undefined;
  const lengths = all.map((other) => events.notes[other]), nRows = Math.min(...lengths.map((one) => one.length));
  const most = Math.max(...lengths.flat()), least = Math.min(...lengths.flat().filter((x) => x > 0));
  const [low, high] = [Math.log10(least), Math.log10(most) + 1e-9];
  const width = 320, height = 110, x = (i) => 34 + i / (all.length - 1) * (width - 44), y = (v) => 8 + (high - Math.log10(Math.max(v, least))) / (high - low) * (height - 26);
  const svg = (tag, attributes, ...children) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, one] of Object.entries(attributes)) made.setAttribute(name, one);
    made.append(...children);
    return made;
  };
  const last = lengths.map((one) => one[nRows - 1]);
  const name = `length of the residual's rows over the layers, logarithmic; the last row from ${number(last[0], 3)} to ${number(last.at(-1), 3)}`;
  const picture = svg("svg", {viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": name, class: "growth"});
  for (let row = Math.max(0, nRows - 24); row < nRows; row++) {
    const points = lengths.map((one, i) => `${x(i).toFixed(1)},${y(one[row]).toFixed(1)}`).join(" ");
    picture.append(svg("polyline", {points, class: row === nRows - 1 ? "last" : "other"}));
  }
  const here = all.indexOf(e);
  picture.append(svg("circle", {cx: x(here), cy: y(last[here]), r: 4}),
    svg("text", {x: 30, y: 14, "text-anchor": "end"}, number(most, 2)), svg("text", {x: 30, y: height - 18, "text-anchor": "end"}, number(least, 2)),
    svg("text", {x: 34, y: height - 4}, "embedding"), svg("text", {x: width - 8, y: height - 4, "text-anchor": "end"}, "after the last layer"));
  return element("figure", {}, heat(value.array, axesOf(e), e, target), picture,
    element("figcaption", {class: "meta"}, `length of each row, after each addition: now ${number(last[here], 4)} in the last row`));
};

// Attention weights: a row for each token that looks, a column for each that is looked at.
painters.attention = (value, e, target) => {
  const {kept} = data.arrays[value.array];
  if (kept.length !== 2 || kept[1] > 40) return undefined;
  const axes = axesOf(e), table = element("table", {class: "attention"}), numbers = numbersOf(value.array), colour = scale(1);
  const head = element("tr", {}, element("td"));
  for (let c = 0; c < kept[1]; c++) head.append(element("th", {scope: "col"}, element("span", {}, shown(labelOf(axes[1], c, e)))));
  table.append(element("thead", {}, head));
  const body = element("tbody");
  for (let r = 0; r < kept[0]; r++) {
    const line = element("tr", {}, element("th", {scope: "row"}, shown(labelOf(axes[0], r, e))));
    for (let c = 0; c < kept[1]; c++) {
      const x = numbers[r * kept[1] + c], cell = element("td");
      cell.style.backgroundColor = `rgb(${colour(x).join(" ")})`;
      cell.dataset.at = `${r} ${c}`;
      line.append(cell);
    }
    body.append(line);
  }
  table.append(body);
  pointed(table, (event) => {
    if (!event.target.dataset.at) return null;
    const [r, c] = event.target.dataset.at.split(" ").map(Number);
    return [visible(labelOf(axes[0], r, e)) + " looks at " + visible(labelOf(axes[1], c, e)), numbers[r * kept[1] + c]];
  });
  table.setAttribute("aria-label", `${target}: who looks at whom`);
  return element("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": `${target} as a grid`}, table);
};

// All layers and heads of this round and those before it, one small picture each.
let overviewNow = {};
function overview(e) {
  const round = events.iterations[e][0];
  if (overviewNow.round !== round || overviewNow.palette !== palette) overviewNow = {round, palette, figure: drawOverview(round)};
  markOverview();
  return overviewNow.figure;
}

// Mark the chosen layer and head in it.
function markOverview() {
  const rounds = choiceStatement < 0 ? [] : roundsAt(choiceStatement, -1);
  for (const thumb of overviewNow.figure?.querySelectorAll("button") ?? []) {
    const here = thumb.dataset.at === rounds.slice(1).join(" ");
    thumb.tabIndex = here ? 0 : -1;
    here ? thumb.setAttribute("aria-current", "true") : thumb.removeAttribute("aria-current");
  }
}

function drawOverview(round) {
  const target = data.choice[0], at = statements[choiceStatement].targets.indexOf(target);
  const maps = new Map();
  for (const other of madeBy.get(target) || []) {
    const [r, layer, head] = events.iterations[other], value = valueOf(other, at);
    if (events.statement[other] === choiceStatement && r <= round && kindOf(value) === "array") push(maps, `${layer} ${head}`, value.array);
  }
  const nHeads = Math.max(0, ...[...maps.keys()].map((name) => Number(name.split(" ")[1]) + 1));
  const grid = element("div", {class: "overview", role: "group", "aria-label": `${target} of all layers and heads`});
  grid.style.setProperty("--heads", nHeads);
  for (const [name, indices] of maps) {
    const [layer, head] = name.split(" ").map(Number), label = `layer ${layer}, head ${head}`;
    const open = () => {
      choose(choiceLoops[1], layer);
      choose(choiceLoops[2], head);
      const found = eventAt(choiceStatement, -1);
      moveTo(found);
      openValue(target, valueOf(found, at), found);
    };
    grid.append(element("button", {"aria-label": label, title: label, "data-at": name, onclick: open}, stacked(indices)));
  }
  grid.addEventListener("keydown", (event) => {
    const move = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -nHeads, ArrowDown: nHeads}[event.key];
    const next = move && grid.children[[...grid.children].indexOf(document.activeElement) + move];
    if (move) event.stopPropagation();
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
  return element("figure", {}, element("figcaption", {class: "meta"}, `${target} of this round and those before: layers down, heads across`), grid);
}

// Arrays with the same kind of rows, one below the other, in one small picture.
function stacked(indices) {
  const shapes = indices.map((index) => data.arrays[index].kept);
  const height = Math.min(64, shapes.reduce((sum, shape) => sum + shape[0], 0)), width = Math.min(64, Math.max(...shapes.map((shape) => shape[1])));
  const canvas = element("canvas", {width, height, "aria-hidden": "true"});
  const context = canvas.getContext("2d"), image = context.createImageData(width, height);
  const colour = scale(1);
  let row = 0;
  for (const index of indices) {
    const numbers = numbersOf(index), [nRows, nColumns] = data.arrays[index].kept;
    for (let r = 0; r < nRows && row < height; r++, row++) for (let c = 0; c < width; c++) {
      image.data.set([...colour(c < nColumns ? numbers[r * nColumns + c] : 0), 255], 4 * (row * width + c));
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

// Colours: from the paper's to one strong colour for numbers of one sign, between two for both.
let palette;
function readPalette() {
  const style = getComputedStyle(document.documentElement);
  palette = Object.fromEntries(["low", "zero", "high", "none"].map((name) => [name, style.getPropertyValue(`--heat-${name}`).trim().split(/\s+/).map(Number)]));
}

function scale(limit) {
  return (x) => {
    if (!Number.isFinite(x)) return palette.none;
    const share = Math.max(-1, Math.min(1, x / limit)), end = share < 0 ? palette.low : palette.high;
    return palette.zero.map((part, i) => Math.round(part + (end[i] - part) * Math.abs(share)));
  };
}

// The colours of an array, which a few outliers must not blind: 98 of 100 numbers are in their range.
function colours(index) {
  const array = data.arrays[index];
  if (array.limit === undefined) {
    const numbers = numbersOf(index), step = Math.ceil(numbers.length / 4096), sizes = [];
    for (let i = 0; i < numbers.length; i += step) if (Number.isFinite(numbers[i])) sizes.push(Math.abs(numbers[i]));
    sizes.sort((a, b) => a - b);
    array.limit = (sizes.length > 64 ? sizes[Math.floor(sizes.length * 0.98)] : sizes.at(-1)) || 1;
  }
  return scale(array.limit);
}

// An array as a strip or grid of colours; more numbers than fit share a spot, the largest shows.
function heat(index, axes, e, target, most = 100) {
  const {kept, shape, dtype} = data.arrays[index], numbers = numbersOf(index), colour = colours(index);
  const nColumns = kept.at(-1), nRows = nColumns ? numbers.length / nColumns : 0;
  const width = Math.max(1, Math.min(nColumns, 384)), height = Math.max(1, Math.min(nRows, most));
  const name = `${target}: ${dtype}, ${shape.join(" × ")}, from ${number(figuresOf(index)[0])} to ${number(figuresOf(index)[1])}`;
  const canvas = element("canvas", {width, height, role: "img", "aria-label": name, class: "heat"});
  const context = canvas.getContext("2d"), image = context.createImageData(width, height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    let extreme = 0;
    for (let r = Math.floor(y * nRows / height); r < Math.floor((y + 1) * nRows / height); r++) {
      for (let c = Math.floor(x * nColumns / width); c < Math.floor((x + 1) * nColumns / width); c++) {
        const one = numbers[r * nColumns + c];
        if (!Number.isFinite(one)) { if (nColumns === width) extreme = one; }
        else if (Math.abs(one) > Math.abs(extreme) || !Number.isFinite(extreme)) extreme = one;
      }
    }
    image.data.set([...colour(extreme), 255], 4 * (y * width + x));
  }
  context.putImageData(image, 0, 0);
  canvas.style.height = `${Math.max(10, Math.min(height * 12, Math.max(most, height)))}px`;
  if (nColumns < 40) canvas.style.maxWidth = `${nColumns * 16}px`;
  pointed(canvas, (event) => {
    const r = Math.floor(event.offsetY / canvas.clientHeight * nRows), c = Math.floor(event.offsetX / canvas.clientWidth * nColumns);
    if (r < 0 || c < 0 || r >= nRows || c >= nColumns) return null;
    return [whereIn(kept, axes, r, c, e), numbers[r * nColumns + c]];
  });
  return canvas;
}

// Names of a number's row and column.
function whereIn(kept, axes, r, c, e) {
  const column = visible(labelOf(axes.at(-1), c, e));
  return kept.length < 2 ? column : `${rowLabel(kept, axes, r, e)}, ${column}`;
}

function rowLabel(kept, axes, r, e) {
  const labels = [];
  for (let axis = kept.length - 2; axis >= 0; axis--) {
    labels.unshift(visible(labelOf(axes.length === kept.length ? axes[axis] : "", r % kept[axis], e)));
    r = Math.floor(r / kept[axis]);
  }
  return labels.join(", ");
}

// Show what is under the pointer.
function pointed(node, find) {
  const tip = byId("tip");
  node.addEventListener("pointermove", (event) => {
    const found = find(event);
    tip.hidden = !found;
    if (!found) return;
    tip.replaceChildren(element("b", {}, number(found[1], 7)), ` ${found[0]}`);
    const box = tip.parentElement.getBoundingClientRect();
    tip.style.left = `${Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) - (tip.parentElement === document.body ? 0 : box.left)}px`;
    tip.style.top = `${event.clientY + 18 - (tip.parentElement === document.body ? 0 : box.top)}px`;
  });
  node.addEventListener("pointerleave", () => { tip.hidden = true; });
}

// -- One value in full ------------------------------------------------------------------------

const dialog = byId("value");

function openValue(target, value, e) {
  byId("value-name").textContent = target;
  const one = statements[events.statement[e]];
  const parts = [element("p", {class: "meta"}, `${describe(value)} · ${placeText(e)}`)];
  let table;
  if (kindOf(value) === "array") {
    const {shape, kept} = data.arrays[value.array], [least, most, mean, deviation] = figuresOf(value.array);
    const figures = {shape: `[${shape.join(", ")}]`, minimum: least, maximum: most, mean, "standard deviation": deviation};
    const list = element("dl");
    for (const [name, figure] of Object.entries(figures)) {
      if (figure !== null) list.append(element("div", {}, element("dt", {}, name), element("dd", {}, typeof figure === "string" ? figure : number(figure, 6))));
    }
    parts.push(list);
    if (kept.join() !== shape.join()) parts.push(element("p", {class: "note"}, `The first [${kept.join(", ")}] are kept here; the figures are those of all.`));
    const nColumns = kept.at(-1) ?? 1, numbers = numbersOf(value.array), axes = axesOf(e);
    const digits = data.arrays[value.array].code === "f8" ? 17 : 9, colour = colours(value.array);
    if (kept.length) parts.push(heat(value.array, axes, e, target, 160));
    table = sheet({
      rows: nColumns ? numbers.length / nColumns : 0, columns: nColumns,
      row: (r) => kept.length < 2 ? "" : rowLabel(kept, axes, r, e),
      column: (c) => visible(labelOf(kept.length ? axes.at(-1) : "", c, e)),
      cell: (r, c) => number(numbers[r * nColumns + c], 5), whole: (r, c) => number(numbers[r * nColumns + c], digits),
      colour: (r, c) => colour(numbers[r * nColumns + c]), upright: kept.length < 2,
    });
  } else if (isCollection(value)) {
    const items = itemsOf(value), text = (r) => Array.isArray(items[r]) ? items[r].map(brief).join(": ") : brief(items[r]);
    if (value.length > items.length) parts.push(element("p", {class: "note"}, `The first ${items.length} of ${value.length.toLocaleString("en")} are kept here.`));
    table = sheet({rows: items.length, columns: 1, row: String, column: () => kindOf(value), cell: text, whole: text, wide: true});
  } else {
    const text = typeof value === "string" ? value : value && "str" in Object(value) ? value.str : brief(value);
    parts.push(element("pre", {class: "printed"}, shownLines(text)));
  }
  if (table) parts.push(table);
  parts.push(element("p", {}, "Made by ", lineLink(events.statement[e], e), "."), usedBy(target, e));
  byId("value-body").replaceChildren(...parts);
  if (!dialog.open) dialog.showModal();
  dialog.append(byId("tip"));
  table?.redraw();
}

function placeText(e) {
  const names = chainOf(e).flatMap((one) => loopsOf(events.statement[one]).map((loop, i) => `${loopNames.get(loop).replace(/\d+$/, "")} ${events.iterations[one][i]}`));
  return [`line ${lineOf(e)}`, ...names].join(", ");
}

function lineLink(number, e) {
  const {first} = statements[number], code = document.querySelector(`#L${first} code`)?.textContent.split("\n")[0].trim() ?? "";
  const go = (event) => { event.preventDefault(); dialog.close(); e === undefined ? visit(`#line=${first}`) : moveTo(e); };
  return element("a", {href: `#line=${first}`, onclick: go}, `line ${first}`, " ", element("code", {}, code));
}

const localsOf = new Map();  // function → the names that it makes itself
for (const one of statements) {
  const name = one.kind === "FunctionDef" ? one.name : one.function;
  if (name) localsOf.set(name, new Set([...(localsOf.get(name) ?? []), ...one.targets]));
}

// The lines that read a value until another one takes its name.
function usedBy(target, e) {
  const name = rootOf(target), frame = events.frame[e], found = new Map();
  for (let other = e + 1; other < nEvents; other++) {
    const one = statements[events.statement[other]], inside = events.frame[other] !== frame;
    const local = inside && localsOf.get(one.function)?.has(name);
    if (one.reads.includes(name) && !local && !found.has(events.statement[other])) found.set(events.statement[other], other);
    if (!inside && one.targets.includes(name) && !one.reads.includes(name) && target === name) break;
    if (!inside && one.kind === "Assign" && one.targets.includes(name)) break;
  }
  if (target === "return" || !found.size) return element("p", {}, target === "return" ? "Used by the line that called." : "No line uses it.");
  return element("div", {}, element("p", {}, "Used by"), element("ul", {class: "uses"}, ...[...found].slice(0, 20).map(([number, other]) => element("li", {}, lineLink(number, other)))));
}

// A table of any size, of which only what is in view exists. Arrow keys move its current cell.
function sheet({rows: nRows, columns: nColumns, row, column, cell, whole, colour, wide, upright}) {
  if (upright) {  // one row is easier to read as a column
    return sheet({rows: nColumns, columns: 1, row: column, column: () => "value", cell: (r) => cell(0, r), whole: (r) => whole(0, r), colour: colour && ((r) => colour(0, r))});
  }
  const rowHeight = 24, width = wide ? 480 : 92, side = 130;
  const readout = element("output", {class: "readout"});
  const space = element("div", {class: "space"});
  const box = element("div", {class: "sheet", tabindex: "0", role: "region", "aria-label": `${nRows} rows, ${nColumns} columns of numbers; arrow keys move`}, space);
  space.style.width = `${side + nColumns * width}px`;
  space.style.height = `${(nRows + 1) * rowHeight}px`;
  box.style.height = `${(nRows + 1) * rowHeight + 18}px`;
  let now = [0, 0];
  const tell = () => { readout.textContent = nRows * nColumns ? `${[row(now[0]), nColumns > 1 ? column(now[1]) : ""].filter(Boolean).join(", ")}: ${whole(...now)}` : "empty"; };
  const redraw = () => {
    const top = Math.max(0, Math.floor(box.scrollTop / rowHeight)), left = Math.max(0, Math.floor(box.scrollLeft / width));
    const bottom = Math.min(nRows, top + Math.ceil((box.clientHeight || 300) / rowHeight) + 1), right = Math.min(nColumns, left + Math.ceil((box.clientWidth || 600) / width) + 1);
    const head = element("tr", {"aria-rowindex": "1"}, element("td", {"aria-colindex": "1"}));
    for (let c = left; c < right; c++) head.append(element("th", {scope: "col", "aria-colindex": String(c + 2)}, column(c)));
    const body = element("tbody");
    for (let r = top; r < bottom; r++) {
      const line = element("tr", {"aria-rowindex": String(r + 2)}, element("th", {scope: "row", "aria-colindex": "1"}, row(r)));
      for (let c = left; c < right; c++) {
        const one = element("td", {"aria-colindex": String(c + 2), "data-at": `${r} ${c}`, class: r === now[0] && c === now[1] ? "current" : undefined}, cell(r, c));
        if (colour) one.style.setProperty("--colour", `rgb(${colour(r, c).join(" ")})`);
        line.append(one);
      }
      body.append(line);
    }
    const table = element("table", {"aria-rowcount": String(nRows + 1), "aria-colcount": String(nColumns + 1), class: wide ? "wide" : ""}, element("thead", {}, head), body);
    table.style.left = `${left * width}px`;
    table.style.top = `${top * rowHeight}px`;
    space.replaceChildren(table);
    tell();
  };
  box.addEventListener("scroll", redraw);
  box.addEventListener("pointermove", (event) => {
    const at = event.target.closest?.("td[data-at]");
    if (at) { now = at.dataset.at.split(" ").map(Number); tell(); }
  });
  box.addEventListener("keydown", (event) => {
    const page = Math.floor(box.clientHeight / rowHeight) - 2;
    const [down, across] = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-page, 0], PageDown: [page, 0], Home: [0, -nColumns], End: [0, nColumns]}[event.key] ?? [];
    if (down === undefined) return;
    event.preventDefault();
    now = [Math.max(0, Math.min(nRows - 1, now[0] + down)), Math.max(0, Math.min(nColumns - 1, now[1] + across))];
    box.scrollTop = Math.min(Math.max(box.scrollTop, (now[0] + 3) * rowHeight - box.clientHeight), now[0] * rowHeight);
    box.scrollLeft = Math.min(Math.max(box.scrollLeft, side + (now[1] + 1) * width - box.clientWidth), now[1] * width);
    redraw();
  });
  const whole_ = element("div", {}, readout, box);
  whole_.redraw = redraw;
  return whole_;
}

dialog.addEventListener("close", () => { document.body.append(byId("tip")); byId("tip").hidden = true; });
byId("close").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

// -- Controls ---------------------------------------------------------------------------------

const selects = choiceLoops.map((loop) => {
  const name = loopNames.get(loop);
  const select = element("select", {"aria-label": name, id: `choose-${name}`, onchange: () => pick(loop, Number(select.value))});
  byId("choices").append(element("label", {for: `choose-${name}`}, name), select);
  return select;
});

function fillSelects() {
  choiceLoops.forEach((loop, i) => {
    const n = nRounds(loop, -1);
    if (selects[i].length !== n) selects[i].replaceChildren(...Array.from({length: n}, (_, round) => element("option", {value: round}, i ? String(round) : roundText(round))));
    selects[i].value = roundsAt(loop, -1).at(-1);
  });
}

// The round of the main loop, by the token that it made.
function roundText(round) {
  const made = (madeBy.get("next_id") || []).find((e) => events.iterations[e][0] === round);
  return made === undefined ? `${round}: prompt` : `${round}: ${visible(tokenText(valueOf(made, statements[events.statement[made]].targets.indexOf("next_id"))))}`;
}

function renderBar() {
  fillSelects();
  byId("position").value = Math.max(0, cursor);
  const text = cursor < 0 ? `${nEvents.toLocaleString("en")} steps` : `${(cursor + 1).toLocaleString("en")} of ${nEvents.toLocaleString("en")} · ${placeText(cursor)}`;
  byId("where").textContent = text;
  byId("position").setAttribute("aria-valuetext", text);
  byId("all").setAttribute("aria-pressed", String(!stepping));
  document.body.classList.toggle("stepping", stepping);
}

byId("position").max = nEvents - 1;
byId("position").addEventListener("input", () => moveTo(Number(byId("position").value), true));
byId("forward").addEventListener("click", () => step(1, true));
byId("back").addEventListener("click", (event) => step(-1, !event.shiftKey));
byId("into").addEventListener("click", () => step(1, false));
byId("all").addEventListener("click", () => { stepping = false; render(); });
addEventListener("keydown", (event) => {
  if (dialog.open || event.ctrlKey || event.altKey || event.metaKey || event.target.closest("select, input, .scroll")) return;
  if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
    event.preventDefault();
    step(event.key === "ArrowRight" ? 1 : -1, !event.shiftKey);
  } else if (event.key === "Escape" && stepping) {
    stepping = false;
    render();
  }
});
document.querySelector("main").addEventListener("click", (event) => {
  const link = event.target.closest("a.line"), row = link?.closest(".row");
  if (!row) return;
  event.preventDefault();
  const found = [...rows, ...rows.flatMap((one) => one.within)].find((one) => one.node === row);
  if (found && found.event !== undefined) moveTo(found.event);
});
addEventListener("hashchange", () => { if (location.hash !== address()) visit(location.hash); });

// The table of contents follows the scrolling.
const headings = [...document.querySelectorAll("main > h2")];
function follow() {
  const bar = document.querySelector(".bar").getBoundingClientRect().bottom + 60;
  const atEnd = scrollY > 0 && scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
  const now = atEnd ? headings.at(-1) : headings.findLast((heading) => heading.getBoundingClientRect().top < bar);
  for (const link of document.querySelectorAll(".steps a")) {
    const here = now && link.getAttribute("href") === `#${now.id}`;
    if (here && !link.hasAttribute("aria-current")) {  // only the table itself is to scroll
      const steps = document.querySelector(".steps");
      steps.scrollTo(link.offsetLeft - steps.clientWidth / 2, link.offsetTop - steps.clientHeight / 2);
    }
    here ? link.setAttribute("aria-current", "step") : link.removeAttribute("aria-current");
  }
}
addEventListener("scroll", () => { cancelAnimationFrame(follow.later); follow.later = requestAnimationFrame(follow); }, {passive: true});

function repaint() {
  readPalette();
  for (const row of rows) row.state = null;
  render();
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
addEventListener("beforeprint", () => { document.documentElement.classList.add("printing"); repaint(); });
addEventListener("afterprint", () => { document.documentElement.classList.remove("printing"); repaint(); });

const textOf = (value) => typeof value === "string" ? value : value?.str ?? "";

function start() {
  readPalette();
  chooseFirst();
  for (const node of document.querySelectorAll("main > .row[data-statement]")) {
    const name = node.dataset.function;
    rows.push(new Row(node, name ? () => frameOf(name) : () => -1));
  }
  const prompt = textOf(lookup("prompt", nEvents)), output = textOf(lookup("output", nEvents));
  byId("prompt").replaceChildren(shownLines(prompt));
  byId("continuation").replaceChildren(shownLines(output.slice(prompt.length)));
  if (data.failure[1]) {  // show what led to it
    for (const e of chainOf(data.failure[0])) loopsOf(events.statement[e]).forEach((loop, i) => choose(loop, events.iterations[e][i]));
  }
  if (!visit(location.hash)) drawFirst(0);
  follow();
}

// Draw all values for the first time, in pieces: the page can be read and used meanwhile.
function drawFirst(next) {
  const until = performance.now() + 30;
  while (next < rows.length && performance.now() < until) rows[next++].update();
  if (next < rows.length) setTimeout(drawFirst, 0, next);
  else render();
}
start();
