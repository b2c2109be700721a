"""Tables of the whole study: how its runs ended, every comparison, where the figures come from."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from lightning_cifar.study.records import StudyRecord
from lightning_cifar.study.report.answer import Table
from lightning_cifar.study.report.contrasts import Finding
from lightning_cifar.study.report.declared import Findings
from lightning_cifar.study.report.measures import MEASURES, Measure
from lightning_cifar.study.report.plan_cells import Outcome, outcomes
from lightning_cifar.study.report.study_files import Study
from lightning_cifar.study.report.wording import (
    difference,
    interval,
    p_value,
    verdict_word,
    way_name,
)

SOURCES = {
    "folder": "a JPEG copy of CIFAR-10, not the official archive",
    "official": "the official archive of CIFAR-10",
    "synthetic": "made-up images, not CIFAR-10",
}


def outcome_table(study: Study) -> Table:
    """Every cell of the plan: how its runs ended, and their figures."""
    headings = (
        *("set-up", "variant", "finished", "failed", "missing"),
        *("test accuracy", "validation accuracy", "best epoch", "learning rate"),
    )
    rows = tuple(outcome_row(outcome) for outcome in outcomes(study))
    return Table("All runs: mean ± standard deviation over seeds", headings, rows)


def outcome_row(outcome: Outcome) -> tuple[str, ...]:
    """One cell; a failure is a result and says why."""
    return (
        f"`{outcome.set_up}`",
        f"`{outcome.variant}`",
        f"{len(outcome.finished)} of {len(outcome.planned)}",
        reasons(outcome.failed),
        f"{len(outcome.missing)}",
        spread(outcome.finished, MEASURES["test_accuracy"]),
        spread(outcome.finished, MEASURES["val_accuracy"]),
        spread(outcome.finished, MEASURES["best_epoch"]),
        rates(outcome.finished),
    )


def reasons(failed: Iterable[StudyRecord]) -> str:
    """How many failed, and why."""
    counts = Counter(record.failure for record in failed)
    return "; ".join(f"{count}: {reason}" for reason, count in counts.items()) or "0"


def spread(records: Iterable[StudyRecord], measure: Measure) -> str:
    """Mean and standard deviation of a figure; a lone figure has none."""
    found = [value for record in records if np.isfinite(value := measure.of(record))]
    if not found:
        return "none"
    unit = " %" if measure.unit == "points" else ""
    if len(found) == 1:
        return f"{found[0]:.{measure.digits}f}{unit}"
    deviation = np.std(found, ddof=1)
    return f"{np.mean(found):.{measure.digits}f} ± {deviation:.{measure.digits}f}{unit}"


def rates(records: Iterable[StudyRecord]) -> str:
    """The rates that were used, and how each was come by."""
    used = sorted({f"{record.run.learning_rate:.2g}" for record in records}, key=float)
    given = {record.run.learning_rate_source == "given" for record in records}
    source = (" (given)" if True in given else " (search)") if len(given) == 1 else ""
    return ", ".join(used[:3]) + (", …" if len(used) > 3 else "") + source


def comparison_tables(findings: Findings) -> list[Table]:
    """A table for each family, in which p values are corrected together."""
    return [family_table(name, family) for name, family in findings.families.items()]


def family_table(name: str, family: list[Finding]) -> Table:
    """Every contrast of a family."""
    tested = sum(found.contrast.tested for found in family)
    caption = f"Family: {name} ({tested} tested, {len(family) - tested} described)"
    headings = ("first − second", "measure", "difference, 95 % interval")  # noqa: RUF001
    rest = ("seeds", "p, corrected", "p of equivalence", "verdict")
    return Table(caption, headings + rest, tuple(map(comparison_row, family)))


def comparison_row(found: Finding) -> tuple[str, ...]:
    """One contrast."""
    comparison = found.comparison
    names = (sides(found), measure_name(found))
    if comparison is None:
        return (*names, "none", "fewer than 2", "none", "none", found.verdict)
    tested = found.contrast.tested
    return (
        *names,
        f"{difference(comparison.mean, found.contrast.measure)} ({interval(found)})",
        f"{len(comparison.differences)}",
        f"{p_value(comparison.p_value)}, {p_value(comparison.p_adjusted)}" if tested else "none",
        "none" if found.equivalence is None else p_value(found.equivalence),
        verdict_word(found),
    )


def sides(found: Finding) -> str:
    """Both sides; the set-up, or the variant, once where they share it."""
    first, second = found.contrast.first, found.contrast.second
    if first.set_up == second.set_up and first.variant == second.variant:
        return f"`{first.set_up}`: `{first.variant}`"
    if first.set_up == second.set_up:
        return f"`{first.set_up}`: `{first.variant}` − `{second.variant}`"  # noqa: RUF001
    if first.variant == second.variant:
        return f"`{first.variant}`: `{first.set_up}` − `{second.set_up}`"  # noqa: RUF001
    return f"`{first.set_up}/{first.variant}` − `{second.set_up}/{second.variant}`"  # noqa: RUF001


def measure_name(found: Finding) -> str:
    """What is compared; where two ways to predict are, which."""
    first, second = found.contrast.first.measure, found.contrast.second.measure
    if first.key == second.key:
        return first.title
    return f"{first.title}: {way_name(first.key)} − {way_name(second.key)}"  # noqa: RUF001


def provenance_table(study: Study) -> Table:
    """Versions, commits, devices and images of all runs, with how many runs have each."""
    rows = [("images", sources(study))]
    rows += [("hash of the images", counted(one.run.data_fingerprint for one in study.records))]
    rows += [("device", counted(record.run.device for record in study.records))]
    rows += [("commit", counted(record.run.commit for record in study.records))]
    names = sorted({name for record in study.records for name in record.run.versions})
    rows += [
        (name, counted(record.run.versions.get(name, "unknown") for record in study.records))
        for name in names
    ]
    return Table("Where the figures come from", ("what", "value (runs)"), tuple(rows))


def sources(study: Study) -> str:
    """The kinds of images in words."""
    return counted(SOURCES.get(source_of(record), "unknown images") for record in study.records)


def source_of(record: StudyRecord) -> str:
    """The source in a run's configuration."""
    return str((record.run.config.get("data") or {}).get("source", ""))


def counted(values: Iterable[str]) -> str:
    """``value`` if all agree, else each with its number of runs."""
    counts = Counter(values)
    if len(counts) == 1:
        return next(iter(counts))
    return "; ".join(f"{value} ({count})" for value, count in counts.most_common())
