"""What it costs to choose the epoch by validation loss: a part of docs/benchmarks.md.

    python -m benchmarks.selection_rule

Computed from the records of the study alone.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean

from lightning_cifar.runs.records import EpochRecord
from lightning_cifar.study.records import StudyRecord, read_study

STUDY = Path(__file__).parent / "results" / "study"
RULES: dict[str, Callable[[Sequence[EpochRecord]], EpochRecord]] = {
    "lowest validation loss": lambda epochs: min(epochs, key=lambda epoch: epoch.val_loss),
    "last epoch": lambda epochs: epochs[-1],
    "highest validation accuracy": lambda epochs: max(epochs, key=lambda epoch: epoch.val_accuracy),
}


def selection_section(study: Path = STUDY) -> list[str]:
    """Validation accuracy by the rule that chooses the epoch, a row for each condition."""
    title = "## The epoch that is kept"
    records = [record for record in read_study(study)[0] if not record.failure]
    if not records:
        return [title, "", "Not yet measured."]
    conditions = dict.fromkeys((record.set_up, record.variant) for record in records)
    return [
        title,
        "",
        "Mean validation accuracy over the seeds of the study if another epoch of the same runs "
        "were kept. The loss is lowest before the accuracy is highest. The last column chooses by "
        "the very figure it shows and is too high for that; the column before it is not.",
        "",
        f"| set-up | variant | runs | {' | '.join(RULES)} |",
        "|---" * (3 + len(RULES)) + "|",
        *(row(records, *condition) for condition in conditions),
        "",
        "`python -m benchmarks.selection_rule`",
    ]


def row(records: Sequence[StudyRecord], set_up: str, variant: str) -> str:
    """One condition of the study."""
    runs = [
        record.run.epochs
        for record in records
        if (record.set_up, record.variant) == (set_up, variant)
    ]
    figures = [
        f"{mean(rule(epochs).val_accuracy for epochs in runs):.1%}" for rule in RULES.values()
    ]
    return f"| `{set_up}` | `{variant}` | {len(runs)} | {' | '.join(figures)} |"


if __name__ == "__main__":
    print("\n".join(selection_section()))
