"""What each kind of layer adds to a tape: its forward calls, and by hand its backward ones.

Every function takes the tape, a layer of one network or of a stack, and the signal that comes in;
it returns the signal that goes out. A gradient is written, never added to: each signal has one
reader.
"""

import copy
import math
from collections.abc import Callable
from functools import partial
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor, nn

from lightning_cifar.backprop.activations import constants_of, elu_
from lightning_cifar.backprop.hooks import HOOKS, is_watched
from lightning_cifar.backprop.members import member_first, without_member
from lightning_cifar.backprop.normalisation import (
    batch_norm,
    batch_norm_then_linear,
    is_usual_batch_norm,
)
from lightning_cifar.backprop.stacked_layers import (
    SATURATION,
    StackedAlphaDropout,
    StackedBatchNorm,
    StackedLinear,
    keep_mask,
)
from lightning_cifar.backprop.tape import ByImage, Signal, Tape, WeightGradient


def linear(tape: Tape, layer: nn.Linear | StackedLinear, inputs: Signal) -> Signal:
    """Outputs = inputs weight' + bias."""
    weight, of_weight = member_first(layer.weight, 2)
    bias, of_bias = (None, None) if layer.bias is None else member_first(layer.bias, 1)
    if inputs.value.ndim == 2:
        return shared_linear(tape, inputs, weight, of_weight, bias, of_bias)
    outputs = Signal(tape.activations(weight.shape[1]), tape.activations(weight.shape[1]))
    assert outputs.gradient is not None
    if inputs.gradient is None:
        tape.forward_calls += tape.wide_product(inputs.value, weight.mT, outputs.value, bias)
    else:
        tape.forward_calls += tape.product(inputs.value, weight.mT, outputs.value, bias)
        tape.back(*tape.product(outputs.gradient, weight, inputs.gradient, None))
    product = WeightGradient(outputs.gradient, inputs.value, of_weight, of_bias)
    tape.products.append(product if tape.members > 1 else without_member(product))
    return outputs


def shared_linear(
    tape: Tape,
    inputs: Signal,
    weight: Tensor,
    of_weight: Tensor,
    bias: Tensor | None,
    of_bias: Tensor | None,
) -> Signal:
    """The first layer of a stack whose members see the same images: one product for all."""
    members, features, _ = weight.shape
    rows = [tape.buffer(tape.batch, members, features) for _ in range(2)]
    value, gradient = (each.transpose(0, 1) for each in rows)
    tape.forward_calls += tape.wide_product(inputs.value, weight.mT, value, bias)
    if bias is not None:
        tape.back(partial(torch.sum, gradient, -2, out=of_bias))
    gradients = rows[1].view(tape.batch, -1)
    tape.products.append(
        WeightGradient(gradients, inputs.value, of_weight.view(members * features, -1), None)
    )
    return Signal(value, gradient)


def elu(tape: Tape, layer: nn.Module, inputs: Signal) -> Signal:
    """ELU or SELU, in place; its derivative is taken from its result."""
    constants = constants_of(layer)
    assert constants is not None
    value, gradient = inputs.value, inputs.gradient
    tape.forward_calls.append(ByImage(elu_, value, *constants, tape.spare(value.shape[-1])))
    if gradient is not None:
        backward = torch.ops.aten.elu_backward.grad_input
        tape.back(ByImage(backward, gradient, *constants, 1.0, True, value, grad_input=gradient))
    return Signal(value, gradient, is_read_back=True)


def alpha_dropout(
    tape: Tape, layer: nn.AlphaDropout | StackedAlphaDropout, inputs: Signal
) -> Signal:
    """Inputs * scale + shift, where a dropped unit has scale 0 (Klambauer et al. 2017)."""
    rate = layer.p if isinstance(layer, nn.AlphaDropout) else layer.rate
    features = inputs.value.shape[-1]
    value, gradient, scale, shift = (tape.activations(features) for _ in range(4))
    factor = 1 / math.sqrt((1 - rate) * (1 + rate * SATURATION**2))

    def draw() -> None:
        if isinstance(layer, nn.AlphaDropout):
            scale.bernoulli_(1 - rate)  # what PyTorch's own layer draws from the generator
        else:
            shape = torch.Size(scale.shape[-2:])
            scale.copy_(keep_mask(layer.seeds, layer.passes, layer.place, shape, rate))
            layer.passes += 1
        # A kept unit gets -rate, a dropped one 1 - rate, of the limit.
        torch.sub(1 - rate, scale, out=shift).mul_(factor * SATURATION)
        scale.mul_(factor)

    if isinstance(layer, nn.AlphaDropout):
        tape.mask_calls.append(draw)
    else:  # a function of numbers on the device, which may be part of a graph
        tape.then(draw)
    tape.forward_calls.append(ByImage(torch.addcmul, shift, inputs.value, scale, out=value))
    if inputs.gradient is not None:
        tape.back(ByImage(torch.mul, gradient, scale, out=inputs.gradient))
    return Signal(value, gradient)


def by_autograd(tape: Tape, layer: nn.Module, inputs: Signal) -> Signal:
    """Any other layer: PyTorch finds its gradient.

    layer: of one network, from (batch, features); or without parameters, one entry at a time.
    """
    single = tape.members == 1
    value = inputs.value[0] if single else inputs.value
    with torch.random.fork_rng(devices=[]):  # a trial leaves no trace in the layer either
        features = unwatched_copy(layer)(torch.zeros_like(value)).shape[-1]
    outputs = Signal(tape.activations(features), tape.activations(features))
    parameters = list(layer.parameters())
    pass_through: list[Tensor] = []

    def forward() -> None:
        with torch.enable_grad():
            leaf = value.detach().clone().requires_grad_()
            pass_through[:] = [leaf, layer(leaf)]
        outputs.value.copy_(pass_through[1])

    def backward() -> None:
        leaf, result = pass_through
        assert outputs.gradient is not None
        gradient = outputs.gradient[0] if single else outputs.gradient
        of_leaf, *others = torch.autograd.grad(result, [leaf, *parameters], gradient)
        if inputs.gradient is not None:
            inputs.gradient.copy_(of_leaf)
        for parameter, its_gradient in zip(parameters, others, strict=True):
            assert parameter.grad is not None
            parameter.grad.copy_(its_gradient)

    tape.then(forward)
    tape.back(backward)
    tape.is_replayable = False  # a layer may do anything, at any time something else
    return outputs


def unwatched_copy(layer: nn.Module) -> nn.Module:
    """A copy whose calls nobody notices."""
    copied = copy.deepcopy(layer)
    for part in copied.modules():
        for name in HOOKS:
            getattr(part, name).clear()
        vars(part).pop("forward", None)
    return copied


AddLayer = Callable[[Tape, Any, Signal], Signal]


def add_layers(tape: Tape, layers: nn.Sequential, inputs: Signal) -> Signal:
    """Add all layers, one after another; returns the signal of the logits."""
    every: list[Any] = list(layers)
    signal, waiting = inputs, None
    for layer, following in zip_longest(every, every[1:]):
        if waiting is not None:
            signal, waiting = batch_norm_then_linear(tape, waiting, layer, signal), None
            continue
        rule = rule_for(layer, signal)
        if rule is batch_norm and signal.gradient is None and is_linear(following):
            waiting = layer
        elif rule is not None:
            signal = rule(tape, layer, signal)
    return signal


def rule_for(layer: nn.Module, inputs: Signal) -> AddLayer | None:
    """The function that adds a layer; None for one that changes nothing."""
    if is_watched(layer):
        return by_autograd
    if type(layer) in (nn.Flatten, nn.Identity):
        return None
    if is_linear(layer):
        return linear
    if isinstance(layer, StackedAlphaDropout) or type(layer) is nn.AlphaDropout:
        if not layer.training:
            return None
        rate = layer.p if isinstance(layer, nn.AlphaDropout) else layer.rate
        return alpha_dropout if rate > 0 else None
    if isinstance(layer, StackedBatchNorm) or is_usual_batch_norm(layer):
        return batch_norm if layer.training else by_autograd
    if constants_of(layer) is not None and not inputs.is_read_back:
        return elu
    return by_autograd


def without_rule(layers: nn.Sequential) -> list[str]:
    """The classes of the layers whose gradients autograd finds, each once."""
    signal, names = Signal(torch.empty(0), None), []
    for layer in layers:
        rule = rule_for(layer, signal)
        if rule is by_autograd:
            names.append(type(layer).__name__)
        if rule is not None:
            signal = Signal(signal.value, None, is_read_back=rule is elu)
    return list(dict.fromkeys(names))


def is_linear(layer: nn.Module | None) -> bool:
    """Whether a layer is linear, and no other kind made of one, and has no hooks."""
    if isinstance(layer, StackedLinear) or type(layer) is nn.Linear:
        return not is_watched(layer)
    return False
