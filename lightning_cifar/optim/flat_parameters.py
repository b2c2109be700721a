"""The parameters of a network, or of a stack of networks, as views into one flat tensor."""

from typing import final

import torch
from torch import Tensor, nn

ROW_ALIGNMENT = 16  # elements: members' rows start at multiples, as vectorised kernels prefer


@final
class FlatGroup:
    """The flat tensors of one parameter group; the parameters are views into ``weights``.

    weights, scratch: (members, elements), where row k holds everything of member k.
    """

    def __init__(self, parameters: list[nn.Parameter], members: int) -> None:
        self.sizes = [parameter.numel() // members for parameter in parameters]
        padding = -sum(self.sizes) % ROW_ALIGNMENT
        self.padding = parameters[0].detach().new_zeros((members, padding))
        self.alone = len(parameters) == 1
        self.weights = self._joined([parameter.data for parameter in parameters])
        self.scratch = torch.empty_like(self.weights)
        self.gradient = None if self.alone else torch.empty_like(self.weights)
        rest = self.weights.shape[1] - sum(self.sizes)
        columns = torch.split(self.weights, [*self.sizes, rest], dim=1)
        for parameter, column in zip(parameters, columns, strict=False):
            parameter.data = column.view(parameter.shape)
        self.places = places(parameters)

    def _joined(self, tensors: list[Tensor], out: Tensor | None = None) -> Tensor:
        """Tensors shaped as the parameters, as one (members, elements) tensor."""
        rows = [tensor.reshape(len(self.padding), -1) for tensor in tensors]
        # A parameter that is alone already is such a tensor: nothing to copy.
        return rows[0] if self.alone else torch.cat([*rows, self.padding], dim=1, out=out)

    def holds(self, parameters: list[nn.Parameter]) -> bool:
        """Whether the parameters still live in this buffer (moving a module takes them out)."""
        return self.places == places(parameters)

    def gathered(self, parameters: list[nn.Parameter]) -> Tensor:
        """The gradients as one tensor (members, elements).

        Copying them costs one pass; gradients that are views would cost two (one to set them to
        zero, one to add to them).  Raises: RuntimeError if a parameter has no gradient.
        """
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if len(gradients) < len(parameters):
            raise RuntimeError(
                f"{len(parameters) - len(gradients)} of {len(parameters)} parameters have no "
                "gradient; leave parameters that are not trained out of the optimiser"
            )
        return self._joined(gradients, out=self.gradient)


def places(parameters: list[nn.Parameter]) -> list[tuple[int, torch.Size]]:
    """Address and shape of each parameter: together they tell whether it is still the same view."""
    return [(parameter.data_ptr(), parameter.shape) for parameter in parameters]
