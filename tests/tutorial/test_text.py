"""The text of easygpt2.py: its rules, and every shape, example and figure in its comments."""

import ast
import difflib
import functools
import io
import re
import tokenize

import numpy as np
import pytest

import harness
import random_model
import shapes

SOURCE = harness.SOURCE
LINES = SOURCE.splitlines()
TREE = ast.parse(SOURCE)
COMMENTS = {
    token.start[0]: token.string
    for token in tokenize.generate_tokens(io.StringIO(SOURCE).readline)
    if token.type == tokenize.COMMENT
}
TITLES = [
    "Read the prompt", "Split the prompt into words", "A printable character for every byte",
    "Words as printable bytes", "The merges", "Merge by rank", "Tokens to ids",
    "The hyperparameters", "Open the tensor file and check its header",
    "Read the embeddings, embed the prompt", "Read the layers' tensors and ln_f",
    "The transformer", "Choose the next token", "Append it, and stop or embed it",
    "The reverse vocabulary", "Ids to tokens", "The reverse table", "Bytes to text",
]  # fmt: skip

SHAPE = re.compile(r"# (\[.+\])$")
EXAMPLE = re.compile(r"# (?:[^:\[`]*: )?\s*(\S.*?) → (.+)$")

# Figures that no run can check: facts, each with the words around it, to be looked up when changed.
FACTS = [
    "# requires-python = \">=3.10\"",
    "# dependencies = [\"numpy>=1.26\"]",
    "GPT-2", "124M", "gpt-2.", "these 18 steps", "Radford et al., 2019", "float32", "float64",
    "NumPy 2.", "UTF-8", "np.sqrt(2 / np.pi)", "from 256 on", "number 32 of them",
    "256 + 32.", "Byte 127 is number 33: 256 + 33, not 256 + 127.", "row 2, the token `a`",
    "head_size**0.5", "not n - 1", "4 * n_embd columns", "ln_1, ln_2, ln_f",
    "`| head -1`", "--tokens 5", "number 32, on Windows 22",
]  # fmt: skip


def test_imports_are_these_four():
    imports = [node for node in ast.walk(TREE) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = [alias.name for node in imports for alias in node.names]
    assert sorted(names) == ["json", "numpy", "struct", "sys"]
    assert not re.search(r"__import__|importlib|\bexec\(|\beval\(", SOURCE)


def test_size():
    assert len(LINES) <= 450
    assert max(map(len, LINES)) <= 100
    functions = [node for node in ast.walk(TREE) if isinstance(node, ast.FunctionDef)]
    assert len(functions) <= 7
    assert all(ast.get_docstring(function) for function in functions)


def test_nothing_clever():
    """No classes, decorators, lambdas, deep comprehensions, blanket excepts or exception hooks."""
    comprehensions = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    for node in ast.walk(TREE):
        where = f"line {getattr(node, 'lineno', 0)}"
        assert not isinstance(node, ast.ClassDef | ast.Lambda | ast.AsyncFunctionDef), where
        assert not getattr(node, "decorator_list", []), where
        if isinstance(node, comprehensions):
            inner = [child for child in ast.walk(node) if isinstance(child, comprehensions)]
            assert len(inner) == 1 and len(node.generators) == 1, where
        if isinstance(node, ast.ExceptHandler):
            names = ast.unparse(node.type) if node.type else "everything"
            assert not re.search(r"everything|\b(Base)?Exception\b", names), where
    assert "excepthook" not in SOURCE


def test_steps_are_marked_as_the_design_says():
    marked = [n for n, line in enumerate(LINES, 1) if re.match(r" *# (%% )?Step \d+\.", line)]
    for n, (number, title) in enumerate(zip(marked, TITLES, strict=True), 1):
        expected = f"    # Step {n}. {title}" if n in (13, 14) else f"# %% Step {n}. {title}"
        assert LINES[number - 1] == expected, f"line {number}"
        assert COMMENTS.get(number + 1), f"line {number + 1}: no sentence opens step {n}"


def test_flow_names_all_steps_in_order():
    after = 0
    for number, line in enumerate(LINES[: TREE.body[0].end_lineno], 1):
        if re.search(r"  steps? \d", line):
            begin, end = re.search(r"  steps? (\d+)(?: to (\d+))?$", line).groups()
            assert int(begin) == after + 1 <= int(end or begin), f"line {number}: {line.strip()}"
            after, last = int(end or begin), number
        assert "back to" not in line or "back to step 12" in line, f"line {number}"
    assert after == len(TITLES) == 18, f"line {last}"
    assert len(re.findall(r"  steps? \d", SOURCE)) == 8


def test_glossary_has_the_sizes_of_gpt2_124m():
    """https://huggingface.co/openai-community/gpt2/blob/main/config.json"""
    sizes = {
        "n_vocab": random_model.GPT2_124M["vocab_size"],
        "n_ctx": random_model.GPT2_124M["n_positions"],
        "n_embd": random_model.GPT2_124M["n_embd"],
        "n_layer": random_model.GPT2_124M["n_layer"],
        "n_head": random_model.GPT2_124M["n_head"],
        "head_size": 768 // 12,
    }
    for number, line in enumerate(LINES[: TREE.body[0].end_lineno], 1):
        entry = re.match(r"    (\w+) +(\d+)  ", line)
        if entry:
            assert int(entry[2]) == sizes.pop(entry[1]), f"line {number}: {line.strip()}"
    assert not sizes


def test_every_figure_in_a_comment_is_checked():
    """A digit in a comment is part of a marker, a shape, an example, the flow, the glossary, a
    name of the code, or one of the FACTS."""
    documented = [TREE, *(n for n in ast.walk(TREE) if isinstance(n, ast.FunctionDef))]
    docstrings = {
        n for node in documented for n in range(node.body[0].lineno, node.body[0].end_lineno + 1)
    }
    code = [strip_comment(line) for n, line in enumerate(LINES, 1) if n not in docstrings]
    names = set(re.findall(r"[A-Za-z_][\w.]*\d[\w.]*", "\n".join(code)))
    texts = COMMENTS | {n: LINES[n - 1] for n in docstrings}
    for number, text in sorted(texts.items()):
        if (SHAPE.search(text) or EXAMPLE.search(text)) and number in COMMENTS:
            continue
        for fact in FACTS:
            text = text.replace(fact, "")
        text = re.sub(r"# (%% )?Step \d+\.|  steps? \d+( to \d+)?$|back to step 12", "", text)
        text = re.sub(r"^    (n_\w+|head_size) +\d+  ", "", text)
        rest = [
            word for word in re.findall(r"[\w.]*\d[\w.]*", text) if word.rstrip(".") not in names
        ]
        assert not rest, f"line {number}: nothing checks {rest} in {LINES[number - 1].strip()!r}"


def strip_comment(line):
    return line.split("  #")[0] if not line.lstrip().startswith("#") else ""


def test_facts_stand_in_the_text():
    for fact in FACTS:
        if fact not in SOURCE:
            likeness = [difflib.SequenceMatcher(None, fact, line).ratio() for line in LINES]
            number = 1 + likeness.index(max(likeness))
            raise AssertionError(f"{fact!r} is gone; line {number} is like it: {LINES[number - 1]}")


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    """Run the running example, greedy and sampled, and a BF16 file for the line that reads it;
    return what was wrong, and the lines of the shapes and of the examples that were checked."""
    wrong, shaped, exemplified = [], set(), set()
    steps = harness.steps()
    module_step = [None]

    def step_of(line):
        return next((n for n, (first, last) in steps.items() if first <= line <= last), None)

    def check_examples(step, variables):
        first, last = steps[step]
        for number in range(first, last + 1):
            example = EXAMPLE.search(COMMENTS.get(number, ""))
            if example and number not in exemplified:
                exemplified.add(number)
                try:
                    value = eval(example[1], dict(variables))
                    if not shows(example[2], value):
                        wrong.append(f"line {number}: {example[1]} is {value!r}, not {example[2]}")
                except (LookupError, NameError, ValueError) as error:
                    wrong.append(f"line {number}: {example[1]} cannot be looked at: {error!r}")

    def after(statement, frame, returned):
        if frame.f_code.co_name == "<module>":
            step = step_of(statement.lineno)
            if module_step[0] not in (None, step):
                check_examples(module_step[0], before)
            module_step[0] = step
            before.update(frame.f_globals)
        scope = frame.f_globals | frame.f_locals
        if "best" in scope:
            scope["n_best"] = min(scope["top_k"], len(scope["vocabulary"]))
        try:
            values = returned or [eval(target, scope) for target in targets_of(statement)]
        except KeyError:  # Python 3.12.1 announces `block[name] = ...` once before name is set
            return
        arrays = [value for value in values if isinstance(value, np.ndarray) and value.ndim]
        number = statement.end_lineno
        shape = SHAPE.search(COMMENTS.get(number, ""))
        if arrays and not shape:
            wrong.append(f"line {number}: makes a tensor and has no shape comment")
        for array in arrays if shape else []:
            shaped.add(number)
            sizes, expected = list(array.shape), eval(shape[1], scope)
            if expected[0] is ...:
                sizes[: 1 - len(expected)] = [...]
            if sizes != expected:
                wrong.append(f"line {number}: {shape[0]} is {list(array.shape)} in a run")

    before = {}
    run = harness.run(*harness.EXAMPLE, after=after)
    check_examples(18, run.variables)
    bf16 = shapes.folder_of("three_layers", tmp_path_factory.mktemp("bf16"))
    options = ["--temperature", "1", "--top-k", "7"]
    for arguments in (options, ["--model", str(bf16)]):
        run = harness.run(*harness.EXAMPLE, *arguments, after=after)
        assert run.status == 0
    return wrong, shaped, exemplified


@functools.cache
def targets_of(statement):
    """Return what an assignment makes, as expressions, tuples taken apart."""
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    parts = [part for target in targets for part in getattr(target, "elts", [target])]
    return [ast.unparse(part) for part in parts]


def shows(text, value):
    """Whether `text` is how a reader would write `value`; floats as exactly as they are shown."""
    if isinstance(value, np.ndarray):
        numbers = [number.strip() for number in text.strip("[]").split(",")]
        decimals = [len(number.partition(".")[2]) for number in numbers]
        return len(numbers) == value.size and all(
            abs(float(shown) - float(real)) <= 0.5 * 10.0**-places + 1e-6
            for shown, real, places in zip(numbers, value.ravel(), decimals)
        )
    return ast.literal_eval(text) == value


def test_shapes_and_examples_are_true(traced):
    wrong, shaped, exemplified = traced
    assert not wrong, "\n".join(dict.fromkeys(wrong))


def test_every_shape_and_example_was_checked(traced):
    wrong, shaped, exemplified = traced
    assert shaped == {n for n, text in COMMENTS.items() if SHAPE.search(text)}
    assert exemplified == {n for n, text in COMMENTS.items() if EXAMPLE.search(text)}
    assert len(exemplified) >= 17 and len(shaped) >= 35


def test_running_example_is_the_one_in_the_text():
    text = " ".join(f'"{word}"' if " " in word else word for word in harness.EXAMPLE)
    assert f"#   python easygpt2.py {text.replace(str(harness.TALES), 'models/tales')}\n" in SOURCE


def test_what_the_design_asks_to_be_said_is_said():
    for flag in ["eps, inside the root", "n - 1", "tanh", "tied", "a reshape", "head_size products",
                 "keys and values of earlier rounds be kept", "n_past, the length of the cache",
                 "the mask is a triangle", "why `Ġ`", "seven plain tokens", "repeat itself",
                 "a space at the end of a prompt hurt"]:  # fmt: skip
        assert any(flag in comment for comment in COMMENTS.values()), flag
    for word in ["promise", "limits", "Unicode version", "source of truth", "flow", "glossary"]:
        assert word in ast.get_docstring(TREE)
