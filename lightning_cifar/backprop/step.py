"""One training step of a network or a stack: from raw images to gradients, and then to weights."""

from collections.abc import Callable
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from lightning_cifar.backprop.compiled import compiled, compiled_load
from lightning_cifar.backprop.cross_entropy import CrossEntropy
from lightning_cifar.backprop.cuda_graph import captured
from lightning_cifar.backprop.hooks import is_watched
from lightning_cifar.backprop.layers import add_layers
from lightning_cifar.backprop.stacked_layers import StackedBatchNorm
from lightning_cifar.backprop.tape import Signal, Tape
from lightning_cifar.errors import InputError
from lightning_cifar.optim.flat_nadam import FlatNAdam
from lightning_cifar.standardise import Standardise

CONSTANTS = ("p", "alpha", "eps", "momentum")  # of layers, as numbers in recorded calls


@final
class Backpropagation:
    """Losses and gradients of a network, or of every network of a stack, for a batch of images.

    The gradients appear in the parameters' ``grad``, which are views into the optimiser's buffer;
    nothing is allocated, and nothing is added to what was there before.

    layers: the network's; a stack's have a leading member dimension in their parameters.
    standardise: what raw images go through first.
    optimiser: of all the layers' parameters.
    members: how many networks.
    totals: (2, members), to which the sum of the losses and the right answers of every batch are
    added.
    class_weights: (classes,), under which the losses are means; None: plain means.
    """

    def __init__(
        self,
        layers: nn.Sequential,
        standardise: Standardise,
        optimiser: FlatNAdam,
        members: int,
        totals: Tensor,
        class_weights: Tensor | None = None,
    ) -> None:
        self.layers, self.standardise, self.optimiser = layers, standardise, optimiser
        self.members, self.totals, self.class_weights = members, totals, class_weights
        self.batches: dict[Any, Batch] = {}
        self.state: list[Any] = []
        self.earlier: list[Tensor] = []  # gradients of a step's earlier parts

    @torch.no_grad()
    def __call__(
        self,
        images: Tensor,
        labels: Tensor,
        seed_masks: Callable[[], object] | None = None,
        share: float = 1.0,
    ) -> Tensor:
        """The members' mean losses, (members,): overwritten by the next call.

        images: (batch, 3, size, size) of any type, or with a leading dimension of members; labels
        alike.
        seed_masks: called before dropout masks are drawn, if the network has such layers.
        share: what the losses are multiplied by before their gradient is taken.
        """
        key = (images.shape, labels.shape, labels.dtype, share)
        if key not in self.batches:
            if images.shape[-3:] != self.standardise.scale.shape:
                raise InputError(
                    f"images are {tuple(self.standardise.scale.shape)} each, got a batch "
                    f"of shape {tuple(images.shape)}; give the classifier their image_size, and "
                    "put the colours first"
                )
            check_batch(images, labels)
            self.batches[key] = Batch(self, images, labels, share)
        batch = self.batches[key]
        batch.load(images, labels)
        if batch.draws and seed_masks is not None:
            seed_masks()
        for call in batch.calls:
            call()
        return batch.losses

    def accumulate(self, part: int, is_last: bool) -> None:
        """Add the gradients of a step's earlier parts to those of this one.

        part: its number within the step, from 0.
        """
        groups = self.optimiser.gradients()
        if part > 0:
            for gradient, earlier in zip(groups, self.earlier, strict=True):
                gradient.add_(earlier)
        self.earlier = [] if is_last else [gradient.clone() for gradient in groups]

    def prepare(self) -> None:
        """Call before the first batch, and whenever parameters or layers may have changed."""
        self.optimiser.attach_gradients()
        state: list[Any] = [each.data_ptr() for each in self.layers.parameters()]
        state += map(state_of, [self.standardise, *self.layers])
        if state != self.state:
            self.batches, self.state = {}, state


def state_of(layer: nn.Module) -> tuple[Any, ...]:
    """What calls recorded of a layer depend on, beside its parameters."""
    own = vars(layer)
    buffers = [None if each is None else each.data_ptr() for each in own["_buffers"].values()]
    return (id(layer), layer.training, is_watched(layer), *map(own.get, CONSTANTS), *buffers)


@final
class Batch:
    """The buffers and calls for batches of one shape."""

    def __init__(self, step: Backpropagation, images: Tensor, labels: Tensor, share: float) -> None:
        self.scale, self.shift = (
            each.flatten() for each in (step.standardise.scale, step.standardise.shift)
        )
        count = labels.shape[-1]
        interleaved = any(isinstance(each, StackedBatchNorm) for each in step.layers)
        tape = Tape(step.members, count, self.scale, interleaved)
        own = labels.ndim > 1 or step.members == 1
        shape = (step.members, count) if own else (count,)
        pixels = len(self.scale)
        self.inputs = tape.activations(pixels) if own else tape.buffer(count, pixels)
        # Zeros, because a capture runs the calls before there is a batch.
        self.inputs.zero_()
        self.labels = torch.zeros(shape, dtype=torch.long, device=self.inputs.device)
        logits = add_layers(tape, step.layers, Signal(self.inputs, None))
        loss = CrossEntropy(tape, logits, self.labels, step.totals, share, step.class_weights)
        tape.forward_calls.append(loss)
        self.losses = loss.losses
        self.draws = any(
            isinstance(layer, _DropoutNd) and layer.training for layer in step.layers.modules()
        )
        changed = [step.totals, *step.layers.buffers()]
        calls = captured(tape.calls(), changed) if tape.is_replayable else tape.calls()
        # Masks are drawn first, and outside of a graph, whose generator nobody can seed.
        self.calls = [*tape.mask_calls, *compiled(calls, tape)]
        self.loading = compiled_load(self.inputs, self.scale, self.shift)

    def load(self, images: Tensor, labels: Tensor) -> None:
        """Put standardised images and their labels into place."""
        self.labels.copy_(labels.view(self.labels.shape))
        if self.loading is not None and images.dtype == torch.uint8 and images.is_contiguous():
            self.loading(images)
            return
        self.inputs.copy_(images.reshape(self.inputs.shape))
        if self.inputs.ndim > 2 and len(self.inputs) > 1:
            for each in self.inputs:  # each fits into a processor's cache, all together do not
                torch.addcmul(self.shift, each, self.scale, out=each)
        else:
            torch.addcmul(self.shift, self.inputs, self.scale, out=self.inputs)


def checked_batch(batch: Any) -> tuple[Tensor, Tensor]:
    """Images and labels of a batch for PyTorch's functions, which take labels of 64 bits."""
    images, labels = pair_of(batch)
    check_batch(images, labels)
    return images, labels.long()


def pair_of(batch: Any) -> tuple[Tensor, Tensor]:
    """The images and labels of a batch.

    Raises:
        InputError: it is no pair of tensors; saying what came.
    """
    parts = batch if isinstance(batch, tuple | list) else ()
    if len(parts) != 2 or not all(isinstance(part, Tensor) for part in parts):
        raise no_pair(batch)
    return parts[0], parts[1]


def no_pair(batch: Any) -> InputError:
    """What to say of a batch that is not the pair it should be."""
    kind, parts = type(batch).__name__, ""
    if isinstance(batch, dict):
        parts = " of " + ", ".join(map(str, batch))
    elif isinstance(batch, tuple | list):
        parts = " of " + ", ".join(type(part).__name__ for part in batch)
    return InputError(
        f"a batch must be a pair of tensors, images and labels, got a {kind}{parts}; let the "
        "loader's collate_fn make pairs"
    )


def check_batch(images: Tensor, labels: Tensor) -> None:
    """Refuse labels that would be taken for others.

    Raises:
        InputError: they are no whole numbers, or not one for each image.
    """
    if labels.is_floating_point() or labels.shape != images.shape[:-3]:
        raise InputError(
            "labels are whole numbers, one for each image, got "
            f"{str(labels.dtype).removeprefix('torch.')} of shape {tuple(labels.shape)} for images "
            f"of shape {tuple(images.shape)}; give the number of each image's class"
        )
