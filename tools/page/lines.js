// The lines of the program, each with a glance at what it made. The lines of a function, for the
// call that is looked at, open below the line that calls it.

let rows; // of the script itself, and of the opened call
let rowNodes; // statement → its element among the script's lines

const rowNodeOf = (number) => rowNodes.get(number);

class Row {
  constructor(node, frame, home) {
    this.node = node;
    this.frame = frame; // a function that returns the frame, or undefined: the function did not run
    this.home = home; // among the script's own lines
    this.number = Number(node.dataset.statement);
    this.glance = node.querySelector(".glance");
    this.event = undefined;
    this.state = null; // what its glance was drawn for
    this.open = -1; // the call that is open below it
    this.within = [];
    const {targets, kind} = statements[this.number];
    const marks = ["tokens", "ids"];
    // Whether its glance changes with the followed token, or once a step is taken.
    this.marksTokens =
      targets.some((name) => marks.includes(pictures[name])) ||
      axesOfStatement(this.number).some((axis) => "positions" in (data.axes[axis] ?? {}));
    this.grows = kind === "Assign";
    node.addEventListener("click", (event) => this.click(event));
  }

  update() {
    const frame = this.frame();
    let e = frame === undefined ? undefined : eventAt(this.number, frame);
    if (this.isAt(cursor, frame)) e = cursor; // also where a loop has found no more
    const rounds = isLoop(this.number) ? roundsAt(this.number, frame ?? -1) : [];
    const follows = this.marksTokens && followed;
    const state = `${e} ${rounds} ${follows} ${this.grows && stepping} ${glanceWidth} ${palette.name}`;
    if (state !== this.state) {
      this.event = e;
      this.state = state;
      refill(this.glance, ...this.content(e, frame));
    }
    comparing?.mark(this, frame);
    const hand = inHand();
    const isNow = e !== undefined && e === hand;
    this.node.classList.toggle("now", isNow);
    this.node.classList.toggle("future", stepping && (e === undefined || e > cursor));
    if (isNow) this.node.setAttribute("aria-current", "true");
    else this.node.removeAttribute("aria-current");
    if (this.home) this.drawCall(e);
    for (const row of this.within) row.update();
  }

  // Say whether an event is this row's; a `def` itself runs outside of the function.
  isAt(e, frame) {
    return (
      e >= 0 &&
      events.statement[e] === this.number &&
      (events.frame[e] === frame || (this.home && events.frame[e] === -1))
    );
  }

  click(event) {
    if (event.target.closest(".row") !== this.node) return;
    const call = event.target.closest(".call");
    if (call && this.event !== undefined) {
      const calls = (callsOf.get(this.event) || []).filter(
        (one) => statements[events.statement[one]].name === call.dataset.call,
      );
      if (calls.length) return moveTo(calls[0], stepping);
    }
    if (event.target.closest(".rounds, .inside")) return;
    if (event.target.closest("a.gutter")) event.preventDefault();
    if (this.event === undefined || String(getSelection())) return;
    const named = event.target.closest("[data-target]")?.dataset.target;
    const same = events.statement[inHand()] === this.number;
    moveTo(this.event, stepping, false);
    if (named && named !== target) {
      if (!same || target) cell = null;
      target = named;
    }
    const at = event.target.numberAt?.(event.offsetX);
    if (at) cell = [at[0] + cellBase(this.event, named), at[1]];
    if (named) render();
    if (!isNarrow()) return;
    openPane(true);
    reveal();
  }

  content(e, frame) {
    const one = statements[this.number];
    if (isLoop(this.number)) return [roundPicker(this.number, frame, e)];
    if (e === undefined) {
      if (["FunctionDef", "Docstring"].includes(one.kind)) return [];
      return [
        element(
          "span",
          {class: "quiet alone"},
          ranIn.has(this.number) ? "not run here" : "not run",
        ),
      ];
    }
    const made = one.targets.flatMap((name, i) => {
      const value = valueOf(e, i);
      return value === undefined ? [] : [[name, value]];
    });
    const parts = made.slice(0, 4).map(([name, value]) => this.value(name, value, e, made.length));
    if (events.printed[e])
      parts.push(
        element(
          "span",
          {class: "value"},
          made.length ? null : this.name("prints", "what it prints"),
          element("span", {class: "picture"}, chip(events.printed[e].trim().slice(0, 60))),
        ),
      );
    if (data.failure[1] && data.failure[0] === e)
      parts.unshift(element("span", {class: "error alone"}, messageOf(data.failure[1])));
    if (!parts.length) parts.push(this.without(e));
    return parts;
  }

  // A line that made nothing: whether a condition held.
  without(e) {
    const {kind, first} = statements[this.number];
    const picture =
      kind === "If" ? element("span", {class: "quiet"}, held(e) ? "true" : "false") : null;
    return element(
      "span",
      {class: "value"},
      this.name(kind === "If" ? "if" : "·", `line ${first}`),
      picture && element("span", {class: "size"}),
      picture,
    );
  }

  name(text, words, named) {
    return element(
      "button",
      {class: "name", "aria-label": words, "data-key": `name ${text}`, "data-target": named},
      text,
    );
  }

  value(name, value, e, n) {
    const later = becomes(name, value, e);
    const width = Math.floor(glanceWidth / n) - (n > 1 ? 6 : 0);
    return element(
      "span",
      {class: `value${n > 1 ? " one-of-some" : ""}`, "data-target": name},
      this.name(short(name), `${name}, ${describe(value)}`, name),
      n > 1 ? null : element("span", {class: "size"}, sizeOf(later ?? value)),
      element(
        "span",
        {class: `picture${later === undefined ? "" : " later"}`},
        ...(later === undefined ? [] : ["→ "]),
        ...glanceOf(name, later ?? value, e, width),
      ),
    );
  }

  // The lines of the function that the cursor is in, if this line has called it.
  drawCall(e) {
    const frame = cursor >= 0 ? events.frame[cursor] : -1;
    const call = e !== undefined && frame >= 0 && outermost(cursor) === e ? frame : -1;
    if (call === this.open) return;
    this.open = call;
    this.within = [];
    this.node.querySelector(":scope > .inside")?.remove();
    if (call >= 0) this.node.append(this.inside(call));
  }

  // However deep a call lies, its lines alone are shown, and the way there in one line.
  inside(call) {
    const name = statements[events.statement[call]].name;
    const box = element("section", {class: "inside", "aria-label": `inside ${name}`});
    box.append(wayTo(call));
    for (const node of document.querySelectorAll(`#code [data-function="${CSS.escape(name)}"]`)) {
      if (node.closest(".inside")) continue;
      const copy = node.cloneNode(true);
      copy.removeAttribute("id");
      copy.querySelectorAll(".inside").forEach((inner) => inner.remove());
      copy.classList.remove("now", "future");
      copy.removeAttribute("aria-current");
      copy.querySelector(".glance")?.replaceChildren();
      if (copy.dataset.statement) this.within.push(new Row(copy, () => call, false));
      box.append(copy);
    }
    return box;
  }
}

const messageOf = (failure) => failure.replace(/^line \d+: /, "");
const short = (name) => name.replace(/\[.*/s, "[…]");

// The calls around a call, each a way back; of many the first and the last.
function wayTo(call) {
  const chain = chainOf(call).filter((e) => e !== call);
  const some = chain.length > 5 ? [...chain.slice(0, 2), null, ...chain.slice(-2)] : chain;
  const way = element("p", {class: "way"}, "called from ");
  for (const e of some) {
    if (e === null) way.append(element("span", {}, `… ${chain.length - 4} more `));
    else
      way.append(
        element(
          "button",
          {"data-key": `way ${e}`, onclick: () => moveTo(e, stepping)},
          `line ${lineOf(e)}`,
        ),
        " › ",
      );
  }
  way.append(element("b", {}, `${statements[events.statement[call]].name}()`));
  return way;
}

// The rounds of a loop, to choose from.
function roundPicker(loop, frame, e) {
  const box = element("span", {class: "value"});
  const name = nameOfLoop(loop);
  box.append(
    element(
      "button",
      {class: "name", "aria-label": `${name}, a loop`, "data-key": `name ${name}`},
      name,
    ),
  );
  const n = nRounds(loop, frame ?? -1);
  if (!n) {
    box.append(
      element(
        "span",
        {class: "quiet"},
        frame === undefined || e === undefined ? "not run here" : "no round",
      ),
    );
    return box;
  }
  const round = roundsAt(loop, frame ?? -1).at(-1),
    base = baseOf(loop);
  const to = (other, label, text, more = {}) =>
    element(
      "button",
      {
        "aria-label": label,
        "data-key": `${label} ${name}`,
        disabled: other < 0 || other >= n,
        onclick: () => pick(loop, other),
        ...more,
      },
      text,
    );
  const rounds = element("span", {
    class: "rounds",
    role: "group",
    "aria-label": `rounds of ${name}`,
  });
  const ran = frame === -1 ? (data.ran[loop] ?? n) : n;
  if (n <= 8 && ran <= n && glanceWidth > 100)
    for (let i = 0; i < n; i++)
      rounds.append(
        to(i, `${name} ${i + base}`, String(i + base), {
          "aria-current": i === round ? "true" : undefined,
        }),
      );
  else
    rounds.append(
      to(round - 1, `${name} before`, "‹"),
      element("b", {}, String(round + base)),
      element(
        "small",
        {title: ran > n ? `${n} of ${ran} rounds are kept` : undefined},
        ran > n && loop === outerOf(loop)
          ? ` of ${ran}, ${n} kept `
          : ` of ${base}–${n - 1 + base} `,
      ),
      to(round + 1, `next ${name}`, "›"),
    );
  box.append(rounds);
  return box;
}

const outerOf = (loop) => statements[loop].loops[0] ?? loop;

function lineLink(number, e, code = true) {
  const {first} = statements[number];
  const text = document.querySelector(`#L${first} code`)?.textContent.split("\n")[0].trim() ?? "";
  const go = (event) => {
    event.preventDefault();
    if (e === undefined) visit(`#line=${first}`);
    else moveTo(e);
    openFold(number);
    reveal();
  };
  return element(
    "a",
    {href: `#line=${first}`, onclick: go, "data-key": `line ${first} ${e}`},
    `line ${first}`,
    ...(code ? [" ", element("code", {}, text)] : []),
  );
}

function openFold(number) {
  const fold = rowNodeOf(number)?.closest("details.fold");
  if (fold) fold.open = true;
}

// Scroll to the line in hand; where it is shown twice, to the one inside the call.
function reveal() {
  const marks = [...document.querySelectorAll("#code .row.now")];
  const mark = marks.find((node) => node.closest(".inside")) ?? marks[0];
  if (!mark) return;
  mark.closest("details.fold:not([open])")?.setAttribute("open", "");
  const {top} = mark.querySelector(".gutter").getBoundingClientRect(),
    bar = byId("bar").getBoundingClientRect().bottom;
  const bottom = isNarrow() ? byId("pane").getBoundingClientRect().top : innerHeight;
  if (top < bar + 4 || top + 24 > bottom - 60) {
    const middle = bar + (bottom - bar) * 0.4;
    scrollBy(0, top - middle);
  }
}

let glanceWidth = 112; // pixels for a glance's picture
function readGlanceWidth() {
  const style = getComputedStyle(document.documentElement);
  glanceWidth = parseInt(style.getPropertyValue("--picture"), 10) || 112;
}

function newLines() {
  rows = [];
  rowNodes = new Map();
  for (const node of document.querySelectorAll("#code .row[data-statement]")) {
    const name = node.dataset.function;
    rowNodes.set(Number(node.dataset.statement), node);
    rows.push(new Row(node, name ? () => frameOf(name) : () => -1, true));
  }
}
