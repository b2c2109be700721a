"""The parameters of a network, or of a stack of networks, as views into one flat tensor."""

import math
from typing import final

import torch
from torch import Tensor, nn

ROW_ALIGNMENT = 16  # elements: members' rows start at multiples, as vectorised kernels prefer


@final
class FlatGroup:
    """The flat tensors of one parameter group; parameters and gradients are views into them.

    weights, gradient, scratch: (members, elements), where row k holds everything of member k.
    never: infinity, as the number of steps after which a correction of averages is over.
    """

    def __init__(self, parameters: list[nn.Parameter], members: int) -> None:
        self.members = members
        self.sizes = [parameter.numel() // members for parameter in parameters]
        # A parameter that is alone stays contiguous, whatever the number of members.
        alignment = 1 if len(parameters) == 1 else ROW_ALIGNMENT
        elements = -(-sum(self.sizes) // alignment) * alignment
        self.weights = parameters[0].detach().new_zeros((members, elements))
        self.gradient = torch.zeros_like(self.weights)
        self.scratch = torch.empty_like(self.weights)
        self.never = torch.full((), math.inf, dtype=torch.float32, device=self.weights.device)
        self.shapes = [parameter.shape for parameter in parameters]
        for parameter, place in zip(parameters, self.parts(self.weights), strict=True):
            place.copy_(parameter.detach())
            parameter.data = place
        self.places = places(parameters)
        self.gradients = self.parts(self.gradient)

    def parts(self, rows: Tensor) -> list[Tensor]:
        """The part of each parameter, in its shape, in a tensor shaped as the weights."""
        rest = rows.shape[1] - sum(self.sizes)
        columns = torch.split(rows, [*self.sizes, rest], dim=1)[: len(self.sizes)]
        return [part.view(shape) for part, shape in zip(columns, self.shapes, strict=True)]

    def holds(self, parameters: list[nn.Parameter]) -> bool:
        """Whether the parameters still live in this buffer (moving a module takes them out)."""
        return self.places == places(parameters)

    def attach_gradients(self, parameters: list[nn.Parameter]) -> None:
        """Let each parameter's ``grad`` be its part of ``gradient``."""
        for parameter, gradient in zip(parameters, self.gradients, strict=True):
            if parameter.grad is not gradient:
                parameter.grad = gradient

    def gathered(self, parameters: list[nn.Parameter]) -> Tensor:
        """The gradients as one tensor (members, elements).

        Those of autograd are copied, which costs one pass; if they were views it would take two,
        one to set them to zero and one to add to them.
        Raises: RuntimeError if a parameter has no gradient.
        """
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if len(gradients) < len(parameters):
            raise RuntimeError(
                f"{len(parameters) - len(gradients)} of {len(parameters)} parameters have no "
                "gradient; freeze parameters before the fit, or leave them out of the optimiser"
            )
        if any(mine is not own for mine, own in zip(gradients, self.gradients, strict=True)):
            rows = [each.reshape(self.members, -1) for each in gradients]
            # Into another buffer: some of them may be parts of this one.
            filled = self.scratch[:, : sum(self.sizes)]
            self.gradient[:, : sum(self.sizes)] = torch.cat(rows, dim=1, out=filled)
        return self.gradient


def places(parameters: list[nn.Parameter]) -> list[int]:
    """The address of each parameter: together they tell whether it is still the same view."""
    return [parameter.data_ptr() for parameter in parameters]
