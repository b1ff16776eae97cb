"""recorder.py on other scripts than easygpt2.py; and on it, against the tests' own tracer."""

import ast
import contextlib
import io
import sys

import numpy as np
import pytest

import harness
from tools import page, recorder


def record(source, *arguments):
    recorded = recorder.Recorder("script.py", source)
    with np.errstate():
        recorded.run(list(arguments))
    return recorded


def plain(recorded, value):
    """A value as the script had it, as far as it was kept."""
    if not isinstance(value, dict):
        return value
    kind, content = next(iter(value.items()))
    if kind == "array":
        return recorded.arrays.list[content].data.tolist()
    if kind in ("list", "tuple", "set"):
        return [plain(recorded, item) for item in content]
    if kind == "dict":
        return {plain(recorded, key): plain(recorded, item) for key, item in content}
    return float(content) if kind == "float" else content


def told(recorded):
    """[(line, iterations, values)] of the events."""
    return [
        (recorded.statements[event.statement].first, event.iterations, values(recorded, event))
        for event in recorded.events
    ]


def values(recorded, event):
    return [plain(recorded, value) for value in event.values]


def made(recorded, target):
    """The values that this target had, in the order of events."""
    found = []
    for event in recorded.events:
        pairs = zip(recorded.statements[event.statement].targets, values(recorded, event))
        found += [value for name, value in pairs if name == target]
    return found


def lines(recorded):
    return [line for line, *_ in told(recorded)]


def test_order_iterations_and_values():
    recorded = record("""
n = 1
for x in [4, 5]:
    n += x
    while n < 7:
        n = n * 2
print(n)
""")
    assert told(recorded) == [
        *[(2, (), [1]), (3, (0,), [4]), (4, (0,), [5]), (5, (0, 0), []), (6, (0, 0), [10])],
        *[(5, (0, 1), []), (3, (1,), [5]), (4, (1,), [15]), (5, (1, 0), [])],
        *[(3, (2,), []), (7, (), [])],
    ]
    kinds = [recorded.statements[event.statement].kind for event in recorded.events]
    assert kinds[:5] == ["Assign", "For", "AugAssign", "While", "Assign"]
    assert recorded.variables["n"] == 15 and recorded.error is None


# Each script notes itself how often its loops have gone round: here, log and the events agree.
LOOPS = {
    "nested": """
for a in range(3):
    for b in range(a):
        log.append(here := (a, b))
""",
    "break and continue": """
for a in range(3):
    for b in range(9):
        if b == 1:
            continue
        log.append(here := (a, b))
        if b > a:
            break
    log.append(here := (a,))
""",
    "else": """
for a in range(2):
    for b in range(0):
        pass
    else:
        log.append(here := (a,))
log.append(here := ())
""",
    "the same variable again": """
for a in [0, 1]:
    log.append(here := (a,))
for a in [0, 1]:
    log.append(here := (a,))
""",
    "while": """
a = -1
while (a := a + 1) < 3:
    b = 0
    while b < a:
        log.append(here := (a, b))
        b += 1
""",
    "endless, an if first": """
a = 0
while True:
    if a == 2:
        break
    log.append(here := (a,))
    a += 1
""",
    "endless, a one-line if first": """
a = 0
while True:
    if a == 2: break
    log.append(here := (a,))
    a += 1
""",
    "endless, a for first that breaks": """
a = 0
while True:
    for b in range(3):
        log.append(here := (a, b))
        if b == a:
            break
    a += 1
    if a == 3:
        break
""",
    "endless, a while first": """
a = b = 0
while True:
    while b < 2:
        log.append(here := (a, b))
        b += 1
    a, b = a + 1, 0
    if a == 3:
        break
""",
    "endless, a with first": """
import contextlib
a = 0
while True:
    with contextlib.nullcontext():
        log.append(here := (a,))
        a += 1
        if a == 2:
            continue
    if a == 3:
        break
""",
    "endless, a with in a with first": """
import contextlib
a = 0
while True:
    with contextlib.nullcontext():
        with contextlib.nullcontext():
            log.append(here := (a,))
    a += 1
    if a == 3:
        break
""",
    "endless, a try first": """
a = 0
while True:
    try:
        log.append(here := (a,))
        a += 1
        [][a % 2]
    except IndexError:
        if a > 2:
            break
""",
    "endless, of one statement": """
a = iter([(0,), (1,), (2,)])
try:
    while True:
        log.append(
            here := next(a)
        )
except StopIteration:
    pass
""",
    "endless, of a for that breaks on one line": """
def f():
    a = b = 0
    while True:
        for b in range(3):
            log.append(here := (a, b))
            if a == 2: return
            if b == 1: a += 1; break
f()
""",
    "endless, in an endless": """
a = b = 0
while True:
    while True:
        log.append(here := (a, b))
        b += 1
        if b == 2:
            break
    a, b = a + 1, 0
    if a == 3:
        break
""",
    "endless without saying so": """
a = 0
while not False:
    log.append(here := (a,))
    a += 1
    if a == 3:
        break
""",
    "a header of several lines": """
for a in range(
    3,
):
    b = 0
    while (b < 2
           and a < 3):
        log.append(here := (a, b))
        b += 1
""",
    "on one line": """
for a in range(3): log.append(here := (a,))
a = 0
while a < 3: log.append(here := (a,)); a += 1
""",
    "left by an exception": """
for a in range(3):
    try:
        for b in range(3):
            log.append(here := (a, b))
            1 / b
    except ZeroDivisionError:
        log.append(here := (a,))
""",
    "in a function": """
def f(n):
    for a in range(n):
        log.append(here := (a,))
        if a == 1:
            return f(n - 2)
for b in range(2):
    f(4)
""",
}


@pytest.mark.parametrize("name", LOOPS)
def test_iterations(name):
    recorded = record("log = []" + LOOPS[name])
    assert recorded.error is None
    found = []
    for (_, iterations, values), event in zip(told(recorded), recorded.events):
        targets = recorded.statements[event.statement].targets
        if values and "here" in targets:
            found.append((list(iterations), values[targets.index("here")]))
    expected = [list(here) for here in recorded.variables["log"]]
    assert expected and found == [(here, here) for here in expected]


def test_what_is_changed_in_place():
    recorded = record("""
import numpy as np
d, a, i, n = {}, np.zeros([2, 3]), 1, 2
d["k"] = 5
a[i, :n] = 7
a[a > 5] = 8
a[[0, 0]] += 1
a[0][2] = 4
words = ["a"]
words.append("b")
words += ["c"]
if (m := len(words)) > 2:
    m -= 1
first, *rest, (x, y) = 1, 2, 3, (4, 5)
with open("none", "x") if n == 1 else __import__("io").StringIO("t") as f, f as g:
    text = f.read()
try:
    int("x")
except ValueError as e:
    p: int = 3
""")
    assert recorded.error is None
    masked = [[[0, 0, 0], [8, 8, 0]]]
    assert made(recorded, "d['k']") == [5] and made(recorded, "a[i, :n]") == [[7, 7]]
    assert made(recorded, "a[a > 5]") == masked  # where the numbers are, not only the numbers
    assert made(recorded, "a[[0, 0]]") == [[[1, 1, 1], [8, 8, 0]]]
    assert made(recorded, "a[0][2]") == [4.0] and made(recorded, "m") == [3, 2]
    assert made(recorded, "words") == [["a"], ["a", "b"], ["a", "b", "c"]]
    assert [made(recorded, name) for name in ("first", "rest", "x", "y")] == [
        [1],
        [[2, 3]],
        [4],
        [5],
    ]
    assert made(recorded, "f") == made(recorded, "g") == ["StringIO"]
    assert made(recorded, "text") == ["t"] and made(recorded, "p") == [3]
    assert made(recorded, "e") == ["ValueError"]


def test_how_much_is_kept_of_lists_and_texts():
    recorded = record("""
x = [list(range(20)), 5] + 300 * [0]
y = [[[[1]]]]
z = 2000 * "a"
z += "b"
b = bytes(33)
b = bytes(32)
n = 2**53 - 1
n = -(2**53)
""")
    assert recorded.events[0].values == [
        {"list": [{"list": list(range(16)), "length": 20}, 5, *[0] * 254], "length": 302}
    ]
    deepest = {"list": [{"other": "list"}], "length": 1}
    assert recorded.events[1].values == [{"list": [{"list": [deepest], "length": 1}], "length": 1}]
    assert made(recorded, "z") == [2000 * "a", 2000 * "a"]
    assert [event.values[0] for event in recorded.events[2:4]] == [
        2000 * "a", {"str": 2000 * "a", "length": 2001}
    ]  # fmt: skip
    assert recorded.events[4].values == [{"bytes": 32 * r"\x00", "length": 33}]
    assert recorded.events[5].values == [{"bytes": 32 * r"\x00", "length": 32}]
    assert recorded.arrays.shortened == 4
    kept = [event.values[0] for event in recorded.events[6:]]
    assert kept == [2**53 - 1, {"int": "-9007199254740992"}]  # JavaScript counts so far


def test_values_are_snapshots():
    recorded = record("""
import numpy as np
a = np.zeros(3)
b = a[1:]
c = [1]
d = {"c": c}
a += 1
c[0] = 2
d["c"].append(3)
b[:] = 5
""")
    assert made(recorded, "a") == [[0, 0, 0], [1, 1, 1]] and made(recorded, "b") == [[0, 0]]
    assert made(recorded, "c") == [[1]] and made(recorded, "d") == [{"c": [1]}]
    assert made(recorded, "b[:]") == [[5, 5]] and made(recorded, "d['c']") == [[2, 3]]


def test_calls():
    recorded = record("""
def twice(f):
    def wrapper(*more):
        return f(*more) * 2
    return wrapper
def fact(n):
    return n * fact(n - 1) if n else 1
@twice
def add(x, y=1, /, *, z=0):
    total = x + y + z
    return total
a = add(1) + add(2, 3)
b = [fact(n) for n in (0, 2)]
""")
    events, texts = recorded.events, recorded.statements
    begun = {i: event for i, event in enumerate(events) if event.caller >= 0}
    tree = [
        (texts[e.statement].name, texts[events[e.caller].statement].first) for e in begun.values()
    ]
    assert tree == [("twice", 8), *[("wrapper", 12), ("add", 4)] * 2,
                    ("fact", 13), ("fact", 13), ("fact", 7), ("fact", 7)]  # fmt: skip
    assert made(recorded, "x") == [1, 2] and made(recorded, "y") == [1, 3]
    assert made(recorded, "total") == [2, 5] and made(recorded, "z") == [0, 0]
    assert made(recorded, "a") == [14] and made(recorded, "b") == [[1, 2]]
    assert made(recorded, "n") == [0, 2, 1, 0] and made(recorded, "more") == [[1], [2, 3]]
    returns = {e.frame: values(recorded, e) for e in events if texts[e.statement].kind == "Return"}
    assert [returns[i] for i in begun] == [["function"], [4], [2], [10], [5], [1], [2], [1], [1]]
    inside = [texts[e.statement].function for e in events if e.frame >= 0 and e.caller < 0]
    assert inside == [texts[events[e.frame].statement].name
                      for e in events if e.frame >= 0 and e.caller < 0]  # fmt: skip


def test_what_a_function_returns_through_with_and_finally():
    recorded = record("""
import contextlib
def f(x):
    with contextlib.nullcontext():
        return x + 1
def g(x):
    try:
        return x + 2
    finally:
        x = 0
def h(x): return x + 3
y = f(1), g(1), h(1)
""")
    assert recorded.variables["y"] == (2, 3, 4)
    assert [value for value in made(recorded, "return") if value is not None] == [2, 3, 4]


def test_a_with_is_one_event():
    recorded = record("""
import contextlib
with contextlib.nullcontext(1) as a:
    with (contextlib.nullcontext(2) as b,
          contextlib.nullcontext(3) as c):
        for i in range(70):
            d = i
    e = 1
with contextlib.nullcontext(1) as a, contextlib.suppress(ValueError):
    with contextlib.nullcontext(2) as b:
        for i in range(70):
            d = i
f = int("1")
""")
    outside = [line for line, iterations, _ in told(recorded) if not iterations]
    assert outside == [2, 3, 4, 8, 9, 10, 13]


def test_what_raises_shows_nothing():
    recorded = record("""
x = e = 1
def f():
    y = 1
    return 1 / 0
try:
    x = f()
except KeyError as e:
    pass
except ZeroDivisionError as e:
    x = 2
for i in [1]:
    try:
        i = int("x")
    except ValueError:
        continue
""")
    assert made(recorded, "x") == [1, 2] and made(recorded, "return") == []
    assert made(recorded, "i") == [1]  # of the loop, not of the failed statement
    assert made(recorded, "e")[-1] == "ZeroDivisionError"
    assert 1 not in made(recorded, "e")[1:]  # of the handler that was not entered


UNDISTURBED = {
    "targets": """
d, it, n = {}, iter(range(5)), []
d[next(it)] = 1
d[n.append(1) or 3] = d[(lambda: n.append(2))()] = 4
[d][next(it) - 1][9] = 7
(lambda: n.append(5) or [0])()[0] = 6
left = list(it)
""",
    "iterators": """
it, made = iter([1, 2]), (x for x in [3, 4])
z, m = zip([1], [2]), map(str, [1])
left = [*it, *made, *z, *m]
""",
    "a default that appears when read": """
import collections
d = collections.defaultdict(list)
d["a"].append(1)
d["b"].extend(d.pop("b"))
n = len(d)
""",
    "a number of many digits": "x = 10**5000\nn = 1",
    "empty arrays": "import numpy as np\nx = np.zeros([200, 0], int)\nn = 1",
    "numpy that raises": """
import numpy as np
old = np.seterr(all="raise")
x = np.full(70000, 1e30, "f4")
old = np.seterr(**old)["over"]
""",
    "a masked array": "import numpy as np\nx = np.ma.masked_less(np.arange(7e4), 9)\nn = 1",
    "stdout": """
import sys
sys.stdout.writelines(["a", "b"])
n = sys.stdout.isatty()
""",
    "own iterator": """
class Three:
    n = 0
    def __iter__(self):
        return self
    def __next__(self):
        self.n += 1
        if self.n > 3:
            raise StopIteration
        return self.n
x = [y for y in Three()]
""",
    "properties and items that count how often they are asked": """
class Box:
    def __init__(self):
        self.asked = []
    @property
    def size(self):
        self.asked.append("size")
        return self
    @size.setter
    def size(self, value):
        pass
    def __getitem__(self, key):
        self.asked.append(key)
        return self.asked
    def __setitem__(self, key, value):
        pass
    def __getattr__(self, name):
        self.asked.append(name)
        return self
box = Box()
box.size = 1
box.size.size = 2
box["k"] = 3
box["k"][0] = "l"
box.made_up["m"] = 4
left = box.asked
""",
    "indices that count how often they are asked": """
class Index:
    n = 0
    def __index__(self):
        Index.n += 1
        return 0
    def __hash__(self):
        Index.n += 100
        return 1
    def __add__(self, other):
        Index.n += 10000
        return 0
i, items, d = Index(), [1], {}
items[i] = 2
items[i + 1] = 3
d[i] = 4
del d
n = Index.n
""",
    "subclasses that count how often they are asked": """
class Items(list):
    n = 0
    def __iter__(self):
        Items.n += 1
        return super().__iter__()
    def __len__(self):
        Items.n += 1
        return super().__len__()
    def __getitem__(self, index):
        Items.n += 1
        return super().__getitem__(index)
class Text(str):
    def __len__(self):
        Items.n += 1
        return 3
    def __str__(self):
        Items.n += 1
        return "no"
    __repr__ = __str__
class Number(int):
    def __int__(self):
        Items.n += 1
        return 5
    def __str__(self):
        Items.n += 1
        return "no"
class Real(float):
    def __str__(self):
        Items.n += 1
        return "no"
items = Items([1, 2])
items[0] = 3
items.append(4)
text, number, real, whole = Text("abc"), Number(4), Real(0.5), slice(Text("a"))
n = Items.n
""",
    "generator": "x = [y for y in (z for z in [1, 2])]\nfor n in (z for z in [3]):\n    pass",
}


@pytest.mark.parametrize("name", UNDISTURBED)
def test_the_script_is_not_disturbed(name):
    variables, stdout = {"__name__": "__main__", "__file__": "script.py"}, io.StringIO()
    with contextlib.redirect_stdout(stdout):
        exec(UNDISTURBED[name], variables)
    with contextlib.redirect_stdout(io.StringIO()) as seen:
        recorded = record(UNDISTURBED[name])
    assert recorded.error is None and seen.getvalue() == stdout.getvalue()
    kinds = (int, float, str, list, dict, np.ndarray)
    expected = {name: value for name, value in variables.items() if isinstance(value, kinds)}
    del expected["__builtins__"]
    for name, value in expected.items():
        assert np.all(recorded.variables[name] == value), name
    last = {target: made(recorded, target) for target in ("n", "x", "left") if target in expected}
    assert last and all(found and found[-1] is not None for found in last.values())


def test_output_and_what_is_restored(capsys):
    before, tracer = (sys.argv, sys.stdout), sys.gettrace()
    own = lambda *_: None  # noqa: E731
    sys.settrace(own)
    recorded = record("""
import sys
def f(x):
    print("in", x)
    sys.stdout.write("out")
for x in range(66):
    print(sys.argv[x:])
f(5)
sys.exit("end")
""", "a")  # fmt: skip
    found = sys.gettrace()
    sys.settrace(tracer)
    assert (sys.argv, sys.stdout) == before and found is own
    text = "".join(f"{['script.py', 'a'][x:]}\n" for x in range(66)) + "in 5\nout"
    assert capsys.readouterr().out == text
    printed = [(line, event.printed) for line, event in zip(lines(recorded), recorded.events)]
    printed = [(line, text) for line, text in printed if text]
    assert printed[:2] == [(7, "['script.py', 'a']\n"), (7, "['a']\n")]
    assert len(printed) == 64 + 2 and printed[64:] == [(4, "in 5\n"), (5, "out")]
    assert isinstance(recorded.error, SystemExit) and recorded.error.code == "end"
    assert recorded.error_event == len(recorded.events) - 1 and lines(recorded)[-1] == 9


def test_of_much_that_a_line_prints_the_beginning_is_kept(capsys):
    most = recorder.MOST_PRINTED
    recorded = record("for i in range(3): pass\nprint('x' * 10**6)\nprint('y')\n")
    assert [event.printed for event in recorded.events][-2:] == ["x" * most, "y\n"]
    assert recorded.cut_prints == 1 and len(capsys.readouterr().out) == 10**6 + 3
    said = page.left_out(recorded)
    assert said == ["of what 1 line prints: all but the first 10,000 characters"]


def test_stdout_takes_bytes_and_can_be_closed(capfdbinary):
    recorded = record("import sys\nsys.stdout.buffer.write(b'\\xff')\nsys.stdout.flush()\n")
    assert recorded.error is None
    recorded = record("import sys\nsys.stdout.close()\nprint()\n")
    assert isinstance(recorded.error, ValueError) and lines(recorded)[recorded.error_event] == 3
    print("and the real one is open")


def test_errors():
    recorded = record("def f():\n    x = 1 / 0\nfor i in [1, 2]:\n    y = f()\n")
    assert isinstance(recorded.error, ZeroDivisionError)
    assert lines(recorded)[recorded.error_event] == 2
    cleaned = (
        "try:\n    x = 1 / 0\nfinally:\n    try:\n        int('x')\n    except ValueError: y = 1"
    )
    recorded = record(cleaned)
    assert isinstance(recorded.error, ZeroDivisionError)
    assert lines(recorded)[recorded.error_event] == 2


def test_what_is_stored_in_attributes_is_shown():
    recorded = record("""
import types
class Slots:
    __slots__ = ["x"]
space, slots = types.SimpleNamespace(n=1), Slots()
space.n = 2
space.inner = types.SimpleNamespace(d={"k": [0, 0]})
space.inner.d["k"][1] = 3
slots.x = 4
""")
    assert made(recorded, "space.n") == [2] and made(recorded, "slots.x") == [4]
    assert made(recorded, "space.inner.d['k'][1]") == [3]


class Unspeakable(Exception):
    def __str__(self):
        raise ValueError("no words")


@pytest.mark.parametrize(
    "error", ["BaseException('a')", "GeneratorExit()", "Unspeakable()", "ExceptionGroup('a', [E])"]
)
def test_whatever_the_script_raises_is_noted(error):
    if error.startswith("ExceptionGroup") and sys.version_info < (3, 11):
        pytest.skip("Python 3.11 has brought groups")
    source = f"E = ValueError()\nx = 1\nraise {error}\n"
    recorded = recorder.Recorder("script.py", source)
    recorded.variables["Unspeakable"] = Unspeakable
    recorded.run([])
    assert type(recorded.error).__name__ == error.partition("(")[0]
    assert lines(recorded)[recorded.error_event] == 3 and made(recorded, "x") == [1]


def test_an_interruption_is_not_the_scripts_own_end():
    with pytest.raises(KeyboardInterrupt):
        record("raise KeyboardInterrupt")
    assert sys.argv[0] != "script.py"
    recorded = recorder.Recorder("script.py", "x = 1\nraise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        recorded.run([])
    assert isinstance(recorded.error, KeyboardInterrupt)
    assert lines(recorded)[recorded.error_event] == 2 and made(recorded, "x") == [1]


def test_a_base_case_that_was_forgotten():
    """Python's stack is full, so the recorder is no longer told what runs: it says so."""
    recorded = record("x = 1\ndef f(n):\n    y = n\n    return f(n + 1)\nz = f(0)\n")
    assert isinstance(recorded.error, RecursionError) and sys.gettrace() is None
    assert made(recorded, "y") == list(range(recorder.MOST_CALLS)) and made(recorded, "z") == []
    assert recorded.too_deep > 500 and lines(recorded)[recorded.error_event] == 4
    assert recorded.silent_after == len(recorded.events) - 1


def test_calls_that_are_deep_but_end():
    recorded = record("def f(n):\n    return n and 1 + f(n - 1)\nx = f(300)\ny = f(3)\n")
    assert made(recorded, "x") == [300] and made(recorded, "y") == [3]
    assert recorded.too_deep == 301 - recorder.MOST_CALLS and recorded.silent_after is None
    assert made(recorded, "n") == [*range(300, 200, -1), 3, 2, 1, 0]
    assert record("def f():\n    pass\nf()\n").too_deep == 0


@pytest.mark.parametrize("inside", ["sys.settrace(None)", "f()"])
def test_a_script_that_traces_itself(inside):
    recorded = record(f"""
import sys
def f():
    sys.settrace(None)
    x = 1
a = 1
{inside}
b = 2
""")
    assert recorded.error is None and recorded.variables["b"] == 2 and sys.gettrace() is None
    assert made(recorded, "a") == [1] and made(recorded, "b") == made(recorded, "x") == []
    assert recorded.silent_after == len(recorded.events) - 1
    assert lines(recorded)[recorded.silent_after] == (7 if inside != "f()" else 4)
    assert record("a = 1").silent_after is None


def test_nothing_of_a_script_that_traces_itself_is_held():
    recorded = record("""
import sys, weakref
class Large:
    pass
def f():
    large = Large()
    seen.append(weakref.ref(large))
    sys.settrace(None)
seen = []
f()
""")
    assert recorded.silent_after is not None and recorded.variables["seen"][0]() is None


def test_a_script_that_traces_itself_for_a_while():
    recorded = record("""
import sys
tracer = sys.gettrace()
def f():
    sys.settrace(None)
f()
sys.settrace(tracer)
def g():
    return 3
a = g()
""")
    assert made(recorded, "a") == made(recorded, "return") == [3] and recorded.error is None
    assert lines(recorded)[recorded.silent_after] == 5


def test_loops_of_many_rounds():
    recorded = record("""
for a in range(100):
    b = a
for c in range(64):
    d = c
for e in []:
    pass
i = 0
while i < 70:
    i += 1
while True:
    i -= 1
    if i == 3:
        break
def f(n):
    for x in range(n):
        if x == 80:
            return x
f(90)
for g in range(2):
    for h in range(60 + 10 * g):
        k = h
for m in range(5): n = m
""")
    first = {recorded.statements[loop].first: loop for loop in recorded.ran}
    ran = {line: recorded.ran[loop] for line, loop in first.items()}
    assert ran == {2: 100, 4: 64, 6: 0, 9: 70, 11: 67, 16: 81, 20: 2, 21: 70, 23: 5}
    kept = {line: recorded.kept[loop] for line, loop in first.items() if ran[line] > 64}
    assert kept == dict.fromkeys([2, 9, 11, 16, 21], 64)
    assert made(recorded, "b") == list(range(64)) == made(recorded, "d")
    assert made(recorded, "k") == [*range(60), *range(64)] and len(made(recorded, "i")) == 1 + 128
    assert recorded.variables["k"] == 69 and made(recorded, "return") == []


def test_many_events(monkeypatch):
    monkeypatch.setattr(recorder, "MOST_EVENTS", 20)
    source = "for a in range(9):\n    for b in range(5):\n        c = a, b\nd = 1\n"
    recorded = record(source + "for e in range(3):\n    g = e\nh = 2")
    rounds = [[a, b] for a in range(2) for b in range(5)]  # the 20th event is in the second round
    assert made(recorded, "c") == rounds and recorded.variables["c"] == (8, 4)
    assert made(recorded, "d") == [1] and made(recorded, "g") == [0] and made(recorded, "h") == [2]
    assert recorded.ran == {0: 9, 1: 5, 4: 3} and recorded.kept[0] == 2


RANDOM = np.random.default_rng(0)
ODD = np.where(RANDOM.random(70000) < 0.1, [np.nan], RANDOM.normal(size=70000))
ODD[[1, 2, 69999]] = np.inf, -np.inf, -np.inf
ARRAYS = {
    **{kind: (RANDOM.normal(size=[300, 300]) * 50).astype(kind) for kind in ("f2", "f4", "f8")},
    **{kind: RANDOM.integers(0, 99, 70000).astype(kind) for kind in ("i1", "u4", "i8", "?")},
    "odd": ODD, "odd16": ODD.astype("f2"), "no number": np.full(70000, np.nan),
    "far from zero": (10000 + np.arange(70000) % 2).astype("f4"),
    "large": np.full(70000, 1e25, "f4"), "large, of both signs": RANDOM.choice([-1, 1], 70000) *
    np.float32(1e25), "three": RANDOM.normal(size=[3, 200, 200]),
    "columns": np.asfortranarray(RANDOM.normal(size=[300, 400])), "rows": np.ones([257, 2]),
    "every other": RANDOM.normal(size=[300, 600])[::-1, ::2],
    "big-endian": np.arange(7e4, dtype=">f4"), "whole": RANDOM.normal(size=[128, 512]),
    "0-d": np.array(2.5), "empty": np.zeros([0, 5]), "no columns": np.zeros([200, 0], "i4"),
}  # fmt: skip
CORNERS = {1: (4096,), 2: (16, 256), 3: (1, 16, 256)}


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.filterwarnings("error")
def test_corners_and_figures(name):
    array, arrays = ARRAYS[name], recorder.Arrays()
    assert arrays.kept(array) == {"array": 0}
    check_kept(arrays.list[0], array)
    large = array.size > 65536 or array.ndim > 1 and array.shape[-2] > 256
    corner = array[tuple(map(slice, CORNERS[array.ndim]))] if large and array.size else array
    if array.size:
        assert arrays.list[0].data.shape == corner.shape


def test_of_what_only_a_function_knows_less_is_kept():
    recorded = recorder.Recorder(
        "script.py",
        "import numpy as np\ndef f():\n    inner = np.ones([200, 100])\n    return inner[:160]\n"
        "outer = np.ones([200, 100])\nsmall = f()\n",
    )
    recorded.run([])
    kept = {
        target: recorded.arrays.list[value["array"]].data.shape
        for event in recorded.events
        for target, value in zip(recorded.statements[event.statement].targets, event.values)
        if isinstance(value, dict) and "array" in value
    }
    assert kept == {
        "outer": (200, 100), "inner": (16, 100), "return": (160, 100), "small": (160, 100)
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["f4", "i4"])
def test_figures_of_what_takes_no_memory(kind):
    """Ten thousand million numbers that are five: their figures are those of the five."""
    five = np.arange(5).astype(kind)
    arrays = recorder.Arrays()
    arrays.kept(np.broadcast_to(five[:, None, None], [5, 10**5, 10**5]))
    figures = (0, 4, 2, 2**0.5) if kind == "f4" else (0, 4, None, None)
    assert arrays.list[0].figures == pytest.approx(figures)
    windows = np.lib.stride_tricks.sliding_window_view(np.arange(4e5), 10**5)
    arrays.kept(windows)
    assert arrays.list[1].figures == (None,) * 4 and arrays.list[1].data.shape == (16, 256)
    windows = np.lib.stride_tricks.sliding_window_view(np.arange(300.0), 150)
    arrays.kept(windows)
    check_kept(arrays.list[2], windows)


def check_kept(kept, array):
    """What is kept is the array's beginning, and its figures are numpy's."""
    assert kept.shape == array.shape and kept.dtype == str(array.dtype)
    corner = array[tuple(map(slice, kept.data.shape))]
    assert kept.data.tobytes() == corner.tobytes() and kept.data.dtype == array.dtype
    assert not np.may_share_memory(kept.data, array)
    if corner.shape == array.shape:
        assert kept.figures is None
        return
    finite = array[np.isfinite(array)].astype(np.float64)
    if not finite.size:
        assert set(kept.figures) == {None}
    elif array.dtype.kind == "f":
        expected = finite.min(), finite.max(), finite.mean(), finite.std()
        near = 1e-6 * np.abs(finite).max()
        assert kept.figures[:3] == pytest.approx(expected[:3], rel=1e-5, abs=near)
        assert kept.figures[3] == pytest.approx(expected[3], rel=1e-4, abs=near / 100)
    else:
        assert kept.figures == (array.min(), array.max(), None, None)


def test_many_bytes(monkeypatch):
    monkeypatch.setattr(recorder, "MOST_BYTES", 60_000)
    arrays, made = recorder.Arrays(), []
    for size in ([300, 300], [70000], [30000], [90, 400], [3, 100, 100], [7], []):
        for kind in ("f4", "f8", "i4"):
            made.append(np.array(RANDOM.normal(size=size) * 100, kind))
            assert arrays.kept(made[-1]) == {"array": len(made) - 1}
    assert arrays.most < 4096  # so that corners, too, have been cut again
    assert arrays.n_bytes == sum(kept.data.nbytes for kept in arrays.list) <= 60_000
    for kept, array in zip(arrays.list, made, strict=True):
        check_kept(kept, array)


def test_equal_arrays_are_stored_once():
    arrays, zeros = recorder.Arrays(), np.zeros(70000)
    assert [arrays.kept(array)["array"] for array in (zeros, zeros.copy(), zeros)] == [0, 0, 0]
    others = zeros[:69999], zeros.astype("f4"), zeros.reshape(2, -1), zeros + 1
    assert [arrays.kept(array)["array"] for array in others] == [1, 2, 3, 4]
    zeros[60000] = 5  # beyond the corner
    check_kept(arrays.list[arrays.kept(zeros)["array"]], zeros)


def test_memory_that_is_used_again():
    """Of what cannot be written the figures are found once; but its memory may serve another."""
    arrays, base = recorder.Arrays(), np.zeros(70000)
    view = base.view()
    view.flags.writeable = False
    for number in range(3):
        base[:] = number
        for array in (view, np.frombuffer(bytes([number + 1]) * 70000, "u1")):
            check_kept(arrays.list[arrays.kept(array)["array"]], array)
            del array


def test_one_statement_to_a_line():
    recorded = record("""
x = [
    len("a"),
    [len(y)
     for y in ("a",
               "bc")],
]
a = 1; b = 2; b += 1
if a: c = 3; d = 4
for e in (5, 6): g = e
def f(
    x,
    y=len(
        "abc"),
):
    return (x +
            y)
z = f(
    1,
)
try: h = 1 / 0
except ZeroDivisionError: h = 7
""")
    outside = [(line, values) for line, iterations, values in told(recorded) if not iterations]
    assert outside == [
        *[(2, [[1, [1, 2]]]), (8, [1, 3]), (9, [3, 4]), (11, []), (18, [4])],
        *[(11, [1, 3]), (16, [4]), (21, [7])],
    ]
    assert made(recorded, "e") == made(recorded, "g") == [5, 6] and recorded.error is None
    assert [s.first for s in recorded.statements] == [2, 8, 9, 10, 11, 16, 18, 21]


@pytest.fixture(scope="module")
def easygpt2():
    """(what harness's tracer saw, what the recorder saw): {(line, name): [array or None]}."""
    seen, found = {}, {}

    def after(statement, frame, returned):
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        variables = {**frame.f_globals, **frame.f_locals}
        pairs = [(name, variables[name]) for name in names] + [("return", v) for v in returned]
        for name, value in pairs:
            array = value.copy() if isinstance(value, np.ndarray) else None
            seen.setdefault((statement.lineno, name), []).append(array)

    assert harness.run(*harness.EXAMPLE, after=after).status == 0
    recorded = recorder.Recorder(str(harness.PROGRAM), harness.SOURCE)
    with np.errstate(), contextlib.redirect_stderr(io.StringIO()):
        recorded.run(harness.EXAMPLE)
    assert recorded.error is None
    for event in recorded.events:
        statement = recorded.statements[event.statement]
        limited = any(recorded.ran[loop] > recorder.MOST_ITERATIONS for loop in statement.loops)
        for name, value in zip(statement.targets, event.values):
            array = isinstance(value, dict) and "array" in value
            kept = recorded.arrays.list[value["array"]] if array else None
            empty = "np.empty" in harness.SOURCE.splitlines()[statement.first - 1]  # never the same
            if not (limited or empty) and (statement.first, name) in seen:
                found.setdefault((statement.first, name), []).append(kept)
    return seen, found


def test_easygpt2_against_another_tracer(easygpt2):
    seen, found = easygpt2
    n_whole = 0
    assert len(found) > 90 and {name for _, name in found} > {"residual", "return", "logits"}
    for place, kept in found.items():
        for array, one in zip(seen[place], kept, strict=True):
            assert (array is None) == (one is None), place
            if array is not None:
                check_kept(one, array)
                n_whole += one.figures is None
    assert n_whole > 1000
