"""Find the commands of README.md and what it says that they print, for the tests and for CI."""

import re
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def commands():
    """Return [(command, the output that README shows)] in the order of README."""
    text = README.read_text("utf-8")
    blocks = "".join(re.findall(r"^```console\n(.*?)^```", text, re.M | re.S))
    return re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", blocks, re.M)


if __name__ == "__main__":
    first, output = commands()[0]
    tests = [command for command, _ in commands() if "easygpt2.py" not in command]
    print({"first": first, "output": output.rstrip("\n"), "tests": "\n".join(tests)}[sys.argv[1]])
