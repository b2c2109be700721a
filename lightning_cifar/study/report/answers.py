"""All answers of a study in the order of the exercise, and what could not be answered."""

from dataclasses import dataclass

from lightning_cifar.study.report.answer import Answer, Table
from lightning_cifar.study.report.batch_norm_answers import (
    convergence_answer,
    model_answer,
    speed_answer,
)
from lightning_cifar.study.report.beyond_answers import (
    augmented_answer,
    one_cycle_answer,
    published_answer,
)
from lightning_cifar.study.report.declared import Findings, all_findings, unread
from lightning_cifar.study.report.dropout_answers import alpha_answer, monte_carlo_answer
from lightning_cifar.study.report.plan_cells import outcomes
from lightning_cifar.study.report.rate_answer import rate_answer
from lightning_cifar.study.report.selu_answers import match_answer, normalising_answer
from lightning_cifar.study.report.study_files import Study
from lightning_cifar.study.report.study_tables import (
    comparison_tables,
    outcome_table,
    provenance_table,
    sources,
)
from lightning_cifar.study.report.wording import plural


@dataclass(frozen=True)
class Report:
    """What is written, whatever the form.

    Attributes:
        gaps: a line for each thing that is missing or damaged.
    """

    study: Study
    findings: Findings
    answers: tuple[Answer, ...]
    gaps: tuple[str, ...]
    runs: Table
    comparisons: tuple[Table, ...]
    provenance: Table


def report_of(study: Study) -> Report:
    """Judge a study and answer every question; the same files give the same report."""
    findings = all_findings(study)
    answers = (
        rate_answer(study),
        convergence_answer(study, findings),
        model_answer(findings),
        speed_answer(study, findings),
        match_answer(findings),
        normalising_answer(study),
        alpha_answer(findings),
        monte_carlo_answer(study, findings),
        one_cycle_answer(findings),
        augmented_answer(findings),
        published_answer(study, findings),
    )
    return Report(
        study,
        findings,
        answers,
        tuple(gaps(study)),
        outcome_table(study),
        tuple(comparison_tables(findings)),
        provenance_table(study),
    )


def gaps(study: Study) -> list[str]:
    """Damaged files, comparisons that cannot be made, and runs that are missing."""
    lines = [*study.damaged, *unread(study)]
    for each in outcomes(study):
        if each.missing:
            seeds = ", ".join(map(str, each.missing))
            lines.append(
                f"`{each.set_up}/{each.variant}`: {len(each.missing)} of {len(each.planned)} runs "
                f"are missing ({plural('seed', len(each.missing))} {seeds})"
            )
    return lines


def introduction(report: Report) -> str:
    """What was run, in two sentences."""
    records = report.study.records
    failed = sum(bool(record.failure) for record in records)
    ended = f"{failed} of them failed, which is counted as an outcome" if failed else "none failed"
    variants = len({record.variant for record in records})
    return (
        f"{len(records)} {plural('run', len(records))} of {variants} {plural('variant', variants)} "
        f"of one dense network, 20 hidden layers of 100 units, trained on "
        f"{sources(report.study)}; {ended}. Every verdict below is computed from "
        "these runs: differences are paired by seed, tested exactly, and corrected for all that "
        "was compared."
    )
