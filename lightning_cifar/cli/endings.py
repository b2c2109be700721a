"""What a command says at its end: figures, which weights they are of, and how to go on."""

import math
from pathlib import Path
from shlex import quote

from lightning.pytorch import Trainer

from lightning_cifar.errors import InputError
from lightning_cifar.runs.records import FINISHED, RECORD_FILE, read_record


def how_to_resume(folder: Path) -> str:
    """The command that continues a fit."""
    return f"lightning-cifar fit --run {quote(str(folder))} --resume"


def end_of_fit(folder: Path) -> str:
    """Why training ended, what was kept, and how to go on if it was cut short."""
    record = read_record(folder / RECORD_FILE)
    lines = [f"ended: {record.stop_reason}"]
    if record.best is None:
        lines.append("nothing was validated, so no weights were kept")
    if record.stop_kind not in FINISHED:
        lines.append(f"to continue: {how_to_resume(folder)}")
    return "\n".join([*lines, f"run folder: {folder}"])


def metrics_line(trainer: Trainer, stage: str) -> str:
    """Loss and accuracy of a stage (``val`` or ``test``), and whether only a part was used."""
    metrics = trainer.callback_metrics
    loss, accuracy = metrics[f"{stage}_loss"], metrics[f"{stage}_accuracy"]
    text = f"{stage}_loss {float(loss):.4f}  {stage}_accuracy {float(accuracy):.2%}"
    for name in (f"{stage}_balanced_accuracy", f"{stage}_top5_accuracy"):
        if name in metrics:
            text += f"  {name} {float(metrics[name]):.2%}"
    limit = getattr(trainer, f"limit_{stage}_batches")
    whole = isinstance(limit, float) and limit == 1.0  # 1 is a single batch
    return text if whole else f"{text}  (limited: trainer.limit_{stage}_batches {limit})"


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
