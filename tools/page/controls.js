// Controls: the bar, keys, the table of contents, printing; and the start.

const selects = choiceLoops.map((loop) => {
  const name = loopNames.get(loop);
  const select = element("select", {
    "aria-label": name,
    id: `choose-${name}`,
    onchange: () => pick(loop, Number(select.value)),
  });
  byId("choices").append(element("label", {for: `choose-${name}`}, name), select);
  return select;
});

function fillSelects() {
  choiceLoops.forEach((loop, i) => {
    const n = nRounds(loop, -1);
    if (selects[i].length !== n)
      selects[i].replaceChildren(
        ...Array.from({length: n}, (_, round) =>
          element("option", {value: round}, i ? String(round) : roundText(round)),
        ),
      );
    selects[i].value = roundsAt(loop, -1).at(-1);
  });
}

// The round of the main loop, by what went into it and the token that it made.
function roundText(round) {
  const into = round ? madeIn(round - 1) : undefined;
  return `${round}: ${[into ?? "prompt", madeIn(round)].filter(Boolean).join(" → ")}`;
}

function madeIn(round) {
  const e = (madeBy.get("next_id") || []).find((other) => events.iterations[other][0] === round);
  if (e === undefined) return undefined;
  const target = statements[events.statement[e]].targets.indexOf("next_id");
  return visible(tokenText(valueOf(e, target)));
}

function renderBar() {
  fillSelects();
  byId("position").value = Math.max(0, cursor);
  const text =
    cursor < 0
      ? `${nEvents.toLocaleString("en")} lines run`
      : `${(cursor + 1).toLocaleString("en")} of ${nEvents.toLocaleString("en")} · ${placeText(cursor)}`;
  byId("where").textContent = text;
  byId("position").setAttribute("aria-valuetext", text);
  byId("all").setAttribute("aria-pressed", String(!stepping));
  document.body.classList.toggle("stepping", stepping);
}

byId("position").max = nEvents - 1;
byId("position").addEventListener("input", () => moveTo(Number(byId("position").value), true));
byId("forward").addEventListener("click", (event) => step(1, !event.shiftKey));
byId("back").addEventListener("click", (event) => step(-1, !event.shiftKey));
byId("into").addEventListener("click", () => step(1, false));
byId("all").addEventListener("click", () => {
  stepping = false;
  render();
});
addEventListener("keydown", (event) => {
  if (
    dialog.open ||
    event.ctrlKey ||
    event.altKey ||
    event.metaKey ||
    event.target.closest("select, input, .scroll")
  )
    return;
  if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
    event.preventDefault();
    step(event.key === "ArrowRight" ? 1 : -1, !event.shiftKey);
  } else if (event.key === "Escape" && stepping) {
    stepping = false;
    render();
  }
});
document.querySelector("main").addEventListener("click", (event) => {
  const link = event.target.closest("a.line"),
    row = link?.closest(".row");
  if (!row) return;
  event.preventDefault();
  const {event: found} = rowOf.get(row) ?? {};
  if (found !== undefined) moveTo(found);
});
addEventListener("hashchange", () => {
  if (location.hash !== address()) visit(location.hash);
});

// The table of contents follows the scrolling.
const headings = [...document.querySelectorAll("main > h2")];
function follow() {
  const bar = document.querySelector(".bar").getBoundingClientRect().bottom + 60;
  const atEnd = scrollY > 0 && scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
  const now = atEnd
    ? headings.at(-1)
    : headings.findLast((heading) => heading.getBoundingClientRect().top < bar);
  for (const link of document.querySelectorAll(".steps a")) {
    const here = now && link.getAttribute("href") === `#${now.id}`;
    if (here && !link.hasAttribute("aria-current")) {
      // only the table itself is to scroll
      const steps = document.querySelector(".steps");
      steps.scrollTo(
        link.offsetLeft - steps.clientWidth / 2,
        link.offsetTop - steps.clientHeight / 2,
      );
    }
    here ? link.setAttribute("aria-current", "step") : link.removeAttribute("aria-current");
  }
}
addEventListener(
  "scroll",
  () => {
    cancelAnimationFrame(follow.later);
    follow.later = requestAnimationFrame(follow);
  },
  {passive: true},
);

function repaint() {
  readPalette();
  for (const row of rows) row.state = null;
  render();
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
addEventListener("beforeprint", () => {
  document.documentElement.classList.add("printing");
  repaint();
});
addEventListener("afterprint", () => {
  document.documentElement.classList.remove("printing");
  repaint();
});

function start() {
  readPalette();
  chooseFirst();
  for (const node of document.querySelectorAll("main > .row[data-statement]")) {
    const name = node.dataset.function;
    rows.push(new Row(node, name ? () => frameOf(name) : () => -1));
  }
  const [prompt, output] = data.texts;
  byId("prompt").replaceChildren(shownLines(prompt));
  byId("continuation").replaceChildren(shownLines(output.slice(prompt.length)));
  if (data.failure[1]) {
    // show what led to it
    for (const e of chainOf(data.failure[0]))
      loopsOf(events.statement[e]).forEach((loop, i) => choose(loop, events.iterations[e][i]));
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
