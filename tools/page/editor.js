// The editor: the program as text, in the place of its lines. It is the browser's own text field, so
// undo, selection, search, input methods and screen readers are those that the reader knows. Behind
// it stand the same letters in colours, line for line, the numbers, and marks beside what is changed.
//
// `original` is the program that came with the page, and the field's text is what Run runs.

const STRING = [`"""`, `'''`]
  .map((quotes) => String.raw`${quotes}(?:\\[^]|[^\\])*?(?:${quotes}|$)`)
  .concat([`"`, `'`].map((quote) => String.raw`${quote}(?:\\.|[^\\\n${quote}])*${quote}?`))
  .join("|");
const TOKEN = new RegExp(
  `(?<c1>#.*)|(?<s1>(?:[rbfuRBFU]{1,2}(?=["']))?(?:${STRING}))|(?<k>[\\p{L}_][\\p{L}\\p{N}_]*)`,
  "gu",
);
const KEYWORDS = new Set(
  `False None True and as assert async await break class continue def del elif else except finally
   for from global if import in is lambda nonlocal not or pass raise return try while with yield`.split(
    /\s+/,
  ),
);
const INDENT = 4;

let original;
let colouredLines = []; // what each line's colours were drawn for
let slip = null; // {line, text}: what is no Python
let isPutting = false; // another program, step by step
let changed = () => {}; // called when the text is another, with whether it was changed by hand

const field = () => byId("program");
const programText = () => field().value;
const isEditing = () => !byId("editor").hidden;
const changeOf = (text) => editsBetween(original.split("\n"), text.split("\n"));

// Each line as [class, text] pieces, as one text.
function coloured(text) {
  const lines = [[]];
  const put = (kind, piece) =>
    piece.split("\n").forEach((part, i) => {
      if (i) lines.push([]);
      if (part) lines.at(-1).push([kind, part]);
    });
  let end = 0;
  for (const found of text.matchAll(TOKEN)) {
    put("", text.slice(end, found.index));
    const [kind] = Object.entries(found.groups).find(([, piece]) => piece !== undefined);
    put(kind === "k" && !KEYWORDS.has(found[0]) ? "" : kind, found[0]);
    end = found.index + found[0].length;
  }
  put("", text.slice(end));
  return lines;
}

function drawProgram() {
  const edits = changeOf(programText());
  const marks = new Map(); // line → class
  let moved = 0;
  for (const [first, gone, come] of edits) {
    come.forEach((_, i) => marks.set(first + moved + i, "new"));
    if (gone && !come.length) marks.set(first + moved, "gone");
    moved += come.length - gone;
  }
  const lines = coloured(programText());
  const keys = lines.map((pieces, i) =>
    JSON.stringify([pieces, marks.get(i), slip?.line === i + 1 && slip.text]),
  );
  const box = byId("coloured");
  let top = 0,
    bottom = 0;
  const most = Math.min(keys.length, colouredLines.length);
  while (top < most && keys[top] === colouredLines[top]) top++;
  while (bottom < most - top && keys.at(-1 - bottom) === colouredLines.at(-1 - bottom)) bottom++;
  for (let i = colouredLines.length - bottom - top; i > 0; i--) box.children[top].remove();
  const after = box.children[top] ?? null;
  for (let i = top; i < keys.length - bottom; i++) {
    const line = element("span", {class: `line ${marks.get(i) ?? ""}`});
    for (const [kind, text] of lines[i])
      line.append(kind ? element("span", {class: kind}, text) : text);
    if (slip?.line === i + 1) line.append(element("b", {class: "error"}, slip.text));
    box.insertBefore(line, after);
  }
  colouredLines = keys;
  const n = edits.reduce((sum, [, gone, come]) => sum + Math.max(gone, come.length), 0);
  byId("changed").textContent = n ? `${counted(n, "line")} changed` : "nothing changed";
  byId("change").classList.toggle("none", !n);
  for (const id of ["reset", "link"]) byId(id).disabled = !n;
  if (byId("change").open) drawPatch(edits);
}

// The change as a patch shows it.
function drawPatch(edits = changeOf(programText())) {
  const before = original.split("\n");
  byId("patch").replaceChildren(
    ...edits.flatMap(([first, gone, come]) => [
      element("small", {}, `line ${first + 1}`),
      ...before.slice(first, first + gone).map((line) => element("del", {}, `− ${line}`)),
      ...come.map((line) => element("ins", {}, `+ ${line}`)),
    ]),
  );
}

// Put a text in the place of what is chosen in the field, so that the browser can undo it.
function type(text) {
  field().focus({preventScroll: true});
  const {selectionStart: from, selectionEnd: to} = field();
  const command = text ? ["insertText", false, text] : ["delete"];
  if (from === to && !text) return;
  if (!document.execCommand(...command)) {
    field().setRangeText(text, from, to, "end");
    typed();
  }
}

function again(command) {
  field().focus({preventScroll: true});
  document.execCommand(command);
}

function typed() {
  slip = null;
  drawProgram();
  if (!isPutting) changed(true);
}

// Another program, which the browser can undo, edit by edit: it takes seconds over a whole one.
function setProgram(text) {
  if (text === programText()) return;
  openEditor();
  isPutting = true;
  const before = programText().split("\n");
  for (const [first, gone, come] of editsBetween(before, text.split("\n")).reverse()) {
    const from = before.slice(0, first).join("\n").length + (first > 0);
    const to = from + before.slice(first, first + gone).join("\n").length;
    const isLast = first + gone === before.length;
    const lines = come.join("\n");
    if (gone && come.length) replaceRange(from, to, lines);
    else if (gone) replaceRange(isLast ? Math.max(0, from - 1) : from, isLast ? to : to + 1, "");
    else if (isLast) replaceRange(from - 1, from - 1, "\n" + lines);
    else replaceRange(from, from, lines + "\n");
  }
  if (programText() !== text) {
    field().value = text;
    typed();
  }
  isPutting = false;
  changed(false);
  field().setSelectionRange(0, 0);
  byId("code").scrollLeft = 0;
}

function replaceRange(from, to, text) {
  field().setSelectionRange(from, to);
  type(text);
}

// Indent the lines that are chosen, or (by -1) take indentation away.
function indent(direction) {
  const {selectionStart: from, selectionEnd: to, value} = field();
  const column = from - (value.lastIndexOf("\n", from - 1) + 1);
  if (direction > 0 && from === to) return type(" ".repeat(INDENT - (column % INDENT)));
  const first = value.lastIndexOf("\n", from - 1) + 1;
  const end = value.indexOf("\n", Math.max(from, to - 1));
  const last = end < 0 ? value.length : end;
  const lines = value.slice(first, last).split("\n");
  const made = lines
    .map((line) =>
      direction < 0
        ? line.replace(RegExp(`^ {1,${INDENT}}|^\t`), "")
        : line && " ".repeat(INDENT) + line,
    )
    .join("\n");
  if (made === lines.join("\n")) return;
  field().setSelectionRange(first, last);
  type(made);
  const moved = made.length - (last - first);
  if (from === to)
    field().setSelectionRange(Math.max(first, from + moved), Math.max(first, from + moved));
  else field().setSelectionRange(first, first + made.length);
}

// A new line begins where the one before does, or a level deeper behind a colon.
function breakLine() {
  const {selectionStart: from, value} = field();
  const before = value.slice(value.lastIndexOf("\n", from - 1) + 1, from);
  const deeper = /:\s*(#.*)?$/.test(before) ? INDENT : 0;
  type("\n" + before.match(/^ */)[0] + " ".repeat(deeper));
}

// Tab indents. Escape leaves the field, so that nobody is kept in it who has no mouse.
function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  if (event.key === "Tab") indent(event.shiftKey ? -1 : 1);
  else if (event.key === "Enter" && !event.shiftKey) breakLine();
  else if (event.key === "Escape") byId("edit").focus({preventScroll: true});
  else return;
  event.preventDefault();
}

// -- the editor in the place of the lines, at the same place

const barBottom = () => byId("bar").getBoundingClientRect().bottom;
const rowHeight = () => parseFloat(getComputedStyle(byId("coloured")).lineHeight);

// The first line in view, and where on the screen it is: {line, top}.
function lineInView() {
  const edge = barBottom();
  if (isEditing()) {
    const {top} = byId("coloured").getBoundingClientRect();
    const line = Math.max(0, Math.ceil((edge - top) / rowHeight()));
    return {line: line + 1, top: top + line * rowHeight()};
  }
  for (const node of document.querySelectorAll("#lines .gutter")) {
    const {top, height} = node.getBoundingClientRect();
    if (height && top >= edge) return {line: parseInt(node.textContent, 10), top};
  }
  return {line: 1, top: edge};
}

function scrollToLine({line, top}) {
  if (isEditing()) {
    const now = byId("coloured").getBoundingClientRect().top + (line - 1) * rowHeight();
    return scrollBy(0, now - top);
  }
  const all = [...document.querySelectorAll("#lines .gutter")].filter((node) =>
    node.checkVisibility(),
  );
  const node = all.findLast((one) => parseInt(one.textContent, 10) <= line);
  if (node) scrollBy(0, node.getBoundingClientRect().top - top);
}

function setEditing(open) {
  if (open === isEditing()) return;
  const place = lineInView();
  if (document.activeElement === field()) byId("edit").focus({preventScroll: true});
  byId("editor").hidden = byId("editing").hidden = !open;
  byId("lines").hidden = open;
  byId("left-out").hidden = open;
  byId("edit").setAttribute("aria-pressed", String(open));
  document.body.classList.toggle("editing", open);
  if (open) drawProgram();
  scrollToLine(place);
}

const openEditor = () => setEditing(true);

// By the button: who has a keyboard can type at once, at the first line in view.
function switchEditor({pointerType}) {
  setEditing(!isEditing());
  if (!isEditing() || pointerType === "touch") return;
  const at = programText().split("\n").slice(0, lineInView().line - 1).join("\n").length;
  field().focus({preventScroll: true});
  field().setSelectionRange(at && at + 1, at && at + 1);
}

// Show a line of the editor.
function showLine(line) {
  openEditor();
  scrollToLine({line, top: barBottom() + (innerHeight - barBottom()) * 0.3});
}

// Mark the line at which a program is no Python, and show it; without a line, mark nothing.
function markSlip(line, text) {
  slip = line ? {line, text} : null;
  if (isEditing() || slip) drawProgram();
  if (slip) showLine(line);
}

// What is shown first is the line that a reader who looks for the change wants to see.
function showChange() {
  openEditor();
  const [edit] = changeOf(programText());
  if (edit) showLine(edit[0] + 1);
}

function download(text) {
  const file = new Blob([text], {type: "text/x-python"});
  const link = element("a", {href: URL.createObjectURL(file), download: "easygpt2.py"});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function startEditor(source) {
  original = source;
  field().value = source;
  const act = {
    edit: switchEditor,
    undo: () => again("undo"),
    redo: () => again("redo"),
    indent: () => indent(1),
    dedent: () => indent(-1),
    reset,
    download: () => download(programText()),
  };
  for (const [id, one] of Object.entries(act)) byId(id).addEventListener("click", one);
  for (const id of ["undo", "redo", "indent", "dedent"])
    // the field keeps the focus
    byId(id).addEventListener("pointerdown", (event) => event.preventDefault());
  byId("change").addEventListener("toggle", () => drawPatch());
  field().addEventListener("input", typed);
  field().addEventListener("keydown", onKey);
}
