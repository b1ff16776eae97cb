// A table of any size, of which only what is in view exists. Arrow keys move its current cell.

// `o`: rows, columns; row(r), column(c): headings; cell(r, c), colour(r, c); wide: for texts;
// upright: one row is easier to read as a column; at: [r, c] the current cell; pick(r, c);
// row and column that are followed.
function sheet(options) {
  const o = bound(options);
  if (o.upright) {
    return sheet({
      ...o,
      upright: false,
      rows: o.columns,
      columns: 1,
      row: o.column,
      column: () => "value",
      cell: (r) => o.cell(0, r),
      colour: o.colour && ((r) => o.colour(0, r)),
      at: o.at && [o.at[1], 0],
      pick: (r) => o.pick(0, r),
      followedRow: o.followedColumn,
      followedColumn: -1,
    });
  }
  const touch = matchMedia("(pointer: coarse)").matches;
  const rowHeight = touch ? 44 : 24,
    width = o.wide ? 400 : 80,
    side = o.wide ? 44 : 66;
  const space = element("div", {class: "space"});
  const box = element(
    "div",
    {
      class: "sheet",
      tabindex: "0",
      role: "region",
      "aria-label": `${counted(o.rows, "row")}, ${counted(o.columns, "column")}; arrow keys move`,
      "data-key": "sheet",
    },
    space,
  );
  box.style.setProperty("--row", `${rowHeight}px`);
  box.style.setProperty("--column", `${width}px`);
  box.style.setProperty("--side", `${side}px`);
  space.style.width = `${side + o.columns * width}px`;
  space.style.height = `${(o.rows + 1) * rowHeight}px`;
  box.style.height = `${(o.rows + 1) * rowHeight + 18}px`;
  const redraw = () => {
    const top = Math.max(0, Math.floor(box.scrollTop / rowHeight)),
      left = Math.max(0, Math.floor(box.scrollLeft / width));
    const bottom = Math.min(o.rows, top + Math.ceil((box.clientHeight || 300) / rowHeight) + 1),
      right = Math.min(o.columns, left + Math.ceil((box.clientWidth || 600) / width) + 1);
    const head = element("tr", {"aria-rowindex": "1"}, element("td", {"aria-colindex": "1"}));
    const mark = (i, one) => (i === one ? "is-followed" : undefined);
    for (let c = left; c < right; c++)
      head.append(
        element(
          "th",
          {scope: "col", "aria-colindex": String(c + 2), class: mark(c, o.followedColumn)},
          o.column(c),
        ),
      );
    const body = element("tbody");
    for (let r = top; r < bottom; r++) {
      const line = element(
        "tr",
        {"aria-rowindex": String(r + 2)},
        element(
          "th",
          {scope: "row", "aria-colindex": "1", class: mark(r, o.followedRow)},
          o.row(r),
        ),
      );
      for (let c = left; c < right; c++) {
        const isCurrent = o.at && r === o.at[0] && c === o.at[1];
        const one = element(
          "td",
          {
            "aria-colindex": String(c + 2),
            "data-at": `${r} ${c}`,
            class: isCurrent ? "current" : undefined,
          },
          o.cell(r, c),
        );
        const colour = o.colour?.(r, c);
        if (colour) one.style.setProperty("--colour", `rgb(${colour.join(" ")})`);
        line.append(one);
      }
      body.append(line);
    }
    const table = element(
      "table",
      {
        "aria-rowcount": String(o.rows + 1),
        "aria-colcount": String(o.columns + 1),
        class: o.wide ? "wide" : "",
      },
      element("thead", {}, head),
      body,
    );
    table.style.left = `${left * width}px`;
    table.style.top = `${top * rowHeight}px`;
    space.replaceChildren(table);
  };
  box.addEventListener("scroll", redraw);
  box.addEventListener("click", (event) => {
    const at = event.target.closest("td[data-at]");
    if (at) o.pick(...at.dataset.at.split(" ").map(Number));
  });
  box.addEventListener("keydown", (event) => {
    const page = Math.floor(box.clientHeight / rowHeight) - 2;
    const [down, across] =
      {
        ...ARROWS,
        PageUp: [-page, 0],
        PageDown: [page, 0],
        Home: [0, -o.columns],
        End: [0, o.columns],
      }[event.key] ?? [];
    if (down === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const [r, c] = o.at ?? [0, 0];
    o.pick(
      Math.max(0, Math.min(o.rows - 1, r + down)),
      Math.max(0, Math.min(o.columns - 1, c + across)),
    );
  });
  // Once it stands in the page: what was picked elsewhere is in sight here.
  box.settle = () => {
    if (o.at) {
      const [r, c] = o.at;
      box.scrollTop = Math.min(
        Math.max(box.scrollTop, (r + 3) * rowHeight - box.clientHeight),
        r * rowHeight,
      );
      box.scrollLeft = Math.min(
        Math.max(box.scrollLeft, side + (c + 1) * width - box.clientWidth),
        c * width,
      );
    }
    redraw();
  };
  return box;
}
