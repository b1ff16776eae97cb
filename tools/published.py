"""What OpenAI has published: four sizes of GPT-2, and how to tell that a folder holds one."""

import contextlib
import shlex
from typing import NamedTuple

from tools.command import Refused, check, shown
from tools.hub import hash_of
from tools.model_folder import understand

FILES = ["config.json", "vocab.json", "merges.txt", "model.safetensors"]


class Size(NamedTuple):
    """One of OpenAI's four models."""

    name: str  # the repository is openai-community/NAME
    revision: str
    download: str
    memory: str  # that easygpt2.py takes at most, with a full context: measured
    config: dict  # what is known of config.json, beside what is the same in all
    also: list[str]  # other names it goes by


SIZES = {
    "124M": Size(
        "gpt2",
        "607a30d783dfa663caf39e06633721c8d4cfcd7e",
        "548 MB",
        "0.7 GB",
        {"n_layer": 12, "n_head": 12, "n_embd": 768},
        ["117M", "small", "gpt2-small"],
    ),
    "355M": Size(
        "gpt2-medium",
        "6dcaa7a952f72f9298047fd5137cd6e4f05f41da",
        "1.5 GB",
        "1.7 GB",
        {"n_layer": 24, "n_head": 16, "n_embd": 1024},
        ["345M", "medium"],
    ),
    "774M": Size(
        "gpt2-large",
        "32b71b12589c2f8d625668d2335a01cac3249519",
        "3.2 GB",
        "3.6 GB",
        {"n_layer": 36, "n_head": 20, "n_embd": 1280},
        ["762M", "large"],
    ),
    "1558M": Size(
        "gpt2-xl",
        "15ea56dee5df4983c59b2538573817e1667135e2",
        "6.4 GB",
        "7.0 GB",
        {"n_layer": 48, "n_head": 25, "n_embd": 1600},
        ["1542M", "1.5B", "xl"],
    ),
}
SHA256 = {  # of a file in one repository, or of a file in all
    "gpt2/model.safetensors": "248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707",
    "gpt2-xl/model.safetensors": "0f8b28eb05a8075f48b61b6f35332978c74fc7763fa9fb4051a1c30511736a6a",
    "vocab.json": "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
    "merges.txt": "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
}
CONFIG = {"vocab_size": 50257, "n_positions": 1024, "layer_norm_epsilon": 1e-05}  # in all sizes


def find_size(asked):
    """Return the number of parameters, as SIZES has it, of the size that is asked for."""
    for parameters, size in SIZES.items():
        names = [parameters, size.name, f"openai-community/{size.name}", *size.also]
        if asked.lower() in [name.lower() for name in names]:
            return parameters
    raise Refused(f"there is no GPT-2 {asked!r}", status=2)


def known_hash(size, name):
    """Return the sha256 of a file of this size, or None where only the hub knows it."""
    return SHA256.get(f"{size.name}/{name}") or SHA256.get(name)


def check_config(config, size):
    """Raise Refused unless a config.json has the values of this size: what a mirror sends may not.

    With another n_head, say, the tensors fit all the same, and the text is wrong.
    """
    for name, value in (CONFIG | size.config).items():
        check(config.get(name) == value, f"config.json: {name} is {config.get(name)}, not {value}")


def check_folder(folder, size, again):
    """Raise Refused unless a folder that is there, perhaps brought by hand, is a whole GPT-2."""
    aside = shlex.join(["mv", shown(folder), f"{shown(folder)}.other"]) + f" && {again}"
    try:
        for name in FILES:
            check((folder / name).is_file(), f"it has no file {name}")
        model, _ = understand(folder)
        check_config(model.config, size)
    except (Refused, OSError) as problem:
        raise Refused(f"{shown(folder)} is there, but: {problem}", aside) from None
    as_published = "h.0.attn.bias" in model.tensors
    for name in FILES:
        wanted = known_hash(size, name)
        if wanted and (name != "model.safetensors" or as_published and not remembered(folder)):
            path = folder / name
            found = hash_of(path, wanted)
            problem = f"{shown(path)} is not OpenAI's: its sha256 is {found}, not {wanted}"
            check(found == wanted, problem, aside)
    if as_published:
        remember(folder)


def remembered(folder):
    """Tell whether the weights that are there now have had their hash checked before."""
    try:
        return note_of(folder).read_text("utf-8") == state_of(folder)
    except (OSError, ValueError):
        return False


def remember(folder):
    with contextlib.suppress(OSError):  # else they are checked again
        note_of(folder).write_text(state_of(folder), "utf-8")


def note_of(folder):
    return folder.with_name(f".{folder.name}.checked")


def state_of(folder):
    state = (folder / "model.safetensors").stat()
    return f"{state.st_size} {state.st_mtime_ns}"
