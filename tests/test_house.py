"""The house: which way imports point, how long a function may be, and what the workflow runs."""

import ast
import re

import pytest

import harness

FILES = sorted(
    path.relative_to(harness.ROOT)
    for folder in (".", "tools", "training", "benchmarks", "docs", "tests")
    for path in (harness.ROOT / folder).glob("*.py" if folder == "." else "**/*.py")
)
NODES = {path: ast.parse((harness.ROOT / path).read_text("utf-8")) for path in FILES}
ROOT = {path.stem for path in FILES if len(path.parts) == 1}


def imported(path):
    """Return the first two parts of the modules that a file imports, anywhere in it."""
    names = []
    for node in ast.walk(NODES[path]):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return {tuple(name.split(".")[:2]) for name in names}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_point_one_way(path):
    """From commands down to tools; nothing computes GPT-2 but the tutorial, which is alone."""
    found = {name[0] for name in imported(path)}
    if str(path) == "easygpt2.py":
        assert found == {"json", "numpy", "struct", "sys"}
    elif path.parts[0] != "tests":
        assert not found & ROOT
    if path.parts[0] == "tools":
        assert "tests" not in found and "training" not in found
    if path.name in ("recorder.py", "command.py"):
        assert "tools" not in found


@pytest.mark.parametrize("path", FILES, ids=str)
def test_no_function_is_longer_than_60_lines(path):
    for node in ast.walk(NODES[path]):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = node.end_lineno - node.lineno + 1
            assert length <= 60, f"{node.name} has {length} lines"


def test_actions_of_the_workflows_are_pinned_by_hash():
    """A tag can be moved to other code; a commit cannot."""
    for path in (harness.ROOT / ".github" / "workflows").glob("*.yml"):
        used = re.findall(r"uses: (.+)", path.read_text("utf-8"))
        assert used
        for action in used:
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v[\d.]+", action), action
