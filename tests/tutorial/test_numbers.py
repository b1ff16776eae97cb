"""Steps 8 to 14: layers, logits and greedy ids, against transformers, pinned and live."""

import os
import re
import sys

import numpy as np
import pytest

import harness
import random_model
import shapes

LINES = harness.SOURCE.splitlines()
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
    assert run.stderr.count("\n") == 2 and "context is full" in run.stderr.splitlines()[-1]


@pytest.mark.parametrize("name, n_tokens", [("tales", 4), ("full_context", 24)])
def test_cached_equals_uncached(name, n_tokens, tmp_path):
    """The logits behind every token of a text: as a run's rounds make them; with the text so far
    as one prompt, for which nothing has been kept; and with all but its first token kept."""
    folder = shapes.folder_of(name, tmp_path)
    ids, logits, layers = shapes.watch(folder, n_tokens=n_tokens)
    n_prompt = len(ids) - n_tokens
    assert [len(outputs[0]) for outputs in layers] == [n_prompt] + (n_tokens - 1) * [1]
    singly, one_by_one, layers = shapes.watch(
        folder, n_tokens=len(ids) - 1, source=harness.with_ids(ids, forced=True)
    )
    assert singly == ids and all(len(outputs[0]) == 1 for outputs in layers)
    uncached = []
    for n_ids in range(1, len(ids)):
        source = harness.with_ids(ids[:n_ids])
        all_ids, last, layers = shapes.watch(folder, n_tokens=1, source=source)
        assert all_ids[:-1] == ids[:n_ids] and len(layers) == 1
        assert len(layers[0][0]) == n_ids
        uncached += last
    for n_ids, (ours, theirs) in enumerate(zip(one_by_one, uncached, strict=True), 1):
        shapes.assert_close(ours, theirs, f"token by token, {n_ids} tokens")
    for step, (ours, theirs) in enumerate(zip(logits, uncached[n_prompt - 1 :], strict=True)):
        shapes.assert_close(ours, theirs, f"step {step}")


def test_rows_of_the_prompt_do_not_look_ahead(tmp_path):
    """A layer's rows of a short prompt are those that it has when more text follows."""
    folder = shapes.folder_of("three_layers", tmp_path)
    ids = shapes.prompt_ids()
    _, _, [whole] = shapes.watch(folder, n_tokens=1, source=harness.with_ids(ids))
    _, _, [part] = shapes.watch(folder, n_tokens=1, source=harness.with_ids(ids[:5]))
    for layer, (ours, theirs) in enumerate(zip(part, whole, strict=True)):
        shapes.assert_close(ours, theirs[:5], f"layer {layer}")


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
        assert np.argmax(run.variables["wte"] @ run.variables["last"]) >= 4096
        assert run.variables["logits"].shape == (4096,)


def test_every_array_of_a_run_is_float32_integer_or_boolean(monkeypatch):
    """Also what has no name: every array that comes of the weights is watched as it is made."""
    seen = set()

    class Watched(np.ndarray):
        def __array_finalize__(self, made_from):
            frame = sys._getframe(1)  # what NumPy makes for itself on the way is its own affair
            if frame.f_code.co_filename == str(harness.PROGRAM):
                if ".choice(" not in LINES[frame.f_lineno - 1]:  # its inside has no frames
                    seen.add(self.dtype)

    for name in ("frombuffer", "fromfile", "zeros", "full", "triu"):
        original = getattr(np, name)
        monkeypatch.setattr(np, name, lambda *a, f=original, **k: f(*a, **k).view(Watched))
    named = set()

    def after(statement, frame, returned):
        if frame.f_code.co_name != "read_tensor":  # float16 only while reading a file
            for value in [*frame.f_locals.values(), *returned]:
                if isinstance(value, np.ndarray | np.generic):
                    named.add(value.dtype)

    options = ["--temperature", "0.7", "--top-k", "50", "--seed", "1"]
    run = harness.run(*harness.EXAMPLE, *options, after=after)
    assert run.status == 0 and run.variables["logits"].dtype == np.float32
    assert all(isinstance(run.variables[name], Watched) for name in ("wte", "mask", "logits"))
    assert np.dtype(np.float32) in named and np.dtype(np.float32) in seen
    for dtype in seen - {np.dtype(np.float16)} | named:
        assert dtype == np.float32 or dtype.kind in "biu", dtype


def test_weights_are_aligned_wherever_the_data_begins(tmp_path):
    """The published file's begins at an odd byte; unaligned, NumPy copies at every product."""
    folder = shapes.folder_of("full_context", tmp_path)
    variables = harness.run("Once", "--model", str(folder)).variables
    assert variables["data_start"] % 2
    for tensor in tensors_of(variables):
        assert tensor.flags.aligned and tensor.flags.c_contiguous and tensor.dtype == np.float32


def tensors_of(variables):
    """Return all the weights of a run, and the biases."""
    pairs = [pair for parts in variables["layers"] for pair in parts.values()]
    found = [tensor for pair in [*pairs, variables["ln_f"]] for tensor in pair]
    assert len(found) == 12 * variables["n_layer"] + 2
    return [variables["wte"], variables["wpe"], *found]


def test_an_aligned_file_is_not_copied(model):
    """Its weights stay where they are mapped, so that a run starts without reading them all."""
    variables = harness.run("Once", "--model", str(model)).variables
    for tensor in tensors_of(variables):
        assert np.shares_memory(tensor, variables["file_bytes"])


@pytest.mark.parametrize("prefix", ["", "transformer."])
def test_lm_head_in_the_file_is_the_tied_embedding(prefix, model, edit_tensors):
    """Some files carry lm_head.weight; tied, it is wte and is not read."""
    plain = harness.run("Once upon", "--model", str(model))
    assert plain.status == 0

    def add(tensors):
        copy = {prefix + name: tensor for name, tensor in tensors.items()}
        tensors.clear()
        tensors |= copy | {"lm_head.weight": copy[f"{prefix}wte.weight"]}

    edit_tensors(add)
    assert harness.run("Once upon", "--model", str(model)).stdout == plain.stdout


def test_bfloat16_is_converted_as_it_says_and_agrees_with_transformers(tmp_path, reference):
    """What transformers makes of the BF16 file itself is what runs behind the conversion."""
    folder = shapes.folder_of("three_layers", tmp_path)
    ids, logits, layers = shapes.watch(folder)
    assert not (folder / "model.safetensors").samefile(tmp_path / "three_layers/model.safetensors")
    check_live(reference, "bfloat16", tmp_path / "three_layers", ids, logits, layers)


@pytest.mark.skipif(
    not os.environ.get("EASYGPT2_TEST_ALL"), reason="writes 500 MB: set EASYGPT2_TEST_ALL=1"
)
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="asks Linux for the peak")
def test_peak_memory_at_124m(tmp_path):
    """The weights and at most 200 MB more; with a prompt that nearly fills the context, 320 MB,
    as its rows go through the layers all at once."""
    folder = random_model.write_model(tmp_path / "gpt2", random_model.GPT2_124M, odd=True)
    weights = (folder / "model.safetensors").stat().st_size
    program = tmp_path / "easygpt2.py"
    program.write_text(harness.SOURCE + "\nprint(open('/proc/self/status').read())\n", "utf-8")
    for prompt, n_tokens, more in [
        ("Once upon a time there was a king", 40, 200e6),
        (" king" * 1000, 2, 320e6),
    ]:
        done = harness.command(
            prompt, "--tokens", str(n_tokens), "--model", str(folder), program=program
        )
        assert done.returncode == 0, done.stderr
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", done.stdout)[1]) * 1024
        assert peak < weights + more, f"{peak / 1e6:.0f} MB, the weights are {weights / 1e6:.0f}"
        print(f"{peak / 1e6:.0f} MB for weights of {weights / 1e6:.0f} MB")
