"""The exercises for the page: docs/exercises.md as HTML, each solution as the lines it changes."""

import difflib
import re
import shlex
from pathlib import Path

from markupsafe import escape

from tools.live.run import OPTIONS

DOCS = Path(__file__).resolve().parents[2] / "docs"
FIELDS = ["prompt", *OPTIONS]
WORDS = {  # what each patch in docs/solutions does, on the button that puts it in
    "alike": "the tokens that are most alike",
    "copying-head": "show the heads that copy",
    "exact-gelu": "the exact GELU",
    "fewer-bits": "weights of 8 bits",
    "five-best": "show the five best tokens",
    "float16": "weights in float16",
    "less-repetition": "less repetition",
    "logit-lens": "show the best token after each layer",
    "no-attention": "no attention",
    "no-cache": "no cache",
    "no-mask": "no mask",
    "no-mlp": "no MLPs",
    "no-positions": "no positions",
    "no-root": "no root",
    "one-head": "one head only",
    "perplexity": "show the perplexity",
    "previous-token": "show the heads that look at the token before",
    "relu": "ReLU",
    "silence-head": "silence one head",
    "skip-layer": "leave a layer out",
    "strip": "strip the prompt of spaces at its end",
    "top-p": "top-p",
}
CONSOLE = r"^```console\n(.*?)^```\n"


def exercises_of(source, text=None):
    """Return [{number, title, task, expect, solutions}] of docs/exercises.md, for this program.

    `task` and `expect` are HTML. A solution is {name, words, edits, request}: which patches are
    applied together, what they do, their edits of `source` (as change.js has them), and what the
    page is to ask for first.
    """
    text = text or (DOCS / "exercises.md").read_text("utf-8")
    found = re.findall(r"^## (\d+)\. ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    return [
        {
            "number": int(number),
            "title": title,
            "task": html_of(body.partition("```")[0]),
            "expect": html_of("```" + body.partition("```")[2]),
            "solutions": solutions_of(body, source),
        }
        for number, title, body in found
    ]


def solutions_of(body, source):
    """Return the solutions of an exercise: the states of the program in which it is run."""
    applied, states = [], []
    for block in re.findall(CONSOLE, body, re.M | re.S):
        for line in re.findall(r"^\$ (.+)$", block, re.M):
            words = shlex.split(line)
            if words[:2] == ["git", "apply"]:
                names = [Path(word).stem for word in words[2:] if word != "-R"]
                if "-R" in words:
                    applied = [name for name in applied if name not in names]
                else:
                    applied = [*applied, *names]
            elif applied and applied not in [state for state, _ in states]:
                states.append((list(applied), request_of(words[2:])))
    return [
        {
            "name": " and ".join(names),
            "words": ", ".join([WORDS[name] for name in names]),
            "edits": edits_of(source, names),
            "request": request,
        }
        for names, request in states
    ]


def request_of(words):
    """Return what the page asks for, of the arguments of easygpt2.py; the rest is its default."""
    request = dict.fromkeys(FIELDS, "")
    names = {option: name for name, option in OPTIONS.items()}
    words = iter(words)
    for word in words:
        if word in names:
            request[names[word]] = next(words)
        else:
            request["prompt"] = word
    return request


def edits_of(source, names):
    """Return [line, how many go, the lines that come] of the source with these patches applied."""
    lines = source.split("\n")
    made = lines
    for name in names:
        made = patched(made, (DOCS / "solutions" / f"{name}.patch").read_text("utf-8"))
    matcher = difflib.SequenceMatcher(None, lines, made, autojunk=False)
    return [
        [begin, end - begin, made[start:stop]]
        for kind, begin, end, start, stop in matcher.get_opcodes()
        if kind != "equal"
    ]


def patched(lines, patch):
    """Return the lines with a patch applied: each hunk where its lines are, next to where it says.

    Raises ValueError where they are nowhere.
    """
    made = list(lines)
    for first, hunk in re.findall(r"^@@ -\d+,\d+ \+(\d+),.*\n((?:[ +-].*\n|\n)*)", patch, re.M):
        old = [line[1:] for line in hunk.splitlines() if line[:1] != "+"]
        new = [line[1:] for line in hunk.splitlines() if line[:1] != "-"]
        starts = [i for i in range(len(made)) if made[i : i + len(old)] == old]
        if not starts:
            raise ValueError(f"no place has these lines: {old}")
        start = min(starts, key=lambda i: abs(i + 1 - int(first)))
        made[start : start + len(old)] = new
    return made


# -- what exercises.md has of Markdown


def html_of(text):
    """Return paragraphs, console blocks and tables as HTML."""
    text = re.sub(r"^\$ git apply (.+)$", _button, text, flags=re.M)
    parts = []
    for block in re.findall(r"^```\w*\n.*?^```$|(?:^(?!```)[^\n]+\n?)+", text, re.M | re.S):
        if block.startswith("```"):
            inner = block.partition("\n")[2].rpartition("\n")[0]
            parts.append(f"<pre>{escape(inner)}</pre>" if inner.strip() else "")
        elif block.startswith("|"):
            rows = [row for row in block.splitlines() if not set(row) <= set("|-")]
            parts.append(f"<table>{''.join(map(_row, rows))}</table>")
        else:
            parts.append(f"<p>{_inline(block)}</p>")
    return "".join(parts)


def _button(line):
    """Return what stands for `git apply` where the page has a button for it."""
    words = line[1].split()
    verb = "taken out" if words[0] == "-R" else "put in"
    return f"({verb}: {', '.join(WORDS[Path(word).stem] for word in words if word != '-R')})"


def _row(row):
    cells = "".join(f"<td>{_inline(cell.strip())}</td>" for cell in row.strip("|").split("|"))
    return f"<tr>{cells}</tr>"


def _inline(text):
    """Return a line's HTML: `code`, *emphasis* and links; those within the project are text."""
    parts = re.split(r"(`[^`]+`)", text.strip())
    for i, part in enumerate(parts):
        if i % 2:
            parts[i] = f"<code>{escape(part[1:-1])}</code>"
            continue
        part = str(escape(part))
        link = r'<a href="\2" target="_blank" rel="noopener noreferrer">\1</a>'
        part = re.sub(r"\[([^]]+)\]\((https:[^)]+)\)", link, part)
        part = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", part)
        parts[i] = re.sub(r"\*([^*]+)\*", r"<em>\1</em>", part)
    return "".join(parts)
