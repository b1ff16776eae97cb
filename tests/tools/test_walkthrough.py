"""walkthrough.py as a command, and its page without a browser (for that see test_page.py)."""

import base64
import hashlib
import html.parser
import json
import os
import re
import shlex
import signal
import subprocess
import sys

import numpy as np
import pytest

import harness
import random_model

WALKTHROUGH = harness.ROOT / "walkthrough.py"
PROMPT = ["Once upon a time", "--model", str(harness.TALES)]


def walk(*arguments, **options):
    return harness.command(*arguments, program=WALKTHROUGH, **options)


class Page(html.parser.HTMLParser):
    """What a page has: {attribute: [value]}, {id: text} of scripts and styles, other text."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.attributes, self.texts, self.inside, self.visible = {}, {}, None, ""
        self.feed(text)
        self.data = json.loads(self.texts["data"])

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            self.attributes.setdefault(name, []).append(value)
        if tag in ("script", "style"):
            self.inside = dict(attributes).get("id", tag)

    def handle_data(self, text):
        if self.inside:
            self.texts[self.inside] = text
        else:
            self.visible += text

    def handle_endtag(self, tag):
        self.inside = None

    def array(self, index):
        """Return what is kept of an array, decoded as the page's script does it."""
        array = self.data["arrays"][index]
        size = int(np.prod(array["kept"], dtype=int)) * int(array["code"][1])
        text = self.texts["numbers"][array["at"] : array["at"] + 4 * -(-size // 3)]
        data = base64.b64decode(text)[:size]
        return np.frombuffer(data, "<" + array["code"]).reshape(array["kept"])

    def events(self, target):
        """Return [(iterations, value)] of each time that a line made `target`."""
        events, found = self.data["events"], []
        for number, rounds, values in zip(
            events["statement"], events["iterations"], events["values"]
        ):
            targets = self.data["statements"][number]["targets"]
            if target in targets and values:
                found.append((tuple(rounds), self.data["values"][values[targets.index(target)]]))
        return found


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of README's prompt, and what the command printed."""
    folder = tmp_path_factory.mktemp("page")
    done = walk(*PROMPT, cwd=folder)
    assert done.returncode == 0, done.stderr
    return Page((folder / "walkthrough.html").read_text("utf-8")), done


def test_prints_what_easygpt2_prints_and_where_the_page_is(page):
    plain = harness.command(*PROMPT)
    assert page[1].stdout.startswith(plain.stdout)
    rest = page[1].stdout[len(plain.stdout) :]
    assert re.fullmatch(
        r"Page: walkthrough\.html \([\d,]+ lines run, \d\.\d MB\); open it in a browser\n", rest
    )
    assert page[1].stderr == plain.stderr


def test_values_are_those_of_the_run(page):
    """By another tracer, at every line that assigns one of these names."""
    seen = {}

    def after(statement, frame, returned):
        for target in getattr(statement, "targets", []):
            if getattr(target, "id", None) in ("attention_weights", "residual", "wide", "logits"):
                seen.setdefault(target.id, []).append(frame.f_globals[target.id].copy())

    run = harness.run(*PROMPT, after=after)
    for name, expected in seen.items():
        found = [value["array"] for _, value in page[0].events(name)]
        assert [page[0].data["arrays"][index]["shape"] for index in found] == [
            list(array.shape) for array in expected
        ]
        for index, array in zip(found, expected):
            np.testing.assert_array_equal(page[0].array(index), array)
    assert len(seen["attention_weights"]) == 8 * 6 * 6
    for name in ("words", "tokens", "ids", "output"):
        value = page[0].events(name)[-1][1]
        assert value == run.variables[name] or value["list"] == run.variables[name]


def test_shape_comments_name_the_axes(page):
    """Every line with a shape comment: its arrays have as many axes as the comment has names."""
    known = 0
    for one in page[0].data["statements"]:
        for target in one["targets"] if one["axes"] and "." not in "".join(one["axes"]) else []:
            for _, value in page[0].events(target)[:3]:
                if isinstance(value, dict) and "array" in value and "*" not in str(one["axes"]):
                    shape = page[0].data["arrays"][value["array"]]["shape"]
                    assert len(shape) == len(one["axes"]), one
                    known += 1
    assert known > 40


def test_nothing_is_loaded_and_scripts_run_by_hash_only(page):
    parsed = page[0]
    assert not {"src", "srcset", "action"} & set(parsed.attributes)
    assert all(link == "data:," or link[0] == "#" for link in parsed.attributes["href"])
    policy = next(text for text in parsed.attributes["content"] if "default-src" in text)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'" and "unsafe" not in policy
    for kind in ("script", "style"):
        digest = hashlib.sha256(parsed.texts[kind].encode("utf-8")).digest()
        assert rules[f"{kind}-src"] == f"'sha256-{base64.b64encode(digest).decode()}'"
    assert not any(name.startswith("on") for name in parsed.attributes) and (
        "style" not in parsed.attributes
    )


def test_whole_file_in_order(page):
    lines = [int(name[1:]) for name in page[0].attributes["id"] if re.fullmatch(r"L\d+", name)]
    assert lines == sorted(lines)
    shown = re.sub(r"[\s`]", "", page[0].visible)
    where = 0
    for number, line in enumerate(harness.SOURCE.splitlines(), 1):
        bare = line if number < 5 else re.sub(r'^ *(# ?(%% )?)?|^"""|"""$', "", line)
        bare = re.sub(r"^Step (\d+)\.", r"\1", bare)  # a heading
        bare = re.sub(r"[\s`]", "", bare.partition("→")[0])  # behind it this run's own value stands
        assert bare in shown[where:], line
        where = shown.index(bare, where)


def test_says_what_is_left_out(page):
    for sentence in (
        "Rounds kept: round 8 of 8, layer 6 of 6, head 6 of 6.",
        "of the loop's 256 rounds all but the first 64",
        "of the loop's 3,840 rounds all but the first 64",
        "more than 65,536 numbers",
    ):
        assert sentence in page[0].visible


def test_page_names_no_folder_of_this_machine(tmp_path):
    out = tmp_path / "page.html"
    done = walk(
        "Once", "--tokens", "1", "--model", "models/tales", "--out", str(out), cwd=harness.ROOT
    )
    assert done.returncode == 0, done.stderr
    assert str(harness.ROOT) not in out.read_text("utf-8")


@pytest.mark.parametrize(
    "arguments, status, problem",
    [
        ([], 2, "no prompt; type: python walkthrough.py"),
        (["a", "b"], 2, "more than one prompt; type: python walkthrough.py 'a b'"),
        (["a", "--tokens", "0"], 2, "--tokens cannot be '0'; type: python walkthrough.py --help"),
        (["a", "--bogus"], 2, "unknown option '--bogus'; type: python walkthrough.py --help"),
        (["a", "--out"], 2, "--out: expected one argument; type: python walkthrough.py --help"),
        (["--out", "--open"], 2, "--out: expected one argument; type: python walkthrough.py"),
        (["a", "--ope"], 2, "unknown option '--ope'; type: python walkthrough.py --help"),
        (["a", "--out", "no/such/x.html"], 2, "there is no folder no"),
        (["a", "--out", "."], 1, "choose another name; type: python walkthrough.py"),
        (["a", "--out", "mine.html"], 1, "choose another name; type: python walkthrough.py"),
    ],
)
def test_refuses(arguments, status, problem, tmp_path):
    (tmp_path / "mine.html").write_text("<!doctype html>mine", "utf-8")
    done = walk(*arguments, cwd=tmp_path)
    assert done.returncode == status
    assert done.stderr.count("\n") == 1 and problem in done.stderr
    assert done.stderr.startswith("walkthrough.py: ") and done.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["mine.html"]
    assert (tmp_path / "mine.html").read_text("utf-8") == "<!doctype html>mine"


def test_a_model_that_is_not_there_leaves_no_page(tmp_path):
    done = walk("a", "--model", "nope", cwd=tmp_path)
    assert done.returncode == 1 and not list(tmp_path.iterdir())
    assert done.stderr.splitlines()[-1].startswith("walkthrough.py: there is no folder nope")


def test_prompts_like_options_stand_behind_a_dash(tmp_path):
    for prompt in ("--out", "-h"):
        done = walk(*PROMPT[1:], "--tokens", "1", "--", prompt, cwd=tmp_path)
        assert done.returncode == 0 and done.stdout.startswith(f"Input: {prompt}\n"), done.stderr


def test_help():
    done = walk("--help")
    assert done.returncode == 0 and done.stdout.startswith("usage: python walkthrough.py PROMPT")


@pytest.mark.parametrize("module", ["jinja2", "pygments"])
def test_missing_library_is_named_with_the_command(module, without):
    done = walk("Once", env=os.environ | without(module))
    assert done.returncode == 1
    assert done.stderr == (
        f"walkthrough.py: {module} is missing; type: python -m pip install jinja2 numpy pygments\n"
    )


def test_replaces_its_own_page_and_only_when_the_new_one_is_whole(tmp_path):
    page = tmp_path / "walkthrough.html"
    assert walk(*PROMPT, "--tokens", "1", cwd=tmp_path).returncode == 0
    first = page.read_bytes()
    assert walk("a", "--model", "nope", cwd=tmp_path).returncode == 1
    assert page.read_bytes() == first
    assert walk(*PROMPT, "--tokens", "2", cwd=tmp_path).returncode == 0
    assert page.read_bytes() != first and list(tmp_path.iterdir()) == [page]


@pytest.mark.skipif(os.name == "nt", reason="closes streams of the command")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", ">/dev/full", "2>/dev/full"])
def test_nobody_reads_what_is_said(closed, tmp_path):
    command = shlex.join([sys.executable, str(WALKTHROUGH), *PROMPT, "--tokens", "2"])
    assert subprocess.run(f"{command} {closed}", shell=True, cwd=tmp_path).returncode == 0
    assert Page((tmp_path / "walkthrough.html").read_text("utf-8")).events("output")


def test_a_reader_of_the_output_who_leaves_does_not_stop_the_page(tmp_path):
    process = subprocess.Popen(
        [sys.executable, WALKTHROUGH, *PROMPT],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(60) == 0
    assert Page((tmp_path / "walkthrough.html").read_text("utf-8")).events("output")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send")
def test_interrupted_in_one_line(tmp_path):
    process = subprocess.Popen(
        [sys.executable, WALKTHROUGH, *PROMPT, "--tokens", "200"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and not list(tmp_path.iterdir())
    assert errors.splitlines()[-1].startswith(
        "walkthrough.py: stopped; type: python walkthrough.py"
    )


@pytest.fixture
def beside(tmp_path):
    """A function that runs walkthrough.py beside another easygpt2.py."""

    def run(source):
        harness.house(tmp_path)
        (tmp_path / "easygpt2.py").write_text(source, "utf-8")
        done = harness.command(*PROMPT, program=tmp_path / "walkthrough.py", cwd=tmp_path)
        page = tmp_path / "walkthrough.html"
        return done, page.exists() and Page(page.read_text("utf-8"))

    return run


@pytest.fixture
def edited(beside):
    """A function that runs walkthrough.py beside an easygpt2.py in which `old` reads `new`."""

    def run(old, new):
        assert old in harness.SOURCE
        return beside(harness.SOURCE.replace(old, new, 1))

    return run


def test_shows_what_a_reader_has_changed(edited):
    old = "        bent = gelu("
    done, page = edited(old, "        size = float(np.sum(normed))\n" + old)
    assert done.returncode == 0, done.stderr
    assert len(page.events("size")) == 8 * 6


def test_shows_the_run_up_to_a_readers_error(edited):
    old = '        normed = layer_norm(residual, *parts["ln_1"]'
    done, page = edited(old, "        mistake = wte @ wpe\n" + old)
    line = harness.SOURCE[: harness.SOURCE.index(old)].count("\n") + 1
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"walkthrough.py: easygpt2.py stopped at line {line}: ValueError: ")
    assert last.endswith("type: python -m webbrowser walkthrough.html")
    assert f"line {line}: ValueError" in page.visible
    number = page.data["events"]["statement"][page.data["failure"][0]]
    assert page.data["statements"][number]["first"] == line
    assert page.events("residual") and not page.events("mistake")


@pytest.mark.parametrize(
    "wrong, problem", [("n_past = = 0", "invalid syntax"), ("break", "'break' outside loop")]
)
def test_a_readers_syntax_error_is_one_line(edited, wrong, problem):
    done, page = edited("n_past = 0", wrong)
    assert done.returncode == 1 and not page
    assert done.stderr.count("\n") == 1 and f"{problem}; type: python " in done.stderr


@pytest.mark.parametrize("other", ["np.zeros([2, 3, 4])", "np.ones(3)", "[1, 2]", "None"])
def test_a_reader_may_use_a_known_name_for_something_else(edited, other):
    old = "n_past = 0  # how many rows are in the cache\n"
    done, page = edited(
        old, f"{old}attention_weights = logits = probabilities = pieces = {other}\n"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "source, problem",
    [
        ("raise BaseException('\\x1b[1m at all')", "line 1: BaseException: \\x1b[1m at all"),
        ("class E(Exception):\n    __str__ = None\nraise E", "line 3: E: <"),
        ("def f(n): return f(n + 1)\nf(0)", "line 1: RecursionError: maximum recursion depth"),
    ],
)
def test_shows_the_run_up_to_any_end(beside, source, problem):
    done, page = beside(source)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith(f"walkthrough.py: easygpt2.py stopped at {problem}")
    assert "The run stopped at line " in page.visible and page.data["events"]["statement"]


def test_numbers_are_stored_exactly(beside):
    """Each kind as itself: what a float64 has more than a float32 is not lost on the page."""
    done, page = beside("""
import numpy as np
a = np.array([1 / 3, 1e300, np.nan])
b = np.array([1 / 3, 1e30], "f4")
c = np.array([0.1, 6e4], "f2")
d = np.array([2**31 - 1, -5])
e = np.array([2**31])
f = np.array([True, False])
""")
    assert done.returncode == 0, done.stderr
    found = [page.array(page.events(name)[0][1]["array"]) for name in "abcdef"]
    expected = [[1 / 3, 1e300, np.nan], np.float32([1 / 3, 1e30]), np.float16([0.1, 6e4])]
    expected += [[2**31 - 1, -5], [2**31], [1, 0]]
    for array, numbers in zip(found, expected, strict=True):
        np.testing.assert_array_equal(array, numbers)


def test_a_page_that_only_quotes_the_mark_is_not_replaced(tmp_path):
    text = "<!doctype html>\n" + 200 * "x" + "<!-- made by walkthrough.py -->"
    (tmp_path / "mine.html").write_text(text, "utf-8")
    done = walk(*PROMPT, "--out", "mine.html", cwd=tmp_path)
    assert done.returncode == 1 and "choose another name" in done.stderr
    assert (tmp_path / "mine.html").read_text("utf-8") == text


def test_says_where_the_recording_ends(beside):
    done, page = beside("import sys\nsys.settrace(None)\nx = 1\n")
    assert done.returncode == 0 and "Nothing of the run is left out" not in page.visible
    assert page.visible.count("line 2: Python's trace was cut") == 2
    assert page.data["endOfRecording"][0] == 1 and not page.events("x")


def test_says_which_calls_are_too_deep(beside):
    done, page = beside("def f(n):\n    return n and f(n - 1)\nx = f(102)\n")
    assert done.returncode == 0 and "3 calls, deeper than 100 functions" in page.visible
    assert page.data["endOfRecording"] == [None, None]


@pytest.mark.parametrize("source", ["", "# %% Step 1. Nothing yet\n", '"""Nothing."""\n'])
def test_a_script_in_which_nothing_runs(beside, source):
    done, page = beside(source)
    assert done.returncode == 1 and not page and done.stderr.count("\n") == 1
    assert done.stderr.startswith("walkthrough.py: easygpt2.py has no line that runs")


def test_a_byte_order_mark_is_no_error(edited):
    done, page = edited("# /// script", "\ufeff# /// script")
    assert done.returncode == 0, done.stderr


def test_the_script_is_not_called_but_by_itself(edited):
    old = "    exp = np.exp("
    done, page = edited(old, "    print('softmax', x.shape)\n" + old)
    assert done.stdout.count("softmax (") == 8 * 6 * 6
    printed = page.data["events"]["printed"].values()
    assert sum(text.count("softmax (") for text in printed) == 8 * 6 * 6


def test_hostile_prompt_stays_text(tmp_path):
    prompt = "</script><script>alert(1)</script>'\"&lt;\u202e\x1b\x07<!--\n<img src=x onerror=a()>"
    done = walk(prompt, *PROMPT[1:], "--tokens", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    page = Page((tmp_path / "walkthrough.html").read_text("utf-8"))
    assert "onerror" not in page.attributes and "src" not in page.attributes
    assert page.events("prompt")[-1][1] == prompt


def test_page_of_tales_is_small(page, tmp_path):
    """10 MB were promised for a default run; a prompt of 15 words is longer than most."""
    prompt = "Once upon a time there was a poor old man who lived in the woods"
    done = walk(prompt, *PROMPT[1:], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "walkthrough.html").stat().st_size < 10e6


@pytest.mark.skipif(
    "EASYGPT2_TEST_ALL" not in os.environ, reason="writes 0.5 GB: EASYGPT2_TEST_ALL=1"
)
def test_page_of_124M_sizes_is_below_60_MB(openai_vocabulary, tmp_path):
    config = random_model.config_of(n_layer=12, n_head=12, n_embd=768, n_ctx=1024, n_vocab=50257)
    model = random_model.write_model(tmp_path / "model", config)
    for name in ("vocab.json", "merges.txt"):
        (model / name).write_bytes((openai_vocabulary / name).read_bytes())
    prompt = "Alan Turing theorized that computers would one day become"
    done = walk(prompt, "--model", str(model), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "walkthrough.html").stat().st_size < 60e6
