"""8c: does batch normalisation converge in fewer epochs, to a better model, at what cost?"""

import math
from collections.abc import Mapping

import numpy as np

from lightning_cifar.study.report.answer import Answer, Table
from lightning_cifar.study.report.answering import answer_of
from lightning_cifar.study.report.contrasts import MISSING, Finding
from lightning_cifar.study.report.declared import (
    MAIN,
    REACHED_BY,
    VARIANTS,
    Findings,
    batch_size,
    declared_loss,
)
from lightning_cifar.study.report.measures import epochs_to_loss, values
from lightning_cifar.study.report.study_files import Study
from lightning_cifar.study.report.wording import TONES, comparison_sentences, verdict_word

NEEDS_RUNS = (
    "At least two seeds of both `batch_norm` and `elu` in the set-up `exercise` are needed: "
    "`lightning-cifar study` computes what is missing."
)
NEEDS_COST = (
    "Seconds of a single fit have not been measured: `python benchmarks/variant_cost.py --out "
    "STUDY/cost.json` writes them."
)


def model_answer(findings: Findings) -> Answer:
    """Is the model better?"""
    return answer_of(
        findings.find("batch_norm", "elu", "test_accuracy", MAIN),
        key="better-model",
        part="8c",
        question="Does batch normalisation give a better model?",
        needs=NEEDS_RUNS,
        figures=("comparisons",),
    )


def convergence_answer(study: Study, findings: Findings) -> Answer:
    """Does it converge in fewer epochs?"""
    found = findings.find("batch_norm", "elu", "epochs_to_loss", MAIN)
    loss = declared_loss(study)
    known = not math.isnan(loss)
    return answer_of(
        found,
        key="convergence",
        part="8c",
        question="Does batch normalisation converge in fewer epochs?",
        needs=NEEDS_RUNS,
        before=(threshold_sentence(study, loss),) if known else (),
        tables=(reaching_table(study, loss),) if known else (),
        figures=("curves",),
    )


def threshold_sentence(study: Study, loss: float) -> str:
    """Where the loss to be reached comes from."""
    declared = any(
        isinstance(entry, Mapping) and entry.get("loss") == loss
        for entry in study.plan.get("comparisons") or ()
    )
    rule = (
        "declared in the plan before the runs"
        if declared
        else f"the lowest multiple of 0.05 that {REACHED_BY:.0%} of the runs of either side reach"
    )
    return (
        f"Convergence is counted in epochs until the validation loss is first at or below "
        f"{loss:.2f}, {rule}."
    )


def reaching_table(study: Study, loss: float) -> Table:
    """How many runs of each variant reach the loss, and after how many epochs."""
    rows = []
    for variant in VARIANTS:
        epochs = list(values(study, MAIN, variant, epochs_to_loss(loss)).values())
        if not epochs:
            continue
        reached = [each for each in epochs if math.isfinite(each)]
        shown = (
            (f"{np.median(reached):.0f}", f"{min(reached):.0f} to {max(reached):.0f}")
            if reached
            else ("none", "none")
        )
        rows.append((f"`{variant}`", f"{len(reached)} of {len(epochs)}", *shown))
    headings = ("variant", "runs that reach it", "median epochs", "range")
    return Table(f"Epochs to a validation loss of {loss:.2f}", headings, tuple(rows))


def speed_answer(study: Study, findings: Findings) -> Answer:
    """What does an epoch cost, and what does it come to until the same loss?"""
    seconds = study.cost.seconds.get(batch_size(study), {}) if study.cost else {}
    found = findings.find("batch_norm", "elu", "seconds_to_loss", MAIN)
    known = {"elu", "batch_norm"} <= seconds.keys()
    question = "How does batch normalisation affect the speed of training?"
    if not known:
        needs = NEEDS_COST if not study.cost else NEEDS_RUNS
        return Answer("speed", "8c", question, MISSING, TONES[MISSING], (), (), (needs,))
    ratio = seconds["batch_norm"] / seconds["elu"]
    per_epoch = (
        f"An epoch with batch normalisation takes {seconds['batch_norm']:.1f} s instead of "
        f"{seconds['elu']:.1f} s: **{ratio:.2f} times** as long (a single fit, batch "
        f"{batch_size(study)})."
    )
    sentences = (per_epoch, *to_loss(found))
    verdict = f"{ratio:.2f} times the seconds per epoch{both(found)}"
    tone = TONES[verdict_word(found)] if found else TONES[MISSING]
    missing = () if found and found.comparison else (NEEDS_RUNS,)
    return Answer("speed", "8c", question, verdict, tone, sentences, (cost_table(study),), missing)


def both(found: Finding | None) -> str:
    """The second half of the verdict: seconds to the same loss."""
    if found is None or found.comparison is None:
        return ""
    return f", to the same loss: {verdict_word(found)}"


def to_loss(found: Finding | None) -> list[str]:
    """Epochs times seconds per epoch; the spread is that of the epochs."""
    sentences = comparison_sentences(found)
    return sentences and [
        "Fewer epochs at more seconds each: what counts is their product.",
        *sentences,
    ]


def cost_table(study: Study) -> Table:
    """Seconds per epoch of each variant and batch size."""
    assert study.cost is not None
    rows = [
        (f"{size}", f"`{variant}`", f"{seconds:.2f} s", times(seconds, medians.get("elu")))
        for size, medians in sorted(study.cost.seconds.items())
        for variant, seconds in medians.items()
    ]
    caption = (
        f"Seconds per epoch of a single fit, medians of interleaved rounds; {study.cost.device}"
    )
    headings = ("batch size", "variant", "seconds per epoch", "times `elu`")
    return Table(caption, headings, tuple(rows))


def times(seconds: float, base: float | None) -> str:
    """The ratio to ``elu``."""
    return f"{seconds / base:.2f}" if base else "unknown"
