"""README.md: its commands and outputs, its map of the steps, its headline."""

import re
import shlex

import harness
import readme
import test_text

TEXT = readme.README.read_text("utf-8")


def arguments_of(command):
    words = shlex.split(command.split("&& ")[-1])
    assert words[1] == "easygpt2.py"
    return words[2:]


def test_commands_on_tales_print_what_readme_says():
    shown = [(command, output) for command, output in readme.commands() if "easygpt2.py" in command]
    assert len(shown) == 4
    for command, output in shown:
        if "Turing" in command:
            continue  # the headline is OpenAI's: see below
        arguments = arguments_of(command)
        arguments += [] if "--model" in arguments else ["--model", str(harness.TALES)]
        done = harness.command(*arguments, cwd=harness.ROOT)
        assert done.returncode == 0, done.stderr
        assert done.stdout == output, command


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
    lines = harness.steps()
    assert [(int(n), title, int(line)) for n, title, line in rows] == [
        (n, title, lines[n][0]) for n, title in enumerate(test_text.TITLES, 1)
    ]


def test_figures_of_the_file():
    assert f"file of {len(harness.SOURCE.splitlines())} lines" in TEXT


def test_links_inside_the_project_lead_somewhere():
    for target in re.findall(r"\]\((?!http)([^)#]+)", TEXT):
        assert (harness.ROOT / target).exists(), target
