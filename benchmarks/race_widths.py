"""Whether SELU's lead over ReLU in the deep race of question 3 depends on the width.

    python -m benchmarks.race_widths --out benchmarks/results/race_widths.json

repeats the race of claims Q3.5 and Q3.7 with narrower and wider layers.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from lightning_cifar.files import write_text_atomically
from theory.selu.convergence import Contender, run_race
from theory.selu.race_evidence import DEEP, RELU_SIDE, SELU_SIDE, ahead

WIDTHS, NETWORKS = (8, 32, 100), 32


def main() -> None:
    """Race, print and record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="file of the record")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = {
        "depth": DEEP.depth,
        "networks": NETWORKS,
        "widths": {
            str(width): raced(SELU_SIDE, RELU_SIDE, width, networks=NETWORKS) for width in WIDTHS
        },
    }
    print("\n".join(section(found)))
    if options.out:
        write_text_atomically(options.out, json.dumps(found, indent=1) + "\n")


def raced(own: Contender, rival: Contender, width: int, *, networks: int) -> dict[str, float]:
    """Shares of ``networks`` in which ``own`` is sooner and has the smaller error; a tie is half.

    Also how many of each side reach the loss at all.
    """
    course = replace(DEEP, width=width)
    one, other = (run_race(side, course, seeds=networks, seed=0) for side in (own, rival))
    reached = (
        sum(steps <= course.steps for steps in each.steps_to_target) for each in (one, other)
    )
    return {
        "sooner": ahead(one.steps_to_target, other.steps_to_target),
        "smaller_error": ahead(one.held_out_error, other.held_out_error),
        **dict(zip(("own_reached", "rival_reached"), reached, strict=True)),
    }


def section(found: Mapping[str, Any]) -> list[str]:
    """For the page of benchmarks."""
    rows = [
        f"| {width} | {each['sooner']:.2f} | {each['smaller_error']:.2f} "
        f"| {each['own_reached']} | {each['rival_reached']} |"
        for width, each in found["widths"].items()
    ]
    return [
        "## SELU against ReLU by width",
        "",
        f"The deep race of claims Q3.5 and Q3.7 ({found['depth']} hidden layers, "
        f"{found['networks']} networks of each side), at three widths: shares of the networks in "
        "which SELU is ahead, and how many reach the training loss.",
        "",
        "| width | sooner at the loss | smaller error on fresh inputs | SELU reaches it "
        "| ReLU reaches it |",
        "|---|---|---|---|---|",
        *rows,
        "",
        "`python -m benchmarks.race_widths --out benchmarks/results/race_widths.json`",
    ]


if __name__ == "__main__":
    main()
