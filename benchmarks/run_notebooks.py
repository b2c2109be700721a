"""Run the notebooks from top to bottom and keep what they print and draw.

    python benchmarks/run_notebooks.py notebooks/exercise.ipynb notebooks/theory.ipynb

Needs the extra ``notebooks``. A cell that fails ends the run with its error. ``--check`` runs them
and writes nothing.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).parent.parent
LARGEST = 300_000  # bytes of a notebook with its outputs


def main() -> int:
    """Run the notebooks named; 1 if one cannot be kept as it is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("paths", type=Path, nargs="+", metavar="NOTEBOOK")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    failed = 0
    for path in options.paths:
        started = time.monotonic()
        notebook = executed(nbformat.read(path, as_version=4))
        text = nbformat.writes(notebook, indent=1) + "\n"
        faults = faults_of(text)
        failed |= bool(faults)
        if not options.check and not faults:
            path.write_text(text, encoding="utf-8")
        seconds = time.monotonic() - started
        print(f"{path}: {seconds:.0f} s, {len(text):,} bytes{faults}", flush=True)
    return failed


def executed(notebook: NotebookNode) -> NotebookNode:
    """The notebook with the outputs of a run in an empty folder, without clocks and messages."""
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(notebook, resources={"metadata": {"path": folder}}).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times
        if cell.cell_type == "code":
            cell.outputs = [each for each in cell.outputs if each.get("name") != "stderr"]
    # Of the machine, not of the notebook.
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def faults_of(text: str) -> str:
    """Why a notebook may not be kept; empty if it may."""
    faults = []
    if len(text) > LARGEST:
        faults.append(f"larger than {LARGEST:,} bytes")
    faults += [f"names {path}" for path in (str(ROOT), str(Path.home())) if path in text]
    return "".join(f"; {fault}" for fault in faults)


if __name__ == "__main__":
    sys.exit(main())
