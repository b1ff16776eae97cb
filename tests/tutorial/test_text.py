"""The text of easygpt2.py: its rules, and every shape, example and figure in its comments."""

import ast
import difflib
import functools
import io
import json
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
    "The hyperparameters", "Open the tensor file", "Read the embeddings, embed the prompt",
    "Read the layers' tensors", "The transformer", "Choose the next token",
    "Append it, and stop or embed it", "The reverse vocabulary", "Ids to tokens",
    "The reverse table", "Bytes to text",
]  # fmt: skip
STEP_1 = 1 + LINES.index(f"# %% Step 1. {TITLES[0]}")
CELL = next(n for n, line in enumerate(LINES, 1) if line.startswith("# %% "))
STEPS = [node for node in TREE.body if node.lineno > STEP_1]
TALES = json.loads((harness.TALES / "vocab.json").read_text("utf-8"))
CONFIG = json.loads((harness.TALES / "config.json").read_text("utf-8"))

# Behind code: # [rows, columns], or such a shape and a few words.
SHAPE = re.compile(r"# (\[[^\]]+\])(?:,? .+)?$")
# The text of a token behind its number: 329 is 'The', or: 568, which is 'Ġknow'.
TOKEN = re.compile(r"(?<!row )\b(\d+)(?:, which)? is ('[^']+'|\"[^\"]+\")")
SIZES = re.compile(r"# 124M: (\d+), tales: (\d+)\.")

# Figures that no run can check: facts, each with the words around it, to be looked up when changed.
FACTS = [
    '# requires-python = ">=3.10"', '# dependencies = ["numpy>=1.26"]', "Radford et al., 2019",
    "published in 2019", "number 32 is a pipe", "on Windows so is 22",
]  # fmt: skip

# Figures that a test beside this one checks, or that a run below does.
CHECKED = [
    "in the 18", "50000 times", "124 million", "256 bytes", "knows all 256", "from 256 on",
    "50257", "of 50000 merges", "163M weights", "row all 0", "above 1 evens", "below 1",
    "[[0, -inf, -inf], [0, 0, -inf], [0, 0, 0]]", "makes 0", "scores nearly 0",
    "dividing by 0", "mean 0 and variance 1", "n - 1", "negative one near 0", "makes it float64",
    "sum to 1", "temperature 0", "n_ctx + 1 ids", "4 or 2 bytes a number",
    "as positions count from 0", "--tokens 3", "--model tales", "later 1",
]  # fmt: skip


def lines_of(nodes):
    """Return the numbers of the lines that these nodes take up."""
    return {n for node in nodes for n in range(node.lineno, node.end_lineno + 1)}


def walk(nodes):
    """Yield all nodes of the syntax tree below these."""
    for node in nodes:
        yield from ast.walk(node)


def test_imports_are_these_four():
    imports = [node for node in ast.walk(TREE) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = [alias.name for node in imports for alias in node.names]
    assert sorted(names) == ["json", "numpy", "struct", "sys"]
    assert all(node.lineno < CELL for node in imports)
    assert not re.search(r"__import__|importlib|\bexec\(|\beval\(", SOURCE)


def test_size():
    assert len(LINES) <= 450
    assert len(LINES) - STEP_1 + 1 <= 320
    assert max(map(len, LINES)) <= 100
    functions = [node for node in walk(STEPS) if isinstance(node, ast.FunctionDef)]
    names = [function.name for function in functions]
    assert names == ["read_tensor", "layer_norm", "linear", "softmax", "gelu"]
    functions = [node for node in ast.walk(TREE) if isinstance(node, ast.FunctionDef)]
    assert all(ast.get_docstring(function) for function in functions)


def test_cell_before_step_1_says_that_it_may_be_skipped():
    cells = [line for line in LINES if line.startswith("# %%")]
    assert cells[0] == LINES[CELL - 1] and cells[1] == LINES[STEP_1 - 1]
    title = LINES[CELL - 1]
    assert re.match(r"# %% Before step 1\. Nothing\b.*\bGPT-2\b.*\bstep 1\b", title), title
    assert re.findall(r"\bline (\d+)", title) == [str(STEP_1)], title
    before = [node for node in TREE.body if node.lineno < CELL]
    assert {type(node) for node in before[1:]} <= {ast.Import, ast.ImportFrom}


def test_steps_refuse_in_a_few_calls_of_one_line():
    """From step 1 on nothing is caught and nothing is ended but by a call of the first cell's."""
    for node in walk(STEPS):
        where = f"line {getattr(node, 'lineno', 0)}"
        caught = ast.Try | ast.ExceptHandler | ast.Raise | ast.Assert | ast.With
        assert not isinstance(node, caught | ast.Continue | ast.Pass | ast.Global), where
        assert getattr(node, "attr", "") not in ("exit", "_exit", "excepthook", "stderr"), where
        assert getattr(node, "id", "") not in ("CHUNK", "waiting", "exit", "quit"), where
    cell = {node.name for node in TREE.body if isinstance(node, ast.FunctionDef)} - {"warn"}
    cell -= {node.name for node in STEPS if isinstance(node, ast.FunctionDef)}
    assert "check" in cell
    refusals = [
        node
        for node in walk(STEPS)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and getattr(node.value.func, "id", "") in cell
    ]
    assert 0 < len(refusals) <= 16
    assert all(node.lineno == node.end_lineno for node in refusals)


def test_one_statement_in_a_line():
    """In the cell before step 1, one may stand behind its `if`, `else` or `try`."""
    owners = {}
    for node in ast.walk(TREE):
        if not isinstance(node, ast.stmt) or node.lineno < CELL:
            continue
        owners.setdefault(node.lineno, []).append(node)
    for number, nodes in owners.items():
        assert len(nodes) == 1 or number < STEP_1, f"line {number}"
        assert not re.search(r"; *\w", LINES[number - 1].split('"')[0]), f"line {number}"
    for node in walk(STEPS):
        for branch in ("body", "orelse"):
            inner = getattr(node, branch, None)
            if isinstance(node, ast.stmt) and inner:
                assert LINES[inner[0].lineno - 1][: inner[0].col_offset].strip() in ("", "el")


def test_nothing_clever():
    """No classes, decorators, lambdas, deep comprehensions or blanket excepts; the one exception
    hook is in the cell before step 1, and leaves a learner's own errors to Python."""
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
    assert "sys.__excepthook__(kind, error, trace)" in SOURCE


def test_the_transformer_fits_on_a_wall():
    loop = harness.layer_loop()
    assert re.match(r" *for layer\b", LINES[loop.lineno - 1])
    assert harness.assigned(loop.body[-1]) == ["residual"]
    wall = LINES[loop.lineno - 1 : loop.end_lineno]
    assert len(wall) <= 24
    assert "softmax(q @ k.T / head_size**0.5 + mask)" in "\n".join(wall)
    for name in ("q", "k", "v"):
        made = [node for node in ast.walk(loop) if harness.assigned(node) == [name]]
        assert len(made) == 1 and "head_size]" in COMMENTS[made[0].lineno]
    assert sum("linear(" in line for line in wall) == 4


def test_steps_are_marked_as_the_design_says():
    marked = [n for n, line in enumerate(LINES, 1) if re.match(r" *# (%% )?Step \d+\.", line)]
    for n, (number, title) in enumerate(zip(marked, TITLES, strict=True), 1):
        expected = f"    # Step {n}. {title}" if n in (13, 14) else f"# %% Step {n}. {title}"
        assert LINES[number - 1] == expected, f"line {number}"


@pytest.mark.parametrize("step", range(1, 19))
def test_step_opens_with_what_it_makes(step):
    """`name` is ...: the first sentence names what exists once the step is done."""
    number = harness.steps()[step][0] + 1
    opening = COMMENTS.get(number, "")
    name = re.match(r"# `(\w+)` \w", opening)
    assert name, f"line {number}: {opening}"
    nodes = list(walk(harness.statements(step)))
    loop = [harness.layer_loop()] if step == 12 else []  # it is in the loop of three steps
    nodes += [node for node in walk(loop)]
    makes = [made for node in nodes for made in harness.assigned(node)]
    makes += [node.func.value.id for node in nodes if is_append(node)]
    assert name[1] in makes, f"line {number}: {opening}"


def is_append(node):
    """Whether it is a call of name.append."""
    function = getattr(node, "func", None)
    return getattr(function, "attr", "") == "append" and isinstance(function.value, ast.Name)


def test_flow_names_all_steps_in_order():
    after = 0
    opening = LINES[: TREE.body[0].end_lineno]
    for number, line in enumerate(opening, 1):
        found = re.search(r"  steps? (\d+)(?: to (\d+))?$", line)
        if found:
            assert int(found[1]) == after + 1 <= int(found[2] or found[1]), f"line {number}"
            after = int(found[2] or found[1])
    assert after == len(TITLES) == 18
    assert re.search(r"\bin the 18\s+steps below", SOURCE)


def test_subtle_marks_few_traps():
    assert 1 <= sum("Subtle:" in text for text in COMMENTS.values()) <= 8
    assert "Subtle" not in SOURCE.replace("# Subtle: ", "")


def test_no_clause_hangs_on_a_semicolon():
    texts = {n: text for n, text in COMMENTS.items()} | {n: LINES[n - 1] for n in docstrings()}
    assert not [f"line {n}: {text}" for n, text in texts.items() if ";" in text]


@functools.cache
def docstrings():
    """Return the numbers of all lines of docstrings."""
    documented = [TREE, *(n for n in ast.walk(TREE) if isinstance(n, ast.FunctionDef))]
    return lines_of([node.body[0] for node in documented])


def test_opening_says_what_gpt2_is_and_what_training_did():
    opening = ast.get_docstring(TREE)
    for word in ["language model", "tokens", "weights", "training", "random", "score"]:
        assert word in opening.partition("How the data flows")[0], word


@pytest.mark.parametrize(
    "step, words",
    [
        (2, ["cut into tokens by itself"]),
        (5, ["frequent"]),
        (10, ["embedding", "position", "order"]),
        (12, ["query", "key", "value", "into heads", "MLP", "GELU", "root", "KV cache", "mask"]),
        (13, ["wte", "weight tying", "temperature", "drawn"]),
        (14, ["<|endoftext|>"]),
    ],
)
def test_whys_are_answered_in_their_step(step, words):
    first, last = harness.steps()[step]
    text = " ".join([COMMENTS[n].lstrip("# ") for n in range(first, last) if n in COMMENTS])
    for word in words:
        assert word in text, word


def test_sizes_are_those_of_gpt2_124m_and_of_tales():
    """https://huggingface.co/openai-community/gpt2/blob/main/config.json"""
    sizes = {"head_size": [768 // 12, CONFIG["n_embd"] // CONFIG["n_head"]]}
    for name, field in {
        "n_vocab": "vocab_size",
        "n_ctx": "n_positions",
        "n_embd": "n_embd",
        "n_layer": "n_layer",
        "n_head": "n_head",
    }.items():
        sizes[name] = [random_model.GPT2_124M[field], CONFIG[field]]
    for node in harness.statements(8):
        shown = SIZES.search(COMMENTS.get(node.lineno, ""))
        for name in harness.assigned(node) if shown else []:
            assert [int(shown[1]), int(shown[2])] == sizes.pop(name), f"line {node.lineno}"
    assert not sizes


def test_124m_has_so_many_weights():
    shapes = random_model.shapes_of(random_model.GPT2_124M)
    n_weights = sum(int(np.prod(shape)) for shape in shapes.values())
    assert f"{round(n_weights / 1e6)} million weights" in re.sub(r"\n# ", " ", SOURCE)
    wte = int(np.prod(shapes["wte.weight"]))
    assert f"124M would have {round((n_weights + wte) / 1e6)}M weights" in SOURCE
    assert 256 + 50000 + 1 == random_model.GPT2_124M["vocab_size"]


def test_every_figure_in_a_comment_is_checked():
    """A digit in a comment is part of a marker, a shape, an example, the flow, the sizes, a token
    with its text, a name of the code, or one of the FACTS."""
    code = [line for n, line in enumerate(LINES, 1) if n not in docstrings()]
    code = [line.split("  #")[0] for line in code if not line.lstrip().startswith("#")]
    names = set(re.findall(r"[A-Za-z_][\w.]*\d[\w.]*", "\n".join(code)))
    texts = COMMENTS | {n: LINES[n - 1] for n in docstrings()}
    for number, text in sorted(texts.items()):
        if number < STEP_1 and number > CELL and number in docstrings() | {CELL}:
            continue
        behind_code = number in COMMENTS and not LINES[number - 1].lstrip().startswith("#")
        text = SHAPE.sub("", text) if behind_code else text
        text = SIZES.sub("", TOKEN.sub("", text))
        for fact in [*FACTS, *CHECKED]:
            text = text.replace(fact, "")
        text = example_of(text)[2] if number in COMMENTS and example_of(text) else text
        text = re.sub(
            r"^# (%% )?Step \d+\.|  steps? \d+( to \d+)?$|[Ss]teps? \d+|line \d+", "", text
        )
        rest = re.findall(r"[\w.]*\d[\w.]*", text)
        rest = [word for word in rest if word.rstrip(".") not in names | {"2", "124M", "float32"}]
        assert not rest, f"line {number}: nothing checks {rest} in {LINES[number - 1].strip()!r}"


def test_facts_stand_in_the_text():
    for fact in FACTS:
        if fact not in SOURCE:
            likeness = [difflib.SequenceMatcher(None, fact, line).ratio() for line in LINES]
            number = 1 + likeness.index(max(likeness))
            raise AssertionError(f"{fact!r} is gone; line {number} is like it: {LINES[number - 1]}")


def parses(text):
    """Whether it is a Python expression."""
    try:
        ast.parse(text, mode="eval")
        return True
    except SyntaxError:
        return False


@functools.cache
def example_of(comment):
    """Take `words: expression → literal, words` apart; return None where there is no example.

    Of a chain, which has several arrows, the expression is None and the literal is the whole chain.
    """
    text = comment.removeprefix("#").strip()
    if text.count(" → ") > 1:
        return None, text, ""
    left, arrow, right = text.partition(" → ")
    if not arrow:
        return None
    begin = min((n for n in range(len(left)) if parses(left[n:])), default=None)
    ends = [
        n for n in range(len(right), 0, -1) if is_literal(right[:n]) and right[n - 1] not in " ,."
    ]
    assert begin is not None and ends, f"{comment}: no example that can be looked at"
    return left[begin:].strip(), right[: ends[0]], right[ends[0] :]


def is_literal(text):
    try:
        ast.literal_eval(text)
        return True
    except (ValueError, SyntaxError):
        return False


EXAMPLES = {number: example_of(text) for number, text in COMMENTS.items() if example_of(text)}


def test_examples_are_taken_apart_as_a_reader_does():
    assert example_of('#   prompt → "a b"') == ("prompt", '"a b"', "")
    assert example_of("# `ids` is longer: len(ids) → 10. The model") == (
        "len(ids)",
        "10",
        ". The model",
    )
    assert example_of("#   next_id → 568, which is 'Ġknow'")[:2] == ("next_id", "568")
    assert example_of("#   \"a  b\" → ['a']") == ('"a  b"', "['a']", "")
    assert example_of("#   a b → ab → abc") == (None, "a b → ab → abc", "")
    assert example_of("# no example") is None


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    """Run the running example, greedy and sampled, and with a file that is not aligned.

    Return what was wrong, and the lines of the shapes and of the examples that were checked."""
    wrong, shaped, exemplified = [], set(), set()
    steps = harness.steps()
    module_step = [None]
    before = {}

    def after(statement, frame, returned):
        if frame.f_code.co_name == "<module>":
            line = statement.lineno
            step = next((n for n, (first, last) in steps.items() if first <= line <= last), None)
            if module_step[0] not in (None, step):
                wrong.extend(wrong_examples(steps[module_step[0]], before, exemplified))
            module_step[0] = step
            before.update(frame.f_globals)
        wrong.extend(wrong_shapes(statement, frame, returned, shaped))

    run = harness.run(*harness.EXAMPLE, after=after)
    assert run.status == 0, run.stderr
    wrong.extend(wrong_examples(steps[18], run.variables, exemplified))
    odd = shapes.folder_of("full_context", tmp_path_factory.mktemp("odd"))
    for options in (["--temperature", "1", "--top-k", "7", "--seed", "1"], ["--model", str(odd)]):
        assert harness.run(*harness.EXAMPLE, *options, after=after).status == 0
    return wrong, shaped, exemplified


def wrong_examples(lines, variables, seen):
    """Yield what is wrong with the examples in these lines; add the lines of all to `seen`."""
    first, last = lines
    for number in range(first, last + 1):
        expression, shown, _ = EXAMPLES.get(number, (None, "", ""))
        if expression and number not in seen:
            seen.add(number)
            try:
                value = eval(expression, dict(variables))
                if is_literal(expression):  # of another prompt
                    value = words_of(value)
                if not shows(shown, value):
                    yield f"line {number}: {expression} is {value!r}, not {shown}"
            except (LookupError, NameError, ValueError) as error:
                yield f"line {number}: {expression} cannot be looked at: {error!r}"


def wrong_shapes(statement, frame, returned, seen):
    """Yield what is wrong with the shape behind this statement; add its line to `seen`."""
    scope = frame.f_globals | frame.f_locals
    if "best" in scope:
        scope["n_best"] = min(scope["options"]["--top-k"], len(scope["vocabulary"]))
    if frame.f_code.co_name == "linear":  # its matrix is [in, out]
        scope["out"] = scope["weight"].shape[1]
    try:
        values = returned or [eval(target, scope) for target in targets_of(statement)]
    except KeyError:  # Python 3.12.1 announces `block[name] = ...` once before name is set
        return
    arrays = [value for value in values if isinstance(value, np.ndarray) and value.ndim]
    number = statement.end_lineno
    behind_code = not LINES[number - 1].lstrip().startswith("#")
    shape = SHAPE.match(COMMENTS.get(number, "")) if behind_code else None
    if arrays and not shape and number > STEP_1:
        yield f"line {number}: makes a tensor and has no shape comment"
    for array in arrays if shape else []:
        seen.add(number)
        sizes, expected = list(array.shape), eval(shape[1], scope)
        if expected[0] is ...:
            sizes[: len(sizes) - len(expected) + 1] = [...]
        if sizes != expected:
            yield f"line {number}: {shape[0]} is {list(array.shape)} in a run"


def words_of(prompt):
    """Return the words that step 2 makes of a prompt."""
    variables = {"prompt": prompt}
    exec(harness.piece(2), variables)
    return variables["words"]


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
    behind_code = [n for n in COMMENTS if not LINES[n - 1].lstrip().startswith("#")]
    assert shaped == {n for n in behind_code if SHAPE.match(COMMENTS[n])}
    assert exemplified == {n for n, (expression, *_) in EXAMPLES.items() if expression}
    assert len(exemplified) >= 18 and len(shaped) >= 35


def test_an_example_of_step_2_has_two_spaces_and_an_ending():
    prompts = [eval(found[0]) for found in EXAMPLES.values() if is_literal(found[0] or "x")]
    assert any("  " in prompt and "'" in prompt for prompt in prompts)


def test_tokens_have_the_texts_that_the_comments_say():
    spelled = {n: TOKEN.findall(text) for n, text in COMMENTS.items() if TOKEN.search(text)}
    for number, pairs in spelled.items():
        for id, text in pairs:
            assert TALES[ast.literal_eval(text)] == int(id), f"line {number}: {text} is not {id}"
    for number, (expression, shown, _) in EXAMPLES.items():
        if expression in ("ids", "next_id"):  # numbers of tokens
            ids = ast.literal_eval(shown)
            near = [int(id) for n in (number, number + 1) for id, _ in spelled.get(n, [])]
            assert set(near) & {*(ids if isinstance(ids, list) else [ids])}, f"line {number}"


def test_merges_of_the_traced_word(tmp_path):
    """Rank by rank: of only the merges up to a rank, the tokenizers library makes these pieces."""
    import tokenizers

    [chain] = [shown for expression, shown, _ in EXAMPLES.values() if not expression]
    states = [tuple(state.split(" ")) for state in chain.split(" → ")]
    word = "".join(states[0])
    lines = (harness.TALES / "merges.txt").read_text("utf-8").splitlines()
    merges = [tuple(line.split(" ")) for line in lines[1:]]
    within = [n for n, pair in enumerate(merges, 1) if "".join(pair) in word]
    expected = []
    for n_merges in [0, *within]:
        bpe = tokenizers.models.BPE(TALES, merges[:n_merges])
        pieces = tuple(token.value for token in bpe.tokenize(word))
        if pieces not in expected:
            expected.append(pieces)
    assert states == expected
    assert len(states[0]) > 3 and states[0] == tuple(word) and states[-1] == (word,)


def test_mask_is_as_the_comment_says():
    """For three rows, and for the single row of a later round."""
    number = next(n for n, text in COMMENTS.items() if "[[0, -inf" in text)
    rows, single = re.search(
        r"of three it is (\[\[.+?\]\]), for one row all (\d)", COMMENTS[number]
    ).groups()
    rows = np.array(eval(rows, {"inf": np.inf}), np.float32)
    masks = []

    def after(statement, frame, returned):
        if harness.assigned(statement) == ["mask"]:
            masks.append(frame.f_globals["mask"])

    model = ["--tokens", "3", "--model", str(harness.TALES)]
    source = harness.with_ids([329, 294, 64])
    assert harness.run("x", *model, source=source, after=after).status == 0
    assert np.array_equal(masks[0], rows)
    assert [mask.tolist() for mask in masks[1:]] == [[[int(single)] * 4], [[int(single)] * 5]]


def test_the_row_that_attention_is_shown_of():
    """It is what the comment says: of the token that is named, and a share for each token."""
    expression = "attention_weights[8]"
    number = next(n for n, found in EXAMPLES.items() if found[0] == expression)
    text = COMMENTS[number - 1]
    tokens = next(ast.literal_eval(found[1]) for found in EXAMPLES.values() if found[0] == "tokens")
    shares = ast.literal_eval(EXAMPLES[number][1])
    assert len(tokens) == len(shares) == 9 and sum(shares) == pytest.approx(1, abs=0.02)
    assert f'the shares that "{tokens[8]}" takes from the nine tokens' in text
    assert "last head of the last layer, last row" in text


def test_running_example_is_the_one_in_the_text():
    text = " ".join(f'"{word}"' if " " in word else word for word in harness.EXAMPLE)
    assert f"#   python easygpt2.py {text.replace(str(harness.TALES), 'tales')}\n" in SOURCE
