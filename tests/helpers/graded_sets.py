"""Predictions with labels that agree with them more often than by chance."""

import torch
from hypothesis import strategies as st

SEEDS = st.integers(0, 2**32 - 1)


def graded_set(seed, *, images=60, classes=4, sharpness=1.0, ties=False):
    """Log-probabilities (images, classes) and labels; with sharpness 1 they are exactly right."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(images, classes, generator=generator, dtype=torch.float64)
    labels = torch.multinomial(logits.softmax(1), 1, generator=generator).squeeze(1)
    log_probabilities = (sharpness * logits).log_softmax(1)
    # Eighths are exact, so that equal confidences are equal in every computation.
    return (log_probabilities * 8).round() / 8 if ties else log_probabilities, labels
