"""docs/real_network.md, its figures and what the claims cite, from the records.

    python -m benchmarks.real_network.page

What the claims cite goes into theory/real_network.json, which the theory reads.
"""

import json
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


def main() -> None:
    """Write all of it."""
    records = read_records()
    write_text_atomically(PAGE, page(records))
    write_text_atomically(CITED, cited_text(records))
    for name, (file, draw, _) in FIGURES.items():
        if name in records:
            save(draw(records[name]), str(PAGE.parent / file))


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
    """The whole page."""
    sections = told(records)
    first = next(iter(records.values()))
    settings = first["settings"]
    every = [(each, part) for part, (_, section) in sections.items() for each in section.findings]
    against = [f"{each.claim} ({part})" for each, part in every if each.agrees is False]
    minutes = sum(record["seconds"] for record in records.values()) / 60
    parts = [
        "# Theory on the exercise's own network",
        "Written by `python -m benchmarks.real_network.page` from the records in "
        "`benchmarks/results/real_network/`. They were made by",
        "```\npython -m benchmarks.real_network --path cifar10-jpeg.zip \\\n"
        f"    --out benchmarks/results/real_network --images {settings['images']} \\\n"
        f"    --seeds {len(settings['seeds'])} --epochs {settings['epochs']}\n```",
        "The [seven answers](ANSWERS.md) rest on experiments that are small, so that anyone can "
        f"repeat them in seconds. Here the same questions are put to {settings['depth']} hidden "
        f"layers of {settings['width']} units and to pictures: {settings['images']:,} training "
        "images of a JPEG copy of CIFAR-10 (quality 75), "
        f"{settings['validation_images']:,} validation images on which all accuracies are "
        f"measured, {settings['epochs']} epochs, batch {settings['batch_size']}, "
        f"{len(settings['seeds'])} seeds unless another number is named. Runs are short: what is "
        "compared is the start of training. The test images are not touched. Rates are searched "
        "with another seed, by the validation loss after one epoch. Differences are paired by "
        "seed; intervals and p values are those of the exact sign-flip test, corrected by Holm's "
        "method within each list. The optimiser is NAdam where no other is named.",
        f"All records took {minutes:.0f} minutes on {first['device']}, other work beside them.",
        f"**{len(every)} findings bear on a claim; {len(against)} do not bear out the verdict of "
        f"the small experiment**{': ' + ', '.join(against) if against else ''}.",
        *(written(part, *each, records) for part, each in sections.items()),
    ]
    return "\n\n".join(parts) + "\n"


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
    main()
