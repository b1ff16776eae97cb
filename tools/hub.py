"""Files of Hugging Face's hub: asked for, brought from where an earlier call stopped, checked.

Proxies, mirrors (HF_ENDPOINT), the token, the cache and offline mode (HF_HUB_OFFLINE) are
huggingface_hub's: https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
"""

import contextlib
import hashlib
import os
import re
import shutil
from pathlib import Path
from typing import NamedTuple

from tools import command
from tools.command import Refused, check, say


class File(NamedTuple):
    """What the hub states of a file."""

    url: str
    size: int | None
    hash: str  # sha256, or git's sha1, as hexadecimal digits; or what else a mirror states


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
            command.note("Another download of it is under way: waiting")
            stack.enter_context(hub.utils.WeakFileLock(path))
        yield
    with contextlib.suppress(OSError):  # on Windows not while another process waits for it
        path.unlink()


def from_cache(hub, where, target, known):
    """Copy a file of huggingface_hub's cache, if it is there and is what it should be."""
    path = hub.try_to_load_from_cache(filename=target.name, **where)
    if not isinstance(path, str):
        return False
    wanted = known or Path(path).resolve().name  # the cache names files by the hub's hashes
    if hash_of(path, wanted) != wanted:
        return False
    shutil.copyfile(path, part_of(target))
    keep(target, wanted)
    return True


def ask(hub, where, name, known, by_hand, again):
    """Return the File that the hub states; raise Refused where it cannot be reached or trusted."""
    url = hub.hf_hub_url(filename=name, **where)
    try:
        stated = hub.get_hf_file_metadata(url)
    except Exception as error:  # its classes are those of the HTTP library, which changes
        problem = f"cannot reach {url}: {one_line(error, url)}; by hand: {by_hand}"
        raise Refused(problem, again) from None
    stated_hash = stated.etag or ""
    good = len(stated_hash) == 64 or name != "model.safetensors"
    check(good, f"{url} states no sha256, so what comes could not be trusted", again)
    good = len(stated_hash) != 64 or known in (None, stated_hash)
    check(good, f"{url} has the sha256 {stated_hash}, not OpenAI's {known}", again)
    return File(url, stated.size, known or stated_hash)


def bring(hub, file, target, again):
    """Download one file, from where an earlier call stopped, and check its hash.

    Since version 1.18 huggingface_hub's hf_hub_download begins anew after an interruption;
    http_get, on which it builds, can go on. What an earlier call left may be no part of the file,
    but some proxy's page: then the file is brought from its beginning.
    """
    part = part_of(target)
    went_on = part.exists() and part.stat().st_size > 0
    found = receive(hub, file, part, target.name, again)
    if went_on and found not in (file.hash, None):
        say(f"{target.name}: what an earlier call left was no part of it; from the beginning")
        part.unlink()
        found = receive(hub, file, part, target.name, again)
    if found not in (file.hash, None):
        part.unlink()
        problem = f"{file.url} gave a file with the hash {found}, not {file.hash}; it is removed"
        raise Refused(problem, again)
    keep(target, file.hash)


def receive(hub, file, part, name, again):
    """Let the file `part` grow until it is whole; return its hash."""
    from huggingface_hub.file_download import http_get

    try:
        with open(part, "ab") as out:
            begin = out.tell()
            if begin:
                say(f"{name}: going on at {begin / 1e6:.0f} MB")
            http_get(
                file.url,
                out,
                resume_size=begin,
                headers=hub.utils.build_hf_headers(),
                expected_size=file.size,
                displayed_filename=name,
            )
            out.flush()
            os.fsync(out.fileno())
    except Exception as error:
        problem = f"{name} broke off: {one_line(error, file.url)}; what came of it is kept"
        raise Refused(problem, again) from None
    return hash_of(part, file.hash)


def part_of(path):
    """Return where a file grows until it is whole."""
    return path.with_name(f"{path.name}.part")


def hash_note_of(path):
    """Return where the hash of a whole file is noted, for a later call to check it again."""
    return path.with_name(f"{path.name}.hash")


def keep(path, known):
    """Let the whole part be the file, whose hash was found to be `known`."""
    hash_note_of(path).write_text(known, "utf-8")
    part_of(path).rename(path)


def still_whole(path, known):
    """Tell whether a file that an earlier call brought has still the hash that it had."""
    note = hash_note_of(path)
    wanted = known or (note.read_text("utf-8") if note.exists() else "")
    return path.exists() and wanted != "" and hash_of(path, wanted) in (wanted, None)


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
