# /// script
# requires-python = ">=3.10"
# dependencies = ["jinja2>=3.1", "numpy>=1.26", "playwright", "pygments>=2.15"]
# ///
"""Measure the page that runs in the browser alone, from loopback, in a Chromium of this machine.

usage: python benchmarks/site.py PYODIDE [--model FOLDER] [--runs N]

PYODIDE is the folder of `python download.py pyodide`. Each figure is a median with its range: from
opening the page, with nothing of it in the browser's cache, to the first own run's values; from Run
to the next run's, also of a changed program and of the one at once behind it, which has a Python of
its own; from Stop to the next Python. --model brings these weights from disk, as the page does, and
says how much memory the browser's processes then take at most (Linux).
"""

import argparse
import contextlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
import browser  # noqa: E402

from tools.live import pyodide  # noqa: E402

PROMPT = "Once upon a time"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pyodide", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    pyodide.check_distribution(options.pyodide)
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "site"
        command = [sys.executable, ROOT / "walkthrough.py", "--site", site]
        command += ["--pyodide", options.pyodide, PROMPT]
        subprocess.run(command, check=True, capture_output=True)
        with browser.served(site) as url, browser.chromium() as chromium:
            print(f"| {PROMPT!r}, 8 tokens | median | range |\n|---|---|---|")
            small(chromium, url, options.runs)
            if options.model:
                large(chromium, url, options.model)


def small(chromium, url, n_runs):
    """Measure runs of models/tales, each in a browser that knows nothing of the page."""
    names = ["Python is there", "first own run", "next run", "run of a change", "at once behind it"]
    found = {name: [] for name in [*names, "next Python"]}
    for _ in range(n_runs):
        with contextlib.closing(chromium.new_context()) as context:
            page = context.new_page()
            began = time.perf_counter()
            page.goto(url)
            until(page, "typeof python !== 'undefined' && python.isReady")
            found["Python is there"].append(time.perf_counter() - began)
            run(page)
            found["first own run"].append(time.perf_counter() - began)
            found["next run"].append(run(page))
            page.evaluate("setProgram(original.replace('n_past = 0', 'n_past = 0  # mine'))")
            found["run of a change"].append(run(page))
            found["at once behind it"].append(run(page))
            page.click("#start")
            began = time.perf_counter()
            page.evaluate("inBrowser.stop()")
            until(page, "python.isReady")
            found["next Python"].append(time.perf_counter() - began)
    for name, seconds in found.items():
        least, most = min(seconds), max(seconds)
        print(f"| {name} | {statistics.median(seconds):.2f} s | {least:.2f} to {most:.2f} |")


def large(chromium, url, model):
    """Measure runs of weights from disk, and the memory that they take."""
    with contextlib.closing(chromium.new_context()) as context:
        page = context.new_page()
        page.goto(url)
        until(page, "typeof python !== 'undefined' && python.isReady")
        before = memory()
        page.evaluate("byId('weights-box').showModal()")
        page.set_input_files("#weights-folder", str(model))
        page.evaluate("byId('weights-box').close()")
        most = [before]
        ended = threading.Event()

        def watch():
            while not ended.wait(0.1):
                most[0] = max(most[0], memory())

        watcher = threading.Thread(target=watch)
        watcher.start()
        first, second = run(page), run(page)
        ended.set()
        watcher.join()
        print(f"| {model.name}, first run | {first:.2f} s | |\n| next run | {second:.2f} s | |")
        print(f"| memory, the browser before | {before / 1e9:.2f} GB | |")
        print(f"| at most | {most[0] / 1e9:.2f} GB | |")


def until(page, condition):
    """Wait until JavaScript says so."""
    while not page.evaluate(condition):
        page.wait_for_timeout(5)


def run(page):
    """Press Run; return the seconds until the values are there."""
    page.evaluate("window.before = current")
    began = time.perf_counter()
    page.click("#start")
    until(page, "!isRunning")
    assert page.evaluate("current !== window.before"), page.inner_text("#run-told")
    return time.perf_counter() - began


def memory():
    """Return the bytes that belong to this process's children and to theirs alone (PSS)."""
    parents, total = {}, 0
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(path.name)] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
    ours = {int(Path("/proc/self").resolve().name)}
    while more := {one for one, parent in parents.items() if parent in ours} - ours:
        ours |= more
    for one in ours:
        with contextlib.suppress(OSError, StopIteration):
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
            total += 1024 * int(next(line for line in lines if line.startswith("Pss:")).split()[1])
    return total


if __name__ == "__main__":
    main()
