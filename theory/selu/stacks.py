"""Deep stacks that keep SELU's assumptions, and stacks that break them: the mean square in depth.

Every function follows a wide network with independent weights through ``depth`` layers and returns
the mean square of the last layer's activations, given that of the inputs. Weight variances are in
units of ``1 / fan_in``.
"""

from theory.nonlinearities import SELU_ALPHA, SELU_LAMBDA, Nonlinearity
from theory.signal import next_mean_square, normal_mean, propagate


def plain(
    nonlinearity: Nonlinearity, *, depth: int, weight_variance: float, mean_square: float
) -> float:
    """Dense layers, one after the other."""
    signal = propagate(
        nonlinearity, depth=depth, weight_variance=weight_variance, mean_square=mean_square
    )
    return signal.mean_squares[-1]


def with_dropout(
    nonlinearity: Nonlinearity,
    *,
    depth: int,
    weight_variance: float,
    mean_square: float,
    probability: float = 0.2,
) -> float:
    """Dense layers, each followed by ordinary dropout, which scales what it keeps."""
    for _ in range(depth):
        before_dropout = next_mean_square(
            nonlinearity, mean_square, weight_variance=weight_variance
        )
        mean_square = before_dropout / (1 - probability)
    return mean_square


def with_alpha_dropout(
    nonlinearity: Nonlinearity,
    *,
    depth: int,
    weight_variance: float,
    mean_square: float,
    probability: float = 0.2,
) -> float:
    """Dense layers, each followed by alpha dropout (Klambauer et al. 2017, section 2).

    Dropped activations become SELU's lower limit; a scale and a shift then restore mean 0 and
    variance 1.
    """
    limit = -SELU_LAMBDA * SELU_ALPHA
    scale = ((1 - probability) * (1 + probability * limit**2)) ** -0.5
    shift = -scale * probability * limit
    for _ in range(depth):
        mean = normal_mean(nonlinearity.value, variance=weight_variance * mean_square)
        square = next_mean_square(nonlinearity, mean_square, weight_variance=weight_variance)
        mean = (1 - probability) * mean + probability * limit
        square = (1 - probability) * square + probability * limit**2
        mean_square = scale**2 * square + 2 * scale * shift * mean + shift**2
    return mean_square


def with_skips(
    nonlinearity: Nonlinearity, *, depth: int, weight_variance: float, mean_square: float
) -> float:
    """Dense layers, each added to its own inputs.

    A layer's output does not depend on the one input it is added to when the layer is wide, so
    their product has the mean of the product of their means.
    """
    mean = 0.0
    for _ in range(depth):
        added = normal_mean(nonlinearity.value, variance=weight_variance * mean_square)
        square = next_mean_square(nonlinearity, mean_square, weight_variance=weight_variance)
        mean_square = mean_square + 2 * mean * added + square
        mean += added
    return mean_square
