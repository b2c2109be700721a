"""Temperature scaling finds the minimum of the NLL, and nothing else changes."""

import math

import pytest
import torch
from controls import assert_rejects
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from lightning_cifar.errors import InputError
from lightning_cifar.uncertainty.temperature import (
    HIGHEST,
    LOWEST,
    fit_temperature,
    scaled_log_probabilities,
)


def logits_and_labels(seed, *, images=200, temperature=1.0):
    """Labels drawn from softmax(logits / temperature)."""
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(images, 5, generator=generator)
    labels = torch.multinomial((logits / temperature).softmax(1), 1, generator=generator)
    return logits, labels.squeeze(1)


def lies_at_the_minimum(fit):
    @given(st.integers(0, 2**32 - 1), st.floats(0.5, 5))
    def check(seed, temperature):
        logits, labels = logits_and_labels(seed, temperature=temperature)
        fitted = fit(logits, labels)

        def nll(temperature):
            return float(cross_entropy(logits.double() / temperature, labels))

        # Neighbours 0.1 % away are worse; only the bounds of the search may cut a descent off.
        assert LOWEST <= fitted <= HIGHEST
        for neighbour in (fitted * 0.999, fitted * 1.001):
            if LOWEST * 1.01 < fitted < HIGHEST / 1.01:
                assert nll(fitted) < nll(neighbour)

    return check


def test_the_temperature_minimises_the_nll():
    lies_at_the_minimum(fit_temperature)()


def inverse(logits, labels):
    return 1 / fit_temperature(logits, labels)


def of_shuffled_labels(logits, labels):
    return fit_temperature(logits, labels.flip(0))


def of_one_step(logits, labels):
    return 1.05 * fit_temperature(logits, labels)


@pytest.mark.parametrize("mutant", [inverse, of_shuffled_labels, of_one_step])
def test_another_temperature_is_caught(mutant):
    assert_rejects(lies_at_the_minimum(mutant))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_a_known_temperature_is_found_again(temperature):
    # 20,000 images determine it to about 1 %; the bound is eight times as wide.
    logits, labels = logits_and_labels(0, images=20_000, temperature=temperature)
    assert fit_temperature(logits, labels) == pytest.approx(temperature, rel=0.08)


def test_scaling_keeps_classes_and_softens():
    logits, _ = logits_and_labels(0)
    scaled = scaled_log_probabilities(logits, 3.0)
    assert torch.equal(scaled.argmax(1), logits.argmax(1))
    assert (scaled.amax(1) < logits.log_softmax(1).amax(1)).all()
    assert torch.equal(scaled_log_probabilities(logits, 1.0), logits.log_softmax(1))


def test_perfect_predictions_end_at_the_bound():
    logits, _ = logits_and_labels(0)
    assert fit_temperature(logits, logits.argmax(1)) == pytest.approx(LOWEST, rel=0.5)


def test_unusable_logits_are_refused():
    logits, labels = logits_and_labels(0)
    with pytest.raises(InputError, match="got 199 labels for 200 images"):
        fit_temperature(logits, labels[:-1])
    with pytest.raises(InputError, match="got 0 labels"):
        fit_temperature(logits[:0], labels[:0])
    logits[3, 2] = math.nan
    with pytest.raises(InputError, match="must be finite"):
        fit_temperature(logits, labels)
