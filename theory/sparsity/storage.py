"""What zeros save: bytes and multiplications of a layer in several forms.

Every form is measured on the real object: a tensor, a masked PyTorch module, a compressed matrix.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch import nn
from torch.nn.utils import prune
from torch.utils.flop_counter import FlopCounterMode

from theory.sparsity.lasso import Array


@dataclass(frozen=True)
class Cost:
    """Cost of keeping and of applying a layer.

    Attributes:
        stored_bytes: bytes of everything that must be kept.
        operations: multiplications and additions for one input.
    """

    stored_bytes: int
    operations: int


def module_cost(module: nn.Module, inputs: int) -> Cost:
    """Cost of a PyTorch module applied to one input of size ``inputs``."""
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        module(torch.zeros(1, inputs))
    stored = sum(tensor.nbytes for tensor in module.state_dict().values())
    return Cost(stored, counter.get_total_flops())


def compressed_cost(weights: Array) -> Cost:
    """Cost of a compressed sparse row matrix: each non-zero value with its column number."""
    matrix = sparse.csr_matrix(weights)
    stored = matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
    return Cost(int(stored), 2 * int(matrix.nnz))


def counted_by_hand(weights: Array) -> Cost:
    """Cost if every zero were free, wherever it is: the naive count, right for no real form."""
    nonzero = int(np.count_nonzero(weights))
    return Cost(nonzero * weights.itemsize, 2 * nonzero)


def linear(weights: Array) -> nn.Linear:
    """Linear layer without biases that holds ``weights`` (outputs, inputs)."""
    # By way of the meta device, as the usual initialisation draws from the global generator.
    layer = nn.Linear(weights.shape[1], weights.shape[0], bias=False, device="meta")
    layer = layer.to_empty(device="cpu")
    layer.load_state_dict({"weight": torch.from_numpy(weights)})
    return layer


def masked_linear(weights: Array, share: float) -> nn.Linear:
    """The same layer with PyTorch's own pruning mask attached."""
    layer = linear(weights)
    prune.l1_unstructured(layer, "weight", amount=share)  # type: ignore[no-untyped-call]
    return layer
