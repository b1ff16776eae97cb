// A grid of coloured cells with names on both axes. Arrow keys, the pointer and touch pick a cell.

const zooms = new Map(); // name of a grid → by how much its cells are larger than fits

// `o`: name, label; rows, columns; colour(r, c); rowLabel(r), columnLabel(c); width and height that
// there is room for, side and top of it for the labels; least and most: a cell's size; flat: cells
// may be wider than high; now: [from, to] of the rows to outline; row, column: those followed;
// at: [r, c] that is picked; text(r, c): what stands in a cell; tell(r, c) says what is under the
// pointer, tell() what else there is to say; pick(r, c).
function gridOf(options) {
  const o = bound(options);
  const zoom = zooms.get(o.name) ?? 1;
  const fit = (room, n) => Math.min(o.most ?? 30, room / Math.max(1, n));
  let wide = fit(o.width - o.side, o.columns),
    high = fit(o.height - o.top, o.rows);
  if (!o.flat) wide = high = Math.min(wide, high);
  else high = Math.max(Math.min(22, high), 3);
  const fits = Math.min(wide, high);
  if (wide > 8) wide = Math.floor(wide);
  if (high > 8) high = Math.floor(high);
  wide *= zoom;
  high = Math.min(28, high * (o.flat ? 1 : zoom));
  if (!o.flat) wide = high = Math.min(wide, 28 > wide ? wide : Math.max(28, fits));

  const cells = element("div", {class: "cells"}, raster(o.columns, o.rows, o.colour));
  cells.style.width = `${wide * o.columns}px`;
  cells.style.height = `${high * o.rows}px`;
  cells.style.setProperty("--wide", `${wide}px`);
  cells.style.setProperty("--high", `${high}px`);
  cells.classList.toggle("lined", wide > 6 && high > 6);
  const put = (node, r, c, rows = 1, columns = 1) => {
    node.style.left = `${c * wide}px`;
    node.style.top = `${r * high}px`;
    node.style.width = `${columns * wide}px`;
    node.style.height = `${rows * high}px`;
    cells.append(node);
  };
  if (o.now && o.now[1] > o.now[0])
    put(element("i", {class: "now"}), o.now[0], 0, o.now[1] - o.now[0], o.nowColumns ?? o.columns);
  if (o.column >= 0) put(element("i", {class: "followed"}), 0, o.column, o.rows, 1);
  if (o.row >= 0 && o.column === undefined)
    put(element("i", {class: "followed"}), o.row, 0, 1, o.columns);
  if (o.text && wide >= 22 && high >= 16)
    for (let r = 0; r < o.rows; r++)
      for (let c = 0; c < o.columns; c++) {
        const text = o.text(r, c);
        if (text) put(element("span", {class: text.dark ? "dark" : ""}, text.text), r, c);
      }
  if (o.at && o.at[0] < o.rows && o.at[1] < o.columns)
    put(element("i", {class: "picked"}), ...o.at);

  const names = (n, size, label, across) => {
    const box = element("div", {class: across ? "columns" : "rows"});
    if (!label) return box;
    const line = isNarrow() ? 10 : 13;
    const every = Math.ceil(line / size);
    const special = new Set([across ? o.column : o.row, o.at?.[across ? 1 : 0]]);
    if (!across && o.now) special.add(o.now[1] - 1);
    for (let i = 0; i < n; i++) {
      const crowded = [...special].some((one) => one !== i && Math.abs(one - i) * size < line);
      if (!special.has(i) && (i % every || (every > 1 && crowded))) continue;
      const node = element("span", {}, label(i));
      if (!across && o.now && i >= o.now[0] && i < o.now[1]) node.classList.add("in-now");
      if (!across && o.faint?.(i)) node.classList.add("to-come");
      if (i === (across ? o.column : o.row)) node.classList.add("is-followed");
      if (o.at && i === o.at[across ? 1 : 0]) node.classList.add("is-picked");
      node.dataset.i = i;
      node.style[across ? "left" : "top"] = `${Math.max(line / 2, (i + 0.5) * size)}px`;
      box.append(node);
    }
    return box;
  };
  const columns = names(o.columns, wide, o.columnLabel, true),
    rows = names(o.rows, high, o.rowLabel, false);
  columns.style.height = `${o.top}px`;
  columns.style.width = cells.style.width;
  rows.style.width = `${o.side}px`;
  rows.style.height = cells.style.height;

  const scroll = element(
    "div",
    {
      class: `grid${o.ground ? ` ${o.ground}` : ""}`,
      tabindex: "0",
      role: "group",
      "aria-label": `${o.label}; arrow keys move from number to number`,
      "data-key": `grid ${o.name}`,
    },
    element("div", {class: "corner"}),
    columns,
    rows,
    cells,
  );
  scroll.style.gridTemplateColumns = `${o.side}px auto`;
  scroll.style.maxWidth = `${o.width}px`;
  scroll.style.maxHeight = `${Math.max(o.height, o.top + 60)}px`;
  const where = (event) => {
    const box = cells.getBoundingClientRect();
    const r = Math.floor((event.clientY - box.top) / high),
      c = Math.floor((event.clientX - box.left) / wide);
    return r >= 0 && c >= 0 && r < o.rows && c < o.columns ? [r, c] : null;
  };
  cells.addEventListener("pointermove", (event) => {
    const at = where(event);
    if (at && event.pointerType === "mouse") o.tell(...at);
  });
  cells.addEventListener("pointerleave", () => o.tell());
  cells.addEventListener("click", (event) => {
    const at = where(event);
    if (at) o.pick(...at);
  });
  rows.addEventListener("click", (event) => {
    const name = event.target.closest("[data-i]");
    if (name) o.pick(Number(name.dataset.i), o.best?.(Number(name.dataset.i)) ?? 0);
  });
  scroll.addEventListener("keydown", (event) => {
    const [down, across] = ARROWS[event.key] ?? [];
    if (down === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const [r, c] = o.at ?? [o.now ? o.now[1] - 1 : 0, 0];
    const within = (x, n) => Math.max(0, Math.min(n - 1, x));
    if (o.at) o.pick(within(r + down, o.rows), within(c + across, o.columns));
    else o.pick(r, c);
  });
  // Begin where there is something to see.
  requestAnimationFrame(() => {
    const [r, c] = o.at ?? [o.now ? o.now[1] - 1 : 0, 0];
    const bottom = (r + 1) * high + o.top - scroll.clientHeight,
      right = (c + 1) * wide + o.side - scroll.clientWidth;
    if (scroll.scrollTop < bottom) scroll.scrollTop = bottom + high;
    if (scroll.scrollTop > r * high) scroll.scrollTop = r * high;
    if (scroll.scrollLeft < right) scroll.scrollLeft = right + wide;
    if (scroll.scrollLeft > c * wide) scroll.scrollLeft = c * wide;
  });
  return element(
    "div",
    {class: "grid-box"},
    (fits < 12 || zoom > 1) && !(isNarrow() && o.name === "map")
      ? zoomOf(o.name, zoom, 28 / fits)
      : null,
    scroll,
  );
}

const ARROWS = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]};

function zoomOf(name, zoom, most) {
  const by = (factor, text, label) =>
    element(
      "button",
      {
        "aria-label": label,
        "data-key": `${label} ${name}`,
        disabled: factor > 1 ? zoom >= most : zoom <= 1,
        onclick: () => {
          zooms.set(name, Math.max(1, Math.min(most, zoom * factor)));
          repaint();
        },
      },
      text,
    );
  const box = element("div", {class: "zoom", role: "group", "aria-label": "Size of the cells"});
  box.append(by(0.4, "−", "smaller"), by(2.5, "+", "larger"));
  return box;
}

// Fill a box anew; what has the focus keeps it, and what was scrolled stays so.
function refill(box, ...nodes) {
  const active = box.contains(document.activeElement) && document.activeElement.dataset.key;
  const scrolled = [...box.querySelectorAll("[data-key]")]
    .filter((one) => one.scrollTop || one.scrollLeft)
    .map((one) => [one.dataset.key, one.scrollLeft, one.scrollTop]);
  box.replaceChildren(...nodes.filter(Boolean));
  for (const [name, left, top] of scrolled)
    box.querySelector(`[data-key="${CSS.escape(name)}"]`)?.scrollTo(left, top);
  if (!active) return;
  const again = box.querySelector(`[data-key="${CSS.escape(active)}"]`);
  if (again?.disabled) again.parentElement.querySelector("button:enabled")?.focus();
  else again?.focus({preventScroll: true});
}

// -- attention: each token's row, from whichever round made it

// The attention of one layer and head over the whole text: row and column are positions. With a
// cache each round adds a row; the rows of the chosen round are its own, whatever others made.
function stackOf(round, layer, head) {
  const name = `${round} ${layer} ${head}`;
  if (stacks.has(name)) return stacks.get(name);
  const found = []; // [round, first row's position, index]
  const at = statements[choiceStatement]?.targets.indexOf(data.choice[0]);
  for (const e of ranIn.get(choiceStatement) || []) {
    const [r, l, h] = events.iterations[e],
      index = valueOf(e, at)?.array;
    const {shape, kept} = data.arrays[index] ?? {};
    if (events.frame[e] >= 0 || l !== layer || h !== head || kept?.length !== 2) continue;
    found.push({round: r, from: Math.max(0, shape[1] - shape[0]), index, kept, shape});
  }
  const size = Math.max(0, ...found.map((one) => one.shape[1]));
  const rows = Array.from({length: size}, () => null);
  const order = (one) => (one.round === round ? -1e9 : one.round < round ? -one.round : one.round);
  for (const one of found.sort((a, b) => order(a) - order(b)))
    for (let r = 0; r < one.kept[0] && one.from + r < size; r++)
      rows[one.from + r] ??= {...one, r, numbers: numbersOf(one.index)};
  const mine = found.find((one) => one.round === round);
  const stack = {
    size,
    rows,
    now: mine ? [mine.from, Math.min(size, mine.from + mine.shape[0])] : null,
    nowColumns: mine?.shape[1],
    whole: found.every((one) => one.kept.join() === one.shape.join()),
    at(r, c) {
      const row = rows[r];
      return row && c < row.kept[1] ? row.numbers[row.r * row.kept[1] + c] : undefined;
    },
    best(r) {
      let best = 0;
      for (let c = 1; c < size; c++) if (this.at(r, c) > (this.at(r, best) ?? -1)) best = c;
      return best;
    },
    toCome: (r) => rows[r] !== null && rows[r].round > round,
    // No token looks ahead: what lies there is no number to look at.
    ahead: (r, c) => c > r,
  };
  if (stacks.size > 400) stacks.clear();
  stacks.set(name, stack);
  return stack;
}

// Cells that lie ahead are left empty, unless something looks there: then the mask is not at work.
function colourOfStack(stack) {
  const colour = scale(1);
  return (r, c) => {
    const x = stack.at(r, c);
    if (x === undefined || (stack.ahead(r, c) && !(x > 0))) return undefined;
    const [red, green, blue] = colour(x) ?? [128, 128, 128];
    return [red, green, blue, stack.toCome(r) ? 110 : 255];
  };
}

// What a cell says, in words.
function tellAttention(stack, r, c, digits) {
  const x = stack.at(r, c);
  const token = (position) => element("b", {}, shown(tokenText(data.ids[position])));
  const parts = [token(r), ` (row ${r}) looks at `, token(c), ` (column ${c}): `];
  if (x === undefined) parts.push("not kept");
  else parts.push(element("b", {class: "number"}, number(x, digits)), `, ${percent(x)}`);
  if (stack.ahead(r, c) && !(x > 0)) parts.push(". It lies ahead");
  if (stack.rows[r] && stack.rows[r].round !== roundOf(choiceLoops[0]))
    parts.push(`. Round ${stack.rows[r].round + 1} made this row`);
  return parts;
}

// The row that is talked about: of the picked cell, the followed token, or the last of this round.
const rowInQuestion = (stack) =>
  cell && cell[0] < stack.size && onChoice()
    ? cell[0]
    : followed >= 0 && stack.rows[followed]
      ? followed
      : (stack.now?.[1] ?? stack.size) - 1;

const onChoice = () => events.statement[inHand()] === choiceStatement;

// What a large grid of attention has, whatever it shows: the tokens on both axes, those of now.
const tokensOf = (stack) => ({
  rows: stack.size,
  columns: stack.size,
  rowLabel: (r) => tokenLabel(r),
  columnLabel: (c) => tokenLabel(c),
  faint: stack.toCome,
  now: stack.now,
  nowColumns: stack.nowColumns,
});

function attentionGrid(name, width, height, side, top, most, tellTo) {
  const stack = stackOf(...roundsAt(choiceStatement, -1));
  const asked = rowInQuestion(stack);
  const at = onChoice() && cell ? cell : null;
  const digits = name === "map" ? 6 : 9; // nine are all of a float32
  const tell = (r, c) => {
    const most = stack.best(asked);
    const said =
      r !== undefined
        ? tellAttention(stack, r, c, digits)
        : at
          ? tellAttention(stack, ...at, digits)
          : [
              element("b", {}, shown(tokenText(data.ids[asked]))),
              " looks most at ",
              element("b", {}, shown(tokenText(data.ids[most]))),
              most === asked ? " itself" : ` (token ${most})`,
              ": ",
              element("b", {}, percent(stack.at(asked, most))),
              isNarrow() && name === "map" ? "" : " of its attention",
            ];
    tellTo.replaceChildren(...said);
  };
  tell();
  const texts = new Set([asked]);
  return gridOf({
    name,
    label: `${data.choice[0]}: each row’s token looks at the columns’`,
    ...tokensOf(stack),
    colour: colourOfStack(stack),
    width,
    height,
    side,
    top,
    most,
    row: followed >= 0 && followed < stack.size ? followed : undefined,
    column: followed >= 0 && followed < stack.size ? followed : undefined,
    at,
    best: (r) => stack.best(r),
    text: (r, c) => {
      const x = stack.at(r, c);
      return texts.has(r) && x >= 0.08 ? {text: Math.round(100 * x), dark: x > 0.6} : null;
    },
    tell,
    pick: (r, c) => {
      cell = [r, c];
      if (!onChoice()) {
        cursor = eventAt(choiceStatement, -1) ?? cursor;
        target = null;
      }
      render();
    },
  });
}
