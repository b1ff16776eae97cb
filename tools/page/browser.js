// The page that runs in the browser alone: its start, links that carry a change, and what is kept.

const DRAFT = "easygpt2.draft";

// What the reader has changed is kept in this browser, so that a closed tab loses nothing.
function keepDraft() {
  const edits = changeOf(programText());
  try {
    if (edits.length) localStorage.setItem(DRAFT, JSON.stringify({hash: site.hash, edits}));
    else localStorage.removeItem(DRAFT);
  } catch {
    // a browser that keeps nothing: then the page works without
  }
}

function draft() {
  try {
    const {hash, edits} = JSON.parse(localStorage.getItem(DRAFT));
    return hash === site.hash && areEdits(edits, original.split("\n").length) ? edits : [];
  } catch {
    return [];
  }
}

const withEdits = (edits) => applyEdits(original.split("\n"), edits).join("\n");

function fillRequest(request) {
  for (const name of FIELDS) {
    if (typeof request?.[name] !== "string") continue;
    const entry = byId("run").elements[name];
    if (name === "model" && ![...entry.options].some((one) => one.value === request.model))
      continue;
    entry.value = request[name];
  }
}

// The address that carries the change and what it is to be tried on.
async function linkOfChange() {
  const packed = await packChange({edits: changeOf(programText()), request: asks()});
  const url = new URL(location.href);
  url.hash = `change=${site.hash}.${packed}`;
  return url.href;
}

async function showLink() {
  byId("link-box").showModal();
  byId("link-text").value = await linkOfChange();
  byId("link-text").select();
  byId("link-said").textContent =
    "Whoever opens it sees the change, marked. It runs only once they press Run.";
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
  const found = hash.match(/^#change=([0-9a-f]+)\.([\w-]+)$/);
  if (!found) return tellRun("This link is damaged, so nothing was changed.", true);
  if (found[1] !== site.hash)
    return tellRun(
      "This link changes another version of easygpt2.py, so its lines may not fit here. Nothing was changed.",
      true,
    );
  try {
    const {edits, request} = await unpackChange(found[2]);
    if (!areEdits(edits, original.split("\n").length)) throw new Error("no edits");
    setProgram(withEdits(edits));
    fillRequest(request);
  } catch {
    return tellRun("This link is damaged, so nothing was changed.", true);
  }
  byId("change").open = true;
  tellRun(
    "A link brought the change that is marked. None of it has run. Run runs it, Reset takes it away.",
  );
  showChange();
}

const isLink = (hash) => hash.startsWith("#change=");

function startBrowser() {
  startEditor(data.source);
  const kept = draft();
  if (kept.length) {
    field().value = withEdits(kept);
    typed();
  }
  changed = keepDraft;
  startExercises();
  startWeights();
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
  addEventListener("hashchange", () => {
    if (isLink(location.hash)) openLink(location.hash);
  });
  if (isLink(location.hash)) openLink(location.hash);
  else if (kept.length) tellRun("Your change of before is in the editor. Run runs it.");
  wakePython().catch((error) => python.said(error.message, true));
}

startBrowser();
