"""docs/real_network.md, its figures and what the claims cite, from the records.

    python -m benchmarks.real_network.page

What the claims cite goes into theory/real_network.json, which the theory reads.
"""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.real_network import (
    depth_sweep,
    q1_equal_start,
    q2_biases,
    q3_q4_telling,
    q5_momentum,
    q6_telling,
    q7_dropout,
)
from benchmarks.real_network.figures import FIGURES, save
from benchmarks.real_network.telling import Record, Told, table
from lightning_cifar.files import write_text_atomically
from theory.ledger import CLAIMS

ROOT = Path(__file__).parents[2]
RECORDS = ROOT / "benchmarks" / "results" / "real_network"
PAGE = ROOT / "docs" / "real_network.md"
CITED = ROOT / "theory" / "real_network.json"

# Experiment -> the sections it gives, by the names under which claims cite them.
SECTIONS: Mapping[str, Mapping[str, Callable[[Record], Told]]] = {
    "q1": {"Q1": q1_equal_start.tell},
    "q2": {"Q2": q2_biases.tell},
    "q3_q4": {"Q3": q3_q4_telling.tell_selu, "Q4": q3_q4_telling.tell_activations},
    "q5": {"Q5": q5_momentum.tell},
    "q6": {"Q6": q6_telling.tell},
    "q7": {"Q7": q7_dropout.tell},
    "depth": {"Depth": depth_sweep.tell},
}
OUTCOMES = {True: "yes", False: "**no**", None: "fits either way"}


def main() -> int:
    """Write all of it; returns the exit status."""
    records = read_records()
    sizes = {json.dumps(each["settings"], sort_keys=True) for each in records.values()}
    if len(sizes) > 1:
        print(
            f"error: the records in {RECORDS} were made with {len(sizes)} different settings; make "
            "them with the same ones",
            file=sys.stderr,
        )
        return 2
    write_text_atomically(PAGE, page(records))
    write_text_atomically(CITED, cited_text(records))
    for name, (file, draw, _) in FIGURES.items():
        if name in records:
            save(draw(records[name]), str(PAGE.parent / file))
    return 0


def read_records() -> dict[str, Record]:
    """Experiment -> its record, of those that are there, in the order of the page."""
    return {
        name: json.loads((RECORDS / f"{name}.json").read_text(encoding="utf-8"))
        for name in SECTIONS
        if (RECORDS / f"{name}.json").exists()
    }


def told(records: Mapping[str, Record]) -> dict[str, tuple[str, Told]]:
    """Section -> its experiment and what it says."""
    return {
        part: (name, tell(record))
        for name, record in records.items()
        for part, tell in SECTIONS[name].items()
    }


def cited_text(records: Mapping[str, Record]) -> str:
    """Claim -> the section, what it says and whether it agrees, as JSON."""
    cited: dict[str, Any] = {
        finding.claim: {"part": part, "text": finding.text, "agrees": finding.agrees}
        for part, (_, section) in told(records).items()
        for finding in section.findings
    }
    ordered = {claim.id: cited[claim.id] for claim in CLAIMS if claim.id in cited}
    return json.dumps(ordered, indent=1, ensure_ascii=False) + "\n"


def page(records: Mapping[str, Record]) -> str:
    """The whole page; what has no record yet is named."""
    sections = told(records)
    missing = [name for name in SECTIONS if name not in records]
    parts = [
        "# Theory on the exercise's own network",
        "Written by `python -m benchmarks.real_network.page` from the records in "
        "`benchmarks/results/real_network/`, which are made by",
        f"```\npython -m benchmarks.real_network --path cifar10-jpeg.zip \\\n"
        f"    --out benchmarks/results/real_network{options(records)}\n```",
        "The [seven answers](ANSWERS.md) rest on small experiments, which anyone can repeat in "
        "seconds. Here the same questions are asked of the exercise's own network, trained on "
        "pictures. Differences are paired by seed. Intervals and p values are those of the exact "
        "sign-flip test; p values are corrected by Holm's method within each list. Rates are "
        "searched with three other seeds, by the validation loss after one epoch. The optimiser "
        "is NAdam where no other is named.",
        *(summary(records, sections) if records else ()),
        *((f"No record yet: {', '.join(missing)}.",) if missing else ()),
        *(written(part, *each, records) for part, each in sections.items()),
    ]
    return "\n\n".join(parts) + "\n"


def options(records: Mapping[str, Record]) -> str:
    """The sizes with which the records were made, as options of the command."""
    if not records:
        return ""
    settings = next(iter(records.values()))["settings"]
    return (
        f" \\\n    --images {settings['images']} --seeds {len(settings['seeds'])} "
        f"--epochs {settings['epochs']}"
    )


def summary(records: Mapping[str, Record], sections: Mapping[str, tuple[str, Told]]) -> list[str]:
    """Sizes, time, and how many findings bear out the small experiments."""
    first = next(iter(records.values()))
    settings = first["settings"]
    every = [(each, part) for part, (_, section) in sections.items() for each in section.findings]
    against = [f"{each.claim} ({part})" for each, part in every if each.agrees is False]
    seconds = sum(record["seconds"] for record in records.values())
    return [
        f"{settings['depth']} hidden layers of {settings['width']} units; {settings['images']:,} "
        "training images of a JPEG copy of CIFAR-10 (quality 75), "
        f"{settings['validation_images']:,} validation images on which all accuracies are "
        f"measured, {settings['epochs']} epochs, batch {settings['batch_size']}, "
        f"{len(settings['seeds'])} seeds unless another number is named. Runs are short: they "
        "compare how training begins. The test images are not touched.",
        f"All records took {seconds / 60:.0f} minutes on {first['device']}, beside other work.",
        f"**{len(every)} findings bear on a claim; {len(against)} do not bear out the verdict of "
        f"the small experiment**{': ' + ', '.join(against) if against else ''}.",
    ]


def written(part: str, name: str, section: Told, records: Mapping[str, Record]) -> str:
    """One section."""
    verdicts = {claim.id: claim for claim in CLAIMS}
    lines = [f"## {part}: {section.title}", section.set_up]
    if name in FIGURES and part != "Q4":
        file, _, words = FIGURES[name]
        lines.append(f"![{words}]({file})")
    lines += section.tables
    lines.append("### Beside the small experiments")
    lines.append(
        table(
            ("claim", "verdict of the small experiment", "the exercise's network", "agree"),
            [
                (
                    f"{each.claim} {verdicts[each.claim].statement}",
                    verdicts[each.claim].verdict,
                    each.text,
                    OUTCOMES[each.agrees],
                )
                for each in section.findings
            ],
        )
    )
    lines.append(f"`--only {name}`: {records[name]['seconds']} seconds.")
    return "\n\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
