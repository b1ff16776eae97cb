"""The page that runs in the browser alone: the site as a folder, and in a real browser.

EASYGPT2_TEST_PYODIDE names a folder with Pyodide. Without its numpy (npm's package has none) the
page can show what it does with such a one; with it every test runs.
"""

import contextlib
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import download
import harness
import hub as hubs
import random_model
import walkthrough
from browser import DESK, TOUCH, served
from conftest import WITHOUT_NUMPY
from tools import published
from tools.command import Refused
from tools.live import exercises, pyodide, run, site

TABLET = {"viewport": {"width": 820, "height": 1180}, "has_touch": True}
REQUEST = dict.fromkeys(["prompt", *run.OPTIONS], "") | {"prompt": "Once upon a time"}
REQUEST["model"] = "tales"
SOLUTIONS = [
    (one["number"], solution)
    for one in exercises.exercises_of(harness.SOURCE)
    for solution in one["solutions"]
]
# What Chromium says where a test lets something fail: a network that is off, a connection that is
# cut, a handler that the policy forbids, Python that is no more.
EXPECTED = [
    "ERR_INTERNET_DISCONNECTED",
    "ERR_CONTENT_LENGTH",
    "inline event handler",
    "fatal error",
]
EXPECTED += ["stack trace", "EvalError", "Connecting to", "Fetch API cannot load"]
RUN_IDS = [2176, 661, 258, 525, 436, 307, 258, 569, 853, 778, 417, 339]


def with_edits(edits):
    """The program with these edits."""
    lines, made, at = harness.SOURCE.split("\n"), [], 0
    for first, gone, come in edits:
        made += [*lines[at:first], *come]
        at = first + gone
    return "\n".join([*made, *lines[at:]])


# -- the folder


@pytest.fixture(scope="module")
def recorded():
    os.chdir(harness.ROOT)
    return walkthrough.record("easygpt2.py", harness.SOURCE, run.arguments_of(REQUEST))


@pytest.fixture(scope="module")
def dummies(tmp_path_factory):
    """A folder with all files of a Pyodide, of which none is Pyodide's."""
    folder = tmp_path_factory.mktemp("dummies")
    wheels = {name: {"name": name, "file_name": file, "sha256": hashlib.sha256(b"").hexdigest()}
              for name, (file, _) in pyodide.WHEELS.items()}  # fmt: skip
    for name in [*pyodide.CORE, *[one["file_name"] for one in wheels.values()]]:
        (folder / name).write_bytes(b"")
    (folder / pyodide.LOCK).write_text(json.dumps({"packages": wheels}), "utf-8")
    return folder


def files_in(folder):
    return {path.name: path for path in folder.iterdir()}


def hashes_in(folder):
    """Those of Pyodide's own files in this folder, as tools/live/pyodide.py has them."""
    return {name: (pyodide.hash_of(folder / name), 0) for name in pyodide.CORE}


def test_the_site_holds_all_that_its_page_asks_for(tmp_path, recorded, dummies):
    """By name and hash; and another program's site takes its place."""
    target = tmp_path / "site"
    site.write(target, recorded, REQUEST, files_in(dummies))
    page = (target / "index.html").read_text("utf-8")
    asked = json.loads(re.search('id="site">(.+?)</script>', page)[1])
    tables = [asked["python"]["scripts"], asked["python"]["files"], asked["files"]]
    urls = {one["url"]: one["integrity"] for table in tables for one in table.values()}
    assert len(urls) == sum(map(len, tables)) and "models/tales/model.safetensors" in urls
    for url, integrity in urls.items():
        assert site.integrity(hashlib.sha256((target / url).read_bytes()).hexdigest()) == integrity
    there = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    assert there == {*urls, "index.html", "python.html", "site.json"}
    assert (target / "easygpt2.py").read_text("utf-8") == harness.SOURCE
    site.write(target, recorded, REQUEST)
    assert not (target / "pyodide").exists() and os.listdir(tmp_path) == ["site"]


def contents(folder):
    """{path: bytes} of all files below a folder, None for folders."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def own_files(folder, recorded, there):
    """Let a folder be there that is no site, or no longer as it was made; return what is named."""
    target = folder / "site"
    if there == "a file":
        target.write_text("mine", "utf-8")
        return "site is there already, and no folder"
    if there in ("a folder", "a list of the user's", "a list with a marker"):
        target.mkdir()
        (target / "index.html").write_text("mine", "utf-8")
        found = {"index.html": hashlib.sha256(b"mine").hexdigest()}
        if there != "a folder":
            found = {"sha256": found} if there == "a list with a marker" else found
            (target / "site.json").write_text(json.dumps(found), "utf-8")
        return "index.html is no part"
    site.write(target, recorded, REQUEST)
    if there == "a site with more in it":
        (target / "CNAME").write_text("mine", "utf-8")
        return "CNAME is no part"
    if there == "a site with a folder in it":
        (target / "mine").mkdir()
        return "mine is no part"
    if there == "a site with a changed file":
        (target / "easygpt2.py").write_text("mine", "utf-8")
        return "easygpt2.py was changed"
    if there == "a site with a changed list":
        (target / "CNAME").write_text("mine", "utf-8")
        found = json.loads((target / "site.json").read_text("utf-8"))
        found["sha256"]["CNAME"] = hashlib.sha256(b"mine").hexdigest()
        (target / "site.json").write_text(json.dumps(found), "utf-8")
        return "is no part"
    kept = target.rename(folder / "kept")
    target.symlink_to(kept)
    return "site is there already, and no folder"


@pytest.mark.parametrize(
    "there",
    ["a file", "a folder", "a list of the user's", "a list with a marker", "a link to a site"]
    + [f"a site with {what}" for what in ("more in it", "a folder in it")]
    + [f"a site with {what}" for what in ("a changed file", "a changed list")],
)
def test_nothing_of_the_users_is_replaced(tmp_path, recorded, there):
    named = own_files(tmp_path, recorded, there)
    before = contents(tmp_path)
    with pytest.raises(Refused, match=named) as refused:
        site.write(tmp_path / "site", recorded, REQUEST)
    assert "choose another name" in str(refused.value)
    assert refused.value.next_command == f"python walkthrough.py --site {tmp_path / 'site-2'}"
    assert contents(tmp_path) == before


def test_what_comes_into_a_site_meanwhile_is_named_where_it_is(tmp_path, recorded, monkeypatch):
    """Not where the site lies for a moment while another takes its place."""
    target = tmp_path / "site"
    site.write(target, recorded, REQUEST)
    made = site.files_of

    def files_of(*given):
        (target / "CNAME").write_text("mine", "utf-8")
        return made(*given)

    monkeypatch.setattr(site, "files_of", files_of)
    monkeypatch.chdir(tmp_path)
    before = contents(target) | {"CNAME": b"mine"}
    with pytest.raises(Refused, match=r"^site/CNAME is no part of a site of mine") as refused:
        site.write(Path("site"), recorded, REQUEST)
    assert refused.value.next_command == "python walkthrough.py --site site-2"
    assert contents(target) == before and os.listdir(tmp_path) == ["site"]


@pytest.mark.parametrize("name", [".", "/", "..", "~", "models", "project", "link", "file", "here"])
def test_a_folder_that_is_somebodys_is_refused_in_one_line(tmp_path, monkeypatch, name):
    """At once, however much is in it, and with something to type."""
    there = tmp_path / "here"
    there.mkdir()
    (tmp_path / "file").write_text("mine", "utf-8")
    (tmp_path / "link").symlink_to(there)
    monkeypatch.chdir(there)
    target = {"~": Path.home(), "models": harness.ROOT / "models", "project": harness.ROOT}.get(
        name
    )
    if target is None:
        target = name if name in (".", "/", "..") else tmp_path / name
    before = contents(tmp_path)
    done = harness.command_here("walkthrough.py", walkthrough.main, "--site", str(target))
    assert done.returncode and done.stdout == "" and done.stderr.count("\n") == 1
    assert "; type: python walkthrough.py --site " in done.stderr
    assert contents(tmp_path) == before and harness.PROGRAM.is_file()


def test_an_empty_folder_becomes_a_site(tmp_path, recorded):
    (tmp_path / "site").mkdir()
    site.write(tmp_path / "site", recorded, REQUEST)
    assert (tmp_path / "site" / "index.html").is_file() and os.listdir(tmp_path) == ["site"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("when", ["write_bytes", "rename"])
def test_a_signal_leaves_the_old_site_or_the_new_one(tmp_path, recorded, name, when):
    """And nothing beside it: in the middle of a file, and while one takes the other's place."""
    target = tmp_path / "site"
    site.write(target, recorded, REQUEST)
    before = contents(target)
    code = f"""
import os, pathlib, signal, sys
signal.signal(signal.{name}, signal.SIG_DFL)  # the tests may run in nohup
sys.path.insert(0, {str(harness.ROOT)!r})
import walkthrough
from tools import command
real = pathlib.Path.{when}
def act(path, *arguments):
    made = real(path, *arguments)
    if path.name in ("config.json", "site"):
        os.kill(os.getpid(), signal.{name})
    return made
pathlib.Path.{when} = act
sys.argv = ["walkthrough.py", "--site", {str(target)!r}, "The king"]
command.run("walkthrough.py", walkthrough.main)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert os.listdir(tmp_path) == ["site"], done.stderr
    if when == "write_bytes":
        assert done.returncode == 130 and done.stderr.splitlines()[-1].startswith(
            "walkthrough.py: stopped; type: python walkthrough.py --site"
        )
        assert contents(target) == before
    else:
        assert done.returncode == 0, done.stderr
        assert contents(target).keys() == before.keys()
        assert contents(target)["index.html"] != before["index.html"]
    site.check_replaceable(target)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_a_signal_that_is_ignored_stays_ignored():
    handler = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with site.signals_wait() as came:
            os.kill(os.getpid(), signal.SIGHUP)
        assert came == [] and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, handler)


def test_from_its_cdn_every_file_is_pinned_by_its_hash(tmp_path, recorded):
    site.write(tmp_path / "site", recorded, REQUEST)
    page = (tmp_path / "site" / "index.html").read_text("utf-8")
    python = json.loads(re.search('id="site">(.+?)</script>', page)[1])["python"]
    files = python["scripts"] | python["files"]
    brought = [one["url"] for one in files.values() if one["url"].startswith("https:")]
    assert len(brought) == len(pyodide.CORE) + len(pyodide.WHEELS) == 9
    assert all(url.startswith("https://cdn.jsdelivr.net/") and "0.28.3" in url for url in brought)
    assert all(re.fullmatch(r"sha256-[\w+/]{43}=", one["integrity"]) for one in files.values())
    policy = re.search('Policy" content="(.+?)"', page)[1]
    assert re.search("connect-src ([^;]+)", policy)[1].split() == [
        "'self'",
        "https://cdn.jsdelivr.net/npm/pyodide@0.28.3/",
        "https://cdn.jsdelivr.net/pyodide/v0.28.3/full/",
        "https://huggingface.co",
        "https://*.huggingface.co",
        "https://*.hf.co",
    ]
    assert "unsafe" not in policy and "frame-src 'self'" in policy
    room = (tmp_path / "site" / "python.html").read_text("utf-8")
    assert "default-src 'none'; script-src 'sha256-" in room and "connect-src" not in room


def damage(folder, how):
    """Let something be missing or wrong; return what the refusal has to name."""
    numpy = pyodide.WHEELS["numpy"][0]
    if how == "no numpy":
        (folder / numpy).unlink()
    elif how == "no wasm":
        (folder / "pyodide.asm.wasm").unlink()
        return "pyodide.asm.wasm"
    elif how == "another numpy":
        (folder / numpy).write_bytes(b"x")
    elif how == "an empty lock":
        (folder / pyodide.LOCK).write_text("{}", "utf-8")
        return "names no numpy"
    else:
        (folder / how).write_bytes(b"x")
        return f"{how} is not that of Pyodide 0.28.3"
    return numpy


@pytest.mark.parametrize(
    "how",
    ["no numpy", "no wasm", "another numpy", "an empty lock"]
    + ["pyodide.asm.js", "pyodide.js", "pyodide.asm.wasm", "python_stdlib.zip"],
)
def test_a_folder_that_is_no_such_pyodide_is_refused_in_one_line(
    tmp_path, dummies, monkeypatch, how
):
    monkeypatch.setattr(pyodide, "CORE", hashes_in(dummies))
    folder = shutil.copytree(dummies, tmp_path / "pyodide")
    named = damage(folder, how)
    done = harness.command_here(
        "walkthrough.py", walkthrough.main, "--site", str(tmp_path / "s"), "--pyodide", str(folder)
    )
    assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1
    assert named in done.stderr
    assert done.stderr.endswith("; type: python download.py pyodide\n")
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("lock", ["its own", "another"])
def test_a_lock_of_other_wheels_is_accepted_with_a_note(
    tmp_path, dummies, monkeypatch, capsys, lock
):
    monkeypatch.setattr(pyodide, "CORE", hashes_in(dummies))
    folder = shutil.copytree(dummies, tmp_path / "pyodide")
    if lock == "another":
        found = json.loads((folder / pyodide.LOCK).read_text("utf-8"))
        numpy = found["packages"]["numpy"]
        (folder / numpy["file_name"]).write_bytes(b"built here")
        numpy["sha256"] = hashlib.sha256(b"built here").hexdigest()
        (folder / pyodide.LOCK).write_text(json.dumps(found), "utf-8")
    assert len(pyodide.check_distribution(folder)) == 9
    said = capsys.readouterr().err
    assert said == "" if lock == "its own" else "pyodide-lock.json is not that of Pyodide" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--pyodide", "x"], "--pyodide is for --site"),
        (["--site", "s", "--live"], "--live does not go with --site"),
        (["--site", "s", "--compare", "x.py"], "--compare does not go with --site"),
        (["--site", "s", "--out", "x.html"], "--out does not go with --site"),
        (["--site", "s", "--open"], "--open does not go with --site"),
        (["--site", "s", "--port", "8000"], "--port is for --live"),
        (["--site", "s", "--model", "gpt2"], "models/tales only"),
        (["--site", "nowhere/s"], "there is no folder nowhere"),
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = harness.command_here("walkthrough.py", walkthrough.main, *arguments)
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.count("\n") == 1
    assert said in done.stderr and "; type: python walkthrough.py" in done.stderr
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not shutil.which("git"), reason="applies the solutions by git")
def test_the_solutions_are_what_git_makes_of_them(tmp_path):
    """Of all 18 exercises, in the states in which docs/exercises.md runs them."""
    assert {number for number, _ in SOLUTIONS} == {*range(1, 19)}
    for _, solution in SOLUTIONS:
        (tmp_path / "easygpt2.py").write_text(harness.SOURCE, "utf-8")
        for name in solution["name"].split(" and "):
            patch = harness.ROOT / "docs" / "solutions" / f"{name}.patch"
            subprocess.run(["git", "apply", str(patch)], cwd=tmp_path, check=True)
        made = (tmp_path / "easygpt2.py").read_text("utf-8")
        assert made == with_edits(solution["edits"]) != harness.SOURCE
        assert solution["request"]["prompt"] and solution["request"]["model"] == "tales"


def test_the_exercises_of_the_page_say_what_the_document_says():
    text = (harness.ROOT / "docs" / "exercises.md").read_text("utf-8")
    found = exercises.exercises_of(harness.SOURCE)
    assert [f"## {one['number']}. {one['title']}" for one in found] == re.findall(
        "^## .+", text, re.M
    )
    assert found[0]["task"].startswith("<p><em>Step 13, four lines.</em> The program shows only")
    assert "<code>np.argsort</code>" in found[0]["task"] and "Ġthere 0.55" in found[0]["expect"]
    for one in found:
        assert "git apply" not in one["expect"] and "```" not in one["task"] + one["expect"]
        assert not re.search(r"^\||\n\n", one["task"] + one["expect"]), one["title"]
    twelfth = found[11]["expect"]
    assert "(put in: show the perplexity, no mask)" in twelfth and "(put in: no cache)" in twelfth
    tables = [one["number"] for one in found if "<table>" in one["expect"]]
    in_document = [
        int(part.split(".")[0])
        for part in re.split("^## ", text, flags=re.M)[1:]
        if re.search(r"^\|", part, re.M)
    ]
    assert tables == in_document and tables


@pytest.fixture
def cdn(tmp_path, monkeypatch):
    """A server that has a Pyodide, in the place of its CDN."""
    folder = tmp_path / "cdn"
    folder.mkdir()
    core, wheels = {}, {}
    for name in pyodide.CORE:
        (folder / name).write_bytes(name.encode())
        core[name] = (hashlib.sha256(name.encode()).hexdigest(), len(name))
    for name, (file, _) in pyodide.WHEELS.items():
        (folder / file).write_bytes(file.encode())
        wheels[name] = (file, hashlib.sha256(file.encode()).hexdigest())
    monkeypatch.setattr(pyodide, "CORE", core)
    monkeypatch.setattr(pyodide, "WHEELS", wheels)
    with served(folder) as url:
        monkeypatch.setattr(pyodide, "CORE_URL", url)
        monkeypatch.setattr(pyodide, "WHEELS_URL", url)
        yield folder


def test_pyodide_is_brought_whole_or_not_at_all(tmp_path, cdn):
    target = tmp_path / "pyodide"
    (cdn / "python_stdlib.zip").write_bytes(b"a proxy's page")
    with pytest.raises(Refused, match="python_stdlib.zip gave a file with the sha256"):
        pyodide.bring(target)
    (cdn / "python_stdlib.zip").unlink()
    with pytest.raises(Refused, match="cannot bring"):
        pyodide.bring(target)
    assert os.listdir(tmp_path) == ["cdn"]
    (cdn / "python_stdlib.zip").write_bytes(b"python_stdlib.zip")
    pyodide.bring(target)
    assert sorted(os.listdir(target)) == sorted(os.listdir(cdn))


@pytest.mark.parametrize("there", ["no numpy", "a file", "a link to nowhere"])
def test_beside_what_is_no_pyodide_the_next_command_brings_one(tmp_path, cdn, monkeypatch, there):
    """And keeps what was there, whatever else has been put aside before."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(download, "PYODIDE", tmp_path / "pyodide")
    (tmp_path / "pyodide-2").mkdir()
    if there == "no numpy":
        shutil.copytree(cdn, tmp_path / "pyodide")
        damage(tmp_path / "pyodide", there)
    elif there == "a file":
        (tmp_path / "pyodide").write_text("mine", "utf-8")
    else:
        (tmp_path / "pyodide").symlink_to(tmp_path / "nowhere")
    before = sorted(os.listdir(tmp_path / "pyodide")) if there == "no numpy" else None
    done = harness.command_here("download.py", download.main, "pyodide")
    assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1
    assert done.stderr.startswith("download.py: pyodide is there, but: ")
    move, _, again = done.stderr.strip().partition("; type: ")[2].partition(" && ")
    assert again == "python download.py pyodide"
    subprocess.run(shlex.split(move), check=True)
    done = harness.command_here("download.py", download.main, "pyodide")
    assert done.returncode == 0 and "pyodide is ready" in done.stdout
    assert os.path.lexists(tmp_path / "pyodide-3")
    assert before is None or sorted(os.listdir(tmp_path / "pyodide-3")) == before


# -- in a browser


@pytest.fixture(scope="module")
def distribution():
    """The folder with a Pyodide, perhaps one without numpy."""
    folder = os.environ.get("EASYGPT2_TEST_PYODIDE")
    if not folder:
        pytest.skip(f"{WITHOUT_NUMPY}: EASYGPT2_TEST_PYODIDE names no folder")
    return (harness.ROOT / folder).resolve()


@pytest.fixture(scope="module")
def whole(tmp_path_factory, recorded, distribution):
    """The address of a site in which the program runs."""
    if not (distribution / pyodide.WHEELS["numpy"][0]).is_file():
        pytest.skip(f"{WITHOUT_NUMPY}: {distribution.name} has {pyodide.LOCK} and no numpy")
    target = tmp_path_factory.mktemp("whole") / "site"
    site.write(target, recorded, REQUEST, pyodide.check_distribution(distribution))
    with served(target) as url:
        yield url


@pytest.fixture(scope="module")
def still(tmp_path_factory, recorded, dummies):
    """The address of a site in which Python does not start, and all else is as it should be."""
    target = tmp_path_factory.mktemp("still") / "site"
    site.write(target, recorded, REQUEST, files_in(dummies))
    with served(target) as url:
        yield url


@pytest.fixture
def visit(browser):
    """A function that opens a site; in the end nothing has failed that was not to fail."""
    contexts, problems = [], []

    def open_page(url, hash="", context=None, **options):
        if context is None:
            context = browser.new_context(**{"viewport": DESK, "accept_downloads": True} | options)
            contexts.append(context)
        page = context.new_page()
        page.requests, page.problems = [], problems
        page.set_default_timeout(10_000)
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda box: (problems.append(box.message), box.dismiss()))
        page.on("request", lambda request: page.requests.append(request.url.split("#")[0]))
        page.goto(f"{url}index.html{hash}")
        until(page, "rows.every((row) => row.state !== null)")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [text for text in problems if not any(one in text for one in EXPECTED)] == []


def until(page, condition, seconds=60):
    """Wait until JavaScript says so; the page's policy forbids Playwright's own way."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, (condition, page.inner_text("#run"))
        page.wait_for_timeout(15)


def ready(page):
    until(page, "python.isReady")


def begin(page):
    page.evaluate("window.before = current")
    page.click("#start")


def run_it(page, seconds=60):
    """Press Run, and wait for the recording."""
    begin(page)
    until(page, "!isRunning && current !== window.before", seconds)
    return page.evaluate("data.ids")


def put(page, *change):
    """Let the editor have the program with this (old, new)."""
    text = harness.SOURCE.replace(*change, 1) if len(change) == 2 else change[0]
    assert text != harness.SOURCE
    page.evaluate("(text) => setProgram(text)", text)
    assert page.evaluate("programText()") == text


def hash_of_a_change(page):
    """Return the part of a link that carries head_size**0.25; the page then has that change."""
    put(page, "head_size**0.5", "head_size**0.25")
    return page.evaluate("linkOfChange().then((link) => new URL(link).hash)")


def told(page):
    return page.inner_text("#run-told")


def printed(page):
    return page.evaluate("Object.values(data.events.printed).join('')")


# -- the editor, links and exercises: no Python needed


def test_the_recorded_page_is_there_and_says_why_python_is_not(visit, still):
    page = visit(still)
    assert page.locator("#tokens .token").count() == len(RUN_IDS)
    until(
        page, "byId('python').textContent.includes('did not') || byId('python').matches('.error')"
    )
    assert page.locator("#python.error").inner_text()
    begin(page)
    until(page, "!isRunning")
    assert page.locator("#run-told.error").inner_text()
    assert page.locator("#tokens .token").count() == len(RUN_IDS)


def pass_time(page, condition):
    """Let the page's clock run fast until JavaScript says so."""
    end = time.monotonic() + 30
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        page.clock.fast_forward(1_000)


def test_a_frame_that_does_not_come_is_told_and_comes_when_it_is_there(visit, browser, still):
    """The browser itself tells nothing of it: the server may answer with a page of its own."""
    with contextlib.closing(browser.new_context(viewport=DESK)) as context:
        context.clock.install()
        context.route("**/python.html", lambda route: route.fulfill(body="no such page"))
        page = visit(still, context=context)
        said = "python.html, which did not come. Reload the page"
        pass_time(page, "byId('python').matches('.error')")
        assert said in page.inner_text("#python")
        begin(page)
        pass_time(page, "!isRunning")
        assert said in told(page)
        assert page.locator("iframe").count() == 0
        context.unroute("**/python.html")
        begin(page)
        until(page, "!isRunning", 5)
        assert "python.html" not in told(page)  # but that this Pyodide is none


def test_the_editor_keeps_the_place_and_the_reader_can_type(visit, still):
    page = visit(still)
    page.evaluate("scrollTo(0, 5000)")
    page.wait_for_timeout(100)
    before = page.evaluate("lineInView()")
    page.evaluate("byId('edit').click()")
    assert page.evaluate("lineInView().line") - before["line"] in (0, 1, 2)  # the bar has grown
    line = next(
        i for i, text in enumerate(harness.SOURCE.split("\n")) if "for layer, parts" in text
    )
    begin = len("\n".join(harness.SOURCE.split("\n")[: line + 1]))
    page.evaluate("(at) => { field().focus(); field().setSelectionRange(at, at); }", begin)
    page.keyboard.press("Enter")
    page.keyboard.type("x = 1")
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("y = 2  # 'z'")
    lines = page.evaluate("programText()").split("\n")
    assert lines[line + 1 : line + 3] == ["    x = 1", "y = 2  # 'z'"]
    assert page.inner_text("#changed") == "2 lines changed"
    assert page.locator("#coloured .line.new").count() == 2
    assert page.locator("#coloured .new .c1").inner_text() == "# 'z'"
    shown = page.locator("#coloured .line").evaluate_all(
        "(all) => all.map((one) => one.textContent)"
    )
    assert shown == lines
    for _ in range(40):
        page.keyboard.press("Control+z")
    assert page.evaluate("programText()") == harness.SOURCE
    assert page.inner_text("#changed") == "nothing changed"
    page.keyboard.press("Control+Shift+z")
    assert page.evaluate("programText()") != harness.SOURCE
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement !== field()")


def test_colours_are_those_of_python(visit, still):
    """Of every line of the program: strings and comments as Python's own tokenizer has them."""
    import io
    import tokenize

    page = visit(still)
    found = page.evaluate("coloured(original)")
    kinds = {tokenize.COMMENT: "c1", tokenize.STRING: "s1"}
    names = {"FSTRING_START", "FSTRING_MIDDLE", "FSTRING_END"} & {*dir(tokenize)}
    expected = {}
    for token in tokenize.generate_tokens(io.StringIO(harness.SOURCE).readline):
        if token.type in kinds and token.start[0] == token.end[0]:
            expected[token.start] = (kinds[token.type], token.string)
    assert names or len(expected) > 300
    for (line, column), (kind, text) in expected.items():
        at = 0
        for one, piece in found[line - 1]:
            if at <= column < at + len(piece):
                assert one in (kind, "s1"), (line, text)  # a string within an f-string
                assert text in piece
            at += len(piece)


def test_a_change_comes_back_after_the_tab_is_closed_and_reset_takes_it_away(visit, still):
    page = visit(still)
    put(page, "n_past = 0", "n_past = 0  # mine")
    page.reload()
    until(page, "rows.every((row) => row.state !== null)")
    assert "# mine" in page.evaluate("programText()")
    assert "Your change of before" in told(page)
    page.click("#edit")
    page.click("#reset")
    assert page.evaluate("programText()") == harness.SOURCE
    page.click("#undo")
    assert "# mine" in page.evaluate("programText()")
    with page.expect_download() as saved:
        page.click("#download")
    assert saved.value.suggested_filename == "easygpt2.py"
    assert "# mine" in Path(saved.value.path()).read_text("utf-8")


def test_a_link_carries_the_change_and_runs_nothing(visit, still):
    page = visit(still)
    put(page, "head_size**0.5", "head_size**0.25")
    page.fill("#prompt", "The old wolf")
    page.fill("[name=tokens]", "3")
    page.click("#link")
    until(page, "byId('link-text').value")
    link = page.input_value("#link-text")
    assert link.startswith(f"{still}index.html#change=") and len(link) < 400
    other = visit(still, link.partition("index.html")[2])
    until(other, "isEditing()")
    assert "head_size**0.25" in other.evaluate("programText()")
    assert (
        other.input_value("#prompt") == "The old wolf" and other.input_value("[name=tokens]") == "3"
    )
    assert "None of it has run" in told(other)
    assert other.locator("#coloured .new").count() == 1
    assert "head_size**0.25" in other.inner_text("#patch ins")
    assert other.evaluate("current.data.source === original && !isRunning")
    box = other.locator("#coloured .new").bounding_box()
    assert 0 < box["y"] < DESK["height"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda hash: hash.replace("change=", "change=0"), "another version of easygpt2.py"),
        (lambda hash: hash[:-9], "damaged"),
        (lambda hash: "#change=nothing", "damaged"),
    ],
)
def test_a_link_that_does_not_fit_changes_nothing(visit, still, change, said):
    page = visit(still)
    put(page, "head_size**0.5", "head_size**0.25")
    hash = page.evaluate("linkOfChange().then((link) => new URL(link).hash)")
    other = visit(still, change(hash))
    until(other, "byId('run-told').textContent")
    assert said in told(other) and other.evaluate("programText()") == harness.SOURCE


def test_a_link_cannot_bring_what_is_no_change(visit, still):
    page = visit(still)
    for edits in (
        [[5, 9999, []]],
        [[0, 0, ["a\nb"]]],
        [[-1, 1, []]],
        [["0", 1, []]],
        {},
        [[9, 1, []], [3, 1, []]],
    ):
        packed = page.evaluate("(edits) => packChange({edits, request: {prompt: 7}})", edits)
        page.evaluate("(packed) => openLink(`#change=${site.hash}.${packed}`)", packed)
        until(page, "byId('run-told').textContent")
        assert "damaged" in told(page), edits
        assert page.evaluate("programText()") == harness.SOURCE


def test_a_link_that_would_be_too_long_is_none(visit, still):
    page = visit(still)
    noise = "\n".join(
        f"# {hashlib.sha512(bytes([i % 256, i // 256])).hexdigest()}" for i in range(400)
    )
    put(page, harness.SOURCE + noise)
    page.click("#link")
    until(page, "byId('link-said').textContent")
    assert "too long for a link" in page.inner_text("#link-said")
    assert (
        not page.locator("#link-text").is_visible() and not page.locator("#link-copy").is_visible()
    )
    with page.expect_download() as saved:
        page.click("#link-download")
    assert Path(saved.value.path()).read_text("utf-8") == harness.SOURCE + noise
    page.click("#link-box .close")
    page.evaluate("setProgram(original)")
    for hash, said in (
        ("'A'.repeat(20_000)", "too long: it has 20,"),
        ("bomb", "too large for any change"),
    ):
        page.evaluate(
            """async (hash) => {
              const zeros = new Blob([new Uint8Array(9_000_000)]).stream();
              const packed = zeros.pipeThrough(new CompressionStream("deflate-raw"));
              const bytes = new Uint8Array(await new Response(packed).arrayBuffer());
              const bomb = btoa(String.fromCharCode(...bytes)).replaceAll("+", "-")
                .replaceAll("/", "_").replace(/=+$/, "");
              tellRun("");
              openLink(`#change=${site.hash}.${hash === "bomb" ? bomb : "A".repeat(20_000)}`);
            }""",
            hash,
        )
        until(page, "byId('run-told').textContent")
        assert said in told(page) and "Nothing was changed" in told(page)
        assert page.evaluate("programText()") == harness.SOURCE


def test_a_link_is_made_only_where_it_can_be_opened(visit, still):
    """However well what it holds is packed."""
    page = visit(still)
    for n in (1_900_000, 2_000_000):
        made = page.evaluate(
            """(n) => packChange({edits: [[0, 0, ["#".repeat(n)]]]})
              .then(unpackChange).then(() => "opened", (error) => error.message)""",
            n,
        )
        assert made == ("opened" if n < 2_000_000 else "too long")


def test_a_browser_without_compression_says_so_of_a_link(visit, still):
    """And neither that a change is too long, nor that a link is damaged."""
    page = visit(still)
    put(page, "n_past = 0", "n_past = 0  # mine")
    hash = page.evaluate("linkOfChange().then((link) => new URL(link).hash)")
    page.evaluate("window.CompressionStream = undefined")
    page.click("#link")
    until(page, "byId('link-said').textContent")
    said = page.inner_text("#link-said")
    assert "This browser cannot make the link" in said and "Download" in said
    assert page.locator("#link-download").is_visible()
    page.click("#link-box .close")
    page.evaluate("(hash) => openLink(hash)", hash)
    until(page, "byId('run-told').textContent")
    assert "too old to read links" in told(page) and "Nothing was changed" in told(page)


TO_MINE = "#aside button:text('Back to mine')"


def test_a_link_leaves_the_readers_own_change_alone(visit, still):
    """Which comes back by a button, and in another tab; the link's survives a reload of its own."""
    hash = hash_of_a_change(visit(still))
    page = visit(still)
    put(page, "n_past = 0", "n_past = 0  # mine")
    page.fill("#prompt", "My prompt")
    page.goto(f"{still}index.html{hash}")
    until(page, "typeof isApart !== 'undefined' && isApart && isEditing()")
    assert "head_size**0.25" in page.evaluate("programText()")
    assert "Your own change is kept" in page.inner_text("#aside")
    page.wait_for_timeout(500)  # until the address is another
    page.goto(f"{still}index.html")
    page.reload()
    until(page, "rows.every((row) => row.state !== null)")
    assert "head_size**0.25" in page.evaluate("programText()")
    again = visit(still, context=page.context)
    assert "# mine" in again.evaluate("programText()")
    assert "head_size**0.25" not in again.evaluate("programText()")
    page.click(TO_MINE)
    assert "# mine" in page.evaluate("programText()")
    page.reload()
    until(page, "rows.every((row) => row.state !== null)")
    assert "# mine" in page.evaluate("programText()")
    assert "head_size**0.25" not in page.evaluate("programText()")


def open_again(page, url):
    page.goto(url)
    until(page, "rows.every((row) => row.state !== null)")


def test_a_link_becomes_the_readers_own_once_they_go_on_with_it(visit, still):
    hash = hash_of_a_change(visit(still))
    page = visit(still, hash)
    until(page, "isEditing()")
    again = visit(still, context=page.context)
    assert again.evaluate("programText()") == harness.SOURCE
    page.evaluate("field().focus(); field().setSelectionRange(0, 0)")
    page.keyboard.type("# an hour's work")
    again = visit(still, context=page.context)
    text = again.evaluate("programText()")
    assert text.startswith("# an hour's work") and "head_size**0.25" in text


def test_after_a_link_and_reset_the_way_back_to_ones_own_change_stays(visit, still):
    hash = hash_of_a_change(visit(still))
    page = visit(still)
    put(page, "n_past = 0", "n_past = 0  # mine")
    page.evaluate("(hash) => openLink(hash)", hash)
    until(page, "programText().includes('head_size**0.25')")
    begin(page)
    until(page, "!isRunning && byId('run-told').textContent")
    assert page.locator(TO_MINE).is_visible()
    page.click("#reset")
    assert page.evaluate("programText()") == harness.SOURCE
    assert "as it came" in told(page) and page.locator(TO_MINE).is_visible()
    open_again(page, f"{still}index.html")
    assert "# mine" in page.evaluate("programText()") and "of before" in told(page)
    page.evaluate("(hash) => openLink(hash)", hash)
    until(page, "programText().includes('head_size**0.25')")
    page.click("#reset")
    page.click(TO_MINE)
    assert "# mine" in page.evaluate("programText()")
    page.click("#reset")
    assert page.locator(TO_MINE).count() == 0


def test_a_solution_leaves_the_readers_own_change_alone(visit, still):
    page = visit(still)
    put(page, "n_past = 0", "n_past = 0  # mine")
    page.evaluate("(one) => putIn(one.edits, one.request, 'exercise 1')", SOLUTIONS[0][1])
    assert page.evaluate("programText()") == with_edits(SOLUTIONS[0][1]["edits"])
    assert "its prompt is filled in above" in told(page)
    open_again(page, f"{still}index.html")
    assert page.evaluate("programText()") == with_edits(SOLUTIONS[0][1]["edits"])
    again = visit(still, context=page.context)
    assert "# mine" in again.evaluate("programText()")
    page.click(TO_MINE)
    mine = page.evaluate("programText()")
    assert "# mine" in mine
    page.evaluate("(one) => putIn(one.edits, one.request, 'exercise 1')", SOLUTIONS[0][1])
    for _ in range(9):
        if page.evaluate("programText()") != mine:
            page.click("#undo")
    assert page.evaluate("programText()") == mine
    page.evaluate("field().focus(); field().setSelectionRange(0, 0)")
    page.keyboard.type("# more")  # which is the reader's own again
    again = visit(still, context=page.context)
    assert again.evaluate("programText()").startswith("# more")


def test_a_change_of_a_program_that_is_no_longer_here_is_kept(visit, tmp_path, recorded, dummies):
    """Until the reader discards it, whatever they do with the new program; also a link's, gone on
    with in this tab."""
    site.write(tmp_path / "site", recorded, REQUEST, files_in(dummies))
    with served(tmp_path / "site") as url:
        page = visit(url)
        put(page, "n_past = 0", "n_past = 0  # mine")
        mine = page.evaluate("programText()")
        page.evaluate("(one) => putIn(one.edits, one.request, 'exercise 1')", SOLUTIONS[0][1])
        solution = page.evaluate("programText()")
        newer = harness.SOURCE.replace("n_past = 0", "n_past = 0  # of this version")
        again = walkthrough.record("easygpt2.py", newer, run.arguments_of(REQUEST))
        site.write(tmp_path / "site", again, REQUEST, files_in(dummies))
        open_again(page, url)
        assert page.evaluate("programText()") == newer and told(page) == ""
        rows = page.locator("#aside p")
        assert rows.count() == 2 and rows.filter(has_text="is another one now").count() == 2
        page.evaluate("setProgram(original.replace('# %% Step 1.', '# newer\\n$&'))")
        open_again(page, url)
        assert "# newer" in page.evaluate("programText()") and "of before" in told(page)
        page.click("#edit")
        page.click("#reset")
        for text in (mine, solution):
            with page.expect_download() as saved:
                rows.first.get_by_text("Download").click()
            assert Path(saved.value.path()).read_text("utf-8") == text
            rows.first.get_by_text("Discard").click()
        assert rows.count() == 0
        open_again(page, url)
        assert rows.count() == 0 and page.evaluate("programText()") == newer


def test_the_address_of_the_folder_and_that_of_its_page_have_one_draft(visit, still):
    page = visit(still)
    put(page, "n_past = 0", "n_past = 0  # mine")
    open_again(page, still)
    assert "# mine" in page.evaluate("programText()")


def test_a_browser_that_keeps_nothing_shows_the_page_all_the_same(visit, browser, still):
    with contextlib.closing(browser.new_context(viewport=DESK)) as context:
        context.add_init_script(
            """for (const name of ["localStorage", "sessionStorage"])
              Object.defineProperty(window, name, {
                get() { throw new DOMException("denied", "SecurityError"); },
              });"""
        )
        page = visit(still, context=context)
        put(page, "n_past = 0", "n_past = 0  # mine")
        until(page, "byId('python').matches('.error')")
        begin(page)
        until(page, "!isRunning")
        page.evaluate("(one) => putIn(one.edits, one.request, 'exercise 1')", SOLUTIONS[0][1])
        assert page.evaluate("programText()") == with_edits(SOLUTIONS[0][1]["edits"])
        page.click("#reset")
        assert page.evaluate("programText()") == harness.SOURCE


RECORDING = "{data: {...data, source: original, slip: %s, failure: [null, '']}}"


def test_a_run_that_ends_leaves_whoever_types_in_the_editor(visit, still):
    """But closes it where the text is what ran."""
    page = visit(still)
    put(page, "n_past = 0", "n_past = 0  # mine")
    for slip in ("null", "3"):
        page.evaluate(f"takeRecording({{done() {{}}}}, {RECORDING % slip})")
        assert page.evaluate("isEditing()") and page.locator("#coloured .error").count() == 0
    page.evaluate("setProgram(original)")
    page.evaluate(f"takeRecording({{done() {{}}}}, {RECORDING % 'null'})")
    assert not page.evaluate("isEditing()")


ODD = {
    "nothing": "{data: {}}",
    "no arrays": "{data: {...data, source: 'x = 1', arrays: []}, program: '<p>odd</p>'}",
}
SHOWN = """[address(), rows.length, ...["lines", "map", "in-hand", "choices", "left-out", "notices"]
  .map((id) => byId(id).innerText)]"""


@pytest.mark.parametrize("compares", [False, True])
@pytest.mark.parametrize("odd", ODD)
def test_a_run_that_cannot_be_shown_is_told_and_the_one_before_stays(visit, still, odd, compares):
    """Whole, in its place, with what it was compared with; and the next run is shown."""
    page = visit(still)
    until(page, "byId('python').matches('.error')")
    page.evaluate(
        """() => {
          const {port1: port, port2} = new MessageChannel();
          port2.onmessage = () => port2.postMessage({recording: window.answer});
          python.next = Promise.resolve({number: 99, port, given: new Set()});
        }"""
    )
    if compares:
        page.evaluate("showNew(structuredClone(recordingOfPage), '')")
        page.click("#compare")
        until(page, "compare.whole")
    page.evaluate("moveTo(eventAt(choiceStatement, -1), true)")
    before = page.evaluate(SHOWN)
    page.evaluate("window.before = [current, whole, latest, previous]")
    page.evaluate(f"window.answer = JSON.stringify({{done: {ODD[odd]}}})")
    page.click("#start")
    until(page, "!isRunning", 10)
    assert "The page cannot show this run (" in told(page)
    assert "shows the run before" in told(page)
    if compares:
        until(page, "compare.whole")
    assert page.evaluate("!document.body.innerText.includes('odd')")
    assert page.evaluate(SHOWN) == before
    assert page.evaluate("[current, whole, latest, previous].every((one, i) => one === before[i])")
    assert page.evaluate("compareOn()") == compares
    page.evaluate("showNew(structuredClone(recordingOfPage), '')")
    page.evaluate("showAll()")
    page.click("#L414 .name >> nth=0")
    assert page.evaluate("lineOf(inHand())") == 414


@pytest.mark.parametrize(
    ("pieces", "kept"),
    [
        (["a\n"] * 6_000, "a\n" * 5_000 + "a"),
        (["a"] * 100_000 + ["b", "c"], "a" * 100_000),
        (["a\n" * 6_000, "b", "c"], "a\n" * 5_000 + "a"),
        (["a" * 100_001], "a" * 100_000),
    ],
    ids=["rows", "characters", "rows at once", "characters at once"],
)
def test_behind_a_cut_nothing_is_kept_of_what_is_printed(browser, pieces, kept):
    with contextlib.closing(browser.new_context()) as context:
        page = context.new_page()
        page.add_script_tag(path=harness.ROOT / "tools" / "page" / "worker.js")
        output, is_cut = page.evaluate(
            """(pieces) => {
              const all = [];
              const telling = new Telling({postMessage: ({told}) => all.push(told)});
              for (const piece of pieces) telling.print("out", piece);
              telling.send();
              const output = all.flatMap((told) => told.output.map(([, text]) => text)).join("");
              return [output, all.some((told) => told.isCut)];
            }""",
            pieces,
        )
        assert is_cut and output == kept


def test_the_editor_by_keyboard(visit, still):
    page = visit(still)
    page.evaluate("scrollTo(0, 5000)")
    page.focus("#edit")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement === field()")
    place = page.evaluate("[lineInView().line, field().selectionStart]")
    line = harness.SOURCE[: place[1]].count("\n") + 1
    assert abs(line - place[0]) <= 2 and line > 50
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement === field() && programText() !== original")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "edit"
    page.keyboard.press("Enter")
    assert not page.evaluate("isEditing()")


def test_reset_takes_away_all_that_an_exercise_brought(visit, still):
    """The change, the prompt and options, and what was said of a slip."""
    page = visit(still)
    page.fill("#prompt", "My prompt")
    page.evaluate("(one) => putIn(one.edits, one.request, '1')", SOLUTIONS[0][1])
    assert page.input_value("#prompt") == "Once upon a time" and "Now press Run" in told(page)
    assert page.input_value("[name=tokens]") == "3"
    assert page.evaluate("document.activeElement.id") == "start"
    assert page.locator("#patch ins").count() == 4 and page.locator("#patch").is_visible()
    page.evaluate("(one) => putIn(one.edits, one.request, '2')", SOLUTIONS[2][1])
    page.evaluate("tellRun('line 3: SyntaxError', true); markSlip(3, 'SyntaxError')")
    page.click("#reset")
    assert page.evaluate("programText()") == harness.SOURCE
    assert (page.input_value("#prompt"), page.input_value("[name=tokens]")) == ("My prompt", "")
    assert "SyntaxError" not in told(page) and page.locator("#coloured .error").count() == 0
    page.evaluate("(one) => putIn(one.edits, one.request, '1')", SOLUTIONS[0][1])
    page.fill("#prompt", "Another of mine")
    page.click("#reset")
    assert page.input_value("#prompt") == "Another of mine"


def test_the_exercises_are_listed_and_put_in_their_solutions(visit, still):
    page = visit(still)
    page.click("#exercises")
    titles = page.locator("#exercise-list h3").all_inner_texts()
    assert len(titles) == 18 and titles[0] == "1. The five best tokens"
    on_top = page.locator("#exercise-titles button")
    assert on_top.all_inner_texts() == titles
    place = page.locator("#exercise-9 h3").bounding_box
    assert place()["y"] > page.viewport_size["height"]
    on_top.nth(8).click()
    assert 0 < place()["y"] < page.viewport_size["height"] / 2
    page.click("#exercise-7 summary")
    button = page.locator("#exercise-7 [data-solution]")
    assert button.inner_text() == "Put in: show the perplexity, no root"
    page.click("#exercise-7 [data-solution]")
    assert not page.locator("#exercise-box").is_visible()
    [solution] = [one for number, one in SOLUTIONS if number == 7]
    assert page.evaluate("programText()") == with_edits(solution["edits"])
    assert page.input_value("#prompt") == solution["request"]["prompt"]
    for _ in solution["edits"]:
        page.click("#undo")
    assert page.evaluate("programText()") == harness.SOURCE


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("options", [{}, TABLET, TOUCH], ids=["desk", "tablet", "phone"])
def test_everybody_can_use_it(visit, still, options, scheme):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright",
        reason="needs python -m pip install --group browser",
    )
    page = visit(still, **options, color_scheme=scheme)
    put(page, "n_past = 0", "n_past = 0  # mine")
    page.evaluate(
        """() => {
          for (const box of [byId("lines"), byId("coloured")])
            [...box.children].slice(60).forEach((node) => node.remove());
          scrollTo(0, 0);
        }"""
    )
    wide = options.get("viewport", DESK)["width"]
    for box in (None, "exercises", "weights", "link"):
        if box:
            page.evaluate("(id) => byId(id).click()", box)  # on a phone, some wait for Edit to end
            page.wait_for_timeout(50)
        assert page.evaluate("document.documentElement.scrollWidth") <= wide, box
        found = axe.Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        found = [one for one in found if one["impact"] in ("serious", "critical")]
        assert [(one["id"], node["html"]) for one in found for node in one["nodes"][:3]] == []
        if box:
            if options:
                small = page.locator("dialog[open] button:visible").evaluate_all(
                    "(all) => all.filter((one) => one.offsetHeight < 44).map((one) => one.id)"
                )
                assert small == []
            page.click("dialog[open] .close")


# -- with a Pyodide, whichever


def test_without_numpy_python_starts_and_the_page_says_what_is_missing(
    visit, tmp_path, recorded, distribution, monkeypatch
):
    monkeypatch.setattr(pyodide, "WHEELS", {})
    files = {name: distribution / name for name in pyodide.CORE}
    site.write(tmp_path / "site", recorded, REQUEST, files)
    with served(tmp_path / "site") as url:
        page = visit(url)
        until(page, "byId('python').matches('.error')")
        assert "No module named" in page.inner_text("#python")
        begin(page)
        until(page, "!isRunning && byId('run-told').textContent")
        assert "No module named" in told(page)


def test_a_file_that_is_another_is_not_run(visit, browser, tmp_path, recorded, distribution):
    files = {name: distribution / name for name in pyodide.CORE}
    site.write(tmp_path / "site", recorded, REQUEST, files)
    (tmp_path / "site" / "pyodide" / "pyodide.js").write_text("self.loadPyodide = 1", "utf-8")
    with served(tmp_path / "site") as url, contextlib.closing(browser.new_context()) as context:
        page = context.new_page()
        page.goto(url + "index.html")
        until(page, "byId('python').matches('.error')")
        assert "pyodide.js did not come, or is another" in page.inner_text("#python")
        assert page.locator("iframe").count() == 0


# -- with a Pyodide that has numpy: everything


def source_of(solution):
    return with_edits(solution["edits"])


def words_of(request):
    return [*run.arguments_of(request | {"model": str(harness.TALES)})]


def test_every_exercise_runs_and_gives_what_cpython_gives(visit, whole):
    """The ids, and all that each program prints, digits included."""
    page = visit(whole)
    ready(page)
    assert run_it(page) == RUN_IDS
    for number, solution in SOLUTIONS:
        page.evaluate("(one) => putIn(one.edits, one.request)", solution)
        assert not page.evaluate("isRunning")
        ids = run_it(page)
        expected = harness.run(*words_of(solution["request"]), source=source_of(solution))
        assert expected.status == 0, expected.stderr
        assert ids == expected.variables["ids"], (number, solution["name"])
        assert printed(page) == expected.stdout, (number, solution["name"])
        assert page.evaluate("data.source === programText() && !isEditing()")


ENDLESS = {
    "silent": "while True: pass",
    "empty lines": "while True: print()",
    "long lines": "while True: print('x' * 1_000_000)",
    "long errors": "import sys\nwhile True: sys.stderr.write('x' * 1_000_000 + '\\n')",
    "an error without end": "import sys\nwhile True: sys.stderr.write('x' * 1000)",
    "ids without end": "ids = [0]\nwhile True:\n    ids.append(1)\n    print(1)",
}


def test_the_page_goes_on_while_python_runs_and_stop_ends_it(visit, whole):
    page = visit(whole)
    ready(page)
    length = page.evaluate("document.body.textContent.length")
    for what, code in ENDLESS.items():
        put(page, f"{harness.SOURCE}{code}\n")
        page.evaluate("moveTo(99, true)")
        begin(page)
        until(page, "byId('printed').textContent.includes('Output:')")
        page.evaluate("python.spare.then(() => true)")
        page.wait_for_timeout(1500)
        began = time.monotonic()
        page.evaluate("moveTo(100, true)")
        assert page.evaluate("cursor") == 100 and time.monotonic() - began < 1, what
        page.click("#stop")
        until(page, "!isRunning", 1)
        assert "Stopped" in told(page)
        assert page.evaluate("document.body.textContent.length") < length + 300_000, what
        if what == "long lines":
            assert page.text_content("#printed").endswith("more. It is cut here."), what
    page.evaluate("setProgram(original)")
    assert run_it(page) == RUN_IDS


def test_run_in_the_middle_of_a_run_ends_that_one(visit, whole):
    page = visit(whole)
    ready(page)
    put(page, "n_past = 0", "n_past = 0\nwhile True: pass")
    begin(page)
    until(page, "python.spare !== null")
    page.wait_for_timeout(1500)
    page.evaluate("setProgram(original)")
    assert run_it(page) == RUN_IDS
    until(page, "python.spare !== null")  # in a quiet moment
    page.evaluate("python.spare.then(() => true)")
    assert len(page.workers) == 2 and not page.evaluate("isRunning")


def test_no_second_python_starts_beside_the_first_run(visit, whole):
    page = visit(whole)
    ready(page)
    page.evaluate(
        """() => {
          window.starts = [];
          const start = startSpare;
          startSpare = () => starts.push(isRunning) && start();
        }"""
    )
    assert run_it(page) == RUN_IDS
    until(page, "python.spare !== null")
    assert page.evaluate("starts") == [False]
    put(page, "n_past = 0", "n_past = 0  # mine")
    begin(page)
    assert page.evaluate("starts") == [False, True]


def test_a_worker_that_does_not_start_is_no_more(visit, whole):
    page = visit(whole)
    ready(page)
    said = page.evaluate(
        """() => {
          const worker = newWorker();
          broken.get(nWorkers)(new Error("mine"));
          return worker.catch(String);
        }"""
    )
    assert said == "Error: mine" and page.evaluate("broken.size") == 0
    page.wait_for_timeout(500)
    assert len(page.workers) == 1


def test_one_write_that_is_too_long_is_said_to_be_cut(visit, whole):
    page = visit(whole)
    ready(page)
    put(page, "import sys\nsys.stdout.write('x' * 1_000_000)\n")
    begin(page)
    until(page, "!isRunning")
    assert page.text_content("#printed").endswith("x\nThe program printed more. It is cut here.")


SPOILT = """
import builtins, json, os, shutil, sys
import numpy
numpy.argmax = numpy.exp = json.loads = builtins.len = None
sys.modules["json"] = sys.modules["tools.page"] = None
sys.path.insert(0, "/nowhere")
shutil.rmtree(os.path.expanduser("~/models"), ignore_errors=True)
open(os.path.expanduser("~/struct.py"), "w").write("x")
"""


def test_a_run_changes_nothing_for_the_next(visit, whole):
    """Whatever the program did to Python, to numpy or to the files."""
    page = visit(whole)
    ready(page)
    put(page, harness.SOURCE + SPOILT)
    begin(page)
    until(page, "!isRunning")
    page.evaluate("setProgram(original)")
    assert run_it(page) == RUN_IDS
    assert told(page) == "" or "Model" in told(page)


OVERDONE = {
    "x = np.ones((60_000_000,), 'f4')\ny = np.ones((3, 20_000_000)) * 2": "",
    "held = []\nwhile True: held.append(np.ones(10_000_000))": "MemoryError",
    "def again(n): return again(n + 1)\nagain(0)": "RecursionError",
    "residual = np.full(3, np.nan)\nlogits = np.full(9, np.nan)": "",
    "ids = ids + [np.int64(1), 1.5, 'x', None, 10**400, b'x', [1], float('nan')]": "",
    "vocabulary = {1: 'x', None: [2]}\nids = ['x']\nraise IndexError": "IndexError",
    "sys.exit('x' * 50_000_000)": "x" * 100,
    "text = [print(i) for i in range(300_000)]\nraise OSError('mine')": "OSError: mine",
    "print('x' * 50_000_000)\nraise OSError('mine')": "OSError: mine",
    "raise ValueError('x' * 50_000_000)": "ValueError: x",
    "import os\nos._exit(3)": "Python ended",
}


def test_whatever_a_program_makes_has_an_outcome_and_the_page_lives_on(visit, whole):
    page = visit(whole)
    ready(page)
    length = page.evaluate("document.body.textContent.length")
    n_lines = len(harness.SOURCE.split("\n")) - 1
    for code, said in OVERDONE.items():
        put(page, f"{harness.SOURCE}{code}\n")
        begin(page)
        until(page, "!isRunning", 120)
        assert said in told(page), code
        if "Error" in said:
            line = int(re.match(r"line (\d+): ", told(page))[1])
            assert n_lines < line <= n_lines + len(code.split("\n")), (code, told(page))
        assert page.evaluate("document.body.textContent.length") < length + 500_000, code
        page.evaluate("moveTo(0, true)")
        assert page.evaluate("cursor") == 0, code
    page.evaluate("setProgram(original)")
    assert run_it(page) == RUN_IDS


def test_what_the_program_prints_is_shown_as_it_comes(visit, whole):
    page = visit(whole)
    ready(page)
    assert (
        page.inner_text("#last-printed")
        == "Output: Once upon a time there was a great many people who had"
    )
    put(page, "n_past = 0", "print('one', file=sys.stderr)\nn_past = 0")
    run_it(page)
    page.click("#output summary")
    expected = harness.run(*words_of(REQUEST)).stdout
    shown = page.inner_text("#printed")
    errors = page.locator("#printed .err").all_inner_texts()
    assert "".join(errors).splitlines() == ["Model: models/tales", "one"]
    for line in errors:
        shown = shown.replace(line, "")
    assert shown == expected


def test_errors_are_shown_at_their_line(visit, whole):
    page = visit(whole)
    ready(page)
    line = next(
        n
        for n, text in enumerate(harness.SOURCE.split("\n"), 1)
        if text.startswith("    n_past = n_seen")
    )
    put(page, "    n_past = n_seen\n", "    n_past = n_seen / 0\n")
    run_it(page)
    assert f"line {line}: ZeroDivisionError" in page.inner_text("#notices")
    assert page.evaluate("[lineOf(data.failure[0]), isEditing()]") == [line, False]
    put(page, "    n_past = n_seen\n", "    n_past = n_seen)\n")
    run_it(page)
    assert page.evaluate("isEditing()")
    slip = page.locator("#coloured .line > .error")
    assert "SyntaxError" in slip.inner_text() or "unmatched" in slip.inner_text()
    at = page.locator("#coloured .line").evaluate_all(
        "(all) => all.findIndex((one) => one.querySelector('.error'))"
    )
    assert at + 1 == line
    box = slip.bounding_box()
    assert 0 < box["y"] < DESK["height"]
    page.evaluate("field().focus(); field().setSelectionRange(0, 0)")
    page.keyboard.type(" ")
    assert slip.count() == 0
    page.evaluate("setProgram(original)")
    page.fill("#prompt", "")
    begin(page)
    until(page, "!isRunning")
    assert "no prompt" in told(page)


def test_without_a_network_after_loading_everything_works(visit, whole):
    page = visit(whole)
    ready(page)
    page.context.set_offline(True)
    n_requests = len(page.requests)
    put(page, "n_past = 0", "n_past = 0  # mine")
    assert run_it(page) == RUN_IDS
    begin(page)
    page.evaluate("inBrowser.stop()")
    until(page, "!isRunning")
    assert run_it(page) == RUN_IDS
    assert page.requests[n_requests:] == [] or all(
        "blob:" in url for url in page.requests[n_requests:]
    )


def test_what_is_asked_is_counted(visit, whole):
    """Once each, from where the page came, and nothing of the weights."""
    page = visit(whole)
    ready(page)
    run_it(page)
    page.click("#weights")
    page.wait_for_timeout(300)
    urls = [url for url in page.requests if not url.startswith(("blob:", "data:"))]
    assert len(urls) == len(set(urls)) and all(url.startswith(whole) for url in urls)
    asked = page.evaluate(
        "[site.python.scripts, site.python.files, site.files]"
        ".flatMap((table) => Object.values(table).map((one) => one.url))"
    )
    assert {*urls} == {f"{whole}{url}" for url in [*asked, "index.html", "python.html"]}


REACH = """
import sys
def attempt(name, act):
    try: print(name, "GOT", act(), flush=True)
    except BaseException as error: print(name, "refused", type(error).__name__, flush=True)
import js, pyodide_js
from pyodide.code import run_js
function = pyodide_js.loadPackage.constructor
print("js:", [name for name in dir(js) if not name.startswith("_") and name in
    "indexedDB caches fetch XMLHttpRequest WebSocket navigator self postMessage".split()])
attempt("eval", lambda: run_js("self.indexedDB"))
attempt("function", lambda: function("return self")())
attempt("http", lambda: __import__("pyodide.http").http.open_url("WHERE"))
attempt("urllib", lambda: __import__("urllib.request").request.urlopen("WHERE", timeout=2))
loop = __import__("asyncio").get_event_loop()
attempt("package", lambda: loop.run_until_complete(pyodide_js.loadPackage("WHERE/x.whl")))
"""


def test_python_reaches_nothing_of_the_page_and_no_network(visit, whole):
    """By the program's own ways; and by script in the worker, which has an origin of its own."""
    page = visit(whole)
    ready(page)
    page.evaluate("localStorage.setItem('mine', '1'); caches.open('mine')")
    n_requests = len(page.requests)
    put(page, REACH.replace("WHERE", whole))
    page.fill("#prompt", "x")
    run_it(page)
    said = printed(page)
    assert "js: []" in said
    assert "GOT" not in said and said.count("refused") == 5, said
    n_problems = len(page.problems)
    put(page, "import ctypes; ctypes.CDLL(None).emscripten_run_script(b'fetch(1)')")
    begin(page)
    until(page, "!isRunning")
    assert "Python ended" in told(page)
    ready(page)
    del page.problems[n_problems:]  # what Pyodide has said of its end, in one of several ways
    assert [url for url in page.requests[n_requests:] if not url.startswith("blob:null/")] == []
    until(page, "python.spare !== null")
    page.evaluate("python.spare.then(() => true)")  # until then fetch gives Pyodide its files
    found = page.workers[-1].evaluate(
        """async () => {
          const gone = ["indexedDB", "caches", "fetch", "XMLHttpRequest", "WebSocket", "Worker"];
          const there = gone.filter((name) => name in self && self[name]);
          const opened = (async () => navigator.storage.getDirectory())();
          const root = await opened.catch((error) => error.name);
          return [self.origin, there, String(root)];
        }"""
    )
    assert found[:2] == ["null", []] and "Error" in found[2], found
    frame = page.frames[1]
    assert frame.evaluate("self.origin") == "null"
    for ask in ("localStorage.length", "parent.document.title"):
        failed = frame.evaluate(
            f"() => {{ try {{ return {ask}; }} catch (error) {{ return error.name; }} }}"
        )
        assert failed == "SecurityError"
    asked = frame.evaluate("(url) => fetch(url).then(() => 'came', () => 'refused')", whole)
    assert asked == "refused"
    page.evaluate("localStorage.clear()")


def test_what_a_program_makes_of_the_page_is_cleaned(visit, whole):
    """The program may change what makes the page's lines: it cannot bring script or addresses."""
    page = visit(whole)
    ready(page)
    evil = '<img src=x onerror=alert(1)><a href="https://example.org" onclick=alert(2)>x</a>'
    evil += "<meta http-equiv=refresh content='0;url=https://example.org'><form></form>"
    put(
        page,
        "n_past = 0",
        f"from tools import page\nfrom markupsafe import Markup\n"
        f"page.left_out = lambda _: [Markup({evil!r})]\nn_past = 0",
    )
    run_it(page)
    assert page.url.startswith(whole)
    assert (
        page.evaluate(
            "document.querySelectorAll('#left-out :is(img, meta, form, [href], [onclick])').length"
        )
        == 0
    )
    assert page.locator("#left-out li").last.inner_text().endswith("x")


def test_compare_works_here_as_beside_the_editor(visit, whole):
    """The first own run is the recorded one, but for last digits; a change is marked."""
    page = visit(whole)
    ready(page)
    assert run_it(page) == RUN_IDS
    page.click("#compare")
    until(page, "compare.whole")
    put(page, "head_size**0.5", "head_size**0.25")
    run_it(page)
    until(page, "compare.whole && document.querySelector('.differs')")
    line = next(
        n for n, text in enumerate(harness.SOURCE.split("\n"), 1) if "head_size**0.5 " in text
    )
    assert page.locator(f"#L{line} .mark, #L{line} .differs, #L{line}.differs").count()


# -- weights


@pytest.fixture
def hub(tmp_path, recorded, distribution, monkeypatch):
    """A hub on loopback with small weights, and a site that knows it."""
    if not (distribution / pyodide.WHEELS["numpy"][0]).is_file():
        pytest.skip(f"{WITHOUT_NUMPY}: {distribution.name} has none")
    size = published.SIZES["124M"]._replace(config={"n_layer": 2, "n_head": 2, "n_embd": 8})
    config = random_model.config_of(n_layer=2, n_head=2, n_embd=8, n_ctx=32, n_vocab=4096)
    folder = random_model.write_model(tmp_path / "gpt2", config)
    files = {name: (folder / name).read_bytes() for name in published.FILES}
    for name, data in files.items():
        if name != "config.json":
            known = f"gpt2/{name}" if name == "model.safetensors" else name
            monkeypatch.setitem(published.SHA256, known, hashlib.sha256(data).hexdigest())
    monkeypatch.setitem(published.SIZES, "124M", size)
    monkeypatch.setattr(published, "CONFIG", {"vocab_size": 4096})
    monkeypatch.setattr(site, "N_BYTES", len(files["model.safetensors"]))
    where = f"openai-community/gpt2/{size.revision}"
    server = hubs.Hub({f"{where}/{name}": data for name, data in files.items()})
    server.host = "127.0.0.1"
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    target = tmp_path / "site"
    site.write(target, recorded, REQUEST, pyodide.check_distribution(distribution))
    with served(target) as url:
        server.page, server.folder = url, folder
        yield server
    server.shutdown()


def bring(page):
    page.click("#weights")
    page.wait_for_timeout(200)
    page.click("#weights-bring")
    until(page, "bringing === null && byId('weights-stop').hidden")
    return page.inner_text("#weights-told")


def expected_ids(hub):
    arguments = ["Once upon a time", "--model", str(hub.folder)]
    return harness.run(*arguments).variables["ids"]


def test_weights_come_once_checked_from_their_publisher_when_asked(visit, hub):
    page = visit(hub.page)
    ready(page)
    assert hub.requests == []
    assert "548 MB to bring" in page.locator("#weights-box").text_content()
    assert "is here, checked and kept" in bring(page)
    page.click("#weights-box .close")
    assert page.evaluate("byId('run').elements.model.value") == "gpt2"
    assert run_it(page) == expected_ids(hub)
    n_requests = len(hub.requests)
    assert hub.asked("model.safetensors") == [None]
    again = visit(hub.page, context=page.context)
    ready(again)
    assert "is here" in bring(again) and len(hub.requests) == n_requests
    again.click("#weights-box .close")
    assert run_it(again) == expected_ids(hub)
    begin(again)
    again.evaluate("inBrowser.stop()")
    assert run_it(again) == expected_ids(hub)  # in a new worker, to which they go again
    again.click("#weights")
    again.click("#weights-remove")
    until(again, "byId('weights-told').textContent.includes('removed')")
    assert again.evaluate("caches.keys()") == []


def test_weights_that_are_not_the_publishers_are_refused(visit, hub):
    hub.instead = b"x" * site.N_BYTES
    page = visit(hub.page)
    assert "is not what was published" in bring(page)
    assert page.evaluate("modelNames()") == ["tales"]
    hub.instead = None
    page.click("#weights-box .close")
    assert "is here, checked and kept" in bring(page)


def test_a_download_that_breaks_off_goes_on_where_it_stopped(visit, hub):
    hub.hold_at = site.N_BYTES // 2
    page = visit(hub.page)
    page.click("#weights")
    page.wait_for_timeout(200)
    page.click("#weights-bring")
    assert hub.held.wait(10)
    page.wait_for_timeout(500)
    page.click("#weights-stop")
    until(page, "bringing === null && byId('weights-stop').hidden")
    assert "What has come is kept" in page.inner_text("#weights-told")
    hub.hold_at = None
    page.click("#weights-box .close")
    assert "is here, checked and kept" in bring(page)
    assert hub.asked("model.safetensors") == [None, f"bytes={site.N_BYTES // 2}-"]


def test_a_folder_of_the_readers_disk_does_as_well(visit, hub):
    page = visit(hub.page)
    ready(page)
    page.click("#weights")
    page.set_input_files("#weights-folder", str(hub.folder))
    assert "gpt2 is chosen" in page.inner_text("#weights-told")
    page.click("#weights-box .close")
    assert run_it(page) == expected_ids(hub)
    (hub.folder / "merges.txt").unlink()
    page.click("#weights")
    page.set_input_files("#weights-folder", str(hub.folder))
    assert "no merges.txt" in page.inner_text("#weights-told")
    assert hub.requests == []


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("Object.defineProperty(navigator, 'deviceMemory', {get: () => 2})", "2 GB of memory"),
        ("navigator.storage.estimate = async () => ({quota: 100, usage: 0})", "grants this page"),
        ("Object.defineProperty(self, 'isSecureContext', {get: () => false})", "keeps nothing"),
    ],
)
def test_too_little_room_is_said_beforehand(visit, still, what, said):
    page = visit(still)
    page.evaluate(f"() => {{ {what} }}")
    page.click("#weights")
    until(page, "byId('weights-told').textContent")
    assert said in page.inner_text("#weights-told")
    assert page.locator("#weights-bring").is_disabled()
