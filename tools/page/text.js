"use strict";
// Text: elements, characters that cannot be seen, numbers, labels, values in one line.

const byId = (id) => document.getElementById(id);

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== null && value !== false)
      made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// Characters that cannot be seen, or that would turn the text around them, as what they are.
const HIDDEN =
  /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u00a0\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|(?<=^ *) | (?= *$)/gu;
const SIGNS = {" ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍"};
const sign = (character) => SIGNS[character] || `\\u{${character.codePointAt(0).toString(16)}}`;
const visible = (text) => text.replace(HIDDEN, sign);

// The same as an element, the signs set apart from the text.
function shown(text) {
  const made = element("bdi");
  let end = 0;
  for (const found of text.matchAll(HIDDEN)) {
    made.append(text.slice(end, found.index), element("span", {class: "sign"}, sign(found[0])));
    end = found.index + found[0].length;
  }
  made.append(text.slice(end));
  return made;
}

function shownLines(text) {
  const lines = text.split("\n").map(shown);
  return element("span", {}, ...lines.flatMap((line, i) => (i ? ["\n", line] : [line])));
}

function number(x, digits = 4) {
  if (x === null || x === undefined || Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x > 0 ? "inf" : "-inf";
  if (Number.isInteger(x) && Math.abs(x) < 1e15) return String(x);
  const size = Math.abs(x);
  return size < 1e-3 || size >= 1e7
    ? x.toExponential(digits - 1)
    : String(Number(x.toPrecision(digits)));
}

// A share of one as a reader expects it.
function percent(share) {
  if (share === undefined || share === null) return "";
  const x = 100 * share;
  if (x > 0 && x < 0.1) return "<\u00a00.1\u00a0%";
  return `${x.toFixed(x < 9.95 ? 1 : 0)}\u00a0%`;
}

const counted = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
const tokenText = (id) => data.vocabulary[id] ?? `id ${id}`;

// The position in the text at which an axis begins to count tokens; undefined if it counts others.
function startOf(axis, e) {
  const known = data.axes[axis];
  if (!known || !("positions" in known)) return undefined;
  return known.positions ? (lookup(known.positions, e) ?? 0) : 0;
}

// What stands at an index of an axis: {text, position}, where the axis counts tokens or ids.
function labelOf(axis, index, e) {
  const start = startOf(axis, e);
  if (start !== undefined) {
    const id = data.ids[start + index];
    if (id !== undefined) return {text: tokenText(id), position: start + index};
  }
  const known = data.axes[axis];
  if (known?.vocabulary) return {text: tokenText(index)};
  if (known?.ids) {
    const id = idsOf(known.ids, e)[index];
    if (id !== undefined) return {text: tokenText(id)};
  }
  return {text: String(index), plain: true};
}

// The same in words: "n_new 2: ␣a", "column 17".
function wordsOf(axis, index, e, noun) {
  const {text, plain} = labelOf(axis, index, e);
  const name = /^[A-Za-z_]\w*$/.test(axis ?? "") ? axis : noun;
  return plain ? `${name} ${index}` : `${noun} ${index} (${visible(text)})`;
}

// A token on an axis; equal ones are told apart by their positions.
function tokenLabel(position, text = tokenText(data.ids[position])) {
  const twice = data.ids.filter((id) => id === data.ids[position]).length > 1;
  const label = shown(text);
  if (twice && position !== undefined) label.append(element("sub", {}, String(position)));
  return label;
}

// A value in one line of text.
function brief(value) {
  if (value === null) return "None";
  if (value === true || value === false) return value ? "True" : "False";
  if (typeof value !== "object") return typeof value === "string" ? visible(value) : String(value);
  for (const kind of ["float", "int", "other"]) if (kind in value) return value[kind];
  if ("str" in value) return visible(value.str) + "…";
  if ("bytes" in value) return value.bytes + (value.length > 32 ? "…" : "");
  if ("array" in value)
    return `${data.arrays[value.array].dtype} [${data.arrays[value.array].shape.join(", ")}]`;
  const items = itemsOf(value),
    more = value.length > items.length ? ", …" : "";
  const text = items
    .map((item) => (Array.isArray(item) ? item.map(brief).join(": ") : brief(item)))
    .join(", ");
  const [open, close] = {list: "[]", tuple: "()", set: "{}", dict: "{}"}[kindOf(value)];
  return open + text + more + close;
}

const KINDS = ["list", "tuple", "set", "dict", "array", "float", "int", "str", "bytes", "other"];
const kindOf = (value) => {
  if (value === null) return "None";
  if (typeof value !== "object")
    return {number: "int", string: "str", boolean: "bool"}[typeof value];
  return KINDS.find((kind) => kind in value);
};
const itemsOf = (value) => value[kindOf(value)];
const isCollection = (value) => ["list", "tuple", "set", "dict"].includes(kindOf(value));
const isEmpty = (value) => isCollection(value) && value.length === 0;

// How large a value is, as short as beside a line.
function sizeOf(value) {
  const kind = kindOf(value);
  if (kind === "array") return data.arrays[value.array].shape.join("×");
  return isCollection(value) ? String(value.length) : "";
}

// What kind of value it is, how large, and its range.
function describe(value) {
  const kind = kindOf(value);
  if (kind === "array") {
    const {dtype, shape} = data.arrays[value.array];
    return `${dtype} [${shape.join(", ")}]`;
  }
  if (isCollection(value) || kind === "str" || kind === "bytes")
    return `${kind} of ${value.length ?? [...value].length}`;
  return kind === "other" ? "" : kind;
}
