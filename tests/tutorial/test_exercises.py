"""docs/exercises.md: each command as it stands there, each figure, each solution."""

import ast
import json
import math
import re
import shlex
import shutil
import subprocess

import numpy as np
import pytest

import harness
import readme
import solutions

DOCS = harness.ROOT / "docs"
TEXT = (DOCS / "exercises.md").read_text("utf-8")
EXERCISES = dict(re.findall(r"^## (\d+\. [^\n]+)\n(.*?)(?=^## |\Z)", TEXT, re.M | re.S))
NUMBERS = "one two three four five six seven eight nine ten".split()
# A console block, and the table behind it, if there is one.
BLOCK = r"^```console\n(.*?)^```\n(?:\n((?:\|[^\n]+\n)+))?"
DECIMAL = r"(\d+\.\d+)"
ANY_LINES = r"(?:.*\n)*?"

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="applies the solutions by git")


class Copy:
    """A folder with the tutorial in it, to which the solutions are applied."""

    def __init__(self, folder):
        self.program = folder / "easygpt2.py"
        shutil.copy(harness.PROGRAM, folder)
        self.folder = folder

    def do(self, line):
        """Run a line of a console block; return what it prints."""
        words = shlex.split(line)
        if words[:2] == ["git", "apply"]:
            words = [str(harness.ROOT / word) if "/" in word else word for word in words]
            subprocess.run(words, cwd=self.folder, check=True)
            return ""
        assert words[:2] == ["python", "easygpt2.py"], line
        run = harness.run(*words[2:], source=self.program.read_text("utf-8"))
        assert run.status == 0, run.stderr
        return run.stdout


def assert_agrees(printed, shown):
    """Assert that it is what the text shows, up to rounding; a line of three dots is any lines."""
    pattern = ""
    for line in shown.splitlines(keepends=True):
        parts = re.split(DECIMAL, line)
        pattern += ANY_LINES if line == "...\n" else DECIMAL.join(map(re.escape, parts[::2]))
    found = re.fullmatch(pattern, printed)
    assert found, f"{printed}\nis not\n{shown}"
    expected = [float(figure) for figure in re.findall(DECIMAL, shown)]
    assert [float(figure) for figure in found.groups()] == pytest.approx(expected, 1e-4, 0.0101)


def cells(row):
    """Return the cells of a table's row, as they are shown."""
    return [cell.strip(" `") for cell in row.strip("|").split("|")]


@pytest.mark.parametrize("title", EXERCISES)
def test_what_to_expect(title, tmp_path, monkeypatch):
    monkeypatch.chdir(harness.ROOT)
    seen = ""
    copy = Copy(tmp_path)
    for block, table in re.findall(BLOCK, EXERCISES[title], re.M | re.S):
        for line, shown in readme.commands(f"```console\n{block}```\n"):
            printed = copy.do(line)
            assert_agrees(printed, shown)
            seen += printed + copy.program.read_text("utf-8")
        if table:  # what the last command prints at its end, with other code in the place of this
            codes, _, figures = map(cells, table.splitlines())
            source = copy.program.read_text("utf-8")
            last = shown.splitlines()[-1]
            assert source.count(codes[0]) == 1 and last.endswith(figures[0])
            for code, figure in zip(codes, figures, strict=True):
                copy.program.write_text(source.replace(codes[0], code), "utf-8")
                end = last.removesuffix(figures[0]) + figure + "\n"
                assert_agrees(copy.do(line), "...\n" + end)
            copy.program.write_text(source, "utf-8")
    prose = re.sub(BLOCK, "", EXERCISES[title], flags=re.M | re.S)
    for figure in re.findall(r"(?<!/)\b\d\.\d\d\b", prose):
        assert figure in seen, figure


@pytest.mark.parametrize("title", EXERCISES)
def test_each_is_a_change_of_few_lines(title):
    """As many as it says, in each of its solutions, in the order in which they are applied."""
    said = re.match(r"\n\*.*[Ss]teps? .+?, (.+)\.\*", EXERCISES[title])[1]
    said = [NUMBERS.index(word) + 1 for word in re.findall("|".join(NUMBERS), said)]
    found = [changed_lines(name) for name in own_solutions(title)]
    assert found == (said if len(said) > 1 else said * len(found))


def test_the_lessons_commands_print_what_it_says(tmp_path):
    lines = readme.commands(readme.LESSON.read_text("utf-8"))
    ours = [(shlex.split(line), shown) for line, shown in lines if line.startswith("python ")]
    assert [words[1] for words, _ in ours] == ["easygpt2.py", "walkthrough.py"]
    for (_, name, *arguments), shown in ours:
        assert arguments[-2:] == ["--model", "tales"]
        done = harness.command(*arguments, program=harness.ROOT / name, cwd=tmp_path)
        assert_agrees(done.stdout, shown)


ZORBEL = "There was once a tinker called Zorbel. One day the king said to Zor"


def changed(tmp_path, name):
    """Return the tutorial's source with this solution applied."""
    copy = Copy(tmp_path)
    copy.do(f"git apply docs/solutions/{name}.patch")
    return copy.program.read_text("utf-8")


def whenever(name, source, prompt, n_tokens):
    """Run the source; return [its variables] at each time that it had made the one of this name."""
    found = []

    def after(statement, frame, returned):
        if isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", "") == name:
            found.append({**frame.f_locals})

    arguments = [prompt, "--tokens", n_tokens, "--model", str(harness.TALES)]
    assert harness.run(*arguments, source=source, after=after).status == 0
    return found


def test_exercise_2_such_words_are_no_tokens_with_their_space():
    vocabulary = json.loads((harness.TALES / "vocab.json").read_text("utf-8"))
    assert {"Ġ", "Ġwas", "uttered", "utter"} <= vocabulary.keys()
    assert not {"was", "Ġuttered", "Ġutter"} & vocabulary.keys()
    assert len(vocabulary) == 4096  # exercise 1


def test_exercise_8_the_exact_gelu_is_exact(tmp_path):
    source = changed(tmp_path, "exact-gelu")
    gelu = harness.run("a", "--tokens", "1", "--model", str(harness.TALES), source=source)
    x = np.linspace(-6, 6, 1001, dtype="f4").reshape(7, 143)
    exact = [0.5 * value * (1 + math.erf(value / 2**0.5)) for value in x.ravel().tolist()]
    found = gelu.variables["gelu"](x)
    assert found.shape == x.shape and np.abs(found.ravel() - exact).max() < 1e-6


def test_exercise_11_all_ids_go_through_in_every_round(tmp_path):
    rounds = whenever("n_new", changed(tmp_path, "no-cache"), "Once upon a time", "3")
    assert [variables["n_new"] for variables in rounds] == [4, 5, 6]


def first_key(source, prompt):
    """Return what the cache keeps of the first token in layer 1."""
    run = harness.run(prompt, "--tokens", "1", "--model", str(harness.TALES), source=source)
    assert run.status == 0, run.stderr
    return run.variables["keys"][1, 0]


def test_exercise_12_what_follows_changes_a_key_without_the_mask_only(tmp_path):
    prompts = ["The king", "The wolf"]
    assert '"The king" --tokens 1' in TEXT and '`"The wolf"`' in TEXT
    one, other = (first_key(harness.SOURCE, prompt) for prompt in prompts)
    assert np.abs(one - other).max() < 1e-5
    source = changed(tmp_path, "no-mask")
    one, other = (first_key(source, prompt) for prompt in prompts)
    assert np.abs(one - other)[:3].min() > 0.01


def test_exercise_13_the_weights_stay_float16(tmp_path):
    source = changed(tmp_path, "float16")
    made = harness.run("a b", "--tokens", "1", "--model", str(harness.TALES), source=source)
    arrays = [made.variables[name] for name in ("wte", "residual", "logits")]
    assert [array.dtype for array in arrays] == ["f2"] * 3


def test_exercise_14_the_fewest_that_reach_it(tmp_path):
    """The last round's draw is among them; before it is made, they sum to one."""
    source = changed(tmp_path, "top-p")
    arguments = ["I", "--tokens", "1", "--temperature", "1", "--model", str(harness.TALES)]
    made = harness.run(*arguments, source=source).variables
    kept, logits = made["best"], made["logits"].astype("f8")
    shares = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    assert kept.tolist() == np.argsort(-logits, kind="stable")[: len(kept)].tolist()
    assert shares[kept[:-1]].sum() < 0.9 <= shares[kept].sum()
    expected = shares[kept] / shares[kept].sum()
    assert made["probabilities"] == pytest.approx(expected, rel=1e-4)
    assert made["next_id"] in kept


def last_rows(source):
    """Return {(layer, head): [n_seen] shares of the last row} and the tokens."""
    found = whenever("attention_weights", source, ZORBEL, "1")
    rows = {(made["layer"], made["head"]): made["attention_weights"][-1] for made in found}
    return rows, found[0]["tokens"]


def heads_of_exercise_18():
    """Return [(layer, head)] of its table: the one that copies, its partner, the others."""
    row = re.search(r"^\| (`\(.+\)`) \|$", EXERCISES["18. Silence it"], re.M)[1]
    return [ast.literal_eval(cell) for cell in re.findall(r"\(\d, \d\)", row)]


def test_exercise_18_the_partner_looks_at_the_token_before(tmp_path):
    rows, tokens = last_rows(harness.SOURCE)
    copies, partner, *others = heads_of_exercise_18()
    b = tokens.index("b")
    assert tokens[-2:] == ["ĠZ", "or"] and rows[partner].argmax() == len(tokens) - 2
    assert rows[copies].argmax() == b and len(others) >= 3
    source = changed(tmp_path, "silence-head")
    assert source.count(f"== {copies}") == 1
    rows, _ = last_rows(source.replace(f"== {copies}", f"== {partner}"))
    assert partner not in rows and rows[copies][b] == pytest.approx(0.2, abs=0.03)


def test_heads_have_the_same_names_wherever_the_docs_speak_of_them():
    """The one that copies, its partner and the best at looking back: as exercises 16 to 18 say."""
    copies, partner, *_ = [f"layer {layer}, head {head}" for layer, head in heads_of_exercise_18()]
    lines = re.findall(
        r"^(layer \d, head \d): (\d\.\d\d)",
        EXERCISES["16. A head that looks at the token before"],
        re.M,
    )
    back = max(lines, key=lambda line: float(line[1]))[0]
    assert f"the small grid of {back}" in TEXT
    assert re.findall(r"^(layer \d, head \d): ", EXERCISES["17. A head that copies"], re.M) == [
        copies
    ]
    told = re.sub(r"layer (\d), head (\d)", r"head \2 of layer \1", f"{copies} {partner}")
    text = re.sub(r"\s+", " ", EXERCISES["18. Silence it"])
    assert f"Without {told[:17]} the name" in text and f"a partner, head {partner[-1]}" in text
    lesson = re.sub(r"\s+", " ", readme.LESSON.read_text("utf-8"))
    assert f"{copies}. The row `or` looks at `b`" in lesson
    assert f"{copies} as a large one" in readme.README.read_text("utf-8")
    layer, head = heads_of_exercise_18()[0]
    pictures = (DOCS / "screenshots.py").read_text("utf-8")
    assert pictures.count(f"&layer={layer}&head={head}&follow=20") == 2


def test_the_lesson_names_the_heads_that_look_back_most_in_its_sentence():
    found = whenever("attention_weights", harness.SOURCE, ZORBEL, "1")
    back = {
        (made["layer"], made["head"]): np.diagonal(made["attention_weights"], -1).mean()
        for made in found
    }
    lesson = re.sub(r"\s+", " ", readme.LESSON.read_text("utf-8"))
    told = r"sentence layer (\d), head (\d) is the best, and (?:layer (\d), )?head (\d) the next"
    layer, head, next_layer, next_head = re.search(told, lesson).groups()
    expected = [(int(layer), int(head)), (int(next_layer or layer), int(next_head))]
    assert sorted(back, key=back.get, reverse=True)[:2] == expected


def test_exercise_18_the_lens_shows_b_after_the_last_layer_only(tmp_path):
    source = changed(tmp_path, "logit-lens")
    run = harness.run(ZORBEL, "--tokens", "1", "--model", str(harness.TALES), source=source)
    best = re.findall(r"layer (\d): ([^,\n]*)", run.stdout)
    assert [layer for layer, token in best if token == "b"] == ["5"] and len(best) == 6


def own_solutions(title):
    """Return the names of the patches that this exercise is the first to use."""
    used = {}
    for other, text in EXERCISES.items():
        for name in re.findall(r"docs/solutions/(.+?)\.patch", text):
            used.setdefault(name, other)
    return [name for name in used if used[name] == title]


def changed_lines(name):
    """Return how many lines a solution adds or changes, or else takes away."""
    lines = (DOCS / "solutions" / f"{name}.patch").read_text("utf-8").splitlines()[2:]
    return max(sum(line[0] == sign for line in lines) for sign in "+-")


def test_every_solution_is_of_an_exercise():
    own = [name for title in EXERCISES for name in own_solutions(title)]
    assert sorted(own) == sorted(path.stem for path in (DOCS / "solutions").iterdir())
    assert len(EXERCISES) >= 12


def test_solutions_are_of_the_file_as_it_is():
    """If this fails: python tests/solutions.py."""
    for path in sorted((DOCS / "solutions").iterdir()):
        patch = path.read_text("utf-8")
        assert patch == solutions.renewed(patch, harness.SOURCE), path.name


@pytest.mark.parametrize("path", sorted((DOCS / "solutions").iterdir()), ids=lambda path: path.stem)
def test_solutions_follow_the_file_when_its_comments_change(path, tmp_path):
    """A renewed patch fits the changed file, and changes the same code."""
    source = re.sub(r"^( *)# (?!%%)", r"\1# So it is:\n\1# ", harness.SOURCE, flags=re.M)
    source = re.sub(r"  # \[.*", "  # [another]", source)
    fitting = tmp_path / "fitting.patch"
    fitting.write_text(solutions.renewed(path.read_text("utf-8"), source), "utf-8")
    (tmp_path / "easygpt2.py").write_text(source, "utf-8")
    subprocess.run(["git", "apply", str(fitting)], cwd=tmp_path, check=True)
    found = ast.unparse(ast.parse((tmp_path / "easygpt2.py").read_text("utf-8")))
    (tmp_path / "other").mkdir()
    assert found == ast.unparse(ast.parse(changed(tmp_path / "other", path.stem)))


def test_a_solution_whose_lines_are_gone_is_refused():
    patch = (DOCS / "solutions" / "strip.patch").read_text("utf-8")
    with pytest.raises(ValueError, match="0 places"):
        solutions.renewed(patch, harness.SOURCE.replace("Input: ", "In: "))
