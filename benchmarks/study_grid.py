"""The grids of learning rates, as a study's report reads them.

    python benchmarks/study_grid.py --out benchmarks/results/study/grid.json

The grids are those of benchmarks/learning_rate_search.py: twelve rates a factor 2 apart, each from
the same weights.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from lightning_cifar.files import write_text_atomically

GRIDS = Path("benchmarks/results/learning_rate_search")


def main() -> None:
    """Write one file of all variants' grids."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--grids", type=Path, default=GRIDS, help="folder of grid_VARIANT.json")
    parser.add_argument("--out", type=Path, required=True, help="grid.json of a study's folder")
    options = parser.parse_args()
    files = sorted(options.grids.glob("grid_*.json"))
    grids = {
        file.stem.removeprefix("grid_"): points(json.loads(file.read_text())) for file in files
    }
    write_text_atomically(options.out, json.dumps(grids, indent=1) + "\n")


def points(grid: dict[str, Any]) -> list[dict[str, Any]]:
    """Rate, accuracy and loss at the best epoch, and why the run ended; a point for each rate."""
    return [
        {
            "rate": run["rate"],
            "accuracy": run["accuracy"],
            "val_loss": min(run["val_losses"]),
            "stop_reason": run["stop_reason"],
        }
        for run in grid["runs"]
    ]


if __name__ == "__main__":
    main()
