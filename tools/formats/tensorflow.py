"""TensorFlow's checkpoints, version 2, read without TensorFlow.

NAME.index is a table, sorted by key and cut into blocks as LevelDB's are; each value is a protobuf
message that says where in NAME.data-00000-of-00001 the numbers of a tensor are. Sources:
tensorflow/core/protobuf/tensor_bundle.proto and
https://github.com/google/leveldb/blob/main/doc/table_format.md
"""

import re
import struct

from tools.command import Refused, check
from tools.formats import Tensor, bytes_at, parse_text
from tools.formats.names import openai_name, squeezed

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
