"""The four variants as LightningModules: one abstract trunk with every step, four final leaves.

A leaf chooses a network and nothing else. Images come in raw (uint8, 0 to 255): the standardisation
of the training images is part of the module and of every checkpoint.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from math import prod
from typing import Any, final, get_args

import torch
from lightning.pytorch.callbacks import GradientAccumulationScheduler
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics import MeanMetric, Metric
from torchmetrics.classification import MulticlassAccuracy

from lightning_cifar import networks
from lightning_cifar.backprop.activations import evaluated
from lightning_cifar.backprop.fitting import why_no_layers, why_not_by_hand
from lightning_cifar.backprop.module import Batch, HandTrained
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.loaders import left_as_found, training_batches
from lightning_cifar.data.notices import say_once
from lightning_cifar.data.statistics import measure_batches
from lightning_cifar.data.unequal_classes import (
    BalancedAccuracy,
    ClassWeights,
    balanced_weights,
)
from lightning_cifar.errors import InputError
from lightning_cifar.optim.flat_nadam import FlatNAdam
from lightning_cifar.optim.schedules import SCHEDULES, Schedule
from lightning_cifar.seeds import derived_seed, seed_generators
from lightning_cifar.standardise import Standardise


class DenseClassifier(HandTrained, ABC):
    """Every step of training and evaluation; the variants below only choose a network.

    Logs ``train_loss``, ``train_accuracy`` (means over the epoch, as trained), ``val_loss``,
    ``val_accuracy``, ``test_loss`` and ``test_accuracy``; with more than ten classes also
    ``val_top5_accuracy`` and ``test_top5_accuracy``; with classes of unequal size also
    ``val_balanced_accuracy`` and ``test_balanced_accuracy``, the mean of the classes' accuracies.

    Args:
        depth: number of hidden layers.
        width: units of each hidden layer.
        learning_rate: NAdam's rate; searched when left out.
        schedule: a constant rate, or 1cycle with the rate as its top.
        seed: of the initial weights.
        classes: number of classes; the command line takes it from the images.
        image_size: height and width of an image; the command line takes it from the images.
        class_weights: of the training loss alone; ``balanced`` lets every class count the same,
            however few its training images.

    Raises:
        InputError: a size below 1, a rate that is not a positive number, or other class weights.
    """

    def __init__(
        self,
        depth: int = 20,
        width: int = 100,
        learning_rate: float | None = None,
        schedule: Schedule = "constant",
        seed: int = 0,
        classes: int = networks.CLASSES,
        image_size: int = networks.IMAGE_SHAPE[1],
        class_weights: ClassWeights = "none",
    ) -> None:
        super().__init__()
        for name, size in (("depth", depth), ("width", width)):
            if size < 1:
                raise InputError(f"{name} must be at least 1, got {size}")
        if classes < 2 or image_size < 8:
            raise InputError(
                "classes must be at least 2 and image_size at least 8, got "
                f"{classes} and {image_size}"
            )
        if learning_rate is not None and not 0 < learning_rate < float("inf"):
            raise InputError(
                f"learning_rate must be a positive number, got {learning_rate}; "
                "leave it out to have it searched"
            )
        if class_weights not in get_args(ClassWeights):
            raise InputError(
                f"class_weights is {class_weights!r}; choose one of "
                f"{', '.join(get_args(ClassWeights))}"
            )
        self.save_hyperparameters()
        self.classes = classes
        self.weighs_classes = class_weights == "balanced"
        self.image_shape = (3, image_size, image_size)
        self.standardise = Standardise(self.image_shape)
        self.network = self.build_network(depth, width, torch.Generator().manual_seed(seed))
        self.learning_rate = learning_rate
        self.schedule: Schedule = schedule
        self.class_names = tuple(map(str, range(classes)))
        # By default NaNs are left out of the mean, and a broken network would look good.
        self.val_loss = MeanMetric(nan_strategy="disable")
        self.val_accuracy = MulticlassAccuracy(classes, average="micro")
        self.test_loss = MeanMetric(nan_strategy="disable")
        self.test_accuracy = MulticlassAccuracy(classes, average="micro")
        self.val_more, self.test_more = more_accuracies(classes), more_accuracies(classes)
        self.equal_classes = True

    @abstractmethod
    def build_network(self, depth: int, width: int, generator: torch.Generator) -> nn.Sequential:
        """The variant's network, with all weights drawn from ``generator``."""

    def setup(self, stage: str) -> None:
        """Take the training images' statistics before the first step, or before a first look."""
        if stage == "fit" or (stage == "validate" and self.standardise.is_fresh()):
            self.adopt_standardisation()
        datamodule = getattr(self.trainer, "datamodule", None)
        if isinstance(datamodule, CIFAR10DataModule):
            datamodule.check_network(self.classes, self.image_shape[1])
            self.equal_classes = datamodule.has_equal_classes("test" if stage == "test" else "fit")
        if stage == "fit":
            self.adopt_class_weights(datamodule)
            reason = why_no_layers(self.network)
            reason = reason or why_not_by_hand(self, DenseClassifier, self.trainer)
            self.automatic_optimization, self.steps_at_once = True, 1
            if reason is None:
                self.train_by_hand()
            else:
                say_once(f"steps are made by autograd: {reason}")

    def trained_layers(self) -> nn.Sequential:
        """The network's."""
        return self.network

    def members(self) -> int:
        """One."""
        return 1

    def seed_masks(self, step: int, part: int) -> None:
        """Make dropout a function of (seed, process, step): its layers draw from one generator.

        Batches whose gradients are accumulated belong to one step; each has its own masks.
        """
        parts = (step, part) if part else (step,)
        rank = self.trainer.global_rank
        seed_generators(derived_seed(self.hparams["seed"], "dropout", rank, *parts), self.device)

    def adopt_standardisation(self) -> None:
        """Take the statistics of the training images into the module.

        They come from our data module; those of any other data module or loader are measured, in
        one pass over the training batches, if these hold raw images and the module has none yet.

        Raises:
            InputError: raw images in a loader without a length, which one pass would never end.
        """
        datamodule = getattr(self.trainer, "datamodule", None)
        if isinstance(datamodule, CIFAR10DataModule):
            statistics = datamodule.standardisation
            self.standardise.adopt(statistics.mean, statistics.deviation)
            self.class_names = datamodule.classes
        elif self.standardise.is_fresh() and self.trainer.state.fn == TrainerFn.FITTING:
            loader = training_batches(self.trainer)
            with torch.random.fork_rng(devices=[]), left_as_found(loader):
                measured = measure_batches(loader, self.image_shape)
            if measured is not None:
                self.standardise.adopt(measured.mean, measured.deviation)

    def adopt_class_weights(self, datamodule: Any) -> None:
        """Weigh the classes by their numbers of training images, if they are to be weighed.

        Raises:
            InputError: those numbers are not known, because the data module is not ours.
        """
        if not self.weighs_classes:
            return
        if not isinstance(datamodule, CIFAR10DataModule):
            raise InputError(
                "class_weights is balanced, and CIFAR10DataModule alone knows how many training "
                "images each class has; fit with one, or leave class_weights out"
            )
        self.class_weights = balanced_weights(datamodule.train_images.labels, self.classes)

    def weights_by_class(self) -> dict[str, float]:
        """Class -> its weight in the training loss; empty if all weigh the same."""
        if self.class_weights is None:
            return {}
        return dict(zip(self.class_names, self.class_weights.tolist(), strict=True))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, classes) of raw images (batch, 3, size, size), uint8."""
        inputs = self.standardise(images)
        if self.training or torch.is_grad_enabled() or torch.compiler.is_compiling():
            logits: Tensor = self.network(inputs)
            return logits
        return evaluated(self.network, inputs)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Note the variant: most variants' weights would fit into another's network."""
        checkpoint["variant"] = variant_of(self)
        checkpoint["class_names"] = list(self.class_names)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse the weights of another variant, another size or with dropout elsewhere.

        Raises:
            InputError: naming both.
        """
        super().on_load_checkpoint(checkpoint)
        settings = checkpoint.get("hyper_parameters")
        if not isinstance(settings, dict) or "class_names" not in checkpoint:
            raise InputError("the checkpoint holds no classifier; use one that 'fit' wrote")
        images = images_of(settings), images_of(dict(self.hparams))
        theirs = description(str(checkpoint.get("variant", "unknown")), settings)
        ours = description(variant_of(self), dict(self.hparams))
        if images[0] != images[1]:
            theirs, ours = (f"{theirs} for {images[0]}", f"{ours} for {images[1]}")
        if theirs != ours or shapes(checkpoint["state_dict"]) != shapes(self.state_dict()):
            raise InputError(
                f"the checkpoint holds {theirs}, the configuration asks for {ours}; "
                "use the configuration of the run that wrote it (--run FOLDER)"
            )
        self.class_names = tuple(checkpoint["class_names"])
        if self._trainer is not None:
            # Lightning loads the weights before it gives the module its precision; those of 64
            # bits would be rounded on the way, and a resumed run would not end as an uncut one.
            # Beside averaged weights of another type, the trained ones have a key of their own.
            trained = checkpoint.get("current_model_state", checkpoint["state_dict"])
            self.type(trained["standardise.scale"].dtype)

    def training_step(self, batch: Any, batch_index: int) -> Any:
        """One or more steps by hand; or the mean cross-entropy of a batch, for autograd.

        With class weights the mean is weighted, as in ``torch.nn.functional.cross_entropy``.
        """
        if not self.automatic_optimization:
            return self.train_block(batch, batch_index)
        images, labels = batch
        logits = self.network(self.standardise(images))
        loss = functional.cross_entropy(logits, labels, weight=self.loss_weights)
        with torch.no_grad():
            self.train_totals[0] += loss * len(labels)
            self.train_totals[1] += (logits.argmax(dim=1) == labels).sum()
            self.train_images += len(labels)
        return loss

    def on_train_epoch_end(self) -> None:
        """Log the epoch's means over all images of all processes."""
        images = self.train_totals.new_tensor([self.train_images])
        totals = torch.cat([self.train_totals[:, 0], images])
        totals = self.trainer.strategy.reduce(totals, reduce_op="sum")
        self.log("train_loss", totals[0] / totals[2], rank_zero_only=False)
        self.log("train_accuracy", totals[1] / totals[2], rank_zero_only=False)

    def on_validation_epoch_start(self) -> None:
        """Begin new metrics: a validation under inference mode leaves tensors of its kind.

        These cannot be updated by the validations of a fit, which run without that mode.
        https://github.com/Lightning-AI/torchmetrics/issues/1993
        """
        with torch.inference_mode(False):
            self.val_loss.reset()
            self.val_accuracy.reset()
            for _, metric in self._chosen(self.val_more):
                metric.reset()

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Update the validation metrics."""
        self._evaluate(batch, self.val_loss, self.val_accuracy, self.val_more)
        self.log("val_loss", self.val_loss, on_step=False, on_epoch=True)
        self.log("val_accuracy", self.val_accuracy, on_step=False, on_epoch=True)
        for name, metric in self._chosen(self.val_more):
            self.log(f"val_{name}", metric, on_step=False, on_epoch=True)

    def test_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Update the test metrics; returns the classes that the images are taken for, (batch,)."""
        logits = self._evaluate(batch, self.test_loss, self.test_accuracy, self.test_more)
        self.log("test_loss", self.test_loss, on_step=False, on_epoch=True)
        self.log("test_accuracy", self.test_accuracy, on_step=False, on_epoch=True)
        for name, metric in self._chosen(self.test_more):
            self.log(f"test_{name}", metric, on_step=False, on_epoch=True)
        return logits.argmax(dim=1)

    def _evaluate(
        self, batch: Batch, loss: MeanMetric, accuracy: MulticlassAccuracy, more: nn.ModuleDict
    ) -> Tensor:
        images, labels = batch
        logits: Tensor = self(images)
        loss.update(functional.cross_entropy(logits, labels, reduction="none"))
        accuracy.update(logits, labels)
        for _, metric in self._chosen(more):
            metric.update(logits, labels)
        return logits

    def _chosen(self, metrics: nn.ModuleDict) -> Iterator[tuple[str, Any]]:
        """Those that say something new: classes of equal size are balanced."""
        for name, metric in metrics.items():
            if name != "balanced_accuracy" or not self.equal_classes:
                yield name, metric

    def predict_step(self, batch: Any, batch_index: int) -> Tensor:
        """Class probabilities (batch, classes) of raw images, alone or with labels beside them."""
        images = batch[0] if isinstance(batch, tuple | list) else batch
        return torch.softmax(self(images), dim=1)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """NAdam at the given or found rate; a schedule is stepped per batch."""
        if self.learning_rate is None:
            raise InputError(
                "no learning rate: set model.learning_rate or add the LearningRateSearch callback"
            )
        optimiser = FlatNAdam(self.parameters(), lr=self.learning_rate)
        if self.schedule == "constant":
            return optimiser
        steps = self._steps_of_the_fit()
        factor = SCHEDULES[self.schedule]
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: factor(step / max(steps - 1, 1))
        )
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def _steps_of_the_fit(self) -> int:
        """How many steps a schedule is stretched over.

        Raises:
            InputError: nobody knows.
        """
        total = self.steps_of_the_fit()
        if not 0 <= total < float("inf"):
            raise InputError(
                "schedule is one_cycle, which is stretched over all steps, and there is no last "
                "one; give the trainer max_epochs or max_steps, and a loader with a length"
            )
        callbacks = self.trainer.callbacks  # type: ignore[attr-defined]
        if any(isinstance(each, GradientAccumulationScheduler) for each in callbacks):
            raise InputError(
                "schedule is one_cycle, which is stretched over all steps, and with "
                "GradientAccumulationScheduler their number is not known; use "
                "--trainer.accumulate_grad_batches"
            )
        return int(total)


@final
class EluClassifier(DenseClassifier):
    """ELU with He's start (parts a and b)."""

    def build_network(self, depth: int, width: int, generator: torch.Generator) -> nn.Sequential:
        """Linear → ELU."""
        return networks.elu_network(depth, width, generator, self.classes, prod(self.image_shape))


@final
class BatchNormClassifier(DenseClassifier):
    """ELU with batch normalisation before every activation and on the input (part c)."""

    def build_network(self, depth: int, width: int, generator: torch.Generator) -> nn.Sequential:
        """Linear → BatchNorm → ELU."""
        return networks.batch_norm_network(
            depth, width, generator, self.classes, prod(self.image_shape)
        )


@final
class SeluClassifier(DenseClassifier):
    """Self-normalising: SELU with LeCun's start on standardised images (part d)."""

    def build_network(self, depth: int, width: int, generator: torch.Generator) -> nn.Sequential:
        """Linear → SELU."""
        return networks.selu_network(depth, width, generator, self.classes, prod(self.image_shape))


@final
class AlphaDropoutClassifier(DenseClassifier):
    """SELU with alpha dropout (part e).

    Args:
        depth: number of hidden layers.
        width: units of each hidden layer.
        learning_rate: NAdam's rate; searched when left out.
        schedule: a constant rate, or 1cycle with the rate as its top.
        seed: of the initial weights.
        classes: number of classes; the command line takes it from the images.
        image_size: height and width of an image; the command line takes it from the images.
        class_weights: of the training loss alone; ``balanced`` lets every class count the same,
            however few its training images.
        dropout_rate: share of units dropped, from 0 to below 1.
        dropout_everywhere: after every hidden layer, not only before the output.
    """

    def __init__(
        self,
        depth: int = 20,
        width: int = 100,
        learning_rate: float | None = None,
        schedule: Schedule = "constant",
        seed: int = 0,
        dropout_rate: float = 0.1,
        dropout_everywhere: bool = False,
        classes: int = networks.CLASSES,
        image_size: int = networks.IMAGE_SHAPE[1],
        class_weights: ClassWeights = "none",
    ) -> None:
        if not 0 <= dropout_rate < 1:
            raise InputError(
                f"dropout_rate must be at least 0 and below 1, got {dropout_rate}; "
                "the exercise uses 0.1"
            )
        self.dropout_rate = dropout_rate
        self.dropout_everywhere = dropout_everywhere
        super().__init__(
            *(depth, width, learning_rate, schedule, seed, classes, image_size, class_weights)
        )

    def build_network(self, depth: int, width: int, generator: torch.Generator) -> nn.Sequential:
        """Linear → SELU, with AlphaDropout before the output or after every hidden layer."""
        return networks.alpha_dropout_network(
            *(depth, width, generator, self.dropout_rate, self.dropout_everywhere),
            *(self.classes, prod(self.image_shape)),
        )


VARIANTS: dict[str, type[DenseClassifier]] = {
    "elu": EluClassifier,
    "batch_norm": BatchNormClassifier,
    "selu": SeluClassifier,
    "alpha_dropout": AlphaDropoutClassifier,
}


def more_accuracies(classes: int) -> nn.ModuleDict:
    """Beside the share of right answers: the mean of the classes' shares, and one of five guesses.

    The last one only where there are more than ten classes: five of ten are half.
    """
    found: dict[str, Metric] = {"balanced_accuracy": BalancedAccuracy(classes)}
    if classes > 10:
        found["top5_accuracy"] = MulticlassAccuracy(classes, top_k=5, average="micro")
    return nn.ModuleDict(found)


def variant_of(classifier: DenseClassifier) -> str:
    """The name of a classifier's variant, as configurations and records write it."""
    return next(name for name, variant in VARIANTS.items() if type(classifier) is variant)


def description(variant: str, hyperparameters: dict[str, Any]) -> str:
    """A network in words: what must agree between a checkpoint and a module."""
    everywhere = ", dropout after every layer" if hyperparameters.get("dropout_everywhere") else ""
    return f"{variant} {hyperparameters.get('depth')}x{hyperparameters.get('width')}{everywhere}"


def images_of(hyperparameters: dict[str, Any]) -> str:
    """The images of a network in words; earlier versions knew one kind, and wrote nothing of it."""
    size = hyperparameters.get("image_size", networks.IMAGE_SHAPE[1])
    return f"{hyperparameters.get('classes', networks.CLASSES)} classes of {size}x{size} pixels"


def shapes(weights: dict[str, Tensor]) -> dict[str, torch.Size]:
    """The shape of each weight by its name."""
    return {name: weight.shape for name, weight in weights.items()}
