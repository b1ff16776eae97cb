# /// script
# requires-python = ">=3.10"
# dependencies = ["jinja2>=3.1", "numpy>=1.26", "pygments>=2.15"]
# ///
"""Run easygpt2.py under a recorder and write one page that shows every value beside its line.

The page is easygpt2.py itself, with the values of this run; nothing of GPT-2 is computed here. The
recorder is tools/recorder.py; what is drawn how, tools/page.py.
"""

import contextlib
import io
import os
import re
import shlex
import sys
import webbrowser
from pathlib import Path

from tools import command
from tools.command import Refused, check, say

try:
    import numpy as np

    from tools import recorder
    from tools.page import MARK, NOTES, failure, page_of
except ImportError as error:
    missing = error.name
else:
    missing = None

USAGE = """usage: python walkthrough.py PROMPT [easygpt2.py's options] [--out FILE] [--open]
  PROMPT      the text to continue; it and other options are easygpt2.py's: its --help lists them
  --out FILE  the page (walkthrough.html)
  --open      show it in the browser"""
HELP = "python walkthrough.py --help"
INSTALL = "python -m pip install jinja2 numpy pygments"
HERE = Path(__file__).resolve().parent


def main(arguments):
    """Record the run that these arguments ask for, and write its page."""
    arguments, out, show = own_options(arguments)
    check(not missing, f"{missing} is missing", INSTALL)
    check(out.parent.is_dir(), f"--out {out}: there is no folder {out.parent}", HELP, 2)
    check_replaceable(out)
    script = HERE / "easygpt2.py"
    try:  # relative: a page that is made here does not name the folders above
        path = os.path.relpath(script)
    except ValueError:  # on another drive
        path = str(script)
    recorded = record(path, script.read_text("utf-8-sig"), arguments)
    page = page_of(recorded)
    write(out, page)
    open_it = shlex.join(["python", "-m", "webbrowser", str(out)])
    end = failure(recorded)
    check(not end, f"easygpt2.py stopped at {end}; {out} shows the run up to there", open_it)
    size = f"{len(recorded.events):,} lines run, {len(page) / 1e6:.1f} MB"
    say(f"Page: {out} ({size}); open it in a browser")
    if show:
        opened = webbrowser.open(out.resolve().as_uri())
        check(opened, f"no browser found to open {out} with; once BROWSER names one", open_it)


def own_options(arguments):
    """Return (easygpt2.py's arguments, the page's path, whether to open it)."""
    rest, out, show = [], "walkthrough.html", False
    left = iter(arguments)
    for argument in left:
        if argument == "--out":
            out = next(left, "--")
            check(out and out[:2] != "--", "--out needs a value", HELP, 2)
        elif argument == "--open":
            show = True
        elif argument == "--":
            rest += [argument, *left]
        else:
            rest.append(argument)
    return rest, Path(out), show


def check_replaceable(out):
    """Raise Refused where `out` is there already and is no such page."""
    if os.path.lexists(out):
        again = shlex.join(["python", "walkthrough.py", "Once upon a time", "--out", "new.html"])
        ours = False
        if out.is_file():
            with open(out, "rb") as file:
                ours = MARK in file.read(200)
        check(ours, f"{out} is there already, and no page of mine; choose another name", again)


def write(out, page):
    """Write the page whole or not at all."""
    staged = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        staged.write_bytes(page)
        os.replace(staged, out)
    finally:
        staged.unlink(missing_ok=True)


class Messages(io.TextIOBase):
    """sys.stderr for the script: what it says there names this program."""

    def __init__(self, real):
        self.real = real

    def write(self, text):
        text = re.sub(r"(^|; type: python )easygpt2\.py\b", r"\1walkthrough.py", text)
        with contextlib.suppress(OSError):  # nobody reads it; the run goes on
            self.real.write(text)
        return len(text)


def record(path, source, arguments):
    """Return the Recorder that has run the script; where the script exits, exit as it does."""
    try:
        recorded = recorder.Recorder(path, source, NOTES)
    except SyntaxError as error:
        raise Refused(f"easygpt2.py, line {error.lineno}: {error.msg}", f"python {path}") from None
    with contextlib.redirect_stderr(Messages(sys.stderr)), np.errstate():
        recorded.run(arguments)
    if isinstance(recorded.error, SystemExit) and recorded.error.code:
        raise recorded.error
    return recorded


if __name__ == "__main__":
    command.run("walkthrough.py", USAGE, main)
