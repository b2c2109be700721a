"""The small network of question 6, step by step against its gradients written by hand."""

import numpy as np
import pytest
import torch

from theory.sparsity.training import train_embedding, train_network


def normal(draws, *shape):
    return torch.randn(*shape, generator=draws, dtype=torch.float64)


@pytest.mark.parametrize("zeros", [0.0, 0.4], ids=str)
def test_training_follows_the_gradient_written_by_hand(zeros):
    found = train_network(inputs=4, hidden=9, scale=0.5, zeros=zeros, seed=3)
    draws = torch.Generator().manual_seed(3)
    data, targets = normal(draws, 64, 4), normal(draws, 64)
    first = 0.5 / 2 * normal(draws, 9, 4)
    second = 0.5 / 3 * normal(draws, 9)
    first_mask = (torch.rand(9, 4, generator=draws) >= zeros).double()
    second_mask = (torch.rand(9, generator=draws) >= zeros).double()
    first, second = first * first_mask, second * second_mask
    start = torch.cat([first.flatten(), second])
    for _ in range(30):
        hidden = torch.tanh(data @ first.T)
        errors = 2 / 64 * (hidden @ second - targets)
        back = errors[:, None] * second * (1 - hidden**2)
        first = first - 0.1 * first_mask * (back.T @ data)
        second = second - 0.1 * second_mask * (hidden.T @ errors)
    end = torch.cat([first.flatten(), second])
    np.testing.assert_allclose(found.weights, end.numpy(), rtol=1e-9, atol=1e-12)
    change = float((end - start).abs().max() / start.abs().max())
    assert found.largest_relative_change == pytest.approx(change)


def test_an_embedding_moves_the_rows_it_looks_up_towards_their_targets():
    found = train_embedding(words=12, width=2, seed=3)
    draws = torch.Generator().manual_seed(3)
    table, targets = 0.1 * normal(draws, 12, 2), normal(draws, 12, 2)
    chances = 1 / torch.arange(1, 13, dtype=torch.float64)
    chances = chances / chances.sum()
    updates = torch.zeros(12)
    for _ in range(30):
        batch = torch.multinomial(chances, 8, replacement=True, generator=draws)
        times = torch.bincount(batch, minlength=12).double()
        # The gradient of 0.4 times a squared distance is 0.8 times the distance, at a rate of 0.1.
        table = table + 0.08 * times[:, None] * (targets - table)
        updates += times > 0
    np.testing.assert_allclose(found.weights, table.flatten().numpy(), rtol=1e-9, atol=1e-12)
    assert (found.update_counts.reshape(12, 2) == updates.numpy()[:, None]).all()
    expected = float(chances @ ((table - targets) ** 2).sum(dim=1))
    assert found.loss(found.weights) == pytest.approx(expected)


def test_every_row_can_be_looked_up_in_every_step():
    found = train_embedding(words=5, width=2, lookups=None, seed=3)
    assert (found.update_counts == 30).all()


@pytest.mark.parametrize("zeros", [0.0, 0.5], ids=str)
def test_the_harm_of_zeroing_is_the_loss_that_it_adds(zeros):
    found = train_network(inputs=4, hidden=3, zeros=zeros, seed=1)
    draws = torch.Generator().manual_seed(1)
    data, targets = normal(draws, 64, 4), normal(draws, 64)

    def loss(weights):
        first = torch.from_numpy(weights[:12]).reshape(3, 4)
        outputs = torch.tanh(data @ first.T) @ torch.from_numpy(weights[12:])
        return float(((outputs - targets) ** 2).mean())

    without = found.weights.copy()
    without[[1, 13]] = 0.0
    assert found.harm_of_zeroing([1, 13]) == pytest.approx(loss(without) - loss(found.weights))
    assert found.harm_of_zeroing([]) == 0.0
