"""docs/exercises.md: each command as it stands there, each figure, each solution."""

import ast
import doctest
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
LESSON = readme.LESSON.read_text("utf-8")
KORBEL = "There was once a tinker called Korbel. One day the king said to Kor"
EXERCISES = dict(re.findall(r"^## (\d+\. [^\n]+)\n(.*?)(?=^## |\Z)", TEXT, re.M | re.S))
NUMBERS = "one two three four five six seven eight nine ten".split()
# A console block, and the table behind it, if there is one.
BLOCK = r"^```console\n(.*?)^```\n(?:\n((?:\|[^\n]+\n)+))?"
DECIMAL = r"(\d+\.\d+)"
ANY_LINES = r"(?:.*\n)*?"
# What a table says in words, and the code of the solution that it stands for.
CODES = {
    "layer that is skipped": "layer == {}",
    "layers without their MLP": "[{}]",
    "layers without their attention": "[{}]",
    "head that works": "head in [{}]",
    "bits of a weight": "bits = {}",
    "silenced": "({})",
}
SEVERAL = {"all six": "0, 1, 2, 3, 4, 5", "1 to 5": "1, 2, 3, 4, 5"}

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


def code_of(name, cell):
    """Return the code that a table's cell stands for: "(5, 1)" for "layer 5, head 1"."""
    return CODES[name].format(", ".join(re.findall(r"\d+", SEVERAL.get(cell, cell))))


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
            [name, *columns], _, [_, *figures] = map(cells, table.splitlines())
            codes = [code_of(name, column) for column in columns]
            assert len({*codes}) == len(codes)
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
    heading = re.match(r"\n\*.*[Ss]teps? .+?, .+?\.\*", EXERCISES[title])[0]
    said = re.findall(rf"\b({'|'.join(NUMBERS)}) lines?\b", heading)
    said = [NUMBERS.index(word) + 1 for word in said]
    assert said
    found = [changed_lines(name) for name in own_solutions(title)]
    assert found == (said if len(said) > 1 else said * len(found))


def test_the_lessons_commands_print_what_it_says(tmp_path, monkeypatch):
    monkeypatch.chdir(harness.ROOT)
    (tmp_path / "page").mkdir()
    copy, names = Copy(tmp_path), []
    for line, shown in readme.commands(LESSON):
        words = shlex.split(line)
        if line == "git restore easygpt2.py":
            copy = Copy(tmp_path)
        elif words[:2] == ["git", "apply"]:
            copy.do(line)
        elif words[0] == "python":
            assert words[-2:] == ["--model", "tales"]
            names.append(words[1])
            if words[1] == "easygpt2.py":
                assert_agrees(copy.do(line), shown)
            else:
                program = harness.ROOT / words[1]
                done = harness.command(*words[2:], program=program, cwd=tmp_path / "page")
                assert_agrees(done.stdout, shown)
    assert names == ["easygpt2.py", "walkthrough.py", *["easygpt2.py"] * 4]
    assert copy.program.read_text("utf-8") == harness.SOURCE


def test_the_lessons_live_page_and_site_begin_with_its_sentence():
    """As the page that is made does: the class need not type it."""
    lines = re.findall(r"^    (python walkthrough.py .+)$", LESSON, re.M)
    assert [shlex.split(line)[2] for line in lines] == ["--live", "--site"]
    assert all(f'"{KORBEL}" --tokens 2' in line for line in lines)


def test_the_lessons_skeleton_shows_what_the_solution_shows():
    gaps = re.search(r"^The gaps are `(.+)` and `(.+)`\.$", LESSON, re.M).groups()
    (skeleton,) = re.findall(r"^```python\n(.*?)^```", LESSON, re.M | re.S)
    *before, last = skeleton.split("______")
    lines = "".join(part + gap for part, gap in zip(before, gaps, strict=True)) + last
    (place,) = re.findall(r"right before `(.+?)`", LESSON)
    assert harness.SOURCE.count(f"    {place}\n") == 1
    source = harness.SOURCE.replace(f"    {place}\n", f"{lines}    {place}\n")
    prompt = ["Once upon a time there was a", "--tokens", "1", "--model", str(harness.TALES)]
    run = harness.run(*prompt, source=source)
    shown = re.search(r"^Ġgreat .+$", LESSON, re.M)[0]
    assert shown in run.stdout.replace(" , ", ", ").splitlines(), run.stderr


def test_the_lessons_lines_for_windows_are_the_same_ones():
    """But for the way to activate, which comes first there: so that later lines read alike."""
    blocks = re.findall(r"^```powershell\n(.*?)^```", LESSON, re.M | re.S)
    shown = [line for line, _ in readme.commands(LESSON)][:5]
    assert [line.splitlines()[1] for line in blocks] == [r".venv\Scripts\activate"] * 2
    found = [line for block in blocks for line in block.splitlines() if "activate" not in line]
    assert found == [
        line.replace("python3", "py").replace(".venv/bin/pip", "python -m pip")
        for command in shown
        for line in command.split(" && ")
        if "activate" not in line
    ]


def test_the_lessons_example_of_attention_is_calculated_right():
    text = re.sub(r"\s+", " ", LESSON)
    scores, values = np.array([2.0, 0, 1]), np.array([10, 30, 20])
    assert "with the scores 2, 0 and 1." in text and "the values are 10, 30 and 20." in text
    exp = np.exp(scores)
    first, second, third = (f"{e:.3g}" for e in exp)
    assert f"gives {first}, {second} and {third}, and" in text
    assert f"by their sum, {exp.sum():.2f}." in text
    shares = [f"{share:.2f}" for share in exp / exp.sum()]
    assert f"shares are {shares[0]}, {shares[1]} and {shares[2]}." in text
    products = " + ".join(f"{share} · {value}" for share, value in zip(shares, values))
    taken = [values @ exp / exp.sum(), values @ np.array(shares, float)]
    assert [f"{value:.1f}" for value in taken] == ["14.2"] * 2
    assert f"takes over {products}, which is 14.2." in text


def test_the_lesson_knows_how_alike_two_rows_are():
    made = harness.run("a", "--tokens", "1", "--model", str(harness.TALES)).variables
    rows = [made["wte"][made["vocabulary"][f"Ġ{word}"]] for word in ("dog", "cat", "red")]
    dog, cat, red = (row / np.sqrt((row * row).sum()) for row in rows)
    told = f"` dog` and ` cat` come to {dog @ cat:.2f}, ` dog` and ` red` to {dog @ red:.2f}."
    assert told in re.sub(r"\s+", " ", LESSON)
    assert f"a row of {len(dog)} numbers" in re.sub(r"\s+", " ", LESSON)


def test_the_lesson_knows_who_looks_at_b_and_who_says_el():
    found = whenever("attention_weights", harness.SOURCE, KORBEL, "2")
    text, tokens = re.sub(r"\s+", " ", LESSON), found[0]["tokens"]
    b, el = tokens.index("b"), tokens.index("el")
    first, second = by_head(found[:36]), by_head(found[36:72])
    look = {head for head, rows in first.items() if rows[-1].argmax() == b}
    assert look == {(4, 0), (5, 1), (5, 2), (5, 5)}
    assert "Four heads look at `b`: layer 4, head 0, and the heads 1, 2 and 5 of layer 5." in text
    assert f"For the first it is {100 * first[4, 0][-1, b]:.0f} % of its attention." in text
    assert el == b + 1 and second[5, 1][-1].argmax() == el
    assert f"Head 1 of layer 5 gives it {100 * second[5, 1][-1, el]:.0f} %." in text


def test_the_lesson_quotes_the_file_and_the_card():
    text = re.sub(r"\s+", " ", LESSON)
    n_steps = len(harness.steps())
    assert f"It has {len(harness.SOURCE.splitlines())} lines in {n_steps} steps" in text
    card = (harness.TALES / "MODEL_CARD.md").read_text("utf-8")
    begin, end = re.search(r'After "(Alan .+?)" it writes "(.+?)"', text).groups()
    assert f"{begin} {end}." in card
    n_steps = re.search(r"([\d,]+) steps of 16 × 256 tokens", card)[1]
    assert f"This was done {n_steps} times," in text


def test_the_lessons_lines_for_the_console_give_what_it_says():
    (block,) = re.findall(r"^```pycon\n(.*?)^```", LESSON, re.M | re.S)
    test = doctest.DocTestParser().get_doctest(block, {}, "lesson", None, None)
    assert doctest.DocTestRunner().run(test) == (0, 4)


def by_head(found):
    """Return {(layer, head): attention_weights} of one round that `whenever` has found."""
    return {(made["layer"], made["head"]): made["attention_weights"] for made in found}


def tokens_of(prompt):
    """Return the tokens of a prompt."""
    return harness.run(prompt, "--tokens", "1", "--model", str(harness.TALES)).variables["tokens"]


def test_the_lesson_knows_what_falls_into_how_many_tokens():
    text = re.sub(r"\s+", " ", LESSON)
    names = r"`John`, `Mary`, `Jack` and `Tom` are one token each. `Anna` and `Emma` are two, "
    assert names + "`Leon` is three, `Sophie` and `Mohammed` are four." in text
    names = "John Mary Jack Tom Anna Emma Leon Sophie Mohammed".split()
    found = [len(tokens_of(f" {name}")) for name in names]
    assert found == [1, 1, 1, 1, 2, 2, 3, 4, 4]
    assert sum(len(tokens_of(name)) > n for name, n in zip(names, found, strict=True)) > 4
    assert r"`é` shows as `\xc3` and `\xa9`" in text and tokens_of(" Zoé")[-2:] == ["Ã", "©"]
    good = re.search(r"These work well: (.+?)\.", text)[1]
    words = re.findall(r"`(.+?)`", good)
    assert len(words) == 6 and all(len(tokens_of(word)) == 2 for word in words)
    assert "`a teacher` and `a computer` do not work: these words fall into three tokens" in text
    assert len(tokens_of("a teacher")) == len(tokens_of("a computer")) == 4


def test_the_lessons_ranks_are_those_of_the_pairs_that_come_up():
    """All pairs of neighbours in ' tinker' that have a rank, at any time while it is merged."""
    row = re.search(r"^\| pair (\|.+\|)\n.+\n\| rank (\|.+\|)$", LESSON, re.M)
    pairs, ranks = map(cells, row.groups())
    told = {tuple(pair.split()): int(rank) for pair, rank in zip(pairs, ranks, strict=True)}
    found = {}

    def after(statement, frame, returned):
        known = frame.f_locals
        if known.get("printable_word") == "Ġtinker":
            found.update({pair: known["merge_rank"][pair] for pair in known.get("pairs", [])})

    run = harness.run(" tinker", "--tokens", "1", "--model", str(harness.TALES), after=after)
    assert found == told and " ".join(run.variables["tokens"]) == "Ġt ink er"
    assert "It comes to `Ġt ink er`" in re.sub(r"\s+", " ", LESSON)
    assert sorted(ranks, key=int) == ranks
    words = harness.run(KORBEL, "--tokens", "1", "--model", str(harness.TALES)).variables
    assert words["printable_words"][4] == "Ġtinker" and "until it says 4" in LESSON


def clone(folder, monkeypatch):
    """Make `folder` what a clone of the project is, as far as the exercises need it."""
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "somebody")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "somebody@example.org")
    shutil.copytree(DOCS / "solutions", folder / "docs" / "solutions")
    shutil.copy(harness.PROGRAM, folder)
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
        subprocess.run(["git", *words], cwd=folder, check=True)


def test_a_look_at_a_solution_keeps_ones_own_lines(tmp_path, monkeypatch):
    clone(tmp_path, monkeypatch)
    lines = [line for line, _ in readme.commands(TEXT[: TEXT.index("\n## 1. ")])]
    mine = harness.SOURCE + "print(max(probabilities))\n"
    program, found = tmp_path / "easygpt2.py", []
    program.write_text(mine, "utf-8")
    for line in lines:
        subprocess.run(shlex.split(line), cwd=tmp_path, check=True)
        found.append(program.read_text("utf-8"))
    assert found == [harness.SOURCE, changed(tmp_path, "five-best"), harness.SOURCE, mine]


def test_a_solution_over_the_same_lines_stands_there_twice(tmp_path):
    """Git does not refuse most of them: so the exercises and the lesson say."""
    assert "applied twice stands there twice" in TEXT.replace("\n", " ")
    n_lines = len(harness.SOURCE.splitlines())
    for name in ("five-best", "silence-head"):
        copy = Copy(tmp_path)
        for _ in range(2):
            copy.do(f"git apply docs/solutions/{name}.patch")
        twice = copy.program.read_text("utf-8")
        assert len(twice.splitlines()) == n_lines + 2 * changed_lines(name)


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


def test_exercise_5_its_example_is_the_models(tmp_path):
    text = re.sub(r"\s+", " ", EXERCISES["5. Perplexity: how surprised is it?"])
    source = changed(tmp_path, "perplexity")
    run = harness.run("There was a", "--tokens", "1", "--model", str(harness.TALES), source=source)
    first, second = given = run.variables["given"].astype("f8")
    logs = -np.log(given)
    assert run.variables["tokens"] == ["There", "Ġwas", "Ġa"]
    assert f"probability of {first:.4f}, and the row of `Ġwas` had given `Ġa` {second:.4f}" in text
    assert f"is {logs[0]:.3f} and {logs[1]:.3f}, their average is {logs.mean():.3f}, and" in text
    assert f"e to that is {np.exp(logs.mean()):.3f}." in text


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
    assert np.abs(one - other)[:3].min() > 0.001


def test_exercise_13_the_weights_stay_float16(tmp_path):
    source = changed(tmp_path, "float16")
    made = harness.run("a b", "--tokens", "1", "--model", str(harness.TALES), source=source)
    arrays = [made.variables[name] for name in ("wte", "residual", "logits")]
    assert [array.dtype for array in arrays] == ["f2"] * 3
    prompt = re.search(r'"(.+)"', EXERCISES["13. Fewer bits"])[1]
    arguments = [prompt, "--tokens", "1", "--model", str(harness.TALES)]
    runs = [harness.run(*arguments, source=text) for text in (harness.SOURCE, source)]
    logits, rounded = (run.variables["logits"].astype("f8") for run in runs)
    assert -9 < logits.min() and logits.max() < 12 and np.abs(rounded - logits).max() < 0.01


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


def last_rows(source, prompt=KORBEL):
    """Return {(layer, head): [n_seen] shares of the last row} and the tokens."""
    found = whenever("attention_weights", source, prompt, "1")
    rows = {head: weights[-1] for head, weights in by_head(found).items()}
    return rows, found[0]["tokens"]


def test_exercise_16_equal_shares_would_be_an_eighth():
    """In the mean over the rows; all but the first look back."""
    prompt = re.search(r'"(.+)"', EXERCISES["16. A head that looks at the token before"])[1]
    _, tokens = last_rows(harness.SOURCE, prompt)
    shares = [1 / (row + 1) for row in range(1, len(tokens))]
    assert np.mean(shares) == pytest.approx(1 / 8, abs=0.005)
    exercise = EXERCISES["16. A head that looks at the token before"]
    blocks = re.split("^\\$ python", exercise, flags=re.M)[1:]
    heads = [re.findall(r"^layer \d, head \d: (\d\.\d\d)", block, re.M) for block in blocks]
    words = "none one two three four five six seven eight nine".split()
    first, second = (words[len(shown)] for shown in heads)
    text = re.sub(r"\s+", " ", exercise)
    assert f"leaves {first} heads with the first prompt below, and {second} with the second" in text
    assert min(map(float, heads[0])) > 2 * np.mean(shares)


def test_exercise_17_nothing_to_find_and_two_places_to_choose_from():
    """What the king begins with did not stand there before, or its last token stood there twice."""
    exercise = EXERCISES["17. A head that copies"]
    tar, kor, gor = re.findall(r'"(There was .+ (?:Tar|smith .+ Kor|smith .+ Gor))"', exercise)
    tokens = tokens_of(tar)
    assert not {*tokens[-2:]} & {*tokens[:-2]}
    for prompt in (kor, gor):
        tokens = tokens_of(prompt)
        assert tokens[-1] == "or" and tokens[:-1].count("or") == 2
        assert tokens[:-2].count(tokens[-2]) == 1


def heads_of_exercise_18():
    """Return [(layer, head)] of its table: the one that copies, its partner, the others."""
    row = re.search(r"^\| silenced (\|.+)$", EXERCISES["18. Silence it"], re.M)[1]
    return [(int(layer), int(head)) for layer, head in re.findall(r"layer (\d), head (\d)", row)]


def test_exercise_18_the_partner_looks_at_the_token_before(tmp_path):
    """In the row of the earlier `b`; without it the one that copies looks at that row less."""
    copies, partner, *others = heads_of_exercise_18()
    found = whenever("attention_weights", harness.SOURCE, KORBEL, "1")
    looks, tokens = by_head(found), found[0]["tokens"]
    b = tokens.index("b")
    assert tokens[b - 1] == tokens[-1] == "or" and len(others) >= 3
    assert looks[partner][b, b - 1] == pytest.approx(0.9, abs=0.02)  # nine tenths
    assert looks[copies][-1].argmax() == b
    assert looks[copies][-1, b] == pytest.approx(0.7, abs=0.03)  # seven
    source = changed(tmp_path, "silence-head")
    assert source.count(f"== {copies}") == 1
    silent, _ = last_rows(source.replace(f"== {copies}", f"== {partner}"))
    assert partner not in silent and silent[copies][b] == pytest.approx(0.4, abs=0.03)  # four


def test_heads_have_the_same_names_wherever_the_docs_speak_of_them():
    """The one that copies, its partner and the best at looking back: as exercises 16 to 18 say."""
    copies, partner, *_ = [f"layer {layer}, head {head}" for layer, head in heads_of_exercise_18()]
    lines = re.findall(
        r"^(layer \d, head \d): (\d\.\d\d)",
        EXERCISES["16. A head that looks at the token before"],
        re.M,
    )
    back = max(lines, key=lambda line: float(line[1]))[0]
    assert f"the small grid of {back}" in re.sub(r"\s+", " ", TEXT)
    exercise = EXERCISES["17. A head that copies"]
    assert copies in re.findall(r"^(layer \d, head \d): ", exercise, re.M)
    told = re.sub(r"layer (\d), head (\d)", r"head \2 of layer \1", f"{copies} {partner}")
    text = re.sub(r"\s+", " ", EXERCISES["18. Silence it"])
    assert f"Without {told[:17]} the name" in text and f"a partner, {told[18:]}," in text
    lesson = re.sub(r"\s+", " ", readme.LESSON.read_text("utf-8"))
    assert f"switch {copies} off" in lesson and f"matters: {partner}." in lesson
    assert f"{copies} as a large one" in readme.README.read_text("utf-8")
    layer, head = heads_of_exercise_18()[0]
    pictures = (DOCS / "screenshots.py").read_text("utf-8")
    assert pictures.count(f"&layer={layer}&head={head}&follow=20") == 2


def test_the_lesson_names_the_heads_that_look_back_most_in_its_sentence():
    found = whenever("attention_weights", harness.SOURCE, KORBEL, "1")
    back = {head: np.diagonal(weights, -1).mean() for head, weights in by_head(found).items()}
    lesson = re.sub(r"\s+", " ", readme.LESSON.read_text("utf-8"))
    told = r"sentence layer (\d), head (\d) is the best, and (?:layer (\d), )?head (\d) the next"
    layer, head, next_layer, next_head = re.search(told, lesson).groups()
    expected = [(int(layer), int(head)), (int(next_layer or layer), int(next_head))]
    assert sorted(back, key=back.get, reverse=True)[:2] == expected


def test_exercise_18_the_lens_shows_b_from_the_layer_of_the_head_that_copies_on(tmp_path):
    source = changed(tmp_path, "logit-lens")
    run = harness.run(KORBEL, "--tokens", "1", "--model", str(harness.TALES), source=source)
    best = re.findall(r"layer (\d): ([^,\n]*)", run.stdout)
    assert [layer for layer, token in best if token == "b"] == ["4", "5"] and len(best) == 6
    assert heads_of_exercise_18()[0][0] == 4


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
