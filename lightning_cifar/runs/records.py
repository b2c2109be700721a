"""What a run leaves behind for reports: one JSON file from which every claim can be recomputed."""

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from lightning_cifar.errors import InputError
from lightning_cifar.files import write_text_atomically

RECORD_FILE = "record.json"
CURVES_FILE = "metrics.csv"
RUNNING = "running"  # the stop reason of a run that has not stopped

Mode = Literal["min", "max"]
# Why a run is not training: it was never stopped, it came to the end that was asked for, it cannot
# get further, or it was cut short.
StopKind = Literal[
    "running",
    "epochs",
    "steps",
    "patience",
    "not_finite",
    "time",
    "callback",
    "interrupted",
    "nothing",
]
FINISHED: frozenset[StopKind] = frozenset({"epochs", "steps", "patience", "not_finite"})


def out_of_patience(monitor: str, patience: int, mode: Mode = "min") -> str:
    """The stop reason of a run that no longer got better."""
    moved = {"min": "fallen", "max": "risen"}[mode]
    return f"{monitor} had not {moved} for {patience} validations"


def epochs_done(count: int | None) -> str:
    """The stop reason of a run that was allowed no more epochs."""
    return f"all {count} epochs done"


def steps_done(count: int) -> str:
    """The stop reason of a run that was allowed no more steps."""
    return f"all {count} steps done (trainer.max_steps)"


def diverged(step: int, epoch: int, rate: float, advice: str = "try a lower learning rate") -> str:
    """The stop reason of a run whose training loss became infinite or NaN at ``step``."""
    return (
        f"the training loss is not finite at step {step} (epoch {epoch}, "
        f"learning rate {rate:g}); {advice}"
    )


@dataclass(frozen=True)
class EpochRecord:
    """One pass over the training images.

    The training figures are means over the epoch, taken while the weights changed (and with dropout
    on); the validation figures are those of the weights at its end, NaN (null in the file) if these
    were not validated.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class ValidationRecord:
    """One validation: of the weights after ``step`` steps, in ``epoch`` (both counted from 0)."""

    epoch: int
    step: int
    val_loss: float
    val_accuracy: float


@dataclass(frozen=True)
class RunRecord:
    """One run: what was asked, what was found, what came of it.

    Attributes:
        learning_rate_source: "given", "search", "cache" (an earlier search of the same hash), or
            "changed during the fit" by a callback.
        best_epoch: the epoch in which the kept weights were judged, counted from 0; -1 if none.
        stop_reason: why training ended; "running" until it has.
        stop_kind: the same in one word; only the kinds of ``FINISHED`` are an end.
        monitor, mode: the rule by which weights are kept: the lowest or highest of this figure.
        best_score, best_step: that figure of the kept weights, and after how many steps; NaN
            (null in the file) and -1 if there are none.
        validations: every one that took place, whenever it did.
        images: what the images are: number of classes, size, form, whether their content was
            verified, what was done with them, and the files that were skipped.
        copies: how many images of one part are in another as well, by what "in" what.
        class_weights: of each class in the training loss; empty if all weigh the same.
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
    stop_kind: StopKind = "running"
    monitor: str = "val_loss"
    mode: Mode = "min"
    best_score: float = math.nan
    best_step: int = -1
    validations: tuple[ValidationRecord, ...] = ()
    copies: dict[str, int] = field(default_factory=dict)
    images: dict[str, Any] = field(default_factory=dict)
    class_weights: dict[str, float] = field(default_factory=dict)

    @property
    def best(self) -> EpochRecord | None:
        """The epoch whose weights were kept, with the validation figures of those weights."""
        epochs = [each for each in self.epochs if each.epoch == self.best_epoch]
        if not epochs:
            return None
        judged = [each for each in self.validations if each.step == self.best_step]
        if not judged:
            return epochs[0]
        loss, accuracy = judged[-1].val_loss, judged[-1].val_accuracy
        return dataclasses.replace(epochs[0], val_loss=loss, val_accuracy=accuracy)

    @property
    def seconds_per_epoch(self) -> float:
        """Mean wall time of an epoch with its validation."""
        return sum(epoch.seconds for epoch in self.epochs) / max(len(self.epochs), 1)


def write_record(record: RunRecord, folder: Path) -> None:
    """Write ``record.json`` into ``folder``, and its curves as ``metrics.csv``."""
    summary = {
        "best": dataclasses.asdict(record.best) if record.best else None,
        "seconds_per_epoch": round(record.seconds_per_epoch, 3),
    }
    text = json.dumps(with_nulls(dataclasses.asdict(record) | summary), indent=1)
    write_text_atomically(folder / RECORD_FILE, text + "\n")
    columns = [each.name for each in dataclasses.fields(EpochRecord)]
    rows = [[cell(getattr(epoch, column)) for column in columns] for epoch in record.epochs]
    lines = [",".join(row) for row in [columns, *rows]]
    write_text_atomically(folder / CURVES_FILE, "\n".join(lines) + "\n")


def with_nulls(value: Any) -> Any:
    """The same values with None in place of NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {key: with_nulls(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [with_nulls(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def cell(value: float) -> str:
    """A number in a table, empty if there is none."""
    return "" if isinstance(value, float) and math.isnan(value) else repr(value)


def read_record(path: Path) -> RunRecord:
    """Read a ``record.json``; InputError if it is missing, not JSON, or not a run record."""
    try:
        return record_from(json.loads(path.read_text()))
    except OSError as error:
        raise InputError(f"cannot read the run record {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is not a run record ({error}); run the training again") from error


def record_from(data: dict[str, Any]) -> RunRecord:
    """A record from plain JSON values; unknown fields are left out.

    Records of earlier versions lack the fields from ``stop_kind`` on; all of their runs kept the
    lowest validation loss and validated after each epoch.

    Raises: KeyError, TypeError or AttributeError for values that are no run record's.
    """
    known = {each.name for each in dataclasses.fields(RunRecord)}
    fields = {name: value for name, value in data.items() if name in known}
    fields["epochs"] = tuple(EpochRecord(**with_nans(epoch)) for epoch in fields["epochs"])
    fields["validations"] = tuple(
        ValidationRecord(**with_nans(each)) for each in fields.get("validations", ())
    )
    fields.setdefault("stop_kind", kind_of(fields["stop_reason"]))
    if fields["stop_kind"] not in get_args(StopKind):
        raise TypeError(f"stop_kind is {fields['stop_kind']!r}")
    return RunRecord(**with_nans(fields))


def with_nans(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields with NaN where the file says null."""
    return {key: math.nan if value is None else value for key, value in fields.items()}


def kind_of(stop_reason: str) -> StopKind:
    """The kind of a stop reason that an earlier version wrote."""
    if stop_reason == RUNNING:
        return "running"
    if "not finite" in stop_reason:
        return "not_finite"
    return "epochs" if stop_reason.startswith("all ") else "patience"
