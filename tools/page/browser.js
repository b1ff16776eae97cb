// The page that runs in the browser alone: its start, links that carry a change, and what is kept.

const DRAFT = `draft ${location.pathname}`; // of the reader's own
const LINKED = `linked ${location.pathname}`; // of what a link has brought, which is kept apart
let isLinked = sessionStorage.getItem(LINKED) !== null; // of this tab, so that it may be reloaded
let askedBefore = null; // what the form held before an exercise or a link filled it in

// What the reader has changed is kept in this browser, so that a closed tab loses nothing.
function keepDraft() {
  const edits = changeOf(programText());
  try {
    const kept = edits.length ? JSON.stringify({hash: site.hash, edits}) : null;
    if (isLinked) sessionStorage.setItem(LINKED, kept);
    else if (kept) localStorage.setItem(DRAFT, kept);
    else localStorage.removeItem(DRAFT);
  } catch {
    // a browser that keeps nothing: then the page works without
  }
}

function draft(store = localStorage, key = DRAFT) {
  try {
    const {hash, edits} = JSON.parse(store.getItem(key));
    return hash === site.hash && areEdits(edits, original.split("\n").length) ? edits : [];
  } catch {
    return [];
  }
}

const withEdits = (edits) => applyEdits(original.split("\n"), edits).join("\n");

// From a link back to the reader's own change.
function backToMine() {
  leaveLink();
  setProgram(withEdits(draft()));
  if (askedBefore) fillRequest(askedBefore);
  askedBefore = null;
  tellRun("Your own change is in the editor. Run runs it.");
  showChange();
}

function leaveLink() {
  isLinked = false;
  sessionStorage.removeItem(LINKED);
}

function fillRequest(request) {
  askedBefore ??= asks();
  for (const name of FIELDS) {
    if (typeof request?.[name] !== "string") continue;
    const entry = byId("run").elements[name];
    if (name === "model" && ![...entry.options].some((one) => one.value === request.model))
      continue;
    entry.value = request[name];
  }
}

// The program as it came, and the prompt and the options as the reader had them.
function reset() {
  setProgram(original);
  if (askedBefore) fillRequest(askedBefore);
  askedBefore = null;
  if (!draft().length) leaveLink();
  tellRun("The program is as it came. Undo brings your change back.");
}

// The address that carries the change and what it is to be tried on. Raises RangeError.
async function linkOfChange() {
  const packed = await packChange({edits: changeOf(programText()), request: asks()});
  const url = new URL(location.href);
  url.hash = `change=${site.hash}.${packed}`;
  return url.href;
}

async function showLink() {
  byId("link-box").showModal();
  const link = await linkOfChange().catch(() => "");
  byId("link-text").value = link;
  byId("link-text").select();
  byId("link-text").hidden = byId("link-copy").hidden = !link;
  byId("link-said").textContent = link
    ? "Whoever opens it sees the change, marked. It runs only once they press Run."
    : "Your change is too long for a link. Download saves the whole program as a file, which you can send instead.";
  byId("link-download").hidden = Boolean(link);
}

async function copyLink() {
  byId("link-text").select();
  try {
    await navigator.clipboard.writeText(byId("link-text").value);
  } catch {
    document.execCommand("copy"); // where the page came over http
  }
  byId("link-said").textContent = "Copied.";
}

// Put the change that an address carries into the editor. Nothing of it runs.
async function openLink(hash) {
  const refuse = (why) => tellRun(`${why} Nothing was changed.`, true);
  if (hash.length > MOST_PACKED + 100)
    return refuse(
      `This link is too long: it has ${hash.length.toLocaleString("en")} characters, and this page makes none of more than ${MOST_PACKED.toLocaleString("en")}.`,
    );
  const found = hash.match(/^#change=([0-9a-f]+)\.([\w-]+)$/);
  if (!found)
    return refuse("This link is damaged: it is not one that this page has made. Ask for it again.");
  if (found[1] !== site.hash)
    return refuse(
      "This link changes another version of easygpt2.py, so its lines may not fit here.",
    );
  let change;
  try {
    change = await unpackChange(found[2]);
  } catch (error) {
    return refuse(
      error instanceof RangeError
        ? "This link is damaged: what it holds is too large for any change."
        : "This link is damaged: a part of it was lost on its way. Ask for it again.",
    );
  }
  if (!areEdits(change?.edits, original.split("\n").length))
    return refuse("This link is damaged: what it holds is no change of this program.");
  isLinked = true;
  setProgram(withEdits(change.edits));
  fillRequest(change.request);
  keepDraft();
  byId("change").open = true;
  tellLink("A link brought the change that is marked. None of it has run.");
  showChange();
}

function tellLink(text) {
  const mine = draft().length;
  tellRun(`${text} Run runs it, Reset takes it away.${mine ? " Your own change is kept. " : ""}`);
  const back = {type: "button", class: "to-mine", onclick: backToMine};
  if (mine) byId("run-told").append(element("button", back, "Back to mine"));
}

const isLink = (hash) => hash.startsWith("#change=");

function startBrowser() {
  startEditor(data.source);
  const kept = isLinked ? draft(sessionStorage, LINKED) : draft();
  if (kept.length) {
    field().value = withEdits(kept);
    typed();
  }
  changed = keepDraft;
  startExercises();
  startWeights();
  startOutput();
  python.said = (text, isError = false) => {
    byId("python").textContent = text;
    byId("python").classList.toggle("error", isError);
  };
  startRun(inBrowser, false);
  for (const box of document.querySelectorAll("dialog:has(.close)"))
    box.addEventListener("click", ({target}) => {
      if (target === box || target.matches(".close")) box.close();
    });
  byId("link").addEventListener("click", showLink);
  byId("link-copy").addEventListener("click", copyLink);
  byId("link-download").addEventListener("click", download);
  addEventListener("hashchange", () => {
    if (isLink(location.hash)) openLink(location.hash);
  });
  if (isLink(location.hash)) openLink(location.hash);
  else if (isLinked) tellLink("The change that a link brought is in the editor.");
  else if (kept.length) tellRun("Your change of before is in the editor. Run runs it.");
  wakePython().catch((error) => python.said(error.message, true));
}

startBrowser();
