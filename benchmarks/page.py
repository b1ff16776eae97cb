# /// script
# requires-python = ">=3.10"
# dependencies = ["jinja2>=3.1", "numpy>=1.26", "playwright", "pygments>=2.15"]
# ///
"""Measure walkthrough.py: what recording costs, how large the page is, how fast it answers.

usage: python benchmarks/page.py [PROMPT] [--model FOLDER] [--runs N]

Whole commands, easygpt2.py and walkthrough.py in turn; then the page in a Chromium of this machine.
Each figure is a median with its range. The first useful view is there when values stand beside the
lines, counted from the start of the navigation; a step or a choice is done when the page has been
laid out again.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
import browser  # noqa: E402

ANSWERS = """() => {
  const time = (act) => {
    const began = performance.now();
    act();
    document.body.getBoundingClientRect();
    return performance.now() - began;
  };
  const random = (n) => Math.floor(Math.random() * n);
  const times = (n, act) => Array.from({length: n}, () => time(act));
  const at = choiceStatement, [tokens, layers, heads] = choiceLoops;
  const all = {
    "step": times(200, () => step(1, false)),
    "jump to anywhere": times(50, () => moveTo(random(nEvents), true)),
    "choose a token": times(20, () => pick(tokens, random(nRounds(tokens, -1)))),
    "choose a layer": times(20, () => pick(layers, random(nRounds(layers, -1)))),
    "choose a head": times(20, () => pick(heads, random(nRounds(heads, -1)))),
  };
  const values = rows.filter((row) => row.event !== undefined && events.values[row.event].length);
  all["open a value"] = times(50, () => {
    const {event, number} = values[random(values.length)];
    openValue(statements[number].targets[0], valueOf(event, 0), event);
  });
  return all;
}"""
FIRST_VIEW = """() => new Promise((done) => {
  const look = () => {
    if (document.querySelector(".value")) requestAnimationFrame(() => done(performance.now()));
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
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "walkthrough.html"
        commands = {"easygpt2.py": [], "walkthrough.py": ["--out", str(page)]}
        seconds = {name: [] for name in commands}
        for _ in range(options.runs):
            for name, more in commands.items():
                command = [sys.executable, ROOT / name, options.prompt, "--model", options.model]
                began = time.perf_counter()
                subprocess.run([*command, *more], capture_output=True, check=True)
                seconds[name].append(time.perf_counter() - began)
        print(f"| {options.prompt!r}, {Path(options.model).name} | median | range |\n|---|---|---|")
        for name, found in seconds.items():
            row(f"{name}, whole command", found, "s", 2)
        pairs = [slow / plain for plain, slow in zip(*seconds.values())]
        row("recorded and written over plain", pairs, "×", 1)
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


def row(name, found, unit, digits=0):
    least, median, most = min(found), statistics.median(found), max(found)
    print(f"| {name} | {median:.{digits}f} {unit} | {least:.{digits}f} to {most:.{digits}f} |")


if __name__ == "__main__":
    main()
