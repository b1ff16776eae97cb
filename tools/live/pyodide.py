"""Pyodide, CPython for the browser: the files that a page needs, where they are, by which hash.

What is its own is pinned here as npm's package pyodide has it, which jsDelivr serves as it is. The
packages, numpy and the rest, are pinned by Pyodide's own pyodide-lock.json. https://pyodide.org
"""

import hashlib
import json
import os
import shlex
import shutil
import urllib.error
import urllib.request
from pathlib import Path

from tools.command import Refused, check, free_name, note, say, shown

VERSION = "0.28.3"
CORE_URL = f"https://cdn.jsdelivr.net/npm/pyodide@{VERSION}/"
WHEELS_URL = f"https://cdn.jsdelivr.net/pyodide/v{VERSION}/full/"
LOCK = "pyodide-lock.json"
SCRIPTS = ["pyodide.asm.js", "pyodide.js"]
CORE = {  # sha256 and size
    "pyodide.asm.js": ("b22e5831eade9ff10e6fe2c811c68688cd91f10154377b4f80debcf5bafa1e56", 1073033),
    "pyodide.js": ("24a458425dcb4ea9836eb5ce26701d18cb769374e2b79247602ba605bf093278", 17331),
    "pyodide.asm.wasm": (
        "5effb6a1a6cc4a1a85bec4622701aa797c031e1de923cbbaf2ad47abdc4ab325",
        8645967,
    ),
    "python_stdlib.zip": (
        "71fee17f88a6260ec8c9c7c063533ee59c021fdc88a1ce76247378d3c4a35f4c",
        2416866,
    ),
    LOCK: ("f6e6f42f451f42affbbcddb00e8c9a3278dcbf399f57aab9f3f568839a7ff4a6", 109732),
}
WHEELS = {  # as that lock has them
    "numpy": (
        "numpy-2.2.5-cp313-cp313-pyodide_2025_0_wasm32.whl",
        "3db3c4f3e0448f4d62a85c262692f1260ccd8a91335442bd2442f21ffeddb558",
    ),
    "jinja2": (
        "jinja2-3.1.6-py3-none-any.whl",
        "24fc60a3ea3669f4d0d69a82f4b8032188b61ae1840dcb5dbe7525b6613ebbdd",
    ),
    "markupsafe": (
        "markupsafe-3.0.2-cp313-cp313-pyodide_2025_0_wasm32.whl",
        "31a48bf0c5914d64d442175520d803c6488681882ff152c3a07838736b1f3b60",
    ),
    "pygments": (
        "pygments-2.19.1-py3-none-any.whl",
        "5a74bfe77af6648151cd7ee935b2bf2dff34e23b8c54cfa3ffadfa1e0aa8fc04",
    ),
}
WHEELS_SIZE = 5_000_000  # of the four, about
BRING = "python download.py pyodide"


def wheels_of(lock):
    """Return {file: sha256} of the packages that the page needs. Raises LookupError, TypeError."""
    found = [lock["packages"][name] for name in WHEELS]
    return {Path(one["file_name"]).name: one["sha256"] for one in found}


def check_distribution(folder):
    """Return {name: Path} of what a page needs of this folder, each known by its hash.

    Pyodide's own files are those that are pinned here, and the wheels those that its lock names.
    Another lock, of wheels that somebody has built, is accepted, with a note. Raises Refused for
    all else.
    """
    check(folder.is_dir(), f"--pyodide {shown(folder)}: there is no such folder", BRING)
    missing = [name for name in CORE if not (folder / name).is_file()]
    check(
        not missing, f"{shown(folder)} is no whole Pyodide: it has no {', '.join(missing)}", BRING
    )
    other = [name for name, (sha256, _) in CORE.items() if hash_of(folder / name) != sha256]
    own = [name for name in other if name != LOCK]
    check(not own, f"{own and shown(folder / own[0])} is not that of Pyodide {VERSION}", BRING)
    try:
        wheels = wheels_of(json.loads((folder / LOCK).read_text("utf-8")))
    except (LookupError, TypeError, ValueError) as error:
        problem = f"{shown(folder / LOCK)} names no {' or '.join(WHEELS)} ({error!r})"
        raise Refused(problem, BRING) from None
    missing = [name for name in wheels if not (folder / name).is_file()]
    check(not missing, f"{shown(folder)} has no {', '.join(missing)}", BRING)
    for name, sha256 in wheels.items():
        found = hash_of(folder / name)
        problem = f"{shown(folder / name)} has the sha256 {found}, not {sha256}"
        check(found == sha256, f"{problem}, as {LOCK} says", BRING)
    if other:
        note(
            f"{shown(folder / LOCK)} is not that of Pyodide {VERSION}: "
            f"{', '.join(WHEELS)} are checked by what it says"
        )
    return {name: folder / name for name in [*CORE, *wheels]}


def hash_of(path):
    """Return the sha256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def bring(folder):
    """Bring what a page needs of Pyodide into a new folder, which appears whole or not at all.

    Raises Refused where what is there already is no such Pyodide: it is the user's to put aside.
    """
    if os.path.lexists(folder):
        aside = shlex.join(["mv", shown(folder), free_name(shown(folder))]) + f" && {BRING}"
        try:
            check(folder.is_dir(), "it is no folder")
            check_distribution(folder)
        except Refused as problem:
            raise Refused(f"{shown(folder)} is there, but: {problem}", aside) from None
        return
    staging = folder.with_name(f".{folder.name}.{os.getpid()}")
    staging.mkdir(parents=True)
    try:
        for name, (known, _) in CORE.items():
            (staging / name).write_bytes(fetched(CORE_URL + name, known))
        for name, known in WHEELS.values():
            (staging / name).write_bytes(fetched(WHEELS_URL + name, known))
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def fetched(url, known):
    """Return the bytes at this address, which have this sha256. Raises Refused."""
    say(f"Bringing {url.rpartition('/')[2]}")
    try:
        with urllib.request.urlopen(url, timeout=60) as response:
            data = response.read()
    except (OSError, urllib.error.URLError) as error:
        raise Refused(f"cannot bring {url}: {error}", BRING) from None
    found = hashlib.sha256(data).hexdigest()
    check(found == known, f"{url} gave a file with the sha256 {found}, not {known}", BRING)
    return data


def use(folder):
    """Return what to type once the folder is there."""
    return shlex.join(["python", "walkthrough.py", "--site", "site", "--pyodide", shown(folder)])
