"""Writes the run record as training goes."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar, final

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, Checkpoint

from lightning_cifar.classifiers import DenseClassifier, variant_of
from lightning_cifar.rate_search.callback import LearningRateSearch
from lightning_cifar.runs.configuration import write_config
from lightning_cifar.runs.provenance import commit, device_name, versions
from lightning_cifar.runs.records import (
    RUNNING,
    EpochRecord,
    RunRecord,
    epochs_done,
    out_of_patience,
    write_record,
)
from lightning_cifar.training.best_weights import BestWeights
from lightning_cifar.training.finite_guard import NonFiniteLoss

Found = TypeVar("Found", bound=Callback)


@final
class WriteRunRecord(Checkpoint):
    """Keeps ``config.yaml``, ``record.json`` and ``metrics.csv`` in the run folder up to date.

    Args:
        config: the resolved configuration of the run.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.epochs: list[EpochRecord] = []
        self.epoch_started = 0.0

    def state_dict(self) -> dict[str, Any]:
        """The epochs so far."""
        return {"epochs": [asdict(epoch) for epoch in self.epochs]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue the list of an interrupted run."""
        self.epochs = [EpochRecord(**epoch) for epoch in state_dict["epochs"]]

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Let the checkpoint say with which settings it can be continued."""
        checkpoint["configuration"] = self.config

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write the configuration with the rate that the search, set up before, has found."""
        if stage == "fit" and trainer.is_global_zero and "model" in self.config:
            assert isinstance(pl_module, DenseClassifier)
            self.config["model"]["init_args"]["learning_rate"] = pl_module.learning_rate
            write_config(self.config, Path(trainer.default_root_dir))

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self.epoch_started = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add the epoch and write."""
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        self.epochs.append(
            EpochRecord(
                epoch=trainer.current_epoch,
                train_loss=metrics["train_loss"],
                train_accuracy=metrics["train_accuracy"],
                val_loss=metrics["val_loss"],
                val_accuracy=metrics["val_accuracy"],
                learning_rate=float(trainer.optimizers[0].param_groups[0]["lr"]),
                seconds=round(time.perf_counter() - self.epoch_started, 4),
            )
        )
        self._write(trainer, pl_module, RUNNING)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write why it ended."""
        waited = _callback(trainer, BestWeights)
        if waited is not None and waited.waited >= waited.patience:
            reason = out_of_patience(waited.monitor, waited.patience)
        else:
            reason = epochs_done(trainer.max_epochs)
        self._write(trainer, pl_module, reason)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Write what went wrong: a diverged run is a result too."""
        if isinstance(exception, NonFiniteLoss):
            self._write(trainer, pl_module, str(exception))

    def _write(self, trainer: Trainer, pl_module: LightningModule, reason: str) -> None:
        if not trainer.is_global_zero:
            return
        assert isinstance(pl_module, DenseClassifier)
        assert pl_module.learning_rate is not None
        best = _callback(trainer, BestWeights)
        search = _callback(trainer, LearningRateSearch)
        record = RunRecord(
            variant=variant_of(pl_module),
            seed=int(self.config.get("seed_everything", 0)),
            learning_rate=pl_module.learning_rate,
            learning_rate_source=search.source if search is not None else "given",
            parameters=sum(p.numel() for p in pl_module.network.parameters()),
            device=device_name(trainer.strategy.root_device),
            versions=versions(),
            commit=commit(),
            data_fingerprint=trainer.datamodule.fingerprint,  # type: ignore[attr-defined]
            best_epoch=best.best_epoch if best is not None else -1,
            stop_reason=reason,
            epochs=tuple(self.epochs),
            config=self.config,
        )
        write_record(record, Path(trainer.default_root_dir))


def _callback(trainer: Trainer, kind: type[Found]) -> Found | None:
    callbacks = trainer.callbacks  # type: ignore[attr-defined]
    return next((callback for callback in callbacks if isinstance(callback, kind)), None)
