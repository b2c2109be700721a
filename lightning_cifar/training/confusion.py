"""Counts, during a test, which class was taken for which."""

from pathlib import Path
from typing import Any, final

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torchmetrics.classification import MulticlassConfusionMatrix

from lightning_cifar.backprop.fitting import is_all
from lightning_cifar.classifiers import DenseClassifier


@final
class ConfusionMatrix(Callback):
    """Keeps the confusion matrix of a test, and writes it where it belongs to a run.

    Args:
        folder: of the run; nothing is written without one, or for a part of the images.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.counts = torch.zeros(0, 0, dtype=torch.int64)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin with zeros."""
        assert isinstance(pl_module, DenseClassifier)
        matrix = MulticlassConfusionMatrix(pl_module.classes, validate_args=False)
        self.matrix = matrix.to(pl_module.device)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Add a batch; the outputs are the classes that its images were taken for."""
        self.matrix.update(outputs, batch[1])

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add up what all processes have counted, and write it."""
        self.counts = self.matrix.compute().cpu()
        whole = is_all(trainer.limit_test_batches)
        if self.folder is None or not whole or not trainer.is_global_zero:
            return
        # Loads matplotlib.
        from lightning_cifar.runs.confusion_record import ConfusionRecord, write_confusion

        assert isinstance(pl_module, DenseClassifier)
        record = ConfusionRecord(
            figures={name: float(value) for name, value in trainer.callback_metrics.items()},
            classes=tuple(pl_module.class_names),
            confusion=tuple(map(tuple, self.counts.tolist())),
            data_fingerprint=trainer.datamodule.fingerprint,  # type: ignore[attr-defined]
            weights=str(trainer.ckpt_path),
        )
        write_confusion(record, self.folder)
