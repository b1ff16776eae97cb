# /// script
# requires-python = ">=3.10"
# dependencies = ["jinja2>=3.1", "numpy>=1.26", "playwright", "pygments>=2.15"]
# ///
"""Measure walkthrough.py: what recording costs, how large the page is, how fast it answers.

usage: python benchmarks/page.py [PROMPT] [--model FOLDER] [--runs N]

The run in this process, plain and recorded in turn; whole commands, easygpt2.py and walkthrough.py
in turn; then the page in a Chromium of this machine.
Each figure is a median with its range. The first useful view is there when the map is drawn and
values stand beside the lines, counted from the start of the navigation; a step or a choice is done
when the page has been laid out again.
"""

import argparse
import contextlib
import io
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
import browser  # noqa: E402

from tools import recorder  # noqa: E402
from tools.page import NOTES  # noqa: E402

ANSWERS = """() => {
  const time = (act) => {
    const began = performance.now();
    act();
    document.body.getBoundingClientRect();
    return performance.now() - began;
  };
  const random = (n) => Math.floor(Math.random() * n);
  const times = (n, act) => Array.from({length: n}, () => time(act));
  const [rounds, layers, heads] = choiceLoops;
  const all = {
    "step": times(200, () => step(1, true)),
    "jump to anywhere": times(50, () => moveTo(random(nEvents), true)),
    "choose a token of the text": times(20, () => takeRound(random(nRounds(rounds, -1)))),
    "choose a layer": times(20, () => pick(layers, random(nRounds(layers, -1)))),
    "choose a head": times(20, () => pick(heads, random(nRounds(heads, -1)))),
    "choose a small grid": times(20, () =>
      takeChoice([undefined, random(nRounds(layers, -1)), random(nRounds(heads, -1))])),
    "pick a cell": times(20, () => takeCell(random(4), random(4))),
    "follow a token": times(20, () => follow(random(promptLength()))),
  };
  const values = rows.filter((row) => row.event !== undefined && events.values[row.event].length);
  all["take a value in hand"] = times(50, () => moveTo(values[random(values.length)].event, false));
  return all;
}"""
FIRST_VIEW = """() => new Promise((done) => {
  const look = () => {
    const drawn = [".small-grids", "#large .cells", ".glance .value"];
    if (drawn.every((one) => document.querySelector(one)))
      requestAnimationFrame(() => done(performance.now()));
    else setTimeout(look, 5);
  };
  look();
})"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("prompt", nargs="?", default="Once upon a time")
    parser.add_argument("--model", default=str(ROOT / "models" / "tales"))
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    print(f"| {options.prompt!r}, {Path(options.model).name} | median | range |\n|---|---|---|")
    arguments = [options.prompt, "--model", options.model]
    ratios = [recorded(arguments) / plain(arguments) for _ in range(options.runs + 1)]
    row("recorded over plain", ratios[1:], "×", 1)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "walkthrough.html"
        commands = {"easygpt2.py": [], "walkthrough.py": ["--out", str(page)]}
        seconds = {name: [] for name in commands}
        for _ in range(options.runs):
            for name, more in commands.items():
                command = [sys.executable, ROOT / name, *arguments]
                began = time.perf_counter()
                subprocess.run([*command, *more], capture_output=True, check=True)
                seconds[name].append(time.perf_counter() - began)
        for name, found in seconds.items():
            row(f"{name}, whole command", found, "s", 2)
        pairs = [slow / plain for plain, slow in zip(*seconds.values())]
        row("whole command over plain", pairs, "×", 1)
        print(f"| page | {page.stat().st_size / 1e6:.1f} MB | |")
        with browser.chromium() as chromium:
            views = []
            for _ in range(options.runs):
                tab = chromium.new_page()
                tab.goto(page.as_uri(), wait_until="commit")
                views.append(tab.evaluate(FIRST_VIEW))
                if len(views) < options.runs:
                    tab.close()
            row("first useful view", views, "ms")
            for name, found in tab.evaluate(ANSWERS).items():
                row(name, found, "ms", 1)


def plain(arguments):
    """Return the seconds that easygpt2.py takes in this process."""
    program = ROOT / "easygpt2.py"
    code = compile(program.read_text("utf-8"), str(program), "exec")
    sys.argv = [str(program), *arguments]
    return seconds_of(lambda: exec(code, {"__name__": "__main__", "__file__": str(program)}))


def recorded(arguments):
    """Return the seconds that it takes under the recorder."""
    program = ROOT / "easygpt2.py"
    source = program.read_text("utf-8")
    run = recorder.Recorder(str(program), source, NOTES).run
    return seconds_of(lambda: run(arguments))


def seconds_of(act):
    silent = io.StringIO()
    with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
        began = time.perf_counter()
        act()
        return time.perf_counter() - began


def row(name, found, unit, digits=0):
    least, median, most = min(found), statistics.median(found), max(found)
    print(f"| {name} | {median:.{digits}f} {unit} | {least:.{digits}f} to {most:.{digits}f} |")


if __name__ == "__main__":
    main()
