"""Run easygpt2.py inside the test process: whole, traced line by line, or cut at its steps."""

import ast
import contextlib
import io
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
PROGRAM = ROOT / "easygpt2.py"
TALES = ROOT / "models" / "tales"
SOURCE = PROGRAM.read_text("utf-8")
EXAMPLE = ["The naïve wolf couldn't", "--tokens", "3", "--model", str(TALES)]


@dataclass
class Run:
    """What a run left behind: its variables, its exit status, and what it printed."""

    variables: dict
    status: int
    stdout: str
    stderr: str


def run(*arguments, source=SOURCE, after=None):
    """Run the program (or an edited `source` of it) with these arguments in this process.

    `after(statement, frame, returned)` is called behind every statement (an ast node) of the
    file, also inside its functions; `returned` is a list with the value that a return gives.
    """
    code = compile(source, str(PROGRAM), "exec")
    variables = {"__name__": "__main__", "__file__": str(PROGRAM)}
    stdout, stderr = io.StringIO(), io.StringIO()
    status = 0
    argv, tracer, hook = sys.argv, sys.gettrace(), sys.excepthook
    sys.argv = ["easygpt2.py", *arguments]
    try:
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr), np.errstate():
            if after:
                sys.settrace(_Tracer(source, after).call)
            exec(code, variables)
    except SystemExit as stop:
        status = stop.code or 0
    finally:
        sys.settrace(tracer)
        sys.argv, sys.excepthook = argv, hook
        for value in variables.values():
            if isinstance(value, io.IOBase):
                value.close()  # as the end of a process does
    return Run(variables, status, stdout.getvalue(), stderr.getvalue())


class _Tracer:
    def __init__(self, source, after):
        self.after = after
        self.statements = statements_by_line(source)
        self.current = {}

    def call(self, frame, event, argument):
        name = frame.f_code.co_name
        if frame.f_code.co_filename != str(PROGRAM) or (name[0] == "<" and name != "<module>"):
            return None
        self.current[frame] = None
        return self.line

    def line(self, frame, event, argument):
        before = self.current[frame]
        if event == "line":
            statement = self.statements.get(frame.f_lineno)
            if before is not None and statement is not before:
                self.after(before, frame, [])
            self.current[frame] = statement
        elif event == "return":
            if before is not None:
                self.after(before, frame, [argument] if isinstance(before, ast.Return) else [])
            del self.current[frame]
        return self.line


def statements_by_line(source):
    """Return {line: the innermost statement (ast node) that owns this line}."""
    owner = {}
    for node in ast.walk(ast.parse(source)):  # breadth first, so that inner ones come later
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            last = body[0].lineno - 1 if body else node.end_lineno
            for line in range(node.lineno, max(node.lineno, last) + 1):
                owner[line] = node
    return owner


def steps():
    """Return {step: (first line, last line)}, lines counted from 1, by the step markers."""
    starts = {}
    for number, line in enumerate(SOURCE.splitlines(), 1):
        marker = re.match(r"(?:# %%|    #) Step (\d+)\. \S", line)
        if marker:
            starts[int(marker[1])] = number
    ends = [start - 1 for start in list(starts.values())[1:]] + [len(SOURCE.splitlines())]
    return {step: (start, end) for (step, start), end in zip(starts.items(), ends)}


def statements(step):
    """Return the statements (ast nodes) of one step, in their order."""
    first, last = steps()[step]
    body = ast.parse(SOURCE).body
    for node in body:
        if isinstance(node, ast.While) and node.lineno < first <= node.end_lineno:
            body = node.body  # steps 13 and 14 are inside the loop
    return [node for node in body if first <= node.lineno and node.end_lineno <= last]


def piece(step, begin=""):
    """Return the compiled statements of one step, from the first that starts with `begin` on."""
    found = statements(step)
    texts = [ast.get_source_segment(SOURCE, node) for node in found]
    start = next(i for i, text in enumerate(texts) if text.startswith(begin))
    return compile(ast.Module(found[start:], []), f"step {step}", "exec")


def layer_loop(source=SOURCE):
    """Return the loop over the layers (an ast node) of step 12."""
    loops = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.While)]
    body = next(node.body for node in loops if ast.unparse(node.test) == "True")
    return next(node for node in body if isinstance(node, ast.For))


def assigned(node):
    """Return the names that an assignment (an ast node) makes, or [] for another statement."""
    targets = node.targets if isinstance(node, ast.Assign) else []
    parts = [part for target in targets for part in getattr(target, "elts", [target])]
    return [part.id for part in parts if isinstance(part, ast.Name)]


def with_ids(ids, forced=False):
    """Return a source of the program in which step 7 finds these ids, whatever the prompt is.

    `forced`: only the first is the prompt, and the others are what step 13 chooses, in turn.
    """
    lines = SOURCE.splitlines(keepends=True)
    if forced:  # behind the last statement of step 13, which made a next_id of its own
        number = statements(13)[-1].end_lineno
        lines[number - 1] += f"    next_id = {ids}[len(ids)]\n"
    number = next(node.lineno for node in statements(7) if assigned(node) == ["ids"])
    lines[number - 1] = f"ids = {ids[:1] if forced else ids}\n"
    return "".join(lines)


def command(*arguments, flags=(), program=PROGRAM, **options):
    """Run the program as a user does, in a process of its own; text is UTF-8 unless told."""
    options = {"capture_output": True, "encoding": "utf-8", "timeout": 120} | options
    return subprocess.run([sys.executable, *flags, str(program), *arguments], **options)


def house(folder):
    """Copy the program, the commands and tools/ into a new folder, for a test to edit there."""
    shutil.copytree(ROOT / "tools", folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    for file in ROOT.glob("*.py"):
        shutil.copy(file, folder)
    return folder


def command_here(name, main, *arguments):
    """Run a command's main as tools.command.run does, in this process: fast, as nothing starts."""
    from tools import command

    streams = [io.TextIOWrapper(io.BytesIO(), "utf-8", newline="") for _ in range(2)]
    argv, sys.argv = sys.argv, [name, *arguments]
    try:
        with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
            command.run(name, main)
    except SystemExit as end:
        said = [stream.buffer.getvalue().decode("utf-8") for stream in streams]
        return subprocess.CompletedProcess(sys.argv, end.code, *said)
    finally:
        sys.argv = argv
