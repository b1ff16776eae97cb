"""The program as a command: its five lines, its options, terminals, pipes, encodings, runpy."""

import io
import os
import re
import runpy
import shlex
import shutil
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

import harness
import shapes

TALES = ["--model", str(harness.TALES)]
LABELS = ["Input: ", "Tokens: [", "Loading tensors", "Generated tokens: [", "Output: "]


def five_lines(stdout):
    lines = stdout.splitlines()
    assert len(lines) == 5 and "\r" not in stdout
    assert all(line.startswith(label) for line, label in zip(lines, LABELS))
    return lines


def test_five_lines_as_a_command():
    done = harness.command("Once upon a time", *TALES)
    lines = five_lines(done.stdout)
    prompt = shapes.prompt_ids("Once upon a time")
    assert done.returncode == 0
    assert lines[0] == "Input: Once upon a time"
    assert lines[1] == f"Tokens: {prompt}"
    generated = eval(lines[3].removeprefix("Generated tokens: "))
    assert generated[: len(prompt)] == prompt and len(generated) == len(prompt) + 8
    assert lines[4].startswith("Output: Once upon a time")
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("Model: ")


def test_help():
    for flag in ("-h", "--help"):
        done = harness.command(flag)
        assert done.returncode == 0 and done.stderr == ""
        for option in (
            "PROMPT",
            "--tokens",
            "--model",
            "--temperature",
            "--top-k",
            "--seed",
            " -- ",
        ):
            assert option in done.stdout


def test_double_dash_comes_before_a_prompt_with_a_dash():
    run = harness.run(*TALES, "--tokens", "1", "--", "--tokens")
    assert run.status == 0 and run.variables["prompt"] == "--tokens"
    assert harness.run(*TALES, "--", "-h").variables["prompt"] == "-h"


def test_tokens_says_how_many():
    for n_tokens in (1, 3, 20):
        run = harness.run("Once", "--tokens", str(n_tokens), *TALES)
        assert len(run.variables["ids"]) == run.variables["n_prompt"] + n_tokens


def test_stops_at_the_end_of_the_text(model):
    """All new tokens are <|endoftext|> once its row outdoes all others."""
    path = model / "model.safetensors"
    whole = bytearray(path.read_bytes())
    start = 8 + int.from_bytes(whole[:8], "little")
    rows = np.frombuffer(whole, "<f4", 4096 * 8, start).reshape(4096, 8)
    run = harness.run("Once", "--tokens", "1", "--model", str(model))
    rows[4095] = 100 * run.variables["last"]
    path.write_bytes(whole)
    run = harness.run("Once", "--tokens", "5", "--model", str(model))
    assert (
        run.variables["ids"][-1] == 4095
        and len(run.variables["ids"]) == run.variables["n_prompt"] + 1
    )
    assert "ended the text" in run.stderr.splitlines()[-1]
    assert run.stdout.splitlines()[-1].endswith("<|endoftext|>")


def test_default_model_is_beside_the_file_not_in_the_current_folder(tmp_path):
    """tales until models/gpt2 is there; one line on stderr says which, and how to get OpenAI's."""
    program = tmp_path / "gpt2" / "beside" / "easygpt2.py"
    program.parent.mkdir(parents=True)
    program.write_text(harness.SOURCE, "utf-8")
    shutil.copytree(harness.TALES, program.parent / "models" / "tales")
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(harness.TALES, elsewhere / "models" / "gpt2")
    done = harness.command("Once", program=program, cwd=elsewhere)
    assert done.returncode == 0
    known = r"^Model: \S*beside[\\/]models/tales \(OpenAI's: python download.py gpt2\)\n$"
    assert re.search(known, done.stderr)
    shutil.copytree(harness.TALES, program.parent / "models" / "gpt2")
    done = harness.command("Once", program=program, cwd=elsewhere)
    assert re.search(r"^Model: \S*beside[\\/]models/gpt2\n$", done.stderr)
    done = harness.command("Once", program="easygpt2.py", cwd=program.parent)
    assert done.returncode == 0 and "models/gpt2\n" in done.stderr


@pytest.mark.parametrize("name", ["gpt2-medium", "my own"])
def test_a_bare_name_is_a_model_beside_the_file(name, tmp_path):
    """From any folder, unless there is a folder of this name."""
    program = tmp_path / "beside" / "easygpt2.py"
    shutil.copytree(harness.TALES, program.parent / "models" / name)
    program.write_text(harness.SOURCE, "utf-8")
    (tmp_path / "elsewhere").mkdir()
    for folder in (tmp_path / "elsewhere", program.parent, program.parent / "models"):
        done = harness.command("Once", "--model", name, program=program, cwd=folder)
        assert done.returncode == 0, done.stderr
        found = done.stderr.removeprefix("Model: ").removesuffix("\n")
        assert os.path.samefile(folder / found, program.parent / "models" / name)
    five_lines(done.stdout)


def test_name_equals_value():
    apart = ["--tokens", "3", "--temperature", "0.5", "--top-k", "9", "--seed", "4", *TALES]
    joined = [f"{name}={value}" for name, value in zip(apart[::2], apart[1::2])]
    ours, theirs = harness.run("Once", *joined), harness.run("Once", *apart)
    assert ours.status == 0 and ours.stdout == theirs.stdout and len(joined) == 5
    assert harness.run("a=b", *TALES).variables["prompt"] == "a=b"
    assert harness.run("--", "--tokens=3", *TALES[:0]).variables["prompt"] == "--tokens=3"


@pytest.mark.parametrize(
    "data, prompt",
    [
        (b"Once upon a time", "Once upon a time"),
        (b"Once upon a time\n", "Once upon a time"),
        (b"Once upon a time\r\n", "Once upon a time"),
        (b"two\nlines\n\n", "two\nlines\n"),
        ("naïve ☃\n".encode(), "naïve ☃"),
        (b" ", " "),
        (b"-\n", "-"),
        (b"--tokens", "--tokens"),
    ],
)
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_dash_reads_the_prompt_from_stdin(data, prompt, locale):
    env = environment(LC_ALL=locale, PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    options = {"input": data, "encoding": None, "env": env}
    done = harness.command("-", "--tokens", "1", *TALES, **options)
    assert done.returncode == 0, done.stderr
    ids = str(shapes.prompt_ids(prompt)).encode()
    assert b"\nTokens: " + ids + b"\nLoading" in done.stdout


@pytest.mark.parametrize(
    "data, word", [(b"", "no prompt"), (b"\n", "no prompt"), (b"na\xefve", "UTF-8")]
)
def test_stdin_without_a_good_prompt(data, word):
    done = harness.command("-", *TALES, input=data, encoding=None)
    lines = done.stderr.decode().splitlines()
    assert done.returncode == 2 and len(lines) == 1 and done.stdout == b""
    assert word in lines[0] and "; type: python easygpt2.py" in lines[0]


def test_dash_beside_another_prompt():
    done = harness.command("x", "-", *TALES, input="y")
    assert done.returncode == 2 and "more than one prompt; type: " in done.stderr
    done = harness.command("--tokens", "1", *TALES, "--", "-")
    assert done.returncode == 0 and done.stdout.startswith("Input: -\n")


@pytest.mark.skipif(os.name == "nt", reason="needs a shell that closes streams")
@pytest.mark.parametrize("closed, status, n_lines", [
    ("<&-", 2, 0), ("2>&-", 0, 5), (">&-", 0, 0), (">&- 2>&-", 0, 0),
])  # fmt: skip
def test_closed_streams(closed, status, n_lines):
    prompt = "-" if closed == "<&-" else "Once"
    words = [sys.executable, str(harness.PROGRAM), prompt, "--tokens", "2", *TALES]
    done = subprocess.run(
        f"{shlex.join(words)} {closed}", shell=True, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == status, done.stderr
    assert len(done.stdout.splitlines()) == n_lines
    assert len(done.stderr.splitlines()) == (0 if "2>" in closed else 1), done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
@pytest.mark.parametrize("kind", ["full", "pipe"])
def test_stderr_that_nobody_can_read(kind):
    """The work is done, or refused, all the same."""
    reader, pipe = os.pipe()
    os.close(reader)
    stderr = os.open("/dev/full", os.O_WRONLY) if kind == "full" else pipe
    options = {"capture_output": False, "stdout": subprocess.PIPE, "stderr": stderr}
    done = harness.command("Once", "--top-k", "3", "--tokens", "2", *TALES, **options)
    assert done.returncode == 0
    five_lines(done.stdout)
    assert harness.command("Once", "--model", "nowhere", **options).returncode == 1
    assert harness.command(**options).returncode == 2
    os.close(pipe)


@pytest.mark.parametrize("options", [["--top-k", "9"], ["--seed", "0"], ["--top-k=9", "--seed=0"]])
def test_options_without_effect_are_said(options):
    run = harness.run("Once", *options, *TALES)
    assert run.status == 0
    note, *others = run.stderr.splitlines()
    assert note.startswith("easygpt2.py: ") and "no effect without --temperature" in note
    assert len(others) == 1 and others[0].startswith("Model: ")
    assert "no effect" not in harness.run("Once", *options, "--temperature=1", *TALES).stderr


# In the loop it waits for a line of stdin, so that the test knows where it is.
WAITS = harness.SOURCE.replace(
    "    ids.append(next_id)\n", "    sys.stdin.readline()\n    ids.append(next_id)\n"
)
# Some machines let a command begin with Ctrl-C ignored; a shell in the foreground does not.
HEARS_CTRL_C = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
def test_ctrl_c_ends_in_one_line(tmp_path):
    program = tmp_path / "easygpt2.py"
    program.write_text(HEARS_CTRL_C + WAITS, "utf-8")
    process = subprocess.Popen(
        [sys.executable, str(program), "Once", *TALES],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    shown = b""
    while b"Generated tokens: [" not in shown:
        shown += process.stdout.read1()
        assert process.poll() is None, process.stderr.read()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    lines = [line for line in stderr.decode().splitlines() if line]
    assert "Traceback" not in stderr.decode() and process.returncode not in (0, 2)
    assert len(lines) == 2 and lines[0].startswith("Model: "), lines
    assert lines[1].startswith("easygpt2.py: ") and "Ctrl-C" in lines[1]


def test_python_i_leaves_the_run_to_be_looked_at():
    done = harness.command(
        "Once", "--tokens", "2", *TALES, flags=["-i"], input="print(len(ids) - n_prompt, 6 * 7)\n"
    )
    assert done.returncode == 0 and done.stdout.rstrip().endswith("2 42"), done
    five_lines("".join(done.stdout.splitlines(True)[:5]))


def test_without_a_file_name_models_are_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(harness.ROOT)
    monkeypatch.setattr(sys, "argv", ["easygpt2.py", "Once", *TALES])
    variables = {"__name__": "__main__"}
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    exec(harness.SOURCE, variables)
    assert variables["output"].startswith("Once")
    if not (harness.ROOT / "models" / "gpt2").exists():
        monkeypatch.setattr(sys, "argv", ["easygpt2.py", "Once"])
        exec(harness.SOURCE, variables)
        assert variables["model"] == "models/tales"


def test_runpy_gives_ids_logits_and_output(monkeypatch, capsys):
    monkeypatch.chdir(harness.ROOT)
    monkeypatch.setattr(sys, "argv", ["easygpt2.py", "Once upon a time", *TALES])
    variables = runpy.run_path("easygpt2.py", run_name="__main__")
    lines = five_lines(capsys.readouterr().out)
    assert lines[3] == f"Generated tokens: {variables['ids']}"
    assert lines[4] == "Output: " + variables["output"]
    assert all(type(id) is int for id in variables["ids"])
    assert variables["logits"].shape == (4096,) and variables["logits"].dtype == np.float32


def environment(**changes):
    prefixes = ("PYTHON", "LC_", "LANG")
    kept = {name: os.environ[name] for name in os.environ if not name.startswith(prefixes)}
    return kept | changes


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_pythonunbuffered_does_not_matter(unbuffered):
    env = environment(PYTHONUNBUFFERED=unbuffered, PYTHONUTF8="1")
    done = harness.command("Once upon a time", *TALES, env=env)
    five_lines(done.stdout)
    assert done.returncode == 0 and done.stdout == harness.run("Once upon a time", *TALES).stdout


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8", "ascii:strict", "utf-16"])
def test_terminal_that_cannot_print_a_character(encoding):
    done = harness.command(
        "Die naïve Wölfin ☃ 👍🏽 語",
        "--tokens",
        "1",
        *TALES,
        env=environment(PYTHONIOENCODING=encoding),
        encoding=encoding.split(":")[0],
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 5


@pytest.mark.skipif(os.name == "nt", reason="Windows has no C locale to hand over bytes")
def test_c_locale():
    """The prompt arrives as surrogates and is decoded again; no UTF-8 at all is refused."""
    env = environment(LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    ids = shapes.prompt_ids("naïve ☃")
    done = harness.command("naïve ☃".encode(), *TALES, env=env)
    assert done.returncode == 0 and done.stdout.splitlines()[1] == f"Tokens: {ids}"
    done = harness.command(b"na\xefve", *TALES, env=env)
    assert done.returncode == 2 and "UTF-8" in done.stderr and done.stderr.count("\n") == 1


def test_encoding_warnings():
    flags = [
        "-X",
        "warn_default_encoding",
        "-W",
        "error::EncodingWarning",
        "-W",
        "error::ResourceWarning",
    ]
    done = harness.command("Once", *TALES, flags=flags)
    assert done.returncode == 0 and done.stderr.count("\n") == 1
    done = harness.command("Once", flags=["-X", "dev", *flags])
    assert done.returncode == 0 and done.stderr.count("\n") == 1, done.stderr


def test_reader_that_goes_away():
    """As in `python easygpt2.py ... | head -1`: no complaint, and status 0."""
    for arguments, unbuffered in [
        (["Once", "--tokens", "100", *TALES], ""),
        (["Once", "--tokens", "100", *TALES], "1"),
        (["--help"], ""),
        (["--help"], "1"),
    ]:
        process = subprocess.Popen(
            [sys.executable, str(harness.PROGRAM), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(PYTHONUNBUFFERED=unbuffered),
        )
        process.stdout.readline()
        process.stdout.close()
        stderr = process.stderr.read().decode()
        process.stderr.close()
        assert process.wait(60) == 0
        assert "Error" not in stderr and stderr.count("\n") <= 1, stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [["Once", *TALES], ["--help"]], ids=["run", "help"])
def test_full_disk(arguments, unbuffered):
    with open("/dev/full", "w") as full:
        done = harness.command(
            *arguments,
            capture_output=False,
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(PYTHONUNBUFFERED=unbuffered),
        )
    lines = done.stderr.splitlines()
    assert done.returncode == 1 and "Traceback" not in done.stderr and len(lines) <= 2
    assert lines[-1].startswith("easygpt2.py: cannot print")


def test_any_text_stream_will_do(monkeypatch):
    class Notebook(io.TextIOBase):
        def __init__(self):
            self.text = ""

        def write(self, text):
            self.text += text

    for stream in (io.StringIO(), Notebook()):
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "argv", ["easygpt2.py", "Once", *TALES])
        runpy.run_path(str(harness.PROGRAM), run_name="__main__")
        five_lines(stream.text if isinstance(stream, Notebook) else stream.getvalue())


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
def test_on_a_terminal_tokens_show_as_they_are_made(tmp_path):
    """Each new id is on the screen before the next one is computed."""
    import pty

    program = tmp_path / "easygpt2.py"
    assert WAITS != harness.SOURCE
    program.write_text(WAITS, "utf-8")
    screen, terminal = pty.openpty()
    arguments = ["Once", "--tokens", "3", *TALES]
    process = subprocess.Popen([sys.executable, str(program), *arguments], stdin=subprocess.PIPE,
                               stdout=terminal, stderr=subprocess.DEVNULL)  # fmt: skip
    os.close(terminal)
    timer = threading.Timer(60, process.kill)  # then the screen ends, and os.read raises
    timer.start()
    shown = ""
    for n_new in range(4):
        while not re.search(r"Generated tokens: \[\d+" + r", \d+" * n_new + r"(\]|$)", shown):
            shown += os.read(screen, 4096).decode()
        if n_new < 3:
            process.stdin.write(b"\n")
            process.stdin.flush()
    process.stdin.close()
    assert process.wait(60) == 0
    timer.cancel()
    os.close(screen)
