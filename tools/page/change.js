// A change of the program: which lines are others, and the same as a link.
//
// A change is a list of edits [line, how many lines go, the lines that come], lines counted from 0,
// in their order. A link carries it packed: "#change=HASH.DATA", HASH being the beginning of the
// original's sha256, so that a link to another version of the program is known as such.

// The edits that make the lines `after` of the lines `before`, as few lines as possible.
function editsBetween(before, after) {
  let top = 0,
    bottom = 0;
  const most = Math.min(before.length, after.length);
  while (top < most && before[top] === after[top]) top++;
  while (bottom < most - top && before.at(-1 - bottom) === after.at(-1 - bottom)) bottom++;
  const [a, b] = [before, after].map((lines) => lines.slice(top, lines.length - bottom));
  if (!a.length && !b.length) return [];
  if (a.length * b.length > 4e6) return [[top, a.length, b]]; // as good as another program
  const edits = [];
  let [i, j] = [0, 0];
  for (const [nextI, nextJ] of [...commonIn(a, b), [a.length, b.length]]) {
    if (nextI > i || nextJ > j) edits.push([top + i, nextI - i, b.slice(j, nextJ)]);
    [i, j] = [nextI + 1, nextJ + 1];
  }
  return edits;
}

function applyEdits(lines, edits) {
  const made = [];
  let at = 0;
  for (const [first, gone, come] of edits) {
    made.push(...lines.slice(at, first), ...come);
    at = first + gone;
  }
  return [...made, ...lines.slice(at)];
}

// Whether these are edits of so many lines, as somebody else's link may not be.
function areEdits(edits, n) {
  let at = 0;
  return (
    Array.isArray(edits) &&
    edits.every((edit) => {
      if (!Array.isArray(edit) || edit.length !== 3) return false;
      const [first, gone, come] = edit;
      const good =
        [first, gone].every(Number.isInteger) &&
        first >= at &&
        gone >= 0 &&
        first + gone <= n &&
        Array.isArray(come) &&
        come.every((line) => typeof line === "string" && !/[\n\r]/.test(line));
      at = first + gone;
      return good;
    })
  );
}

const MOST_PACKED = 16_000; // characters in a link: what carries it may cut longer ones
const MOST_UNPACKED = 2_000_000; // bytes

// What a stream makes of these bytes, as chunks. Raises RangeError where it makes too much of them.
async function piped(bytes, stream) {
  const chunks = [];
  let n = 0;
  for (const reader = new Blob([bytes]).stream().pipeThrough(stream).getReader(); ;) {
    const {done, value} = await reader.read();
    if (done) return new Blob(chunks);
    n += value.length;
    if (n > MOST_UNPACKED) throw new RangeError("too much");
    chunks.push(value);
  }
}

// Whether this browser can pack and unpack at all: those of before 2023 cannot.
function canPack() {
  try {
    return Boolean(new CompressionStream("deflate-raw"));
  } catch {
    return false;
  }
}

// The text of a change in a link. Raises RangeError where it is too long for one.
async function packChange(change) {
  const bytes = new TextEncoder().encode(JSON.stringify(change));
  if (bytes.length > MOST_UNPACKED) throw new RangeError("too long"); // nobody could open it
  const packed = await (await piped(bytes, new CompressionStream("deflate-raw"))).arrayBuffer();
  if (packed.byteLength * (4 / 3) > MOST_PACKED) throw new RangeError("too long");
  const text = btoa(String.fromCharCode(...new Uint8Array(packed)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

// What packChange packed. Raises an error if it is anything else.
async function unpackChange(text) {
  const letters = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const packed = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  const bytes = await piped(packed, new DecompressionStream("deflate-raw"));
  return JSON.parse(await bytes.text());
}
