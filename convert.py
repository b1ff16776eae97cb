# /// script
# requires-python = ">=3.10"
# dependencies = ["google-crc32c"]
# ///
"""Make a models/ folder, as easygpt2.py reads it, of GPT-2 weights in another layout.

What FOLDER is, is found by looking into it:
    the original EasyGPT2's data   hparams.json, encoder.json, vocab.bpe, *.tensorbin
    OpenAI's release               hparams.json, encoder.json, vocab.bpe, a TensorFlow checkpoint
    Hugging Face's layouts         config.json; model.safetensors or pytorch_model.bin, whole or in
                                   shards; vocab.json and merges.txt, or tokenizer.json

Numbers are copied bit for bit, one tensor at a time; mask buffers are left out, and the data is
aligned, so that easygpt2.py can map the file into memory instead of reading it.

Sources of the formats:
    https://github.com/openai/gpt-2 (names), https://github.com/Nitch2024/EasyGPT2 (tensorbin),
    https://huggingface.co/docs/safetensors (safetensors), and of TensorFlow's checkpoints
    tensorflow/core/protobuf/tensor_bundle.proto and
    https://github.com/google/leveldb/blob/main/doc/table_format.md
"""

import contextlib
import io
import json
import math
import os
import re
import shlex
import shutil
import struct
import sys
import time
import warnings
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

USAGE = """usage: python convert.py FOLDER models/NAME
  FOLDER       GPT-2 as the original EasyGPT2, OpenAI (TensorFlow) or Hugging Face stores it
  models/NAME  the new folder; then: python easygpt2.py "Once upon a time" --model models/NAME"""
ITEM_SIZE = {"F32": 4, "F16": 2, "BF16": 2}
PRINTABLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
OTHERS = [byte for byte in range(256) if byte not in PRINTABLE]
CHARACTERS = {byte: chr(byte) for byte in PRINTABLE}  # in which a vocabulary spells its bytes
CHARACTERS |= {byte: chr(256 + n) for n, byte in enumerate(OTHERS)}


class Refused(Exception):
    """What was asked for cannot be done: why, what to type next (or else --help), exit status."""

    def __init__(self, problem, next_command=None, status=1):
        super().__init__(problem)
        self.next_command = next_command
        self.status = status


def check(good, problem, next_command=None, status=1):
    """Raise Refused unless `good`."""
    if not good:
        raise Refused(problem, next_command, status)


class Tensor(NamedTuple):
    """A tensor that has not been read yet."""

    dtype: str  # as safetensors spells it
    shape: list[int]
    n_bytes: int
    read: Callable[[], bytes]  # little-endian, the last index fastest


class Model(NamedTuple):
    """What a folder holds: the contents of the new folder's files."""

    config: dict
    vocabulary: bytes
    merges: bytes
    tensors: dict[str, Tensor]  # by Hugging Face's names, without "transformer."


def convert(source, target):
    """Convert the folder `source` into the new folder `target`, which appears whole or not at all.

    Raises Refused where the source is not understood or the target is there already, OSError where
    a file cannot be read or written.
    """
    source, target = Path(source), Path(target)
    check(not os.path.lexists(target), f"{target} is there already; choose another name")
    model, tensors = understand(source)
    staging = staging_of(target)
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
    config = model.config
    sizes = ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head")
    for name in sizes:
        good = type(config.get(name)) is int and 0 < config[name] < 1e6
        check(good, f"the config's {name} cannot be {config.get(name)!r}")
    n_vocab, n_ctx, n_embd, n_layer, n_head = [config[name] for name in sizes]
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
    check_tokenizer(model, n_vocab)

    most = max(1000, len(model.tensors))  # layers that are worth a list of their tensors
    check(n_layer <= most, f"the config's n_layer is {n_layer}, of {len(model.tensors)} tensors")
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
    shapes |= {"ln_f.weight": [n_embd], "ln_f.bias": [n_embd]}

    mask = re.compile(r"h\.\d+\.attn\.(masked_)?bias")  # buffers, not weights
    tensors = {name: tensor for name, tensor in model.tensors.items() if not mask.fullmatch(name)}
    head = tensors.pop("lm_head.weight", None)
    for name in tensors:
        check(name in shapes, f"tensor {name} is not one of GPT-2's")
    for name, shape in shapes.items():
        check(name in tensors, f"tensor {name} is missing")
        dtype, found, n_bytes, _ = tensors[name]
        check(dtype in ITEM_SIZE, f"tensor {name} is {dtype}, not F32, F16 or BF16")
        check(found == shape, f"tensor {name} has shape {found}, by its config {shape}")
        expected = math.prod(shape) * ITEM_SIZE[dtype]
        check(n_bytes == expected, f"tensor {name} has {n_bytes} bytes, should have {expected}")
    if head:
        say("Comparing lm_head.weight with wte.weight")
        one, other = [sha256(tensor.read()).digest() for tensor in (head, tensors["wte.weight"])]
        check(one == other, "tensor lm_head.weight differs from wte.weight, to which it is tied")
    return {name: tensors[name] for name in shapes}


def check_tokenizer(model, n_vocab):
    """Raise Refused unless the vocabulary and the merges are those of one byte-level BPE."""
    vocabulary = parse_json(model.vocabulary, "the vocabulary")
    ids = list(vocabulary.values())
    good = all(type(id) is int for id in ids) and sorted(ids) == list(range(len(ids)))
    check(good, "the vocabulary's ids are not 0, 1, 2 ...")
    check(len(ids) <= n_vocab, f"the vocabulary has {len(ids)} tokens, the model only {n_vocab}")
    characters = set(CHARACTERS.values())
    for token in vocabulary:
        good = characters.issuperset(token)
        check(good, f"the vocabulary's token {token!r} is not spelled in byte characters")
    n_merges = 0
    lines = io.StringIO(parse_text(model.merges, "the merges"), newline=None)  # as of a file
    for number, line in enumerate(lines, 1):
        if number > 1 or not line.startswith("#version"):
            pair = line.split()
            good = len(pair) == 2 and "".join(pair) in vocabulary
            check(good, f"line {number} of the merges, {line!r}, makes no token of the vocabulary")
            n_merges += 1
    check(n_merges, "there are no merges")


def write_safetensors(path, tensors):
    """Write {name: Tensor} as a safetensors file in which each tensor is aligned."""
    names = sorted(tensors, key=lambda name: -ITEM_SIZE[tensors[name].dtype])  # the widest first
    header, position = {}, 0
    for name in names:
        dtype, shape, n_bytes, _ = tensors[name]
        offsets = [position, position + n_bytes]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        position += n_bytes
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)
    said = time.monotonic()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in names:
            file.write(tensors[name].read())
            if time.monotonic() - said > 1 and sys.stderr:
                said = time.monotonic()
                share = header[name]["data_offsets"][1] / position
                end = "\r" if sys.stderr.isatty() else "\n"
                with contextlib.suppress(OSError):  # nobody reads it: work goes on
                    print(f"Writing {path.name}: {share:.0%}", end=end, file=sys.stderr, flush=True)
        file.flush()
        os.fsync(file.fileno())


def parse_text(data, what):
    """Return bytes as text; raise Refused, naming `what`, where they are not UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeError as error:
        raise Refused(f"cannot read {what}: {error}") from None


def parse_json(data, what):
    """Return bytes as a JSON object; raise Refused, naming `what`, where they are none."""
    try:
        found = json.loads(parse_text(data, what))
    except (ValueError, RecursionError) as error:
        raise Refused(f"cannot read {what}: {error}") from None
    check(isinstance(found, dict), f"{what} is not a JSON object")
    return found


def bytes_at(path, offset, n_bytes):
    """Return a function that reads these bytes of a file."""

    def read():
        with open(path, "rb") as file:
            file.seek(offset)
            data = file.read(n_bytes)
        check(len(data) == n_bytes, f"{path} ends before byte {offset + n_bytes}")
        return data

    return read


# Hugging Face's layouts


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


def read_safetensors(path):
    """Return {name: Tensor} of a safetensors file."""
    try:
        file_size = path.stat().st_size
        with open(path, "rb") as file:
            position = 8 + struct.unpack("<Q", file.read(8))[0]
            check(position <= file_size, f"{path} ends before its header does")
            header = {**json.loads(file.read(position - 8))}
        header.pop("__metadata__", None)
        tensors, data_start = {}, position
        for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
            begin, end = [data_start + offset for offset in entry["data_offsets"]]
            good = type(begin) is int and type(end) is int and position == begin <= end
            check(good, f"{path}: tensor {name} is not where the one before it ends")
            read = bytes_at(path, begin, end - begin)
            tensors[name] = Tensor(str(entry["dtype"]), entry["shape"], end - begin, read)
            position = end
    except (ValueError, TypeError, KeyError, RecursionError, struct.error) as error:
        raise Refused(f"cannot read {path}: {type(error).__name__}: {error}") from None
    check(position == file_size, f"{path} should have {position} bytes, but has {file_size}")
    return tensors


def read_pytorch(path):
    """Return {name: Tensor} of a pytorch_model.bin, through torch's own safe loading only."""
    try:
        import torch
    except ImportError:
        install = "python -m pip install torch"
        raise Refused(f"only torch can read {path}, and it is not installed", install) from None
    say(f"Reading {path}")

    def load():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(str(path), map_location="cpu", weights_only=True, mmap=mapped)

    try:
        mapped = zipfile.is_zipfile(path)  # files older than torch 1.6 are none
        if mapped:  # torch would map compressed numbers as they are
            with zipfile.ZipFile(path) as archive:
                kinds = {entry.compress_type for entry in archive.infolist()}
            mapped = kinds == {zipfile.ZIP_STORED}
        state = load()
    except OSError:
        raise
    except Exception:  # torch documents no classes for what it refuses
        problem = f"torch's safe loading refuses {path}: damaged, or more than tensors"
        raise Refused(problem) from None
    check(isinstance(state, dict), f"{path} holds no tensors by name")
    dtypes = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
    tensors = {}
    for name, tensor in state.items():
        check(isinstance(tensor, torch.Tensor), f"{path}: {name} is not a tensor")
        good = tensor.layout == torch.strided and tensor.device.type == "cpu"
        check(good, f"{path}: tensor {name} is not a plain one")

        def read(name=name):
            # mapped anew for each, or all pages that were read would count until the end
            tensor = (load() if mapped else state)[name]
            return tensor.contiguous().flatten().view(torch.uint8).numpy().data

        dtype = dtypes.get(tensor.dtype, str(tensor.dtype))
        tensors[str(name)] = Tensor(dtype, list(tensor.shape), tensor.nbytes, read)
    if mapped:
        del state, tensor
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


# OpenAI's files, and the original EasyGPT2's


def read_openai(folder):
    """Return the Model in a folder that has hparams.json, encoder.json and vocab.bpe."""
    hparams = parse_json((folder / "hparams.json").read_bytes(), folder / "hparams.json")
    vocabulary = (folder / "encoder.json").read_bytes()
    merges = (folder / "vocab.bpe").read_bytes()
    config = {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-05,
        "vocab_size": hparams.get("n_vocab"),
        "n_positions": hparams.get("n_ctx"),
        "n_embd": hparams.get("n_embd"),
        "n_layer": hparams.get("n_layer"),
        "n_head": hparams.get("n_head"),
    }
    if any(folder.glob("*.tensorbin")):
        tensors = read_tensorbins(folder)
    else:
        tensors = read_checkpoint(folder)
    return Model(config, vocabulary, merges, tensors)


NUMBER = r"(0|[1-9]\d{0,5})"
OPENAI_NAME = re.compile(  # layer3_attn_c_attn_w, or of one head layer3_attn_c_attn_w_q_h0
    rf"(?:layer{NUMBER}_)?(?:(wte|wpe)|(ln_[12f])_([gb])|(attn|mlp)_(c_\w+?)_([wb]))"
    rf"(?:_([qkv])_h{NUMBER})?"
)


def openai_name(name):
    """Return (Hugging Face's name, None or (which of q, k, v; head)) of OpenAI's; None if unknown.

    OpenAI's is spelled as the original EasyGPT2 spells it.
    """
    found = OPENAI_NAME.fullmatch(name)
    if not found:
        return None
    layer, embedding, norm, norm_kind, block, matrix, matrix_kind, which, head = found.groups()
    part = embedding or norm or f"{block}.{matrix}"
    suffix = "bias" if (norm_kind or matrix_kind) == "b" else "weight"
    prefix = f"h.{layer}." if layer else ""
    return f"{prefix}{part}.{suffix}", ("qkv".index(which), int(head)) if which else None


def squeezed(shape):
    """Return a shape without the ones before it: OpenAI's matrices are [1, in, out]."""
    while len(shape) > 1 and shape[0] == 1:
        shape = shape[1:]
    return shape


def read_tensorbins(folder):
    """Return {name: Tensor} of *.tensorbin: int32 rank, int32 sizes, float32 numbers."""
    tensors, heads = {}, {}
    for path in sorted(folder.glob("*.tensorbin")):
        file_size = path.stat().st_size
        with open(path, "rb") as file:
            rank = int.from_bytes(file.read(4), "little")
            check(rank <= 8 and 4 + 4 * rank <= file_size, f"{path} is no tensor: rank {rank}")
            shape = list(struct.unpack(f"<{rank}I", file.read(4 * rank)))
        begin, n_bytes = 4 + 4 * rank, 4 * math.prod(shape)
        good = begin + n_bytes == file_size
        check(good, f"{path} has {file_size} bytes, by its shape {shape} not")
        found = openai_name(path.stem)
        check(found, f"{path} is not one of GPT-2's tensors")
        name, place = found
        tensor = Tensor("F32", squeezed(shape), n_bytes, bytes_at(path, begin, n_bytes))
        if place:
            heads.setdefault(name, {})[place] = tensor
        else:
            tensors[name] = tensor
    for name, parts in heads.items():
        check(name not in tensors, f"{folder} has {name} both whole and by heads")
        places = [(which, head) for which in range(3) for head in range(len(parts) // 3)]
        check(sorted(parts) == places, f"{folder}: some head of {name} is missing")
        tensors[name] = side_by_side(name, [parts[place] for place in places])
    return tensors


def side_by_side(name, parts):
    """Return the Tensor that has the columns of all parts, one part after another."""
    rows = parts[0].shape[:-1]
    good = all(part.shape and part.shape[:-1] == rows for part in parts)
    check(good, f"the heads of {name} do not fit together")
    widths = [4 * part.shape[-1] for part in parts]

    def read():
        blobs = [part.read() for part in parts]
        pieces = []
        for row in range(math.prod(rows)):
            for blob, width in zip(blobs, widths):
                pieces.append(blob[row * width : (row + 1) * width])
        return b"".join(pieces)

    n_bytes = sum(part.n_bytes for part in parts)
    return Tensor("F32", [*rows, sum(widths) // 4], n_bytes, read)


# TensorFlow's checkpoints, version 2: NAME.index is a table, sorted by key and cut into blocks as
# LevelDB's are; each value is a protobuf message that says where in NAME.data-00000-of-00001 the
# numbers of a tensor are.

MAGIC = 0xDB4775248B80FB57
FOOTER_SIZE = 48
DT_FLOAT = 1


def read_checkpoint(folder):
    """Return {name: Tensor} of OpenAI's TensorFlow checkpoint in `folder`."""
    index = find_index(folder)
    data = index.with_suffix(".data-00000-of-00001")
    try:
        table = read_table(index)
        header = fields(table.pop(b"", b""))
        good = header.get(1) == [1] and header.get(2, [0]) == [0]
        check(good, f"{index} is not of one little-endian data file")
        tensors, spans = {}, []
        for key, value in table.items():
            check(key[:1] > b"\0", f"{index}: a variable is cut into parts")
            variable = key.decode()
            spelled = re.sub(r"^model/h(?=\d)", "layer", variable).removeprefix("model/")
            found = openai_name(spelled.replace("/", "_"))
            good = found and not found[1] and found[0] not in tensors
            check(good, f"{index}: variable {variable} is not one of GPT-2's")
            entry = fields(value)
            check(entry[1] == [DT_FLOAT], f"{index}: {variable} has type {entry[1]}, not float32")
            check(set(entry) <= {1, 2, 4, 5, 6}, f"{index}: {variable} is in several parts")
            shape = [number(fields(size), 1) for size in fields(entry[2][0]).get(2, [])]
            offset, n_bytes = number(entry, 4), number(entry, 5)
            spans.append((offset, n_bytes, variable))
            crc = number(entry, 6)
            read = checked(bytes_at(data, offset, n_bytes), crc, f"{data}: {variable}")
            tensors[found[0]] = Tensor("F32", squeezed(shape), n_bytes, read)
    except (IndexError, KeyError, TypeError, ValueError, struct.error) as error:
        raise Refused(f"{index} is damaged: {type(error).__name__}: {error}") from None
    position = 0
    for offset, n_bytes, variable in sorted(spans):
        check(offset == position, f"{index}: {variable} is at byte {offset}, not {position}")
        position += n_bytes
    file_size = data.stat().st_size
    check(position == file_size, f"{data} should have {position} bytes, but has {file_size}")
    return tensors


def find_index(folder):
    """Return the path of the index of the folder's (latest) checkpoint."""
    state = folder / "checkpoint"
    if state.exists():
        text = parse_text(state.read_bytes(), state)
        latest = re.search(r'^model_checkpoint_path: "(?:.*[/\\])?(.+)"', text, re.M)
        check(latest, f"{state} does not name a checkpoint")
        return folder / f"{latest[1]}.index"
    found = sorted(folder.glob("*.index"))
    check(len(found) == 1, f"{folder} has no *.tensorbin and not one TensorFlow checkpoint either")
    return found[0]


def read_table(path):
    """Return {key: value} of a table of LevelDB's layout; every byte of it is checked."""
    data = path.read_bytes()
    end = len(data) - FOOTER_SIZE
    good = end >= 0 and data[-8:] == struct.pack("<Q", MAGIC)
    check(good, f"{path} is not a whole index: the number at its end is missing")
    footer = data[end:-8]
    meta, at = handle(footer, 0)
    index, at = handle(footer, at)
    check(not any(footer[at:]), f"{path}: its last 48 bytes are damaged")
    places = [handle(value, 0)[0] for _, value in entries(block(path, data, index))]
    position = 0
    for offset, size in [*places, meta, index]:
        check(offset == position, f"{path}: a block is at byte {offset}, not {position}")
        position += size + 5
    check(position == end, f"{path}: its blocks end at byte {position}, not {end}")
    check(not list(entries(block(path, data, meta))), f"{path}: unknown metadata")
    table, last = {}, None
    for place in places:
        for key, value in entries(block(path, data, place)):
            check(last is None or last < key, f"{path}: the keys are not in order")
            table[key], last = value, key
    return table


def block(path, data, place):
    """Return the contents of the block at (offset, size), without its type and checksum."""
    offset, size = place
    contents, trailer = data[offset : offset + size], data[offset + size : offset + size + 5]
    kind, crc = struct.unpack("<BI", trailer)
    check(crc == masked_crc32c(data[offset : offset + size + 1]), f"{path}: wrong checksum")
    check(kind == 0, f"{path}: a block is compressed")
    return contents


def entries(contents):
    """Yield the (key, value) of a block; a key shares its beginning with the one before it."""
    (n_restarts,) = struct.unpack("<I", contents[-4:])
    end = len(contents) - 4 - 4 * n_restarts
    key, at = b"", 0
    while at < end:
        n_shared, at = varint(contents, at)
        n_key, at = varint(contents, at)
        n_value, at = varint(contents, at)
        key = key[:n_shared] + contents[at : at + n_key]
        at += n_key + n_value
        yield key, contents[at - n_value : at]
    if at != end:
        raise ValueError("a block ends within an entry")


def handle(data, at):
    """Return ((offset, size) of a block, the index behind them)."""
    offset, at = varint(data, at)
    size, at = varint(data, at)
    return (offset, size), at


def varint(data, at):
    """Return (a number in groups of seven bits, the lowest first; the index behind it)."""
    value, shift = 0, 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            if byte == 0 and shift:
                raise ValueError("a number has a needless byte")
            return value, at
        shift += 7


def fields(message):
    """Return {field number: [values]} of a protobuf message: numbers, or bytes."""
    found, at = {}, 0
    while at < len(message):
        key, at = varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = varint(message, at)
        elif kind == 2:
            size, at = varint(message, at)
            value, at = message[at : at + size], at + size
        elif kind == 5:
            (value,), at = struct.unpack("<I", message[at : at + 4]), at + 4
        else:
            raise ValueError(f"field {number} has the unknown type {kind}")
        found.setdefault(number, []).append(value)
    if at != len(message):
        raise ValueError("a message ends within a field")
    return found


def number(message, field):
    """Return the number in a field of a message, 0 if it is not there, as protobuf has it."""
    [value] = message.get(field, [0])
    if type(value) is not int:
        raise ValueError(f"field {field} is not a number")
    return value


def checked(read, crc, what):
    """Return a function like `read` that raises Refused where the checksum is another."""

    def read_and_check():
        data = read()
        check(masked_crc32c(data) == crc, f"{what} is damaged: wrong checksum")
        return data

    return read_and_check


def masked_crc32c(data):
    """Return the CRC-32C as LevelDB and TensorFlow store it: rotated, and a constant added."""
    try:
        import google_crc32c
    except ImportError:
        install = "python -m pip install google-crc32c"
        raise Refused("a TensorFlow checkpoint needs google-crc32c", install) from None
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def main(arguments):
    """Run the command."""
    check(len(arguments) == 2, "needs a FOLDER and a models/NAME", status=2)
    source, target = arguments
    convert(source, target)
    next_command = f'python easygpt2.py "Once upon a time" --model {shlex.quote(target)}'
    say(f"{target} is ready; type: {next_command}")


def say(text):
    """Print a line at once; where nobody can read it, work goes on."""
    try:
        print(text, flush=True)
    except OSError:
        sys.stdout = None


def run(program, usage, main):
    """Call main(arguments) and end the process; what it raises becomes one line on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # some terminals cannot print every character
            stream.reconfigure(errors="backslashreplace")
    arguments = sys.argv[1:]
    again = shlex.join(["python", program, *arguments])
    try:
        if {"-h", "--help"} & set(arguments[: (arguments + ["--"]).index("--")]):
            say(usage)
        else:
            main(arguments)
        sys.exit(0)
    except Refused as refused:
        problem, status = refused, refused.status
        next_command = refused.next_command or f"python {program} --help"
    except OSError as error:
        problem, next_command, status = error, again, 1
    except KeyboardInterrupt:
        problem, next_command, status = "stopped", again, 130
    print(*f"{program}: {problem}; type: {next_command}".splitlines(), file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    run("convert.py", USAGE, main)
