"""The solutions of the exercises: patches of easygpt2.py, which follow it when it changes.

usage: python tests/solutions.py

A hunk is found by its lines of code alone. So after a change of comments, or of code elsewhere,
this writes each patch anew, with the lines and comments as they are now. The context of a hunk is
the line behind it, and the line before it where the one behind is no code.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "solutions"


def code(line):
    """Return the line without its comment."""
    return line.split("  # ")[0].rstrip() if line.lstrip()[:1] != "#" else ""


def hunks(patch):
    """Return [[(sign, line)]], the lines of each hunk."""
    found = []
    for line in patch.splitlines()[2:]:
        if line.startswith("@@"):
            found.append([])
        else:
            found[-1].append((line[:1] or " ", line[1:]))
    return found


def place(hunk, source):
    """Return the edits that a hunk makes: (first line, line behind the last, new lines)."""
    old = [code(line) for sign, line in hunk if sign != "+" and code(line)]
    numbered = [(number, code(line)) for number, line in enumerate(source) if code(line)]
    starts = [
        start
        for start in range(len(numbered))
        if [text for _, text in numbered[start : start + len(old)]] == old
    ]
    if len(starts) != 1:
        raise ValueError(f"{len(starts)} places in easygpt2.py have these lines: {old}")
    numbers = [number for number, _ in numbered[starts[0] : starts[0] + len(old)]]
    begin = end = None
    new, passed = [], 0
    for sign, line in hunk:
        if sign == "+":
            if begin is None:  # behind the line before, or else before the line that comes next
                begin = end = numbers[passed - 1] + 1 if passed else numbers[0]
            new.append(line)
        elif code(line):
            if sign == "-":
                begin = numbers[passed] if begin is None else begin
                end = numbers[passed] + 1
            passed += 1
    return begin, end, new


def renewed(patch, source):
    """Return the patch as it should be for this source of easygpt2.py."""
    source = source.splitlines()
    text, moved = "--- a/easygpt2.py\n+++ b/easygpt2.py\n", 0
    for begin, end, new in sorted(place(hunk, source) for hunk in hunks(patch)):
        after = source[end : end + 1]
        before = source[begin - 1 : begin]
        if any(map(code, after)) or (after and not any(map(code, before))):
            before = []
        lines = [f" {line}" for line in before] + [f"-{line}" for line in source[begin:end]]
        lines += [f"+{line}" for line in new] + [f" {line}" for line in after]
        first, n_kept = begin - len(before) + 1, len(before) + len(after)
        text += f"@@ -{first},{end - begin + n_kept} +{first + moved},{len(new) + n_kept} @@\n"
        text += "\n".join(lines) + "\n"
        moved += len(new) - (end - begin)
    return text


def applied(name, source):
    """Return this source of easygpt2.py with the solution of this name in it."""
    lines = source.split("\n")
    patch = (FOLDER / f"{name}.patch").read_text("utf-8")
    for begin, end, new in sorted((place(hunk, lines) for hunk in hunks(patch)), reverse=True):
        lines[begin:end] = new
    return "\n".join(lines)


if __name__ == "__main__":
    program = (ROOT / "easygpt2.py").read_text("utf-8")
    for path in sorted(FOLDER.glob("*.patch")):
        try:
            path.write_text(renewed(path.read_text("utf-8"), program), "utf-8")
        except ValueError as error:
            sys.exit(f"{path.name}: {error}")
