"""pytorch_model.bin, as torch.save writes it."""

import warnings
import zipfile

from tools.command import Refused, check, say
from tools.formats import Tensor


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
