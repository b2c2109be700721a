"""What a command says at its end: figures, which weights they are of, and how to go on."""

import math
from pathlib import Path
from shlex import quote

from lightning.pytorch import Trainer

from lightning_cifar.backprop.fitting import is_all
from lightning_cifar.errors import InputError
from lightning_cifar.runs.records import FINISHED, RECORD_FILE, RunRecord, read_record


def how_to_resume(folder: Path) -> str:
    """The command that continues a fit."""
    return f"lightning-cifar fit --run {quote(str(folder))} --resume"


def how_to_test(folder: Path) -> str:
    """The command that judges a run by the test images."""
    return f"lightning-cifar test --run {quote(str(folder))}"


def end_of_fit(folder: Path) -> str:
    """Why training ended, what was kept, and what to do next."""
    record = read_record(folder / RECORD_FILE)
    lines = [f"ended: {record.stop_reason}", kept_weights(record)]
    if record.stop_kind not in FINISHED:
        lines.append(f"to continue: {how_to_resume(folder)}")
    elif record.best is not None:
        lines.append(f"next: {how_to_test(folder)}")
    return "\n".join([*lines, f"run folder: {folder}"])


def kept_weights(record: RunRecord) -> str:
    """Which weights were kept, with their validation figures as far as they are known."""
    best = record.best
    if best is None:
        return "nothing was validated, so no weights were kept"
    figures = [f"weights of epoch {best.epoch + 1}"]
    if math.isfinite(best.val_loss):
        figures.append(f"val_loss {best.val_loss:.4f}")
    if math.isfinite(best.val_accuracy):
        figures.append(f"val_accuracy {best.val_accuracy:.2%}")
    return "kept: " + "  ".join(figures)


def metrics_line(trainer: Trainer, stage: str) -> str:
    """Loss and accuracy of a stage (``val`` or ``test``), and whether only a part was used."""
    metrics = trainer.callback_metrics
    loss, accuracy = metrics[f"{stage}_loss"], metrics[f"{stage}_accuracy"]
    text = f"{stage}_loss {float(loss):.4f}  {stage}_accuracy {float(accuracy):.2%}"
    for name in (f"{stage}_balanced_accuracy", f"{stage}_top5_accuracy"):
        if name in metrics:
            text += f"  {name} {float(metrics[name]):.2%}"
    limit = getattr(trainer, f"limit_{stage}_batches")
    return text if is_all(limit) else f"{text}  (limited: trainer.limit_{stage}_batches {limit})"


def selection_rule(folder: Path) -> str:
    """Which weights of a run were kept, in words; empty if its record does not say."""
    try:
        record = read_record(folder / RECORD_FILE)
    except InputError:
        return ""
    if record.best is None or math.isnan(record.best_score):
        return ""
    kind = {"min": "lowest", "max": "highest"}[record.mode]
    return (
        f"weights of epoch {record.best_epoch + 1}: the {kind} {record.monitor} "
        f"({record.best_score:.4f})"
    )
