"""What the tests share. EASYGPT2_TEST_VOCAB names a folder with OpenAI's vocab.json and merges.txt;
EASYGPT2_TEST_STRINGS says how many fuzzed strings (5,000 unless told otherwise);
EASYGPT2_TEST_GPT2 names a folder with OpenAI's GPT-2 124M (models/gpt2 unless told otherwise);
EASYGPT2_TEST_PYODIDE names a folder with Pyodide, with or without numpy;
EASYGPT2_TEST_ALL makes every other skip a failure, as CI wants it."""

import json
import os
import signal

import pytest

import browser as machine
import harness
import random_model

WITHOUT_WEIGHTS = "OpenAI's weights are not here"
WITHOUT_NUMPY = "needs a Pyodide with numpy (python download.py pyodide)"


def pytest_configure():
    """Let the commands that tests start be stopped: in `nohup ... &` they would ignore it."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_sessionfinish(session, exitstatus):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    known = (WITHOUT_WEIGHTS, WITHOUT_NUMPY)
    reasons = [str(report.longrepr) for report in skipped]
    unexpected = [reason for reason in reasons if not any(one in reason for one in known)]
    if os.environ.get("EASYGPT2_TEST_ALL") and unexpected:
        reporter.write_line("EASYGPT2_TEST_ALL is set and tests were skipped: a failure", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def n_strings():
    """How many fuzzed strings to try."""
    return int(os.environ.get("EASYGPT2_TEST_STRINGS", 5000))


@pytest.fixture(scope="session")
def openai_vocabulary():
    """The folder with OpenAI's real vocab.json and merges.txt."""
    folder = os.environ.get("EASYGPT2_TEST_VOCAB")
    if not folder:
        pytest.skip("EASYGPT2_TEST_VOCAB names no folder with OpenAI's vocab.json and merges.txt")
    return (harness.ROOT / folder).resolve()


@pytest.fixture(scope="session")
def openai_figures():
    """What OpenAI's real GPT-2 124M gives, by other implementations."""
    return json.loads((harness.ROOT / "tests/tutorial/data/openai_gpt2.json").read_text("utf-8"))


@pytest.fixture(scope="session")
def reference():
    """The module that asks transformers, where it is installed."""
    pytest.importorskip("torch", reason="compares live with torch: pip install torch transformers")
    pytest.importorskip("transformers", reason="compares live with transformers")
    import reference

    return reference


@pytest.fixture(scope="session")
def openai_model(openai_vocabulary, tmp_path_factory):
    """A tiny random model that has OpenAI's real vocabulary."""
    config = random_model.config_of(n_layer=1, n_head=1, n_embd=4, n_ctx=1024, n_vocab=50257)
    folder = random_model.write_model(tmp_path_factory.mktemp("openai"), config)
    for name in ("vocab.json", "merges.txt"):
        (folder / name).write_bytes((openai_vocabulary / name).read_bytes())
    return folder


@pytest.fixture(scope="session")
def openai_gpt2():
    """The folder with OpenAI's real GPT-2 124M."""
    folder = harness.ROOT / os.environ.get("EASYGPT2_TEST_GPT2", "models/gpt2")
    if not (folder / "config.json").exists():
        pytest.skip(f"{WITHOUT_WEIGHTS} (548 MB): python download.py, or EASYGPT2_TEST_GPT2")
    return folder


@pytest.fixture(scope="session")
def browser():
    """The machine's own Chromium."""
    pytest.importorskip("playwright", reason="needs python -m pip install --group browser")
    if machine.executable() is None:
        pytest.skip("needs a Chromium of the machine's own: apt install chromium")
    with machine.chromium() as chromium:
        yield chromium


@pytest.fixture
def without(tmp_path):
    """A function that returns the environment in which a module cannot be imported."""

    def environment(module):
        (tmp_path / "without").mkdir()
        (tmp_path / "without" / f"{module}.py").write_text(
            f"raise ImportError(name={module!r})\n", "utf-8"
        )
        return {"PYTHONPATH": str(tmp_path / "without")}

    return environment


@pytest.fixture
def model(tmp_path):
    """A small, well-formed model folder of the test's own, to be damaged at will."""
    config = random_model.config_of(n_layer=2, n_head=2, n_embd=8, n_ctx=32, n_vocab=4096)
    return random_model.write_model(tmp_path / "model", config)


@pytest.fixture
def edit_config(model):
    """A function that changes fields of the small model's config.json; ... removes a field."""

    def edit(**fields):
        path = model / "config.json"
        config = json.loads(path.read_text("utf-8")) | fields
        kept = {name: value for name, value in config.items() if value is not ...}
        path.write_text(json.dumps(kept), "utf-8")

    return edit


@pytest.fixture
def edit_tensors(model):
    """A function that lets `change` edit the small model's {name: float32 array} and writes it."""

    def edit(change):
        config = json.loads((model / "config.json").read_text("utf-8"))
        tensors = dict(random_model.random_tensors(config))
        change(tensors)
        random_model.write_float32(model, tensors)

    return edit
