"""Record a script while it runs: which statement ran when, and what it made.

For straight-line scripts: functions are followed, classes, threads and generators are not. The
script is neither changed nor imported: Python's own tracing (sys.settrace) tells which line runs,
the syntax tree says what a line assigns, and the value is looked up once the line is done. What the
script computes is nothing to this module; numpy arrays are the one kind of value that it knows.
"""

import ast
import contextlib
import hashlib
import os
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

MOST_ITERATIONS = 64  # of a loop that are recorded, from the first on
MOST_EVENTS = 150_000  # from then on no iteration of an outermost loop is begun
MOST_ITEMS = 256  # of a list, set or dict
MOST_CHARACTERS = 2000  # of a string
MOST_NUMBERS = 65536  # of an array, at first; halved until all arrays together fit
MOST_ROWS = 128  # of an array
MOST_BYTES = 36_000_000  # of all arrays
CORNER = (16, 256)  # rows and columns that are kept of a larger array
LOOPS = ("For", "While")


class Statement(NamedTuple):
    """A statement; of a compound one (if, for, def ...) its header only. Lines count from 1."""

    first: int
    last: int
    kind: str  # the ast node's: "Assign", "For", "Return" ...; "Docstring"
    name: str | None  # that a def defines
    targets: list[str]  # what it makes or changes, as source text; "return" is what it returns
    reads: list[str]  # the names it uses
    loops: tuple[int, ...]  # numbers of the loops around it, outermost first
    inside: tuple[int, ...]  # numbers of all compound statements around it
    function: str | None  # the function it is part of


def statements_of(source):
    """Return [Statement] of this source text in the order of lines. Raises SyntaxError."""
    statements = []

    def add(node, nodes, last, inside, loops, function):
        targets = [text for part in nodes for text in _targets(part)]
        reads = sorted({name for part in nodes for name in _reads(part)})
        decorators = [part.lineno for part in getattr(node, "decorator_list", [])]
        first, kind = min([node.lineno, *decorators]), type(node).__name__
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            kind = "Docstring"  # which never runs
        name = getattr(node, "name", None)
        statements.append(
            Statement(first, last, kind, name, targets, reads, loops, inside, function)
        )

    def visit(body, inside, loops, function):
        for node in body:
            before = statements[-1] if statements else None
            if before and before.last >= node.lineno:  # a; b
                targets = before.targets + _targets(node)
                reads = sorted({*before.reads, *_reads(node)})
                statements[-1] = before._replace(targets=targets, reads=reads)
                continue
            blocks = _blocks(node)
            if not blocks or blocks[0][0].lineno == node.lineno:  # simple, or all on one line
                parts = [part for part in ast.walk(node) if isinstance(part, ast.stmt)]
                add(node, parts, node.end_lineno, inside, loops, function)
                continue
            number = len(statements)
            add(node, [node], _header_end(node), inside, loops, function)
            within = (*inside, number)
            if isinstance(node, ast.FunctionDef):
                visit(node.body, (), (), node.name)
                continue
            visit(blocks[0], within, (*loops, number) if _is_loop(node) else loops, function)
            for handler in getattr(node, "handlers", []):
                add(handler, [handler], _header_end(handler), within, loops, function)
                visit(handler.body, (*within, len(statements) - 1), loops, function)
            for block in blocks[1:]:
                visit(block, within, loops, function)

    visit(ast.parse(source).body, (), (), None)
    return statements


def _is_loop(node):
    return isinstance(node, (ast.For, ast.While))


def _blocks(node):
    """The lists of statements that a compound statement holds, but for its exception handlers."""
    cases = [case.body for case in getattr(node, "cases", [])]
    blocks = [getattr(node, name, []) for name in ("body", "orelse", "finalbody")]
    return cases + [block for block in blocks if block]


def _header(node):
    """The expressions in a statement itself, without the statements inside."""
    inner = ("body", "orelse", "finalbody", "handlers", "cases")
    if not hasattr(node, "body"):
        return [node]
    parts = [part for name, part in ast.iter_fields(node) if name not in inner]
    parts = [one for part in parts for one in (part if isinstance(part, list) else [part])]
    return [part for part in parts if isinstance(part, ast.AST)]


def _header_end(node):
    found = [part for header in _header(node) for part in ast.walk(header)]
    return max([node.lineno] + [part.end_lineno for part in found if hasattr(part, "end_lineno")])


def _targets(node):
    """What a statement makes or changes, as source text that can be evaluated once it has run."""
    if isinstance(node, ast.FunctionDef):
        return [argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)]
    if isinstance(node, ast.Return):
        return ["return"] if node.value else []
    if isinstance(node, ast.ExceptHandler):
        return [node.name] if node.name else []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, (ast.AugAssign, ast.AnnAssign, ast.For)):
        targets = [node.target]
    elif isinstance(node, ast.With):
        targets = [item.optional_vars for item in node.items if item.optional_vars]
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        called = node.value.func  # a method may change its object: words.append(word)
        targets = [called.value] if isinstance(called, ast.Attribute) else []
    else:
        targets = []
    named = [part.target for part in _walk_header(node) if isinstance(part, ast.NamedExpr)]
    return [text for target in [*targets, *named] for text in _texts(target)]


def _texts(target):
    if isinstance(target, (ast.Tuple, ast.List)):
        return [text for element in target.elts for text in _texts(element)]
    if isinstance(target, ast.Starred):
        return _texts(target.value)
    risky = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)  # never done twice
    if any(isinstance(part, risky) for part in ast.walk(target)):
        return _texts(target.value) if isinstance(target, ast.Subscript) else []
    return [ast.unparse(target)] if _root(target) else []


def _root(target):
    """The name at the start of a target: `keys` of `keys[layer, head]`."""
    while isinstance(target, (ast.Attribute, ast.Subscript)):
        target = target.value
    return target.id if isinstance(target, ast.Name) else None


def _walk_header(node):
    return [part for header in _header(node) for part in ast.walk(header)]


def _reads(node):
    names = [part for part in _walk_header(node) if isinstance(part, ast.Name)]
    made = {name.id for name in names if isinstance(name.ctx, ast.Store)}
    parts = [part for part in _walk_header(node) if isinstance(part, ast.comprehension)]
    local = {name.id for part in parts for name in ast.walk(part.target) if hasattr(name, "id")}
    changed = set()
    if isinstance(node, ast.Assign):
        changed = {target for target in map(_root, node.targets)} - made
    used = {name.id for name in names if isinstance(name.ctx, ast.Load)}
    also = {_root(node.target)} if isinstance(node, ast.AugAssign) else set()
    return ((used - local - changed) | also) - {None}


@dataclass
class Event:
    """One time that a statement ran."""

    statement: int
    frame: int  # the event with which the function began that it is part of; -1 outside
    iterations: tuple[int, ...]  # of statement.loops, from 0; a loop's header has its own as well
    caller: int = -1  # for the event with which a function begins: the event that called it
    values: list = field(default_factory=list)  # of the targets, as kept; None: was not made
    printed: str = ""  # to sys.stdout
    note: object = None


@dataclass
class _Frame:
    """A function, or the script itself, that runs now."""

    event: int  # with which it began
    current: int = -1  # the statement that runs
    now: int = -1  # its event; -1 when it is not recorded
    began: int = -1  # the bytecode offset at which it began
    counts: dict = field(default_factory=dict)  # iteration by loop
    failed: bool = False  # the statement has raised an exception
    skipped: int = -1  # the loop of which no more is recorded


class Recorder:
    """Runs a script; then `events` is what happened, `values` and `arrays` what came of it.

    `notes` maps a target to a function of (value, variables) whose result, unless it fails, is put
    into the event's `note`. {loop: iterations} `ran` says how often each loop went round, at most,
    `kept` of how many there are events. `variables` is what the script's names stand for at its
    end, `error` the exception that ended it, or None, `error_event` the event in which it arose.
    """

    def __init__(self, path: str, source: str, notes: dict[str, Callable] | None = None):
        self.path, self.source, self.notes = path, source, notes or {}
        self.statements = statements_of(source)
        self.events: list[Event] = []
        self.arrays = Arrays()
        self.ran, self.kept, self.error, self.error_event = {}, {}, None, -1
        self.variables = {"__name__": "__main__", "__file__": path}
        self._stack: list[_Frame] = []
        self._raised = None
        self._by_line, self._endless, self._last_allowed = {}, {}, {}
        for number, statement in enumerate(self.statements):
            for line in range(statement.first, statement.last + 1):
                self._by_line.setdefault(line, number)
        self._code = {
            text: compile(text, "<target>", "eval")
            for statement in self.statements
            for text in statement.targets
            if text != "return"
        }
        self._base = {text: _base(text) for text in self._code}
        self._definitions = {}
        for number, statement in enumerate(self.statements):
            if statement.kind == "FunctionDef":
                self._definitions[statement.first] = number
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.While) and isinstance(node.test, ast.Constant):
                loop, start = self._by_line[node.lineno], self._by_line[node.body[0].lineno]
                if loop != start:  # Python does not always come back to such a header
                    self._endless[start] = loop
        self._headers = set(self._endless.values())
        self._body = {
            loop: {n for n, other in enumerate(self.statements) if loop in (n, *other.inside)}
            for loop, statement in enumerate(self.statements)
            if statement.kind in LOOPS
        }

    def run(self, arguments: list[str]):
        """Run the script with this sys.argv[1:]. Its SystemExit and errors end up in `error`."""
        code = compile(self.source, self.path, "exec")
        argv, tracer, stdout = sys.argv, sys.gettrace(), sys.stdout
        sys.argv, sys.stdout = [self.path, *arguments], _Output(stdout, self._print)
        sys.settrace(self._call)
        try:
            exec(code, self.variables)
        except (Exception, SystemExit) as error:
            self.error = error
        finally:
            sys.settrace(tracer)
            sys.argv, sys.stdout = argv, stdout

    def _print(self, text):
        for frame in reversed(self._stack):
            if frame.now >= 0:
                self.events[frame.now].printed += text
                return

    def _call(self, frame, event, argument):
        name = frame.f_code.co_name
        if frame.f_code.co_filename != self.path or (name[0] == "<" and name != "<module>"):
            return None
        if not self._stack:
            self._stack.append(_Frame(-1))
            return self._line
        caller, number = self._stack[-1], self._definitions.get(frame.f_code.co_firstlineno)
        if caller.now < 0 or number is None or len(self.events) > 2 * MOST_EVENTS:
            return None
        began = Event(number, len(self.events), (), caller.now)
        self.events.append(began)
        self._stack.append(_Frame(began.frame))
        began.values = [self._keep(began, text, frame) for text in self.statements[number].targets]
        return self._line

    def _line(self, frame, event, argument):
        top = self._stack[-1]
        if event == "line":
            number = self._by_line.get(frame.f_lineno)
            if number is None:
                return self._line
            if top.skipped >= 0:
                if number in self._body[top.skipped]:
                    top.counts[top.skipped] += number == top.skipped
                    top.began = number
                    return self._line
                top.counts[top.skipped] -= top.began == top.skipped  # its header found no more
                self._leave(top, top.skipped)
            statement = self.statements[number]
            if number == top.current and statement.kind not in LOOPS:
                if frame.f_lasti > top.began:
                    return self._line  # another line of the same statement
            current = self._finish(top, frame, number)
            if statement.kind == "With" and current and number in current.inside:
                return self._line  # it is looked at again when it is left
            self._begin(top, number, frame.f_lasti)
        elif event == "exception":
            top.failed = True
            if argument[1] is not self._raised:
                self._raised, self.error_event = argument[1], top.now
        elif event == "return":
            self._finish(top, frame, None, argument)
            self._stack.pop()
        return self._line

    def _begin(self, top, number, offset):
        statement = self.statements[number]
        around = statement.loops
        if statement.kind in LOOPS:
            around = (*around, number)
        again = number in top.counts
        for loop in [loop for loop in top.counts if loop not in around]:
            self._leave(top, loop)
        top.failed = False
        if number in self._headers:
            return
        endless = self._endless.get(number)
        if endless is not None and not again:
            top.counts[endless] = top.counts.get(endless, -1) + 1
            self._add(top, endless, around[: around.index(endless) + 1])
        if statement.kind in LOOPS:
            top.counts[number] = top.counts.get(number, -1) + 1
        top.current, top.began = number, offset
        self._add(top, number, around)
        if top.now < 0 and statement.kind in LOOPS:
            top.skipped = number
            top.current = -1

    def _add(self, top, number, around):
        """Record that a statement has begun, unless that is beyond the limits."""
        where = tuple([top.counts[loop] for loop in around])
        top.now = -1
        if where:
            if len(self.events) >= MOST_EVENTS and top.event < 0:
                self._last_allowed.setdefault(around[0], where[0])
            allowed = self._last_allowed.get(around[0], where[0]) if top.event < 0 else where[0]
            if max(where) >= MOST_ITERATIONS or where[0] > allowed:
                return
            for loop, count in zip(around, where):
                self.kept[loop] = max(self.kept.get(loop, 0), count + 1)
        top.now = len(self.events)
        self.events.append(Event(number, top.event, where))

    def _leave(self, top, loop):
        """Note how often a loop went round that is over."""
        self.ran[loop] = max(self.ran.get(loop, 0), top.counts.pop(loop) + 1)
        if top.skipped == loop:
            top.skipped = -1

    def _finish(self, top, frame, following, returned=None):
        """Look at what the statement has made that ran until now; return the statement."""
        if top.current < 0:
            return None
        number, statement = top.current, self.statements[top.current]
        over = following is None or number not in self.statements[following].loops
        ended = statement.kind in LOOPS and over and number in top.counts
        if ended:  # this time its header found that there is no more
            top.counts[number] -= 1
            self._leave(top, number)
        elif statement.kind == "Break":
            self._leave(top, statement.loops[-1])
        top.current = -1
        if top.now >= 0 and not top.failed and not (ended and statement.kind == "For"):
            event = self.events[top.now]
            if statement.kind == "Return":
                event.values = [self._keep(event, "return", frame, returned)]
            elif statement.kind not in ("FunctionDef", "ClassDef"):
                event.values = [self._keep(event, text, frame) for text in statement.targets]
        return statement

    def _keep(self, event, text, frame, value=None):
        if text != "return":
            try:
                value = eval(self._code[text], frame.f_globals, frame.f_locals)
                if isinstance(value, np.ndarray) and self._base[text] is not None:
                    whole = eval(self._base[text], frame.f_globals, frame.f_locals)
                    if isinstance(whole, np.ndarray) and not np.may_share_memory(value, whole):
                        value = whole  # by a mask or a list of indices: show where they are
            except Exception:  # the statement itself has failed, or has not come so far
                return None
        if isinstance(value, types.ModuleType):
            return None
        if text in self.notes:
            with contextlib.suppress(Exception):  # it is no such value in this script
                event.note = self.notes[text](value, frame.f_globals)
        return self.arrays.kept(value)


def _base(text):
    node = ast.parse(text, mode="eval").body
    if not isinstance(node, ast.Subscript):
        return None
    return compile(ast.Expression(node.value), "<target>", "eval")


class _Output:
    """sys.stdout as the script sees it: what it writes is noted, and goes on to the real one."""

    encoding = "utf-8"

    def __init__(self, real, note):
        self.real, self.note = real, note

    def write(self, text):
        self.note(text)
        try:
            self.real.write(text)
        except OSError:  # nobody reads any more (`| head -1`); the script runs to its end
            self.real = open(os.devnull, "w")
        return len(text)

    def flush(self):
        try:
            self.real.flush()
        except OSError:
            self.real = open(os.devnull, "w")


class Kept(NamedTuple):
    """What is kept of an array, and the figures of all of it."""

    dtype: str
    shape: tuple[int, ...]
    data: np.ndarray  # the array, or its first rows and columns
    figures: tuple | None  # (min, max, mean, std) of the finite numbers, where not all is kept


class Arrays:
    """Snapshots of values. Equal arrays are stored once; large ones as a corner and their figures.

    `kept[i]` is what {"array": i} stands for. When all together become larger than MOST_BYTES,
    `most`, the number of elements up to which an array is kept whole, is halved. `shortened` counts
    the lists and texts of which only the beginning is kept.
    """

    def __init__(self):
        self.list: list[Kept] = []
        self.most, self.n_bytes, self.shortened = MOST_NUMBERS, 0, 0
        self._index, self._figures = {}, {}

    def kept(self, value, depth=0):
        """Return what JSON can hold of a value.

        None, bool, int and str are themselves; of other kinds: {"float": text}, {"int": text},
        {"str": its beginning, "length": n}, {"bytes": text, "length": n}, {"array": i},
        {"list" | "tuple" | "set" | "dict": items, "length": n}, {"other": type or text}.
        """
        if value is None or isinstance(value, (bool, np.bool_)):
            return value if value is None else bool(value)
        if isinstance(value, (int, np.integer)):
            return int(value) if abs(int(value)) < 2**53 else {"int": str(value)}
        if isinstance(value, (float, np.floating)):
            return {"float": str(value)}
        if isinstance(value, str):
            if len(value) <= MOST_CHARACTERS:
                return value
            self.shortened += 1
            return {"str": value[:MOST_CHARACTERS], "length": len(value)}
        if isinstance(value, (bytes, bytearray)):
            return {"bytes": str(bytes(value[:32]))[2:-1], "length": len(value)}
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
            return {"array": self._array(value)} if depth == 0 else {"other": _size(value)}
        for kind in (list, tuple, set, frozenset, dict):
            if isinstance(value, kind) and depth < 3:
                some = value.items() if kind is dict else value
                most = MOST_ITEMS if depth == 0 else 16
                items = [item for item, _ in zip(some, range(most))]
                self.shortened += len(items) < len(value)
                if kind is dict:
                    items = [[self.kept(part, depth + 1) for part in item] for item in items]
                else:
                    items = [self.kept(item, depth + 1) for item in items]
                return {kind.__name__.removeprefix("frozen"): items, "length": len(value)}
        if isinstance(value, (slice, range, complex)):
            return {"other": repr(value)}
        return {"other": type(value).__name__}

    def _array(self, array):
        corner, figures = _corner(array, self.most), None
        if corner.shape != array.shape:
            figures = self._figures_of(array)
        data = np.ascontiguousarray(corner).reshape(corner.shape)
        digest = hashlib.blake2b(data.tobytes(), digest_size=16).digest()
        key = (digest, str(array.dtype), array.shape)
        index = self._index.get(key)
        if index is None:
            index = self._index[key] = len(self.list)
            data = data.copy() if np.may_share_memory(data, array) else data
            self.list.append(Kept(str(array.dtype), array.shape, data, figures))
            self.n_bytes += data.nbytes
            while self.n_bytes > MOST_BYTES:
                self._halve()
        return index

    def _halve(self):
        self.most //= 2
        for index, kept in enumerate(self.list):
            data = _corner(kept.data, self.most)
            if data.shape != kept.data.shape:
                figures = kept.figures or _figures(kept.data)
                self.list[index] = kept._replace(data=data.copy(), figures=figures)
        self.n_bytes = sum(kept.data.nbytes for kept in self.list)

    def _figures_of(self, array):
        if array.flags.writeable:
            return _figures(array)
        where = (array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str)
        if where not in self._figures:  # weights: the same memory under several names
            self._figures[where] = _figures(array)
        return self._figures[where]


def _size(array):
    return f"{array.dtype} {list(array.shape)}"


def _corner(array, most):
    """Return the array, or its first rows and columns where it has more than `most` numbers."""
    if array.size <= most and (array.ndim < 2 or array.shape[-2] <= MOST_ROWS):
        return array
    if array.ndim == 1:
        return array[: min(4096, most)]
    rows, columns = CORNER
    columns = min(columns, max(1, most // rows))
    return array[(*[slice(1)] * (array.ndim - 2), slice(rows), slice(columns))]


def _figures(array):
    """Return (min, max, mean, std) of an array's finite numbers; of integers the first two."""
    if array.dtype.kind in "iub":
        return int(array.min()), int(array.max()), None, None
    flat = array.reshape(-1)
    least, most, total, squares, n = np.inf, -np.inf, 0.0, 0.0, 0
    for start in range(0, flat.size, 65536):  # few at once: no second array of that size
        block = flat[start : start + 65536]
        if block.itemsize == 2:  # sums overflow in float16
            block = block.astype(np.float32)
        low, high = float(block.min()), float(block.max())
        if not np.isfinite(low + high):
            block = block[np.isfinite(block)]
            if not block.size:
                continue
            low, high = float(block.min()), float(block.max())
        least, most = min(least, low), max(most, high)
        total, n = total + float(block.sum()), n + block.size
        squares += float(np.dot(block, block))
    if not n:
        return None, None, None, None
    return least, most, total / n, max(0.0, squares / n - (total / n) ** 2) ** 0.5
