"""8d: does SELU match batch normalisation, and does such a network normalise itself?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightning_cifar.stack.activation_record import ActivationRecord
from lightning_cifar.study.records import StudyRecord
from lightning_cifar.study.report.answer import Answer, Table
from lightning_cifar.study.report.answering import answer_of
from lightning_cifar.study.report.contrasts import MISSING, Finding
from lightning_cifar.study.report.declared import MAIN, VARIANTS, Findings
from lightning_cifar.study.report.study_files import Study
from lightning_cifar.study.report.wording import TONES, comparison_sentences

# The domain of theorem 1 of Klambauer et al. 2017, from which SELU's map leads to (0, 1).
MEANS, VARIANCES = (-0.1, 0.1), (0.8, 1.5)
BEFORE = -1  # the epoch of activations before training
KEEPS, AT_START, NEVER = "yes", "at the start only", "no"
NEEDS = (
    "At least two seeds of both `selu` and `batch_norm` in the set-up `exercise` are needed: "
    "`lightning-cifar study` computes what is missing."
)


def match_answer(findings: Findings) -> Answer:
    """Does SELU reach what batch normalisation reaches?"""
    against_elu = findings.find("selu", "elu", "test_accuracy", MAIN)
    found = findings.find("selu", "batch_norm", "test_accuracy", MAIN)
    return answer_of(
        found,
        key="selu-match",
        part="8d",
        question="Does SELU match batch normalisation?",
        needs=NEEDS,
        after=(match_sentence(found), *plain_comparison(against_elu)),
        figures=("comparisons",),
    )


def match_sentence(found: Finding | None) -> str:
    """What a student asks, in a word."""
    if found is None or found.comparison is None:
        return ""
    margin = f"±{found.contrast.margin:g} points"
    return f"Does it match, to within {margin}? {matches(found)}."


def matches(found: Finding) -> str:
    """Yes where that is shown; no where the whole interval is below the margin."""
    assert found.comparison is not None
    if found.is_equivalent:
        return "Yes"
    below = found.comparison.found and found.comparison.high < -(found.contrast.margin or 0)
    return "No" if below else "That is not shown"


def plain_comparison(found: Finding | None) -> list[str]:
    """SELU against the plain network, beside the question."""
    sentences = comparison_sentences(found)
    return ["Against the plain network: " + " ".join(sentences[:2])] if sentences else []


@dataclass(frozen=True)
class Layers:
    """Means and variances behind each hidden layer, averaged over the runs, (layers,)."""

    means: NDArray[np.float64]
    variances: NDArray[np.float64]

    @property
    def inside(self) -> int:
        """How many layers lie in the domain of the theorem."""
        kept = (self.means >= MEANS[0]) & (self.means <= MEANS[1])
        return int(
            (kept & (self.variances >= VARIANCES[0]) & (self.variances <= VARIANCES[1])).sum()
        )

    @property
    def count(self) -> int:
        """How many layers there are."""
        return len(self.means)


def layers_at(records: Sequence[StudyRecord], moment: str) -> Layers | None:
    """The layers of some runs at the "start", or at the "best" epoch or the last looked at before.

    None if no run was looked at then.
    """
    seen = [found for record in records if (found := looked_at(record, moment)) is not None]
    depths = {len(found.means) for found in seen}
    if len(depths) != 1 or not depths - {0}:
        return None
    means, variances = (
        np.array([getattr(found, name) for found in seen]).mean(0)
        for name in ("means", "variances")
    )
    return Layers(means, variances)


def looked_at(record: StudyRecord, moment: str) -> ActivationRecord | None:
    """The activations of one run at a moment; for "best" those of a trained network."""
    limit = BEFORE if moment == "start" else record.run.best_epoch
    fitting = [found for found in record.activations if found.epoch <= limit]
    trained = [found for found in fitting if (found.epoch > BEFORE) == (moment == "best")]
    return max(trained, key=lambda found: found.epoch, default=None)


def normalising_answer(study: Study) -> Answer:
    """Do the activations keep mean 0 and variance 1, at the start and when trained?"""
    runs = study.runs(MAIN, "selu")
    start, best = layers_at(runs, "start"), layers_at(runs, "best")
    question = "Does the SELU network normalise itself?"
    if start is None or best is None:
        needs = "No activations of `selu` runs in the set-up `exercise` are recorded."
        return Answer("self-normalising", "8d", question, MISSING, TONES[MISSING], (), (), (needs,))
    verdict = normalising_verdict(start, best)
    tone = {KEEPS: "true", AT_START: "depends", NEVER: "false"}[verdict]
    return Answer(
        "self-normalising",
        "8d",
        question,
        verdict,
        tone,
        normalising_sentences(start, best, verdict),
        (activation_table(study),),
        (),
        ("activations",),
    )


def normalising_verdict(start: Layers, best: Layers) -> str:
    """All layers in the domain at both moments, only at the start, or neither."""
    if start.inside < start.count:
        return NEVER
    return KEEPS if best.inside == best.count else AT_START


def normalising_sentences(start: Layers, best: Layers, verdict: str) -> tuple[str, ...]:
    """The layers inside the domain, and the extremes."""
    meaning = {
        KEEPS: "So the network normalises itself, before training and after it.",
        AT_START: "So it starts normalised, as the theory promises, and training leads it away: "
        "nothing in the loss rewards normalised activations.",
        NEVER: "So not even the untrained network is normalised in every layer.",
    }[verdict]
    return (
        "A layer counts as normalised when the mean of its activations lies within ±0.1 and their "
        "variance between 0.8 and 1.5, from where SELU's map leads towards mean 0 and variance 1 "
        "(Klambauer et al. 2017, theorem 1).",
        f"Before training **{start.inside} of {start.count} layers** do ({extremes(start)}); at "
        f"the best epoch, or the last one looked at before it, **{best.inside} of {best.count}** "
        f"({extremes(best)}).",
        meaning,
    )


def extremes(layers: Layers) -> str:
    """The ranges over the layers."""
    return (
        f"means {layers.means.min():+.2f} to {layers.means.max():+.2f}, variances "
        f"{layers.variances.min():.2f} to {layers.variances.max():.2f}"
    )


def activation_table(study: Study) -> Table:
    """The same for every variant."""
    rows = []
    for variant in VARIANTS:
        for moment in ("start", "best"):
            layers = layers_at(study.runs(MAIN, variant), moment)
            if layers is not None:
                when = "before training" if moment == "start" else "best epoch"
                last = f"{layers.means[-1]:+.2f}, {layers.variances[-1]:.2f}"
                inside = f"{layers.inside} of {layers.count}"
                rows.append((f"`{variant}`", when, inside, last, extremes(layers)))
    headings = ("variant", "when", "layers inside", "last layer: mean, variance", "over the layers")
    return Table("Activations behind each hidden layer, averaged over seeds", headings, tuple(rows))
