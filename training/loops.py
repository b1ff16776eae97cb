# /// script
# requires-python = ">=3.10"
# dependencies = ["numpy>=1.26"]
# ///
"""Count how often the text of a GPT-2 turns in circles.

easygpt2.py continues each line of prompts.txt by 60 tokens, always with the likeliest one. A text
is in a loop if somewhere in what is new the same eight tokens stand three times in a row. Most
circles are not of eight tokens: `and I am a man,` has six. So texts are counted as well in which
the same eight tokens begin at three places, each as far from the last, however far that is.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from tools import command  # noqa: E402
from tools.command import Refused  # noqa: E402

PROMPTS = ROOT / "training" / "prompts.txt"
N_TOKENS, LENGTH = 60, 8


def main(arguments):
    """Run the command."""
    parser = command.Parser("training/loops.py", __doc__)
    parser.add_argument("model", metavar="models/NAME", help="the model to look at")
    options = parser.parse_args(arguments)
    found = []
    for prompt in PROMPTS.read_text("utf-8").splitlines():
        new, text = continuation(prompt, options.model)
        found.append(distances(new))
        command.say(f"[{f'again after {found[-1][0]}' if found[-1] else 'no loop'}] {text}")
    n_strict, n_all = sum(LENGTH in one for one in found), sum(map(bool, found))
    command.say(f"{LENGTH} tokens, three times in a row: {n_strict} of {len(found)} texts")
    command.say(f"three times, equally far from each other: {n_all} of {len(found)} texts")


def continuation(prompt, model):
    """Return (the ids behind the prompt's, the whole text); raise Refused if there are none."""
    program = [sys.executable, str(ROOT / "easygpt2.py")]
    options = ["--tokens", str(N_TOKENS), "--model", model, "--", prompt]
    done = subprocess.run([*program, *options], capture_output=True, encoding="utf-8")
    if done.returncode:
        line = done.stderr.splitlines()[-1].removeprefix("easygpt2.py: ")
        problem, _, next_command = line.rpartition("; type: ")
        raise Refused(problem, next_command)
    parts = {}
    for line in done.stdout.partition("Output: ")[0].splitlines():
        name, _, value = line.partition(": ")
        parts[name] = value
    known, ids = [
        [int(id) for id in parts[name].strip("[]").split(", ")]
        for name in ("Tokens", "Generated tokens")
    ]
    return ids[len(known) :], done.stdout.partition("Output: ")[2].rstrip("\n")


def distances(ids):
    """Return how far apart LENGTH ids come three times, equally far: each such distance."""
    found = []
    for distance in range(1, (len(ids) - LENGTH) // 2 + 1):
        for start in range(len(ids) - LENGTH - 2 * distance + 1):
            starts = (start, start + distance, start + 2 * distance)
            if len({tuple(ids[one : one + LENGTH]) for one in starts}) == 1:
                found.append(distance)
                break
    return found


if __name__ == "__main__":
    command.run("training/loops.py", main)
