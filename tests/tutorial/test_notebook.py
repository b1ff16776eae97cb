"""easygpt2.py as a notebook: opened by Jupytext, run cell by cell as docs/cells.md says."""

import re
import shlex

import pytest

import harness

pytest.importorskip("ipykernel", reason="needs pip install --group notebook")
jupytext = pytest.importorskip("jupytext", reason="needs pip install --group notebook")
nbclient = pytest.importorskip("nbclient", reason="needs pip install --group notebook")


def test_cells_run_to_the_end(monkeypatch):
    import nbformat

    notebook = jupytext.read(harness.PROGRAM)
    titles = [cell.metadata.get("title", "") for cell in notebook.cells]
    assert sum(title.startswith("Step") for title in titles) == 16  # 12 to 14 are one
    page = (harness.ROOT / "docs" / "cells.md").read_text("utf-8")
    first = re.search(r"^    (import sys; sys\.argv = (.+))$", page, re.M)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(first[1]))
    resources = {"metadata": {"path": harness.ROOT}}
    nbclient.NotebookClient(notebook, kernel_name="python3", resources=resources).execute()
    outputs = [output for cell in notebook.cells for output in cell.outputs]
    shown = "".join(output.text for output in outputs if output.name == "stdout")
    arguments = shlex.split(first[2].strip("[]").replace(",", ""))[1:]
    assert shown == harness.command(*arguments).stdout
