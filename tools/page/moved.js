// Where the lines of a program are in an edited version of it.
//
// What stands before the first line that differs, and after the last, is the same; between them a
// line is found by its text, or else by its place.
function lineMap(before, after) {
  const [old, now] = [before, after].map((source) => source.split("\n"));
  const most = Math.min(old.length, now.length);
  let start = 0,
    end = 0;
  while (start < most && old[start] === now[start]) start++;
  while (end < most - start && old.at(-1 - end) === now.at(-1 - end)) end++;
  const inside = now.slice(start, now.length - end).map((text) => text.trim());
  return (line) => {
    const i = line - 1;
    if (i < start) return line;
    if (i >= old.length - end) return line + now.length - old.length;
    const text = old[i].trim();
    let nth = old.slice(start, i).filter((other) => other.trim() === text).length;
    const at = inside.findIndex((other) => other === text && nth-- === 0);
    return start + 1 + (at < 0 ? Math.max(0, Math.min(i - start, inside.length - 1)) : at);
  };
}
