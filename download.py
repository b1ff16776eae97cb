# /// script
# requires-python = ">=3.10"
# dependencies = ["huggingface_hub>=1.0"]
# ///
"""Bring OpenAI's GPT-2, as Hugging Face publishes it, into models/.

From pinned revisions; what comes is checked against known sha256, then stored as easygpt2.py
starts fastest from it: aligned and without mask buffers (see convert.py). Interrupted, the next
call goes on where it stopped; models/NAME appears whole or not at all. Proxies, mirrors
(HF_ENDPOINT), the token, the cache and offline mode (HF_HUB_OFFLINE) are huggingface_hub's:
https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
"""

import contextlib
import hashlib
import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from tools import command
from tools.command import Refused, check, say
from tools.model_folder import convert, staging_of, understand

USAGE = """usage: python download.py [SIZE]
  SIZE  124M (the default), 355M, 774M or 1558M; or gpt2, gpt2-medium, gpt2-large, gpt2-xl"""
MODELS = Path(__file__).resolve().parent / "models"
FILES = ["config.json", "vocab.json", "merges.txt", "model.safetensors"]


class Size(NamedTuple):
    """One of OpenAI's four models."""

    name: str  # the repository is openai-community/NAME
    revision: str
    download: str
    memory: str  # that easygpt2.py takes at most, with a full context: measured
    also: list[str]  # other names it goes by


class File(NamedTuple):
    """What the hub states of a file."""

    url: str
    size: int | None
    hash: str  # sha256, or git's sha1, as hexadecimal digits


SIZES = {
    "124M": Size(
        "gpt2",
        "607a30d783dfa663caf39e06633721c8d4cfcd7e",
        "548 MB",
        "0.7 GB",
        ["117M", "small", "gpt2-small"],
    ),
    "355M": Size(
        "gpt2-medium",
        "6dcaa7a952f72f9298047fd5137cd6e4f05f41da",
        "1.5 GB",
        "1.7 GB",
        ["345M", "medium"],
    ),
    "774M": Size(
        "gpt2-large",
        "32b71b12589c2f8d625668d2335a01cac3249519",
        "3.2 GB",
        "3.6 GB",
        ["762M", "large"],
    ),
    "1558M": Size(
        "gpt2-xl",
        "15ea56dee5df4983c59b2538573817e1667135e2",
        "6.4 GB",
        "7.0 GB",
        ["1542M", "1.5B", "xl"],
    ),
}
SHA256 = {  # of a file in one repository, or of a file in all
    "gpt2/model.safetensors": "248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707",
    "gpt2-xl/model.safetensors": "0f8b28eb05a8075f48b61b6f35332978c74fc7763fa9fb4051a1c30511736a6a",
    "vocab.json": "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
    "merges.txt": "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
}

OUTPUT = 'python easygpt2.py "Alan Turing theorized that computers would one day become"'


def find_size(arguments):
    """Return (parameters, Size) of the one that is asked for."""
    check(len(arguments) <= 1, "takes one size", status=2)
    asked = arguments[0] if arguments else "124M"
    for parameters, size in SIZES.items():
        names = [parameters, size.name, f"openai-community/{size.name}", *size.also]
        if asked.lower() in [name.lower() for name in names]:
            return parameters, size
    raise Refused(f"there is no GPT-2 {asked!r}", status=2)


def download(parameters, size):
    """Bring models/NAME, unless it is there."""
    folder = MODELS / size.name
    staging = MODELS / f".{size.name}.download"
    again = f"python download.py {parameters}"
    model = "" if size.name == "gpt2" else f" --model {shlex.quote(shown(folder))}"
    if not os.path.lexists(folder):
        hub = import_hub()
        come = f"{size.download} to download, {size.memory} of memory to run"
        say(f"GPT-2 {parameters}: {come}")
        with lock(hub, MODELS / f".{size.name}.lock"):
            if not os.path.lexists(folder):  # another call may have brought it meanwhile
                staging.mkdir(exist_ok=True)
                fetch(hub, size, staging, again)
                store(staging, folder, again)
        say(f"{shown(folder)} is ready; type: {OUTPUT}{model}")
    else:
        check_folder(folder, size, again)
        shutil.rmtree(staging, ignore_errors=True)  # if a call was killed just before its end
        with contextlib.suppress(OSError):
            (MODELS / f".{size.name}.lock").unlink()
        say(f"{shown(folder)} is there already; type: {OUTPUT}{model}")


def shown(path):
    """Return a path as short as it can be typed from here."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def import_hub():
    """Return the module huggingface_hub."""
    try:
        import huggingface_hub.constants
        import huggingface_hub.utils
    except ImportError:
        install = "python -m pip install huggingface_hub"
        raise Refused("huggingface_hub is not installed", install) from None
    except Exception as error:  # it reads its environment variables, which may be wrong
        raise Refused(f"huggingface_hub does not start: {error}") from None
    huggingface_hub.utils.logging.set_verbosity_error()  # of its retries; the bar shows them
    # A download grows by this unit: with the usual ten megabytes a slow line would lose minutes
    # when it breaks, and the progress bar would not move for as long.
    huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE = 2**16
    return huggingface_hub


@contextlib.contextmanager
def lock(hub, path):
    """Let one process at a time pass; the system frees the lock of a killed one."""
    from filelock import Timeout  # huggingface_hub's own locks are made of it

    path.parent.mkdir(exist_ok=True)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(hub.utils.WeakFileLock(path, timeout=0.1))
        except Timeout:
            print("Another download of it is under way: waiting", file=sys.stderr, flush=True)
            stack.enter_context(hub.utils.WeakFileLock(path))
        yield
    with contextlib.suppress(OSError):  # on Windows not while another process waits for it
        path.unlink()


def fetch(hub, size, staging, again):
    """Bring the four files, whole and checked, into `staging`."""
    where = {"repo_id": f"openai-community/{size.name}", "revision": size.revision}
    files = {}
    for name in FILES:
        known = known_hash(size, name)
        if not (staging / name).exists() and not from_cache(hub, where, staging / name, known):
            files[name] = ask(hub, where, name, known, shown(MODELS / size.name), again)
    missing = 0
    for name, file in files.items():
        part = part_of(staging / name)
        if part.exists() and (file.size is None or part.stat().st_size > file.size):
            part.unlink()
        missing += (file.size or 0) - (part.stat().st_size if part.exists() else 0)
    free = shutil.disk_usage(staging).free
    room = f"{missing / 1e6:.0f} MB have to come, and there is room for {free / 1e6:.0f} MB"
    check(missing <= free, f"{room} in {shown(MODELS)}: make more", again)
    for name, file in files.items():
        bring(hub, file, staging / name, again)


def known_hash(size, name):
    """Return the sha256 of a file of this size, or None where only the hub knows it."""
    return SHA256.get(f"{size.name}/{name}") or SHA256.get(name)


def from_cache(hub, where, target, known):
    """Copy a file of huggingface_hub's cache, if it is there and is what it should be."""
    path = hub.try_to_load_from_cache(filename=target.name, **where)
    if not isinstance(path, str):
        return False
    wanted = known or Path(path).resolve().name  # the cache names files by the hub's hashes
    if hash_of(path, wanted) != wanted:
        return False
    shutil.copyfile(path, part_of(target))
    part_of(target).rename(target)
    return True


def ask(hub, where, name, known, folder, again):
    """Return the File that the hub states; raise Refused where it cannot be reached or trusted."""
    url = hub.hf_hub_url(filename=name, **where)
    try:
        stated = hub.get_hf_file_metadata(url)
    except Exception as error:  # its classes are those of the HTTP library, which changes
        raise Refused(
            f"cannot reach {url}: {one_line(error, url)}; by hand: bring {', '.join(FILES)} from "
            f"https://huggingface.co/{where['repo_id']}/tree/{where['revision']} into {folder}",
            again,
        ) from None
    stated_hash = stated.etag or ""
    good = len(stated_hash) == 64 or name != "model.safetensors"
    check(good, f"{url} states no sha256, so what comes could not be trusted", again)
    good = len(stated_hash) != 64 or known in (None, stated_hash)
    check(good, f"{url} has the sha256 {stated_hash}, not OpenAI's {known}", again)
    return File(url, stated.size, known or stated_hash)


def bring(hub, file, target, again):
    """Download one file, from where an earlier call stopped, and check its hash.

    Since version 1.18 huggingface_hub's hf_hub_download begins anew after an interruption;
    http_get, on which it builds, can go on.
    """
    from huggingface_hub.file_download import http_get

    part = part_of(target)
    try:
        with open(part, "ab") as out:
            begin = out.tell()
            if begin:
                say(f"{target.name}: going on at {begin / 1e6:.0f} MB")
            http_get(
                file.url,
                out,
                resume_size=begin,
                headers=hub.utils.build_hf_headers(),
                expected_size=file.size,
                displayed_filename=target.name,
            )
            out.flush()
            os.fsync(out.fileno())
    except Exception as error:
        problem = f"{target.name} broke off: {one_line(error, file.url)}; what came of it is kept"
        raise Refused(problem, again) from None
    found = hash_of(part, file.hash)
    if found not in (file.hash, None):
        part.unlink()
        problem = f"{file.url} gave a file with the hash {found}, not {file.hash}; it is removed"
        raise Refused(problem, again)
    part.rename(target)


def part_of(path):
    """Return where a file grows until it is whole."""
    return path.with_name(f"{path.name}.part")


def one_line(error, url):
    """Return what the HTTP library says, without the addresses and the advice."""
    first = str(error).partition("\n")[0].replace(url, "it")
    return re.sub(r" for url:? \S+", "", first) or type(error).__name__


def hash_of(path, like):
    """Return a file's hash of the kind of `like`: sha256, or git's sha1; None for other kinds.

    The hub states sha256 of its large files, and of all others what git calls them.
    """
    if os.path.getsize(path) > 2e6:  # the weights, which may take seconds
        say(f"Checking {Path(path).name.removesuffix('.part')}")
    if len(like) == 64:
        hashed = hashlib.sha256()
    elif len(like) == 40:
        hashed = hashlib.sha1(f"blob {os.path.getsize(path)}\0".encode())
    else:
        return None
    with open(path, "rb") as file:
        while block := file.read(2**20):
            hashed.update(block)
    return hashed.hexdigest()


def store(staging, folder, again):
    """Make models/NAME of the four files, aligned; where there is no room for it, as they came."""
    shutil.rmtree(staging_of(folder), ignore_errors=True)  # left by a killed call
    try:
        understand(staging)
    except Refused as refused:  # the other files have the hashes that they should have
        (staging / "config.json").unlink()
        raise Refused(f"{refused}; config.json is removed", again) from None
    try:
        convert(staging, folder)
        shutil.rmtree(staging, ignore_errors=True)
    except (Refused, OSError) as problem:
        print(f"Stored as published, not aligned: {problem}", file=sys.stderr)
        staging.rename(folder)


def check_folder(folder, size, again):
    """Raise Refused unless a folder that is there, perhaps brought by hand, is a whole GPT-2."""
    aside = shlex.join(["mv", shown(folder), f"{shown(folder)}.other"]) + f" && {again}"
    try:
        for name in FILES:
            check((folder / name).is_file(), f"it has no file {name}")
        model, _ = understand(folder)
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


if __name__ == "__main__":
    command.run("download.py", USAGE, lambda arguments: download(*find_size(arguments)))
