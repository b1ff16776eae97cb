"""Write GPT-2 model folders with random weights, for the tests and the benchmarks.

The tensors' names, shapes and layouts are those that Hugging Face publishes
(https://huggingface.co/openai-community/gpt2); the weights come from NumPy's RandomState, whose
stream is frozen, so a seed means the same weights everywhere.
"""

import json
import struct
from pathlib import Path

import numpy as np

from harness import TALES

DTYPES = {"F32": np.float32, "F16": np.float16, "BF16": np.uint16, "U8": np.uint8}


def config_of(n_layer, n_head, n_embd, n_ctx, n_vocab):
    """Return a config.json's content; the sizes are tokens, heads, columns and layers."""
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-05,
        "n_positions": n_ctx,
        "n_embd": n_embd,
        "n_layer": n_layer,
        "n_head": n_head,
        "vocab_size": n_vocab,
    }


GPT2_124M = config_of(n_layer=12, n_head=12, n_embd=768, n_ctx=1024, n_vocab=50257)


def shapes_of(config):
    """Return {tensor name: shape} for a config, in the order of the published files."""
    n_embd = config["n_embd"]
    shapes = {
        "wte.weight": [config["vocab_size"], n_embd],
        "wpe.weight": [config["n_positions"], n_embd],
    }
    for layer in range(config["n_layer"]):
        for name, shape in [
            ("ln_1.weight", [n_embd]),
            ("ln_1.bias", [n_embd]),
            ("attn.c_attn.weight", [n_embd, 3 * n_embd]),
            ("attn.c_attn.bias", [3 * n_embd]),
            ("attn.c_proj.weight", [n_embd, n_embd]),
            ("attn.c_proj.bias", [n_embd]),
            ("ln_2.weight", [n_embd]),
            ("ln_2.bias", [n_embd]),
            ("mlp.c_fc.weight", [n_embd, 4 * n_embd]),
            ("mlp.c_fc.bias", [4 * n_embd]),
            ("mlp.c_proj.weight", [4 * n_embd, n_embd]),
            ("mlp.c_proj.bias", [n_embd]),
        ]:
            shapes[f"h.{layer}.{name}"] = shape
    return shapes | {"ln_f.weight": [n_embd], "ln_f.bias": [n_embd]}


def random_tensors(config, seed=0, std=0.02):
    """Yield (name, float32 tensor): layer norms near 1, all else normal around 0."""
    random = np.random.RandomState(seed)
    for name, shape in shapes_of(config).items():
        tensor = (std * random.standard_normal(shape)).astype(np.float32)
        yield name, tensor + np.float32(1) if "ln_" in name and "weight" in name else tensor


def to_dtype(tensor, dtype):
    """Round a float32 tensor to F32, F16 or BF16 (bits as uint16, to the nearest even)."""
    if dtype == "BF16":
        bits = tensor.view(np.uint32)
        return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    return tensor.astype(DTYPES[dtype])


def write_safetensors(path, tensors, odd=False):
    """Write {name: (dtype, array)}; `odd`: data begins at an odd byte."""
    header, blobs, position = {}, [], 0
    for name, (dtype, array) in tensors.items():
        end = position + array.nbytes
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [position, end]}
        blobs.append(array)
        position = end
    text = json.dumps(header)
    text += " " * ((len(text) + 1) % 2 if odd else -len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text.encode())
        for array in blobs:
            file.write(array.tobytes())


def write_float32(folder, tensors):
    """Write {name: float32 array} as the weights of a model folder."""
    stored = {name: ("F32", tensor) for name, tensor in tensors.items()}
    write_safetensors(folder / "model.safetensors", stored)


def write_tensorbins(folder, prefix, name, tensor, n_head):
    """Write a variable of OpenAI's graph, as `model/h0/attn/c_attn/w`, as the original EasyGPT2's
    own converter left it: int32 rank, int32 sizes, float32 numbers; c_attn in a file per head."""
    name = name.replace("model/h", "layer").replace("model/", "").replace("/", "_")
    pieces = {name: tensor}
    if "c_attn" in name:
        columns = np.split(tensor, 3 * n_head, axis=-1)
        pieces = {f"{name}_{'qkv'[i // n_head]}_h{i % n_head}": c for i, c in enumerate(columns)}
    for name, piece in pieces.items():
        write_tensorbin(folder / f"{prefix}{name}.tensorbin", piece)


def write_tensorbin(path, value):
    header = np.array([value.ndim, *value.shape], "<i4").tobytes()
    path.write_bytes(header + np.ascontiguousarray(value, "<f4").tobytes())


def write_vocabulary(folder, n_vocab):
    """Write tales' vocabulary and merges, filled up to n_vocab tokens that no merge makes."""
    vocabulary = json.loads((TALES / "vocab.json").read_text("utf-8"))
    for id in range(len(vocabulary), n_vocab):
        vocabulary[f"<|{id}|>"] = id
    (folder / "vocab.json").write_text(json.dumps(vocabulary), "utf-8")
    (folder / "merges.txt").write_text((TALES / "merges.txt").read_text("utf-8"), "utf-8")


def write_model(
    folder, config, *, dtype="F32", prefix="", buffers=False, odd=False, seed=0, std=0.02
):
    """Write a whole model folder that runs and return it (a Path).

    `prefix` goes before every tensor name, `buffers` adds the mask buffers of the older files,
    `odd` starts the data at an odd byte as OpenAI's published file does.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    write_vocabulary(folder, config["vocab_size"])
    tensors = {}
    for name, tensor in random_tensors(config, seed, std):
        tensors[prefix + name] = (dtype, to_dtype(tensor, dtype))
    if buffers:
        n_ctx = config["n_positions"]
        mask = np.tri(n_ctx, dtype=np.uint8).reshape(1, 1, n_ctx, n_ctx)
        for layer in range(config["n_layer"]):
            tensors[f"{prefix}h.{layer}.attn.bias"] = ("U8", mask)
            tensors[f"{prefix}h.{layer}.attn.masked_bias"] = ("F32", np.full([], -1e4, np.float32))
    write_safetensors(folder / "model.safetensors", tensors, odd)
    return folder
