"""What a run leaves behind for reports: one JSON file from which every claim can be recomputed."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_cifar.errors import InputError
from lightning_cifar.files import write_text_atomically

RECORD_FILE = "record.json"
CURVES_FILE = "metrics.csv"
RUNNING = "running"  # the stop reason of a run that has not stopped


def out_of_patience(monitor: str, patience: int) -> str:
    """The stop reason of a run that no longer got better."""
    return f"{monitor} had not fallen for {patience} epochs"


def epochs_done(count: int | None) -> str:
    """The stop reason of a run that was allowed no more epochs."""
    return f"all {count} epochs done"


def diverged(step: int, epoch: int, rate: float) -> str:
    """The stop reason of a run whose training loss became infinite or NaN at ``step``."""
    return (
        f"the training loss is not finite at step {step} (epoch {epoch}, "
        f"learning rate {rate:g}); try a lower learning rate"
    )


@dataclass(frozen=True)
class EpochRecord:
    """One pass over the training images and the validation after it.

    The training figures are means over the epoch, taken while the weights changed (and with dropout
    on); the validation figures are those of the weights at its end.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class RunRecord:
    """One run: what was asked, what was found, what came of it.

    Attributes:
        learning_rate_source: "given", "search" or "cache" (an earlier search of the same hash).
        best_epoch: number of the epoch with the lowest validation loss, counted from 0; -1 if none.
        stop_reason: why training ended; "running" until it has.
    """

    variant: str
    seed: int
    learning_rate: float
    learning_rate_source: str
    parameters: int
    device: str
    versions: dict[str, str]
    commit: str
    data_fingerprint: str
    best_epoch: int
    stop_reason: str
    epochs: tuple[EpochRecord, ...]
    config: dict[str, Any]

    @property
    def best(self) -> EpochRecord | None:
        """The epoch whose weights were kept."""
        return self.epochs[self.best_epoch] if self.best_epoch >= 0 else None

    @property
    def seconds_per_epoch(self) -> float:
        """Mean wall time of an epoch with its validation."""
        return sum(epoch.seconds for epoch in self.epochs) / max(len(self.epochs), 1)


def write_record(record: RunRecord, folder: Path) -> None:
    """Write ``record.json`` into ``folder``, and its curves as ``metrics.csv`` beside it."""
    summary = {
        "best": dataclasses.asdict(record.best) if record.best else None,
        "seconds_per_epoch": round(record.seconds_per_epoch, 3),
    }
    text = json.dumps(dataclasses.asdict(record) | summary, indent=1)
    write_text_atomically(folder / RECORD_FILE, text + "\n")
    columns = [field.name for field in dataclasses.fields(EpochRecord)]
    rows = [[repr(getattr(epoch, column)) for column in columns] for epoch in record.epochs]
    lines = [",".join(row) for row in [columns, *rows]]
    write_text_atomically(folder / CURVES_FILE, "\n".join(lines) + "\n")


def read_record(path: Path) -> RunRecord:
    """Read a ``record.json``.

    Raises:
        InputError: the file is missing, not JSON, or not a run record.
    """
    try:
        return record_from(json.loads(path.read_text()))
    except OSError as error:
        raise InputError(f"cannot read the run record {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not a run record ({error}); run the training again") from error


def record_from(data: dict[str, Any]) -> RunRecord:
    """A record from plain JSON values; what else stands there is left out.

    Raises: KeyError or TypeError for values that are no run record's.
    """
    fields = {field.name: data[field.name] for field in dataclasses.fields(RunRecord)}
    fields["epochs"] = tuple(EpochRecord(**epoch) for epoch in fields["epochs"])
    return RunRecord(**fields)
