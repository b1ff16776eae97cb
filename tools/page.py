"""The page of a recorded run: one HTML file that shows every value beside the line that made it.

It knows nothing of how GPT-2 is computed. What it knows of GPT-2 are the tables below: which
variable is drawn how, what a shape's names count, which variables are the stations of the map.
Template, style and scripts are in page/; the recorder is recorder.py.
"""

import ast
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
# One script, in this order. Each piece says in its first lines what it is for.
SCRIPTS = ["text", "recorded", "place", "steps", "colours", "grid", "glance", "candidates"]
SCRIPTS += ["map", "lines", "sheet", "pane", "rail", "bar", "start"]
COMPARE = ["differences", "before", "summary", "compare"]  # behind these, where two runs are known
IN_BROWSER = ["change", "editor", "exercises", "weights", "output", "python"]  # in a site as well
MOST_TEXT = 100_000  # characters of the prompt and of the output
MOST_MESSAGE = 2000  # characters of what Python says
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
    "residual": "lengths",
    "logits": "candidates",
    "probabilities": "candidates",
}
# The loops around this variable are the page's main choice, and what they count.
CHOICE = ("attention_weights", ["round", "layer", "head"])
# The stations of the map: a name, the variable, and which of the statements that make it is meant.
STATIONS = [
    ("text", "prompt", 0),
    ("tokens", "tokens", -1),
    ("ids", "ids", 0),
    ("embeddings", "residual", 0),
    ("layers", "attention_weights", 0),
    ("logits", "logits", 0),
    ("token", "ids", -1),
]
# The map's other pictures: the chosen token, its candidates, and the rows that each layer adds to.
MAP = {"taken": "next_id", "candidates": ["probabilities", "logits"], "rows": "residual"}
# How much room the steps get on the rail; the others get 1.6.
RAIL = {12: 11, 13: 3, 14: 2}
# What the names in shape comments count: positions in the text from a variable's value on, ids of
# the vocabulary, or the ids that a variable holds.
AXES = {
    "n_prompt": {"positions": None},
    "n_seen": {"positions": None},
    "n_new": {"positions": "n_past"},
    "n_ctx": {"positions": None},
    "n_vocab": {"vocabulary": True},
    "len(vocabulary)": {"vocabulary": True},
    "n_best": {"ids": "best"},
}
# Cells with such a title are folded, and runs of lines that only call these or make these.
FOLDED_CELL = r"# %% Before step 1\b"
BOOKKEEPING = {"check", "check_vocabulary"}


def ten_best(logits, variables):
    """Return the ten largest logits, and what the script's own softmax makes of them."""
    best = np.argsort(-logits, kind="stable")[:10]
    found = {"ids": best.tolist(), "logits": logits[best].tolist()}
    if "softmax" in variables:
        found["probabilities"] = variables["softmax"](logits)[best].tolist()
    return found


def ten_drawn(probabilities, variables):
    """Return the first ten of the probabilities from which the next token is drawn."""
    ids = variables["best"][:10].tolist()
    return {"ids": ids, "probabilities": probabilities[:10].tolist()}


def lengths(rows, variables):
    """Return the length (L2 norm) of every row."""
    return np.linalg.norm(rows.astype(np.float64), axis=1).tolist()


NOTES = {"logits": ten_best, "probabilities": ten_drawn, "residual": lengths}


def failure(recorded):
    """Return "line N: what went wrong" if an exception has ended the script, else None."""
    error = recorded.error
    if error is None or isinstance(error, SystemExit):
        return None
    if slip_of(recorded):
        return f"line {slip_of(recorded)}: {type(error).__name__}: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    line = [frame.lineno for frame in frames if frame.filename == recorded.path][-1]
    message = "".join(traceback.format_exception_only(error)).strip()
    if len(message) > MOST_MESSAGE:
        message = f"{message[:MOST_MESSAGE]} …"
    return f"line {line}: {message}"


def slip_of(recorded):
    """Return the line at which the script is no Python, else None."""
    error = recorded.error
    slip = isinstance(error, SyntaxError) and error.filename == recorded.path
    return error.lineno or 1 if slip else None


def end_of_recording(recorded):
    """Return "line N: why nothing is known of what ran later" if that is so, else None."""
    if recorded.silent_after is None:
        return None
    line = recorded.statements[recorded.events[recorded.silent_after].statement].first
    why = "Python's trace was cut, by sys.settrace or by calls until the stack was full"
    return f"line {line}: {why}"


ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(PARTS),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def recording_of(recorded):
    """Return all that the page shows of this recorder.Recorder, which has run, as JSON can hold it.

    `program`, `left_out` and `notices` are HTML, `numbers` those of all arrays, in base64, and
    `data` is what the page's script asks for everything else.
    """
    parts = ENVIRONMENT.get_template("parts.html").module
    arrays, numbers = packed(recorded.arrays)
    return {
        "program": parts.program(blocks_of(recorded)),
        "left_out": parts.left_out(left_out(recorded), kept_of(recorded)),
        "notices": parts.notices(failure(recorded), end_of_recording(recorded)),
        "data": data_of(recorded, arrays),
        "numbers": numbers,
    }


def page_of(recorded, runner=None, request=None, before=None, site=None, sources=("'self'",)):
    """Return the page of this recorder.Recorder, which has run, as bytes.

    `runner` is the piece of script by which the page runs the program again, and `request` what it
    asks for first, {"prompt", "tokens", "temperature", "topK", "seed", "model"}; without a runner
    the page shows its one recording. `before` is a Recorder that has run another version of the
    program: the page marks what differs from it. `sources` are the addresses that a page that runs
    may ask. `site` is what it is given to run the program in the browser alone (live/site.py).
    """
    names, styles = SCRIPTS, ["style"]
    if runner is not None:
        names = [*names[:-1], "moved", "run", names[-1]]
    if runner is not None or before is not None:
        names, styles = names + COMPARE, [*styles, "compare"]
    if site is not None:
        names, styles = names + IN_BROWSER, [*styles, "browser"]
    if runner is not None:
        names = [*names, runner]
    style = "\n".join((PARTS / f"{name}.css").read_text("utf-8") for name in styles)
    script = "\n".join((PARTS / f"{name}.js").read_text("utf-8") for name in names)
    recording = recording_of(recorded)
    text = ENVIRONMENT.get_template("page.html").render(
        mark=markupsafe.Markup(MARK.decode()),
        file=Path(recorded.path).name,
        recording=recording,
        data=markupsafe.Markup(json_of(recording["data"])),
        runner=runner,
        request=request or {},
        site=site,
        site_data=markupsafe.Markup(json_of(site)),
        sources=markupsafe.Markup(" ".join(sources).replace('"', "%22")),
        style=markupsafe.Markup(style),
        script=markupsafe.Markup(script),
        style_hash=policy_hash(style),
        script_hash=policy_hash(script),
        **(previous_of(before) if before else {}),
    )
    return text.encode("utf-8")


def previous_of(recorded):
    """Return what the template needs of the run with which the page compares."""
    arrays, numbers = packed(recorded.arrays)
    data = {"name": Path(recorded.path).name, "data": data_of(recorded, arrays)}
    return {
        "previous": markupsafe.Markup(json_of(data)),
        "previous_numbers": markupsafe.Markup(numbers),
    }


def policy_hash(text):
    """Return what a content security policy names a script or a style by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode()


def json_of(data):
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
        "ran": {loop: ran for loop, ran in recorded.ran.items()},
        "steps": [{"number": n, "title": title, "line": at} for at, n, title in steps_of(lines)],
        "endOfRecording": [recorded.silent_after, end_of_recording(recorded)],
        "pictures": PICTURES,
        "axes": AXES,
        "choice": CHOICE,
        "stations": STATIONS,
        "map": MAP,
        "rail": RAIL,
        "vocabulary": vocabulary_of(recorded.variables),
        "ids": ids_of(recorded.variables),
        "texts": [text[:MOST_TEXT] if isinstance(text, str) else "" for text in texts],
        "source": recorded.source,
        "arguments": recorded.arguments,
        "slip": slip_of(recorded),
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
    Equal numbers are written once, whether they were float16 or float32.
    """
    found, data, offset, offsets = [], [], 0, {}
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
        at = offsets.setdefault(piece, offset)
        found.append(
            {
                "dtype": kept.dtype,
                "shape": kept.shape,
                "kept": kept.data.shape,
                "code": code[1:],
                "at": at // 3 * 4,
                "figures": kept.figures,
            }
        )
        if at == offset:
            data.append(piece + bytes(-len(piece) % 12))
            offset += len(data[-1])
    return found, base64.b64encode(b"".join(data)).decode()


def axes_of(code):
    """Return the names in a line's shape comment: `# [n_new, n_embd]`."""
    found = re.search(r"# \[(.*)\]", code)
    return [name.strip() for name in found[1].split(",")] if found else []


def ids_of(variables):
    """Return the ids that the script has now, as Python's own numbers; [] if they are no such."""
    ids = variables.get("ids")
    if not isinstance(ids, list) or not all(isinstance(id, (int, np.integer)) for id in ids):
        return []
    return [int(id) for id in ids] if all(abs(int(id)) < 2**53 for id in ids) else []


def vocabulary_of(variables):
    """Return the text of every token, by id; a byte that is no character by itself is escaped.

    An edited script may have made something else by this name: then nothing is known of it.
    """
    table, vocabulary = variables.get("byte_to_character"), variables.get("vocabulary")
    if not isinstance(table, dict) or not isinstance(vocabulary, dict):
        return []
    good = all(isinstance(key, str) and isinstance(id, int) for key, id in vocabulary.items())
    for byte, character in table.items():
        good = good and byte in range(256) and isinstance(character, str)
    if not good:
        return []
    byte_of = {character: byte for byte, character in table.items()}
    texts = {}
    for token, id in vocabulary.items():
        data = bytes([byte_of[character] for character in token if character in byte_of])
        texts[id] = data.decode("utf-8", errors="backslashreplace")
    return [texts.get(id, "") for id in range(len(texts))]


def kept_of(recorded):
    """Return what of the page's main choice is on it: ["round 8 of 8", "layer 6 of 6" ...]."""
    target, names = CHOICE
    made = [one.loops for one in recorded.statements if target in one.targets]
    loops = max(made, key=len, default=[])
    return [f"{name} {' of '.join(rounds(recorded, loop))}" for name, loop in zip(names, loops)]


def rounds(recorded, loop):
    """Return how many rounds of a loop are kept, and how many there were."""
    ran = recorded.ran.get(loop, 0)
    return [f"{n:,}" for n in (min(recorded.kept.get(loop, 0), ran), ran)]


def left_out(recorded):
    """Return sentences that say what of the run is not on the page."""
    sentences = []
    if recorded.silent_after is not None:
        sentences.append(f"all behind {end_of_recording(recorded)}")
    if recorded.too_deep:
        deep = recorder.MOST_CALLS
        sentences.append(f"{recorded.too_deep:,} calls, deeper than {deep} functions in functions")
    for loop in sorted(recorded.ran):
        kept, ran = rounds(recorded, loop)
        if kept != ran:
            line = recorded.statements[loop].first
            sentences.append(f"line {line}: of the loop's {ran} rounds all but the first {kept}")
    cut = [kept for kept in recorded.arrays.list if kept.data.shape != kept.shape]
    if cut:
        sentences.append(
            f"{len(cut):,} arrays with more than {recorded.arrays.most:,} numbers "
            f"({recorded.arrays.most // recorder.MOST_INSIDE:,} within functions) or "
            f"{recorder.MOST_ROWS} rows: all but the first rows and columns; their minimum, "
            "maximum, mean and standard deviation are those of all"
        )
    if recorded.arrays.shortened:
        sentences.append(
            f"{recorded.arrays.shortened:,} lists and texts: all but the first "
            f"{recorder.MOST_ITEMS} items, {recorder.MOST_CHARACTERS:,} characters or "
            f"{recorder.MOST_BYTES_SHOWN} bytes"
        )
    if recorded.cut_prints:
        n = recorded.cut_prints
        sentences.append(
            f"of what {'1 line prints' if n == 1 else f'{n:,} lines print'}: all but the first "
            f"{recorder.MOST_PRINTED:,} characters"
        )
    return sentences


# -- the script as a page


def steps_of(lines):
    """Return [(line, number, title)] of the steps' headings."""
    found = []
    for number, line in enumerate(lines, 1):
        heading = re.match(r" *# (?:%% )?Step (\d+)\. (.*)", line)
        if heading:
            found.append((number, int(heading[1]), heading[2]))
    return found


def blocks_of(recorded):
    """Return the script's lines as what the template sets: headings, prose, code and folds."""
    lines, code = recorded.source.split("\n"), highlighted(recorded)
    if lines[-1] == "":
        lines.pop()
    starts = {statement.first: number for number, statement in enumerate(recorded.statements)}
    first = min(starts, default=0)  # comments above it are for tools
    function_of, examples = functions(recorded.statements), examples_of(recorded)
    headings = {line: (number, title) for line, number, title in steps_of(lines)}
    blocks, line, slip = [], 1, slip_of(recorded)
    while line <= len(lines):
        text, number = lines[line - 1], starts.get(line)
        last = line if number is None else recorded.statements[number].last
        block = {"function": function_of.get(line), "statement": None}
        if line in headings:
            block |= {"kind": "heading", "number": headings[line][0], "title": headings[line][1]}
        elif line == first and text.startswith('"""'):
            block |= {"kind": "prose", "lines": [prose(part) for part in lines[line - 1 : last]]}
        elif re.match(r" *#", text) and line > first:
            while last < len(lines) and re.match(r" *#(?! (?:%% )?Step \d)", lines[last]):
                last += 1
            block |= {"kind": "prose", "lines": []}
            for at in range(line, last + 1):
                comment = re.sub(r"^ *# ?(%% )?", "", lines[at - 1])
                block["lines"].append(prose(comment, examples.get(at)))
        elif text.strip():
            html = markupsafe.Markup("\n".join(code[line - 1 : last]))
            block |= {"kind": "code", "statement": number, "html": html}
        else:
            block |= {"kind": "blank"}
        if slip and line <= slip <= last:
            block["slip"] = failure(recorded).partition(": ")[2]
        block |= {"line": line, "last": last, "indent": len(text) - len(text.lstrip())}
        blocks.append(block)
        line = last + 1
    return folded(blocks, lines, recorded.statements)


def folded(blocks, lines, statements):
    """Put what a first reader may skip into blocks of the kind "fold"."""
    found = []
    for block in blocks:
        why = _folds(block, lines, statements, found[-1] if found else None)
        if why and found and found[-1].get("why") == why[0]:
            found[-1]["blocks"].append(block)
        elif why:
            found.append({"kind": "fold", "why": why[0], "title": why[1], "blocks": [block]})
        else:
            found.append(block)
    kept = []
    for block in found:
        if block["kind"] == "fold":
            inside = block["blocks"]
            after = []
            while inside[-1]["kind"] == "blank":
                after.insert(0, inside.pop())
            block |= {"line": inside[0]["line"], "last": inside[-1]["last"]}
            short = block["why"] == "bookkeeping" and block["last"] == block["line"]
            kept += [*inside, *after] if short else [block, *after]
        else:
            kept.append(block)
    return kept


def _folds(block, lines, statements, before):
    """Return (why, title) if this block is to be folded, else None."""
    text, inside = lines[block["line"] - 1], before and before.get("why")
    first = min((statement.first for statement in statements), default=0)
    if block["kind"] == "code" and block["line"] < first or inside == "header" and not text:
        return "header", "Script header, for tools that run scripts"
    if re.match(FOLDED_CELL, text):
        return "cell", text.removeprefix("# %% ")
    if inside == "cell" and not re.match("# %% ", text):
        return "cell", ""
    if block["kind"] == "code" and block["statement"] is not None and not block["function"]:
        statement = statements[block["statement"]]
        call = re.match(r" *(\w+)\(", text)
        makes = set(statement.targets) or {call and call[1]}
        if makes <= BOOKKEEPING:
            return "bookkeeping", "Checks: " + text.strip()
    return None


def functions(statements):
    """Return {line: the function that it is part of, from its def to its last statement}."""
    found = {}
    for statement in statements:
        if statement.kind == "FunctionDef":
            name = statement.name
            inside = [other.last for other in statements if other.function == name]
            for line in range(statement.first, max([statement.last, *inside]) + 1):
                found.setdefault(line, name)
    return found


def highlighted(recorded):
    """Return every line of the source as HTML; a call of the script's own function is a button."""
    lexer = pygments.lexers.PythonLexer(stripnl=False, ensurenl=False)
    formatter = pygments.formatters.HtmlFormatter(nowrap=True)
    html = pygments.highlight(recorded.source, lexer, formatter)
    names = [one.name for one in recorded.statements if one.kind == "FunctionDef"]
    if names:
        call = rf'<span class="n">({"|".join(map(re.escape, names))})</span>(?=<span class="p">\()'
        html = re.sub(call, r'<button class="call" tabindex="-1" data-call="\1">\1</button>', html)
    return html.split("\n")


def prose(line, example=None):
    """Return (kind, HTML) of one line of a comment: `code` and examples are marked."""
    kind = {"  ": "set", "Subtle:": "subtle", "": ""}[re.match("  |Subtle:|", line)[0]]
    if example:
        before, value, after, same = example
        note = "this run" if same is False else ""
        html = f'{_code(markupsafe.escape(before))}<span class="example">{markupsafe.escape(value)}'
        html += f"</span>{_code(markupsafe.escape(after))}"
        if same is None:
            note = "in the comments’ run"
            html = f'<span class="faint">{html}</span>'
        html += f'<small class="note">{note}</small>' if note else ""
        return kind, markupsafe.Markup(html)
    html = _code(markupsafe.escape(line))
    return kind, markupsafe.Markup(re.sub(r"^(Subtle:)", r"<b>\1</b>", html))


def _code(html):
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", str(html))


# -- examples in comments: `words → ['The', ' wolf']`, with what this run made instead


EXAMPLE = re.compile(r" *# ?(?P<before>(?:.*: |\s+)?(?P<code>[^:→]*(?:\[.*\])?.*?) → )(?P<told>.*)")


def examples_of(recorded):
    """Return {line: (text before the value, the value, text after it, same)}.

    `same` is True where this run made what the comment says, False where it made something else,
    None where it cannot be told: then the value is the comment's, else this run's. Of the comments'
    own run nothing is returned.
    """
    found, lines = {}, recorded.source.split("\n")
    for number, line in enumerate(lines, 1):
        example = EXAMPLE.match(line)
        if not example:
            continue
        before, told = example["before"], example["told"]
        literal, code = _literal(told), _expression(example["code"].strip())
        if code and not any(isinstance(node, ast.Name) for node in ast.walk(code)):
            continue  # it holds in every run
        if not code or not literal:
            if before.startswith("  "):  # it stands by itself, as examples do
                found[number] = (before, told, "", None)
            continue
        try:
            made = _like(_evaluate(code, _variables(recorded, number)), literal[0])
        except Exception:  # a comment may ask for what this run has not
            found[number] = (before, told, "", None)
            continue
        rest = literal[1]
        same = made == _like(literal[0], literal[0])
        if not same and not rest.startswith(". "):
            rest = ""  # it speaks of the comment's value
        value = told.removesuffix(literal[1]) if same else made
        found[number] = (before, value, rest, same)
    if all(same is not False for *_, same in found.values()):
        return {}
    for number in [number for number, example in found.items() if example[-1] is False]:
        before = re.sub("^ *# ?", "", lines[number - 2])
        if before.endswith(":"):  # the sentence that leads to the example is the comments' as well
            found[number - 1] = ("", before, "", None)
    return found


def _literal(text):
    """Return (the Python literal with which a text begins, the rest of it), or None."""
    for end in range(len(text), 0, -1):
        if text[end - 1] in " .,":  # the sentence goes on, or ends
            continue
        try:
            return ast.literal_eval(text[:end]), text[end:]
        except (SyntaxError, ValueError):
            continue
    return None


def _expression(code):
    """Return the syntax tree of an expression, or None."""
    try:
        return ast.parse(code, mode="eval")
    except (SyntaxError, ValueError):
        return None


def _variables(recorded, line):
    """Return what the script's names stood for after the first round of the step of a line."""
    ends = [start for start, _, _ in steps_of(recorded.source.split("\n"))]
    first = max((end for end in ends if end <= line), default=1)
    last = min((end for end in ends if end > line), default=recorded.source.count("\n") + 2) - 1
    variables, choice = dict(recorded.variables), CHOICE[0]
    main = next((one.loops[:1] for one in recorded.statements if choice in one.targets), ())
    for event in recorded.events:
        statement = recorded.statements[event.statement]
        if event.frame >= 0 or not first <= statement.first <= last:
            continue
        if main and main[0] in (*statement.loops, event.statement) and event.iterations[0] > 0:
            continue
        for target, value in zip(statement.targets, event.values):
            try:
                variables[target] = _unkept(value, recorded.arrays)
            except ValueError:  # then what it was at the run's end has to do
                variables[target] = recorded.variables.get(target)
    return variables


def _unkept(value, arrays):
    """Return the value that the recorder kept. Raises ValueError unless it has kept it whole."""
    if not isinstance(value, dict):
        return value
    kind, inner = next(iter(value.items()))
    if kind == "array":
        return arrays.list[inner].data
    if kind in ("list", "tuple") and len(inner) == value["length"]:
        return [_unkept(item, arrays) for item in inner]
    if kind == "float":
        return float(inner)
    raise ValueError(kind)


def _evaluate(tree, variables):
    """Return the value of an expression of names, indices, slices, tuples and len()."""
    allowed = (ast.Expression, ast.Name, ast.Load, ast.Subscript, ast.Constant, ast.Slice)
    allowed += (ast.Tuple, ast.UnaryOp, ast.USub)
    for node in ast.walk(tree):
        length = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "len"
        if not length and not isinstance(node, allowed):
            raise ValueError("a comment runs nothing")
    return eval(compile(tree, "<comment>", "eval"), {"__builtins__": {"len": len}}, variables)


def _like(made, told):
    """Return the text of a value, its numbers rounded as those of the comment are."""
    digits = max([len(part) for part in re.findall(r"\.(\d+)", repr(told))], default=3)

    def plain(value):
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if isinstance(value, (float, np.floating)):
            value = round(float(value), digits)
            return int(value) if value == int(value) else value
        if isinstance(value, (list, tuple)):
            return type(value)(plain(item) for item in value)
        return value

    text = repr(plain(made))
    return text if len(text) <= 90 else text[:86] + " …"
