"""Parameters of one network and of a stack in one form: a leading member dimension."""

from torch import Tensor

from lightning_cifar.backprop.tape import WeightGradient


def member_first(parameter: Tensor, dimensions: int) -> tuple[Tensor, Tensor]:
    """Values and gradient of a parameter, with a leading member dimension."""
    values, gradient = parameter.detach(), parameter.grad
    assert gradient is not None
    if values.ndim > dimensions:
        return values, gradient
    return values[None], gradient[None]


def without_member(product: WeightGradient) -> WeightGradient:
    """The matrices of a single network."""
    bias = None if product.bias is None else product.bias[0]
    return WeightGradient(product.of_outputs[0], product.inputs[0], product.weight[0], bias)
