"""benchmarks/: what it runs, how it reads what programs print, and that results are not typed."""

import argparse
import importlib.util
import json
import sys

import numpy as np
import pytest

import harness
import random_model
import readme
import shapes

sys.path.insert(0, str(harness.ROOT / "benchmarks"))
import compare  # noqa: E402
import floor  # noqa: E402
import models  # noqa: E402
import report  # noqa: E402

FIGURES = report.load()


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Small models in place of GPT-2's sizes, 20 tokens for 200, and prompts of 1,000 only."""
    sizes = {size: random_model.config_of(1, 1, 64, 1024, 50257) for size in models.SIZES}
    monkeypatch.delenv("EASYGPT2_TEST_VOCAB", raising=False)
    monkeypatch.setattr(models, "SIZES", sizes)
    monkeypatch.setattr(models, "MODELS", tmp_path)
    monkeypatch.setattr(compare, "make", models.make)  # in this process, which knows of them
    monkeypatch.setattr(compare, "LENGTHS", [1000])
    monkeypatch.setattr(compare, "LONG", 20)


def test_side_by_side(small):
    """Every program that is installed makes the same ids; what is not is named."""
    figures = compare.measure(argparse.Namespace(rounds=1, picogpt=None, easygpt2=None))
    there = {"easygpt2.py", "easygpt2.py, aligned file"}
    packages = {"transformers": "transformers", "CTranslate2": "ctranslate2"}
    for name, package in packages.items():
        if importlib.util.find_spec(package) and importlib.util.find_spec("torch"):
            there.add(name)
    exact = {name for name, row in figures["rows"].items() if row["kind"] == "float32"}
    assert exact == there
    assert [report.same_ids(figures, name) for name in exact] == ["same"] * len(exact)
    text = report.page(figures)
    for name in [*figures["rows"], *figures["missing"]]:
        assert f"\n| {name} | " in text
    for row in figures["rows"].values():
        for run in row["short"] + row["long"] + row["at 1000"]:
            assert 0 <= run["first"] < run["whole"] and 0 < run["tokens"] < run["whole"]
            assert run["memory"] is None or run["memory"] > 1e7
    assert set(figures["floors"]) == set(models.SIZES)


def test_other_ids_are_said(small, monkeypatch, tmp_path):
    """A program that makes other ids is said to; so is where."""
    name = "easygpt2.py, aligned file"
    programs = [compare.Program("easygpt2.py", "weights"), compare.Program(name, "aligned")]
    missing = {"llama.cpp": "not installed"}
    monkeypatch.setattr(compare, "programs", lambda options: (programs, missing))
    models.aligned("124M")
    path = tmp_path / "124M-aligned" / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-4 * 50257 * 64 :] = np.random.RandomState(5).bytes(4 * 50257 * 64 // 2) * 2
    data[-4 * 50257 * 64 + 3 :: 4] = b"\x3c" * len(data[-4 * 50257 * 64 + 3 :: 4])  # small numbers
    path.write_bytes(data)
    figures = compare.measure(argparse.Namespace(rounds=1))
    assert report.same_ids(figures, "easygpt2.py") == "same"
    assert report.same_ids(figures, name) == "differ (short, 200 tokens, at 1000)"
    assert "| llama.cpp | not installed |" in report.page(figures)


def test_a_peer_that_fails_is_left_out(small, monkeypatch):
    peer = compare.Program("another", "weights", peer="nobody")
    programs = [compare.Program("easygpt2.py", "weights"), peer]
    monkeypatch.setattr(compare, "programs", lambda options: (programs, {}))
    figures = compare.measure(argparse.Namespace(rounds=2))
    assert list(figures["rows"]) == ["easygpt2.py"]
    assert len(figures["rows"]["easygpt2.py"]["long"]) == 2
    assert "| another | failed: KeyError: 'nobody' |" in report.page(figures)


PRINTS = """
import time
ids = [5, 6, 7]
print("Input: x", "Tokens: [5, 6, 7]", sep=chr(10), flush=True)
for id in [8, 9, 10]:
    time.sleep(0.6 if id == 8 else 0.4)  # far above what is asserted: machines are busy
    ids.append(id)
    {line}
print("]", "Output: a, 7 [8, 9", sep=chr(10))
"""


@pytest.mark.parametrize(
    "line",
    [
        "print(f', {id}' if id > 8 else f'Generated tokens: {ids}'[:-1], end='', flush=True)",
        "print(f'Generated tokens: {ids}', end=chr(13), flush=True)",
    ],
    ids=["one list that grows", "a new list each time"],
)
def test_what_a_program_prints_is_read(tmp_path, line):
    found = compare.run(["-c", PRINTS.format(line=line)], tmp_path)
    assert found["ids"] == [5, 6, 7, 8, 9, 10] and found["n_prompt"] == 3
    assert found["tokens"] + 0.3 + 2 * 0.1 <= found["whole"] and found["token"] >= 0.1


def test_a_program_that_fails(tmp_path):
    with pytest.raises(compare.Failed, match="^no such model$"):
        compare.run(["-c", "raise SystemExit('warning\\nno such model')"], tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--rounds", "0"],
        ["--picogpt", "nowhere"],
        ["--easygpt2", "nowhere"],
        ["--rounds", "x"],
        ["x"],
    ],
)
def test_refusals(arguments):
    done = harness.command(*arguments, program=harness.ROOT / "benchmarks" / "compare.py")
    assert done.returncode == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("compare.py: ") and arguments[-1] in line and "; type: " in line


def test_sizes_are_gpt2s():
    """GPT-2's published number of parameters; https://huggingface.co/openai-community/gpt2."""
    assert models.n_bytes("124M") == 4 * 124_439_808
    assert models.n_bytes("355M") == 4 * 354_823_168


def test_weights_begin_at_an_odd_byte(small):
    data = (models.weights("124M") / "model.safetensors").read_bytes()
    assert int.from_bytes(data[:8], "little") % 2 == 1
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert {"wte.weight", "h.0.attn.bias", "ln_f.bias"} <= set(header)


def test_prompts_have_so_many_tokens():
    tokenizer = shapes.tokenizer_of(harness.TALES)
    for n_tokens in [1, 10, 100, 500, 1000]:
        assert len(tokenizer.encode(models.prompt_of(n_tokens)).ids) == n_tokens


def test_prompts_in_openais_vocabulary(openai_vocabulary):
    tokenizer = shapes.tokenizer_of(openai_vocabulary)
    for n_tokens in [1, 10, 100, 500, 1000]:
        assert len(tokenizer.encode(models.prompt_of(n_tokens)).ids) == n_tokens


def test_a_relative_checkout_is_found(monkeypatch, tmp_path):
    (tmp_path / "pico").mkdir()
    (tmp_path / "pico" / "gpt2.py").write_text("", "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["compare.py", "--picogpt", "pico"])
    monkeypatch.setattr(compare, "version", lambda package: "1")
    monkeypatch.setattr(report, "write", lambda figures: None)
    monkeypatch.setattr(compare, "measure", lambda options: asked.append(options.picogpt))
    asked = []
    compare.main()
    assert asked == [str(tmp_path / "pico")]


def test_the_floor_multiplies_every_matrix_once():
    class Matrix:
        __array_ufunc__ = None  # NumPy leaves `row @ self` to this class

        def __init__(self, name):
            self.name = name

        def __rmatmul__(self, row):
            multiplied.append((self.name, row.shape))

        def __matmul__(self, row):
            multiplied.append((self.name, row.shape))

    multiplied = []
    config = random_model.config_of(1, 1, 8, 16, 32)
    matrices = {
        name: shape
        for name, shape in random_model.shapes_of(config).items()
        if len(shape) == 2 and name != "wpe.weight"
    }
    parts = {
        name.removeprefix("h.0.").removesuffix(".weight"): (Matrix(name), "bias")
        for name in matrices
        if name.startswith("h.0.")
    }
    floor.one_pass({"n_embd": 8, "layers": [parts], "wte": Matrix("wte.weight")})
    used = {
        name: (shape[1] if name == "wte.weight" else shape[0],) for name, shape in matrices.items()
    }
    assert dict(multiplied) == used and len(multiplied) == len(used)


def test_results_are_made_not_typed():
    assert (report.RESULTS / "table.md").read_text("utf-8") == report.page(FIGURES)
    assert readme.results() in readme.README.read_text("utf-8")


def test_ratios_are_within_rounds():
    runs = {"easygpt2.py": [1.0, 2.0, 9.0], "transformers": [2.0, 8.0, 9.0]}
    rows = {
        name: {"kind": "float32", "short": [{"whole": value} for value in values]}
        for name, values in runs.items()
    }
    assert report.ratio({"rows": rows}, "transformers", "short", "whole") == 0.5
    assert report.ratio({"rows": rows}, "llama.cpp", "short", "whole") is None
    assert report.cell([3.0, 1.0, 2.0]) == "2.00 (1.00 to 3.00)" and report.cell([None]) == "–"


def test_pictures_are_drawn(monkeypatch, tmp_path):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    for theme in report.INK:
        report.draw(FIGURES, theme)
        drawn = (tmp_path / f"{theme}.svg").read_text("utf-8")
        assert drawn.startswith("<?xml") and report.INK[theme][0] in drawn
