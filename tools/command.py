"""The manners of a command: a refusal is one line that says what to type next, with a status."""

import shlex
import sys


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


def say(text):
    """Print a line at once; where nobody can read it, work goes on."""
    try:
        print(text, flush=True)
    except OSError:
        sys.stdout = None


def run(program, usage, main):
    """Call main(arguments) and end the process; what it raises becomes one line on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # some terminals cannot print every character
            stream.reconfigure(errors="backslashreplace")
    arguments = sys.argv[1:]
    again = shlex.join(["python", program, *arguments])
    try:
        if {"-h", "--help"} & set(arguments[: (arguments + ["--"]).index("--")]):
            say(usage)
        else:
            main(arguments)
        sys.exit(0)
    except Refused as refused:
        problem, status = refused, refused.status
        next_command = refused.next_command or f"python {program} --help"
    except OSError as error:
        problem, next_command, status = error, again, 1
    except KeyboardInterrupt:
        problem, next_command, status = "stopped", again, 130
    print(*f"{program}: {problem}; type: {next_command}".splitlines(), file=sys.stderr)
    sys.exit(status)
