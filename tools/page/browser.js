// The page that runs in the browser alone: its start, links that carry a change, and what is kept.

// Where the reader's own program is kept, and what a link or an exercise brought, in this tab. Behind
// the key stands the hash of the program that it changes: so a page that is published again with
// another program keeps what was made of the one before.
const DRAFT = ["localStorage", `draft ${FOLDER} `];
const APART = ["sessionStorage", `apart ${FOLDER} `];
let isApart = false; // whether what a link or an exercise brought is in the editor
let askedBefore = null; // what the form held before an exercise or a link filled it in

// What the reader has changed is kept in this browser, so that a closed tab loses nothing. What a
// link or an exercise brought is kept apart for as long as the reader has a change of their own.
// Without one, it becomes theirs once they go on with it by hand.
function keepDraft(byHand) {
  if (isApart) {
    const mine = draft();
    if ((byHand && mine === original) || programText() === mine) makeOwn();
  }
  keep(isApart ? APART : DRAFT, programText());
}

const draft = ([where, key] = DRAFT) => stored(where, key + site.hash) ?? original;

function keep([where, key], text) {
  store(where, key + site.hash, text === original ? null : text);
}

const withEdits = (edits) => applyEdits(original.split("\n"), edits).join("\n");

// Put a change that is not the reader's into the editor, and what it is to be tried on into the
// form. Nothing of it runs.
function putApart(edits, request) {
  isApart = true;
  setProgram(withEdits(edits));
  fillRequest(request);
  keepDraft(false); // also where the editor held the same before
  showAside();
  byId("change").open = true;
}

// From there back to the reader's own change.
function backToMine() {
  makeOwn();
  setProgram(draft());
  restoreRequest();
  tellRun("Your own change is in the editor. Run runs it.");
  showChange();
}

// What is in the editor is the reader's own from here on.
function makeOwn() {
  isApart = false;
  keep(APART, original);
  showAside();
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

// What the form held before an exercise or a link filled it in.
function restoreRequest() {
  if (askedBefore) fillRequest(askedBefore);
  askedBefore = null;
}

// Say what is kept beside the editor, each with what can be done with it: the reader's own change,
// while that of a link or an exercise is in there, and changes of programs that the page had earlier.
function showAside() {
  const rows = [];
  if (isApart && draft() !== original)
    rows.push(asideRow("Your own change is kept.", {"Back to mine": backToMine}));
  for (const [where, key] of [DRAFT, APART])
    for (const one of keysStored(where, key)) {
      if (one === key + site.hash) continue;
      const discard = () => {
        store(where, one, null);
        showAside();
      };
      rows.push(
        asideRow(
          "The program on this page is another one now. Your change of the earlier one is kept.",
          {Download: () => download(stored(where, one)), Discard: discard},
        ),
      );
    }
  byId("aside").replaceChildren(...rows);
}

function asideRow(text, acts) {
  const buttons = Object.entries(acts).map(([name, onclick]) =>
    element("button", {type: "button", onclick}, name),
  );
  return element("p", {}, text, ...buttons);
}

// The program as it came, and the prompt and the options as the reader had them.
function reset() {
  setProgram(original);
  restoreRequest();
  tellRun("The program is as it came. Undo brings your change back.");
}

// The address that carries the change and what it is to be tried on. Raises RangeError where it
// would be too long, and another error where this browser makes none.
async function linkOfChange() {
  const packed = await packChange({edits: changeOf(programText()), request: asks()});
  const url = new URL(location.href);
  url.hash = `change=${site.hash}.${packed}`;
  return url.href;
}

async function showLink() {
  byId("link-box").showModal();
  let link = "",
    why = "";
  try {
    link = await linkOfChange();
  } catch (error) {
    why =
      error instanceof RangeError
        ? "Your change is too long for a link."
        : `This browser cannot make the link (${error.message}).`;
  }
  byId("link-text").value = link;
  byId("link-text").select();
  byId("link-text").hidden = byId("link-copy").hidden = !link;
  byId("link-said").textContent = link
    ? "Whoever opens it sees the change, marked. It runs only once they press Run."
    : `${why} Download saves the whole program as a file, which you can send instead.`;
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
  if (!canPack()) return refuse("This browser is too old to read links. Open it in a newer one.");
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
  putApart(change.edits, change.request);
  tellRun(
    "A link brought the change that is marked. None of it has run. Run runs it, Reset takes it away.",
  );
  showChange();
}

const isLink = (hash) => hash.startsWith("#change=");

function startBrowser() {
  startEditor(data.source);
  const brought = draft(APART);
  isApart = brought !== original;
  const kept = isApart ? brought : draft();
  if (kept !== original) {
    field().value = kept;
    typed();
  }
  showAside();
  changed = keepDraft;
  startExercises();
  startWeights();
  startOutput();
  python.said = (text, isError = false) => {
    byId("python").textContent = text;
    byId("python").classList.toggle("error", isError);
  };
  startRun(inBrowser, false);
  byId("run").addEventListener("input", ({target}) => {
    if (FIELDS.includes(target.name)) askedBefore = null; // what the reader asks now is newer
  });
  for (const box of document.querySelectorAll("dialog:has(.close)"))
    box.addEventListener("click", ({target}) => {
      if (target === box || target.matches(".close")) box.close();
    });
  byId("link").addEventListener("click", showLink);
  byId("link-copy").addEventListener("click", copyLink);
  byId("link-download").addEventListener("click", () => download(programText()));
  addEventListener("hashchange", () => {
    if (isLink(location.hash)) openLink(location.hash);
  });
  if (isLink(location.hash)) openLink(location.hash);
  else if (isApart)
    tellRun(
      "The change that a link or an exercise brought is in the editor. Run runs it, Reset takes it away.",
    );
  else if (kept !== original) tellRun("Your change of before is in the editor. Run runs it.");
  wakePython().catch((error) => python.said(error.message, true));
}

startBrowser();
