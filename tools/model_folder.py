"""A models/ folder, as easygpt2.py reads it: what it must hold, and how one is made."""

import contextlib
import io
import json
import math
import os
import re
import shlex
import shutil
from hashlib import sha256
from pathlib import Path

from tools.command import Refused, check, say
from tools.formats import Tensor, parse_json, parse_text
from tools.formats.hugging_face import CHARACTERS, read_hugging_face
from tools.formats.openai import read_openai
from tools.formats.safetensors import ITEM_SIZE, write_safetensors

SIZES = ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head")


def convert(source, target):
    """Convert the folder `source` into the new folder `target`, which appears whole or not at all.

    Raises Refused where the source is not understood or the target is there already, OSError where
    a file cannot be read or written.
    """
    source, target = Path(source), Path(target)
    check(not os.path.lexists(target), f"{target} is there already; choose another name")
    target = target.resolve()  # nowhere/.. is here, and nowhere is not to be made for it
    check(not target.exists(), f"{target} is there already; choose another name")
    model, tensors = understand(source)
    staging = staging_of(target)
    made = [parent for parent in target.parents if not parent.exists()]  # the innermost first
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        staging.mkdir()
    except FileExistsError:
        raise Refused(
            f"{staging} is in use by another conversion, or left by a killed one; if so",
            shlex.join(["rm", "-r", "--", str(staging)]),
        ) from None
    try:
        (staging / "config.json").write_bytes(json.dumps(model.config, indent=2).encode() + b"\n")
        (staging / "vocab.json").write_bytes(model.vocabulary)
        (staging / "merges.txt").write_bytes(model.merges)
        write_safetensors(staging / "model.safetensors", tensors)
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        with contextlib.suppress(OSError):  # of the first that is not empty
            for parent in made:
                parent.rmdir()


def staging_of(target):
    """Return the folder in which `target` is made before it is renamed."""
    return target.with_name(f".{target.name}.converting")


def understand(folder):
    """Return the Model that `folder` holds, and {name: Tensor} of what GPT-2 needs of it.

    Raises Refused where it is no GPT-2, OSError where a file cannot be read.
    """
    try:
        model = read_model(folder)
        return model, check_model(model)
    except (LookupError, MemoryError, RuntimeError, TypeError, ValueError) as error:
        raise Refused(f"cannot understand {folder}: {type(error).__name__}: {error}") from None


def read_model(folder):
    """Return the Model that `folder` holds, told by the names of its files."""
    check(folder.is_dir(), f"there is no folder {folder}")
    if (folder / "config.json").exists():
        return read_hugging_face(folder)
    if (folder / "hparams.json").exists():
        return read_openai(folder)
    raise Refused(f"{folder} has neither config.json nor hparams.json: no GPT-2 that is known here")


def check_model(model):
    """Return the {name: Tensor} that GPT-2 needs; raise Refused if anything else is found.

    What easygpt2.py would refuse is refused here already, before gigabytes are copied.
    """
    check_config(model.config)
    check_tokenizer(model)
    n_layer, n_found = model.config["n_layer"], len(model.tensors)
    check(n_layer <= max(1000, n_found), f"the config's n_layer is {n_layer}, of {n_found} tensors")
    shapes = shapes_of(model.config)
    mask = re.compile(r"h\.\d+\.attn\.(masked_)?bias")  # buffers, not weights
    tensors = {name: tensor for name, tensor in model.tensors.items() if not mask.fullmatch(name)}
    head = tensors.pop("lm_head.weight", None)
    for name in tensors:
        check(name in shapes, f"tensor {name} is not one of GPT-2's")
    for name, shape in shapes.items():
        check(name in tensors, f"tensor {name} is missing")
        check_tensor(name, tensors[name], shape)
    if head:
        say("Comparing lm_head.weight with wte.weight")
        one, other = [sha256(tensor.read()).digest() for tensor in (head, tensors["wte.weight"])]
        check(one == other, "tensor lm_head.weight differs from wte.weight, to which it is tied")
    return {name: widened(tensors[name]) for name in shapes}


def check_config(config):
    """Raise Refused unless a config.json is GPT-2's."""
    for name in SIZES:
        good = type(config.get(name)) is int and 0 < config[name] < 1e6
        check(good, f"the config's {name} cannot be {config.get(name)!r}")
    n_embd, n_head = config["n_embd"], config["n_head"]
    check(n_embd % n_head == 0, f"n_embd {n_embd} is not a multiple of n_head {n_head}")
    epsilon = config.get("layer_norm_epsilon")
    good = type(epsilon) is float and 0 < epsilon < 1e6
    check(good, f"the config's layer_norm_epsilon cannot be {epsilon!r}")
    plain = {
        "model_type": ["gpt2"],
        "activation_function": ["gelu_new"],
        "scale_attn_weights": [True],
        "scale_attn_by_inverse_layer_idx": [False],
        "tie_word_embeddings": [True],
        "n_inner": [None, 4 * n_embd],
    }
    for name, values in plain.items():
        found = config.get(name, values[0])
        check(found in values, f"the config's {name} is {found!r}, not {values[-1]!r}: not GPT-2")


def shapes_of(config):
    """Return {name: shape} of the tensors of a GPT-2 with this config."""
    n_vocab, n_ctx, n_embd, n_layer, _ = [config[name] for name in SIZES]
    shapes = {"wte.weight": [n_vocab, n_embd], "wpe.weight": [n_ctx, n_embd]}
    for layer in range(n_layer):
        for name, shape in {
            "ln_1": [n_embd],
            "attn.c_attn": [n_embd, 3 * n_embd],
            "attn.c_proj": [n_embd, n_embd],
            "ln_2": [n_embd],
            "mlp.c_fc": [n_embd, 4 * n_embd],
            "mlp.c_proj": [4 * n_embd, n_embd],
        }.items():
            shapes[f"h.{layer}.{name}.weight"] = shape
            shapes[f"h.{layer}.{name}.bias"] = shape[-1:]
    return shapes | {"ln_f.weight": [n_embd], "ln_f.bias": [n_embd]}


def check_tensor(name, tensor, shape):
    """Raise Refused unless a tensor has this shape and a dtype that is read or widened here."""
    dtype, found, n_bytes, _ = tensor
    check(dtype in ITEM_SIZE, f"tensor {name} is {dtype}, not F32, F16 or BF16")
    good = found == shape and all(type(size) is int for size in found)  # 8.0 == 8
    check(good, f"tensor {name} has shape {found}, by its config {shape}")
    expected = math.prod(shape) * ITEM_SIZE[dtype]
    check(n_bytes == expected, f"tensor {name} has {n_bytes} bytes, should have {expected}")


def widened(tensor):
    """Return a tensor as easygpt2.py reads it: BF16 as F32, of which it is the upper half."""
    if tensor.dtype != "BF16":
        return tensor

    def read():
        halves = tensor.read()
        wide = bytearray(2 * tensor.n_bytes)
        wide[2::4], wide[3::4] = halves[::2], halves[1::2]
        return wide

    return Tensor("F32", tensor.shape, 2 * tensor.n_bytes, read)


def check_tokenizer(model):
    """Raise Refused unless the vocabulary and the merges are those of one byte-level BPE."""
    vocabulary, n_vocab = parse_json(model.vocabulary, "the vocabulary"), model.config["vocab_size"]
    ids = list(vocabulary.values())
    good = all(type(id) is int for id in ids) and sorted(ids) == list(range(len(ids)))
    check(good, "the vocabulary's ids are not 0, 1, 2 ...")
    check(len(ids) <= n_vocab, f"the vocabulary has {len(ids)} tokens, the model only {n_vocab}")
    characters = set(CHARACTERS.values())  # other tokens, which nothing makes, may have any
    n_merges = 0
    lines = io.StringIO(parse_text(model.merges, "the merges"), newline=None)  # as of a file
    for number, line in enumerate(lines, 1):
        if number > 1 or not line.startswith("#version"):
            pair = line.split()
            good = len(pair) == 2 and "".join(pair) in vocabulary
            check(good, f"line {number} of the merges, {line!r}, makes no token of the vocabulary")
            good = characters.issuperset("".join(pair))
            check(good, f"line {number} of the merges, {line!r}, is not in byte characters")
            n_merges += 1
    check(n_merges, "there are no merges")
