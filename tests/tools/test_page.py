"""The page of walkthrough.py in a real browser: its numbers, its ways, and who can use it."""

import ast
import functools
import http.server
import re
import threading

import numpy as np
import pytest

import browser as machine
import harness
import walkthrough

LINES = harness.SOURCE.splitlines()
WEIGHTS, SCORES = "attention_weights", "scores"
HOSTILE = (
    "</script><img src=x onerror=alert(1)>\"'&amp;<!--<script>{{ 7*7 }} "
    "👩\u200d👩\u200d👧 🇩🇪 שלום \u202ead\u202c\u2066x\u2069 \u200b\x01\x1b\x7f\r\n\ttab\u2028end\n"
)


def line_of(code, after=0):
    """The number of the first line of easygpt2.py that begins with this code."""
    numbered = enumerate(LINES, 1)
    return next(n for n, line in numbered if n > after and line.strip().startswith(code))


@pytest.fixture(scope="module")
def browser():
    """The machine's own Chromium."""
    reason = "needs python -m pip install --group browser"
    pytest.importorskip("playwright", reason=reason)
    if machine.executable() is None:
        pytest.skip("needs a Chromium of the machine's own: apt install chromium")
    with machine.chromium() as chromium:
        yield chromium


@pytest.fixture
def visit(browser):
    """A function that opens a page; in the end nothing has been fetched, nothing has failed."""
    contexts, problems, requests = [], [], []

    def open_page(path, hash="", server=None, **options):
        contexts.append(
            browser.new_context(**{"viewport": {"width": 1280, "height": 800}} | options)
        )
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
            out.write_bytes(walkthrough.page_of(recorded))
        return out

    return page_of


@pytest.fixture(scope="module")
def example(make):
    return make(*harness.EXAMPLE)


@pytest.fixture(scope="module")
def traced():
    """The example's run, and {(line, name, rounds): value} by a tracer that is not the page's."""
    values, rounds = {}, {"token": -1}

    def after(statement, frame, returned):
        if not isinstance(statement, ast.Assign) or frame.f_code.co_name != "<module>":
            return
        name, variables = ast.unparse(statement.targets[0]), frame.f_globals
        rounds["token"] += name == "n_new"
        if name in (WEIGHTS, SCORES, "normed", "wide", "residual", "logits"):
            inner = [variables.get(loop, 0) for loop in ("layer", "head")]
            depth = {8: 1, 12: 2}.get(statement.col_offset, 0)
            where = (rounds["token"], *inner[:depth])
            values[statement.lineno, name, where] = variables[name].copy()

    run = harness.run(*harness.EXAMPLE, after=after)
    run.values = values
    return run


def text_of(run, id):
    """A token as the page shows it: without its sign for a space, bytes escaped."""
    letters = run.variables["id_to_token"][id]
    data = bytes(run.variables["character_to_byte"][letter] for letter in letters)
    return re.sub("^ | $", "␣", data.decode("utf-8", "backslashreplace"))


def value(page, line, target):
    return page.locator(f'#L{line} > .values > [data-target="{target}"]')


def choose(page, **rounds):
    for name, round in rounds.items():
        page.get_by_label(name, exact=True).select_option(str(round))


def cells(page):
    """The part of the open value's table that is drawn: {(row, column): number}, and labels."""
    drawn = page.locator("#value td[data-at]").evaluate_all(
        "(all) => all.map((cell) => [cell.dataset.at, cell.textContent])"
    )
    rows = page.locator("#value tbody th").all_text_contents()
    columns = page.locator("#value thead th").all_text_contents()
    return {tuple(map(int, at.split())): float(text) for at, text in drawn}, rows, columns


def place(page):
    """What the toolbar says, the event of the page's own count left out."""
    return page.locator("#where").inner_text().split(" · ")[-1]


def settled(page):
    """The address, once it has followed."""
    page.wait_for_timeout(500)
    return page.url


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


def test_the_contents_are_the_18_steps_and_follow_the_scrolling(visit, example):
    page = visit(example)
    links = page.locator(".steps a")
    assert links.locator(".number").all_inner_texts() == [str(n) for n in range(1, 19)]
    assert links.nth(5).locator(".title").inner_text() == "Merge by rank"
    for step in (2, 12, 13, 18):  # the last stands too low to reach the top of the window
        links.nth(step - 1).click()
        page.wait_for_timeout(100)
        assert page.locator(".steps [aria-current]").get_attribute("href") == f"#step-{step}"


def test_numbers_and_labels_are_the_runs(visit, example, traced):
    page = visit(example)
    ids, n_prompt = traced.variables["ids"], traced.variables["n_prompt"]
    for token, layer, head in [(0, 3, 2), (4, 5, 5)]:
        choose(page, token=token, layer=layer, head=head)
        for (line, name, where), array in traced.values.items():
            if where != (token, layer, head)[: len(where)]:
                continue
            value(page, line, name).locator(".name").click()
            shown, rows, columns = cells(page)
            array = array if array.ndim == 2 else array[:, None]
            assert len(shown) > 5 or array.size < 30, (line, name)
            for at, number in shown.items():
                np.testing.assert_allclose(number, array[at], 5e-5, err_msg=f"{line} {name} {at}")
            told = page.locator(".readout").inner_text().split(": ")[-1]
            assert np.float32(told) == array[0, 0]  # nine digits are all of a float32
            looks = ids[n_prompt + token - 1 :][:1] if token else ids[:n_prompt]
            if name in (WEIGHTS, SCORES):  # their lines say what the axes count
                assert rows == [text_of(traced, id) for id in looks]
                seen = [text_of(traced, id) for id in ids[: array.shape[1]]]
                assert columns == seen[: len(columns)]
            page.keyboard.press("Escape")


def test_a_far_row_of_the_logits(visit, example, traced):
    page = visit(example)
    line = line_of("logits = ")
    value(page, line, "logits").locator(".name").click()
    page.locator(".sheet").evaluate("(box) => { box.scrollTop = 3000 * 24; }")
    page.locator('td[data-at="3000 0"]').wait_for()
    shown, rows, _ = cells(page)
    assert rows[0] == text_of(traced, 3000)
    assert shown[3000, 0] == pytest.approx(traced.values[line, "logits", (0,)][3000], 5e-5)


def test_candidates_are_the_softmax_of_the_logits(visit, example, traced):
    page = visit(example)
    for token in (0, 3):
        choose(page, token=token)
        logits = traced.values[line_of("logits = "), "logits", (token,)].astype(float)
        shares = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        rows = value(page, line_of("candidates = "), "candidates").locator("tbody tr")
        best = np.argsort(-logits)[:10]
        for id, row in zip(best, rows.all(), strict=True):
            assert row.locator("small").inner_text() == str(id)
            logit, share = row.locator("td").all_inner_texts()
            assert float(logit) == pytest.approx(logits[id], 5e-4)
            assert float(share) == pytest.approx(shares[id], 5e-3)
            bar = row.locator("meter").get_attribute("value")
            assert float(bar) == pytest.approx(shares[id], 1e-4)
        taken = traced.variables["ids"][traced.variables["n_prompt"] + token]
        assert rows.and_(page.locator(".taken")).locator("small").inner_text() == str(taken)


def test_other_loops_follow_or_have_buttons(visit, example):
    page = visit(example)
    choose(page, layer=4)  # step 11 reads the layers' tensors: the same layers
    picker = page.locator(f"#L{line_of('for layer, block in')} > .values .rounds")
    assert picker.inner_text().strip("◀▶ ") == "layer 4 of 0–5"
    picker.get_by_label("round before").click()
    assert picker.inner_text().strip("◀▶ ") == "layer 3 of 0–5"
    words = page.locator(f"#L{line_of('for printable_word in')} > .values .rounds")
    merges = value(page, line_of("pieces = merged"), "pieces").locator("li")
    for _ in range(4):
        if words.get_by_label("round before").is_enabled():
            words.get_by_label("round before").press("Enter")  # and the focus stays for the next
    words.get_by_label("next round").click()
    assert "printable_word 1" in words.inner_text()
    assert [len(line.locator(".chip").all()) for line in merges.all()] == [7, 6, 5]
    assert merges.last.locator(".chip").all_inner_texts() == ["Ġn", "a", "Ã", "¯", "ve"]


def test_the_focus_stays_on_a_button_that_redraws_its_row(visit, example):
    page = visit(example)
    button = page.locator(f"#L{line_of('for head in')} .rounds").get_by_label("next round")
    button.press("Enter")
    page.keyboard.press("Enter")
    assert page.get_by_label("head", exact=True).input_value() == "2"


def test_stepping_there_and_back(visit, example):
    line = line_of("attention_weights = ")
    page = visit(example, f"#line={line}&token=1&layer=3&head=2")
    start = place(page)
    page.keyboard.press("ArrowRight")  # over softmax
    assert place(page).startswith(f"line {line_of('heads[:, part] = ')}")
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
    assert inside.locator(".now .line").inner_text() == str(line_of("def softmax"))
    assert page.locator("body.stepping .future").count() > 5
    page.keyboard.press("Escape")
    assert page.locator(".future").count() == 0 and page.locator("#all[aria-pressed=true]").count()
    page.get_by_role("button", name="into").click()
    page.get_by_role("button", name="step").click()
    assert inside.locator(".now .line").inner_text() == str(line_of("return exp"))
    page.get_by_role("button", name="back").click()
    assert place(page).startswith(f"line {line_of('exp = ')}, token 1, layer 3, head 2")
    page.locator("#position").press("Home")
    assert page.locator("#where").inner_text().startswith("1 of ")


def test_every_step_marks_one_line_in_sight(visit, example):
    page = visit(example)
    lost = page.evaluate(
        """() => [...events.statement.keys()].filter((e) => e % 100 === 0 || (
          !events.values[e].length && /For|FunctionDef/.test(statements[events.statement[e]].kind)
        ) && e % 5 === 0).filter((e) => {
          moveTo(e, true);
          return ![...document.querySelectorAll(".now > .line")].some((line) => {
            const {top, bottom} = line.getBoundingClientRect();
            return Number(line.textContent) === lineOf(e) && bottom > 0 && top < innerHeight;
          });
        }).map(placeText)"""
    )
    assert lost == []


def test_the_first_step_goes_to_the_first_line_in_view(visit, example):
    page = visit(example)
    choose(page, token=2, layer=3, head=1)
    line = line_of("attention_weights = ")
    page.evaluate(f"byId('L{line}').scrollIntoView(); scrollBy(0, -200)")
    first, now = page.evaluate(  # in one go, since rows are drawn, and grow, when they come in view
        """() => {
          const bar = document.querySelector(".bar").getBoundingClientRect().bottom;
          const ran = rows.filter((row) => row.event !== undefined);
          const tops = ran.map((row) => row.node.getBoundingClientRect().top);
          const first = ran[tops.findIndex((top) => top >= bar)].node.id;
          byId("forward").click();
          return [first, document.querySelector(".row.now").id];
        }"""
    )
    assert now == first and abs(int(now[1:]) - line) < 10
    assert "token 2, layer 3" in page.locator("#where").text_content()
    options = page.locator("#choose-token option").all_text_contents()
    assert options[:2] == ["0: prompt → ␣know", "1: ␣know → ␣what"]


def test_steps_in_any_rhythm_are_not_lost(visit, example):
    page = visit(example)
    lost = page.evaluate(  # the address is written a little after a step
        """async () => {
          let lost = 0;
          for (let i = 0; i < 8; i++) {
            const before = cursor;
            step(1, false);
            const sleep = performance.now() + 100;
            while (performance.now() < sleep) ;
            await new Promise((done) => setTimeout(done, 185 + 5 * i));
            if (cursor !== before + 1) lost++;
          }
          return lost;
        }"""
    )
    assert lost == 0


def test_the_address_keeps_the_place(visit, example):
    line = line_of("attention_weights = ")
    page = visit(example)
    choose(page, layer=3, head=2)
    page.locator(f"#L{line} > .line").click()
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    again = visit(example, "#" + settled(page).split("#")[1])
    assert place(again) == place(page)
    assert place(page).startswith(f"line {line_of('return exp')}, token 0, layer 3, head 2")
    assert again.locator(f"#L{line} .inside .now .line").is_visible()
    # The end of a loop, where its header has found no more, is a place as well.
    same = page.evaluate(
        """() => {
          const loop = (e) => isLoop(events.statement[e]) && e % 7 === 0;
          const ends = (e) => loop(e) && !events.values[e].length;
          return [...Array(nEvents).keys()].filter((e) => e % 200 === 0 || ends(e)).filter((e) => {
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
        "#layer=1.5&token=x",
        "#%E0%A4%A=%",
        f"#line={line_of('# `residual`, a row')}&head=1e9",
    ],
)
def test_an_address_that_names_no_place(visit, example, hash):
    page = visit(example, hash)
    assert value(page, line_of("attention_weights = "), WEIGHTS).is_visible()
    choose(page, layer=3, head=2)
    page.keyboard.press("ArrowRight")
    assert "#line=" in settled(page)


def test_a_value_in_full(visit, example, traced):
    page = visit(example)
    figures = page.locator("#value dd")
    for line, target, kind, text in [
        (line_of("words = "), "words", "list of 0", "empty"),
        (line_of("tokens += "), "tokens", "list of 1", "The"),
        (line_of("header = "), "header", "dict of 77", "__metadata__"),
        (line_of("n_ctx, n_vocab"), "n_vocab", "int", "4096"),
        (line_of("n_ctx, n_vocab"), "eps", "float", "1e-05"),
        (line_of("output = "), "output", "str of 38", "know what to do."),
        (line_of("output_bytes = "), "output_bytes", "bytes of 39", r"The na\xc3\xafve"),
        (line_of("wte = "), "wte", "float32 [4096, 192]", "The first [16, 192] are kept"),
    ]:
        value(page, line, target).locator(".name").click()
        body = page.locator("#value-body").inner_text()
        assert body.startswith(kind) and text in body, (target, body)
        page.keyboard.press("Escape")
    value(page, line_of("wide = "), "wide").locator(".name").click()
    wide = traced.values[line_of("wide = "), "wide", (0, 0)]
    found = [float(text) for text in figures.all_inner_texts()[1:]]
    assert found == pytest.approx([wide.min(), wide.max(), wide.mean(), wide.std()], rel=1e-4)
    page.get_by_role("link", name="added = wide @").click()
    assert place(page) == f"line {line_of('added = wide')}, token 0, layer 0"
    value(page, line_of("added = wide"), "added").locator(".name").click()
    page.locator("#value-body").get_by_role("link").first.click()
    assert not page.locator("#value").is_visible()
    assert page.locator(".now > .line").inner_text() == str(line_of("added = wide"))


def test_a_value_by_keys_alone(visit, example, traced):
    page = visit(example)
    line = line_of("attention_weights = ")
    weights = traced.values[line, WEIGHTS, (0, 0, 0)]
    page.locator(f"#L{line_of('scores = ')} .name").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")  # from the button that closes to the table
    for key, at in [
        ("ArrowDown", (1, 0)),
        ("ArrowDown", (2, 0)),
        ("ArrowRight", (2, 1)),
        ("End", (2, 8)),
        ("ArrowUp", (1, 8)),
        ("Home", (1, 0)),
        ("PageDown", None),
    ]:
        page.keyboard.press(key)
        told = page.locator(".readout").inner_text()
        if at:
            assert np.float32(told.split(": ")[1]) == weights[at]
            assert page.locator("td.current").get_attribute("data-at") == f"{at[0]} {at[1]}"
    page.keyboard.press("Escape")
    assert not page.locator("#value").is_visible()
    assert page.evaluate("document.activeElement.textContent") == WEIGHTS


def test_the_overview_of_all_layers_and_heads(visit, example, traced):
    page = visit(example)
    assert page.locator(".overview button").count() == 36
    page.get_by_label("layer 2, head 1", exact=True).focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    assert "layer 3, head 1" in page.locator("#value-body .meta").first.inner_text()
    weights = traced.values[line_of("attention_weights = "), WEIGHTS, (0, 3, 1)]
    shown, _, _ = cells(page)
    np.testing.assert_allclose(shown[8, 4], weights[8, 4], 5e-5)
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.ariaLabel") == "layer 3, head 1"
    assert page.locator(".overview [aria-current]").get_attribute("title") == "layer 3, head 1"


def test_a_hostile_prompt_is_text(visit, make):
    page = visit(make(HOSTILE, "--tokens", "2", "--model", str(harness.TALES)))
    hidden = "\x01\x1b\x7f\u200b\u202c\u202e\u2028\u2066\u2069"
    signs = {character: f"\\u{{{ord(character):x}}}" for character in hidden}
    signs |= {"\t": "⇥", "\r": "␍"}
    text = HOSTILE.rstrip("\n").translate(str.maketrans(signs))
    assert page.locator("#prompt").text_content().rstrip("\n↵") == text
    assert page.locator("#prompt").text_content() != text  # the line's end is to be seen as well
    assert page.locator("img, iframe, script:not([src])").count() == 3
    line = line_of("prompt = prompts[0]")
    value(page, line, "prompt").locator(".name").click()
    assert page.locator("#value pre").text_content().startswith(text)
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("scheme, width", [("light", 1280), ("dark", 390)])
def test_everybody_can_use_it(visit, example, scheme, width):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright",
        reason="needs python -m pip install --group browser",
    )
    line = line_of("attention_weights = ")
    page = visit(example, color_scheme=scheme, viewport={"width": width, "height": 800})
    page.locator(f"#L{line} > .line").click()
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    assert page.locator(f"#L{line} .inside .now").count() and page.locator(".future").count()

    def serious():
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = axe.Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        found = [one for one in found if one["impact"] in ("serious", "critical")]
        return [(one["id"], node["html"]) for one in found for node in one["nodes"][:3]]

    # More lines of the same kinds of things would take axe ten times as long.
    page.evaluate(
        """() => { let keep = true;
          for (const node of [...document.querySelectorAll("main > *")]) {
            if (node.matches("h2")) keep = /-(1|6|12|13)$/.test(node.id);
            if (!keep) node.remove();
          } }"""
    )
    assert serious() == []
    value(page, line, WEIGHTS).locator(".name").first.click()
    assert serious() == []


def test_print_is_on_white_with_values_and_without_tools(visit, example):
    page = visit(example, color_scheme="dark")
    page.evaluate(
        """addEventListener("beforeprint", () => { window.printed = [
          getComputedStyle(document.body).backgroundColor, palette.shades[255].join()]; })"""
    )
    assert page.pdf()[:5] == b"%PDF-"
    assert page.evaluate("printed") == ["rgb(255, 255, 255)", "247,247,247"]
    page.emulate_media(media="print")
    assert not page.locator(".bar").is_visible() and not page.locator(".steps").is_visible()
    assert value(page, line_of("attention_weights = "), WEIGHTS).is_visible()


@pytest.mark.parametrize(
    "added, target, text",
    [
        ("my_value = np.sum(added)", "my_value", None),
        ("if layer == 2: raise ValueError('<b>no</b>')", None, "ValueError: <b>no</b>"),
    ],
)
def test_a_readers_own_script(visit, make, traced, added, target, text):
    line = line_of("residual = residual + added")
    lines = [*LINES[: line - 1], " " * 8 + added, *LINES[line - 1 :]]
    page = visit(make(*harness.EXAMPLE, source="\n".join(lines) + "\n"))
    if target:
        before = traced.values[line, "residual", (0, 0)]
        wanted = before - traced.variables["wte"][traced.variables["ids"][:9]]
        wanted = (wanted - traced.variables["wpe"][:9]).sum()
        shown = value(page, line, target).locator(".scalar").inner_text()
        assert float(shown) == pytest.approx(wanted, abs=1e-4)
    else:
        assert text in page.locator("header .error").inner_text()
        assert text in page.locator(f"#L{line} .error").inner_text()  # shown from the start
        assert page.locator("b").count() == 0


def test_a_script_without_attention_keeps_the_place_of_the_window(visit, make):
    source = "x = 0\nfor i in range(3):\n    x += i\n" + "x += 1\n" * 200
    page = visit(make(source=source))
    page.locator("#L150").scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    page.evaluate("render()")
    settled(page)
    assert page.evaluate("scrollY") == before > 100


def test_a_drawn_token_is_marked_even_outside_the_ten(visit, make):
    model = ["--model", str(harness.TALES)]
    options = ["--temperature", "3", "--seed", "1", "--tokens", "3"]
    page = visit(make("The old witch", *options, *model))
    drawn = page.evaluate("data.ids")[3:]
    for token, id in enumerate(drawn):
        choose(page, token=token)
        for target in ("candidates", "probabilities"):
            taken = value(page, line_of(f"{target} = "), target).locator(".taken small")
            assert taken.all_inner_texts() == [str(id)]


def test_a_prompt_of_many_tokens(visit, make):
    """The overview shows all of it, and attention still has its tokens on both axes."""
    prompt = "Once upon a time there was a king. " * 10
    page = visit(make(prompt, "--tokens", "3", "--model", str(harness.TALES)))
    pictures = [page.locator(".overview canvas").first.evaluate("(one) => one.toDataURL()")]
    choose(page, token=1, layer=5)
    pictures.append(page.locator(".overview canvas").first.evaluate("(one) => one.toDataURL()"))
    assert pictures[0] != pictures[1]
    bottom = """(one) => one.getContext("2d").getImageData(0, one.height - 1, one.width, 1).data
      .some((part, i) => i % 4 < 3 && part !== Math.round(palette.shades[255][i % 4]))"""
    assert page.locator(".overview canvas").first.evaluate(bottom)  # each row looks at something
    attention = value(page, line_of("attention_weights = "), WEIGHTS)
    n_seen = page.evaluate("data.ids.length") - 2
    assert attention.locator("thead th").count() == n_seen > 80


def test_where_a_line_did_not_run_the_cursor_goes_to_its_loop(visit, example):
    page = visit(example, f"#line={line_of('waiting = wte[[next_id]]')}&token=0&step=1")
    choose(page, token=4)  # the last round, which ends before that line
    assert place(page) == f"line {line_of('while True:', 300)}, token 4"


def test_a_loop_has_as_many_rounds_as_it_ran(visit, example, traced):
    page = visit(example)
    rounds = page.locator(f"#L{line_of('while start < len')} > .values .rounds").inner_text()
    assert rounds.strip("◀▶ ").endswith(f"of 0–{len(traced.variables['words']) - 1}")


def test_inside_a_call(visit, example):
    page = visit(example)
    line = line_of("wte = read_tensor")
    page.locator(f"#L{line}").get_by_role("button", name="read_tensor()").press("Enter")
    page.keyboard.press("Enter")  # the focus is still there: closes it
    assert page.locator(f"#L{line} .inside").count() == 0
    page.keyboard.press("Enter")
    box = page.locator(f"#L{line} .inside")
    box.get_by_role("button", name="open shape").click()
    used = page.locator("#value .uses a").all_inner_texts()
    first, last = line_of("def read_tensor"), line_of("return tensor.astype")
    assert used and all(first < int(text.split()[1]) <= last for text in used)  # no other `shape`
    page.keyboard.press("Escape")
    row = box.locator(".row").filter(has_text="check(entry, ")
    row.get_by_role("button", name="check()").click()
    row.locator(".inside .line").first.click()
    assert place(page).startswith(f"line {line_of('def check')}")


def test_a_known_name_for_something_else(visit, make):
    """The pictures of GPT-2 give way; each row is drawn, and nothing fails."""
    source = harness.SOURCE.replace(
        "left, right = ranked[min(ranked)]",
        "ranked = list(ranked.items())\n        left, right = min(ranked)[1]",
    ).replace("n_past = 0\n", "n_past = 0\nattention_weights = candidates = residual = [1, 2]\n")
    page = visit(make(*harness.EXAMPLE, source=source))
    assert page.evaluate("rows.every((row) => row.state !== null)")
    assert value(page, line_of("n_past = 0") + 2, "residual").locator(".chip").count() == 2
