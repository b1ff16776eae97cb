"""The page of walkthrough.py in a real browser: its numbers, its ways, and who can use it."""

import ast
import functools
import http.server
import re
import threading

import numpy as np
import pytest

import harness
import walkthrough
from browser import DESK, PHONE, TOUCH
from tools import page as page_maker

LINES = harness.SOURCE.splitlines()
WEIGHTS = "attention_weights"
WEIGHTS_CODE = "attention_weights = "
LESSON = "There was once a tinker called Korbel. One day the king said to Kor"
HOSTILE = (
    "</script><img src=x onerror=alert(1)>\"'&amp;<!--<script>{{ 7*7 }} "
    "👩\u200d👩\u200d👧 🇩🇪 שלום \u202ead\u202c\u2066x\u2069 \u200b\x01\x1b\x7f\r\n\ttab\u2028end\n"
)


def line_of(code, after=0):
    """The number of the first line of easygpt2.py that begins with this code."""
    numbered = enumerate(LINES, 1)
    return next(n for n, line in numbered if n > after and line.strip().startswith(code))


@pytest.fixture
def visit(browser):
    """A function that opens a page; in the end nothing has been fetched, nothing has failed."""
    contexts, problems, requests = [], [], []

    def open_page(path, hash="", server=None, **options):
        contexts.append(browser.new_context(**{"viewport": DESK} | options))
        page = contexts[-1].new_page()
        page.set_default_timeout(5000)
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda box: (problems.append(box.message), box.dismiss()))
        page.on("request", lambda request: requests.append(request.url.split("#")[0]))
        page.add_init_script(
            "addEventListener('securitypolicyviolation', (e) => console.error(e.violatedDirective))"
        )
        page.goto((f"{server}/{path.name}" if server else path.as_uri()) + hash)
        for _ in range(100):  # the text can be read before all values are drawn
            if page.evaluate("rows.every((row) => row.state !== null)"):
                break
            page.wait_for_timeout(20)
        page.requests = requests
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []
    assert len(requests) == len(contexts)


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    """A function that makes the page of a run, by the command or of an edited source."""

    def page_of(*arguments, source=None):
        out = tmp_path_factory.mktemp("page") / "page.html"
        if source is None:
            program = harness.ROOT / "walkthrough.py"
            ran = harness.command(*arguments, "--out", str(out), program=program)
            assert ran.returncode == 0, ran.stderr
        else:
            recorded = walkthrough.record("easygpt2.py", source, [*arguments])
            out.write_bytes(page_maker.page_of(recorded))
        return out

    return page_of


@pytest.fixture(scope="module")
def example(make):
    return make(*harness.EXAMPLE)


@pytest.fixture(scope="module")
def lesson(make):
    """A prompt of 21 tokens, of which several are equal."""
    return make(LESSON, "--tokens", "2", "--model", str(harness.TALES))


@pytest.fixture(scope="module")
def traced():
    """The example's run, and {(line, name, rounds): value} by a tracer that is not the page's."""
    values, rounds = {}, {"round": -1}

    def after(statement, frame, returned):
        if not isinstance(statement, ast.Assign) or frame.f_code.co_name != "<module>":
            return
        name, variables = ast.unparse(statement.targets[0]), frame.f_globals
        rounds["round"] += name == "n_new"
        if name in (WEIGHTS, "normed", "bent", "residual", "logits"):
            inner = [variables.get(loop, 0) for loop in ("layer", "head")]
            depth = {8: 1, 12: 2}.get(statement.col_offset, 0)
            where = (rounds["round"], *inner[:depth])
            values[statement.lineno, name, where] = variables[name].copy()

    run = harness.run(*harness.EXAMPLE, after=after)
    run.values = values
    return run


def text_of(run, id):
    """A token as the page shows it: its spaces at either end signs, bytes escaped."""
    letters = run.variables["id_to_token"][id]
    data = bytes(run.variables["character_to_byte"][letter] for letter in letters)
    return re.sub("^ | $", "␣", data.decode("utf-8", "backslashreplace"))


def row(page, line):
    return page.locator(f"#L{line}")


def value(page, line, target):
    """The glance at one value."""
    return page.locator(f'#L{line} > .glance [data-target="{target}"].value')


def take(page, line, target):
    """Take a value in hand."""
    value(page, line, target).locator(".name").click()


def choose(page, **rounds):
    """Choose rounds of the main loops, counted from 0; of the first, the page counts from 1."""
    for name, round in rounds.items():
        page.get_by_label(name, exact=True).select_option(str(round + (name == "round")))


def labels(locator):
    """Texts of axes, without the small numbers that tell equal tokens apart."""
    return locator.evaluate_all(
        """(all) => all.map((one) => {
          const copy = one.cloneNode(true);
          copy.querySelectorAll("sub").forEach((node) => node.remove());
          return copy.textContent;
        })"""
    )


def cells(page):
    """The part of the value's table that is drawn: {(row, column): number}, and labels."""
    drawn = page.locator("#pane td[data-at]").evaluate_all(
        "(all) => all.map((cell) => [cell.dataset.at, cell.textContent])"
    )
    rows = labels(page.locator("#pane .sheet tbody th"))
    columns = labels(page.locator("#pane .sheet thead th"))
    return {tuple(map(int, at.split())): float(text) for at, text in drawn}, rows, columns


def place(page):
    """Where the pane says the value in hand is from: its kind left out."""
    return page.locator("#in-hand .place").first.inner_text().split(" · ")[-1]


def told(page):
    """The number that the pane reads out."""
    return page.locator("#pane .readout .number").inner_text()


def settled(page):
    """The address, once it has followed."""
    for _ in range(100):
        if page.evaluate("location.hash === address() || address() === '#'"):
            break
        page.wait_for_timeout(50)
    return page.url


# A picture's pixels, from a copy of it, of which Chromium has nothing to say.
COPY = """(one) => {
  const copy = new OffscreenCanvas(one.width, one.height);
  const context = copy.getContext("2d", {willReadFrequently: true});
  context.drawImage(one, 0, 0);
  return context;
}"""


def pixels(picture, script):
    """What a function of (canvas, 2d context) returns."""
    return picture.evaluate(f"(one) => ({script})(one, ({COPY})(one))")


def boxes(page, selector):
    """[left, top, right, bottom] of each visible element."""
    return page.locator(selector).evaluate_all(
        """(all) => all.filter((one) => one.checkVisibility()).map((one) => {
          const {left, top, right, bottom} = one.getBoundingClientRect();
          return [left, top, right, bottom];
        })"""
    )


# -- what is fetched, and who may run


def test_nothing_is_fetched_and_only_its_own_script_may_run(visit, example):
    page = visit(example)
    assert page.requests == [example.as_uri()]
    policy = page.locator("meta[http-equiv]").get_attribute("content")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy and "http" not in policy
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            asked.append(self.path)

    handler = functools.partial(Handler, directory=str(example.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        visit(example, server=f"http://127.0.0.1:{server.server_port}").wait_for_timeout(300)
        server.shutdown()
    assert asked == ["/page.html"]


# -- the map


FIRST_SCREEN = {
    "#tokens .token": None,
    ".small-grids button": 36,
    "#large .cells": 1,
    "#large .rows > span": None,
    "#large .columns > span": None,
    "#best li[data-id]": 10,
    "#best .share": 11,
    "#stations a": 7,
}


@pytest.mark.parametrize("options", [{}, {"color_scheme": "dark"}, TOUCH])
@pytest.mark.parametrize("which", ["example", "lesson"])
def test_the_first_screen_shows_the_whole_run(visit, request, which, options):
    """Nothing of the map is cut off, or hidden, before anything is scrolled or clicked."""
    page = visit(request.getfixturevalue(which), **options)
    size = options.get("viewport", DESK)
    n_ids = page.evaluate("data.ids.length")
    expected = FIRST_SCREEN | {"#tokens .token": n_ids}
    if which == "example" or not options.get("viewport"):
        expected |= {"#large .rows > span": n_ids - 1, "#large .columns > span": n_ids - 1}
    for selector, count in expected.items():
        found = boxes(page, selector)
        assert found and (count is None or len(found) == count), (selector, len(found))
        if selector == "#tokens .token" and which == "lesson" and options.get("viewport"):
            found = found[-3:]  # on a phone a long text scrolls, and shows the chosen token
        for left, top, right, bottom in found:
            assert left >= 0 and right <= size["width"], selector
            assert top >= 0 and bottom <= size["height"] - (58 if "is_mobile" in options else 0)
    assert page.evaluate("scrollY") == 0
    assert page.locator("#best .taken").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_a_generated_token_leads_to_its_round(visit, example, traced):
    page = visit(example)
    ids, n_prompt = traced.variables["ids"], traced.variables["n_prompt"]
    made = page.locator("#tokens .made")
    assert made.count() == len(ids) - n_prompt == 3
    for round in (2, 0):
        made.nth(round).click()
        assert made.nth(round).get_attribute("aria-current") == "true"
        assert page.locator("#tokens [aria-current]").count() == 1
        assert f"round {round + 1}" in page.locator("#best-title").inner_text()
        assert place(page).split(", ")[1] == f"round {round + 1}"
        logits = traced.values[line_of("logits = "), "logits", (round,)].astype(float)
        shares = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        text = made.nth(round).locator("small").inner_text()
        assert float(text.split()[0]) == pytest.approx(100 * shares[ids[n_prompt + round]], abs=0.5)


def test_the_ten_best_are_the_softmax_of_the_logits(visit, example, traced):
    page = visit(example)
    line = line_of("logits = ")
    for round in (0, 2):
        choose(page, round=round)
        logits = traced.values[line, "logits", (round,)].astype(float)
        shares = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        best = np.argsort(-logits)[:10]
        taken = traced.variables["ids"][traced.variables["n_prompt"] + round]
        take(page, line, "logits")
        for place_of in ("#best", "#pane"):
            rows = page.locator(f"{place_of} .bars li[data-id]")
            widths = []
            for id, one in zip(best, rows.all(), strict=True):
                assert one.get_attribute("data-id") == str(id)
                assert one.locator(".token").inner_text().strip("▸ ") == text_of(traced, id)
                share = one.locator(".share").inner_text().replace("\u00a0", " ")
                assert share == (
                    "< 0.1 %"
                    if shares[id] < 0.001
                    else f"{100 * shares[id]:.{0 if shares[id] >= 0.0995 else 1}f} %"
                )
                widths.append(one.locator(".bar").bounding_box()["width"])
            scaled = widths[0] * shares[best] / shares[best[0]]
            assert widths == pytest.approx(scaled, abs=1)  # a bar has a pixel at least
            tracks = rows.locator(".track").all()
            assert len({track.bounding_box()["width"] for track in tracks}) == 1
            assert rows.and_(page.locator(".taken")).get_attribute("data-id") == str(taken)
            rest = page.locator(f"{place_of} .rest").inner_text()
            assert f"{len(logits) - 10:,} others" in rest
        for id, text in zip(best, page.locator("#pane .bars .logit").all_inner_texts()):
            assert float(text) == pytest.approx(logits[id], 5e-4)


def test_the_small_grids_lead_to_every_head(visit, example, traced):
    page = visit(example)
    page.get_by_label("layer 2, head 1", exact=True).click()
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp", "ArrowDown"):
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.ariaLabel") == "layer 3, head 1"
    assert page.locator(".small-grids [aria-current]").get_attribute("title") == "layer 3, head 1"
    assert page.locator("#large-title").inner_text().startswith("Layer 3, head 1")
    assert place(page).endswith("layer 3, head 1")
    weights = traced.values[line_of(WEIGHTS_CODE), WEIGHTS, (0, 3, 1)]
    shown, _, _ = cells(page)
    for at, number in shown.items():
        assert number == pytest.approx(weights[at], 5e-4, abs=1e-9)
    # Each is a picture of its own head: as dark where it looks as the numbers say.
    picture = pixels(
        page.get_by_label("layer 3, head 1", exact=True).locator("canvas"),
        """(one, context) => { const {data} = context.getImageData(0, 0, one.width, one.height);
          return [one.width, Array.from({length: one.width ** 2}, (_, i) => data[4 * i + 2])]; }""",
    )
    blue = np.array(picture[1]).reshape(picture[0], -1)[:9, :9]
    lower = np.tril_indices(9)
    order = np.argsort(weights[lower])
    assert (np.diff(blue[lower][order]) <= 1).all()  # the more it looks, the less blue


def test_the_lengths_say_which_layer_adds_most(visit, example, traced):
    page = visit(example)
    code = 'residual = residual + linear(bent, *parts["mlp.c_proj"])'
    line = line_of(code)
    last = [traced.values[line, "residual", (0, layer)][-1].astype(float) for layer in range(6)]
    wte, wpe = traced.variables["wte"], traced.variables["wpe"]
    first = wte[traced.variables["ids"][8]] + wpe[8]
    lengths = [np.linalg.norm(row) for row in [first, *last]]
    grown = np.diff(lengths)
    shown = page.locator(".small-grids .beside:not(.axis)").all_inner_texts()
    for layer, text in enumerate(shown):
        length, growth = text.split()
        assert float(length) == pytest.approx(lengths[layer + 1], abs=0.06)
        assert float(growth.replace("−", "-")) == pytest.approx(grown[layer], abs=0.06)
    assert len(shown) == 6
    assert page.locator(".beside.most").inner_text() == shown[int(np.argmax(grown))]


def test_each_station_leads_to_its_step(visit, example):
    page = visit(example)
    names = {"text": 1, "tokens": 6, "ids": 7, "embeddings": 10}
    names |= {"layers": 12, "logits": 13, "token": 14}
    assert page.locator("#stations b").evaluate_all(
        "(all) => all.map((one) => one.firstChild.data)"
    ) == list(names)
    for name, step in names.items():
        page.evaluate("scrollTo(0, 0)")
        page.locator(f'#stations [data-key="station {name}"]').click()
        first, last = harness.steps()[step]
        line = int(re.match(r"line (\d+)", place(page))[1])
        assert first < line <= last, name
        heading = page.locator(f"#step-{step}").bounding_box()
        assert 0 < heading["y"] < 120, name
        assert page.locator(f"#segments .here[data-i='{step - 1}']").count() == 1


def test_a_prompt_token_can_be_followed(visit, example, traced):
    page = visit(example)
    choose(page, layer=3, head=2)
    before = page.get_by_label("layer 1, head 1", exact=True).locator("canvas")
    picture = before.evaluate("(one) => one.toDataURL()")
    token = page.locator('#tokens [data-position="6"]')
    token.click()
    assert token.get_attribute("aria-pressed") == "true"
    assert before.evaluate("(one) => one.toDataURL()") != picture
    for grid in ("#large", "#pane"):
        for axis in ("rows", "columns"):
            found = labels(page.locator(f"{grid} .{axis} > .is-followed"))
            assert found == [text_of(traced, traced.variables["ids"][6])]
        assert page.locator(f"{grid} .cells .followed").count() == 1
    assert page.locator("#pane .sheet tbody .is-followed").count() == 1
    assert page.locator(f"#L{line_of('normed = ')} .strip.is-followed").count() == 1
    assert page.locator(f"#L{line_of('ids = [vocabulary')} .chip.is-followed").inner_text() == str(
        traced.variables["ids"][6]
    )
    weights = traced.values[line_of(WEIGHTS_CODE), WEIGHTS, (0, 3, 2)][6]
    caption = page.locator("#large-caption").inner_text().replace("\u00a0", " ")
    assert caption.startswith(text_of(traced, traced.variables["ids"][6]) + " looks most at")
    assert text_of(traced, traced.variables["ids"][weights.argmax()]) in caption
    # A strip shows the followed token's row: the same as the last row's where that is followed.
    take(page, line_of("normed = "), "normed")
    assert page.locator("#pane .rows > .is-followed").count() == 1
    token.click()
    assert page.locator(".is-followed").count() == 0


# -- code stays code


@pytest.mark.parametrize("viewport", [DESK, {"width": 1920, "height": 1080}, PHONE])
def test_the_code_stands_in_one_unbroken_column(visit, example, viewport):
    page = visit(example, viewport=viewport, has_touch=viewport is PHONE)
    line_height = float(
        page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--row')")[:-2]
    )
    rows = page.locator("#lines .row").evaluate_all(
        """(all) => all.filter((one) => one.checkVisibility()).map((one) => {
          const {top, bottom} = one.getBoundingClientRect(),
            code = one.querySelector("pre").getBoundingClientRect(),
            glance = one.querySelector(".glance").getBoundingClientRect();
          return [one.id, one.querySelector("code").textContent.split("\\n").length,
            bottom - top, code.left, glance.height, glance.width, glance.top - top];
        })"""
    )
    assert len(rows) > 100
    for id, n_lines, height, left, glance, width, top in rows:
        assert height == pytest.approx(n_lines * line_height, abs=0.6), id
        assert left == rows[0][3], id
        assert glance <= line_height + 0.6 and (width == 0 or abs(top) < 0.6), id
    # Lines that follow each other in the file do so on the page: nothing stands between.
    tops = dict(
        page.locator("#lines .row").evaluate_all(
            "(all) => all.map((one) => [one.id, one.getBoundingClientRect().top])"
        )
    )
    first, last = line_of("normed = "), line_of("found = np.zeros_like")
    for line in range(first, last):
        step = tops[f"L{line + 1}"] - tops[f"L{line}"]
        assert step == pytest.approx(line_height, abs=0.6)


def test_the_transformers_loop_fits_one_screen_with_its_glances(visit, example):
    page = visit(example, viewport={"width": 1280, "height": 900})
    first = line_of("for layer, parts in", after=line_of("while True"))
    last = line_of('residual = residual + linear(bent, *parts["mlp.c_proj"])')
    page.evaluate(f"byId('L{first}').scrollIntoView()")
    bar = page.locator("#bar").bounding_box()["height"]
    for line in range(first, last + 1):
        if page.locator(f"#L{line}").count():
            box = page.locator(f"#L{line}").bounding_box()
            assert bar <= box["y"] and box["y"] + box["height"] <= 900
            assert page.locator(f"#L{line} > .glance > .value").is_visible()
    pane = page.locator("#pane").bounding_box()
    assert pane["y"] + 100 < 900 and pane["x"] > 900  # and the pane beside it


def test_a_glance_says_name_shape_and_what_it_is(visit, example, traced):
    page = visit(example)
    first = traced.variables["ids"][traced.variables["n_prompt"]]
    output = traced.variables["output"]
    for code, target, size, picture in [
        ("words = ", "words", "5", ["→ The", "␣naïve"]),
        ("ids = [", "ids", "9", ["329", "294"]),
        ("n_prompt = ", "n_prompt", "", ["9"]),
        ("residual = wte[ids]", "residual", "9×192", None),
        ("found = np.zeros_like", "found", "9×192", ["all 0"]),
        ("mask = ", "mask", "9×9", None),
        ("next_id = int(np.argmax", "next_id", "", [str(first), text_of(traced, first)]),
        ("output = ", "output", "", [output]),
    ]:
        one = value(page, line_of(code), target)
        assert one.locator(".name").inner_text() == target
        assert one.locator(".size").inner_text() == size
        if picture:
            text = re.sub(r"\s+", " ", one.locator(".picture").inner_text())
            assert all(part in text for part in picture), text
        else:
            assert one.locator("canvas").bounding_box()["height"] == 17
    # up and down, as the numbers are: the last row of the residual
    normed = traced.values[line_of("normed = "), "normed", (0, 5)]
    page.get_by_label("layer", exact=True).select_option("5")
    ups = pixels(
        page.locator(f"#L{line_of('normed = ')} canvas"),
        """(one, context) => {
          const ratio = devicePixelRatio, found = [];
          for (let x = 0; x < 104; x++) {
            const {data} = context.getImageData(x * ratio, 0, 1, one.height);
            let up = 0, down = 0;
            for (let y = 0; y < one.height; y++) {
              const upper = y < 9 * ratio, [red, , blue, opaque] = data.slice(4 * y, 4 * y + 4);
              if (upper && opaque && red > blue + 60) up++;
              if (!upper && opaque && blue > red + 60) down++;
            }
            found.push(Math.sign(up - down));
          }
          return found;
        }""",
    )
    ends = np.arange(105) * 192 // 104  # where several numbers share a bar, the largest shows
    shared = [normed[-1][first:last] for first, last in zip(ends, ends[1:])]
    largest = np.array([some[np.abs(some).argmax()] for some in shared])
    sure = np.abs(largest) > 0.2
    assert sure.sum() > 80 and (np.array(ups)[sure] == np.sign(largest)[sure]).all()


def test_what_may_be_skipped_is_folded(visit, example):
    page = visit(example)
    folds = page.locator("details.fold")
    assert folds.count() >= 2 and page.locator("details.fold[open]").count() == 0
    cell = folds.filter(has_text="Before step 1")
    row_inside = cell.locator(".row").last
    assert not row_inside.is_visible()
    cell.locator("summary").click()
    assert row_inside.is_visible()
    cell.locator("summary").click()
    header = folds.first
    assert "4 lines" in header.inner_text() and header.locator(".row, .prose").count() > 0
    # Steps pass over what is folded, unless they go into it.
    page.evaluate(f"visit('#line={line_of('import numpy')}')")
    page.keyboard.press("ArrowRight")
    first, last = harness.steps()[1]
    assert first < int(re.match(r"line (\d+)", place(page))[1]) <= last
    page.keyboard.press("ArrowLeft")
    assert place(page) == f"line {line_of('import numpy')}"
    assert cell.get_attribute("open") is None
    page.keyboard.press("Shift+ArrowRight")
    assert cell.get_attribute("open") is not None
    assert cell.locator(".row.now").is_visible()


def test_examples_of_comments_are_this_runs_or_faint(visit, lesson, example):
    page = visit(lesson)
    prose = page.locator("#lines .prose .line")
    words = prose.filter(has_text=re.compile(r"^\d*\s*words → "))
    assert words.locator(".example").inner_text().startswith("['There', ' was', ' once'")
    assert "this run" in words.inner_text()
    ids = prose.filter(has_text=re.compile(r"^\d*\s*ids → ")).locator(".example")
    assert ids.inner_text().startswith("[1119, 307, 683,")
    embedded = prose.filter(has_text="residual[0, :3] → ").locator(".example").inner_text()
    comments = re.search(r"residual\[0, :3\] → (\[.+\])", harness.SOURCE)[1]
    assert len(ast.literal_eval(embedded)) == 3 and embedded != comments
    same = prose.filter(has_text="byte_to_character[32]")
    assert "('Ġ', 'ġ')" in same.inner_text() and "run" not in same.inner_text()
    # In the comments' own run nothing is replaced.
    page = visit(example)
    assert page.locator(".prose .note").count() == 0


def test_an_example_that_cannot_be_told_is_faint(visit, make):
    at = line_of("words = ") - 1
    lines = [*LINES[:at], "#   words[70] → 'seventy'", "#   len(words) → 77", *LINES[at:]]
    page = visit(make(*harness.EXAMPLE, source="\n".join(lines) + "\n"))
    faint = page.locator(".prose .line").filter(has_text="words[70]")
    assert faint.locator(".faint").count() == 1
    assert "in the comments’ run" in faint.inner_text() and "'seventy'" in faint.inner_text()
    counted = page.locator(".prose .line").filter(has_text="len(words)")
    assert counted.locator(".example").inner_text() == "5"


# -- numbers


def test_numbers_and_labels_are_the_runs(visit, example, traced):
    page = visit(example)
    ids, n_prompt = traced.variables["ids"], traced.variables["n_prompt"]
    for round, layer, head in [(0, 3, 2), (2, 5, 5)]:
        choose(page, round=round, layer=layer, head=head)
        for (line, name, where), array in traced.values.items():
            if where != (round, layer, head)[: len(where)]:
                continue
            take(page, line, name)
            shown, rows, columns = cells(page)
            array = array if array.ndim == 2 else array[:, None]
            assert len(shown) > 3, (line, name)
            for at, number in shown.items():
                np.testing.assert_allclose(number, array[at], 5e-5, err_msg=f"{line} {name} {at}")
            page.locator('#pane td[data-at="0 0"]').click()
            assert np.float32(told(page)) == array[0, 0]  # nine digits are all of a float32
            looks = ids[n_prompt + round - 1 :][:1] if round else ids[:n_prompt]
            if name == WEIGHTS:  # its line says what the axes count
                assert rows == [text_of(traced, id) for id in looks]
                seen = [text_of(traced, id) for id in ids[: array.shape[1]]]
                assert columns == seen[: len(columns)]


def test_a_cell_says_its_number_with_row_and_column_in_words(visit, example, traced):
    page = visit(example)
    line = line_of(WEIGHTS_CODE)
    choose(page, round=0, layer=3, head=2)
    weights = traced.values[line, WEIGHTS, (0, 3, 2)]
    ids = traced.variables["ids"]
    box = page.locator("#large .cells").bounding_box()
    size = box["width"] / (len(ids) - 1)
    page.mouse.click(box["x"] + 3.5 * size, box["y"] + 7.5 * size)
    for said in (page.locator("#large-caption"), page.locator("#pane .readout")):
        text = said.inner_text().replace("\u00a0", " ")
        looks = f"{text_of(traced, ids[7])} (row 7) looks at {text_of(traced, ids[3])} (column 3)"
        assert text.startswith(looks), text
        assert float(said.locator(".number").inner_text()) == pytest.approx(weights[7, 3], 1e-5)
    assert page.locator("#pane td.current").get_attribute("data-at") == "7 3"
    assert float(page.locator("#pane td.current").inner_text()) == pytest.approx(
        weights[7, 3], 5e-5
    )
    assert "cell=7.3" in settled(page)
    # What lies ahead is a share of 0, and said to.
    page.mouse.click(box["x"] + 8.5 * size, box["y"] + 7.5 * size)
    assert "ahead" in page.locator("#large-caption").inner_text() and float(told(page)) == 0
    # The row's name takes the row: its largest share.
    page.locator("#large .rows > span").nth(5).click()
    assert f"cell=5.{weights[5].argmax()}" in settled(page)
    # A large array, by its picture: a column a few pixels wide.
    take(page, line_of("normed = "), "normed")
    normed = traced.values[line_of("normed = "), "normed", (0, 3)]
    box = page.locator("#pane .cells").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.95)
    r, c = map(int, page.locator("#pane td.current").get_attribute("data-at").split())
    assert r == 8 and 94 <= c <= 97 and np.float32(told(page)) == normed[r, c]
    assert "(␣wolf)" not in page.locator("#pane .readout").inner_text()
    assert f"n_embd {c}" in page.locator("#pane .readout").inner_text()


def test_a_strip_says_the_number_that_is_clicked(visit, example, traced):
    page = visit(example)
    choose(page, round=1, layer=4, head=0)
    for code, name, where, x, column in [
        ("normed = ", "normed", (1, 4), 50.5, 50 * 192 // 104),
        (WEIGHTS_CODE, WEIGHTS, (1, 4, 0), 2.5 * (104 // 10), 2),
    ]:
        page.locator(f"#L{line_of(code)} canvas").click(position={"x": x, "y": 8})
        assert page.locator("#value-name").inner_text() == name
        r, c = map(int, page.locator("#pane td.current").get_attribute("data-at").split())
        assert r == 0 and abs(c - column) <= 2  # a pixel is 1.8 numbers
        assert np.float32(told(page)) == traced.values[line_of(code), name, where][0, c]


def test_minus_infinity_is_shown_as_such(visit, example):
    page = visit(example)
    choose(page, round=0)
    take(page, line_of("mask = "), "mask")
    page.locator('#pane td[data-at="0 1"]').click()
    assert told(page) == "-inf" and page.locator("#pane td.current").inner_text() == "-inf"
    assert page.locator("#pane .cells span").filter(has_text="−∞").count() == 9 * 8 // 2
    page.keyboard.press("ArrowLeft")
    assert told(page) == "0"
    blank = pixels(
        page.locator("#pane .cells canvas"),
        "(_, context) => [0, 1].map((x) => context.getImageData(x, 0, 1, 1).data[3])",
    )
    assert blank == [255, 0]  # a 0 is painted; of −inf the hatched ground is seen
    assert "repeating-linear-gradient" in page.locator("#pane .cells").evaluate(
        "(one) => getComputedStyle(one).backgroundImage"
    )


def test_a_far_row_of_the_logits(visit, example, traced):
    page = visit(example)
    line = line_of("logits = ")
    take(page, line, "logits")
    page.locator("#pane .sheet").evaluate("(box) => { box.scrollTop = 3000 * 24; }")
    page.locator('td[data-at="3000 0"]').wait_for()
    shown, rows, _ = cells(page)
    assert rows[0] == text_of(traced, 3000)
    assert shown[3000, 0] == pytest.approx(traced.values[line, "logits", (0,)][3000], 5e-5)


def test_21_tokens_fit_without_scrolling(visit, lesson):
    page = visit(lesson)
    for grid in ("#large", "#pane"):
        box = page.locator(f"{grid} .grid")
        assert box.evaluate("(one) => one.scrollWidth <= one.clientWidth + 1")
        assert box.evaluate("(one) => one.scrollHeight <= one.clientHeight + 1")
    rows = page.locator("#large .rows > span")
    assert rows.count() == page.locator("#large .columns > span").count() == 22
    texts = rows.all_inner_texts()
    assert len(set(texts)) == 22  # the two ` Z` and `or` are told apart
    heights = [bottom - top for _, top, _, bottom in boxes(page, "#large .rows > span")]
    assert min(heights) >= 11


def test_a_prompt_of_250_tokens_can_be_zoomed_and_read_by_row(visit, make):
    prompt = "Once upon a time there was a king. " * 24
    page = visit(make(prompt, "--tokens", "3", "--model", str(harness.TALES)))
    n = page.evaluate("data.ids.length") - 1
    assert n > 240
    for left, top, right, bottom in boxes(page, "#stations a, #large .cells, .small-grids button"):
        assert 0 <= left and right <= 1280 and 0 <= top and bottom <= 800
    small = page.get_by_label("layer 1, head 0", exact=True).locator("canvas")
    bottom = """(one, context) => context.getImageData(0, one.height - 3, one.width, 1).data
      .some((part, i) => i % 4 === 3 && part === 255)"""
    assert pixels(small, bottom)  # each row looks at something
    canvas = page.locator("#large .cells canvas")
    assert canvas.evaluate("(one) => [one.width, one.height]") == [n, n]
    for _ in range(4):
        larger = page.locator("#large").get_by_label("larger")
        if larger.is_enabled():
            larger.click()
    assert page.locator("#large .cells").bounding_box()["width"] / n >= 14
    scroll = page.locator("#large .grid")
    assert scroll.evaluate("(one) => one.scrollHeight > 2 * one.clientHeight")
    row = 120
    scroll.evaluate(f"(one) => {{ one.scrollTop = {row} * one.scrollHeight / {n}; }}")
    label = page.locator(f'#large .rows > [data-i="{row}"]')
    label.click()
    assert f"(row {row})" in page.locator("#large-caption").inner_text()
    numbers = page.evaluate(
        f"""Array.from({{length: {n}}}, (_, c) =>
          stackOf(...roundsAt(choiceStatement, -1)).at({row}, c) ?? 0)"""
    )
    listed = page.locator("#pane .looks li .share").all_inner_texts()
    assert listed[0].startswith(f"{100 * max(numbers):.0f}")
    assert page.locator("#pane td.current").get_attribute("data-at").startswith(f"{row} ")
    assert float(told(page)) == pytest.approx(max(numbers), 1e-6)


def test_a_value_in_full(visit, example, traced):
    page = visit(example)
    figures = page.locator("#pane .figures dd")
    header, output = traced.variables["header"], traced.variables["output"]
    n_bytes = len(output.encode("utf-8"))
    for line, target, kind, text in [
        (line_of("words = "), "words", "list of 0", "empty"),
        (line_of("tokens += "), "tokens", "list of 1", "The"),
        (line_of("header = json"), "header", f"dict of {len(header)}", next(iter(header))),
        (line_of("n_vocab = "), "n_vocab", "int", "4096"),
        (line_of("epsilon = "), "epsilon", "float", "1e-05"),
        (line_of("output = "), "output", f"str of {len(output)}", output[-16:]),
        (line_of("output_bytes = "), "output_bytes", f"bytes of {n_bytes}", r"The na\xc3\xafve"),
        (line_of("wte = "), "wte", "float32 [4096, 192]", "The first [16, 192] are kept"),
    ]:
        take(page, line, target)
        body = page.locator("#in-hand").inner_text()
        assert page.locator("#value-name").inner_text() == target
        assert kind in body and text in body, (target, body)
    take(page, line_of("bent = "), "bent")
    bent = traced.values[line_of("bent = "), "bent", (0, page.evaluate("roundOf(choiceLoops[1])"))]
    found = [float(text) for text in figures.all_inner_texts()]
    wanted = [bent.min(), bent.mean(), bent.max(), bent.std()]
    assert found == pytest.approx(wanted, rel=1e-4)
    after = line_of("residual = residual + linear(bent")
    page.locator("#pane .uses").get_by_role("link", name=f"line {after}").click()
    assert place(page).startswith(f"line {after}, round 1, layer")
    assert page.locator(".now > .gutter").inner_text() == str(after)
    # The whole line, however long, stands in the pane.
    assert LINES[after - 1].strip() in page.locator("#pane .whole").inner_text().replace("\n", "")


def test_a_value_by_keys_alone(visit, example, traced):
    page = visit(example)
    line = line_of(WEIGHTS_CODE)
    choose(page, layer=0, head=0)
    weights = traced.values[line, WEIGHTS, (0, 0, 0)]
    page.locator(f"#L{line_of('v = values')} .name").focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent") == WEIGHTS
    page.keyboard.press("Enter")
    assert page.locator("#value-name").inner_text() == WEIGHTS
    page.locator("#pane .grid").focus()
    page.keyboard.press("ArrowUp")
    for key, at in [("ArrowUp", (7, 0)), ("ArrowRight", (7, 1)), ("ArrowUp", (6, 1))]:
        page.keyboard.press(key)
        assert np.float32(told(page)) == pytest.approx(weights[at], 1e-6)
        assert "grid" in page.evaluate("document.activeElement.className")
    page.locator("#pane .sheet").focus()
    for key, at in [
        ("Home", (6, 0)),
        ("ArrowDown", (7, 0)),
        ("ArrowDown", (8, 0)),
        ("ArrowRight", (8, 1)),
        ("End", (8, 8)),
        ("ArrowUp", (7, 8)),
        ("Home", (7, 0)),
        ("PageUp", None),
    ]:
        page.keyboard.press(key)
        if at:
            assert np.float32(told(page)) == pytest.approx(weights[at], 1e-6, abs=1e-12)
            assert page.locator("td.current").get_attribute("data-at") == f"{at[0]} {at[1]}"
            assert "sheet" in page.evaluate("document.activeElement.className")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#pane') !== null")


# -- ways through the run


def test_other_loops_follow_or_have_buttons(visit, example):
    page = visit(example)
    choose(page, layer=4)  # step 11 reads the layers' tensors: the same layers
    picker = page.locator(f"#L{line_of('for layer, parts in')} .rounds")
    assert picker.locator("[aria-current]").inner_text() == "4"
    picker.get_by_text("3", exact=True).click()
    assert page.get_by_label("layer", exact=True).input_value() == "3"
    words = page.locator(f"#L{line_of('for printable_word in')} .rounds")
    words.get_by_text("1", exact=True).press("Enter")
    assert page.evaluate("document.activeElement.textContent") == "1"  # the focus stays
    take(page, line_of("pieces = joined"), "pieces")
    merges = page.locator("#pane .merges li")
    assert [len(line.locator(".chip").all()) for line in merges.all()] == [7, 6, 5]
    assert merges.last.locator(".chip").all_inner_texts() == ["Ġn", "a", "Ã", "¯", "ve"]


def test_the_focus_stays_on_a_button_that_redraws_its_row(visit, example):
    page = visit(example)
    before = int(page.get_by_label("layer", exact=True).input_value())
    page.locator(f"#L{line_of('for head in')} .rounds button").nth(2).press("Enter")
    assert page.get_by_label("head", exact=True).input_value() == "2"
    assert page.evaluate("document.activeElement.ariaLabel") == "head 2"
    page.locator(f"#L{line_of('for character in prompt')} .rounds").get_by_label(
        "next character"
    ).press("Enter")
    page.keyboard.press("Enter")
    rounds = page.locator(f"#L{line_of('for character in prompt')} .rounds b")
    assert int(rounds.inner_text()) >= 2
    assert int(page.get_by_label("layer", exact=True).input_value()) == before


def test_stepping_there_and_back(visit, example):
    line = line_of(WEIGHTS_CODE)
    page = visit(example, f"#line={line}&round=2&layer=3&head=2")
    start = place(page)
    assert start == f"line {line}, round 2, layer 3, head 2"
    page.keyboard.press("ArrowRight")  # over softmax
    assert place(page).startswith(f"line {line_of('found[:, columns] = ')}")
    page.keyboard.press("ArrowLeft")
    assert place(page) == start
    for keys in (["ArrowRight", "ArrowLeft"], ["Shift+ArrowRight", "Shift+ArrowLeft"]):
        places = [
            [place(page) for _ in range(25) if page.keyboard.press(key) is None] for key in keys
        ]
        assert places[1] == [*places[0][-2::-1], start]
        assert len(set(places[0])) == 25
    page.keyboard.press("Shift+ArrowRight")
    inside = page.locator(f"#L{line} .inside")
    assert inside.locator(".now .gutter").inner_text() == str(line_of("def softmax"))
    assert page.locator("body.stepping .future").count() > 5
    page.keyboard.press("Escape")
    assert page.locator(".future").count() == 0 and page.locator("#show-all").count() == 0
    page.get_by_role("button", name="Into", exact=True).click()
    page.get_by_role("button", name="Line ›", exact=True).click()
    assert inside.locator(".now .gutter").inner_text() == str(line_of("return exp"))
    page.get_by_role("button", name="Show all").click()
    assert page.locator(".future").count() == 0
    page.get_by_role("button", name="Back").click()
    assert place(page).startswith(f"line {line_of('exp = ')}, round 2, layer 3, head 2")
    page.locator("#position").press("Home")
    assert page.evaluate("cursor") == 0
    page.locator("#position").press("End")
    assert page.evaluate("cursor === nEvents - 1")


def test_stepping_over_and_out_and_on(visit, example, traced):
    weights, mask = line_of(WEIGHTS_CODE), line_of("mask = ")
    layers = line_of("for layer, parts in", after=line_of("while True"))
    page = visit(example, f"#line={mask}&round=1")
    page.keyboard.press("ArrowRight")
    assert place(page) == f"line {layers}, round 1, layer 0"
    page.get_by_role("button", name="Over", exact=True).click()
    assert place(page) == f"line {line_of('n_past = n_seen')}, round 1"
    page.keyboard.press("ArrowLeft")
    assert place(page).startswith(f"line {layers}, round 1")  # where it has found no more
    page = visit(example, f"#line={weights}&round=1&layer=2&head=3")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("u")  # out of softmax
    assert place(page) == f"line {line_of('found[:, columns] = ')}, round 1, layer 2, head 3"
    page.get_by_role("button", name="Out", exact=True).click()  # of the loop over the heads
    added = line_of('residual = residual + linear(found, *parts["attn.c_proj"])')
    assert place(page) == f"line {added}, round 1, layer 2"
    page.get_by_role("button", name="Next round", exact=True).click()
    assert place(page) == f"line {added}, round 1, layer 3"
    for _ in range(3):
        page.keyboard.press("r")
    assert place(page) == f"line {added}, round 2, layer 0"
    page.keyboard.press("Shift+R")
    assert place(page) == f"line {added}, round 1, layer 5"
    first = [line_of("last = "), line_of("ids.append")]
    for line in first:
        page.get_by_role("button", name="Next step", exact=True).click()
        assert place(page) == f"line {line}, round 1"
    page.keyboard.press("p")
    assert place(page) == f"line {first[0]}, round 1"


def test_the_slider_has_the_steps_on_its_rail(visit, example):
    page = visit(example)
    shown = page.locator("#segments b").all_inner_texts()
    assert [text.split(" ")[0] for text in shown] == [str(n) for n in range(1, 19)]
    boxes_of = boxes(page, "#segments .segment")
    widths = [right - left for left, _, right, _ in boxes_of]
    assert widths[11] == max(widths) and widths[11] > 5 * min(widths)
    assert page.locator("#segments .large u").count() == 6  # the layers
    for step in (3, 7, 13, 18, 1):  # a press on a step moves the run there
        left, top, right, bottom = boxes_of[step - 1]
        page.mouse.click((left + right) / 2, (top + bottom) / 2)
        first, last = harness.steps()[step]
        assert first < int(re.match(r"line (\d+)", place(page))[1]) <= last
        box = page.locator(f"#step-{step}").bounding_box()
        assert 0 < box["y"] < 800
        here = page.locator("#segments .here b").inner_text()
        assert here.startswith(str(step))
    left, top, right, bottom = boxes_of[11]
    page.mouse.click(left + (right - left) * 4.5 / 6, (top + bottom) / 2)  # a layer of step 12
    assert page.get_by_label("layer", exact=True).input_value() == "4"
    slider = page.locator("#position")
    slider.focus()
    before = page.evaluate("cursor")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("cursor") == before + 1
    page.keyboard.press("PageUp")
    assert "step 13" in slider.get_attribute("aria-valuetext")
    # Drawn along the rail, it goes through the lines in order.
    page.mouse.move(boxes_of[0][0] + 3, (top + bottom) / 2)
    page.mouse.down()
    lines = []
    for i in range(1, 40):
        page.mouse.move(boxes_of[0][0] + 3 + i * (right - boxes_of[0][0]) / 40, (top + bottom) / 2)
        lines.append(page.evaluate("cursor"))
    page.mouse.up()
    assert lines == sorted(lines) and len(set(lines)) > 30


def test_every_step_has_a_heading_that_starts_there(visit, example):
    page = visit(example)
    headings = page.locator("#lines h2")
    assert headings.count() == 18
    assert headings.nth(5).inner_text().split("\n")[-1].endswith("Merge by rank")
    for step in (2, 12, 18):
        headings.nth(step - 1).get_by_role("button").click()
        first, last = harness.steps()[step]
        assert first < int(re.match(r"line (\d+)", place(page))[1]) <= last
    again = visit(example, "#step-13")
    assert place(again) == f"line {line_of('last = ')}, round 1"


def test_every_step_marks_one_line_in_sight(visit, example):
    page = visit(example)
    lost = page.evaluate(
        """() => [...events.statement.keys()].filter((e) => e % 100 === 0 || (
          !events.values[e].length && /For|FunctionDef/.test(statements[events.statement[e]].kind)
        ) && e % 5 === 0).filter((e) => {
          moveTo(e, true);
          return ![...document.querySelectorAll(".now > .gutter")].some((line) => {
            const {top, bottom} = line.getBoundingClientRect();
            return Number(line.textContent.split("\\n")[0]) === lineOf(e) && top > 40 &&
              bottom > 0 && top < innerHeight;
          });
        }).map(placeText)"""
    )
    assert lost == []


def test_the_first_step_goes_to_the_first_line_in_view(visit, example):
    page = visit(example)
    choose(page, round=2, layer=3, head=1)
    line = line_of(WEIGHTS_CODE)
    page.evaluate(f"byId('L{line}').scrollIntoView(); scrollBy(0, -100)")
    first, now = page.evaluate(
        """() => {
          const bar = document.querySelector("#bar").getBoundingClientRect().bottom;
          const ran = rows.filter((row) => row.event !== undefined);
          const tops = ran.map((row) => row.node.getBoundingClientRect().top);
          const first = ran[tops.findIndex((top) => top >= bar)].node.id;
          byId("line").click();
          return [first, document.querySelector(".row.now").id];
        }"""
    )
    assert now == first and abs(int(now[1:]) - line) < 12
    assert "round 3, layer 3" in place(page)
    # From the first screen the run begins with step 1.
    page = visit(example)
    page.get_by_role("button", name="Line ›", exact=True).click()
    first, last = harness.steps()[1]
    assert int(re.match(r"line (\d+)", place(page))[1]) <= last


def test_steps_in_any_rhythm_are_not_lost(visit, example):
    page = visit(example, f"#line={line_of('mask = ')}&round=1")
    lost = page.evaluate(  # the address is written a little after a step
        """async () => {
          let lost = 0;
          for (let i = 0; i < 8; i++) {
            const before = cursor;
            step(1, true);
            const sleep = performance.now() + 100;
            while (performance.now() < sleep) ;
            await new Promise((done) => setTimeout(done, 185 + 5 * i));
            if (cursor !== before + 1) lost++;
          }
          return lost;
        }"""
    )
    assert lost == 0


def test_the_end_of_the_recording_is_said(visit, example, make):
    page = visit(example)
    page.locator("#position").press("End")
    page.keyboard.press("ArrowRight")
    assert "ends here" in page.locator("#in-hand .end").inner_text()
    page.keyboard.press("ArrowLeft")
    assert page.locator("#in-hand .end").count() == 0
    page.evaluate("scrollTo(0, 0)")
    page.get_by_role("link", name="What is left out").click()
    assert page.locator("#left-out").is_visible()
    # A loop of which not all is kept says so where its rounds are chosen.
    page = visit(make(source="n = 0\nwhile n < 200:\n    n += 1\nprint(n)\n"))
    assert "of 200, 64 kept" in page.locator("#L2 .rounds").inner_text()
    assert "all but the first 64" in page.locator("#left-out").inner_text()


def test_the_address_keeps_the_place(visit, example):
    line = line_of(WEIGHTS_CODE)
    page = visit(example)
    choose(page, layer=3, head=2)
    page.locator(f"#L{line} > .gutter").click()
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    page.locator('#pane td[data-at="2 1"]').click()
    page.locator('#tokens [data-position="4"]').evaluate("(one) => one.click()")
    page.locator('#pane td[data-at="2 1"]').click()
    again = visit(example, "#" + settled(page).split("#")[1])
    assert place(again) == place(page)
    assert place(page).startswith(f"line {line_of('return exp')}, round 1, layer 3, head 2")
    assert again.locator(f"#L{line} .inside .now .gutter").is_visible()
    assert told(again) == told(page)
    assert again.locator("#tokens .is-followed").get_attribute("data-position") == "4"
    # One of several values of a line is a place, too.
    take(page, line_of("model, n_tokens"), "n_tokens")
    again = visit(example, "#" + settled(page).split("#")[1])
    assert again.locator("#value-name").inner_text() == "n_tokens"
    # The end of a loop, where its header has found no more, is a place as well.
    same = page.evaluate(
        """() => {
          const loop = (e) => isLoop(events.statement[e]) && e % 31 === 0;
          const ends = (e) => loop(e) && !events.values[e].length;
          return [...Array(nEvents).keys()].filter((e) => e % 700 === 0 || ends(e)).filter((e) => {
            moveTo(e, true);
            const there = address();
            moveTo(0, false);
            visit(there);
            return cursor !== e;
          }).map(placeText);
        }"""
    )
    assert same == []


@pytest.mark.parametrize(
    "hash",
    [
        "#line=99999",
        "#line=abc&layer=77",
        "#line=0",
        "#layer=1.5&round=x",
        "#%E0%A4%A=%",
        "#step-99",
        "#follow=1e3&cell=a.b&value=nobody&event=99999999",
        f"#line={line_of(WEIGHTS_CODE)}&cell=5000.99999&follow=777",
        f"#line={line_of('# `residual` is the residual')}&head=1e9",
    ],
)
def test_an_address_that_names_no_place(visit, example, hash):
    page = visit(example, hash)
    assert value(page, line_of(WEIGHTS_CODE), WEIGHTS).is_visible()
    choose(page, layer=3, head=2)
    page.keyboard.press("ArrowRight")
    assert "#line=" in settled(page)


def test_where_a_line_did_not_run_the_cursor_goes_to_its_loop(visit, example):
    page = visit(example, f"#line={line_of('residual = wte[[next_id]]')}&round=1&step=1")
    choose(page, round=2)  # the last round, which ends before that line
    assert place(page) == f"line {line_of('while True')}, round 3"


def test_a_loop_has_as_many_rounds_as_it_ran(visit, example, traced):
    page = visit(example)
    rounds = page.locator(f"#L{line_of('while start < len')} .rounds button").all_inner_texts()
    assert rounds == [str(n) for n in range(1, len(traced.variables["words"]) + 1)]


def test_inside_a_call(visit, example):
    page = visit(example)
    line = line_of("wte = read_tensor")
    row(page, line).locator(".call").click()  # the function's name in the line
    box = page.locator(f"#L{line} .inside")
    way = box.locator(".way").inner_text().replace("\n", "")
    assert way == f"called from line {line} › read_tensor()"
    assert box.locator(".now .gutter").inner_text() == str(line_of("def read_tensor"))
    for _ in range(2):  # closed by going back to the line, opened again from the pane
        box.locator(".way button").press("Enter")
        assert page.locator(f"#L{line} .inside").count() == 0
        page.locator("#pane").get_by_role("button", name="read_tensor() ↓").press("Enter")
    box.locator('[data-target="shape"].value .name').click()
    used = page.locator("#pane .uses a").all_inner_texts()
    first, last = line_of("def read_tensor"), line_of("return tensor.reshape")
    assert used and all(first < int(text.split()[1]) <= last for text in used)  # no other `shape`
    # A call in a call: its lines alone, and the way there.
    inner = box.locator(".row").filter(has=page.locator(".call")).first
    inner.locator(".call").first.click()
    assert page.locator(".inside").count() == 1
    assert page.locator(".inside .way button").count() == 2


def test_a_call_900_deep_opens_like_any_other(visit, make):
    source = (
        "def down(n):\n    if n == 0:\n        return 0\n    return down(n - 1) + 1\n\n"
        "depth = down(900)\nprint(depth)\n"
    )
    page = visit(make(source=source))
    deepest = page.evaluate("Math.max(...depth)")
    before = page.evaluate("document.querySelectorAll('*').length")
    page.evaluate(f"moveTo(depth.indexOf({deepest}), true)")
    assert page.locator(".inside").count() == 1
    assert page.evaluate("document.querySelectorAll('*').length") < before + 100
    assert f"{deepest} calls deep" in place(page)
    assert len(settled(page)) < 400
    again = visit(make(source=source), "#" + page.url.split("#")[1])
    assert place(again) == place(page)
    page.keyboard.press("u")
    assert place(page) == "line 7"


# -- everybody's scripts, prompts, screens and senses


def test_a_hostile_prompt_is_text(visit, make):
    page = visit(make(HOSTILE, "--tokens", "2", "--model", str(harness.TALES)))
    hidden = "\x01\x1b\x7f\u200b\u202c\u202e\u2028\u2066\u2069\u200d"
    signs = {character: f"\\u{{{ord(character):x}}}" for character in hidden}
    signs |= {"\t": "⇥", "\r": "␍"}
    text = HOSTILE.rstrip("\n").translate(str.maketrans(signs))
    assert page.locator("img, iframe, script:not([src])").count() == 3
    line = line_of("prompt, options = ")
    take(page, line, "prompt")
    shown = page.locator("#pane pre.printed").text_content()
    assert shown.startswith(text.replace("\\u{200d}", "\u200d"))
    assert page.locator("#tokens .token").count() > 50
    assert "\u202e" not in page.locator("body").inner_text()
    assert "onerror" in page.locator("#stations").inner_text() or "script" in shown
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(visit, example, scheme, width):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright",
        reason="needs python -m pip install --group browser",
    )
    line = line_of(WEIGHTS_CODE)
    page = visit(example, color_scheme=scheme, viewport={"width": width, "height": 800})

    def serious():
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = axe.Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        found = [one for one in found if one["impact"] in ("serious", "critical")]
        return [(one["id"], node["html"]) for one in found for node in one["nodes"][:3]]

    # More lines of the same kinds of things would take axe ten times as long.
    page.evaluate(
        """() => { let keep = true;
          for (const node of [...document.querySelectorAll("#lines > *")]) {
            if (node.matches("h2")) keep = /-(1|6|12|13)$/.test(node.id);
            if (!keep) node.remove();
          } }"""
    )
    page.locator('#tokens [data-position="2"]').click()
    assert serious() == []
    page.locator(f"#L{line} > .gutter").click()
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    assert page.locator(f"#L{line} .inside .now").count() and page.locator(".future").count()
    if width == 390:
        page.evaluate("openPane(true)")
        page.locator("#more").click()
    assert serious() == []
    page.evaluate("showAll(); byId('legend').showModal()")
    assert serious() == []


def test_what_is_touched_is_44_pixels_large(visit, example):
    """All but lines of text, for which the bar's Back and Line do as well, and the small grids, for
    which its layer and head do."""
    page = visit(example, **TOUCH)
    page.locator("#more").click()
    page.evaluate("openPane(true)")
    several = f"visit('#line={line_of('model, n_tokens')}')"
    small = """() => [...document.querySelectorAll(
        "button, select, a[href], summary, input, [tabindex='0']")].filter((one) => {
      const others = ".row, .small-grids, dialog:not([open])";
      if (!one.checkVisibility() || one.closest(others)) return false;
      const {width, height} = one.getBoundingClientRect();
      return width < 43.5 || height < 43.5;
    }).map((one) => one.outerHTML.slice(0, 120))"""
    for act in (
        "",
        several,
        "byId('legend').showModal()",
        f"visit('#line={line_of(WEIGHTS_CODE)}')",
    ):
        page.evaluate(act or "0")
        assert page.evaluate(small) == []


def test_the_pane_of_a_phone_is_a_sheet_below_the_code(visit, example):
    page = visit(example, **TOUCH)
    pane = page.locator("#pane")
    assert pane.bounding_box()["height"] < 80
    line = line_of("qkv = ")
    page.evaluate(f"byId('L{line}').scrollIntoView({{block: 'center'}})")
    row(page, line).tap(position={"x": 100, "y": 10})
    page.wait_for_timeout(100)
    box = pane.bounding_box()
    assert box["height"] > 400 and box["y"] + box["height"] == pytest.approx(844, abs=1)
    assert page.locator("#value-name").inner_text() == "qkv"
    assert row(page, line).bounding_box()["y"] < box["y"]  # the line stays in sight
    cell = page.locator("#pane .cells").bounding_box()
    page.touchscreen.tap(cell["x"] + cell["width"] / 2, cell["y"] + 5)
    assert page.locator("#pane .readout .number").count() == 1
    page.locator("#grip").tap()
    assert pane.bounding_box()["height"] < 80
    # The column of code is scrolled sideways as in an editor, and its glances stay.
    page.locator("#code").evaluate("(one) => { one.scrollLeft = 200; }")
    strip = page.locator(f"#L{line} canvas").bounding_box()
    assert 300 < strip["x"] < 390


def test_print_is_on_white_with_values_and_without_tools(visit, example):
    page = visit(example, color_scheme="dark")
    page.evaluate(
        """addEventListener("beforeprint", () => { window.printed = [
          getComputedStyle(document.body).backgroundColor, palette.shades[255].join()]; })"""
    )
    assert page.pdf()[:5] == b"%PDF-"
    assert page.evaluate("printed") == ["rgb(252, 252, 250)", "242,239,232"]
    page.emulate_media(media="print")
    assert not page.locator("#bar").is_visible() and not page.locator("#pane").is_visible()
    assert value(page, line_of(WEIGHTS_CODE), WEIGHTS).is_visible()
    assert page.locator("#large .cells").is_visible()


@pytest.mark.parametrize(
    "added, target, text",
    [
        ("my_value = np.sum(bent)", "my_value", None),
        ("if layer == 2: raise ValueError('<b>no</b>')", None, "ValueError: <b>no</b>"),
    ],
)
def test_a_readers_own_script(visit, make, traced, added, target, text):
    line = line_of("residual = residual + linear(bent")
    lines = [*LINES[: line - 1], " " * 8 + added, *LINES[line - 1 :]]
    page = visit(make(*harness.EXAMPLE, source="\n".join(lines) + "\n"))
    if target:
        choose(page, layer=0)
        wanted = traced.values[line_of("bent = "), "bent", (0, 0)].sum()
        shown = value(page, line, target).locator(".scalar").inner_text()
        assert float(shown) == pytest.approx(wanted, 1e-4)
    else:
        assert text in page.locator("#map .error").inner_text()
        assert text in page.locator(f"#L{line} .error").inner_text()  # shown from the start
        assert text in page.locator("#pane .error").inner_text()
        assert page.locator(".error b").count() == 0


def test_exercises_change_what_the_map_shows(visit, make):
    """Without the mask a row looks ahead; without the cache each round makes all rows anew."""
    looked = """() => { const stack = stackOf(...roundsAt(choiceStatement, -1));
      return [stack.now, Array.from({length: 4}, (_, c) => stack.at(0, c))]; }"""
    shown = """(_, context) => [0, 1, 2, 3].map((x) => context.getImageData(x, 0, 1, 1).data[3])"""
    no_mask = harness.SOURCE.replace(" + mask)", ")")
    no_cache = harness.SOURCE.replace("n_past = n_seen", "n_past = 0").replace(
        "residual = wte[[next_id]] + wpe[[n_past]]", "residual = wte[ids] + wpe[: len(ids)]"
    )
    for source, painted, rows in [
        (no_mask, [255] * 4, [4, 5]),
        (no_cache, [255, 0, 0, 0], [0, 5]),
        (harness.SOURCE, [255, 0, 0, 0], [4, 5]),
    ]:
        arguments = ["Once upon a time", "--tokens", "3", "--model", str(harness.TALES)]
        page = visit(make(*arguments, source=source))
        assert pixels(page.locator("#large .cells canvas"), shown) == painted
        (_, n), first = page.evaluate(looked)
        assert n == 4 and sum(first) == pytest.approx(1, abs=1e-5)
        choose(page, round=1)
        assert page.evaluate(looked)[0] == rows


def test_a_script_without_attention_keeps_the_place_of_the_window(visit, make):
    source = "x = 0\nfor i in range(3):\n    x += i\n" + "x += 1\n" * 200
    page = visit(make(source=source))
    page.locator("#L150").scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    page.evaluate("render()")
    settled(page)
    assert page.evaluate("scrollY") == before > 100
    page.keyboard.press("ArrowRight")
    assert place(page).startswith("line ")


def test_a_drawn_token_is_marked_even_outside_the_ten(visit, make):
    model = ["--model", str(harness.TALES)]
    options = ["--temperature", "3", "--seed", "1", "--tokens", "3"]
    page = visit(make("The old witch", *options, *model))
    drawn = page.evaluate("data.ids")[3:]
    assert any(
        id not in page.evaluate(f"events.notes[candidatesOf({round}).e].ids")
        for round, id in enumerate(drawn)
    )
    for round, id in enumerate(drawn):
        choose(page, round=round)
        assert page.locator("#best .taken").get_attribute("data-id") == str(id)
        for target in ("logits", "probabilities"):
            take(page, line_of(f"{target} = "), target)
            assert page.locator("#pane .taken").get_attribute("data-id") == str(id)


def test_a_known_name_for_something_else(visit, make):
    """The pictures of GPT-2 give way; each row is drawn, and nothing fails."""
    source = harness.SOURCE.replace(
        "n_past = 0 ", "n_past = 0\nattention_weights = logits = residual_ = [1, 2] "
    )
    page = visit(make(*harness.EXAMPLE, source=source))
    assert page.evaluate("rows.every((row) => row.state !== null)")
    assert value(page, line_of("n_past = 0 ") + 1, "logits").locator(".chip").count() == 2
    take(page, line_of("n_past = 0 ") + 1, "logits")
    assert "list of 2" in page.locator("#in-hand").inner_text()
