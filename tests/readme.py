"""The commands of README.md, what it says that they print, and its map of the steps.

usage: python tests/readme.py first | output | tests | install | page | lesson
       python tests/readme.py renumber | pages | results
"""

import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
LESSON = README.parent / "docs" / "lesson.md"
BEGIN, END = "<!-- made by: python tests/readme.py results -->", "<!-- end of results -->"


def commands(text=None):
    """Return [(command, the output that the text shows)] in the order of the text, README's."""
    text = text or README.read_text("utf-8")
    blocks = "".join(re.findall(r"^```console\n(.*?)^```", text, re.M | re.S))
    return re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", blocks, re.M)


def renumber():
    """Let the map of the steps point to the lines where they are now."""
    import harness  # needs numpy, which CI does not have yet when it asks for the first command

    lines = {step: first for step, (first, _) in harness.steps().items()}
    text = re.sub(
        r"^(\| (\d+) \| \[.+\]\(easygpt2\.py#L)\d+",
        lambda row: f"{row[1]}{lines[int(row[2])]}",
        README.read_text("utf-8"),
        flags=re.M,
    )
    README.write_text(text, "utf-8")


def renew_pages():
    """Let README and the lesson say what walkthrough.py says now of the pages that they make."""
    for path in (README, LESSON):
        text = path.read_text("utf-8")
        command = next(command for command, _ in commands(text) if "walkthrough.py" in command)
        program, *arguments = shlex.split(command.split("&& ")[-1])[1:]
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, str(README.parent / program), *arguments],
                cwd=folder,
                stdout=subprocess.PIPE,
                encoding="utf-8",
                check=True,
            )
        last = done.stdout.splitlines()[-1]
        path.write_text(re.sub(r"^Page: .+$", last, text, flags=re.M), "utf-8")


def results():
    """Return the part with the benchmark's results, as README should have it."""
    sys.path.insert(0, str(README.parent / "benchmarks"))
    import report

    return f"{BEGIN}\n{report.readme(report.load())}\n{END}"


def renew_results():
    """Let README show the results that are in benchmarks/results."""
    text = README.read_text("utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    README.write_text(before + results() + after, "utf-8")


if __name__ == "__main__":
    if sys.argv[1] == "renumber":
        renumber()
    elif sys.argv[1] == "pages":
        renew_pages()
    elif sys.argv[1] == "results":
        renew_results()
    else:
        first, output = commands()[0]
        tests = [command for command, _ in commands() if "test" in command.split()[-1]]
        install = next(command for command, _ in commands() if "download.py" in command)
        page = next(command for command, _ in commands() if "walkthrough.py" in command)
        shown = {
            "first": first,
            "output": output.rstrip("\n"),
            "tests": "\n".join(tests),
            "install": install.partition(" && ")[0],
            "page": page,
            "lesson": "\n".join(command for command, _ in commands(LESSON.read_text("utf-8"))),
        }
        print(shown[sys.argv[1]])
