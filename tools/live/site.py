"""The page that runs in the browser alone, as a folder for any web server that serves files.

In it are the page with one recorded run, the frame and the worker in which Pyodide runs the
program, the program, what records it, and models/tales. Pyodide comes from its CDN, or lies in the
folder too. The page knows the sha256 of every file that it will ask for.
"""

import base64
import contextlib
import hashlib
import json
import os
import shlex
import shutil
import signal
from pathlib import Path, PurePosixPath

from tools import published
from tools.command import Refused, check, free_name, heeded, shown
from tools.live import exercises, pyodide
from tools.page import PARTS, json_of, page_of, policy_hash

ROOT = Path(__file__).resolve().parents[2]
LIST = "site.json"  # every file of the site with its sha256: only such a folder is ever replaced
MAKER = "walkthrough.py --site of EasyGPT2"
TOOLS = ["__init__.py", "page.py", "recorder.py", "live/__init__.py", "live/run.py"]
MODEL = ["config.json", "vocab.json", "merges.txt", "model.safetensors"]
PUBLISHER = "https://huggingface.co"
# Where the publisher's answers for large files lead; https://huggingface.co/docs/hub/xet
STORES = ["https://*.huggingface.co", "https://*.hf.co"]
N_BYTES = 548_105_171  # of the weights of 124M, as published
MEMORY = "2 GB"  # that 124M takes in a browser: benchmarks/site.py


def write(target, recorded, request, distribution=None):
    """Write the site of this recorded run; return how many bytes it has.

    `distribution` is {name: Path} of a Pyodide to lie in it. The folder appears whole or not at
    all. Raises Refused where it is there and is anything but a site as it was written here,
    KeyboardInterrupt where the process is told to end meanwhile.
    """
    target = check_replaceable(target)
    files = files_of(recorded, request, distribution)
    files[LIST] = list_of({name: hashlib.sha256(files[name]).hexdigest() for name in files})
    staging = target.with_name(f".{target.name}.{os.getpid()}")
    with signals_wait() as came:
        try:
            for name, data in files.items():
                if came:
                    raise KeyboardInterrupt
                (staging / name).parent.mkdir(parents=True, exist_ok=True)
                (staging / name).write_bytes(data)
            replace(staging, target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return sum(map(len, files.values()))


@contextlib.contextmanager
def signals_wait():
    """Let the signals that end a process wait until the end of this block; list those that came.

    They are Ctrl-C, SIGTERM and, where the platform has it, SIGHUP, by which a terminal closes.
    """
    came = []
    handlers = {
        number: signal.signal(number, lambda number, _: came.append(number))
        for number in heeded("SIGINT", "SIGTERM", "SIGHUP")
    }
    try:
        yield came
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def list_of(hashes):
    """Return the bytes of a site's list, from {file: sha256}."""
    return json_of({"made by": MAKER, "sha256": hashes}).encode()


def check_replaceable(target):
    """Return the whole path of a folder; raise Refused unless it is absent, empty, or a site.

    A site is one as it was written here: its list says so, and each file has the hash listed there.
    """
    named, target = str(target), absolute(target)
    holds = next((path for path in (ROOT, Path.cwd()) if path.is_relative_to(target)), None)
    again = command_for("site" if holds else free_name(named))
    check(not holds, f"--site {named} would replace {holds}, which is no site", again, 2)
    parent = target.parent
    check(parent.is_dir(), f"--site {named}: there is no folder {shown(parent)}", again, 2)
    if os.path.lexists(target):
        good = target.is_dir() and not target.is_symlink()
        check(good, f"{named} is there already, and no folder; choose another name", again)
        other = foreign(target, target)
        check(not other, f"{other}; nothing of it is replaced, so choose another name", again)
    return target


def command_for(folder):
    """Return what to type for a site in this folder."""
    return shlex.join(["python", "walkthrough.py", "--site", folder])


def absolute(path):
    """Return a path from the root on, in which only its last part may be a link."""
    return path.parent.resolve() / path.name if path.name not in ("", "..") else path.resolve()


def foreign(folder, target):
    """Return why this folder is no site as it was written here, naming a file, or None.

    The file is named as one of `target`, where its user knows it.
    """
    hashes = {}
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError, RecursionError):
        data = (folder / LIST).read_bytes()
        found = dict(json.loads(data)["sha256"])
        if data == list_of(found):
            hashes = found | {LIST: hashlib.sha256(data).hexdigest()}
    folders = {str(parent) for name in hashes for parent in PurePosixPath(name).parents}
    waiting = [folder]
    while waiting:
        for path in sorted(waiting.pop().iterdir()):
            name = path.relative_to(folder).as_posix()
            if not path.is_symlink() and path.is_dir() and name in folders:
                waiting.append(path)
            elif path.is_symlink() or not path.is_file() or name not in hashes:
                return f"{shown(target / name)} is no part of a site of mine"
            elif pyodide.hash_of(path) != hashes[name]:
                return f"{shown(target / name)} was changed since the site was made"
    return None


def replace(staging, target):
    """Let the staged folder be the target; the one before is gone only once this has worked."""
    before = target.with_name(f"{staging.name}.before")
    there = os.path.lexists(target)
    if there:
        target.rename(before)
    try:
        other = there and foreign(before, target)  # it may have come meanwhile
        again = command_for(free_name(shown(target)))
        check(not other, f"{other}; nothing of it is replaced, so choose another name", again)
        staging.rename(target)
    except (OSError, Refused):
        if there:
            before.rename(target)
        raise
    shutil.rmtree(before, ignore_errors=True)


def files_of(recorded, request, distribution):
    """Return {path in the site: bytes}."""
    own = {"easygpt2.py": recorded.source.encode("utf-8")}
    own |= {f"tools/{name}": (ROOT / "tools" / name).read_bytes() for name in TOOLS}
    own |= {f"tools/page/{path.name}": path.read_bytes() for path in PARTS.glob("parts.html")}
    own |= {f"models/tales/{name}": (ROOT / "models/tales" / name).read_bytes() for name in MODEL}
    worker = (PARTS / "worker.js").read_bytes()
    frame = (PARTS / "frame.js").read_text("utf-8")
    room = (
        (PARTS / "python.html").read_text("utf-8").replace("{{ script_hash }}", policy_hash(frame))
    )
    python = python_of(distribution)
    python["scripts"]["worker.js"] = entry("worker.js", worker)
    python["size"] += sum(map(len, [worker, *own.values()]))
    weights = weights_of()
    site = {
        "python": python,
        "files": {name: entry(name, data) for name, data in own.items()},
        "hash": hashlib.sha256(own["easygpt2.py"]).hexdigest()[:12],
        "exercises": exercises.exercises_of(recorded.source),
        "weights": weights,
    }
    sources = ["'self'", *([] if distribution else [pyodide.CORE_URL, pyodide.WHEELS_URL])]
    sources += sources_of(publisher())
    lying = {f"pyodide/{name}": path.read_bytes() for name, path in (distribution or {}).items()}
    return {
        "index.html": page_of(recorded, "browser", request, site=site, sources=sources),
        "python.html": room.replace("{{ script }}", frame).encode("utf-8"),
        "worker.js": worker,
        **own,
        **lying,
    }


def python_of(distribution):
    """Return what the page needs of Pyodide: {scripts, files, packages, size}.

    From its CDN, or of `distribution`, which then lies in the site.
    """
    if distribution:
        found = {name: path.read_bytes() for name, path in distribution.items()}
        all_files = {name: entry(f"pyodide/{name}", data) for name, data in found.items()}
        size = sum(map(len, found.values()))
    else:
        all_files = {
            name: {"url": pyodide.CORE_URL + name, "integrity": integrity(sha256)}
            for name, (sha256, _) in pyodide.CORE.items()
        }
        for name, sha256 in pyodide.WHEELS.values():
            all_files[name] = {"url": pyodide.WHEELS_URL + name, "integrity": integrity(sha256)}
        size = pyodide.WHEELS_SIZE + sum(size for _, size in pyodide.CORE.values())
    scripts = {name: all_files.pop(name) for name in pyodide.SCRIPTS}
    return {
        "scripts": scripts,
        "files": all_files,
        "packages": list(pyodide.WHEELS),
        "size": size,
    }


def publisher():
    """Return the address of the hub, as huggingface_hub knows it."""
    return os.environ.get("HF_ENDPOINT", PUBLISHER).rstrip("/")


def sources_of(endpoint):
    """Return what the page may ask the publisher of weights, and the stores to which it leads."""
    return [endpoint, *(STORES if endpoint == PUBLISHER else [])]


def weights_of():
    """Return where OpenAI's smallest GPT-2 is published, and how to know that it has come."""
    size = published.SIZES["124M"]
    base = f"{publisher()}/openai-community/{size.name}/resolve/{size.revision}"
    return {
        "name": size.name,
        "download": size.download,
        "host": publisher().partition("://")[2],
        "memory": MEMORY,
        "size": N_BYTES,
        "config": published.CONFIG | size.config,
        "files": {
            name: {
                "url": f"{base}/{name}",
                "sha256": published.known_hash(size, name),
                "size": N_BYTES if name == "model.safetensors" else None,
            }
            for name in published.FILES
        },
    }


def entry(url, data):
    """Return what the page asks for: an address, and the hash of what must come."""
    return {"url": url, "integrity": integrity(hashlib.sha256(data).hexdigest())}


def integrity(sha256):
    """Return a sha256 as browsers check it."""
    return "sha256-" + base64.b64encode(bytes.fromhex(sha256)).decode()
