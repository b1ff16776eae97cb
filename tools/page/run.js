// The run bar: what is asked for, the progress of a run, and the place of the reader, which is kept
// when the recording is another.
//
// Who runs the program is not known here. A runner is
//   models(): a promise of the names that the option `model` offers
//   run(request, on): begins a run of {prompt, tokens, temperature, topK, seed, model}; an empty
//     option is left to the program. It calls on.status(text),
//     on.ids([[id, its text], ...]), on.refused(line), on.done(recording), and at last
//     on.ended(why): "done", "stopped", "elsewhere" (another tab began one), "lost" (who runs is
//     gone), or a sentence
//   stop(): ends the run, within a second
//   onSource(call): calls {yours, problem, lost} when the program was changed outside of the page
//     (`yours`: this page shall run it again), cannot be read, or who runs is gone or back

let runner,
  current = null, // the recording that is shown
  whole = null, // the last one of a run that did not fail: what a later one is compared with
  turn = 0, // counts runs; what an earlier one says is not listened to
  isRunning = false,
  isLost = false,
  placeBefore = null, // a slip: the place before it, and the one to which it led
  slipPlace = "",
  firstPlace = ""; // that the page's address names

const FIELDS = ["prompt", "tokens", "temperature", "topK", "seed", "model"];
const FOLDER = new URL(".", location).pathname; // the same with and without index.html
const ASKED = `asked ${FOLDER}`;
const MOST_SAID = 3; // lines of the program that are shown at its end
const LOST =
  "The program that serves this page has ended. The page goes on showing what it has. To run again, type: python walkthrough.py --live";

// What this browser keeps by a key, in "sessionStorage" or "localStorage": a value, or null. Where
// it is told to keep nothing, even the question fails. Then the page works without.
function stored(where, key) {
  try {
    return JSON.parse(window[where].getItem(key));
  } catch {
    return null;
  }
}

function store(where, key, value) {
  try {
    if (value === null) window[where].removeItem(key);
    else window[where].setItem(key, JSON.stringify(value));
  } catch {
    // it keeps nothing, or has no room left
  }
}

// The keys by which this browser keeps something, of those that begin so.
function keysStored(where, beginning) {
  try {
    return Object.keys(window[where]).filter((key) => key.startsWith(beginning));
  } catch {
    return [];
  }
}

// `begins`: whether the page runs the program at once, because it shows no recording yet.
function startRun(given, begins = true) {
  runner = given;
  current = recordingOfPage;
  firstPlace = location.hash;
  const form = byId("run");
  fillForm();
  runner.models().then(fillModels, () => {});
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    begin();
  });
  byId("prompt").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    begin();
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.defaultPrevented) return;
    event.preventDefault();
    begin();
  });
  byId("stop").addEventListener("click", () => runner.stop());
  byId("more-options").addEventListener("click", () => {
    const open = document.body.classList.toggle("options-open");
    byId("more-options").setAttribute("aria-expanded", String(open));
  });
  new ResizeObserver(() => {
    const {style} = document.documentElement;
    style.setProperty("--bar", `${byId("bar").offsetHeight}px`);
  }).observe(byId("bar"));
  runner.onSource(sourceChanged);
  if (begins) begin();
}

// The form keeps what was asked when the page is loaded again.
function fillForm() {
  const asked = stored("sessionStorage", ASKED) ?? {};
  for (const name of FIELDS) {
    const field = byId("run").elements[name];
    if (!(name in asked)) continue;
    if (name === "model") fillModels([asked.model]);
    field.value = asked[name];
  }
}

function fillModels(names) {
  const select = byId("run").elements.model;
  const known = new Set([...select.options].map((option) => option.value));
  for (const name of names) if (!known.has(name)) select.add(element("option", {}, name));
}

function asks() {
  return Object.fromEntries(FIELDS.map((name) => [name, byId("run").elements[name].value]));
}

function begin() {
  const mine = ++turn,
    request = asks();
  const said = []; // what the program said beside its output, but for the model that it found
  let refused = "";
  store("sessionStorage", ASKED, request);
  tellRun("");
  showProgress(true);
  byId("run-said").textContent = "Running";
  byId("so-far").replaceChildren();
  const here = (act) => (value) => mine === turn && act(value);
  runner.run(request, {
    status: here((text) => {
      byId("run-said").textContent = text;
      if (!text.startsWith("Model: ")) said.push(text);
    }),
    ids: here(showIds),
    refused: here((line) => {
      refused = line;
      tellRun(line, true);
    }),
    done: here((recording) => {
      // what is refused changes nothing, unless the program itself has changed
      const same = recording.data.source === current.data.source;
      if (!(refused && same && nEvents)) showNew(recording, refused);
    }),
    ended: here((why) => {
      showProgress(false);
      const words = {
        done: said.slice(-MOST_SAID).join(" "),
        stopped: "Stopped. The page shows the run before.",
        elsewhere: "Another tab has begun a run, and that ended this one. Run runs it here.",
        lost: LOST,
      };
      if (why !== "done") tellRun(words[why] ?? why, why !== "stopped");
      else if (!byId("run-told").textContent) tellRun(words.done);
      if (!byId("run-told").textContent) tellInBar();
    }),
  });
}

function tellRun(text, isError = false) {
  const told = byId("run-told");
  told.textContent = text;
  told.classList.toggle("error", isError);
}

// A run that is over at once shows no progress.
function showProgress(on) {
  isRunning = on;
  document.body.classList.toggle("running", on);
  clearTimeout(showProgress.later);
  if (on) showProgress.later = setTimeout(() => (byId("progress").hidden = false), 200);
  else {
    if (byId("progress").contains(document.activeElement)) byId("start").focus();
    byId("progress").hidden = true;
  }
}

function showIds(ids) {
  const list = byId("so-far");
  const nPrompt = Number(list.dataset.prompt);
  if (!list.childElementCount || list.childElementCount > ids.length) {
    list.replaceChildren();
    list.dataset.prompt = ids.length;
  }
  for (const [id, text] of ids.slice(list.childElementCount)) {
    const made = list.childElementCount >= nPrompt && nPrompt > 0;
    list.append(
      element("li", {class: made ? "made" : "given"}, shown(text), element("small", {}, String(id))),
    );
  }
  list.scrollLeft = list.scrollWidth;
}

function sourceChanged({yours, problem, lost}) {
  if (lost !== undefined) {
    if (lost !== isLost) tellRun(lost ? LOST : "The program that serves this page is back.", lost);
    isLost = lost;
  } else if (problem) tellRun(problem, true);
  else if (yours) begin();
  else tellRun("The program was saved. Another tab runs it; Run runs it here.");
}

// Show another recording, in the place where the reader is; or where that cannot be drawn, the one
// before, whole. Raises what stood in the way.
function showNew(recording, refused) {
  const before = {current, whole, placeBefore, slipPlace, latest, previous};
  const place = nEvents ? placeNow() : {hash: firstPlace};
  try {
    showAt(place, recording, refused);
  } catch (error) {
    ({current, whole, placeBefore, slipPlace, latest, previous} = before);
    show(current);
    newRun();
    restore(place);
    throw error;
  }
}

function showAt(place, recording, refused) {
  const before = whole ?? current;
  const stays = placeBefore && address() === slipPlace;
  show(recording);
  current = recording;
  newRun(before, recording);
  const failed = data.failure[1];
  if (failed) {
    placeBefore = stays ? placeBefore : place;
    showFailure(place);
  } else {
    if (placeBefore?.rounds) restoreRounds(placeBefore); // of loops that the slip has hidden
    restore(stays ? placeBefore : place);
    placeBefore = null;
    if (!refused) whole = recording;
  }
}

// What Python says, where it says it, and above, wherever the reader is.
function showFailure(place) {
  if (place.source !== undefined) restoreRounds(place);
  render();
  slipPlace = address();
  const [, line, message] = data.failure[1].match(/^(line \d+): (.*)$/s);
  tellRun("", true);
  byId("run-told").append(
    element("button", {type: "button", class: "to-failure", onclick: goToFailure}, line),
    `: ${message}`,
  );
  goToFailure();
}

function goToFailure() {
  if (data.slip === null) {
    if (cursor !== data.failure[0]) moveTo(data.failure[0]);
    return reveal();
  }
  const line = byId(`L${data.slip}`);
  line?.closest("details.fold:not([open])")?.setAttribute("open", "");
  line?.scrollIntoView({block: "center"});
}

// -- the place: the address, the chosen rounds of all loops, and what stands where on the screen

function placeNow() {
  const bottom = byId("bar").getBoundingClientRect().bottom;
  const gutters = [...document.querySelectorAll("#lines .gutter")];
  const first = gutters.find((one) => one.getBoundingClientRect().top >= bottom);
  const inMap = byId("map").getBoundingClientRect().bottom > bottom + 20;
  return {
    source: data.source,
    hash: address(),
    names: [...loopNames].map(([loop, name]) => [name, statements[loop].first]),
    rounds: [...chosen].map(([loop, round]) => [statements[loop].first, round]),
    open: [...document.querySelectorAll("#lines details[open] .gutter:first-child")].map(lineAt),
    scroll: scrollY,
    anchor: inMap || !first ? null : [lineAt(first), first.getBoundingClientRect().top],
    focus: focusInLines(),
  };
}

const lineAt = (gutter) => parseInt(gutter.textContent, 10);

function focusInLines() {
  const node = document.activeElement,
    row = node?.closest("#lines .row[id]");
  return row && node.dataset.key ? [parseInt(row.id.slice(1), 10), node.dataset.key] : null;
}

function restore(place) {
  if (place.source === undefined) {
    if (!visit(place.hash)) drawAll();
    return;
  }
  const to = lineMap(place.source, data.source);
  restoreRounds(place, to);
  for (const fold of document.querySelectorAll("#lines details.fold"))
    fold.open = place.open.some((line) => to(line) === lineAt(fold.querySelector(".gutter")));
  if (!visit(movedHash(place, to))) render();
  if (place.anchor) {
    const [line, top] = place.anchor;
    const gutters = [...document.querySelectorAll("#lines .gutter")];
    const found = gutters.find((one) => lineAt(one) >= to(line) && one.checkVisibility());
    if (found) scrollBy(0, found.getBoundingClientRect().top - top);
  } else scrollTo(scrollX, place.scroll);
  if (place.focus) {
    const [line, key] = place.focus;
    document.querySelector(`#L${to(line)} [data-key="${CSS.escape(key)}"]`)?.focus({preventScroll: true});
  }
}

const statementAt = (line) => statements.findIndex((one) => one.first <= line && line <= one.last);

function restoreRounds(place, to = lineMap(place.source, data.source)) {
  for (const [line, round] of place.rounds) {
    const loop = statementAt(to(line));
    if (loop >= 0 && isLoop(loop)) chosen.set(loop, round);
  }
}

// The address, with the lines and the names of loops as they are now.
function movedHash(place, to) {
  const names = new Map(
    place.names.map(([name, line]) => [name, loopNames.get(statementAt(to(line))) ?? name]),
  );
  const parts = place.hash.slice(1).split("/").map((part) => {
    const moved = new URLSearchParams();
    for (const [name, value] of new URLSearchParams(part))
      moved.append(names.get(name) ?? name, name === "line" ? to(Number(value)) : value);
    return moved;
  });
  return `#${parts.join("/")}`;
}
