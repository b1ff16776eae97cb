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

`python download.py pyodide` brings Python for the browser instead, 17 MB, into pyodide/: with it
`walkthrough.py --site` makes a page that runs where there is no network.
"""

import contextlib
import os
import shlex
import shutil
from pathlib import Path

from tools import command
from tools.command import Refused, check, note, say, shown
from tools.hub import ask, bring, from_cache, import_hub, lock, part_of, still_whole
from tools.live import pyodide
from tools.model_folder import convert, staging_of, understand
from tools.published import FILES, SIZES, check_config, check_folder, find_size, known_hash

PYODIDE = Path(__file__).resolve().parent / "pyodide"
MODELS = Path(__file__).resolve().parent / "models"
OUTPUT = 'python easygpt2.py "Alan Turing theorized that computers would one day become"'


def main(arguments):
    """Run the command."""
    parser = command.Parser("download.py", __doc__)
    names = (
        "124M, 355M, 774M or 1558M; or gpt2, gpt2-medium, gpt2-large, gpt2-xl (124M); or pyodide"
    )
    parser.add_argument("size", metavar="SIZE", nargs="?", default="124M", help=names)
    asked = parser.parse_args(arguments).size
    if asked == "pyodide":
        pyodide.bring(PYODIDE)
        say(f"{shown(PYODIDE)} is ready; type: {pyodide.use(PYODIDE)}")
        return
    parameters = find_size(asked)
    download(SIZES[parameters], parameters, f"python download.py {parameters}")


def download(size, parameters, again):
    """Bring models/NAME, unless it is there."""
    folder = MODELS / size.name
    staging = MODELS / f".{size.name}.download"
    model = "" if size.name == "gpt2" else f" --model {shlex.quote(shown(folder))}"
    if not os.path.lexists(folder):
        hub = import_hub()
        say(f"GPT-2 {parameters}: {size.download} to download, {size.memory} of memory to run")
        if not known_hash(size, "model.safetensors"):
            host = hub.constants.ENDPOINT
            say(f"Its weights are trusted by the sha256 that {host} states: none is known here")
        with lock(hub, MODELS / f".{size.name}.lock"):
            if not os.path.lexists(folder):  # another call may have brought it meanwhile
                staging.mkdir(exist_ok=True)
                fetch(hub, size, staging, again)
                store(size, staging, folder, again)
        say(f"{shown(folder)} is ready; type: {OUTPUT}{model}")
    else:
        check_folder(folder, size, again)
        shutil.rmtree(staging, ignore_errors=True)  # if a call was killed just before its end
        with contextlib.suppress(OSError):
            (MODELS / f".{size.name}.lock").unlink()
        say(f"{shown(folder)} is there already; type: {OUTPUT}{model}")


def fetch(hub, size, staging, again):
    """Bring the four files, whole and checked, into `staging`."""
    where = {"repo_id": f"openai-community/{size.name}", "revision": size.revision}
    page = f"https://huggingface.co/{where['repo_id']}/tree/{size.revision}"
    by_hand = f"bring {', '.join(FILES)} from {page} into {shown(MODELS / size.name)}"
    files = {}
    for name in FILES:
        target, known = staging / name, known_hash(size, name)
        if not (still_whole(target, known) or from_cache(hub, where, target, known)):
            target.unlink(missing_ok=True)
            files[name] = ask(hub, where, name, known, by_hand, again)
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


def store(size, staging, folder, again):
    """Make models/NAME of the four files, aligned; where there is no room for it, as they came."""
    try:
        check_config(understand(staging)[0].config, size)
    except Refused as refused:  # the other files have the hashes that they should have
        (staging / "config.json").unlink()
        raise Refused(f"{refused}; config.json is removed", again) from None
    aligned = staging / "aligned"
    for left in (aligned, staging_of(aligned)):  # by a killed call
        shutil.rmtree(left, ignore_errors=True)
    try:
        convert(staging, aligned)
        aligned.rename(folder)
        shutil.rmtree(staging, ignore_errors=True)
    except (Refused, OSError) as problem:
        note(f"Stored as published, not aligned: {problem}")
        for path in staging.iterdir():
            if path.name not in FILES:
                path.unlink()
        staging.rename(folder)


if __name__ == "__main__":
    command.run("download.py", main)
