"""The four variants as LightningModules: one abstract trunk with every step, four final leaves.

A leaf chooses a network and nothing else. Images come in raw (uint8, 0 to 255): the standardisation
of the training images is part of the module and of every checkpoint.
"""

from abc import ABC, abstractmethod
from math import prod
from typing import Any, final, get_args

import torch
from lightning.pytorch.callbacks import GradientAccumulationScheduler
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel
from torchmetrics import Metric
from torchmetrics.classification import MulticlassAccuracy

from lightning_cifar import networks
from lightning_cifar.backprop.activations import evaluated
from lightning_cifar.backprop.changes import check_unchanged, follow_changes
from lightning_cifar.backprop.fitting import callbacks_in, why_no_layers, why_not_by_hand
from lightning_cifar.backprop.mean_loss import MeanLoss, widened
from lightning_cifar.backprop.module import Batch, HandTrained
from lightning_cifar.backprop.step import checked_batch, no_pair
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.loaders import Transferred, left_as_found, training_batches
from lightning_cifar.data.statistics import measure_batches
from lightning_cifar.data.unequal_classes import BalancedAccuracy, ClassWeights, balanced_weights
from lightning_cifar.errors import InputError
from lightning_cifar.optim.flat_nadam import FlatNAdam
from lightning_cifar.optim.groups import Optimiser, parameter_groups
from lightning_cifar.optim.schedules import Schedule, scheduled
from lightning_cifar.runs.same_network import check_same_classes, check_same_network
from lightning_cifar.seeds import derived_seed, seed_generators
from lightning_cifar.standardise import Standardise

# PyTorch's losses take -100 for an image without a label: one of no loss, and never right.
NO_LABEL = -(2**62)


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
        optimiser: ``nadam``, or ``muon`` (Jordan 2024) for the hidden layers' weights beside NAdam
            for the rest; the search for a rate and stacks know NAdam alone.

    Raises:
        InputError: a size below 1, a rate that is not a positive number, or another choice.
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
        optimiser: Optimiser = "nadam",
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
        check_optimiser(optimiser, learning_rate)
        self.save_hyperparameters()
        self.optimiser: Optimiser = optimiser
        self.classes = classes
        self.weighs_classes = class_weights == "balanced"
        self.image_shape = (3, image_size, image_size)
        self.standardise = Standardise(self.image_shape)
        self.network = self.build_network(depth, width, torch.Generator().manual_seed(seed))
        self.learning_rate = learning_rate
        self.schedule: Schedule = schedule
        self.class_names = tuple(map(str, range(classes)))
        self.val_metrics, self.test_metrics = metrics_of(classes), metrics_of(classes)
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
            self.automatic_optimization = True
            self.why_by_autograd = self.why_not_by_hand()
            if self.why_by_autograd is None:
                self.train_by_hand()

    def why_not_by_hand(self) -> str | None:
        """What stands against steps by hand now, in words; None if nothing does."""
        reason = why_no_layers(self.network)
        return reason or why_not_by_hand(self, DenseClassifier, self.trainer)

    def on_train_epoch_start(self) -> None:
        """Begin new sums; follow what callbacks have changed in trainer or network since then."""
        follow_changes(self, 0 if self.schedule == "constant" else 1)
        super().on_train_epoch_start()

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
            with torch.random.fork_rng(devices=[]), left_as_found(datamodule):
                loader = training_batches(self.trainer)
                with left_as_found(loader):
                    measured = measure_batches(Transferred(loader, self), self.image_shape)
            if measured is not None:
                self.standardise.adopt(measured.mean, measured.deviation)

    def adopt_class_weights(self, datamodule: Any) -> None:
        """Weigh the classes if asked to; InputError if no data module of ours knows their sizes."""
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
        """Refuse the weights of another network or for other classes; take the names of these."""
        super().on_load_checkpoint(checkpoint)
        check_same_network(checkpoint, variant_of(self), self.hparams, self.state_dict())
        self.class_names = tuple(checkpoint["class_names"])
        if self._trainer is not None:
            datamodule = getattr(self._trainer, "datamodule", None)
            if isinstance(datamodule, CIFAR10DataModule):
                check_same_classes(self.class_names, datamodule.classes)
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
            check_unchanged(self)
            return self.train_block(batch, batch_index)
        images, labels = checked_batch(batch)
        logits = self(images)
        weight = self.loss_weights
        loss = functional.cross_entropy(logits, labels, weight=weight, ignore_index=NO_LABEL)
        with torch.no_grad():
            self.train_totals[0] += widened(loss) * len(labels)
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

        Several processes judge by the running statistics of the first, which are the ones that are
        kept; within an accumulated step each would have its own.
        """
        shared = self.trainer.strategy.model
        if isinstance(shared, DistributedDataParallel):
            shared.require_forward_param_sync = True
        with torch.inference_mode(False):
            for metric in self.val_metrics.values():
                metric.reset()  # type: ignore[operator]

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Update the validation metrics."""
        self._evaluate(batch, "val", self.val_metrics)

    def test_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Update the test metrics; returns the classes that the images are taken for, (batch,)."""
        return self._evaluate(batch, "test", self.test_metrics).argmax(dim=1)

    def _evaluate(self, batch: Batch, stage: str, metrics: nn.ModuleDict) -> Tensor:
        images, labels = checked_batch(batch)
        logits = widened(self(images))
        losses = functional.cross_entropy(logits, labels, reduction="none", ignore_index=NO_LABEL)
        metric: Any
        for name, metric in metrics.items():
            if name == "balanced_accuracy" and self.equal_classes:
                continue  # it would say nothing new
            metric.update(*((losses,) if name == "loss" else (logits, labels)))
            self.log(f"{stage}_{name}", metric, on_step=False, on_epoch=True)
        return logits

    def predict_step(self, batch: Any, batch_index: int) -> Tensor:
        """Class probabilities (batch, classes) of raw images, alone or with labels beside them.

        Raises:
            InputError: there are no images where they should be.
        """
        images = batch[0] if isinstance(batch, tuple | list) and batch else batch
        if not isinstance(images, Tensor):
            raise no_pair(batch)
        return torch.softmax(self(images), dim=1)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """NAdam or Muon at the given or found rate; a schedule is stepped per batch.

        Raises:
            InputError: there is no rate, nothing to train, or nobody knows how many steps a
                schedule has.
        """
        if self.learning_rate is None:
            raise InputError(
                "no learning rate: set model.learning_rate or add the LearningRateSearch callback"
            )
        groups = parameter_groups(self.network, self.optimiser, self.learning_rate)
        if not any(group["params"] for group in groups):
            raise InputError(
                "all parameters of the network are frozen, so a fit would train nothing; set "
                "requires_grad of those that are to be trained"
            )
        optimiser = FlatNAdam(groups, lr=self.learning_rate)
        if self.schedule == "constant":
            return optimiser
        total = self.steps_of_the_fit()
        if not 0 <= total < float("inf"):
            raise InputError(
                "schedule is one_cycle, which is stretched over all steps, and there is no last "
                "one; give the trainer max_epochs or max_steps, and a loader with a length"
            )
        if callbacks_in(self.trainer, GradientAccumulationScheduler):
            raise InputError(
                "schedule is one_cycle, which is stretched over all steps, and with "
                "GradientAccumulationScheduler their number is not known; use "
                "--trainer.accumulate_grad_batches"
            )
        return scheduled(optimiser, self.schedule, int(total))


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
        optimiser: Optimiser = "nadam",
    ) -> None:
        if not 0 <= dropout_rate < 1:
            raise InputError(
                f"dropout_rate must be at least 0 and below 1, got {dropout_rate}; "
                "the exercise uses 0.1"
            )
        self.dropout_rate = dropout_rate
        self.dropout_everywhere = dropout_everywhere
        super().__init__(
            *(depth, width, learning_rate, schedule, seed, classes, image_size, class_weights),
            optimiser,
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


def metrics_of(classes: int) -> nn.ModuleDict:
    """What is measured of a pass over images: name → metric, loss and accuracy first."""
    return nn.ModuleDict(
        {
            "loss": MeanLoss(),
            "accuracy": MulticlassAccuracy(classes, average="micro"),
            **more_accuracies(classes),
        }
    )


def more_accuracies(classes: int) -> nn.ModuleDict:
    """Beside the share of right answers: the mean of the classes' shares, and one of five guesses.

    The last one only where there are more than ten classes: five of ten are half.
    """
    found: dict[str, Metric] = {"balanced_accuracy": BalancedAccuracy(classes)}
    if classes > 10:
        found["top5_accuracy"] = MulticlassAccuracy(classes, top_k=5, average="micro")
    return nn.ModuleDict(found)


def check_optimiser(optimiser: str, learning_rate: float | None) -> None:
    """Refuse another optimiser, and one whose rate nobody searches.

    Raises:
        InputError: naming what is allowed.
    """
    if optimiser not in get_args(Optimiser):
        raise InputError(
            f"optimiser is {optimiser!r}; choose one of {', '.join(get_args(Optimiser))}"
        )
    if optimiser == "muon" and learning_rate is None:
        raise InputError(
            "optimiser is muon, and a rate is searched for nadam alone; give a learning_rate "
            "(configs/best.yaml has one)"
        )


def variant_of(classifier: DenseClassifier) -> str:
    """The name of a classifier's variant, as configurations and records write it.

    A variant is a network: a class made from one of ours that builds the same is of its variant,
    and any other stands for itself.
    """
    kind = type(classifier)
    for name, variant in VARIANTS.items():
        if kind.build_network is variant.build_network:
            return name
    return kind.__name__
