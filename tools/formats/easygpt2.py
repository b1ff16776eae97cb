"""The original EasyGPT2's *.tensorbin: https://github.com/Nitch2024/EasyGPT2"""

import math
import struct

from tools.command import check
from tools.formats import Tensor, bytes_at
from tools.formats.names import openai_name, squeezed


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
