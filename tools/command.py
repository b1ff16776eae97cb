"""The manners of a command: a refusal is one line that says what to type next, with a status."""

import argparse
import io
import itertools
import os
import shlex
import signal
import sys

LONGEST = 1000  # characters of a refusal, and of what to type next


class Refused(Exception):
    """What was asked for cannot be done: why, what to type next (or else --help), exit status."""

    def __init__(self, problem, next_command=None, status=1):
        super().__init__(problem)
        self.next_command = next_command
        self.status = status


def check(good, problem, next_command=None, status=1):
    """Raise Refused unless `good`."""
    if not good:
        raise Refused(problem, next_command, status)


class Parser(argparse.ArgumentParser):
    """A parser of arguments that raises Refused where argparse would print its usage and exit."""

    def __init__(self, program, description, **options):
        layout = argparse.RawDescriptionHelpFormatter
        options = {"formatter_class": layout, "allow_abbrev": False} | options
        super().__init__(prog=f"python {program}", description=description, **options)

    def error(self, message):
        raise Refused(message, status=2)


def say(text):
    """Print a line at once."""
    print(text, flush=True)


def note(text):
    """Print a line at once on stderr, which may hold words of other people's files."""
    print(printable(str(text)), file=sys.stderr, flush=True)


def shown(path):
    """Return a path as short as it can be typed from here."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def free_name(name):
    """Return NAME-2, or the next such name that nothing has yet."""
    return next(f"{name}-{n}" for n in itertools.count(2) if not os.path.lexists(f"{name}-{n}"))


def printable(text):
    """Return the text on one line, with every character visible that could steer a terminal."""
    text = " ".join(text.splitlines())
    return "".join(
        [
            character if character.isprintable() else character.encode("unicode_escape").decode()
            for character in text
        ]
    )


def heeded(*names):
    """Return the signals of these names that are there and not ignored, as nohup wants SIGHUP."""
    known = [getattr(signal, name) for name in names if hasattr(signal, name)]
    return [number for number in known if signal.getsignal(number) is not signal.SIG_IGN]


def run(program, main):
    """Call main(arguments) and end the process; what it raises becomes one line on stderr."""
    guard_streams()
    arguments = sys.argv[1:]
    again = shlex.join(["python", program, *arguments])
    try:
        main(arguments)
        sys.exit(0)
    except Refused as refused:
        problem, status = str(refused), refused.status
        next_command = refused.next_command or f"python {program} --help"
    except OSError as error:
        problem, next_command, status = str(error), again, 1
    except KeyboardInterrupt:
        problem, next_command, status = "stopped", again, 130
    if len(problem) > LONGEST:
        problem = f"{problem[: LONGEST // 2]} ... {problem[-LONGEST // 2 :]}"
    if len(next_command) > LONGEST:
        next_command = f"python {program} --help"
    note(f"{program}: {problem}; type: {next_command}")
    sys.exit(status)


class Unheard(io.FileIO):
    """A stream that nobody may read: what cannot be written is dropped, and work goes on."""

    def write(self, data):
        try:
            return super().write(data)
        except OSError:
            return len(data)


def guard_streams():
    """Let stdout and stderr be closed, full or without a reader, and print every character."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed
            stream = open(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8", closefd=False)
        raw = getattr(stream.buffer, "raw", stream.buffer)
        if type(raw) is io.FileIO:  # and not a console of Windows, which never fails
            raw = Unheard(stream.fileno(), "w", closefd=False)
            buffer = io.BufferedWriter(raw)
            stream = io.TextIOWrapper(buffer, stream.encoding, line_buffering=True)
        stream.reconfigure(errors="backslashreplace")  # some cannot print every character
        setattr(sys, name, stream)
