"""The format safetensors: https://huggingface.co/docs/safetensors"""

import contextlib
import json
import os
import struct
import sys
import time

from tools.command import Refused, check
from tools.formats import Tensor, bytes_at

ITEM_SIZE = {"F32": 4, "F16": 2, "BF16": 2}


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
