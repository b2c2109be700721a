"""The notebooks: run as they stand, smaller; their outputs are small and belong to their cells."""

import json
import os
import re
from pathlib import Path

import pytest
from image_forms import class_folders, drawn
from processes import ended

FOLDER = Path(__file__).parent.parent / "notebooks"
NAMES = ("exercise", "theory")
# What makes the exercise quick, and nothing else.
SMALLER = {
    "EPOCHS, PATIENCE = 8, 3": "EPOCHS, PATIENCE = 2, 1",
    '{"candidates": 4, "epochs": 2}': '{"candidates": 2, "epochs": 1}',
    "DEPTH, WIDTH = 20, 100": "DEPTH, WIDTH = 3, 8",
    "samples=30": "samples=2",
}

LARGEST = 300_000


def cells_of(name):
    notebook = json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    return notebook["cells"]


def code_of(name):
    cells = [cell for cell in cells_of(name) if cell["cell_type"] == "code"]
    return "\n\n".join("".join(cell["source"]) for cell in cells)


def faults_of(text):
    """What must not be in a notebook that is kept, with the outputs of one run or without any."""
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    outputs = [output for cell in cells for output in cell["outputs"]]
    counts = [cell["execution_count"] for cell in cells]
    fresh = not outputs and not any(counts)
    faults = ["too large"] if len(text.encode()) > LARGEST else []
    if not fresh and counts != [*range(1, len(cells) + 1)]:
        faults.append("not run in order")
    if not fresh and not any("image/png" in output.get("data", {}) for output in outputs):
        faults.append("no picture")
    if any(output["output_type"] == "error" for output in outputs):
        faults.append("an error")
    if re.search(r"/(home|root|Users|work|tmp)/", text):
        faults.append("a path")
    return faults


@pytest.mark.parametrize("name", NAMES)
def test_what_is_kept_is_small_complete_and_of_no_machine(name):
    assert faults_of((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")) == []


PICTURE = {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo="}}
WORDS = {"output_type": "stream", "text": ["accuracy 30%"]}


def notebook(*cells, text=""):
    """A notebook of code cells, each with its number and its outputs."""
    code = [
        {"cell_type": "code", "source": [text], "execution_count": count, "outputs": list(outputs)}
        for count, *outputs in cells
    ]
    return json.dumps({"nbformat": 4, "cells": code})


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (notebook((None,), (None,)), []),
        (notebook((1, WORDS), (2, PICTURE)), []),
        (notebook((1, WORDS), (9, PICTURE)), ["not run in order"]),
        (notebook((1, PICTURE), (None,)), ["not run in order"]),
        (notebook((1, WORDS), (2,)), ["no picture"]),
        (notebook((1, PICTURE), (2, {"output_type": "error"})), ["an error"]),
        (notebook((1, PICTURE), text="/home/somebody/runs"), ["a path"]),
        (notebook((1, PICTURE), text="x" * LARGEST), ["too large"]),
    ],
)
def test_faults_of_a_notebook_are_noticed(text, faults):
    assert faults_of(text) == faults


def ran(name, tmp_path, changes):
    """Run the cells as plain Python in a fresh process."""
    code = code_of(name)
    for whole, small in changes.items():
        assert whole in code
        code = code.replace(whole, small)
    code = code.replace("from IPython.display import Image, display", "Image, display = bytes, len")
    quiet = {"MPLBACKEND": "Agg", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    code, _, error = ended("-c", code, cwd=tmp_path, env=os.environ | quiet)
    assert code == 0, error[-2000:]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_cells_run_from_top_to_bottom(name, tmp_path):
    """`make notebooks` runs them in a kernel, at full size."""
    ran(name, tmp_path, SMALLER if name == "exercise" else {})


@pytest.mark.slow
@pytest.mark.parametrize("classes", [3, 12])
def test_the_exercise_runs_on_pictures_of_ones_own(classes, tmp_path):
    names = [f"class {number}" for number in range(classes)]
    class_folders(drawn(12, 2, classes=classes), tmp_path / "pictures", names=names)
    own = {'{"source": "synthetic"}': '{"path": "pictures", "image_size": 24}'}
    ran("exercise", tmp_path, SMALLER | own)
