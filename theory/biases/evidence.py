"""What each claim of question 2 comes to when it is tried."""

from functools import partial

from theory.biases.judges import (
    DENSE_AND_CONVOLUTION,
    LAYERS_WITH_BIAS,
    TARGETS,
    Remedy,
    Trial,
    accepts,
    cures,
    depends_on_the_problem,
    is_not_optimal,
    loses_the_gradient,
    needs_the_start,
    starts_at_zero,
)
from theory.biases.propagation import HE, Biases
from theory.claim import Evidence

_RARE = 0.01


def zero_is_common() -> Evidence:
    """Q2.1: torch's own layers, by the start of their biases."""
    return starts_at_zero(LAYERS_WITH_BIAS)


def zero_is_common_in_dense_layers() -> Evidence:
    """Control of Q2.1: only the layers of torch that draw their biases."""
    return starts_at_zero(DENSE_AND_CONVOLUTION)


def zero_is_not_always_optimal() -> Evidence:
    """Q2.2: what zero biases cost, by where they stand."""
    return is_not_optimal(rates=(0.5, _RARE), shapes=((100, 20), (3, 5)))


def zero_is_not_optimal_in_easy_cases() -> Evidence:
    """Control of Q2.2: balanced classes and the exercise's wide layers only."""
    return is_not_optimal(rates=(0.5,), shapes=((100, 20),))


def the_start_gives_the_shift() -> Evidence:
    """Q2.3: a unit whose bias starts at 0 learns an offset of 3."""
    return needs_the_start(trained=True)


def the_start_gives_the_shift_of_fixed_biases() -> Evidence:
    """Control of Q2.3: biases that are no parameters, which do keep their start."""
    return needs_the_start(trained=False)


def zero_biases_lose_the_gradient() -> Evidence:
    """Q2.4: the gradient through deep ReLU networks with zero biases."""
    return loses_the_gradient(weight_gain=1.0)


def halved_weights_lose_the_gradient() -> Evidence:
    """Control of Q2.4: zero biases as well, and every weight halved."""
    return loses_the_gradient(weight_gain=0.5)


def a_small_constant_cures() -> Evidence:
    """Q2.5: biases of 0.01 in networks that do lose their gradient."""
    return cures(_with_biases(Biases(constant=0.01)))


def the_right_weights_cure() -> Evidence:
    """Control of Q2.5: He's variance for the weights, biases 0."""
    return cures(_with_right_weights)


def random_biases_cure() -> Evidence:
    """Q2.6: the rules of He and Glorot for bias vectors, and what drawn biases change."""
    drawn = cures(_with_biases(Biases(variance=1.0 / 300.0)))
    return Evidence(accepts(dimensions=1).cases + drawn.cases, drawn.sanity)


def random_weights_cure() -> Evidence:
    """Control of Q2.6: the same rules for weight matrices, where they belong."""
    drawn = cures(_with_right_weights)
    return Evidence(accepts(dimensions=2).cases + drawn.cases, drawn.sanity)


def the_best_start_depends() -> Evidence:
    """Q2.7: zero biases against a better start, by problem."""
    return depends_on_the_problem(rates=(0.5, _RARE), targets=tuple(TARGETS))


def the_best_start_depends_in_easy_cases() -> Evidence:
    """Control of Q2.7: problems on which zero biases lose nothing."""
    return depends_on_the_problem(rates=(0.5,), targets=("odd",))


def _with_biases(biases: Biases) -> Remedy:
    return partial(_changed_biases, biases)


def _changed_biases(biases: Biases, trial: Trial) -> Trial:
    return Trial(trial.weight_variance, biases)


def _with_right_weights(trial: Trial) -> Trial:
    return Trial(HE, trial.biases)
