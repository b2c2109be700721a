"""The grids of learning rates, as a study's report reads them.

    python benchmarks/study_grid.py --out benchmarks/results/study/grid.json

The grids are those of benchmarks/learning_rate_search.py.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from lightning_cifar.files import write_text_atomically

GRIDS = Path("benchmarks/results/learning_rate_search")
ORDER = ("exercise", "one_cycle")
VARIANTS = ("elu", "batch_norm", "selu", "alpha_dropout")


def main() -> None:
    """Write one file of all grids, by set-up and variant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--grids", type=Path, default=GRIDS, help="folder of SET_UP-VARIANT.json")
    parser.add_argument("--out", type=Path, required=True, help="grid.json of a study's folder")
    options = parser.parse_args()
    grids = {
        f"{set_up}/{variant}": fields(json.loads(file.read_text()))
        for set_up in ORDER
        for variant in VARIANTS
        if (file := options.grids / f"{set_up}-{variant}.json").exists()
    }
    write_text_atomically(options.out, json.dumps(grids, indent=1) + "\n")


def fields(result: dict[str, Any]) -> dict[str, Any]:
    """Rate and mean accuracy of each point, and of the rate found."""
    points = [{"rate": each["rate"], "accuracy": each["accuracy"]} for each in result["grid"]]
    found = {"rate": result["found"]["rate"], "accuracy": result["found"]["accuracy"]}
    return {"starts": result["starts"], "grid": points, "found": found}


if __name__ == "__main__":
    main()
