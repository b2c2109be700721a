"""What a batch normalisation adds to a tape, alone or with the linear layer behind it."""

from functools import partial

import torch
from torch import Tensor, nn

from lightning_cifar.backprop.members import member_first, without_member
from lightning_cifar.backprop.stacked_layers import StackedBatchNorm, StackedLinear
from lightning_cifar.backprop.tape import Signal, Tape, WeightGradient
from lightning_cifar.errors import InputError


def batch_norm(tape: Tape, layer: nn.BatchNorm1d | StackedBatchNorm, inputs: Signal) -> Signal:
    """Normalise over the batch; the members' features stand side by side as channels."""
    if inputs.value.ndim == 2:
        inputs = repeated(tape, inputs)
    weight, of_weight = member_first(layer.weight, 1)
    bias, of_bias = member_first(layer.bias, 1)
    members, features = weight.shape
    outputs = Signal(tape.activations(features), tape.activations(features))
    into_place = []
    if members > 1:  # rows of a stack lie far from each other: the kernel has copies
        rows = [tape.buffer(members, features) for _ in range(4)]
        tape.then(rows[0].copy_, weight)
        tape.then(rows[1].copy_, bias)
        into_place = [partial(of_weight.copy_, rows[2]), partial(of_bias.copy_, rows[3])]
        weight, bias, of_weight, of_bias = rows
    scale, shift = weight.view(-1), bias.view(-1)
    mean, deviation = normalise(tape, layer, inputs.value, scale, shift, outputs.value)
    assert outputs.gradient is not None
    # Asked for in any case: the kernel with buffers knows no other way.
    of_inputs = tape.activations(features) if inputs.gradient is None else inputs.gradient
    tape.back(
        partial(
            torch.ops.aten.native_batch_norm_backward.out,
            *(channels(outputs.gradient), channels(inputs.value), scale, *running(layer)),
            *(mean, deviation, True, layer.eps, [True, True, True]),
            out0=channels(of_inputs),
            out1=of_weight.view(-1),
            out2=of_bias.view(-1),
        ),
        *into_place,
    )
    return outputs


def normalise(
    tape: Tape,
    layer: nn.BatchNorm1d | StackedBatchNorm,
    inputs: Tensor,
    scale: Tensor | None,
    shift: Tensor | None,
    outputs: Tensor,
) -> tuple[Tensor, Tensor]:
    """Add the forward calls of a batch normalisation.

    scale, shift: (members * features,) each; None for 1 and 0.
    Returns: where the batch's means and inverse deviations will be, (members * features,) each.
    Raises: InputError for a batch of one image, which has no variance.
    """
    if tape.batch < 2:
        raise InputError(
            "batch normalisation needs two or more images in a batch, got 1; give a larger "
            "data.batch_size"
        )
    assert layer.num_batches_tracked is not None
    size = inputs.shape[0] * inputs.shape[-1]
    mean, deviation = tape.buffer(size), tape.buffer(size)
    tape.then(layer.num_batches_tracked.add_, 1)
    tape.then(
        torch.native_batch_norm,
        *(channels(inputs), scale, shift, *running(layer), True, layer.momentum, layer.eps),
        out=(channels(outputs), mean, deviation),
    )
    return mean, deviation


def running(layer: nn.BatchNorm1d | StackedBatchNorm) -> tuple[Tensor, Tensor]:
    """The running means and variances, (members * features,) each."""
    assert layer.running_mean is not None
    assert layer.running_var is not None
    return layer.running_mean.view(-1), layer.running_var.view(-1)


def batch_norm_then_linear(
    tape: Tape,
    norm: nn.BatchNorm1d | StackedBatchNorm,
    layer: nn.Linear | StackedLinear,
    inputs: Signal,
) -> Signal:
    """Both layers where nobody needs the gradient of their inputs.

    With G the product of the outputs' gradient and the normalised inputs, and s the sum of that
    gradient over the batch, the gradients are: of the weights G * scale + s shift', of the scale
    the sum of weight * G over the outputs, of the shift s' weight. The gradient of what lies
    between the two layers, as large as the inputs, is never made.
    """
    if inputs.value.ndim == 2:
        inputs = repeated(tape, inputs)
    scale, of_scale = member_first(norm.weight, 1)
    shift, of_shift = member_first(norm.bias, 1)
    weight, of_weight = member_first(layer.weight, 2)
    bias, of_bias = (None, None) if layer.bias is None else member_first(layer.bias, 1)
    members, features = scale.shape
    normalised, between = tape.activations(features), tape.activations(features)
    normalise(tape, norm, inputs.value, None, None, normalised)
    tape.then(torch.addcmul, shift[:, None], normalised, scale[:, None], out=between)
    outputs = Signal(tape.activations(weight.shape[1]), tape.activations(weight.shape[1]))
    assert outputs.gradient is not None
    tape.forward_calls += tape.wide_product(between, weight.mT, outputs.value, bias)
    sums = tape.buffer(members, weight.shape[1]) if of_bias is None else of_bias
    product = WeightGradient(outputs.gradient, normalised, of_weight, sums)
    tape.products.append(product if tape.members > 1 else without_member(product))
    per_feature = (scale, shift, of_scale, of_shift)
    scaled = tape.buffer(*weight.shape)
    tape.after_products.append(partial(through_scale, weight, of_weight, per_feature, sums, scaled))
    return outputs


def through_scale(
    weight: Tensor,
    of_weight: Tensor,
    per_feature: tuple[Tensor, Tensor, Tensor, Tensor],
    sums: Tensor,
    scaled: Tensor,
) -> None:
    """The gradients of scale, shift and weights (members, outputs, features) by G and s.

    of_weight: G, which becomes the gradient of the weights.
    per_feature: scale, shift and where their gradients go, (members, features) each.
    sums: s, (members, outputs).
    scaled: a buffer as large as the weights.
    """
    scale, shift, of_scale, of_shift = per_feature
    torch.sum(torch.mul(weight, of_weight, out=scaled), 1, out=of_scale)
    torch.bmm(sums[:, None], weight, out=of_shift[:, None])
    of_weight.mul_(scale[:, None]).addcmul_(sums[..., None], shift[:, None])


def repeated(tape: Tape, shared: Signal) -> Signal:
    """Images that all members share, once for each of them."""
    own = tape.activations(shared.value.shape[-1])
    tape.then(own.copy_, shared.value)
    return Signal(own, None)


def channels(values: Tensor) -> Tensor:
    """(members, batch, features) as (batch, members * features), without a copy."""
    return values.transpose(0, 1).view(values.shape[1], -1)


def is_usual_batch_norm(layer: nn.Module) -> bool:
    """Whether a layer has weights and running statistics with a momentum."""
    return (
        type(layer) is nn.BatchNorm1d
        and layer.affine
        and layer.track_running_stats
        and layer.momentum is not None
    )
