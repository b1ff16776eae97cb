"""convert.py: every layout that it knows, bit for bit; what it refuses; whole or not at all."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors
import tokenizers

import convert as program
import harness
import random_model
from checkpoints import make_checkpoints
from tools.command import Refused
from tools.formats import tensorflow as reader

PROGRAM = harness.ROOT / "convert.py"
CHECKPOINTS = Path(__file__).parent / "checkpoints"
FILES = {"config.json", "vocab.json", "merges.txt", "model.safetensors"}


def convert(source, target, **options):
    """Run the command, in this process unless its surroundings matter."""
    if options:
        return harness.command(str(source), str(target), program=PROGRAM, **options)
    return harness.command_here("convert.py", program.main, str(source), str(target))


def edited(folder, name, old, new):
    """Return convert.py in a copy of the house in which a file of tools/ has `new` for `old`."""
    if not (folder / "tools").exists():
        harness.house(folder)
    path = folder / "tools" / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    return folder / "convert.py"


def converted(source, target):
    """Convert; return {name: (dtype, shape, bytes)} as the safetensors library reads the result."""
    done = convert(source, target)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f'type: python easygpt2.py "Once upon a time" --model {target}\n')
    assert {path.name for path in target.iterdir()} == FILES
    return stored(target)


def stored(folder):
    data = (folder / "model.safetensors").read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    assert start % 64 == 0
    for entry in json.loads(data[8:start]).values():
        assert (start + entry["data_offsets"][0]) % 4 == 0
    return {
        name: (entry["dtype"], entry["shape"], bytes(entry["data"]))
        for name, entry in safetensors.deserialize(data)
    }


def refused(done, *words, next_command="python ", status=1):
    assert done.returncode == status, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("convert.py: ") and f"; type: {next_command}" in done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


def expected(hparams):
    """What must be stored of the variables that TensorFlow or EasyGPT2 was given."""
    found = {}
    for name, value in make_checkpoints.variables(hparams).items():
        parts = name.replace("model/h", "h/").replace("model/", "").split("/")
        suffix = {"g": "weight", "w": "weight", "b": "bias"}.get(parts[-1])
        parts = parts[:-1] + [suffix] if suffix else [*parts, "weight"]
        shape = list(value.shape[1:] if value.ndim == 3 else value.shape)
        found[".".join(parts)] = ("F32", shape, value.tobytes())
    return found


# OpenAI's TensorFlow checkpoints


@pytest.mark.parametrize("name", ["small", "blocks"])
def test_tensorflow_bit_for_bit(name, tmp_path):
    found = converted(CHECKPOINTS / name, tmp_path / "new")
    assert found == expected(make_checkpoints.HPARAMS[name])
    for here, there in [("vocab.json", "encoder.json"), ("merges.txt", "vocab.bpe")]:
        assert (tmp_path / "new" / here).read_bytes() == (CHECKPOINTS / name / there).read_bytes()


def test_tensorflow_runs_and_agrees_with_transformers(tmp_path, reference):
    converted(CHECKPOINTS / "small", tmp_path / "new")
    run = harness.run("the cat", "--tokens", "20", "--model", str(tmp_path / "new"))
    assert run.status == 0, run.stderr
    prompt = run.variables["ids"][: run.variables["n_prompt"]]
    ids, _ = reference.greedy(reference.load(tmp_path / "new"), prompt, 20)
    assert run.variables["ids"] == ids[: len(run.variables["ids"])]


@pytest.fixture
def tensorflow():
    return pytest.importorskip("tensorflow", reason="pip install tensorflow-cpu")


def test_live_tensorflow_writes_what_is_read_and_reads_what_is_kept(tensorflow, tmp_path):
    """The TensorFlow of today, beside the one that wrote the committed checkpoints."""
    make_checkpoints.main(tmp_path)
    for name, hparams in make_checkpoints.HPARAMS.items():
        assert converted(tmp_path / name, tmp_path / f"new-{name}") == expected(hparams)
        kept = tensorflow.train.load_checkpoint(str(CHECKPOINTS / name))
        for variable, value in make_checkpoints.variables(hparams).items():
            assert kept.get_tensor(variable).tobytes() == value.tobytes()


def test_live_checkpoints_of_another_kind(tensorflow, checkpoint, tmp_path):
    plain = make_checkpoints.variables(make_checkpoints.HPARAMS["small"])
    norm = plain["model/h0/ln_1/g"]
    half = {"model/wpe": "64 16 0,32:0,16"}
    for change, slices, word in [
        ({"model/wte/Adam": plain["model/wte"]}, {}, "model/wte/Adam"),
        ({"model/h00/ln_1/g": norm}, {}, "model/h00/ln_1/g"),
        ({"model/h0_ln_1/g": norm}, {}, "model/h0_ln_1/g"),
        ({"model/ln_f/w": norm}, {}, "model/ln_f/w"),
        ({"model/wpe": plain["model/wpe"].astype("f2")}, {}, "model/wpe has type [19]"),
        ({"_CHECKPOINTABLE_OBJECT_GRAPH": np.array([b"x"])}, {}, "OBJECT_GRAPH"),
        ({}, half, "cut into parts"),
    ]:
        make_checkpoints.save(checkpoint / "model.ckpt", plain | change, slices)
        refused(convert(checkpoint, tmp_path / "new"), word)


@pytest.fixture
def checkpoint(tmp_path):
    """A copy of the small checkpoint, to be damaged."""
    return shutil.copytree(CHECKPOINTS / "small", tmp_path / "checkpoint")


def test_index_has_several_blocks_and_several_tensors_in_each():
    path = CHECKPOINTS / "blocks" / "model.ckpt.index"
    data = path.read_bytes()
    index, _ = reader.handle(data, reader.handle(data, len(data) - 48)[1])
    blocks = [
        list(reader.entries(reader.block(path, data, reader.handle(place, 0)[0])))
        for _, place in reader.entries(reader.block(path, data, index))
    ]
    assert len(blocks) > 1 and all(len(block) > 1000 for block in blocks)


def test_every_truncated_or_flipped_index_is_refused(checkpoint):
    """A bit of every byte, every seventh length; with EASYGPT2_TEST_ALL all of them."""
    bits, step = (range(8), 1) if "EASYGPT2_TEST_ALL" in os.environ else ([0], 7)
    path = checkpoint / "model.ckpt.index"
    whole = path.read_bytes()
    damaged = [whole[:length] for length in range(0, len(whole), step)]
    damaged += [whole + b"\0", whole + whole, b"\0" + whole]
    for position in range(len(whole)):
        for bit in bits:
            flipped = bytearray(whole)
            flipped[position] ^= 1 << (bit + position) % 8
            damaged.append(bytes(flipped))
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(Refused, match="model.ckpt.index"):
            reader.read_checkpoint(checkpoint)
    path.write_bytes(whole)
    assert len(reader.read_checkpoint(checkpoint)) == 40


def test_large_index_damaged_anywhere_is_refused(tmp_path):
    folder = shutil.copytree(CHECKPOINTS / "blocks", tmp_path / "blocks")
    path = folder / "model.ckpt.index"
    whole = path.read_bytes()
    random = np.random.RandomState(0)
    for position in random.randint(0, len(whole), 40).tolist():
        flipped = bytearray(whole)
        flipped[position] ^= 1 << random.randint(8)
        for content in (flipped, whole[:position]):
            path.write_bytes(content)
            with pytest.raises(Refused, match="model.ckpt.index"):
                reader.read_checkpoint(folder)


def test_damaged_numbers_are_refused(checkpoint, tmp_path):
    path = checkpoint / "model.ckpt.data-00000-of-00001"
    whole = path.read_bytes()
    for content in (whole[:-1], whole[:1000], b"", whole + b"\0"):
        path.write_bytes(content)
        refused(convert(checkpoint, tmp_path / "new"), path.name)
    for position in (0, len(whole) // 2, len(whole) - 1):
        flipped = bytearray(whole)
        flipped[position] ^= 16
        path.write_bytes(flipped)
        refused(convert(checkpoint, tmp_path / "new"), path.name, "checksum", "model/")
    path.unlink()
    refused(convert(checkpoint, tmp_path / "new"), path.name)
    assert not (tmp_path / "new").exists() and not list(tmp_path.glob(".*"))


def test_checkpoint_of_another_name_and_place(checkpoint, tmp_path):
    """As fine-tuning leaves it: `checkpoint` has the latest one's path on another machine."""
    for path in checkpoint.glob("model.ckpt.*"):
        path.rename(path.with_name(path.name.replace("model.ckpt", "model-1000")))
    (checkpoint / "model-900.index").write_bytes(b"an older one")
    (checkpoint / "checkpoint").write_text('model_checkpoint_path: "/content/run1/model-1000"\n')
    assert converted(checkpoint, tmp_path / "new") == expected(make_checkpoints.HPARAMS["small"])
    (checkpoint / "checkpoint").write_text("nothing\n")
    refused(convert(checkpoint, tmp_path / "another"), "checkpoint")
    (checkpoint / "checkpoint").unlink()
    refused(convert(checkpoint, tmp_path / "another"), "not one TensorFlow checkpoint")
    (checkpoint / "model-900.index").unlink()
    converted(checkpoint, tmp_path / "another")


# The original EasyGPT2's folder


def write_easygpt2(folder, hparams):
    """Write the folder that the original EasyGPT2 reads, as its own converter left it."""
    folder.mkdir()
    (folder / "hparams.json").write_text(json.dumps(hparams), "utf-8")
    make_checkpoints.write_vocabulary(folder, hparams["n_vocab"])
    for name, value in make_checkpoints.variables(hparams).items():
        value = value[0] if value.ndim == 3 else value
        random_model.write_tensorbins(folder, "", name, value, hparams["n_head"])
    return folder


@pytest.mark.parametrize("n_head", [1, 2, 16])
def test_easygpt2_bit_for_bit(n_head, tmp_path):
    hparams = make_checkpoints.HPARAMS["small"] | {"n_head": n_head, "n_layer": 12}
    source = write_easygpt2(tmp_path / "data", hparams)
    assert converted(source, tmp_path / "new") == expected(hparams)
    assert harness.run("the cat", "--model", str(tmp_path / "new")).status == 0


def test_easygpt2_refusals(tmp_path):
    source = write_easygpt2(tmp_path / "data", make_checkpoints.HPARAMS["small"])
    (source / "extra.tensorbin").write_bytes((source / "wte.tensorbin").read_bytes())
    refused(convert(source, tmp_path / "new"), "extra.tensorbin")
    (source / "extra.tensorbin").unlink()
    for name, problem in {
        "wpe": "wpe.weight is missing",
        "layer1_ln_2_g": "h.1.ln_2.weight is missing",
        "layer2_attn_c_attn_w_k_h3": "h.2.attn.c_attn.weight",
        "layer2_attn_c_attn_b_v_h0": "h.2.attn.c_attn.bias",
    }.items():
        path = source / f"{name}.tensorbin"
        whole = path.read_bytes()
        path.unlink()
        refused(convert(source, tmp_path / "new"), problem)
        for content in (b"", whole[:3], whole[:6], whole[:-1], whole + b"\0"):
            path.write_bytes(content)
            refused(convert(source, tmp_path / "new"), path.name)
        path.write_bytes(whole)
    for name in ("ln_f_w", "wte_g", "layer00_ln_1_g", "layer0_attn_c_proj", "h0_ln_1_g"):
        random_model.write_tensorbin(source / f"{name}.tensorbin", np.zeros(16))
        refused(convert(source, tmp_path / "new"), f"{name}.tensorbin")
        (source / f"{name}.tensorbin").unlink()
    for name, problem in {
        "layer0_attn_c_attn_w_q_h00": "layer0_attn_c_attn_w_q_h00.tensorbin",
        "layer0_attn_c_attn_w_q_h4": "some head of h.0.attn.c_attn.weight",
        "layer0_attn_c_attn_w_q_h999999": "some head of h.0.attn.c_attn.weight",
        "layer0_attn_c_attn_w": "whole and by heads",
    }.items():
        random_model.write_tensorbin(source / f"{name}.tensorbin", np.zeros([16, 4]))
        refused(convert(source, tmp_path / "new"), problem)
        (source / f"{name}.tensorbin").unlink()
    random_model.write_tensorbin(source / "layer0_attn_c_attn_w_q_h1.tensorbin", np.zeros([4, 16]))
    refused(convert(source, tmp_path / "new"), "heads of h.0.attn.c_attn.weight")
    random_model.write_tensorbin(source / "layer0_attn_c_attn_w_q_h1.tensorbin", np.zeros([16, 5]))
    refused(convert(source, tmp_path / "new"), "h.0.attn.c_attn.weight has shape [16, 49]")
    for name in ("hparams.json", "encoder.json", "vocab.bpe"):
        (source / name).rename(tmp_path / name)
        refused(convert(source, tmp_path / "new"))
        shutil.copy(tmp_path / name, source)


# Hugging Face's layouts


def bits(folder):
    """{bare name: (dtype, shape, bytes)} of a model folder, without its mask buffers."""
    data = (folder / "model.safetensors").read_bytes()
    return {
        name.removeprefix("transformer."): (entry["dtype"], entry["shape"], bytes(entry["data"]))
        for name, entry in safetensors.deserialize(data)
        if not name.endswith((".attn.bias", ".masked_bias"))
    }


def shard(folder, n_shards):
    """Split model.safetensors into shards with an index, as transformers saves large models."""
    path = folder / "model.safetensors"
    tensors = safetensors.deserialize(path.read_bytes())
    path.unlink()
    where = {}
    for number in range(n_shards):
        name = f"model-{number + 1:05}-of-{n_shards:05}.safetensors"
        part = {}
        for key, entry in tensors[number::n_shards]:
            array = np.frombuffer(entry["data"], random_model.DTYPES[entry["dtype"]])
            part[key] = (entry["dtype"], array.reshape(entry["shape"]))
        random_model.write_safetensors(folder / name, part)
        where |= dict.fromkeys(part, name)
    index = {"metadata": {"total_size": 1}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), "utf-8")


def widened(tensors):
    """Return the tensors with bfloat16 as float32, each number as NumPy makes it of its bits."""
    found = {}
    for name, (dtype, shape, data) in tensors.items():
        if dtype == "BF16":
            bits = np.frombuffer(data, "<u2").astype("<u4") << 16
            dtype, data = "F32", bits.tobytes()
        found[name] = dtype, shape, data
    return found


CONFIG = random_model.config_of(n_layer=2, n_head=2, n_embd=8, n_ctx=32, n_vocab=4096)
KINDS = [
    {},
    {"odd": True, "buffers": True},
    {"dtype": "F16", "prefix": "transformer.", "odd": True},
    {"dtype": "BF16", "prefix": "transformer.", "buffers": True},
]


@pytest.mark.parametrize("n_shards", [0, 1, 3])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_safetensors_whole_and_in_shards(kind, n_shards, tmp_path):
    source = random_model.write_model(tmp_path / "source", CONFIG, **kind)
    before = bits(source)
    plain = harness.run("Once upon a time", "--model", str(source))
    if n_shards:
        shard(source, n_shards)
    assert converted(source, tmp_path / "new") == widened(before)
    run = harness.run("Once upon a time", "--model", str(tmp_path / "new"))
    assert run.status == 0
    assert run.stdout == plain.stdout or kind.get("dtype") == "BF16" and plain.status == 1
    for name in ("vocab.json", "merges.txt"):
        assert (tmp_path / "new" / name).read_bytes() == (source / name).read_bytes()
    config = json.loads((tmp_path / "new" / "config.json").read_text("utf-8"))
    assert config == CONFIG


def test_mixed_dtypes_are_all_aligned(tmp_path):
    """Of odd sizes: behind a float16 tensor, a float32 one would begin within a word."""
    config = random_model.config_of(n_layer=1, n_head=1, n_embd=3, n_ctx=5, n_vocab=4096)
    source = random_model.write_model(tmp_path / "source", config)
    mixed = {
        name: (dtype, random_model.to_dtype(tensor, dtype))
        for name, tensor in random_model.random_tensors(config)
        for dtype in ["F16" if name == "wpe.weight" else "F32"]
    }
    random_model.write_safetensors(source / "model.safetensors", mixed)
    assert converted(source, tmp_path / "new") == bits(source)
    run = harness.run("Once", "--tokens", "1", "--model", str(tmp_path / "new"))
    assert run.status == 0 and run.variables["wte"].flags.aligned


def test_shards_and_their_index_must_agree(model, tmp_path):
    shard(model, 3)
    path = model / "model.safetensors.index.json"
    index = json.loads(path.read_text("utf-8"))
    where = index["weight_map"]
    first, second = list(where)[:2]
    outside = "../model-00001-of-00003.safetensors"
    for edited, word in [
        ({name: file for name, file in where.items() if name != first}, first),
        (where | {"more": where[first]}, "more"),
        (where | {first: outside}, outside),
        (where | {first: "."}, "'.'"),
        (where | {first: 5}, "5"),
        (where | {first: "absent.safetensors"}, "absent.safetensors"),
        (where | {first: where[first].replace("1-of", "2-of")}, first),
        ({}, "wte.weight"),
        ([], path.name),
    ]:
        path.write_text(json.dumps({"weight_map": edited}), "utf-8")
        refused(convert(model, tmp_path / "new"), word)
    path.write_text("{", "utf-8")
    refused(convert(model, tmp_path / "new"), path.name)
    path.write_text(json.dumps(index), "utf-8")
    (model / where[second]).write_bytes((model / where[second]).read_bytes()[:-1])
    refused(convert(model, tmp_path / "new"), where[second])


def as_tokenizer_json(folder):
    """Leave only a tokenizer.json, as the tokenizers library itself writes it."""
    vocabulary = json.loads((folder / "vocab.json").read_text("utf-8"))
    lines = (folder / "merges.txt").read_text("utf-8").splitlines()[1:]
    bpe = tokenizers.models.BPE(vocabulary, [tuple(line.split()) for line in lines])
    tokenizer = tokenizers.Tokenizer(bpe)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(["<|endoftext|>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "vocab.json").unlink()
    (folder / "merges.txt").unlink()
    return folder / "tokenizer.json"


@pytest.mark.parametrize("merges", ["pairs", "strings"])
def test_tokenizer_json_alone(model, tmp_path, merges):
    prompt = "Die naïve Wölfin ☃ didn't know   what\n\nto do"
    plain = harness.run(prompt, "--model", str(model))
    path = as_tokenizer_json(model)
    if merges == "strings":  # as tokenizers before 0.20 wrote them, and without a type before 0.9
        tokenizer = json.loads(path.read_text("utf-8"))
        del tokenizer["model"]["type"], tokenizer["added_tokens"]
        lines = [" ".join(pair) for pair in tokenizer["model"]["merges"]]
        tokenizer["model"]["merges"] = lines
        path.write_text(json.dumps(tokenizer), "utf-8")
    converted(model, tmp_path / "new")
    run = harness.run(prompt, "--model", str(tmp_path / "new"))
    assert run.status == 0 and run.stdout == plain.stdout


@pytest.mark.parametrize("alone", [True, False])
def test_added_tokens(alone, model, edit_config, edit_tensors, tmp_path):
    """Those for which the model has a row are kept, to be readable; none without a row."""
    edit_config(vocab_size=4098)
    edit_tensors(lambda tensors: None)
    names = ["[PAD]", "a naïve one", "[SEP]"]
    if alone:
        path = as_tokenizer_json(model)
        tokenizer = tokenizers.Tokenizer.from_file(str(path))
        tokenizer.add_special_tokens(names)
        tokenizer.save(str(path))
    else:
        added = {"<|endoftext|>": 4095} | {name: 4096 + n for n, name in enumerate(names)}
        (model / "added_tokens.json").write_text(json.dumps(added), "utf-8")
    converted(model, tmp_path / "new")
    vocabulary = json.loads((tmp_path / "new" / "vocab.json").read_text("utf-8"))
    assert vocabulary["[PAD]"] == 4096 and "[SEP]" not in vocabulary
    run = harness.run("a naïve one", "--model", str(tmp_path / "new"))
    assert run.status == 0
    run.variables["ids"] = [4097]
    for step in (16, 18):
        exec(harness.piece(step), run.variables)
    assert run.variables["output"] == "a naïve one"


@pytest.mark.parametrize("n_vocab", [None, "4096", ...])
def test_added_tokens_beside_a_config_without_vocab_size(model, edit_config, tmp_path, n_vocab):
    (model / "added_tokens.json").write_text('{"[PAD]": 4096}', "utf-8")
    edit_config(vocab_size=n_vocab)
    refused(convert(model, tmp_path / "new"), "vocab_size")


@pytest.mark.parametrize(
    "change, word",
    [
        (lambda vocabulary: vocabulary.update({"x": 0}), "ids"),
        (lambda vocabulary: vocabulary.update({"x": "0"}), "ids"),
        (lambda vocabulary: vocabulary.update({"x": None}), "ids"),
    ],
)
def test_vocabularies_of_another_kind(model, edit_config, edit_tensors, tmp_path, change, word):
    edit_config(vocab_size=4097)
    edit_tensors(lambda tensors: None)
    path = model / "vocab.json"
    vocabulary = json.loads(path.read_text("utf-8"))
    change(vocabulary)
    path.write_text(json.dumps(vocabulary), "utf-8")
    refused(convert(model, tmp_path / "new"), word)


@pytest.mark.parametrize(
    "merges",
    [b"", b"#version: 0.2\n", b"a\n", b" a\n", b"a b c\n", "h e\x85t h\n".encode(), b"\xff \xff\n"],
)
def test_merges_of_another_kind(model, tmp_path, merges):
    (model / "merges.txt").write_bytes(merges)
    refused(convert(model, tmp_path / "new"), "merges")


def test_tokens_that_no_merge_makes_are_spelled_as_they_like(
    model, edit_config, edit_tensors, tmp_path
):
    """As easygpt2.py runs them; what a merge makes is bytes."""
    edit_config(vocab_size=4097)
    edit_tensors(lambda tensors: None)
    path = model / "vocab.json"
    vocabulary = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(vocabulary | {"a ☃": 4096}), "utf-8")
    done = convert(model, tmp_path / "new")
    assert done.returncode == 0, done.stderr
    run, same = [harness.run("Once", "--model", str(at)) for at in (tmp_path / "new", model)]
    assert run.status == 0 and run.variables["ids"] == same.variables["ids"]
    path.write_text(json.dumps(vocabulary | {"☃a": 4096}), "utf-8")
    with open(model / "merges.txt", "a", encoding="utf-8") as file:
        file.write("☃ a\n")
    refused(convert(model, tmp_path / "other"), "merges", "'☃ a\\n'")


@pytest.mark.parametrize(
    "change",
    [
        lambda tokenizer: tokenizer["model"].update(type="WordPiece"),
        lambda tokenizer: tokenizer.update(normalizer={"type": "NFC"}),
        lambda tokenizer: tokenizer["pre_tokenizer"].update(type="Metaspace"),
        lambda tokenizer: tokenizer["pre_tokenizer"].update(add_prefix_space=True),
        lambda tokenizer: tokenizer["pre_tokenizer"].update(use_regex=False),
        lambda tokenizer: tokenizer.update(pre_tokenizer=None),
        lambda tokenizer: tokenizer["model"].update(vocab=None),
        lambda tokenizer: tokenizer["model"].update(merges=None),
        lambda tokenizer: tokenizer["model"].update(merges=[["a"]]),
        lambda tokenizer: tokenizer["model"].update(merges=[[1, 2]]),
        lambda tokenizer: tokenizer["model"]["vocab"].update(king=4096),
        lambda tokenizer: tokenizer.update(model=[]),
        lambda tokenizer: tokenizer.update(added_tokens=[{"content": 5, "id": 4095}]),
        lambda tokenizer: tokenizer.update(added_tokens=[{"content": "\ud800", "id": 4095}]),
        lambda tokenizer: tokenizer.update(added_tokens=5),
        lambda tokenizer: tokenizer["model"].update(merges=["\ud800 a"]),
        lambda tokenizer: tokenizer["model"].update(merges=[]),
        lambda tokenizer: tokenizer["model"].update(ignore_merges=True),
        lambda tokenizer: tokenizer["model"].update(byte_fallback=True),
        lambda tokenizer: tokenizer["model"].update(dropout=0.1),
        lambda tokenizer: tokenizer["model"].update(continuing_subword_prefix="##"),
        lambda tokenizer: tokenizer["model"].update(end_of_word_suffix="</w>"),
    ],
)
def test_tokenizers_of_another_kind(model, change, tmp_path):
    path = as_tokenizer_json(model)
    tokenizer = json.loads(path.read_text("utf-8"))
    change(tokenizer)
    path.write_text(json.dumps(tokenizer), "utf-8")
    refused(convert(model, tmp_path / "new"))


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="pip install torch")


def as_pytorch(folder, torch, n_shards=0, **options):
    """Turn model.safetensors into pytorch_model.bin, written by torch."""
    from safetensors.torch import load_file

    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    if not n_shards:
        torch.save(state, folder / "pytorch_model.bin", **options)
        return
    where = {}
    for number in range(n_shards):
        name = f"pytorch_model-{number + 1:05}-of-{n_shards:05}.bin"
        where |= dict.fromkeys(list(state)[number::n_shards], name)
        part = {key: state[key] for key in list(state)[number::n_shards]}
        torch.save(part, folder / name, **options)
    index = {"weight_map": where}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index), "utf-8")


@pytest.mark.parametrize("n_shards", [0, 2])
@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("kind", KINDS[1:], ids=str)
def test_pytorch(kind, zipped, n_shards, torch, tmp_path):
    source = random_model.write_model(tmp_path / "source", CONFIG, **kind)
    before = bits(source)
    as_pytorch(source, torch, n_shards, _use_new_zipfile_serialization=zipped)
    assert converted(source, tmp_path / "new") == widened(before)


def test_pytorch_archive_that_is_compressed(torch, model, tmp_path):
    """Such a one cannot be mapped; torch loads it all the same."""
    before = bits(model)
    as_pytorch(model, torch)
    path = model / "pytorch_model.bin"
    stored = tmp_path / "stored.bin"
    path.rename(stored)
    with zipfile.ZipFile(stored) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    assert converted(model, tmp_path / "new") == before


def test_pytorch_tensors_that_are_views(torch, model, tmp_path):
    """A transposed one, and one that shares its storage with a larger one."""
    from safetensors.torch import load_file

    before = bits(model)
    state = load_file(model / "model.safetensors")
    state["wpe.weight"] = state["wpe.weight"].t().contiguous().t()
    state["wte.weight"] = torch.cat([state["wte.weight"]] * 2)[4096:]
    torch.save(state, model / "pytorch_model.bin")
    (model / "model.safetensors").unlink()
    assert converted(model, tmp_path / "new") == before


class Evil:
    def __reduce__(self):
        return os.mkdir, ("made by a pickle",)


def test_pytorch_runs_no_code(torch, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (model / "model.safetensors").unlink()
    for content in ({"wte.weight": Evil()}, [1], {"wte.weight": 1}):
        torch.save(content, model / "pytorch_model.bin")
        refused(convert(model, tmp_path / "new"), "pytorch_model.bin")
        assert not (tmp_path / "made by a pickle").exists()
    for tensor in (torch.eye(2).to_sparse(), torch.empty(2, device="meta")):
        torch.save({"wte.weight": tensor}, model / "pytorch_model.bin")
        refused(convert(model, tmp_path / "new"), "wte.weight")
    for content in (b"", b"no pickle", b"PK\3\4"):
        (model / "pytorch_model.bin").write_bytes(content)
        refused(convert(model, tmp_path / "new"), "pytorch_model.bin")
    torch.save({}, model / "pytorch_model.bin")
    refused(convert(model, tmp_path / "new"), "wte.weight is missing")


@pytest.mark.parametrize("module", ["torch", "google_crc32c"])
def test_what_is_not_installed_is_named(module, model, tmp_path, without):
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    source = model if module == "torch" else CHECKPOINTS / "small"
    done = convert(source, tmp_path / "new", env=os.environ | without(module))
    name = module.replace("_", "-")
    refused(done, name, next_command=f"python -m pip install {name}\n")
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    "field, value",
    [
        ("vocab_size", None),
        ("vocab_size", 4095),
        ("n_embd", 4),
        ("n_embd", "8"),
        ("n_head", 3),
        ("n_head", 0),
        ("n_layer", 1),
        ("n_layer", 3),
        ("n_layer", 999_999),
        ("n_positions", 31),
        ("layer_norm_epsilon", None),
        ("model_type", "gptj"),
        ("activation_function", "gelu"),
        ("activation_function", []),
        ("scale_attn_weights", False),
        ("scale_attn_by_inverse_layer_idx", True),
        ("tie_word_embeddings", False),
        ("n_inner", 0),
        ("n_inner", 33),
    ],
)
def test_configs_of_another_kind(model, edit_config, tmp_path, field, value):
    edit_config(**{field: value})
    done = convert(model, tmp_path / "new")
    refused(done)
    assert not (tmp_path / "new").exists()


def test_tensors_of_another_kind(model, edit_tensors, tmp_path):
    def renamed(tensors):
        tensors["h.1.attn.c_attn.rotary"] = tensors.pop("h.1.attn.c_attn.weight")

    for change, words in [
        (lambda tensors: tensors.pop("ln_f.bias"), ["ln_f.bias is missing"]),
        (renamed, ["h.1.attn.c_attn.rotary"]),
        (
            lambda tensors: tensors.update({"score.weight": np.zeros([2, 8], "f4")}),
            ["score.weight"],
        ),
        (lambda tensors: tensors.update({"h.2.ln_1.bias": np.zeros(8, "f4")}), ["h.2.ln_1.bias"]),
        (lambda tensors: tensors.update({"transformer.wte.weight": np.zeros(1, "f4")}), ["both"]),
        (lambda tensors: tensors.update({"lm_head.weight": -tensors["wte.weight"]}), ["lm_head"]),
    ]:
        edit_tensors(change)
        refused(convert(model, tmp_path / "new"), *words)
    edit_tensors(lambda tensors: tensors.update({"lm_head.weight": tensors["wte.weight"]}))
    converted(model, tmp_path / "new")


@pytest.mark.parametrize("dtype", ["F64", "I32", "F8_E4M3"])
def test_dtypes_of_another_kind(model, dtype, tmp_path):
    path = model / "model.safetensors"
    path.write_bytes(path.read_bytes().replace(b'"F32"', f'"{dtype}"'.encode()[:5].ljust(5), 1))
    refused(convert(model, tmp_path / "new"))


def test_damaged_safetensors(model, tmp_path):
    path = model / "model.safetensors"
    whole = path.read_bytes()
    start = 8 + int.from_bytes(whole[:8], "little")
    for content in (b"", whole[:7], whole[: start - 1], whole[:start], whole[:-1], whole + b"\0"):
        path.write_bytes(content)
        refused(convert(model, tmp_path / "new"), path.name)
    for header in ({"wte.weight": 1}, {"wte.weight": {}}, [], {"a": {"data_offsets": [[], {}]}}):
        text = json.dumps(header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text)
        refused(convert(model, tmp_path / "new"), path.name)


@pytest.mark.parametrize("number", ["1" * 4300, "1e400", "NaN", "true", "-5", "0.5"])
def test_offsets_of_another_kind(model, tmp_path, number):
    path = model / "model.safetensors"
    text = '{"wte.weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, NUMBER]}}'
    text = text.replace("NUMBER", number)
    path.write_bytes(len(text).to_bytes(8, "little") + text.encode() + b"1234")
    refused(convert(model, tmp_path / "new"))


# As a command


def test_terminal_that_cannot_print_a_name(model, tmp_path):
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    assert convert(model, tmp_path / "modèle", env=environment).returncode == 0
    refused(convert(model, tmp_path / "modèle", env=environment), "mod\\xe8le")


def test_help_and_arguments(tmp_path):
    for flag in ("-h", "--help"):
        done = harness.command(flag, program=PROGRAM)
        assert done.returncode == 0 and "python convert.py [-h] FOLDER models/NAME" in done.stdout
    for arguments in ([], ["one"], ["one", "two", "three"]):
        refused(harness.command(*arguments, program=PROGRAM), "arguments", status=2)
    refused(convert(tmp_path / "nowhere", tmp_path / "new"), "nowhere")
    refused(convert(tmp_path, tmp_path / "new"), "config.json", "hparams.json")
    (tmp_path / "config.json").write_text("{}")
    refused(convert(tmp_path, tmp_path / "new"), "model.safetensors")
    refused(convert(CHECKPOINTS / "small", tmp_path), str(tmp_path), "is there already")


@pytest.mark.skipif(os.name == "nt", reason="closes a stream of the command")
@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full"])
def test_nobody_reads_a_refusal(closed, tmp_path):
    """Its status is the same, and it is not said on stdout instead."""
    command = shlex.join([sys.executable, str(PROGRAM), "nowhere", str(tmp_path / "new")])
    done = subprocess.run(f"{command} {closed}", shell=True, stdout=subprocess.PIPE)
    assert done.returncode == 1 and done.stdout == b""


def test_refusals_hold_no_characters_that_steer_a_terminal(
    model, edit_config, edit_tensors, tmp_path
):
    """No colour, no right-to-left override and no zero of another's file, nor much of it."""
    name = "h.0.\x1b[31m\u202e\0\u2028\n\x85"
    edit_tensors(lambda tensors: tensors.update({name: np.zeros(1, "f4")}))
    done = convert(model, tmp_path / "new")
    refused(done, r"tensor h.0.\x1b[31m\u202e\x00")
    assert done.stderr[:-1].isprintable()
    edit_config(model_type="\x1b[31m\u202e\0\u2028\n" + 70_000 * "x")
    done = convert(model, tmp_path / "new")
    refused(done, r"\x1b[31m", "\\u202e", "\\x00", "xx ... xx", "x', not 'gpt2': not GPT-2; type")
    assert len(done.stderr) < 1200 and done.stderr[:-1].isprintable()
    (model / "config.json").unlink()
    name = "new\x1b[31m" + "n" * 200
    refused(convert(model, tmp_path / name), "neither config.json")
    done = convert(model / ("d" * 900), tmp_path / "new")
    refused(done, next_command="python convert.py --help")


@pytest.mark.skipif(os.name == "nt", reason="closes a stream of the command")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", ">/dev/full", "2>/dev/full"])
def test_nobody_reads_what_is_said(closed, tmp_path):
    program = edited(tmp_path, "formats/safetensors.py", "said > 1:", "said > -1:")
    command = [sys.executable, str(program), str(CHECKPOINTS / "small"), str(tmp_path / "new")]
    assert subprocess.run(f"{shlex.join(command)} {closed}", shell=True).returncode == 0
    assert len(stored(tmp_path / "new")) == 40


@pytest.mark.parametrize("number", ["8.0", "true", "null"])
def test_sizes_that_are_no_whole_numbers(model, edit_config, tmp_path, number):
    """8.0 is 8 for Python, and would be copied into the new header; True is 1."""
    path = model / "model.safetensors"
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header["ln_f.bias"]["shape"] = [json.loads(number)]
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[start:])
    refused(convert(model, tmp_path / "new"), "tensor ln_f.bias has shape")


def test_a_vocabulary_of_one_token_too_many(tmp_path):
    """The tensors fit the config, but the last token has no row."""
    config = random_model.config_of(n_layer=1, n_head=1, n_embd=8, n_ctx=8, n_vocab=4095)
    source = random_model.write_model(tmp_path / "source", config)
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(harness.TALES / name, source)
    refused(convert(source, tmp_path / "new"), "has 4096 tokens, the model only 4095")


def test_nothing_is_made_on_the_way_to_a_name(model, tmp_path):
    """nowhere/.. is the folder itself, which is there; nowhere/../new needs no nowhere."""
    refused(convert(model, tmp_path / "nowhere" / ".."), "is there already")
    assert convert(model, tmp_path / "nowhere" / ".." / "new").returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"model", "new"}
    assert convert(model, tmp_path / "a" / "b" / "new").returncode == 0


def test_full_disk_leaves_nothing(tmp_path):
    resource = pytest.importorskip("resource", reason="no limits on files on Windows")

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = convert(CHECKPOINTS / "small", tmp_path / "a" / "b" / "new", preexec_fn=limit)
    refused(done, "too large", next_command="python convert.py ")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="stops the reader of a named pipe")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_stopped_in_the_middle(number, tmp_path):
    """Whole or not at all; what a killed one left is named, and never mistaken for a model."""
    source = write_easygpt2(tmp_path / "data", make_checkpoints.HPARAMS["small"])
    last = source / "layer2_mlp_c_proj_w.tensorbin"
    slowly = f"            if path.name == {last.name!r}:\n"
    slowly += "                print('in the middle', flush=True)\n"
    slowly += "                __import__('time').sleep(60)\n"
    seek = "            file.seek(offset)\n"
    program = edited(tmp_path / "house", "formats/__init__.py", seek, slowly + seek)
    arguments = [sys.executable, str(program), str(source), str(tmp_path / "models" / "new")]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "in the middle\n"
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    left = [path.name for path in tmp_path.glob("models/*")]
    if number == signal.SIGINT:
        assert process.returncode == 130 and stderr.count("\n") == 1 and left == []
        assert not (tmp_path / "models").exists()
    else:
        assert left == [".new.converting"]
        done = convert(source, tmp_path / "models" / "new")
        refused(done, ".new.converting", next_command="rm -r ")
        shutil.rmtree(tmp_path / "models" / ".new.converting")
    converted(source, tmp_path / "models" / "new")


@pytest.mark.skipif(
    not os.environ.get("EASYGPT2_TEST_ALL"), reason="writes 2 GB: set EASYGPT2_TEST_ALL=1"
)
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="asks Linux for the peak")
@pytest.mark.parametrize("kind", ["safetensors", "pytorch"])
def test_memory_and_progress_at_the_width_of_1558m(kind, tmp_path, request):
    """The largest tensor and at most 200 MB more, for a model four times that; progress is shown.

    Through torch, what `import torch` takes comes on top.
    """
    config = random_model.config_of(n_layer=6, n_head=25, n_embd=1600, n_ctx=1024, n_vocab=50257)
    source = tmp_path / "source"
    source.mkdir()
    (source / "config.json").write_text(json.dumps(config))
    random_model.write_vocabulary(source, 50257)
    allowed = 4 * 50257 * 1600 + 200e6
    if kind == "pytorch":
        torch = request.getfixturevalue("torch")
        state = {name: torch.zeros(at) for name, at in random_model.shapes_of(config).items()}
        torch.save(state, source / "pytorch_model.bin")
        code = "import torch; print(open('/proc/self/status').read())"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        allowed += peak_of(done.stdout)
    else:
        write_zeros(source / "model.safetensors", random_model.shapes_of(config))
    edited(tmp_path / "house", "formats/safetensors.py", "said > 1:", "said > 0.01:")
    tell = "        say(open('/proc/self/status').read())\n        sys.exit(0)\n"
    program = edited(tmp_path / "house", "command.py", "        sys.exit(0)\n", tell)
    done = harness.command(str(source), str(tmp_path / "new"), program=program)
    assert (tmp_path / "new" / "model.safetensors").exists(), done.stderr
    assert "%" in done.stderr
    used = peak_of(done.stdout)
    assert used < allowed, f"{used / 1e6:.0f} MB, allowed are {allowed / 1e6:.0f} MB"
    print(f"{used / 1e6:.0f} MB, allowed are {allowed / 1e6:.0f} MB")


def peak_of(status):
    """Return the peak of the resident memory, in bytes, of a /proc/PID/status."""
    high = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(high.split()[1]) * 1024


def write_zeros(path, shapes):
    """Write a safetensors file of zeros, sparse: they take no room on the disk."""
    header, position = {}, 0
    for name, shape in shapes.items():
        end = position + 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [position, end]}
        position = end
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + position)
