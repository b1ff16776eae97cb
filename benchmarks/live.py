# /// script
# requires-python = ">=3.10"
# dependencies = ["jinja2>=3.1", "numpy>=1.26", "playwright", "pygments>=2.15"]
# ///
"""Measure the live page: from saving easygpt2.py to its new values on the page.

usage: python benchmarks/live.py [PROMPT] [--model FOLDER] [--tokens N] [--runs N]

A copy of the house is served, and a Chromium of this machine shows its page. Line by line the file
gets longer and shorter again, saved as editors do: written beside it and put in its place. "Begun"
is when the page asks for the run, "drawn" when every line has its new values and the page has been
painted again. Each figure is a median with its range, in seconds since the file was in its place.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
import browser  # noqa: E402
import harness  # noqa: E402

DRAWN = """(before) => new Promise((done) => {
  let begun;
  setTimeout(() => done(null), 60_000);
  const look = () => {
    if (turn > before) begun ??= Date.now();
    if (begun && !isRunning && rows.every((row) => row.state !== null))
      requestAnimationFrame(() => setTimeout(() => done([begun, Date.now()])));
    else setTimeout(look, 4);
  };
  look();
})"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("prompt", nargs="?", default="Once upon a time")
    parser.add_argument("--model", default=str(ROOT / "models" / "tales"))
    parser.add_argument("--tokens", default="8")
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args()
    asked = [options.prompt, "--model", options.model, "--tokens", options.tokens]
    with tempfile.TemporaryDirectory() as folder:
        file = harness.house(Path(folder)) / "easygpt2.py"
        command = [sys.executable, "walkthrough.py", "--live", *asked]
        server = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, encoding="utf-8")
        try:
            url = server.stdout.readline().split()[1]
            with browser.chromium() as chromium:
                found = measure(chromium, url, file, options.runs)
        finally:
            server.terminate()
            server.wait()
    print(f"| {options.prompt!r}, {Path(options.model).name} | median | range |\n|---|---|---|")
    for name, seconds in zip(["saved to begun", "saved to drawn"], zip(*found)):
        least, median, most = min(seconds), statistics.median(seconds), max(seconds)
        print(f"| {name} | {median:.2f} s | {least:.2f} to {most:.2f} |")


def measure(chromium, url, file, runs):
    """Return [(seconds until the run has begun, seconds until all is drawn)] of `runs` saves."""
    tab, found = chromium.new_page(viewport={"width": 1280, "height": 800}), []
    tab.goto(url)
    tab.evaluate(DRAWN, 0)
    for n in range(1, runs + 2):
        text = harness.SOURCE.replace(
            "words = []\n", "# Another line.\n" * (n % 2) + "words = []\n"
        )
        staged = file.with_suffix(".new")
        staged.write_text(text, "utf-8")
        turn = tab.evaluate("turn")
        tab.wait_for_timeout(300)  # the process for the next run is ready
        os.replace(staged, file)
        saved = time.time()
        times = tab.evaluate(DRAWN, turn)
        assert tab.evaluate("data.source") == text
        found.append([one / 1000 - saved for one in times])
    return found[1:]


if __name__ == "__main__":
    main()
