"""Writes the run record as training goes."""

import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, final

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.utilities.exceptions import SIGTERMException

from lightning_cifar.backprop.fitting import callbacks_in
from lightning_cifar.classifiers import DenseClassifier, variant_of
from lightning_cifar.rate_search.callback import LearningRateSearch
from lightning_cifar.runs.configuration import write_config
from lightning_cifar.runs.provenance import commit, device_name, versions
from lightning_cifar.runs.records import (
    RUNNING,
    EpochRecord,
    RunRecord,
    ValidationRecord,
    write_record,
)
from lightning_cifar.training.best_weights import BestWeights
from lightning_cifar.training.finite_guard import NonFiniteLoss
from lightning_cifar.training.trainer import Ending, ending

GOING_ON = Ending("running", RUNNING)
CHANGED = "changed during the fit"


@final
class WriteRunRecord(Checkpoint):
    """Keeps ``config.yaml``, ``record.json`` and ``metrics.csv`` in the run folder up to date.

    What is written is what was used: a learning rate or batch size that another callback changed is
    written as it is at the end, with a note that it was changed.

    Args:
        config: the resolved configuration of the run.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.epochs: list[EpochRecord] = []
        self.validations: list[ValidationRecord] = []
        self.epoch_started = 0.0
        self.rate: float | None = None

    def state_dict(self) -> dict[str, Any]:
        """The epochs and validations so far."""
        return {
            "epochs": [asdict(epoch) for epoch in self.epochs],
            "validations": [asdict(each) for each in self.validations],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue the lists of an interrupted run; an earlier version had only one."""
        self.epochs = [EpochRecord(**epoch) for epoch in state_dict["epochs"]]
        self.validations = [ValidationRecord(**each) for each in state_dict.get("validations", ())]

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Let the checkpoint say with which settings it can be continued."""
        checkpoint["configuration"] = self.config

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write the configuration with the rate that the search, set up before, has found."""
        if stage != "fit":
            return
        assert isinstance(pl_module, DenseClassifier)
        self.epochs, self.validations = [], []
        self.rate = pl_module.learning_rate
        self._write_config(trainer, pl_module)

    def _write_config(self, trainer: Trainer, classifier: DenseClassifier) -> None:
        if not trainer.is_global_zero or "model" not in self.config:
            return
        self.config["model"]["init_args"]["learning_rate"] = classifier.learning_rate
        if "data" in self.config:
            used = trainer.datamodule.settings  # type: ignore[attr-defined]
            self.config["data"] |= {key: used[key] for key in ("batch_size", "validation")}
            self.config["data"]["source"] = trainer.datamodule.source  # type: ignore[attr-defined]
        write_config(self.config, Path(trainer.default_root_dir))

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self.epoch_started = time.perf_counter()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add the validation."""
        if trainer.sanity_checking:
            return
        figures = (float(trainer.callback_metrics[name]) for name in ("val_loss", "val_accuracy"))
        now = (trainer.current_epoch, trainer.global_step)
        self.validations.append(ValidationRecord(*now, *figures))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add the epoch and write."""
        metrics = trainer.callback_metrics
        judged = [each for each in self.validations if each.step == trainer.global_step]
        self.epochs.append(
            EpochRecord(
                epoch=trainer.current_epoch,
                train_loss=float(metrics["train_loss"]),
                train_accuracy=float(metrics["train_accuracy"]),
                val_loss=judged[-1].val_loss if judged else math.nan,
                val_accuracy=judged[-1].val_accuracy if judged else math.nan,
                learning_rate=float(trainer.optimizers[0].param_groups[0]["lr"]),
                seconds=round(time.perf_counter() - self.epoch_started, 4),
            )
        )
        self._write(trainer, pl_module, GOING_ON)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write why it ended."""
        assert isinstance(pl_module, DenseClassifier)
        self._write_config(trainer, pl_module)
        self._write(trainer, pl_module, ending(trainer))

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Write what went wrong: a diverged run is a result too, an interrupted one goes on."""
        if isinstance(exception, NonFiniteLoss):
            self._write(trainer, pl_module, Ending("not_finite", str(exception)))
        elif self.epochs and isinstance(exception, KeyboardInterrupt | SIGTERMException):
            word = "interrupted" if isinstance(exception, KeyboardInterrupt) else "terminated"
            self._write(trainer, pl_module, Ending("interrupted", f"{word} before its end"))

    def _write(self, trainer: Trainer, pl_module: LightningModule, end: Ending) -> None:
        if not trainer.is_global_zero:
            return
        assert isinstance(pl_module, DenseClassifier)
        assert pl_module.learning_rate is not None
        best = next(iter(callbacks_in(trainer, BestWeights)), BestWeights())
        sources = [each.source for each in callbacks_in(trainer, LearningRateSearch)]
        source = sources[0] if sources else "given"
        record = RunRecord(
            variant=variant_of(pl_module),
            seed=int(self.config.get("seed_everything", 0)),
            learning_rate=pl_module.learning_rate,
            learning_rate_source=source if pl_module.learning_rate == self.rate else CHANGED,
            parameters=sum(p.numel() for p in pl_module.network.parameters()),
            device=device_name(trainer.strategy.root_device),
            versions=versions(),
            commit=commit(),
            data_fingerprint=trainer.datamodule.fingerprint,  # type: ignore[attr-defined]
            best_epoch=best.best_epoch,
            stop_reason=end.reason,
            epochs=tuple(self.epochs),
            config=self.config,
            stop_kind=end.kind,
            monitor=best.monitor,
            mode=best.direction,
            best_score=best.best_score,
            best_step=best.best_step,
            validations=tuple(self.validations),
            copies=dict(trainer.datamodule.copies),  # type: ignore[attr-defined]
            images=trainer.datamodule.found,  # type: ignore[attr-defined]
            class_weights=pl_module.weights_by_class(),
        )
        write_record(record, Path(trainer.default_root_dir))
