# /// script
# requires-python = ">=3.10"
# dependencies = ["jinja2>=3.1", "numpy>=1.26", "pygments>=2.15"]
# ///
"""Run easygpt2.py under a recorder and write one page that shows every value beside its line.

The page is easygpt2.py itself, with the values of this run; nothing of GPT-2 is computed here. With
--live the page has a prompt of its own, and runs easygpt2.py again whenever it is saved. With
--site it is a folder for any web server, and runs, and edits, easygpt2.py in the browser alone. The
recorder is tools/recorder.py; what is drawn how, tools/page.py; the pages that run, tools/live.
"""

import contextlib
import errno
import io
import os
import re
import shlex
import signal
import sys
import webbrowser
from pathlib import Path

from tools import command
from tools.command import Refused, check, say

try:
    import numpy as np

    from tools import recorder
    from tools.live import pyodide, site
    from tools.live.run import OPTIONS, arguments_of
    from tools.live.server import Server
    from tools.page import MARK, NOTES, failure, page_of
except ImportError as error:
    missing = error.name
else:
    missing = None

USAGE = """python walkthrough.py PROMPT [easygpt2.py's options] [--out FILE] [--open]
       python walkthrough.py PROMPT [easygpt2.py's options] --compare OTHER.py [--out FILE] [--open]
       python walkthrough.py --live [PROMPT] [easygpt2.py's options] [--port N] [--open]
       python walkthrough.py --site FOLDER [--pyodide FOLDER] [PROMPT] [easygpt2.py's options]"""
LIVE = "python walkthrough.py --live"
SITE = "python walkthrough.py --site site"
EXAMPLE = "Once upon a time"  # where no prompt is given
HELP = "python walkthrough.py --help"
INSTALL = "python -m pip install jinja2 numpy pygments"
HERE = Path(__file__).resolve().parent


def main(arguments):
    """Record the run that these arguments ask for, and write its page, or serve the live one."""
    options, arguments = own_options(arguments)
    check(not missing, f"{missing} is missing", INSTALL)
    script = HERE / "easygpt2.py"
    try:  # relative: a page that is made here does not name the folders above
        path = os.path.relpath(script)
    except ValueError:  # on another drive
        path = str(script)
    if options.live:
        serve(path, arguments, options)
    elif options.site:
        make_site(path, arguments, options)
    else:
        make_page(path, arguments, options)


def make_page(path, arguments, options):
    """Record a run, and write its page."""
    out = options.out or Path("walkthrough.html")
    check(out.parent.is_dir(), f"--out {out}: there is no folder {out.parent}", HELP, 2)
    check_replaceable(out)
    before = record_before(options.compare, arguments, path) if options.compare else None
    recorded = record(path, Path(path).read_text("utf-8-sig"), arguments)
    page = page_of(recorded, before=before)
    write(out, page)
    open_it = shlex.join(["python", "-m", "webbrowser", str(out)])
    end = failure(recorded)
    check(not end, f"easygpt2.py stopped at {end}; {out} shows the run up to there", open_it)
    size = f"{len(recorded.events):,} lines run, {len(page) / 1e6:.1f} MB"
    say(f"Page: {out} ({size}); open it in a browser")
    if options.open:
        opened = webbrowser.open(out.resolve().as_uri())
        check(opened, f"no browser found to open {out} with; once BROWSER names one", open_it)


def make_site(path, arguments, options):
    """Record a run, and write the site whose page shows it, and runs the program in the browser."""
    site.check_replaceable(options.site)
    distribution = pyodide.check_distribution(options.pyodide) if options.pyodide else None
    request = request_of(arguments)
    good = request["model"] in ("", "tales")
    check(good, f"--site has models/tales only, not {request['model']}", SITE, 2)
    request["model"] = "tales"
    recorded = record(path, Path(path).read_text("utf-8-sig"), arguments_of(request))
    end = failure(recorded)
    check(not end, f"easygpt2.py stopped at {end}", f"python {path}")
    size = site.write(options.site, recorded, request, distribution)
    say(f"Site: {options.site} ({size / 1e6:.0f} MB); any web server serves it, and so does:")
    say(shlex.join(["python", "-m", "http.server", "--directory", str(options.site)]))


def record_before(path, arguments, program):
    """Return the Recorder that has run the other version of the program, with the same models.

    Raises Refused where it cannot be read, or does not run to its end.
    """
    again = shlex.join(["python", str(path), *arguments])
    try:
        source = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Refused(f"--compare {path}: {why}", HELP, 2) from None
    given = arguments[: (arguments + ["--"]).index("--")]
    if "--temperature" in " ".join(given) and "--seed" not in " ".join(given):
        command.note("walkthrough.py: without --seed the two runs draw different tokens")
    typed = sys.stdin
    if "-" in given and typed:  # both read the same
        data = typed.buffer.read()
        sys.stdin = io.TextIOWrapper(io.BytesIO(data))
    say(f"Run of {path}:")
    recorded = record(str(path), source, arguments, program)
    if sys.stdin is not typed:
        sys.stdin = io.TextIOWrapper(io.BytesIO(data))
    end = failure(recorded)
    check(not end, f"--compare {path} stopped at {end}", again)
    say("Run of easygpt2.py:")
    return recorded


def serve(path, arguments, options):
    """Serve the live page until Ctrl-C, or until it is told to end in another way."""
    request = request_of(arguments)
    for number in command.heeded("SIGTERM", "SIGHUP"):
        signal.signal(number, signal.default_int_handler)
    try:
        server = Server(path, request, options.port)
    except OSError as error:
        check(error.errno != errno.EADDRINUSE, f"port {options.port} is in use", LIVE)
        check(error.errno != errno.EACCES, f"port {options.port} needs administrator rights", LIVE)
        raise
    with server:
        say(f"Live: {server.url}")
        if options.open:
            open_in_browser(server.url, server.url)
        server.serve_forever()


def open_in_browser(url, shown):
    """Show this in the browser. Raises Refused if there is none."""
    again = shlex.join(["python", "-m", "webbrowser", shown])
    check(
        webbrowser.open(url),
        f"no browser found to open {shown} with; once BROWSER names one",
        again,
    )


def own_options(arguments):
    """Return (the page's options, easygpt2.py's arguments)."""
    others = "PROMPT and other options are easygpt2.py's: its --help lists them"
    parser = command.Parser("walkthrough.py", __doc__, usage=USAGE, epilog=others)
    parser.add_argument("--out", metavar="FILE", type=Path,
                        help="the page (walkthrough.html)")  # fmt: skip
    parser.add_argument("--compare", metavar="OTHER.py", type=Path,
                        help="mark what differs from a run of this file, which is easygpt2.py as "
                        "it was before your change")  # fmt: skip
    parser.add_argument("--live", action="store_true", help="no file: serve a page that runs it")
    parser.add_argument("--port", metavar="N", type=port, default=0, help="of --live (a free one)")
    parser.add_argument("--site", metavar="FOLDER", type=Path,
                        help="no file: a folder for a web server, run by browsers")  # fmt: skip
    parser.add_argument("--pyodide", metavar="FOLDER", type=Path,
                        help="Pyodide 0.28.3, to lie in the site (its CDN)")  # fmt: skip
    parser.add_argument("--open", action="store_true", help="show it in the browser")
    end = (arguments + ["--"]).index("--")  # behind it stands the prompt, whatever it looks like
    options, rest = parser.parse_known_args(arguments[:end])
    check(not (options.live and options.compare), "--live compares by itself", LIVE, 2)
    check(options.live or not options.port, "--port is for --live", LIVE, 2)
    check(options.site or not options.pyodide, "--pyodide is for --site", SITE, 2)
    alone = {"--live": options.live, "--compare": options.compare, "--out": options.out}
    alone |= {"--open": options.open}
    others = [name for name, given in alone.items() if options.site and given]
    check(not others, f"{others and others[0]} does not go with --site, a folder", SITE, 2)
    check(not (options.live and options.out), "--out is for a page of one run", LIVE, 2)
    return options, rest + arguments[end:]


def port(text):
    """Return the number of a port. Raises ValueError."""
    if not 0 <= int(text) < 65536:
        raise ValueError(text)
    return int(text)


def request_of(arguments):
    """Return what the live page shall ask for first."""
    parser = command.Parser("walkthrough.py", __doc__, usage=USAGE, add_help=False)
    parser.add_argument("prompt", nargs="?", default=EXAMPLE)
    for name, option in OPTIONS.items():
        parser.add_argument(option, dest=name, default="")
    request = vars(parser.parse_args(arguments))
    if request["prompt"] == "-" and "--" not in arguments:
        request["prompt"] = sys.stdin.read().removesuffix("\n")
    return request


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
        self.real.write(re.sub(r"(^|; type: python )easygpt2\.py\b", r"\1walkthrough.py", text))
        return len(text)


def record(path, source, arguments, program=None):
    """Return the Recorder that has run the script; where the script exits, exit as it does.

    `program`: whose models/ it finds, if not its own.
    """
    try:
        recorded = recorder.Recorder(path, source, NOTES)
    except SyntaxError as error:
        where = f"{Path(path).name}, line {error.lineno}"
        raise Refused(f"{where}: {error.msg}", f"python {path}") from None
    recorded.variables["__file__"] = program or path
    with contextlib.redirect_stderr(Messages(sys.stderr)), np.errstate():
        recorded.run(arguments)
    check(recorded.events, f"{Path(path).name} has no line that runs, so there is nothing to show")
    if isinstance(recorded.error, SystemExit) and recorded.error.code:
        raise recorded.error
    return recorded


if __name__ == "__main__":
    command.run("walkthrough.py", main)
