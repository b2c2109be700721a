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


def test_an_embedding_shrinks_the_rows_it_looks_up():
    found = train_embedding(words=12, width=2, seed=3)
    draws = torch.Generator().manual_seed(3)
    table = normal(draws, 12, 2)
    rows = torch.stack([torch.randint(12, (8,), generator=draws) for _ in range(30)])
    updates = torch.zeros(12)
    for batch in rows:
        times = torch.bincount(batch, minlength=12).double()
        table = table * (1 - 0.2 * times)[:, None]  # the gradient of x^2 is 2 x, at a rate of 0.1
        updates += times > 0
    # A row looked up five times in one batch is 0, to the last bit or not quite.
    np.testing.assert_allclose(found.weights, table.flatten().numpy(), rtol=1e-9, atol=1e-15)
    assert (found.update_counts.reshape(12, 2) == updates.numpy()[:, None]).all()
