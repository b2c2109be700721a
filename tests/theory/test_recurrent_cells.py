"""Question 4: hidden states of recurrent cells."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rejection import rejected
from seeded import seeded
from torch import nn

from theory.activations.recurrent import (
    CELLS,
    gru_cell,
    largest_hidden_state,
    lstm_cell,
    simple_cell,
)

SEEDS = st.integers(0, 2**32)


def loaded(module, weight_in, weight_back):
    with torch.no_grad():
        module.weight_ih.copy_(weight_in.T)
        module.weight_hh.copy_(weight_back.T)
    return module


CELL_MODULES = {
    "simple recurrent cell": (simple_cell, nn.RNNCell),
    "LSTM": (lstm_cell, nn.LSTMCell),
    "GRU": (gru_cell, nn.GRUCell),
}


@pytest.mark.parametrize("name", CELLS)
def test_cells_are_torchs(name):
    cell, module = CELL_MODULES[name]
    gates = CELLS[name][1]
    generator = seeded()
    size = 5

    def draw(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    weight_in, weight_back = draw(size, gates * size), draw(size, gates * size)
    inputs, state = draw(3, size), (draw(3, size), draw(3, size))
    with torch.random.fork_rng():
        reference = module(size, size, bias=False, dtype=torch.float64)
    reference = loaded(reference, weight_in, weight_back)
    wanted = reference(inputs, state if name == "LSTM" else state[0])
    found = cell(inputs, state, weight_in, weight_back, torch.tanh)
    for one, other in zip(found, wanted if name == "LSTM" else (wanted,), strict=False):
        assert torch.allclose(one, other.detach(), rtol=1e-12)
    assert CELLS[name][0] is cell


def keeps_states_within_one(cell_of):
    @given(st.sampled_from(sorted(CELLS)), st.floats(0.1, 30), SEEDS)
    @settings(max_examples=30)
    def check(name, scale, seed):
        assert cell_of(name, scale=scale, generator=seeded(seed), size=4, steps=8) <= 1

    return check


def test_hidden_states_lie_within_one():
    keeps_states_within_one(largest_hidden_state)()


def test_those_of_a_cell_without_tanh_do_not():
    with rejected():
        keeps_states_within_one(partial(largest_hidden_state, squash=torch.relu))()


def test_a_state_that_runs_away_ends_the_run():
    found = largest_hidden_state(
        "simple recurrent cell", scale=30.0, generator=seeded(), squash=torch.relu
    )
    assert found == 1e6


def test_sequences_have_inputs_of_their_own():
    found = largest_hidden_state(
        "simple recurrent cell", scale=0.3, generator=seeded(3), size=4, steps=5
    )
    generator = seeded(3)

    def draw(*shape):
        return 0.3 * torch.randn(shape, generator=generator, dtype=torch.float64)

    weight_in, weight_back = draw(4, 4), draw(4, 4)
    state, largest = torch.zeros(64, 4, dtype=torch.float64), 0.0
    for _ in range(5):
        state = torch.tanh(draw(64, 4) @ weight_in + state @ weight_back)
        largest = max(largest, float(state.abs().max()))
    assert found == pytest.approx(largest, rel=1e-12)


def test_hidden_states_grow_with_the_weights():
    small, large = (
        largest_hidden_state("LSTM", scale=scale, generator=seeded()) for scale in (0.1, 3.0)
    )
    assert small < 0.1 < 0.9 < large


def test_hidden_states_come_from_the_generator_alone():
    one, same, other = (
        largest_hidden_state("GRU", scale=1.0, generator=seeded(seed)) for seed in (1, 1, 2)
    )
    assert one == same != other
