// One value in full: its numbers, what they are about, the lines that make and use it.

const dialog = byId("value");

function openValue(target, value, e) {
  byId("value-name").textContent = target;
  const one = statements[events.statement[e]];
  const parts = [element("p", {class: "meta"}, `${describe(value)} · ${placeText(e)}`)];
  let table;
  if (kindOf(value) === "array") {
    const {shape, kept} = data.arrays[value.array],
      [least, most, mean, deviation] = figuresOf(value.array);
    const figures = {
      shape: `[${shape.join(", ")}]`,
      minimum: least,
      maximum: most,
      mean,
      "standard deviation": deviation,
    };
    const list = element("dl");
    for (const [name, figure] of Object.entries(figures)) {
      if (figure !== null)
        list.append(
          element(
            "div",
            {},
            element("dt", {}, name),
            element("dd", {}, typeof figure === "string" ? figure : number(figure, 6)),
          ),
        );
    }
    parts.push(list);
    if (kept.join() !== shape.join())
      parts.push(
        element(
          "p",
          {class: "note"},
          `The first [${kept.join(", ")}] are kept here; the figures are those of all.`,
        ),
      );
    const nColumns = kept.at(-1) ?? 1,
      numbers = numbersOf(value.array),
      axes = axesOf(e);
    const digits = data.arrays[value.array].code === "f8" ? 17 : 9,
      colour = colours(value.array);
    if (kept.length) parts.push(heat(value.array, axes, e, target, 160));
    table = sheet({
      rows: nColumns ? numbers.length / nColumns : 0,
      columns: nColumns,
      row: (r) => (kept.length < 2 ? "" : rowLabel(kept, axes, r, e)),
      column: (c) => visible(labelOf(kept.length ? axes.at(-1) : "", c, e)),
      cell: (r, c) => number(numbers[r * nColumns + c], 5),
      whole: (r, c) => number(numbers[r * nColumns + c], digits),
      colour: (r, c) => colour(numbers[r * nColumns + c]),
      upright: kept.length < 2,
    });
  } else if (isCollection(value)) {
    const items = itemsOf(value),
      text = (r) => (Array.isArray(items[r]) ? items[r].map(brief).join(": ") : brief(items[r]));
    if (value.length > items.length)
      parts.push(
        element(
          "p",
          {class: "note"},
          `The first ${items.length} of ${value.length.toLocaleString("en")} are kept here.`,
        ),
      );
    table = sheet({
      rows: items.length,
      columns: 1,
      row: String,
      column: () => kindOf(value),
      cell: text,
      whole: text,
      wide: true,
    });
  } else {
    const text =
      typeof value === "string"
        ? value
        : value && "str" in Object(value)
          ? value.str
          : brief(value);
    parts.push(element("pre", {class: "printed"}, shownLines(text)));
  }
  if (table) parts.push(table);
  parts.push(
    element("p", {}, "Made by ", lineLink(events.statement[e], e), "."),
    usedBy(target, e),
  );
  byId("value-body").replaceChildren(...parts);
  if (!dialog.open) dialog.showModal();
  dialog.append(byId("tip"));
  table?.redraw();
}

function placeText(e) {
  const names = chainOf(e).flatMap((one) =>
    loopsOf(events.statement[one]).map(
      (loop, i) => `${loopNames.get(loop).replace(/\d+$/, "")} ${events.iterations[one][i]}`,
    ),
  );
  return [`line ${lineOf(e)}`, ...names].join(", ");
}

function lineLink(number, e) {
  const {first} = statements[number],
    code = document.querySelector(`#L${first} code`)?.textContent.split("\n")[0].trim() ?? "";
  const go = (event) => {
    event.preventDefault();
    dialog.close();
    e === undefined ? visit(`#line=${first}`) : moveTo(e);
  };
  return element(
    "a",
    {href: `#line=${first}`, onclick: go},
    `line ${first}`,
    " ",
    element("code", {}, code),
  );
}

const localsOf = new Map(); // function → the names that it makes itself
for (const one of statements) {
  const name = one.kind === "FunctionDef" ? one.name : one.function;
  if (name) localsOf.set(name, new Set([...(localsOf.get(name) ?? []), ...one.targets]));
}

// The lines that read a value until another one takes its name, or until its function is over.
function usedBy(target, e) {
  const name = rootOf(target),
    frame = events.frame[e],
    found = new Map();
  if (target === "return") found.set(events.statement[events.caller[frame]], events.caller[frame]);
  const over = (other) => frame >= 0 && !chainOf(other).some((one) => events.frame[one] === frame);
  for (let other = e + 1; other < nEvents && !over(other); other++) {
    const number = events.statement[other],
      one = statements[number],
      inside = events.frame[other] !== frame;
    const reads = one.reads.includes(name) && !(inside && localsOf.get(one.function)?.has(name));
    const here = eventAt(number, events.frame[other]) === other; // in the chosen rounds
    if (reads && (here || !found.has(number))) found.set(number, other);
    const anew = ["Assign", "For"].includes(one.kind) && one.targets.includes(name);
    if (anew && !inside && !ended.has(other)) break;
  }
  if (!found.size) return element("p", {}, "No line that is kept here uses it.");
  const links = [...found].map(([number, other]) => element("li", {}, lineLink(number, other)));
  return element(
    "div",
    {},
    element("p", {}, target === name ? "Used by" : `Lines that use ${name}`),
    element("ul", {class: "uses"}, ...links),
  );
}

// A table of any size, of which only what is in view exists. Arrow keys move its current cell.
function sheet({rows: nRows, columns: nColumns, row, column, cell, whole, colour, wide, upright}) {
  if (upright) {
    // one row is easier to read as a column
    return sheet({
      rows: nColumns,
      columns: 1,
      row: column,
      column: () => "value",
      cell: (r) => cell(0, r),
      whole: (r) => whole(0, r),
      colour: colour && ((r) => colour(0, r)),
    });
  }
  const rowHeight = 24,
    width = wide ? 480 : 92,
    side = 130;
  const readout = element("output", {class: "readout"});
  const space = element("div", {class: "space"});
  const box = element(
    "div",
    {
      class: "sheet",
      tabindex: "0",
      role: "region",
      "aria-label": `${nRows} rows, ${nColumns} columns of numbers; arrow keys move`,
    },
    space,
  );
  space.style.width = `${side + nColumns * width}px`;
  space.style.height = `${(nRows + 1) * rowHeight}px`;
  box.style.height = `${(nRows + 1) * rowHeight + 18}px`;
  let now = [0, 0];
  const tell = () => {
    readout.textContent =
      nRows * nColumns
        ? `${[row(now[0]), nColumns > 1 ? column(now[1]) : ""].filter(Boolean).join(", ")}: ${whole(...now)}`
        : "empty";
  };
  const redraw = () => {
    const top = Math.max(0, Math.floor(box.scrollTop / rowHeight)),
      left = Math.max(0, Math.floor(box.scrollLeft / width));
    const bottom = Math.min(nRows, top + Math.ceil((box.clientHeight || 300) / rowHeight) + 1),
      right = Math.min(nColumns, left + Math.ceil((box.clientWidth || 600) / width) + 1);
    const head = element("tr", {"aria-rowindex": "1"}, element("td", {"aria-colindex": "1"}));
    for (let c = left; c < right; c++)
      head.append(element("th", {scope: "col", "aria-colindex": String(c + 2)}, column(c)));
    const body = element("tbody");
    for (let r = top; r < bottom; r++) {
      const line = element(
        "tr",
        {"aria-rowindex": String(r + 2)},
        element("th", {scope: "row", "aria-colindex": "1"}, row(r)),
      );
      for (let c = left; c < right; c++) {
        const one = element(
          "td",
          {
            "aria-colindex": String(c + 2),
            "data-at": `${r} ${c}`,
            class: r === now[0] && c === now[1] ? "current" : undefined,
          },
          cell(r, c),
        );
        if (colour) one.style.setProperty("--colour", `rgb(${colour(r, c).join(" ")})`);
        line.append(one);
      }
      body.append(line);
    }
    const table = element(
      "table",
      {
        "aria-rowcount": String(nRows + 1),
        "aria-colcount": String(nColumns + 1),
        class: wide ? "wide" : "",
      },
      element("thead", {}, head),
      body,
    );
    table.style.left = `${left * width}px`;
    table.style.top = `${top * rowHeight}px`;
    space.replaceChildren(table);
    tell();
  };
  box.addEventListener("scroll", redraw);
  box.addEventListener("pointermove", (event) => {
    const at = event.target.closest?.("td[data-at]");
    if (at) {
      now = at.dataset.at.split(" ").map(Number);
      tell();
    }
  });
  box.addEventListener("keydown", (event) => {
    const page = Math.floor(box.clientHeight / rowHeight) - 2;
    const [down, across] =
      {
        ArrowUp: [-1, 0],
        ArrowDown: [1, 0],
        ArrowLeft: [0, -1],
        ArrowRight: [0, 1],
        PageUp: [-page, 0],
        PageDown: [page, 0],
        Home: [0, -nColumns],
        End: [0, nColumns],
      }[event.key] ?? [];
    if (down === undefined) return;
    event.preventDefault();
    now = [
      Math.max(0, Math.min(nRows - 1, now[0] + down)),
      Math.max(0, Math.min(nColumns - 1, now[1] + across)),
    ];
    box.scrollTop = Math.min(
      Math.max(box.scrollTop, (now[0] + 3) * rowHeight - box.clientHeight),
      now[0] * rowHeight,
    );
    box.scrollLeft = Math.min(
      Math.max(box.scrollLeft, side + (now[1] + 1) * width - box.clientWidth),
      now[1] * width,
    );
    redraw();
  });
  const whole_ = element("div", {}, readout, box);
  whole_.redraw = redraw;
  return whole_;
}

dialog.addEventListener("close", () => {
  document.body.append(byId("tip"));
  byId("tip").hidden = true;
});
byId("close").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});
