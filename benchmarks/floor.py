"""Run easygpt2.py in this process and, after each token, multiply all that a token multiplies.

usage: python benchmarks/floor.py PROMPT TOKENS FOLDER

Prints JSON: "token", the seconds from one id to the next; "floor", the seconds for the
matrix-vector products of one token, the embedding's as `wte @ x`. Taking turns, both meet the same
moods of the machine.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

PROGRAM = Path(__file__).resolve().parents[1] / "easygpt2.py"


class Clock:
    """Standard output that times how long each id took, and a pass behind it."""

    def __init__(self, run):
        self.run = run  # the program's variables
        self.began = None
        self.seconds = {"token": [], "floor": []}

    def write(self, text):
        if not text.startswith(", "):
            return
        if self.began:
            self.seconds["token"].append(time.perf_counter() - self.began)
        began = time.perf_counter()
        one_pass(self.run)
        self.began = time.perf_counter()
        self.seconds["floor"].append(self.began - began)

    def flush(self):
        pass


def one_pass(run):
    """Multiply every matrix that a token needs with a row: what a token costs at least."""
    row = np.ones(run["n_embd"], np.float32)
    wide = np.ones(4 * run["n_embd"], np.float32)
    for parts in run["layers"]:
        row @ parts["attn.c_attn"][0]
        row @ parts["attn.c_proj"][0]
        row @ parts["mlp.c_fc"][0]
        wide @ parts["mlp.c_proj"][0]
    run["wte"] @ row


def main():
    prompt, n_tokens, folder = sys.argv[1:]
    sys.argv = [str(PROGRAM), prompt, "--tokens", n_tokens, "--model", folder]
    run = {"__name__": "__main__", "__file__": str(PROGRAM)}
    stdout, sys.stdout = sys.stdout, Clock(run)
    exec(compile(PROGRAM.read_text("utf-8"), str(PROGRAM), "exec"), run)
    clock, sys.stdout = sys.stdout, stdout
    print(json.dumps(clock.seconds))


if __name__ == "__main__":
    main()
