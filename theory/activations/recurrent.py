"""The three usual recurrent cells, written out: where a recurrent network keeps -1 to 1.

Shapes: inputs (batch, size), hidden state (batch, size), weights (size, gates * size). Biases are
left out; they change nothing in what bounds the hidden state.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from theory.nonlinearities import LOGISTIC

State = tuple[Tensor, Tensor]  # hidden state and cell state; only the LSTM uses the second
Squash = Callable[[Tensor], Tensor]
Cell = Callable[[Tensor, State, Tensor, Tensor, Squash], State]


def simple_cell(
    inputs: Tensor, state: State, weight_in: Tensor, weight_back: Tensor, squash: Squash
) -> State:
    """Elman's cell: the squashed sum of input and state."""
    return squash(inputs @ weight_in + state[0] @ weight_back), state[1]


def lstm_cell(
    inputs: Tensor, state: State, weight_in: Tensor, weight_back: Tensor, squash: Squash
) -> State:
    """Hochreiter and Schmidhuber 1997, with forget gate."""
    sums = (inputs @ weight_in + state[0] @ weight_back).chunk(4, dim=-1)
    enter, forget, leave = (LOGISTIC.value(total) for total in (sums[0], sums[1], sums[3]))
    memory = forget * state[1] + enter * squash(sums[2])
    return leave * squash(memory), memory


def gru_cell(
    inputs: Tensor, state: State, weight_in: Tensor, weight_back: Tensor, squash: Squash
) -> State:
    """Cho et al. 2014, in the form that torch uses."""
    from_inputs = (inputs @ weight_in).chunk(3, dim=-1)
    from_state = (state[0] @ weight_back).chunk(3, dim=-1)
    reset = LOGISTIC.value(from_inputs[0] + from_state[0])
    keep = LOGISTIC.value(from_inputs[1] + from_state[1])
    candidate = squash(from_inputs[2] + reset * from_state[2])
    return (1 - keep) * candidate + keep * state[0], state[1]


CELLS: dict[str, tuple[Cell, int]] = {
    "simple recurrent cell": (simple_cell, 1),
    "LSTM": (lstm_cell, 4),
    "GRU": (gru_cell, 3),
}


def largest_hidden_state(
    name: str,
    *,
    scale: float,
    generator: torch.Generator,
    squash: Squash = torch.tanh,
    size: int = 16,
    steps: int = 50,
) -> float:
    """Return the largest size of a hidden state's entry over ``steps`` steps from zero.

    ``scale`` is the standard deviation of inputs and of every weight; 64 sequences are run.
    ``squash`` is the function of the cell's candidates, tanh in every usual cell. Ends early where
    a state passes 1e6.
    """
    cell, gates = CELLS[name]

    def draw(*shape: int) -> Tensor:
        return scale * torch.randn(shape, generator=generator, dtype=torch.float64)

    weight_in, weight_back = draw(size, gates * size), draw(size, gates * size)
    state = (torch.zeros(64, size, dtype=torch.float64),) * 2
    largest = 0.0
    for _ in range(steps):
        state = cell(draw(64, size), state, weight_in, weight_back, squash)
        largest = max(largest, float(state[0].abs().max()))
        if not largest <= 1e6:
            return 1e6
    return largest
