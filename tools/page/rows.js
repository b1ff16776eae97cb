// A row is a statement's lines and the values that they made. The row of a call can open to rows of
// the function's lines, for that call.

const rows = [];
const opened = new Set(); // "statement call" of the calls that are open, beside the cursor's
const ranAtAll = new Set(events.statement);
const rowOf = new WeakMap(); // by its element

class Row {
  constructor(node, frame) {
    this.node = node;
    rowOf.set(node, this);
    this.frame = frame; // a function that returns the frame, or undefined: the function did not run
    this.number = Number(node.dataset.statement);
    this.values = node.querySelector(".values");
    this.event = undefined;
    this.state = null; // what its values were drawn for
    this.within = [];
  }

  update() {
    const frame = this.frame();
    let e = frame === undefined ? undefined : eventAt(this.number, frame);
    if (this.isAt(cursor, frame)) e = cursor; // also where a loop has found no more
    const calls = e === undefined ? [] : callsOf.get(e) || [];
    const rounds = isLoop(this.number) ? roundsAt(this.number, frame ?? -1) : [];
    const state = `${e} ${rounds}`;
    const focused = this.node.contains(document.activeElement) && nameOf(document.activeElement);
    if (state !== this.state) {
      this.event = e;
      this.state = state;
      this.callsDrawn = null;
      this.values.replaceChildren(...this.content(e));
    }
    this.drawCalls(calls);
    if (focused && document.activeElement === document.body) {
      // what had the focus has been drawn anew
      const again = [...this.values.querySelectorAll("button")].find(
        (one) => nameOf(one) === focused,
      );
      (again?.disabled ? again.parentElement.querySelector("button:enabled") : again)?.focus();
    }
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
    const parts = [],
      one = statements[this.number];
    if (isLoop(this.number)) parts.push(roundPicker(this.number, this.frame()));
    if (e === undefined) {
      if (!["FunctionDef", "Docstring"].includes(one.kind))
        parts.push(
          element("span", {class: "none"}, ranAtAll.has(this.number) ? "not run here" : "not run"),
        );
      return parts;
    }
    one.targets.forEach((target, i) => {
      const value = valueOf(e, i);
      if (value !== undefined) parts.push(drawn(target, value, e));
    });
    if (events.printed[e])
      parts.push(
        element(
          "div",
          {class: "value"},
          element("span", {class: "meta"}, "prints"),
          element("pre", {class: "printed"}, shownLines(events.printed[e].replace(/\n$/, ""))),
        ),
      );
    if (data.failure[1] && data.failure[0] === e)
      parts.push(element("p", {class: "error"}, data.failure[1]));
    if (isLoop(this.number) && this.number === choiceLoops[1]) parts.push(overview(e));
    return parts;
  }

  drawCalls(calls) {
    const entered = chainOf(cursor).map((e) => events.frame[e]);
    const wanted = calls.map((call, i) => [
      call,
      `${this.number} ${i}`,
      opened.has(`${this.number} ${i}`) || entered.includes(call),
    ]);
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
      this.values.append(
        element(
          "button",
          {class: "call", "aria-expanded": String(isOpen), onclick: toggle},
          `${title}()`,
        ),
      );
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

const nameOf = (button) => button.ariaLabel ?? button.textContent;

function shownLines(text) {
  const lines = text.split("\n").map(shown);
  return element("span", {}, ...lines.flatMap((line, i) => (i ? ["\n", line] : [line])));
}

// The round of a loop that is shown, with a button to either side.
function roundPicker(loop, frame) {
  const n = nRounds(loop, frame ?? -1);
  if (!n) return element("span", {class: "none"}, "no round");
  const round = roundsAt(loop, frame ?? -1).at(-1),
    name = loopNames.get(loop).replace(/\d+$/, "");
  const to = (other, label, text) =>
    element(
      "button",
      {"aria-label": label, disabled: other < 0 || other >= n, onclick: () => pick(loop, other)},
      text,
    );
  return element(
    "span",
    {class: "rounds", role: "group", "aria-label": `rounds of ${name}`},
    to(round - 1, "round before", "◀"),
    ` ${name} ${round} of 0–${n - 1} `,
    to(round + 1, "next round", "▶"),
  );
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
  const inside = (node) =>
    node.closest(".inside") ? 1 + inside(node.closest(".inside").parentElement) : 0;
  const marks = [...document.querySelectorAll(".now > .line")].sort(
    (a, b) => inside(b) - inside(a),
  );
  if (!marks.length) return;
  const {top, bottom} = marks[0].getBoundingClientRect(),
    bar = document.querySelector(".bar").getBoundingClientRect().bottom;
  if (top < bar || bottom + 80 > innerHeight) marks[0].scrollIntoView({block: "center"});
}
