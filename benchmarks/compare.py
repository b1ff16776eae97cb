# /// script
# requires-python = ">=3.10"
# dependencies = ["ctranslate2", "gguf", "matplotlib", "numpy", "torch", "transformers"]
# ///
"""Measure easygpt2.py beside what a user would run instead, on models of GPT-2's sizes.

usage: python benchmarks/compare.py [--rounds N] [--picogpt FOLDER] [--easygpt2 FOLDER]

Every program continues the same prompts, greedily, with the same random weights, as a command of
its own that prints each id as soon as it has it; what it prints is timed from outside. In each
round the programs run in turn, so that a slow minute of the machine meets them all; those without
a KV cache run in the first round only. What is not installed, or fails, is left out, and the
table says so. `--picogpt` and `--easygpt2` are checkouts of github.com/jaymody/picoGPT and of
github.com/Nitch2024/EasyGPT2.

The figures go to benchmarks/results: figures.json, and what report.py makes of them.
"""

import argparse
import contextlib
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import models
import report

HERE = Path(__file__).resolve().parent
PROMPT, SHORT, LONG = 10, 8, 200  # tokens of the usual prompt, of a short answer, of a long one
LENGTHS = [10, 100, 500, 1000]  # of other prompts, in tokens
AFTER = 9  # new tokens behind those: a median of eight


@dataclass
class Program:
    """One row: a program, the numbers that it computes with, and what it needs."""

    name: str  # what the table calls it
    maker: str  # the function of models.py that makes its model
    kind: str = "float32"
    peer: str = ""  # the function of peers.py that runs it
    packages: tuple = ()  # what must be installed
    checkout: str = ""  # a folder that the user names
    cached: bool = True  # has a KV cache; without one, a long answer takes minutes

    def model(self, size):
        """Return [function of models.py, its arguments] that gives this program's folder."""
        kinds = [self.kind] if self.maker in ("ctranslate2", "llama_cpp") else []
        return [self.maker, size, *kinds]

    def command(self, size, prompt, n_tokens):
        """Return the arguments that make n_tokens after the prompt."""
        folder = models.MODELS / size
        if self.maker == "easygpt2":  # always makes eight
            return ["-u", Path(self.checkout) / "EasyGPT2.py", prompt]
        if not self.peer:
            folder = models.folder_of(self.model(size))
            return [HERE.parent / "easygpt2.py", prompt, "--tokens", n_tokens, "--model", folder]
        command = [HERE / "peers.py", self.peer, self.kind, folder, prompt, n_tokens]
        return [*command, *filter(None, [self.checkout])]


def programs(options):
    """Return ([Program to measure], {name: why not}): installed and built, or named."""
    torch = ("transformers", "torch")  # CTranslate2 needs them to convert
    every = [
        Program(report.OURS, "weights"),
        Program("easygpt2.py, aligned file", "aligned"),  # as download.py and convert.py store it
        Program("transformers", "weights", peer="transformers", packages=torch),
    ]
    for kind in ("float32", "int8"):
        name = "CTranslate2" if kind == "float32" else f"CTranslate2, {kind}"
        every.append(Program(name, "ctranslate2", kind, "ctranslate2", ("ctranslate2", *torch)))
    for kind in ("F32", "F16", "Q8_0"):
        name = "llama.cpp" if kind == "F32" else f"llama.cpp, {kind}"
        every.append(Program(name, "llama_cpp", kind, "llama_cpp", ("llama-cpp-python", "gguf")))
    if options.picogpt:
        packages, folder = ("regex", "safetensors", "tqdm"), options.picogpt
        every.append(Program("picoGPT", "openai", "float32", "picogpt", packages, folder, False))
    if options.easygpt2:
        name, folder = "the original EasyGPT2", options.easygpt2
        every.append(Program(name, "easygpt2", checkout=folder, cached=False))
    there, missing = [], {}
    for program in every:
        lacking = [package for package in program.packages if not version(package)]
        if lacking:
            missing[program.name] = f"not installed: pip install {' '.join(lacking)}"
        else:
            there.append(program)
    return there, missing


class Failed(Exception):
    """A program that was to be measured did not run: the last line of what it said."""


def version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def run(arguments, folder):
    """Run a command and return its figures; what it prints is timed here, outside of it.

    Returns {"whole", "tokens", "first", "token": seconds, "memory": bytes, "ids", "n_prompt"}: from
    its start to its end, and to its `Tokens:` line; from where it begins to generate to the first
    new id; from one id to the next, the median; the largest resident set (None on Windows).
    """
    text, seen, whole, memory = watched(arguments, folder)

    def when(place):
        return next(second for length, second in seen if length >= place)

    tokens = re.search(r"Tokens: \[(.*)\]", text)
    start = re.search(r"Generated tokens: \[", text)
    # The ids stand in one growing list; the original prints the list anew each time.
    ids, times = [], []
    n_prompt = len(tokens[1].split(","))
    for listed in re.finditer(r"Generated tokens: \[([\d, ]*)", text):
        ids = []
        for found in re.finditer(r"\d+", listed[1]):
            ids.append(int(found[0]))
            if len(ids) > n_prompt + len(times):
                times.append(when(listed.start(1) + found.end()))
    seconds = {
        "whole": whole,
        "tokens": when(tokens.end()),
        "first": times[0] - when(start.end()),
        "token": report.median(after - before for before, after in zip(times, times[1:])),
    }
    seconds = {name: round(value, 6) for name, value in seconds.items()}
    return seconds | {"memory": memory, "ids": ids, "n_prompt": n_prompt}


def watched(arguments, folder):
    """Return (what a command prints, [(how much of it, when)], seconds, bytes) of a whole run."""
    began = time.perf_counter()
    with contextlib.ExitStack() as stack:
        # a pipe that nobody empties could fill up
        complaints = stack.enter_context(tempfile.TemporaryFile())
        process = subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=complaints,
            cwd=folder,
            env=os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONIOENCODING": "utf-8"},
        )
        stack.enter_context(process)
        text, seen = "", []
        while data := os.read(process.stdout.fileno(), 1 << 16):
            text += data.decode("utf-8", "replace")
            seen.append((len(text), time.perf_counter() - began))
        memory = None
        if hasattr(os, "wait4"):
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            memory = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        whole = time.perf_counter() - began
        if process.wait():
            complaints.seek(0)
            said = complaints.read().decode("utf-8", "replace").strip().splitlines()
            raise Failed(said[-1] if said else "nothing said")
    return text, seen, whole, memory


def measure(options):
    """Return all figures, ready for JSON: seconds and bytes of each round, and the machine."""
    there, missing = programs(options)
    make([["weights", size] for size in models.SIZES] + [one.model("124M") for one in there])
    rows = {program.name: {"kind": program.kind, "other_ids": []} for program in there}
    floors = {size: [] for size in models.SIZES}
    ids = {}

    def note(program, what, n_prompt, n_tokens):
        if program.name in missing:
            return
        print(f"  {program.name}: {what}", file=sys.stderr)
        folder = models.folder_of(program.model("124M"))
        warm(folder)
        command = program.command("124M", models.prompt_of(n_prompt), n_tokens)
        try:
            found = run(command, folder)  # EasyGPT2 finds its data where it runs
            if found.pop("n_prompt") != n_prompt:
                raise Failed(f"does not find {n_prompt} tokens in the prompt")
        except Failed as failure:
            if program.name == report.OURS:
                raise
            missing[program.name] = f"failed: {failure}"
            del rows[program.name]
            return
        made = found.pop("ids")
        row = rows[program.name]
        known = ids.setdefault(what, made)  # easygpt2.py's in the first round
        if made != known[: n_prompt + n_tokens]:
            row["other_ids"].append(what)
        row.setdefault(what, []).append(found)

    for number in range(options.rounds):
        print(f"Round {number + 1} of {options.rounds}", file=sys.stderr)
        now = [program for program in there if program.cached or number == 0]
        for program in now:
            note(program, "short", PROMPT, SHORT)
        for program in now:
            if program.cached:
                note(program, "long", PROMPT, LONG)
        for size in floors:
            floors[size].append(floor(size))
        for n_prompt in LENGTHS:
            for program in now:
                if program.maker != "easygpt2":
                    n_tokens = AFTER if program.cached else 2  # token by token all anew
                    note(program, f"at {n_prompt}", n_prompt, n_tokens)
    return {
        "machine": machine(),
        "rounds": options.rounds,
        "vocabulary": "OpenAI's" if models.vocabulary() else "that of models/tales, filled up",
        "weights": {size: models.n_bytes(size) for size in models.SIZES},
        "rows": rows,
        "missing": missing,
        "floors": floors,
    }


def make(wanted):
    """Make models in a process of its own: the memory that it takes would be counted for each
    process that this one starts."""
    command = [sys.executable, str(HERE / "models.py"), json.dumps(wanted)]
    subprocess.run(command, check=True)


def floor(size):
    """Return the seconds of a token, and of a pass through the weights beside it, both medians."""
    print(f"  floor at {size}", file=sys.stderr)
    folder = models.weights(size)
    warm(folder)
    arguments = [models.prompt_of(PROMPT), str(LONG), str(folder)]
    command = [sys.executable, str(HERE / "floor.py"), *arguments]
    done = subprocess.run(command, capture_output=True, check=True)
    return {name: round(report.median(all), 6) for name, all in json.loads(done.stdout).items()}


def warm(folder):
    """Read a model's files, so that every program finds them in the system's cache."""
    for path in folder.iterdir():
        if path.is_file():
            with open(path, "rb") as file:
                while file.read(1 << 24):
                    pass


def machine():
    """Return what the figures are of: processor, system and versions."""
    name = platform.processor() or platform.machine()
    about = Path("/proc/cpuinfo")
    if about.exists():
        found = re.search(r"model name\s*: (.*)", about.read_text("utf-8"))
        name = found[1] if found else name
    packages = ["numpy", "torch", "transformers", "ctranslate2", "llama-cpp-python", "tokenizers"]
    return {
        "processor": name,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {package: version(package) for package in packages if version(package)},
        "date": time.strftime("%Y-%m-%d"),
    }


class Parser(argparse.ArgumentParser):
    def error(self, problem):
        """Stop with one line: what is wrong, and what to type next."""
        if "; type: " not in problem:
            problem += "; type: python benchmarks/compare.py --help"
        self.exit(2, f"compare.py: {problem}\n")


def main():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each is run (5)")
    parser.add_argument("--picogpt", metavar="FOLDER", help="a checkout of jaymody/picoGPT")
    parser.add_argument("--easygpt2", metavar="FOLDER", help="a checkout of Nitch2024/EasyGPT2")
    options = parser.parse_args()
    for option, file, url in [
        ("picogpt", "gpt2.py", "https://github.com/jaymody/picoGPT"),
        ("easygpt2", "EasyGPT2.py", "https://github.com/Nitch2024/EasyGPT2"),
    ]:
        folder = getattr(options, option)
        if folder and not (Path(folder) / file).exists():
            parser.error(f"{folder} has no {file}; type: git clone {url}")
        if folder:  # the programs run elsewhere
            setattr(options, option, str(Path(folder).resolve()))
    if options.rounds < 1:
        parser.error(f"--rounds cannot be {options.rounds}")
    if not version("matplotlib"):
        parser.error("no matplotlib to draw with; type: python -m pip install --group benchmark")
    try:
        report.write(measure(options))
    except Failed as failure:
        parser.error(f"{failure}")
    except subprocess.CalledProcessError as failure:
        said = (failure.stderr or b"").decode("utf-8", "replace").strip().splitlines()
        parser.error(f"{Path(failure.cmd[1]).name} failed: {said[-1] if said else 'see above'}")


if __name__ == "__main__":
    main()
