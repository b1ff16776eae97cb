"""Compare: what two runs differ in, as the page says it and as NumPy finds it in traced runs."""

import functools
import re

import numpy as np
import pytest

import harness
import random_model
import solutions
import walkthrough
import test_live
from browser import DESK, TOUCH
from tools import page as page_maker

serve, visit = test_live.serve, test_live.visit  # fixtures
PROMPT, LESSON = "Once upon a time", "The tinker Korbel. One day the king said to Kor"
OPTIONS = ["--tokens", "3", "--model", str(harness.TALES)]
LESSON_BEGINS = harness.SOURCE.split("# %% Step 1.")[0].count("\n") + 1
SCALES = ("q @ k.T / head_size**0.5 + mask", "(q / head_size**0.5) @ k.T + mask")


@functools.cache
def recorded(source, *arguments, path="easygpt2.py"):
    return walkthrough.record(path, source, [*arguments], str(harness.PROGRAM))


@functools.cache
def traced(source, *arguments):
    """(the run, [(line, {name: array}, (round, layer, head), function)]) in the order in
    which statements were done, by a tracer that is not the page's."""
    done, round_of = [], {"round": -1}

    def after(statement, frame, returned):
        if statement.lineno < LESSON_BEGINS or frame.f_code.co_filename != str(harness.PROGRAM):
            return
        variables, made = frame.f_locals, {}
        for name in harness.assigned(statement):
            if isinstance(variables.get(name), np.ndarray):
                made[name] = variables[name].copy()
        if returned and isinstance(returned[0], np.ndarray):
            made["return"] = returned[0].copy()
        whole = frame.f_globals
        round_of["round"] += harness.assigned(statement) == ["n_new"]
        place = (round_of["round"], whole.get("layer"), whole.get("head"))
        done.append((statement.lineno, made, place, frame.f_code.co_name))

    run = harness.run(*arguments, source=source, after=after)
    return run, done


def compared(now, before, arguments, arguments_before=None):
    """[(line, name, place, function, largest difference)] of what both runs have made, in order."""
    later = {}
    for _, made, place, function in traced(before, *(arguments_before or arguments))[1]:
        for name, value in made.items():
            later.setdefault((name, place, function), []).append(value)
    found = []
    for line, made, place, function in traced(now, *arguments)[1]:
        for name, value in made.items():
            others = later.get((name, place, function))
            other = others.pop(0) if others else None
            if other is not None and other.shape == value.shape:
                with np.errstate(invalid="ignore"):
                    apart = np.abs(value.astype(float) - other.astype(float))
                apart = np.where(value == other, 0, apart)
                found.append((line, name, place, function, apart.max(initial=0)))
    return found


@pytest.fixture
def compare(browser, tmp_path):
    """A function that opens the page of two runs; in the end nothing has failed."""
    contexts, problems = [], []

    def open_page(now, before, arguments=(PROMPT, *OPTIONS), arguments_before=None, **options):
        out = tmp_path / "page.html"
        other = recorded(before, *(arguments_before or arguments), path="other.py")
        out.write_bytes(page_maker.page_of(recorded(now, *arguments), before=other))
        return open_file(out, **options)

    def open_file(path, **options):
        contexts.append(browser.new_context(**{"viewport": DESK} | options))
        page = contexts[-1].new_page()
        page.set_default_timeout(5000)
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(path.as_uri())
        settle(page)
        return page

    open_page.file = open_file
    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


SETTLED = """rows.every((row) => row.state !== null)
  && (!byId("previous") || previous) && (!wanted || compare.whole)"""


def settle(page, when=SETTLED):
    """Wait until something is so: the page's rules forbid Playwright's own way."""
    for _ in range(200):
        if page.evaluate(when):
            return
        page.wait_for_timeout(20)
    raise AssertionError(when)


def mark(page, line):
    """What stands beside a line, in words, or ""."""
    return " ".join(page.locator(f"#L{line} > .glance > .mark").all_text_contents())


def largest(text):
    """The largest difference that words tell, None if they tell none."""
    found = re.search(r"differs by at most (\S+?)[:,]", text)
    if re.search(r"is \S+ instead of −∞", text):
        return np.inf
    return float(found[1].replace("−", "-")) if found else None


def choose(page, round, layer, head):
    for name, value in {"round": round + 1, "layer": layer, "head": head}.items():
        page.get_by_label(name, exact=True).select_option(str(value))


def verdict(page):
    return page.locator(".verdict").inner_text()


def first_of(differences):
    return next(one for one in differences if one[-1] > 0)


@pytest.mark.parametrize(
    "patch, prompt, place",
    [
        ("no-mask", PROMPT, (0, 2, 3)),
        ("relu", PROMPT, (1, 1, 5)),
        ("silence-head", LESSON, (0, 5, 4)),
    ],
)
def test_an_exercise_is_seen_line_by_line(compare, patch, prompt, place):
    """Beside each line stands the difference that NumPy finds; where it finds none, none."""
    now, arguments = solutions.applied(patch, harness.SOURCE), (prompt, *OPTIONS)
    page = compare(now, harness.SOURCE, arguments)
    differences = compared(now, harness.SOURCE, arguments)
    choose(page, *place)
    depth = {"mask": 1, "last": 1, "logits": 1} | dict.fromkeys(
        ["q", "k", "v", "attention_weights"], 3
    )
    seen = 0
    for line, name, where, function, apart in differences:
        here = depth.get(name, 2)
        if function != "<module>" or where[0] < 0 or where[:here] != place[:here]:
            continue
        if name in ("keys", "found", "best", "residual") and apart == 0:
            continue
        said = largest(mark(page, line))
        assert (said or 0) == pytest.approx(apart, 5e-3), (line, name, said)
        seen += said is not None
    assert seen >= 5
    # Of a function that was called with other values it is the line that called it which counts.
    born = [one for one in differences if one[3] in ("<module>", "gelu")]
    line, name, (round, layer, _), function, apart = first_of(born)
    told = page.locator("#comparison .first-difference").inner_text()
    assert told.startswith(f"line {line}, round {round + 1}")
    assert f"layer {layer}" in told or name == "mask"
    assert largest(verdict(page)) == pytest.approx(apart, 5e-3)
    page.locator("#comparison .first-difference").click()
    assert page.locator(".row.now").last.locator(".gutter").inner_text() == str(line)


def test_lines_that_only_one_run_has_are_marked_as_such(compare):
    """The silenced head's own lines are those that ran only before, in its rounds."""
    now = solutions.applied("silence-head", harness.SOURCE)
    page = compare(now, harness.SOURCE)
    added, columns = line_of("if (layer, head) == ", now), line_of("columns = ", now)
    choose(page, 0, 4, 0)
    for line in (added, added + 1):
        assert mark(page, line) == "new lineThis line is not in other.py."
        page.locator(f"#L{line} > .gutter").click()
        assert "This line is not in other.py." in page.locator("#pane").inner_text()
    inside = range(columns, line_of("residual = residual + linear(found", now))
    ran = [n for n in inside if page.locator(f"#L{n}").count()]
    for line in ran:
        assert "It ran in other.py, and not now." in mark(page, line)
    assert (
        f"{len(ran)} lines ran only in other.py, first line {columns}, round 1, layer 4, head 0"
        in verdict(page)
    )


def test_the_command_shows_what_was_changed_and_both_continuations(compare, tmp_path):
    """easygpt2.py is compared with another file, wherever that lies: the models are the same."""
    other = tmp_path / "other.py"
    other.write_text(solutions.applied("no-mask", harness.SOURCE), "utf-8")
    program, out = harness.ROOT / "walkthrough.py", tmp_path / "page.html"
    arguments = [PROMPT, "--tokens", "5", "--model", "tales", "--compare", str(other)]
    ran = harness.command(*arguments, "--out", str(out), program=program)
    assert ran.returncode == 0, ran.stderr
    page = compare.file(out)
    sources = [harness.SOURCE, other.read_text("utf-8")]
    options = ["--tokens", "5", *OPTIONS[2:]]
    runs = [traced(source, PROMPT, *options)[0].variables for source in sources]
    n = runs[0]["n_prompt"]
    rows = page.locator(".continuations tr").all()
    for row, title, run in zip(rows, ["now", "other.py"], runs):
        assert row.locator("th").inner_text() == title
        texts = [text.replace("Ġ", "␣").replace("Ċ", "↵") for text in run["output_tokens"][n:]]
        shown = [text.split(" (")[0] for text in row.locator("td").all_text_contents()]
        assert shown == texts
    ids = [run["ids"] for run in runs]
    first = next(i for i, (a, b) in enumerate(zip(*ids)) if a != b)
    assert (
        page.locator("tr").first.locator("td.first").evaluate("(one) => one.cellIndex - 1")
        == first - n
    )
    changed = page.locator(".changes li").evaluate_all(
        "(all) => all.map((one) => one.dataset.sign + one.querySelector('code').textContent)"
    )
    lines = [
        next(line for line in source.split("\n") if line.strip().startswith("mask = "))
        for source in sources
    ]
    assert changed == [f"−{lines[1].strip()}", f"+{lines[0].strip()}"]
    count = re.search(r"(\d+) of (\d+) lines that ran differ", verdict(page))
    assert 20 < int(count[1]) < int(count[2])


def test_rounding_is_seen_as_tiny(compare):
    """A sum in another order differs by rounding: marked, and as weak as it is."""
    now = harness.SOURCE.replace(*SCALES)
    page = compare(now, harness.SOURCE)
    line, name, place, _, apart = first_of(compared(now, harness.SOURCE, (PROMPT, *OPTIONS)))
    assert 0 < apart < 1e-6 and "which is rounding" in verdict(page)
    counts = re.search(r"(\d+) of \d+ lines .* differ, (\d+) of them only by", verdict(page))
    assert 20 < int(counts[2]) <= int(counts[1])
    choose(page, *place)
    note = page.locator(f"#L{line} > .glance > .mark")
    assert note.get_attribute("data-level") == "1" and note.inner_text().startswith("≈")
    assert largest(mark(page, line)) == pytest.approx(apart, 5e-3)


def test_equal_runs_differ_in_nothing(compare):
    page = compare(harness.SOURCE, harness.SOURCE)
    assert verdict(page) == "Nothing differs."
    assert page.locator(".differs").count() == page.locator(".mark[title]").count() == 0
    assert page.locator(".continuations .first").count() == 0


def line_of(code, source=harness.SOURCE):
    return next(n for n, line in enumerate(source.splitlines(), 1) if line.strip().startswith(code))


def test_another_prompt_and_other_options(compare):
    """What differs in texts, lists, lengths and shapes is said in words."""
    arguments, before = (
        ("The king had", *OPTIONS),
        ("The wolf", "--tokens", "2", "--temperature", "1", "--seed", "4", *OPTIONS[2:]),
    )
    page = compare(harness.SOURCE, harness.SOURCE, arguments, before)
    prompt_line = line_of("prompt, options = ")
    told = f"line {prompt_line} prompt is “The king had” instead of “The wolf”."
    assert told in verdict(page)
    runs = [traced(harness.SOURCE, *one)[0].variables for one in (arguments, before)]
    ids_line = line_of("ids = [vocabulary")
    n = [run["n_prompt"] for run in runs]
    assert f"{n[0]} ids instead of {n[1]}; token 1: “␣king” instead of “␣wolf”" in mark(
        page, ids_line
    )
    choose(page, 0, 0, 0)
    weights = line_of("attention_weights = ")
    assert f"has the shape [{n[0]}, {n[0]}] instead of [{n[1]}, {n[1]}]" in mark(page, weights)
    assert "It ran in other.py, and not now" in mark(page, line_of("probabilities = "))
    condition = line_of('if options["--temperature"] == 0')
    assert "its condition is True instead of False" in mark(page, condition)
    choose(page, 2, 0, 0)  # a round that the other run did not have
    assert "did not run here in other.py" in mark(page, weights)
    assert "--seed" in page.locator(".changes").inner_text()
    more = re.search(r"(\d+) lines? ran only now", verdict(page))
    assert more is None or int(more[1]) < 10  # its lines are not those of a round more


def test_another_model(compare, tmp_path):
    config = random_model.config_of(2, 2, 24, 64, 4096)
    folder = random_model.write_model(tmp_path / "other", config=config, std=0.3)
    arguments = [(PROMPT, "--tokens", "3", "--model", str(one)) for one in (harness.TALES, folder)]
    page = compare(harness.SOURCE, harness.SOURCE, *arguments)
    choose(page, 0, 1, 1)
    n = traced(harness.SOURCE, *arguments[0])[0].variables["n_prompt"]
    assert f"has the shape [{n}, 192] instead of [{n}, 24]" in mark(page, line_of("normed = "))
    assert "192 instead of 24" in mark(page, line_of("n_embd = "))
    choose(page, 0, 5, 0)
    assert "did not run here" in mark(page, line_of("normed = "))


def test_a_run_that_fails(compare):
    """All that the run before had done from there on ran only there."""
    wrong = harness.SOURCE.replace("mask = np.triu(", "mask = np.triangle(")
    page = compare(wrong, harness.SOURCE)
    begins = line_of("mask = ")
    done = traced(harness.SOURCE, PROMPT, *OPTIONS)[1]
    missing = {line for line, *_, function in done if function == "<module>" and line > begins}
    lines = re.search(r"(\d+) lines ran only in other.py, first line (\d+)", verdict(page))
    assert int(lines[1]) == pytest.approx(len(missing), abs=3) and int(lines[2]) > begins
    assert "np.triangle" in page.locator(".changes").inner_text()


def test_the_pane_and_the_map_show_the_difference(compare):
    now, line = solutions.applied("no-mask", harness.SOURCE), line_of("attention_weights = ")
    page = compare(now, harness.SOURCE)
    arrays = {}
    for source in (now, harness.SOURCE):
        for _, made, place, _ in traced(source, PROMPT, *OPTIONS)[1]:
            for name in ("attention_weights", "logits"):
                if name in made:
                    arrays[source, name, place if name != "logits" else place[0]] = made[name]
    choose(page, 0, 3, 2)
    page.locator(f"#L{line} > .glance .name").click()
    weights, before = [
        arrays[source, "attention_weights", (0, 3, 2)] for source in (now, harness.SOURCE)
    ]
    for mode, array in {"difference": weights - before, "now": weights, "before": before}.items():
        page.get_by_role("button", name=mode, exact=True).and_(
            page.locator(".modes button")
        ).click()
        cells = page.locator("#pane td[data-at]").evaluate_all(
            "(all) => all.map((one) => [one.dataset.at, one.textContent])"
        )
        assert cells
        for at, text in cells:
            assert float(text) == pytest.approx(array[tuple(map(int, at.split()))], 1e-3, 1e-6)
    for layer, head in ((0, 0), (3, 2), (5, 5)):
        weights, before = [
            arrays[source, "attention_weights", (0, layer, head)]
            for source in (now, harness.SOURCE)
        ]
        label = page.locator(f'.small-grids [data-at="{layer} {head}"]').get_attribute("aria-label")
        assert float(label.split()[-1]) == pytest.approx(np.abs(weights - before).max(), 0.06)
    page.locator(f"#L{line_of('logits = ')} > .glance .name").click()
    for title, source in {"now": now, "before": harness.SOURCE}.items():
        best = np.argsort(-arrays[source, "logits", 0], kind="stable")[:10]
        found = page.locator(f'.both-best [aria-label="{title}"] li[data-id]')
        assert (
            found.evaluate_all("(all) => all.slice(0, 10).map((one) => Number(one.dataset.id))")
            == best.tolist()
        )


def test_the_keys_lead_from_difference_to_difference(compare):
    """In the order of the run; and Compare takes all marks away and brings them back."""
    now = solutions.applied("no-mask", harness.SOURCE)
    page = compare(now, harness.SOURCE)

    def line():
        return int(page.locator(".row.now").first.locator(".gutter").inner_text())

    page.keyboard.press("d")
    differences = compared(now, harness.SOURCE, (PROMPT, *OPTIONS))
    expected = [one[0] for one in differences if one[3] == "<module>" and one[-1] > 0]
    seen = [line()]
    for _ in range(6):
        page.keyboard.press("d")
        seen.append(line())
    found = line_of("found[:, columns] = ")  # which the tracer does not know
    assert [one for one in seen if one != found] == expected[: len(seen) - seen.count(found)]
    page.keyboard.press("Shift+D")
    assert line() == seen[-2]
    page.keyboard.press("c")
    assert page.locator("#compare").get_attribute("aria-pressed") == "false"
    settle(page, "!document.querySelector('.mark, .differs, .verdict')")
    page.locator("#compare").click()
    settle(page, "document.querySelector('.differs') && document.querySelector('.verdict')")


@pytest.mark.parametrize("options", [{}, {"color_scheme": "dark"}, TOUCH])
def test_everybody_can_use_it(compare, options):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright",
        reason="needs python -m pip install --group browser",
    )
    page = compare(solutions.applied("no-mask", harness.SOURCE), harness.SOURCE, **options)
    page.locator("#comparison .first-difference").click()
    page.evaluate(
        """() => { let keep = true;
          for (const node of [...document.querySelectorAll("#lines > *")]) {
            if (node.matches("h2")) keep = /-(1|12)$/.test(node.id);
            if (!keep) node.remove();
          } }"""
    )
    width = options.get("viewport", DESK)["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = axe.Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    found = [one for one in found if one["impact"] in ("serious", "critical")]
    assert [(one["id"], node["html"]) for one in found for node in one["nodes"][:3]] == []
    if "is_mobile" in options:
        for button in page.locator("#comparison .head button").all():
            assert button.bounding_box()["height"] >= 44
    heights = """[...document.querySelectorAll("#lines .row")].map((one) => one.offsetHeight)"""
    marked = page.evaluate(heights)
    page.keyboard.press("c")
    settle(page, "!document.querySelector('.mark, .verdict')")
    assert page.evaluate(heights) == marked  # a mark tears no line apart


def test_a_page_of_one_run_knows_nothing_of_it():
    page = page_maker.page_of(recorded(harness.SOURCE, PROMPT, *OPTIONS))
    assert (
        b"Differences" not in page and b"--differs" not in page and b"previous-numbers" not in page
    )


@pytest.mark.parametrize(
    "text, problem",
    [
        (
            None,
            r"--compare other.py: No such file or directory; type: python walkthrough.py --help",
        ),
        ("def f(:", r"other.py, line 1: .*; type: python other.py"),
        (
            "a = 1 / 0",
            r"--compare other.py stopped at line 1: ZeroDivisionError: .*; type: python other.*",
        ),
        ("# nothing", r"other.py has no line that runs, .*"),
    ],
)
def test_a_file_that_cannot_be_compared_is_refused(tmp_path, monkeypatch, text, problem):
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / "other.py").write_text(text, "utf-8")
    ran = harness.command_here("walkthrough.py", walkthrough.main, PROMPT, "--compare", "other.py")
    assert ran.returncode in (1, 2) and ran.stderr.count("\n") == 1
    assert re.fullmatch(f"walkthrough.py: {problem}\n", ran.stderr), ran.stderr
    assert not (tmp_path / "walkthrough.html").exists()


# -- on the live page: with the run before


def test_a_saved_edit_is_compared_with_the_run_before(serve, visit):
    """Compare shows what an edit did. A slip is not compared with, and the place stays."""
    live = serve(PROMPT, "--tokens", "5")
    page = visit(live.url)
    assert page.locator("#compare").count() == 0  # there is no run before
    page.evaluate(f"visit('#line={line_of('normed = ')}&round=1&layer=2')")
    now = "mask = np.zeros([n_new, n_seen], np.float32)"
    old = re.search(r"mask = np\.triu\(.*\)(?=  #)", harness.SOURCE)[0]
    test_live.saved(page, lambda: live.save(old, now))
    said = "The program has changed since the run before, and what it wrote differs."
    assert page.locator("#comparison .teaser").inner_text().startswith(said)
    told = page.locator("#run-told")  # which says the same, as the map is out of sight
    assert told.inner_text().startswith(said)
    told.get_by_role("button", name="See what differs").click()
    settle(page)
    assert page.locator("#comparison .teaser").count() == 0
    assert f"line {line_of('mask = ')}, round 1" in verdict(page)
    assert told.inner_text() == verdict(page)
    page.evaluate("scrollTo(0, 0)")
    for _ in range(2):
        page.keyboard.press("c")
        assert told.inner_text() == ""
    settle(page)
    page.evaluate(f"visit('#line={line_of('normed = ')}&round=1&layer=2')")
    source = harness.SOURCE.replace(old, now)
    arguments = (PROMPT, *OPTIONS)
    apart = {
        (name, place): apart
        for _, name, place, function, apart in compared(source, harness.SOURCE, arguments)
        if function == "<module>" and name == "qkv"
    }
    line = line_of("qkv = ")
    assert largest(mark(page, line)) == pytest.approx(
        max(apart[one] for one in apart if one[1][:2] == (0, 2)), 5e-3
    )
    test_live.saved(page, lambda: live.save(old, now + ")"))
    test_live.saved(page, lambda: live.save(old, now))
    settle(page)
    assert verdict(page) == "Nothing differs." and page.evaluate(
        "cursor >= 0 && lineOf(cursor)"
    ) == line_of("normed = ")
    page.get_by_label("Prompt", exact=True).fill("The wolf")
    test_live.run(page)
    settle(page)
    assert f"“The wolf” instead of “{PROMPT}”" in verdict(page)
    page.get_by_role("button", name="Compare").click()
    settle(page, "!document.querySelector('.mark, .verdict')")


def test_a_run_that_is_kept_stays_the_one_to_compare_with(serve, visit):
    live = serve(PROMPT, "--tokens", "1")
    page = visit(live.url)
    first = page.evaluate("data.source")
    edit = lambda n: lambda: live.save("words = []\n", f"words = [][:{n}]\n")  # noqa: E731
    before = "previous.data.source"
    test_live.saved(page, edit(1))
    assert page.evaluate(before) == first
    second = page.evaluate("data.source")
    page.locator("#compare").click()
    settle(page)
    page.get_by_role("button", name="Keep", exact=True).click()
    assert "Compared with the run that you keep" in page.locator("#comparison").inner_text()
    test_live.saved(page, edit(2))
    assert page.evaluate(before) == first
    settle(page)
    page.get_by_role("button", name="Keep", exact=True).click()
    page.get_by_role("button", name="Compare", exact=True).click()
    test_live.saved(page, edit(3))
    assert page.evaluate(before) not in (first, second)
    assert "since the run before" in page.locator("#comparison .teaser").inner_text()
    page.get_by_role("button", name="See what differs").first.click()
    settle(page)
    assert "Compared with the run before" in page.locator("#comparison").inner_text()


def test_a_run_that_is_no_longer_kept_gives_way_to_the_latest_at_once(serve, visit):
    live = serve(PROMPT, "--tokens", "1")
    page = visit(live.url)
    edit = lambda n: lambda: live.save("words = []\n", f"words = [][:{n}]\n")  # noqa: E731
    test_live.saved(page, edit(1))
    page.locator("#compare").click()
    settle(page)
    keep = page.get_by_role("button", name="Keep", exact=True)
    keep.click()
    for n in (2, 3):
        test_live.saved(page, edit(n))
    settle(page)
    changes = page.get_by_label("What was changed", exact=True)
    assert "words = []\n" in changes.inner_text() and "[:3]" in changes.inner_text()
    keep.click()
    settle(page)
    assert "Compared with the run before" in page.locator("#comparison").inner_text()
    assert "words = [][:2]\n" in changes.inner_text() and "[:3]" in changes.inner_text()
    assert keep.get_attribute("aria-pressed") == "false"
    assert page.evaluate("document.activeElement.id") == "keep"


def test_on_a_phone_compare_is_in_view_after_a_run(serve, visit):
    live = serve(PROMPT, "--tokens", "1")
    page = visit(live.url, **TOUCH)
    test_live.saved(page, lambda: live.save("words = []\n", "words = [][:1]\n"))
    box = page.locator("#compare").bounding_box()
    bar = page.evaluate("byId('bar').getBoundingClientRect().bottom")
    assert bar <= box["y"] < 200 and box["height"] >= 44
    assert page.evaluate("byId('compare').scrollWidth <= byId('compare').offsetWidth")
    said = "The program has changed since the run before, and what it wrote is the same."
    assert page.locator("#comparison .teaser").inner_text().strip() == said
    page.locator("#compare").tap()
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
