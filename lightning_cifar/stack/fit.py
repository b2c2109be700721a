"""Fits of many classifiers at once: each ends as if it had been fitted alone."""

import copy
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch import Callback, LightningModule, Trainer

from lightning_cifar.backprop.fitting import steps_at_once
from lightning_cifar.classifiers import DenseClassifier, variant_of
from lightning_cifar.data.batches import TensorBatches
from lightning_cifar.data.blocks import in_blocks
from lightning_cifar.data.datamodule import EVALUATION_BATCH, CIFAR10DataModule
from lightning_cifar.data.placement import placed_on
from lightning_cifar.errors import InputError
from lightning_cifar.runs.checkpoints import (
    DamagedCheckpoint,
    SealedCheckpoints,
    load_checkpoint,
    save_checkpoint,
)
from lightning_cifar.runs.configuration import write_config
from lightning_cifar.runs.folders import BEST_FILE
from lightning_cifar.runs.provenance import commit, device_name, versions
from lightning_cifar.runs.records import EpochRecord, RunRecord, kind_of, write_record
from lightning_cifar.stack.activation_record import ActivationRecord
from lightning_cifar.stack.activations import PROBE_IMAGES
from lightning_cifar.stack.batches import StackedBatches
from lightning_cifar.stack.module import StackedClassifiers, check_alike, settings_of
from lightning_cifar.stack.progress import STACK_FILE, MemberProgress, StackProgress

Module = TypeVar("Module", bound=LightningModule)


@dataclass(frozen=True)
class MemberFit:
    """What became of one classifier.

    Attributes:
        epochs: its own figures; the seconds are the stack's, divided by the members in it then.
        best_epoch: the epoch with the lowest validation loss, counted from 0; -1 if none.
        stop_reason: in the words of a single run.
        classifier: with its best weights, or the first ones if there are none; evaluation mode.
        activations: moments of the hidden layers before training and after some epochs.
        device: in words.
        data_fingerprint: of the images.
        images: what they are, for a record.
    """

    epochs: tuple[EpochRecord, ...]
    best_epoch: int
    stop_reason: str
    classifier: DenseClassifier
    activations: tuple[ActivationRecord, ...]
    device: str
    data_fingerprint: str
    images: dict[str, Any]


def fit_stack(
    classifiers: Sequence[DenseClassifier],
    datamodule: CIFAR10DataModule,
    *,
    seeds: Sequence[int],
    max_epochs: int,
    patience: int,
    folder: Path,
    accelerator: str = "auto",
    on_epoch: Callable[[int, int], None] | None = None,
    callbacks: Sequence[Callback] = (),
) -> list[MemberFit]:
    """Fit copies of the classifiers side by side, each until it has run out of patience.

    classifiers: of one variant, shape and schedule, each with its own learning rate.
    seeds: of each member's order of images, augmentation and dropout: member k sees the batches
    that a single fit with ``data.seed`` = ``seeds[k]`` sees.
    folder: for the checkpoint of a stack under way, from which a second call with the same
    arguments continues; it is not removed at the end, because the result is not yet kept.
    on_epoch: called after each epoch with its number and the number of members it trained.
    callbacks: more of them, which see each epoch before members leave.
    Returns: one result for each classifier, in their order.
    Raises: InputError for classifiers that are not alike, a rate that is missing, a patience below
    1, or a checkpoint in ``folder`` that is of another stack.
    """
    if len(seeds) != len(classifiers):
        raise InputError(f"{len(classifiers)} classifiers need as many seeds, got {len(seeds)}")
    if patience < 1 or max_epochs < 1:
        raise InputError(
            f"patience and max_epochs must be at least 1, got {patience} and {max_epochs}"
        )
    datamodule.prepare_data()
    datamodule.setup("fit")
    members = [prepared(classifier, datamodule) for classifier in classifiers]
    check_alike(members)
    description = {
        "members": [settings_of(each) | dict(each.hparams) for each in members],
        "seeds": list(seeds),
        "max_epochs": max_epochs,
        "patience": patience,
        "data": {"fingerprint": datamodule.fingerprint} | datamodule.settings,
    }
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = checkpoint_of(folder / STACK_FILE, description)
    probes = datamodule.validation_images.between(0, PROBE_IMAGES)
    progress = StackProgress(len(members), patience, probes, description, on_epoch)
    trainer = silent_trainer(
        [*callbacks, progress],
        accelerator=accelerator,
        devices=1,
        max_epochs=max_epochs,
        default_root_dir=str(folder),
    )
    train_stack(members, seeds, datamodule, trainer, checkpoint)
    device = device_name(trainer.strategy.root_device)
    return [
        member_fit(member, its_progress, device, datamodule)
        for member, its_progress in zip(members, progress.members, strict=True)
    ]


def train_stack(
    members: Sequence[DenseClassifier],
    seeds: Sequence[int],
    datamodule: CIFAR10DataModule,
    trainer: Trainer,
    checkpoint: Path | None = None,
) -> None:
    """Train copies of prepared classifiers as one; the trainer's ``StackProgress`` knows the rest.

    seeds: of each member's order of images, augmentation and dropout.
    datamodule: set up for fitting.
    """
    device = trainer.strategy.root_device
    train = StackedBatches(
        placed_on(datamodule.train_images, device),
        batch_size=datamodule.batch_size,
        seeds=seeds,
        augmentation=datamodule.augmentation,
    )
    validation = placed_on(datamodule.validation_images, device)
    batches = TensorBatches(validation, batch_size=EVALUATION_BATCH, shuffle=False)
    blocks = in_blocks(train, steps_at_once(trainer, device.type))
    trainer.fit(StackedClassifiers(members, seeds), blocks, batches, ckpt_path=checkpoint)


def prepared(classifier: DenseClassifier, datamodule: CIFAR10DataModule) -> DenseClassifier:
    """A copy that knows the training images' statistics, the classes' names and their weights."""
    member = unattached_copy(classifier)
    statistics = datamodule.standardisation
    member.standardise.adopt(statistics.mean, statistics.deviation)
    member.class_names = datamodule.classes
    member.adopt_class_weights(datamodule)
    return member


def unattached_copy(module: Module) -> Module:
    """A deep copy of a module, which keeps its trainer for itself: that cannot be copied."""
    trainer, module._trainer = module._trainer, None
    try:
        return copy.deepcopy(module)
    finally:
        module._trainer = trainer


def silent_trainer(callbacks: list[Callback], **options: Any) -> Trainer:
    """A trainer in this process without what costs time in small fits; checkpoints are sealed."""
    return Trainer(
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=callbacks,
        plugins=[SealedCheckpoints(), LightningEnvironment()],
        **options,
    )


def checkpoint_of(path: Path, description: dict[str, Any]) -> Path | None:
    """The checkpoint to continue from; None if there is none, or, said aloud, a damaged one.

    Raises: InputError for one of another stack.
    """
    if not path.exists():
        return None
    try:
        found = load_checkpoint(path).get("description")
    except DamagedCheckpoint as error:
        print(f"{error}; this stack starts from the beginning", file=sys.stderr)
        return None
    if found != description:
        raise InputError(
            f"{path} is of a stack with other members, data or settings; remove it, or choose "
            "another folder"
        )
    return path


def member_fit(
    member: DenseClassifier, progress: MemberProgress, device: str, datamodule: CIFAR10DataModule
) -> MemberFit:
    """The result of one member; ``member`` receives its best weights."""
    if progress.best_state:
        member.network.load_state_dict(progress.best_state)
    return MemberFit(
        epochs=tuple(progress.epochs),
        best_epoch=progress.best_epoch,
        stop_reason=progress.stop_reason,
        classifier=member.eval(),
        activations=tuple(progress.activations),
        device=device,
        data_fingerprint=datamodule.fingerprint,
        images=datamodule.found,
    )


def run_record(fit: MemberFit, config: dict[str, Any], source: str = "given") -> RunRecord:
    """The record that a single run would have written.

    config: the resolved configuration of the run; source: of the learning rate.
    """
    classifier = fit.classifier
    assert classifier.learning_rate is not None
    return RunRecord(
        variant=variant_of(classifier),
        seed=int(config.get("seed_everything", 0)),
        learning_rate=classifier.learning_rate,
        learning_rate_source=source,
        parameters=sum(parameter.numel() for parameter in classifier.network.parameters()),
        device=fit.device,
        versions=versions(),
        commit=commit(),
        data_fingerprint=fit.data_fingerprint,
        best_epoch=fit.best_epoch,
        stop_reason=fit.stop_reason,
        stop_kind=kind_of(fit.stop_reason),
        best_score=fit.epochs[fit.best_epoch].val_loss if fit.best_epoch >= 0 else math.nan,
        epochs=fit.epochs,
        config=config,
        images=fit.images,
        class_weights=classifier.weights_by_class(),
    )


def write_member(fit: MemberFit, record: RunRecord, folder: Path) -> None:
    """Write a run folder that ``test``, ``predict`` and ``export`` accept.

    ``best.ckpt`` (none if the member had no best epoch), ``config.yaml``, and last
    ``record.json``, which says that the run is whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_config(record.config, folder)
    save_best_weights(fit, folder / BEST_FILE)
    write_record(record, folder)


def save_best_weights(fit: MemberFit, path: Path) -> None:
    """Write the best weights, if there are any, in the form that a trainer writes and reads."""
    if fit.best_epoch < 0:
        return
    classifier = fit.classifier
    checkpoint: dict[str, Any] = {
        "epoch": fit.best_epoch,
        "pytorch-lightning_version": versions()["lightning"],
        "state_dict": classifier.state_dict(),
        "hyper_parameters": dict(classifier.hparams),
    }
    classifier.on_save_checkpoint(checkpoint)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(checkpoint, path)
