"""Record a script while it runs: which statement ran when, and what it made.

For straight-line scripts: functions are followed, classes, threads and generators are not. The
script is neither changed nor imported: Python's own tracing (sys.settrace) tells which line runs,
the syntax tree says what a line assigns, and the value is looked up once the line is done. What the
script computes is nothing to this module; numpy arrays are the one kind of value that it knows.
"""

import ast
import contextlib
import dis
import functools
import gc
import hashlib
import inspect
import io
import mmap
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

MOST_ITERATIONS = 64  # of a loop that are recorded, from the first on
MOST_EVENTS = 150_000  # from then on no iteration of an outermost loop is begun
MOST_CALLS = 100  # of functions in functions that are followed
MOST_ITEMS = 256  # of a list, set or dict
MOST_CHARACTERS = 2000  # of a string
MOST_PRINTED = 10_000  # characters that a statement prints at a time
MOST_BYTES_SHOWN = 32  # of bytes
MOST_NUMBERS = 65536  # of an array, at first; halved until all arrays together fit
MOST_INSIDE = 4  # times fewer of an array that only a function knows
MOST_ROWS = 256  # of an array
MOST_BYTES = 36_000_000  # of all arrays
CORNER = (16, 256)  # rows and columns that are kept of a larger array
LOOPS = ("For", "While")
NOT_MADE = object()  # in place of the value of a target that a statement did not assign after all


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
        targets = _once([text for part in nodes for text in _targets(part)])
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
                targets = _once(before.targets + _targets(node))
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


def _once(targets):
    """Each once, what is returned last."""
    return sorted(dict.fromkeys(targets), key="return".__eq__)


def _is_loop(node):
    return isinstance(node, (ast.For, ast.While))


def _is_endless(node):
    endless = isinstance(node, ast.While) and isinstance(node.test, ast.Constant)
    return endless and node.body[0].lineno > node.lineno


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
    target = _root_node(target)
    return target.id if isinstance(target, ast.Name) else None


def _root_node(target):
    while isinstance(target, (ast.Attribute, ast.Subscript)):
        target = target.value
    return target


def _walk_header(node):
    return [part for header in _header(node) for part in ast.walk(header)]


def _reads(node):
    """The names that a statement uses, but for its own of comprehensions and lambdas."""
    hidden = set()  # nodes
    for part in _walk_header(node):
        if isinstance(part, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            own = {name.id for one in part.generators for name in _names(one.target)}
        elif isinstance(part, ast.Lambda):
            own = {argument.arg for argument in ast.walk(part.args) if hasattr(argument, "arg")}
        else:
            continue
        hidden |= {name for name in _names(part) if name.id in own}
    if isinstance(node, ast.Assign):  # x[0] = 1 changes x
        hidden |= {_root_node(target) for target in node.targets}
    read = {
        name.id
        for part in _header(node)
        for name in _names(part)
        if isinstance(name.ctx, ast.Load) and name not in hidden
    }
    return read | ({_root(node.target)} - {None} if isinstance(node, ast.AugAssign) else set())


def _names(node):
    return [part for part in ast.walk(node) if isinstance(part, ast.Name)]


@dataclass
class Event:
    """One time that a statement ran."""

    statement: int
    frame: int  # the event with which the function began that it is part of; -1 outside
    iterations: tuple[int, ...]  # of statement.loops, from 0; a loop's header has its own as well
    caller: int = -1  # for the event with which a function begins: the event that called it
    values: list = field(default_factory=list)  # of the targets, as kept, or NOT_MADE
    ended: bool = False  # it is the header of a loop, which found that there is no more
    printed: str = ""  # to sys.stdout
    note: object = None


@dataclass
class _Frame:
    """A function, or the script itself, that runs now."""

    frame: types.FrameType  # Python's
    event: int  # with which it began
    current: int = -1  # the statement that runs
    now: int = -1  # its event; -1 when it is not recorded
    began: int = -1  # the bytecode offset at which it began
    counts: dict = field(default_factory=dict)  # iteration by loop
    failed: bool = False  # the statement has raised an exception
    skipped: int = -1  # the loop of which no more is recorded
    returns: int = -1  # the event of a return, which a with or a finally may keep from ending


class Recorder:
    """Runs a script; then `events` is what happened, `values` and `arrays` what came of it.

    `notes` maps a target to a function of (value, variables) whose result, unless it fails, is put
    into the event's `note`. {loop: iterations} `ran` says how often each loop went round, at most,
    `kept` of how many there are events. `variables` is what the script's names stand for, now and
    at its end, `arguments` its sys.argv[1:], `error` the exception that ended it, or None,
    `error_event` the event in which it arose. `silent_after` is the event behind which Python no
    longer told what ran (the script has set sys.settrace itself, or has called itself until the
    stack was full), or None; `too_deep` counts the calls that were not followed because they were
    deeper than MOST_CALLS; `cut_prints` the events of whose `printed` only the beginning is kept.
    """

    def __init__(self, path: str, source: str, notes: dict[str, Callable] | None = None):
        self.path, self.source, self.notes = path, source, notes or {}
        self.statements = statements_of(source)
        self._script = compile(source, path, "exec")
        self.events: list[Event] = []
        self.arrays = Arrays()
        self.ran, self.kept, self.error, self.error_event = {}, {}, None, -1
        self.silent_after, self.too_deep, self.arguments = None, 0, []
        self.cut_prints = 0
        self.variables = {"__name__": "__main__", "__file__": path}
        self._stack: list[_Frame] = []
        self._raised = {}  # the event in which an exception was raised, by its id
        self._by_line, self._endless, self._last_allowed = {}, {}, {}
        for number, statement in enumerate(self.statements):
            if statement.kind != "Docstring":
                for line in range(statement.first, statement.last + 1):
                    self._by_line.setdefault(line, number)
        self._trees = {
            text: ast.parse(text, mode="eval").body
            for statement in self.statements
            for text in statement.targets
            if text != "return"
        }
        self._definitions = {}
        for number, statement in enumerate(self.statements):
            if statement.kind == "FunctionDef":
                self._definitions[statement.first] = number
        for node in ast.walk(ast.parse(source)):
            if _is_endless(node):  # Python does not always come back to such a header
                first = node
                while _is_endless(first):
                    first = first.body[0]
                loops = self._endless.setdefault(self._by_line[first.lineno], [])
                loops.append(self._by_line[node.lineno])  # from the outermost on
        self._headers = {loop for loops in self._endless.values() for loop in loops}
        self._body = {
            loop: {n for n, other in enumerate(self.statements) if loop in (n, *other.inside)}
            for loop, statement in enumerate(self.statements)
            if statement.kind in LOOPS
        }
        self._one_line = {
            loop: self.statements[loop].kind for loop, body in self._body.items() if len(body) == 1
        }
        self._began = {}  # where a with begins, as a bytecode offset
        self._blocks = {number for statement in self.statements for number in statement.inside}

    def run(self, arguments: list[str]):
        """Run the script with this sys.argv[1:]. Its SystemExit and errors end up in `error`.

        A KeyboardInterrupt does so as well, and is raised again.
        """
        self.arguments = arguments
        argv, tracer, stdout, collects = sys.argv, sys.gettrace(), sys.stdout, gc.isenabled()
        sys.argv, sys.stdout = [self.path, *arguments], _Output(stdout, self._print)
        gc.disable()  # it would look through all that is recorded, again and again
        sys.settrace(self._call)
        try:
            exec(self._script, self.variables)
        except BaseException as error:  # whatever the script may raise
            self.error, self.error_event = error, self._raised.get(id(error), -1)
        finally:
            if sys.gettrace() != self._call:
                self._fell_silent()
            sys.settrace(tracer)
            sys.argv, sys.stdout = argv, stdout
            if collects:
                gc.enable()
        if self.error_event < 0 and self.error and (self.too_deep or self.silent_after is not None):
            self.error_event = len(self.events) - 1  # it arose behind that
        self._stack.clear()
        for event in self.events:
            statement = self.statements[event.statement]
            for loop, round in zip((*statement.loops, event.statement), event.iterations):
                if not event.ended:
                    self.kept[loop] = max(self.kept.get(loop, 0), round + 1)
        if isinstance(self.error, KeyboardInterrupt):  # perhaps it is meant for who runs this
            raise self.error

    def _print(self, text):
        for frame in reversed(self._stack):
            if frame.now >= 0:
                event = self.events[frame.now]
                room = MOST_PRINTED - len(event.printed)
                event.printed += text[:room]
                self.cut_prints += 0 <= room < len(text)
                return

    def _call(self, frame, event, argument):
        if frame.f_code.co_filename != self.path:
            return None
        name = frame.f_code.co_name
        if name[0] == "<" and name != "<module>":  # <lambda>, <listcomp>
            return None
        if not self._stack:
            self._stack.append(_Frame(frame, -1))
            return self._line
        caller, number = self._stack[-1], self._definitions.get(frame.f_code.co_firstlineno)
        if caller.now < 0 or number is None or len(self.events) > 2 * MOST_EVENTS:
            return None
        if len(self._stack) > MOST_CALLS:
            self.too_deep += 1
            return None
        began = Event(number, len(self.events), (), caller.now)
        self.events.append(began)
        self._stack.append(_Frame(frame, began.frame))
        self._look(began, frame)
        return self._line

    def _fell_silent(self):
        """Note that of what ran since the last event some was not told."""
        if self.silent_after is None:
            self.silent_after = len(self.events) - 1

    def _line(self, frame, event, argument):
        while self._stack and self._stack[-1].frame is not frame:  # whose return was not told
            self._fell_silent()
            self._stack.pop()
        if not self._stack:
            return None
        if event == "line":
            self._next(self._stack[-1], frame)
        elif event == "exception":
            self._raise(self._stack[-1], frame, *argument)
        elif event == "return":
            self._return(self._stack.pop(), frame, argument)
        return self._line

    def _next(self, top, frame):
        """Another line begins: of the same statement, or of the next."""
        number = self._by_line.get(frame.f_lineno)
        if number is None:
            return
        if top.skipped >= 0:
            if number in self._body[top.skipped]:
                again = top.began != top.skipped or number in self._one_line
                top.counts[top.skipped] += number == top.skipped and again
                top.began = number
                return
            if top.began == top.skipped and self._one_line.get(top.began) != "While":
                top.counts[top.skipped] -= 1  # its header found no more
            self._leave(top, top.skipped)
        kind = self.statements[number].kind
        if number == top.current and number not in self._one_line:
            if kind in LOOPS or frame.f_lasti > top.began:
                top.failed = False
                return
        if top.event >= 0 and number == self.events[top.event].statement:
            return  # def f(x): return x
        self._finish(top, frame, number)
        if kind == "With" and frame.f_lasti > self._began.setdefault(number, frame.f_lasti):
            return  # it is looked at again when it is left
        self._begin(top, number, frame.f_lasti)

    def _raise(self, top, frame, kind, error, trace):
        """A statement raises an exception, or one that it calls does."""
        instruction = dis.opname[frame.f_code.co_code[frame.f_lasti]]
        if kind is StopIteration and instruction == "FOR_ITER":
            return  # of an iterator in a loop: no failure
        top.failed = True
        inner = trace and trace.tb_next
        while inner and inner.tb_frame.f_code.co_filename != self.path:
            inner = inner.tb_next
        if not inner:
            self._raised[id(error)] = top.now

    def _return(self, top, frame, returned):
        """A function is over, or the script."""
        self._finish(top, frame, None)
        for loop in list(top.counts):
            self._leave(top, loop)
        if top.event >= 0 and self._returns(self.events[top.event]):
            top.returns = top.event  # def f(x): return x
        if top.returns >= 0 and not top.failed:
            event = self.events[top.returns]
            event.values.append(self._keep(event, "return", frame, returned))

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
        endless = [] if again else self._endless.get(number, [])
        for loop, inner in zip(endless, [*endless[1:], None]):
            if inner not in top.counts:
                top.counts[loop] = top.counts.get(loop, -1) + 1
                self._add(top, loop, around[: around.index(loop) + 1])
        if statement.kind in LOOPS:
            top.counts[number] = top.counts.get(number, -1) + 1
        top.current, top.began = number, offset
        self._add(top, number, around)
        if top.now < 0 and statement.kind in LOOPS:
            top.skipped = top.began = number
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
        top.now = len(self.events)
        self.events.append(Event(number, top.event, where))

    def _leave(self, top, loop):
        """Note how often a loop went round that is over."""
        self.ran[loop] = max(self.ran.get(loop, 0), top.counts.pop(loop) + 1)
        if top.skipped == loop:
            top.skipped = -1

    def _finish(self, top, frame, following):
        """Look at what the statement has made that ran until now."""
        if top.current < 0:
            return
        number, statement = top.current, self.statements[top.current]
        over = following is None or number not in (following, *self.statements[following].loops)
        ended = statement.kind in LOOPS and over and number in top.counts
        if ended:  # this time its header found that there is no more
            top.counts[number] -= self._one_line.get(number) != "While"
            self._leave(top, number)
        elif statement.kind == "Break":
            self._leave(top, statement.loops[-1])
        top.current = -1
        if top.now >= 0:
            self.events[top.now].ended = ended and self._one_line.get(number) != "While"
        if top.now >= 0 and not top.failed and not (ended and statement.kind == "For"):
            event = self.events[top.now]
            if self._returns(event):
                top.returns = top.now if following is None or statement.kind == "Return" else -1
            defines = statement.kind in ("FunctionDef", "ClassDef")
            if not defines and self._entered(number, following):
                self._look(event, frame)

    def _returns(self, event):
        return self.statements[event.statement].targets[-1:] == ["return"]

    def _entered(self, number, following):
        """Say whether a statement was more than the look at an `except` that does not match."""
        if self.statements[number].kind != "ExceptHandler":
            return True
        after = None if following is None else self.statements[following]
        if number in self._blocks:
            return after is not None and number in after.inside
        return after is None or after.kind != "ExceptHandler"  # all on one line

    def _look(self, event, frame):
        texts = [text for text in self.statements[event.statement].targets if text != "return"]
        event.values = [self._keep(event, text, frame) for text in texts]

    def _keep(self, event, text, frame, value=None):
        if text != "return":
            try:
                value = _value_of(self._trees[text], frame)
            except Exception:  # the statement has not come so far, or looking might do something
                return NOT_MADE
        if isinstance(value, types.ModuleType):
            return NOT_MADE
        if text in self.notes:
            silent = contextlib.redirect_stdout(io.StringIO())
            with silent, contextlib.suppress(Exception):  # it is no such value in this script
                event.note = self.notes[text](value, frame.f_globals)
        try:
            return self.arrays.kept(value, inside=event.frame >= 0)
        except Exception:  # a kind of value that nobody thought of must not stop the script
            return {"other": type(value).__name__}


def _value_of(node, frame):
    """Return what a target stands for; raise an exception where that might run foreign code.

    A property or somebody's own __getitem__ may do anything: asked once more than the script asks,
    it would change the run. So only what Python's own types and numpy's hold is looked up.
    """
    if isinstance(node, ast.Attribute):
        return _attribute(_value_of(node.value, frame), node.attr)
    if isinstance(node, ast.Subscript):
        return _item(_value_of(node.value, frame), _index_of(node, frame))
    local = frame.f_locals
    return local[node.id] if node.id in local else frame.f_globals[node.id]


def _attribute(owner, name):
    """Return an attribute that is there, and not made when it is asked for."""
    found = inspect.getattr_static(owner, name)
    if isinstance(found, (types.GetSetDescriptorType, types.MemberDescriptorType)):
        return object.__getattribute__(owner, name)  # of a type that is written in C, or of a slot
    if hasattr(type(found), "__get__"):
        raise ValueError(f"{name} is made when it is asked for")
    return found


def _item(whole, index):
    """Return an item of an array, or of one of Python's own containers."""
    if isinstance(whole, np.ndarray) and _is_plain(whole):
        item = whole[index]
        if isinstance(item, np.ndarray) and not np.may_share_memory(item, whole):
            return whole  # the index is a mask or a list: show where the items are
        return item
    kind = next(kind for kind in (list, tuple, dict) if isinstance(whole, kind))
    if kind is dict and not dict.__contains__(whole, index):
        raise KeyError(index)  # a defaultdict would make it
    return kind.__getitem__(whole, index)


def _index_of(node, frame):
    """Return the index in a target, made of plain values only."""
    names = {name: _value_of(name, frame) for name in _names(node.slice)}
    if not all(map(_is_plain, names.values())):
        raise ValueError(f"{ast.unparse(node.slice)} might run foreign code")
    values = {name.id: value for name, value in names.items()}
    return eval(_index_code(node), {"__builtins__": {}}, {"(index)": np.s_, **values})


@functools.cache
def _index_code(node):
    index = ast.Subscript(ast.Name("(index)", ast.Load()), node.slice, ast.Load())
    return compile(ast.fix_missing_locations(ast.Expression(index)), "<target>", "eval")


def _is_plain(value):
    return type(value).__module__.partition(".")[0] in ("builtins", "numpy")


class _Output(io.TextIOBase):
    """sys.stdout as the script sees it: what it writes is noted, and goes on to the real one."""

    encoding = "utf-8"

    def __init__(self, real, note):
        self.real, self.note = real, note

    @property
    def buffer(self):
        return self.real.buffer

    def reconfigure(self, **options):
        if hasattr(self.real, "reconfigure"):
            self.real.reconfigure(**options)

    def write(self, text):
        if self.closed:
            raise ValueError("I/O operation on closed file.")
        self.note(text)
        return self.real.write(text)

    def flush(self):
        self.real.flush()


class Kept(NamedTuple):
    """What is kept of an array, and the figures of all of it."""

    dtype: str
    shape: tuple[int, ...]
    data: np.ndarray  # the array, or its first rows and columns
    figures: tuple | None  # (min, max, mean, std) of the finite numbers, where not all is kept


class Arrays:
    """Snapshots of values. Equal arrays are stored once; large ones as a corner and their figures.

    `list[i]` is what {"array": i} stands for. When all together become larger than MOST_BYTES,
    `most`, the number of elements up to which an array is kept whole, is halved. `shortened` counts
    the lists and texts of which only the beginning is kept.
    """

    def __init__(self):
        self.list: list[Kept] = []
        self.most, self.n_bytes, self.shortened = MOST_NUMBERS, 0, 0
        self._index, self._figures = {}, {}

    def kept(self, value, depth=0, inside=False):
        """Return what JSON can hold of a value.

        None, bool, int and str are themselves; of other kinds: {"float": text}, {"int": text},
        {"str": its beginning, "length": n}, {"bytes": text, "length": n}, {"array": i},
        {"list" | "tuple" | "set" | "dict": items, "length": n}, {"other": type or text}.
        """
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
            if depth > 0:
                return {"other": f"{value.dtype} {list(value.shape)}"}
            return {"array": self._array(np.asarray(value), inside)}
        if value is None or isinstance(value, (bool, np.bool_)):
            return value if value is None else bool(value)
        if isinstance(value, (int, np.integer)):
            number = int.__int__(value) if isinstance(value, int) else int(value)
            return number if abs(number) < 2**53 else {"int": str(number)}
        if isinstance(value, (float, np.floating)):
            return {"float": float.__repr__(value) if isinstance(value, float) else str(value)}
        if isinstance(value, str):
            return self._text(str.__str__(value))
        if isinstance(value, (bytes, bytearray)):
            beginning = bytes(memoryview(value)[:MOST_BYTES_SHOWN])
            self.shortened += memoryview(value).nbytes > MOST_BYTES_SHOWN
            return {"bytes": str(beginning)[2:-1], "length": memoryview(value).nbytes}
        for kind in (list, tuple, set, frozenset, dict):
            if isinstance(value, kind) and depth < 3:
                return self._items(kind, value, depth)
        parts = (value.start, value.stop, value.step) if isinstance(value, slice) else ()
        if type(value) in (slice, range, complex) and all(map(_is_plain, parts)):
            return {"other": repr(value)}
        return {"other": type(value).__name__}

    def _text(self, text):
        if len(text) <= MOST_CHARACTERS:
            return text
        self.shortened += 1
        return {"str": text[:MOST_CHARACTERS], "length": len(text)}

    def _items(self, kind, value, depth):
        """Keep the first items, by the methods of Python's own type, not of one made of it."""
        some = dict.items(value) if kind is dict else kind.__iter__(value)
        items = [item for item, _ in zip(some, range(MOST_ITEMS if depth == 0 else 16))]
        length = kind.__len__(value)
        self.shortened += len(items) < length
        if kind is dict:
            items = [[self.kept(part, depth + 1) for part in item] for item in items]
        else:
            items = [self.kept(item, depth + 1) for item in items]
        return {kind.__name__.removeprefix("frozen"): items, "length": length}

    def _array(self, array, inside=False):
        most = self.most // MOST_INSIDE if inside else self.most
        corner, figures = _corner(array, most), None
        if corner.shape != array.shape:
            figures = self._figures_of(array)
        data = np.array(corner, order="C")
        digest = hashlib.blake2b(data, digest_size=16).digest()
        key = (digest, array.dtype, array.shape, figures)
        index = self._index.get(key)
        if index is None:
            index = self._index[key] = len(self.list)
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
        base = array
        while isinstance(base, (np.ndarray, memoryview)):
            base = base.base if isinstance(base, np.ndarray) else base.obj
        if array.flags.writeable or not isinstance(base, mmap.mmap):
            return _figures(array)
        where = (array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str)
        if where not in self._figures:  # weights: the same memory under several names
            self._figures[where] = _figures(array), array  # which keeps the memory
        return self._figures[where][0]


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
    # what np.broadcast_to repeats counts once: it changes none of the figures
    array = array[tuple([slice(1 if stride == 0 else None) for stride in array.strides])]
    overlap = sum((n - 1) * abs(step) for n, step in zip(array.shape, array.strides)) < array.nbytes
    if not array.size or overlap and array.size > 1e8:  # windows that slide over less memory
        return None, None, None, None
    if array.dtype.kind in "iub":
        return int(array.min()), int(array.max()), None, None
    flat, least, most, n, mean, squares = array.reshape(-1), np.inf, -np.inf, 0, 0.0, 0.0
    with np.errstate(all="ignore"):
        for start in range(0, flat.size, 16384):  # few at once: no second array of that size
            block = flat[start : start + 16384]
            if block.itemsize == 2:  # slow, and its sums overflow
                block = block.astype(np.float32)
            if not np.isfinite(block.min() + block.max()):
                block = block[np.isfinite(block)]
            if not block.size:
                continue
            low, high = float(block.min()), float(block.max())
            if max(-low, high) > 1e18:  # whose squares overflow
                block = block.astype(np.float64)
            least, most = min(least, low), max(most, high)
            mean_here = float(block.sum(dtype=np.float64)) / block.size
            deviation = block - block.dtype.type(mean_here)
            deviation *= deviation
            off, together = mean_here - mean, n + block.size
            squares += (
                float(deviation.sum(dtype=np.float64)) + off * off * n * block.size / together
            )
            mean, n = mean + off * block.size / together, together
    return (least, most, mean, (squares / n) ** 0.5) if n else (None, None, None, None)
