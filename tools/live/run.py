"""One run of the program for the live page: what the page asks for, and what it is told.

A request is {"prompt", "tokens", "temperature", "topK", "seed", "model", "source"}, all texts; an
empty option is left to the program. While the program runs, `tell` is called with dicts of one
entry each: {"status": a line on stderr}, {"ids": [[id, its text]]}, if the program refuses what was
asked {"refused": its line}, and at last {"done": the recording}, of a run that was refused or
failed in the middle as well.
"""

import ast
import contextlib
import io
import re
import traceback

import numpy as np

from tools import page, recorder

OPTIONS = {
    "tokens": "--tokens",
    "temperature": "--temperature",
    "topK": "--top-k",
    "seed": "--seed",
    "model": "--model",
}
MOST_LINES = 1000  # on stderr that are told
MOST_CHARACTERS = 1000  # of such a line


def arguments_of(request):
    """Return easygpt2.py's arguments for a request."""
    named = [f"{OPTIONS[name]}={request[name]}" for name in OPTIONS if request.get(name)]
    return [*named, "--", request.get("prompt", "")]  # whatever a prompt looks like, it is one


def run(path, request, tell, hear=lambda text: None):
    """Run the request's source, which stands at `path`; tell what happens, and hear its stdout."""
    recorded, slip = recorder_of(path, request["source"])
    progress = _Progress(recorded, tell, hear)
    output, errors = _Told(progress.printed), _Told(progress.said)
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors), np.errstate():
        with contextlib.suppress(KeyboardInterrupt):  # it shows at its line, as any other
            recorded.run(arguments_of(request))
    progress.end()
    end = recorded.error
    if slip:
        recorded.source, recorded.error, recorded.error_event = request["source"], slip, -1
    elif isinstance(end, SystemExit) and end.code:
        line = progress.last or f"It ended with status {end.code}"
        tell({"refused": line if isinstance(end.code, int) else str(end.code)[:MOST_CHARACTERS]})
    try:
        recording = page.recording_of(recorded)
    except Exception as error:  # the program may have changed Python's own modules, or numpy
        why = traceback.format_exception_only(error)[-1].strip()
        tell({"refused": f"The program ran, but its values cannot be shown: {why}"})
    else:
        tell({"done": recording})


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
    """A stream that passes on what is written to it; bytes by its `buffer`, as that of Python's."""

    encoding = "utf-8"

    def __init__(self, tell):
        self.tell, self.buffer = tell, _Buffer(self)

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if self.closed:
            raise ValueError("I/O operation on closed file.")
        self.tell(text)
        return len(text)


class _Buffer(io.RawIOBase):
    """The bytes of a stream of text; what is no UTF-8 is escaped."""

    def __init__(self, stream):
        self.stream = stream

    def writable(self):
        return True

    def write(self, data):
        self.stream.write(bytes(data).decode("utf-8", "backslashreplace"))
        return memoryview(data).nbytes


class _Progress:
    """What a run has said by now."""

    def __init__(self, recorded, tell, hear):
        self.recorded, self.tell, self.hear = recorded, tell, hear
        self.line, self.last, self.n_lines = "", "", 0
        self.n_ids, self.texts = 0, []

    def printed(self, text):
        self.hear(text)
        ids = page.ids_of(self.recorded.variables)
        if len(ids) != self.n_ids:
            self.texts = self.texts or page.vocabulary_of(self.recorded.variables)
            self.n_ids = len(ids)
            self.tell({"ids": [[id, self.text_of(id)] for id in ids]})

    def text_of(self, id):
        return self.texts[id] if 0 <= id < len(self.texts) else f"id {id}"

    def said(self, text):
        """Tell each line once it is whole."""
        *lines, rest = text.split("\n")
        for line in lines:
            self.tell_line(self.line + line)
            self.line = ""
        self.line = (self.line + rest)[:MOST_CHARACTERS]

    def tell_line(self, line):
        if not line.strip():
            return
        self.n_lines += 1
        line = line[:MOST_CHARACTERS]
        if not line.startswith("Model: "):  # which easygpt2.py says of every run
            self.last = line
        if self.n_lines <= MOST_LINES:
            self.tell({"status": line})

    def end(self):
        """Tell the last line, which may have no end, and how many were not told."""
        self.tell_line(self.line)
        if self.n_lines > MOST_LINES:
            self.tell({"status": f"and {self.n_lines - MOST_LINES:,} lines more on stderr"})
