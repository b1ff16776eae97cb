"""Draw the page of a recorded run: the script itself, with every value beside its line.

Nothing of GPT-2 is computed here. What the page knows of GPT-2 are the tables below: which variable
is drawn how, and what a shape's names count. Template, style and scripts are in page/.
"""

import base64
import hashlib
import json
import re
import traceback
from pathlib import Path

import jinja2
import markupsafe
import numpy as np
import pygments.formatters
import pygments.lexers

from tools import recorder

PARTS = Path(__file__).resolve().parent / "page"
SCRIPTS = ["recorded", "text", "place", "rows", "pictures", "value", "controls"]  # one script
MARK = b"<!-- made by walkthrough.py -->"  # only such a file is ever replaced

# How a variable is drawn, where there is more to it than its kind of value says.
PICTURES = {
    "tokens": "tokens",
    "output_tokens": "tokens",
    "ids": "ids",
    "next_id": "ids",
    "best": "ids",
    "pieces": "merges",
    "attention_weights": "attention",
    "residual": "growth",
    "candidates": "candidates",
    "probabilities": "candidates",
}
# The loops around this variable are the page's main choice, and what they count.
CHOICE = ("attention_weights", ["token", "layer", "head"])
# What the names in shape comments count: positions in the text from a variable's value on, ids of
# the vocabulary, or the ids that a variable holds.
AXES = {
    "n_prompt": {"positions": None},
    "n_seen": {"positions": None},
    "n_new": {"positions": "n_past"},
    "n_max": {"positions": None},
    "n_vocab": {"vocabulary": True},
    "len(vocabulary)": {"vocabulary": True},
    "n_best": {"ids": "best"},
}


def ten_best(candidates, variables):
    """Return the ten largest logits, and what the script's own softmax makes of them."""
    best = np.argsort(-candidates, kind="stable")[:10]
    found = {"ids": best.tolist(), "logits": candidates[best].tolist()}
    if "softmax" in variables:
        found["probabilities"] = variables["softmax"](candidates)[best].tolist()
    return found


def ten_drawn(probabilities, variables):
    """Return the first ten of the probabilities from which the next token is drawn."""
    ids = variables["best"][:10].tolist()
    return {"ids": ids, "probabilities": probabilities[:10].tolist()}


def lengths(rows, variables):
    """Return the length (L2 norm) of every row."""
    return np.linalg.norm(rows.astype(np.float64), axis=1).tolist()


NOTES = {"candidates": ten_best, "probabilities": ten_drawn, "residual": lengths}


def failure(recorded):
    """Return "line N: what went wrong" if an exception has ended the script, else None."""
    if not isinstance(recorded.error, Exception):
        return None
    frames = traceback.extract_tb(recorded.error.__traceback__)
    line = [frame.lineno for frame in frames if frame.filename == recorded.path][-1]
    return f"line {line}: {type(recorded.error).__name__}: {recorded.error}"


def page_of(recorded):
    """Return the page, as bytes."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PARTS),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (PARTS / "style.css").read_text("utf-8")
    pieces = [(PARTS / f"{name}.js").read_text("utf-8") for name in SCRIPTS]
    script = "\n".join(pieces)
    arrays, numbers = packed(recorded.arrays)
    text = environment.get_template("page.html").render(
        mark=markupsafe.Markup(MARK.decode()),
        blocks=blocks_of(recorded),
        failure=failure(recorded),
        kept=kept_of(recorded),
        left_out=left_out(recorded),
        style=markupsafe.Markup(style),
        script=markupsafe.Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
        data=markupsafe.Markup(_json(data_of(recorded, arrays))),
        numbers=markupsafe.Markup(numbers),
    )
    return text.encode("utf-8")


def _hash(text):
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode()


def _json(data):
    """JSON in which no text can end the element that holds it."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


# -- what the page's script is given


def data_of(recorded, arrays):
    """Return all that the page's script shows, but for the arrays' numbers."""
    values, index = [], {}

    def number_of(value):
        if value is recorder.NOT_MADE:
            return -1
        key = json.dumps(value)
        if key not in index:
            index[key] = len(values)
            values.append(value)
        return index[key]

    events, lines = recorded.events, recorded.source.split("\n")
    ids = recorded.variables.get("ids")
    texts = [recorded.variables.get(name) for name in ("prompt", "output")]
    return {
        "statements": [
            statement._asdict()
            | {"axes": axes_of("\n".join(lines[statement.first - 1 : statement.last]))}
            for statement in recorded.statements
        ],
        "events": {
            "statement": [event.statement for event in events],
            "frame": [event.frame for event in events],
            "caller": [event.caller for event in events],
            "iterations": [event.iterations for event in events],
            "values": [[number_of(value) for value in event.values] for event in events],
            "printed": {i: event.printed for i, event in enumerate(events) if event.printed},
            "ended": [i for i, event in enumerate(events) if event.ended],
            "notes": {i: _finite(event.note) for i, event in enumerate(events) if event.note},
        },
        "values": values,
        "arrays": arrays,
        "failure": [recorded.error_event, failure(recorded)],
        "pictures": PICTURES,
        "axes": AXES,
        "choice": CHOICE,
        "vocabulary": vocabulary_of(recorded.variables),
        "ids": ids if isinstance(ids, list) else [],
        "texts": [text if isinstance(text, str) else "" for text in texts],
    }


def _finite(note):
    """JSON knows no infinity."""
    if isinstance(note, dict):
        return {name: _finite(value) for name, value in note.items()}
    if isinstance(note, list):
        return [_finite(value) for value in note]
    return note if np.isfinite(note) else None


def packed(arrays):
    """Return what is known of each array, and the numbers of all, little-endian, in base64.

    Each array begins at a multiple of 12 bytes: there its own piece of the base64 text begins.
    """
    found, data, offset = [], [], 0
    for kept in arrays.list:
        code = "<f4"
        if kept.data.dtype.kind == "f":
            code = "<f4" if kept.data.dtype.itemsize <= 4 else "<f8"
        elif kept.data.dtype.kind == "b" or kept.data.dtype == np.uint8:
            code = "<u1"
        else:
            fits = not kept.data.size or np.abs(kept.data.astype(np.float64)).max() < 2**31
            code = "<i4" if fits else "<f8"
        piece = kept.data.astype(code).tobytes()
        found.append(
            {
                "dtype": kept.dtype,
                "shape": kept.shape,
                "kept": kept.data.shape,
                "code": code[1:],
                "at": offset // 3 * 4,
                "figures": kept.figures,
            }
        )
        data.append(piece + bytes(-len(piece) % 12))
        offset += len(data[-1])
    return found, base64.b64encode(b"".join(data)).decode()


def axes_of(code):
    """Return the names in a line's shape comment: `# [n_new, n_embd]`."""
    found = re.search(r"# \[(.*)\]", code)
    return [name.strip() for name in found[1].split(",")] if found else []


def vocabulary_of(variables):
    """Return the text of every token, by id; a byte that is no character by itself is escaped."""
    table, vocabulary = variables.get("byte_to_character"), variables.get("vocabulary")
    if not isinstance(table, dict) or not isinstance(vocabulary, dict):
        return []
    byte_of = {character: byte for byte, character in table.items()}
    texts = {}
    for token, id in vocabulary.items():
        data = bytes([byte_of[character] for character in token if character in byte_of])
        texts[id] = data.decode("utf-8", errors="backslashreplace")
    return [texts.get(id, "") for id in range(len(texts))]


def kept_of(recorded):
    """Return what of the page's main choice is on it: ["token 8 of 8", "layer 6 of 6" ...]."""
    target, names = CHOICE
    loops = next((one.loops for one in recorded.statements if target in one.targets), [])
    return [f"{name} {' of '.join(rounds(recorded, loop))}" for name, loop in zip(names, loops)]


def rounds(recorded, loop):
    """Return how many rounds of a loop are kept, and how many there were."""
    ran = recorded.ran.get(loop, 0)
    return [f"{n:,}" for n in (min(recorded.kept.get(loop, 0), ran), ran)]


def left_out(recorded):
    """Return sentences that say what of the run is not on the page."""
    sentences = []
    for loop in sorted(recorded.ran):
        kept, ran = rounds(recorded, loop)
        if kept != ran:
            line = recorded.statements[loop].first
            sentences.append(f"line {line}: of the loop's {ran} rounds all but the first {kept}")
    cut = [kept for kept in recorded.arrays.list if kept.data.shape != kept.shape]
    if cut:
        sentences.append(
            f"{len(cut):,} arrays with more than {recorded.arrays.most:,} numbers or "
            f"{recorder.MOST_ROWS} rows: all but the first rows and columns; their minimum, "
            "maximum, mean and standard deviation are those of all"
        )
    if recorded.arrays.shortened:
        sentences.append(
            f"{recorded.arrays.shortened:,} lists and texts: all but the first "
            f"{recorder.MOST_ITEMS} items, {recorder.MOST_CHARACTERS:,} characters or "
            f"{recorder.MOST_BYTES_SHOWN} bytes"
        )
    return sentences


# -- the script as a page


def blocks_of(recorded):
    """Return the script's lines as what the template sets: headings, prose and rows of code."""
    lines, code = recorded.source.split("\n"), highlighted(recorded.source)
    starts = {statement.first: number for number, statement in enumerate(recorded.statements)}
    first = min(starts, default=0)  # comments above it are for tools
    function_of = functions(recorded.statements)
    blocks, line = [], 1
    while line <= len(lines):
        text, number = lines[line - 1], starts.get(line)
        last = line if number is None else recorded.statements[number].last
        block = {"line": line, "function": function_of.get(line)}
        heading = re.match(r" *# (?:%% )?Step (\d+)\. (.*)", text)
        if heading:
            block |= {"kind": "heading", "number": int(heading[1]), "title": heading[2]}
        elif line == first and text.startswith('"""'):
            docstring = "\n".join(lines[line - 1 : last]).strip().strip('"')
            block |= {"kind": "prose", "html": prose(docstring.split("\n"))}
        elif re.match(r" *#", text) and line > first:
            while last < len(lines) and re.match(r" *#(?! (?:%% )?Step \d)", lines[last]):
                last += 1
            comment = [re.sub(r"^ *# ?", "", part) for part in lines[line - 1 : last]]
            block |= {"kind": "prose", "html": prose(comment)}
        elif text.strip():
            html = markupsafe.Markup("\n".join(code[line - 1 : last]))
            block |= {"kind": "code", "statement": number, "html": html}
        else:
            block |= {"kind": "blank"}
        block["indent"] = len(text) - len(text.lstrip())
        blocks.append(block)
        line = last + 1
    return blocks


def functions(statements):
    """Return {line: the function that it is part of, from its def to its last statement}."""
    found = {}
    for statement in statements:
        if statement.kind == "FunctionDef":
            name = statement.name
            inside = [other.last for other in statements if other.function == name]
            for line in range(statement.first, max(inside) + 1):
                found.setdefault(line, name)
    return found


def highlighted(source):
    """Return every line of the source as HTML."""
    lexer = pygments.lexers.PythonLexer(stripnl=False, ensurenl=False)
    html = pygments.highlight(source, lexer, pygments.formatters.HtmlFormatter(nowrap=True))
    return html.split("\n")


def prose(lines):
    """Return HTML of a comment: paragraphs, `code`, and indented lines as they stand."""
    parts = []  # (class, [HTML of a line])
    for line in lines:
        html = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(markupsafe.escape(line)))
        word = re.match("  |Subtle:|Why |", line)[0]
        kind = {"  ": "example", "Subtle:": "subtle", "Why ": "why", "": ""}[word]
        before = parts[-1][0] if parts else None
        if not line.strip():
            parts.append(("", []))
        elif kind == before == "example" or kind == "" and before in ("", "subtle", "why"):
            parts[-1][1].append(html)
        else:
            parts.append((kind, [html]))
    html = []
    for kind, texts in parts:
        if kind == "example":
            html.append(f"<pre>{''.join(f'<span>{text}</span>' for text in texts)}</pre>")
        elif texts:
            html.append(f'<p class="{kind}">' + "\n".join(texts) + "</p>")
    return markupsafe.Markup("".join(html))
