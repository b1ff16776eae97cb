"""GPT-2 models with random weights, in the form that each program of the comparison reads.

Each is made once, into benchmarks/models (4.2 GB for all), and made anew if the vocabulary changes:
OpenAI's where the environment variable EASYGPT2_TEST_VOCAB or models/gpt2 has it, else that of
models/tales, filled up to its size.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
import random_model  # noqa: E402

MODELS = ROOT / "benchmarks" / "models"
SIZES = {
    "124M": random_model.GPT2_124M,
    "355M": random_model.config_of(n_layer=24, n_head=16, n_embd=1024, n_ctx=1024, n_vocab=50257),
}
# One token each in both vocabularies, so that a prompt of any number of tokens can be had.
WORDS = (
    "Once| upon| a| time| there| was| a| great| feast|,| and| the| king| said| to| the| old| man|,"
)


def prompt_of(n_tokens):
    """Return a prompt of so many tokens."""
    words = WORDS.split("|")
    return "".join((words + (n_tokens // len(words)) * [*words[1:], " and"])[:n_tokens])


def vocabulary():
    """Return the folder with vocab.json and merges.txt, or None: then tales' is filled up."""
    for folder in [os.environ.get("EASYGPT2_TEST_VOCAB"), ROOT / "models" / "gpt2"]:
        if folder and (Path(folder) / "merges.txt").exists():
            return Path(folder)
    return None


def made(name, make):
    """Return the folder `name` of benchmarks/models, which `make(folder)` fills if it is new."""
    folder = MODELS / name
    if not folder.exists():
        print(f"Making {folder.name}", file=sys.stderr)
        unfinished = MODELS / f"{name}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        make(unfinished)
        unfinished.rename(folder)
    return folder


def weights(size):
    """Return the model folder of this size, laid out as published: float32, at odd bytes."""

    def make(folder):
        config = SIZES[size] | {"eos_token_id": None}  # no program stops before its time
        random_model.write_model(folder, config, buffers=True, odd=True)
        if source:
            for file in ("vocab.json", "merges.txt"):
                shutil.copyfile(source / file, folder / file)

    source = vocabulary()
    return made(size, make)


def forget_others():
    """Remove the models that were made with another vocabulary."""
    wanted = (vocabulary() or random_model.TALES) / "merges.txt"
    for size in SIZES:
        known = MODELS / size / "merges.txt"
        if known.exists() and known.read_text("utf-8") != wanted.read_text("utf-8"):
            for old in MODELS.glob(f"{size}*"):
                shutil.rmtree(old)


def aligned(size):
    """Return the same model after convert.py: easygpt2.py can map its file into memory."""

    def make(folder):
        folder.rmdir()  # it makes its own
        command = [sys.executable, str(ROOT / "convert.py"), str(weights(size)), str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    return made(f"{size}-aligned", make)


def tensors_of(size):
    """Yield (name, float32 array), weights only, without reading more than one at a time."""
    return random_model.random_tensors(SIZES[size])


def ctranslate2(size, quantization):
    """Return the folder of a model converted by CTranslate2 to "float32" or "int8"."""

    def make(folder):
        import ctranslate2
        from transformers import GPT2TokenizerFast

        source = folder.parent / f"{folder.name}.source"  # the converter asks for a tokenizer, too
        shutil.rmtree(source, ignore_errors=True)
        shutil.copytree(weights(size), source)
        GPT2TokenizerFast.from_pretrained(source).save_pretrained(source)
        converter = ctranslate2.converters.TransformersConverter(str(source))
        converter.convert(str(folder), quantization=quantization, force=True)
        shutil.rmtree(source)

    return made(f"{size}-ctranslate2-{quantization}", make)


def llama_cpp(size, kind):
    """Return the folder with model.gguf for llama.cpp; kind is "F32", "F16" or "Q8_0".

    Names and layouts: llama.cpp's own converter, by the constants of its package gguf.
    """
    places = {
        "wte": "token_embd",
        "wpe": "position_embd",
        "ln_f": "output_norm",
        "ln_1": "attn_norm",
        "ln_2": "ffn_norm",
        "attn.c_attn": "attn_qkv",
        "attn.c_proj": "attn_output",
        "mlp.c_fc": "ffn_up",
        "mlp.c_proj": "ffn_down",
    }

    def make(folder):
        import gguf

        config = SIZES[size]
        source = weights(size)
        writer = gguf.GGUFWriter(folder / "model.gguf", "gpt2")
        writer.add_block_count(config["n_layer"])
        writer.add_context_length(config["n_positions"])
        writer.add_embedding_length(config["n_embd"])
        writer.add_feed_forward_length(4 * config["n_embd"])
        writer.add_head_count(config["n_head"])
        writer.add_layer_norm_eps(config["layer_norm_epsilon"])
        vocabulary = json.loads((source / "vocab.json").read_text("utf-8"))
        merges = (source / "merges.txt").read_text("utf-8").splitlines()
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("gpt-2")
        writer.add_token_list(sorted(vocabulary, key=vocabulary.get))
        writer.add_token_types([gguf.TokenType.NORMAL] * len(vocabulary))
        writer.add_token_merges([line for line in merges if not line.startswith("#version")])
        writer.add_eos_token_id(vocabulary["<|endoftext|>"])
        wanted = gguf.GGMLQuantizationType[kind]
        for name, tensor in tensors_of(size):
            part, _, ending = name.rpartition(".")
            layer = ""
            if part.startswith("h."):
                _, number, part = part.split(".", 2)
                layer = f"blk.{number}."
            if tensor.ndim == 2 and layer:
                tensor = np.ascontiguousarray(tensor.T)  # llama.cpp wants [out, in]
            exact = tensor.ndim < 2 or part == "wpe"
            dtype = gguf.GGMLQuantizationType.F32 if exact else wanted
            stored = gguf.quants.quantize(tensor, dtype)
            writer.add_tensor(f"{layer}{places[part]}.{ending}", stored, raw_dtype=dtype)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()

    return made(f"{size}-llama.cpp-{kind}", make)


def openai(size):
    """Return a folder with the vocabulary under the names that OpenAI's code reads it by."""

    def make(folder):
        source = weights(size)
        config = SIZES[size]
        names = ("n_embd", "n_head", "n_layer")
        sizes = {"n_vocab": config["vocab_size"], "n_ctx": config["n_positions"]}
        (folder / "hparams.json").write_text(
            json.dumps(sizes | {name: config[name] for name in names})
        )
        shutil.copyfile(source / "vocab.json", folder / "encoder.json")
        merges = (source / "merges.txt").read_text("utf-8")
        if not merges.startswith("#version"):  # both skip the first line, whatever it says
            merges = "#version: 0.2\n" + merges
        (folder / "vocab.bpe").write_text(merges, "utf-8", newline="\n")

    return made(f"{size}-openai", make)


def easygpt2(size):
    """Return the folder to run the original EasyGPT2 in: `data\\` and its tensors.

    It writes paths with a backslash, which is part of the name where the system is not Windows.
    """

    def make(folder):
        (folder / "data").mkdir()
        for file in openai(size).iterdir():
            shutil.copyfile(file, folder / f"data\\{file.name}")
        for name, tensor in tensors_of(size):
            part, _, ending = name.rpartition(".")
            short = {"weight": "/g" if "ln_" in part else "/w", "bias": "/b"}[ending]
            name = "model/" + part.replace("h.", "h", 1).replace(".", "/")
            name += "" if part in ("wte", "wpe") else short
            n_head = SIZES[size]["n_head"]
            random_model.write_tensorbins(folder, "data\\", name, tensor, n_head)

    return made(f"{size}-easygpt2", make)


def n_bytes(size):
    """Return the bytes of all weights in float32."""
    shapes = random_model.shapes_of(SIZES[size]).values()
    return sum(4 * int(np.prod(shape)) for shape in shapes)


def folder_of(model):
    """Return the folder of [function of this file, its arguments]."""
    maker, *arguments = model
    return globals()[maker](*arguments)


def make(wanted):
    """Make each of [[function of this file, its arguments]]."""
    forget_others()
    for model in wanted:
        folder_of(model)


if __name__ == "__main__":
    make(json.loads(sys.argv[1]))
