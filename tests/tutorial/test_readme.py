"""README.md: its commands and outputs, its map of the steps, its headline; and docs/cells.md."""

import re
import shlex

import pytest

import harness
import readme

PAGES = [
    "docs/cells.md",
    "docs/exactness.md",
    "docs/exercises.md",
    "docs/lesson.md",
    "training/README.md",
    "training/RECIPE.md",
    "models/tales/MODEL_CARD.md",
]
TEXT = readme.README.read_text("utf-8")


def arguments_of(command):
    return shlex.split(command.split("&& ")[-1])[2:]


def test_commands_on_tales_print_what_readme_says():
    shown = [(command, output) for command, output in readme.commands() if "easygpt2.py" in command]
    assert len(shown) == 3
    for command, output in shown:
        if "Turing" in command:
            continue  # the headline is OpenAI's: see below
        arguments = arguments_of(command)
        arguments += ["--model", "tales"] if "--help" not in arguments else []
        done = harness.command(*arguments, cwd=harness.ROOT)
        assert done.returncode == 0, done.stderr
        assert done.stdout == output, command


def test_walkthrough_prints_what_readme_says(tmp_path):
    command, output = next(pair for pair in readme.commands() if "walkthrough.py" in pair[0])
    page = tmp_path / "walkthrough.html"
    program = harness.ROOT / "walkthrough.py"
    arguments = [*arguments_of(command), "--out", str(page)]
    done = harness.command(*arguments, program=program, cwd=harness.ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.replace(str(page), page.name) == output


def test_a_console_shows_what_the_page_on_cells_says():
    cells = (harness.ROOT / "docs" / "cells.md").read_text("utf-8")
    command, typed = re.search(r"^```pycon\n\$ (.+)\n((?:.+\n)+?)```", cells, re.M).groups()
    assert "python -i easygpt2.py" in command and "python -i easygpt2.py" in TEXT
    lines = re.findall(r"^>>> (.+)\n((?:(?!>>> ).+\n)+)", typed, re.M)
    entered = "".join(f"{line}\n" for line, _ in lines)
    done = harness.command(*shlex.split(command)[3:], flags=["-i"], input=entered)
    assert done.stdout.endswith("".join(shown for _, shown in lines)), done.stderr
    assert len(done.stdout.splitlines()) == 5 + len(lines) == 8


def test_the_environment_is_activated_before_python_is_typed():
    names = [command.split()[0] for command, _ in readme.commands()]
    assert names[:2] == ["python3", "source"] and set(names[2:]) == {"python"}


def test_headline_is_what_the_real_model_gives(openai_figures):
    known = openai_figures["greedy"][0]
    output = next(output for command, output in readme.commands() if "Turing" in command)
    n_prompt = len(known["ids"]) - 8
    assert output.splitlines() == [
        f"Input: {known['prompt']}",
        f"Tokens: {known['ids'][:n_prompt]}",
        "Loading tensors",
        f"Generated tokens: {known['ids']}",
        f"Output: {known['text']}",
    ]


def test_map_of_the_steps():
    rows = re.findall(r"^\| (\d+) \| \[(.+)\]\(easygpt2\.py#L(\d+)\) \| .+ \|$", TEXT, re.M)
    lines = harness.SOURCE.splitlines()
    titles = [
        (n, lines[line - 1].split(". ", 1)[1], line) for n, (line, _) in harness.steps().items()
    ]
    assert [(int(n), title, int(line)) for n, title, line in rows] == titles and len(titles) == 18


def test_figures_of_the_file():
    assert f"file of {len(harness.SOURCE.splitlines())} lines" in TEXT


@pytest.mark.parametrize("name", ["README.md", *PAGES])
def test_links_inside_the_project_lead_somewhere(name):
    text = (harness.ROOT / name).read_text("utf-8")
    targets = re.findall(r"\]\((?!http)([^)]+)", text) + re.findall(r'src(?:set)?="([^"]+)"', text)
    assert targets
    for target in targets:
        path, _, place = target.partition("#")
        page = (harness.ROOT / name).parent / path if path else harness.ROOT / name
        assert page.exists(), target
        if place and page.suffix == ".md":
            assert place in map(anchor, re.findall("^#+ (.+)", page.read_text("utf-8"), re.M)), (
                target
            )


def anchor(heading):
    """Return the name by which GitHub links to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
