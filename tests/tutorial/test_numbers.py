"""Steps 8 to 14: layers, logits and greedy ids, against transformers, pinned and live."""

import os
import re
import sys

import numpy as np
import pytest

import harness
import random_model
import shapes

NAMES = ["tales", *shapes.MODELS]


@pytest.fixture(scope="module", params=NAMES)
def watched(request, tmp_path_factory):
    """(name, folder, ids, logits, layers) of one run of each model."""
    folder = shapes.folder_of(request.param, tmp_path_factory.mktemp("models"))
    return request.param, folder, *shapes.watch(folder)


def test_pinned_layers_logits_and_ids(watched):
    name, folder, ids, logits, layers = watched
    golden = np.load(shapes.GOLDENS / f"{name}.npz")
    for layer, (ours, theirs) in enumerate(zip(layers[0], golden["layers"], strict=True)):
        shapes.assert_close(ours[-1], theirs, f"{name}, layer {layer}")
    assert len(logits) == len(golden["logits"])
    for step, (ours, theirs) in enumerate(zip(logits, golden["logits"])):
        off = np.abs(ours[::64] - theirs).max()
        assert off <= 1e-4 * golden["largest"][step], f"{name}, step {step}: off by {off:.3g}"
    assert ids == golden["ids"].tolist()


def test_live_layers_logits_and_ids(watched, reference):
    name, folder, ids, logits, layers = watched
    check_live(reference, name, folder, ids, logits, layers)


def check_live(reference, name, folder, ids, logits, layers):
    model = reference.load(folder)
    n_prompt = len(ids) - len(logits)
    theirs = reference.layer_outputs(model, ids[:-1])
    for layer, expected in enumerate(theirs):
        ours = np.concatenate([outputs[layer] for outputs in layers])
        shapes.assert_close(ours, expected, f"{name}, layer {layer}")
    expected = reference.all_logits(model, ids[:-1])[n_prompt - 1 :]
    for step, ours in enumerate(logits):
        shapes.assert_close(ours, expected[step], f"{name}, step {step}")
    assert ids[n_prompt:] == np.argmax(expected, axis=1).tolist()


def test_live_on_the_exact_sizes_of_gpt2_124m(reference, tmp_path):
    folder = random_model.write_model(
        tmp_path / "gpt2", random_model.GPT2_124M, odd=True, buffers=True, std=0.06
    )
    check_live(reference, "124M", folder, *shapes.watch(folder))


def test_the_context_is_filled_to_its_last_position(tmp_path):
    folder = shapes.folder_of("full_context", tmp_path)
    run = harness.run(shapes.PROMPT, "--tokens", "200", "--model", str(folder))
    assert len(run.variables["ids"]) == 40 + 1
    assert run.stderr.splitlines()[-1] == "Stopped: the context of 40 tokens is full"


@pytest.mark.parametrize("chunk", [1, 3, 7, 10**9])
@pytest.mark.parametrize("name", ["tales", "full_context"])
def test_cached_equals_uncached(name, chunk, tmp_path):
    """In one piece, in chunks, token by token: the same logits."""
    folder = shapes.folder_of(name, tmp_path)
    prompt = shapes.PROMPT + " what he was doing" if name == "full_context" else shapes.PROMPT * 5
    source = harness.SOURCE.replace("CHUNK = 128", f"CHUNK = {chunk}")
    assert source != harness.SOURCE
    ids, logits, _ = shapes.watch(folder, prompt, 4)
    chunked_ids, chunked, layers = shapes.watch(folder, prompt, 4, source)
    n_prompt = len(ids) - len(logits)
    assert len(layers) == -(-n_prompt // chunk) + 3
    assert ids == chunked_ids
    for ours, theirs in zip(logits, chunked, strict=True):
        shapes.assert_close(ours, theirs, f"chunks of {chunk}")


def test_tokens_beyond_the_vocabulary_are_never_chosen(tmp_path):
    """vocab_size may be padded; a padding row that would win must not be taken."""
    config = random_model.config_of(2, 2, 8, 64, 4200)
    folder = random_model.write_model(tmp_path / "padded", config, std=0.3)
    random_model.write_vocabulary(folder, 4096)
    tensors = dict(random_model.random_tensors(config, std=0.3))
    tensors["wte.weight"][4096:] *= 1000
    random_model.write_float32(folder, tensors)
    for options in ([], ["--temperature", "5", "--seed", "1"]):
        run = harness.run("Once", "--tokens", "40", "--model", str(folder), *options)
        assert run.status == 0 and max(run.variables["ids"]) < 4096
        assert np.argmax(run.variables["logits"]) >= 4096
        assert run.variables["logits"].shape == (4200,)


def test_every_array_of_a_run_is_float32_integer_or_boolean(monkeypatch):
    """Also what has no name: every array that comes of the weights is watched as it is made."""
    seen = set()

    class Watched(np.ndarray):
        def __array_finalize__(self, made_from):
            if sys._getframe(1).f_code.co_filename == str(harness.PROGRAM):
                seen.add(self.dtype)  # what NumPy makes for itself on the way is its own affair

    for name in ("frombuffer", "zeros", "tri"):
        original = getattr(np, name)
        monkeypatch.setattr(np, name, lambda *a, f=original, **k: f(*a, **k).view(Watched))
    named = set()

    def after(statement, frame, returned):
        if frame.f_code.co_name != "read_tensor":  # float16 only while reading a file
            for value in [*frame.f_locals.values(), *returned]:
                if isinstance(value, np.ndarray | np.generic):
                    named.add(value.dtype)

    options = ["--temperature", "0.7", "--top-k", "50", "--seed", "1"]
    source = harness.SOURCE.replace(
        'np.cumsum(probabilities, dtype="f8")', "np.cumsum(probabilities)"
    )
    assert source != harness.SOURCE  # the one that is float64, on purpose
    run = harness.run(*harness.EXAMPLE, *options, source=source, after=after)
    assert run.status == 0 and run.variables["logits"].dtype == np.float32
    assert isinstance(run.variables["wte"], Watched)
    assert {np.dtype(np.float32), np.dtype(bool)} <= named
    for dtype in seen - {np.dtype(np.float16)} | named:
        assert dtype == np.float32 or dtype.kind in "biu", dtype


def test_weights_are_aligned_wherever_the_data_begins(tmp_path):
    """The published file's begins at an odd byte; unaligned, NumPy copies at every product."""
    folder = shapes.folder_of("full_context", tmp_path)
    variables = harness.run("Once", "--model", str(folder)).variables
    assert variables["data_start"] % 2
    assert all(tensor.flags.aligned for block in variables["layers"] for tensor in block.values())
    assert variables["wte"].flags.aligned and variables["wte"].flags.c_contiguous


def test_an_aligned_file_is_not_copied(model):
    """Its weights stay where they are mapped, so that a run starts without reading them all."""
    variables = harness.run("Once", "--model", str(model)).variables
    for tensor in [variables["wte"], *variables["layers"][1].values()]:
        assert np.shares_memory(tensor, variables["file_bytes"])


def test_lm_head_in_the_file_is_the_tied_embedding(model, edit_tensors):
    """Some files carry lm_head.weight; tied, it is wte and is not read."""
    plain = harness.run("Once upon", "--model", str(model))
    edit_tensors(lambda tensors: tensors.update({"lm_head.weight": tensors["wte.weight"]}))
    assert harness.run("Once upon", "--model", str(model)).stdout == plain.stdout


@pytest.mark.skipif(
    not os.environ.get("EASYGPT2_TEST_ALL"), reason="writes 500 MB: set EASYGPT2_TEST_ALL=1"
)
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="asks Linux for the peak")
def test_peak_memory_at_124m(tmp_path):
    """The weights and at most 200 MB more, also with a prompt that nearly fills the context."""
    folder = random_model.write_model(tmp_path / "gpt2", random_model.GPT2_124M, odd=True)
    weights = (folder / "model.safetensors").stat().st_size
    program = tmp_path / "easygpt2.py"
    program.write_text(harness.SOURCE + "\nshow(open('/proc/self/status').read())\n", "utf-8")
    for prompt, n_tokens in [("Once upon a time there was a king", 40), (" king" * 1000, 2)]:
        done = harness.command(
            prompt, "--tokens", str(n_tokens), "--model", str(folder), program=program
        )
        assert done.returncode == 0, done.stderr
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", done.stdout)[1]) * 1024
        assert peak < weights + 200e6, f"{peak / 1e6:.0f} MB, the weights are {weights / 1e6:.0f}"
        print(f"{peak / 1e6:.0f} MB for weights of {weights / 1e6:.0f} MB")
