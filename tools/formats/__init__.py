"""The layouts in which people have GPT-2: what they have in common.

Each module reads one of them. A folder becomes a Model; no tensor is read before its time.
"""

import json
from collections.abc import Callable
from typing import NamedTuple

from tools.command import Refused, check


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
