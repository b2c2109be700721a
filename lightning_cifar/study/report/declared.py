"""Which comparisons are made: those that the plan declared, and families that every report holds.

Families are corrected apart: the declared one answers the exercise, the others belong to a question
of their own. None is chosen by looking at results.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lightning_cifar.study.report.contrasts import Contrast, Finding, Side, judge
from lightning_cifar.study.report.measures import (
    MEASURES,
    SCORES,
    Measure,
    epochs_to_loss,
    seconds_to_loss,
    validation_loss,
    way_measure,
)
from lightning_cifar.study.report.study_files import PLAN_FILE, Study

MAIN, ONE_CYCLE, AUGMENTED, PUBLISHED = "exercise", "one_cycle", "augmented", "published"
# Whose gap the published figures are about.
PAIRS = (("batch_norm", "elu"), ("selu", "elu"))
VARIANTS = ("elu", "batch_norm", "selu", "alpha_dropout")
MARGIN = 1.0  # points of accuracy; one image in a hundred
REACHED_BY = 0.9  # share of the runs of either side that the loss to reach is chosen for
LOSS_STEP = 0.05
DECLARED = "declared in the plan"
# The exercise's own comparisons: made even where the plan is lost or names others.
EXERCISE: tuple[dict[str, Any], ...] = (
    {"question": "8c model", "first": "batch_norm", "second": "elu"},
    {"question": "8c", "first": "batch_norm", "second": "elu", "measure": "epochs_to_loss"},
    {"question": "8d", "first": "selu", "second": "batch_norm"},
    {"question": "8d", "first": "selu", "second": "elu"},
    {"question": "8e", "first": "alpha_dropout", "second": "selu"},
)


class Findings:
    """All findings of a study, found again by who is compared with whom on what."""

    def __init__(self, families: Mapping[str, list[Finding]]) -> None:
        self.families = families

    def find(self, first: str, second: str, measure: str, *set_ups: str) -> Finding | None:
        """The finding of two variants; ``set_ups`` of the first and, if another, of the second."""
        wanted = ((first, set_ups[0]), (second, set_ups[-1]), measure)
        return next((found for found in self.all() if signature(found.contrast) == wanted), None)

    def all(self) -> Iterator[Finding]:
        """Every finding, the declared ones first."""
        for family in self.families.values():
            yield from family


def signature(contrast: Contrast) -> tuple[tuple[str, str], tuple[str, str], str]:
    """Who is compared with whom on what."""
    first, second = contrast.first, contrast.second
    return (first.variant, first.set_up), (second.variant, second.set_up), first.measure.key


def all_findings(study: Study) -> Findings:
    """Judge the declared family and those of the further questions."""
    declared = declared_contrasts(study)
    known = {signature(contrast) for contrast in declared}
    families = {DECLARED: judge(study, declared)} if declared else {}
    for name, contrasts in further_families(study).items():
        new = [contrast for contrast in contrasts if signature(contrast) not in known]
        if new:
            families[name] = judge(study, new)
    return Findings(families)


def declared_contrasts(study: Study) -> list[Contrast]:
    """The plan's comparisons in their order; what cannot be read is left out, see ``unread``."""
    return [contrast_of(study, entry) for entry in entries(study) if is_readable(entry)]


def entries(study: Study) -> list[Any]:
    """The plan's comparisons as they are written."""
    listed = study.plan.get("comparisons")
    return listed if isinstance(listed, list) else []


def unread(study: Study) -> list[str]:
    """A line for each comparison of the plan that this report cannot make."""
    return [
        f"comparison {number} of {PLAN_FILE} cannot be made here: its measure must be one of "
        f"{', '.join([*MEASURES, 'epochs_to_loss'])}"
        for number, entry in enumerate(entries(study), 1)
        if not is_readable(entry)
    ]


def is_readable(entry: Any) -> bool:
    """Whether a comparison names two sides and a measure known here, with sound numbers."""
    if not isinstance(entry, Mapping):
        return False
    known = entry.get("measure") in MEASURES or entry.get("measure") == "epochs_to_loss"
    numbers = [entry[key] for key in ("margin", "loss") if entry.get(key) is not None]
    sound = all(isinstance(each, int | float) and each > 0 for each in numbers)
    return (
        known
        and sound
        and isinstance(entry.get("first"), str)
        and isinstance(entry.get("second"), str)
    )


def contrast_of(study: Study, entry: Mapping[str, Any]) -> Contrast:
    """A contrast from a plan's words; a side is "variant" or "set_up/variant"."""
    first, second = (cell_of(entry[key], entry) for key in ("first", "second"))
    tested = entry.get("tested", True) is True
    measure = MEASURES.get(entry.get("measure", "test_accuracy"))
    if measure is None:
        loss = entry.get("loss")
        measure = epochs_to_loss(shared_loss(study, first, second) if loss is None else loss)
    return Contrast(
        str(entry.get("question", "")),
        Side(first[1], first[0], measure),
        Side(second[1], second[0], measure),
        entry.get("margin") or default_margin(measure, tested=tested),
        tested=tested,
    )


def default_margin(measure: Measure, *, tested: bool) -> float | None:
    """Of accuracy on the test images every tested difference has one, the plan's or this."""
    return MARGIN if tested and measure.key == "test_accuracy" else None


def cell_of(name: str, entry: Mapping[str, Any]) -> tuple[str, str]:
    """Set-up and variant of one side."""
    set_up, slash, variant = name.partition("/")
    return (set_up, variant) if slash else (str(entry.get("set_up") or MAIN), name)


def shared_loss(study: Study, *cells: tuple[str, str]) -> float:
    """The loss to reach: the lowest multiple of 0.05 that nine tenths of each side's runs reach.

    A rule of both sides' results together, so that neither is favoured; NaN if a side has no run.
    """
    lowest = []
    for cell in cells:
        losses = sorted(validation_loss(record) for record in study.runs(*cell))
        finite = [loss for loss in losses if math.isfinite(loss)]
        if not finite:
            return math.nan
        lowest.append(finite[math.ceil(REACHED_BY * len(finite)) - 1])
    return round(math.ceil(max(lowest) / LOSS_STEP - 1e-9) * LOSS_STEP, 2)


def further_families(study: Study) -> dict[str, list[Contrast]]:
    """The families of questions that the exercise asks beside its comparisons of variants."""
    accuracy, validated = MEASURES["test_accuracy"], MEASURES["val_accuracy"]
    return {
        "of the exercise": [contrast_of(study, entry) for entry in EXERCISE],
        "seconds to a loss": list(speed(study)),
        "Monte Carlo dropout": list(monte_carlo(MAIN)),
        "1cycle": [across(variant, ONE_CYCLE, MAIN, accuracy) for variant in VARIANTS],
        "augmentation": [described(across("batch_norm", AUGMENTED, ONE_CYCLE, accuracy))],
        "published set-up": [
            *(described(across(each, PUBLISHED, MAIN, validated)) for each in VARIANTS),
            *(described(within(*pair, PUBLISHED, validated)) for pair in PAIRS),
            *(described(within(*pair, MAIN, validated)) for pair in PAIRS),
        ],
    }


def described(contrast: Contrast) -> Contrast:
    """The same without a test: of the few seeds of a costly set-up none could come out."""
    return replace(contrast, tested=False)


def across(variant: str, first: str, second: str, measure: Measure) -> Contrast:
    """One variant under two set-ups."""
    return Contrast("", Side(variant, first, measure), Side(variant, second, measure))


def within(first: str, second: str, set_up: str, measure: Measure) -> Contrast:
    """Two variants under one set-up."""
    return Contrast("", Side(first, set_up, measure), Side(second, set_up, measure))


def speed(study: Study) -> Iterator[Contrast]:
    """Seconds of a single fit to the loss of the convergence question, if a cost was measured."""
    seconds = study.cost.seconds.get(batch_size(study)) if study.cost else None
    if seconds:
        reach = declared_loss(study)
        yield within("batch_norm", "elu", MAIN, seconds_to_loss(reach, dict(seconds)))


def declared_loss(study: Study) -> float:
    """The loss to reach of the convergence question: the plan's, or that of the rule."""
    given = (contrast_of(study, entry) for entry in entries(study) if is_readable(entry))
    wanted = (("batch_norm", MAIN), ("elu", MAIN), "epochs_to_loss")
    found = (contrast for contrast in given if signature(contrast) == wanted)
    contrast = next(found, None)
    if contrast is None or contrast.measure.threshold is None:
        return shared_loss(study, (MAIN, "batch_norm"), (MAIN, "elu"))
    return contrast.measure.threshold


def batch_size(study: Study) -> int:
    """Of the runs of the exercise; 0 if unknown."""
    sizes = [
        (record.run.config.get("data") or {}).get("batch_size", 0)
        for record in study.records
        if record.set_up == MAIN
    ]
    return int(np.median(sizes)) if sizes else 0


def monte_carlo(set_up: str) -> Iterator[Contrast]:
    """Monte Carlo dropout against the plain prediction and against temperature scaling."""
    for other in ("deterministic", "temperature"):
        for score in SCORES:
            first = Side("alpha_dropout", set_up, way_measure("monte_carlo", score))
            second = Side("alpha_dropout", set_up, way_measure(other, score))
            yield Contrast(other, first, second)
