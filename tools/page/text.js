// Text: elements, characters that cannot be seen, numbers, labels, values in one line.

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false)
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

function number(x, digits = 4) {
  if (x === null || x === undefined || Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x > 0 ? "inf" : "-inf";
  if (Number.isInteger(x) && Math.abs(x) < 1e15) return String(x);
  const size = Math.abs(x);
  return size < 1e-3 || size >= 1e7
    ? x.toExponential(digits - 1)
    : String(Number(x.toPrecision(digits)));
}

const tokenText = (id) => data.vocabulary[id] ?? `id ${id}`;

// The ids that a variable holds as an array.
function idsOf(name, e) {
  const ids = lookup(name, e);
  return ids?.array === undefined ? [] : numbersOf(ids.array);
}

// What stands at an index of an axis: the token, where the axis counts tokens.
function labelOf(axis, index, e) {
  const known = data.axes[axis];
  if (known && "positions" in known) {
    const start = known.positions ? (lookup(known.positions, e) ?? 0) : 0;
    const id = data.ids[start + index];
    return id === undefined ? `${axis} ${index}` : tokenText(id);
  }
  if (known && known.vocabulary) return tokenText(index);
  if (known && known.ids) {
    const id = idsOf(known.ids, e)[index];
    if (id !== undefined) return tokenText(id);
  }
  return /^[A-Za-z_]/.test(axis) ? `${axis} ${index}` : String(index);
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

// What kind of value it is, how large, and its range.
function describe(value) {
  const kind = kindOf(value);
  if (kind === "array") {
    const {dtype, shape} = data.arrays[value.array],
      [least, most] = figuresOf(value.array);
    return (
      `${dtype} [${shape.join(", ")}]` +
      (least === null ? "" : ` · ${number(least)} … ${number(most)}`)
    );
  }
  if (isCollection(value)) return `${kind} of ${value.length}`;
  if (kind === "str" || kind === "bytes") return `${kind} of ${value.length}`;
  return kind === "other" ? "" : kind;
}
