"""Hugging Face's layouts: config.json; model.safetensors or pytorch_model.bin, whole or in shards;
vocab.json and merges.txt, or tokenizer.json."""

import json
import re

from tools.command import Refused, check
from tools.formats import Model, parse_json
from tools.formats.pytorch import read_pytorch
from tools.formats.safetensors import read_safetensors

PRINTABLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
OTHERS = [byte for byte in range(256) if byte not in PRINTABLE]
CHARACTERS = {byte: chr(byte) for byte in PRINTABLE}  # in which a vocabulary spells its bytes
CHARACTERS |= {byte: chr(256 + n) for n, byte in enumerate(OTHERS)}


def read_hugging_face(folder):
    """Return the Model in a folder that has config.json."""
    config = parse_json((folder / "config.json").read_bytes(), folder / "config.json")
    for name, read in {
        "model.safetensors": read_safetensors,
        "pytorch_model.bin": read_pytorch,
    }.items():
        index = folder / f"{name}.index.json"
        if (folder / name).exists():
            tensors = read(folder / name)
            break
        if index.exists():
            tensors = read_shards(index, read)
            break
    else:
        raise Refused(f"{folder} has neither model.safetensors nor pytorch_model.bin, nor shards")
    bare = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}
    check(len(bare) == len(tensors), f"{folder} has a tensor both with and without transformer.")
    n_vocab = config.get("vocab_size")
    check(type(n_vocab) is int, f"the config's vocab_size cannot be {n_vocab!r}")
    return Model(config, *read_tokenizer(folder, n_vocab), bare)


def read_shards(index, read):
    """Return {name: Tensor} of the files that an index names; they must hold what it says."""
    where = parse_json(index.read_bytes(), index).get("weight_map")
    check(isinstance(where, dict), f"{index} has no weight_map")
    tensors = {}
    for file in sorted(set(map(str, where.values()))):
        check(re.fullmatch(r"\w[\w.-]*", file), f"{index}: {file!r} is not the name of a shard")
        for name, tensor in read(index.with_name(file)).items():
            check(where.get(name) == file, f"{index} does not say that {name} is in {file}")
            tensors[name] = tensor
    for name, file in where.items():
        check(name in tensors, f"{index} says that {name} is in {file}, which lacks it")
    return tensors


def read_tokenizer(folder, n_vocab):
    """Return the contents of vocab.json and merges.txt, made of tokenizer.json if need be."""
    plain = folder / "vocab.json", folder / "merges.txt"
    added = {}
    if all(path.exists() for path in plain):
        path = folder / "added_tokens.json"
        vocabulary, merges = [path.read_bytes() for path in plain]
        if path.exists():
            added = parse_json(path.read_bytes(), path)
    else:
        path = folder / "tokenizer.json"
        check(path.exists(), f"{folder} has neither vocab.json with merges.txt nor tokenizer.json")
        tokenizer = parse_json(path.read_bytes(), path)
        try:
            model, splitter = tokenizer["model"], tokenizer["pre_tokenizer"]
            good = model.get("type", "BPE") == "BPE" and not tokenizer.get("normalizer")
            good = good and splitter["type"] == "ByteLevel" and splitter.get("use_regex", True)
            check(good and not splitter["add_prefix_space"], f"{path} is not a GPT-2 tokenizer")
            for name in (
                "dropout",
                "ignore_merges",
                "byte_fallback",
                "continuing_subword_prefix",
                "end_of_word_suffix",
            ):
                check(not model.get(name), f"{path}: {name} is {model.get(name)!r}, not GPT-2's")
            lines = ["#version: 0.2"]
            for merge in model["merges"]:
                lines.append(merge if isinstance(merge, str) else " ".join(merge))
            merges = "".join(f"{line}\n" for line in lines).encode()
            vocabulary = json.dumps(model["vocab"]).encode()
            added = {token["content"]: token["id"] for token in tokenizer.get("added_tokens", [])}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Refused(f"cannot read {path}: {type(error).__name__}: {error}") from None
    known = parse_json(vocabulary, folder / "vocab.json")
    n_known = len(known)
    for token, id in added.items():
        check(isinstance(token, str), f"{path}: cannot add the token {token!r}")
        spelled = "".join([CHARACTERS[byte] for byte in token.encode()])
        # one with an id beyond the model's rows can never be chosen
        if token not in known and type(id) is int and id < n_vocab:
            known[spelled] = id
    return json.dumps(known).encode() if len(known) > n_known else vocabulary, merges
