"""One run of the program for the live page: what the page asks for, and what it is told.

A request is {"prompt", "tokens", "temperature", "topK", "seed", "model", "source"}, all texts; an
empty option is left to the program. While the program runs, `tell` is called with dicts of one
entry each: {"status": a line on stderr}, {"printed": text on stdout}, {"ids": [[id, its text]]}, if
the program refuses what was asked {"refused": its line}, and at last {"done": the recording}, of a
run that was refused or failed in the middle as well.
"""

import ast
import contextlib
import io
import re

import numpy as np

from tools import page, recorder

OPTIONS = {
    "tokens": "--tokens",
    "temperature": "--temperature",
    "topK": "--top-k",
    "seed": "--seed",
    "model": "--model",
}


def arguments_of(request):
    """Return easygpt2.py's arguments for a request."""
    named = [f"{OPTIONS[name]}={request[name]}" for name in OPTIONS if request.get(name)]
    return [*named, "--", request.get("prompt", "")]  # whatever a prompt looks like, it is one


def run(path, request, tell):
    """Run the request's source, which stands at `path`, and tell what happens."""
    recorded, slip = recorder_of(path, request["source"])
    progress = _Progress(recorded, tell)
    output, errors = _Told(progress.printed), _Told(progress.said)
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors), np.errstate():
        recorded.run(arguments_of(request))
    end = recorded.error
    if slip:
        recorded.source, recorded.error, recorded.error_event = request["source"], slip, -1
    elif isinstance(end, SystemExit) and end.code:
        line = end.code if isinstance(end.code, str) else progress.last
        tell({"refused": line or f"It ended with status {end.code}"})
    tell({"done": page.recording_of(recorded)})


def recorder_of(path, source):
    """Return (the Recorder of this source, None), or (that of its beginning, the SyntaxError)."""
    try:
        return recorder.Recorder(path, source, page.NOTES), None
    except SyntaxError as error:
        slip = error
    except (ValueError, RecursionError, MemoryError) as error:  # a null byte; nested too deep
        slip = SyntaxError(str(error) or "too deeply nested")
    before, null, _ = source.partition("\0")
    slip.filename = path  # ast.parse does not know it, nor the line of a null byte
    slip.lineno = slip.lineno or (before.count("\n") + 1 if null else 1)
    return recorder.Recorder(path, beginning(source, slip.lineno), page.NOTES), slip


def beginning(source, line):
    """Return the lines of a source before the outermost statement in which a slip is, if any."""
    lines = source.split("\n")
    for end in range(min(line, len(lines)) - 1, -1, -1):
        if not re.match(r"(?!(?:else|elif|except|finally)\b)[A-Za-z_@]", lines[end]):
            continue
        text = "\n".join(lines[:end])
        with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            ast.parse(text)
            return text
    return ""


class _Told(io.TextIOBase):
    """A stream that passes on what is written to it."""

    encoding = "utf-8"

    def __init__(self, tell):
        self.tell = tell

    def write(self, text):
        self.tell(text)
        return len(text)


class _Progress:
    """What a run has said by now."""

    def __init__(self, recorded, tell):
        self.recorded, self.tell = recorded, tell
        self.line, self.last, self.n_ids, self.texts = "", "", 0, []

    def printed(self, text):
        self.tell({"printed": text})
        ids = self.recorded.variables.get("ids")
        if isinstance(ids, list) and len(ids) != self.n_ids:
            self.texts = self.texts or page.vocabulary_of(self.recorded.variables)
            self.n_ids = len(ids)
            self.tell({"ids": [[id, self.text_of(id)] for id in ids if isinstance(id, int)]})

    def text_of(self, id):
        return self.texts[id] if 0 <= id < len(self.texts) else f"id {id}"

    def said(self, text):
        """Tell each line once it is whole."""
        lines = (self.line + text).split("\n")
        self.line = lines.pop()
        for line in filter(str.strip, lines):
            self.last = line
            self.tell({"status": line})
