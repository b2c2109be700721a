"""The notebooks: run as they stand, smaller; their outputs are small and belong to their cells."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from commands import environment

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
    """What must not be in a notebook that is kept."""
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    faults = ["too large"] if len(text.encode()) > LARGEST else []
    faults += (
        ["not run in order"]
        if [each["execution_count"] for each in cells] != [*range(1, len(cells) + 1)]
        else []
    )
    kinds = [output["output_type"] for cell in cells for output in cell["outputs"]]
    faults += ["an error"] if "error" in kinds else []
    faults += ["a path"] if re.search(r"/(home|root|Users|work|tmp)/", text) else []
    return faults


@pytest.mark.parametrize("name", NAMES)
def test_kept_outputs_are_small_complete_and_of_no_machine(name):
    text = (FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")
    assert faults_of(text) == []
    assert "image/png" in text


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ('"execution_count": 2', '"execution_count": 9', "not run in order"),
        ('"output_type": "stream"', '"output_type": "error"', "an error"),
        ("validation accuracy", "/home/somebody/runs", "a path"),
        ("\n", "\n" + " " * 3000, "too large"),
    ],
)
def test_control_faults_are_noticed(before, after, fault):
    text = (FOLDER / "exercise.ipynb").read_text(encoding="utf-8")
    assert before in text
    assert fault in faults_of(text.replace(before, after))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_cells_run_from_top_to_bottom(name, tmp_path):
    """As plain Python in a fresh process; `make notebooks` runs them in a kernel, at full size."""
    code = code_of(name)
    for whole, small in SMALLER.items() if name == "exercise" else ():
        assert whole in code
        code = code.replace(whole, small)
    code = code.replace("from IPython.display import Image, display", "Image, display = bytes, len")
    quiet = {"MPLBACKEND": "Agg", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment() | quiet | {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
