"""What each claim of question 2 comes to when it is tried."""

from functools import partial

from theory.biases.checks import (
    HALF_OR_WHOLE,
    ZERO_OR_DRAWN,
    Remedy,
    Trial,
    counts_of_defaults,
    cures,
    depends_on_the_problem,
    is_not_optimal,
    loses_the_gradient,
    needs_the_start,
    starts_at_zero,
)
from theory.biases.propagation import HE, Biases
from theory.biases.published import FAMILIES
from theory.claim import Evidence

_RARE = 0.01
_FAN_IN = 100
_RULES = {"He's rule": HE, "Glorot's rule": 1.0}  # variances in units of 1 / fan_in, equal fans


def zero_is_common() -> Evidence:
    """Q2.1: published picture networks, one of each family, by the start of their biases."""
    counts = {family.name: (family.biases, family.zero) for family in FAMILIES}
    return starts_at_zero(counts, "dense and convolution layers of published networks, by family")


def zero_is_common_among_defaults() -> Evidence:
    """Control of Q2.1: the same layers as PyTorch builds them by default."""
    return starts_at_zero(counts_of_defaults(), "dense and convolution layers of PyTorch, by kind")


def zero_is_not_always_optimal() -> Evidence:
    """Q2.2: two places where zero biases cost something."""
    return is_not_optimal(rates=(_RARE,), shapes=((3, 5),))


def zero_is_not_optimal_in_easy_cases() -> Evidence:
    """Control of Q2.2: balanced classes and the exercise's wide layers."""
    return is_not_optimal(rates=(0.5,), shapes=((100, 20),))


def the_start_gives_the_shift() -> Evidence:
    """Q2.3: networks whose biases start at 0 learn functions that need shifted units."""
    return needs_the_start(trained=True)


def the_start_gives_the_shift_of_fixed_biases() -> Evidence:
    """Control of Q2.3: biases that are no parameters, which do keep their start."""
    return needs_the_start(trained=False)


def zero_biases_lose_the_gradient() -> Evidence:
    """Q2.4: deep networks with zero biases beside the same with drawn ones."""
    return loses_the_gradient(ZERO_OR_DRAWN)


def halved_weights_lose_the_gradient() -> Evidence:
    """Control of Q2.4: halved weights beside whole ones, zero biases in both."""
    return loses_the_gradient(HALF_OR_WHOLE)


def a_small_constant_cures() -> Evidence:
    """Q2.5: biases of 0.01 in networks that do lose their gradient."""
    return cures(_with_biases(Biases(constant=0.01)), "biases of 0.01")


def the_right_weights_cure() -> Evidence:
    """Control of Q2.5: He's variance for the weights, biases 0."""
    return cures(_with_weights(HE), "weights by He's rule")


def random_biases_cure() -> Evidence:
    """Q2.6: biases drawn by the rules of He and Glorot, with the fan-in of their layer."""
    found = (
        cures(_with_biases(Biases(variance=variance / _FAN_IN)), f"biases by {rule}")
        for rule, variance in _RULES.items()
    )
    return _both(*found)


def random_weights_cure() -> Evidence:
    """Control of Q2.6: the same rules for the weights, where they belong."""
    found = (
        cures(_with_weights(variance), f"weights by {rule}") for rule, variance in _RULES.items()
    )
    return _both(*found)


def _both(first: Evidence, second: Evidence) -> Evidence:
    return Evidence(first.cases + second.cases, first.sanity + second.sanity)


def the_best_start_depends() -> Evidence:
    """Q2.7: zero biases against a better start, by problem."""
    return depends_on_the_problem(rates=(0.5, _RARE), targets=("odd", "even"))


def the_best_start_depends_in_easy_cases() -> Evidence:
    """Control of Q2.7: problems on which zero biases lose nothing."""
    return depends_on_the_problem(rates=(0.5,), targets=("odd",))


def _with_biases(biases: Biases) -> Remedy:
    return partial(_changed_biases, biases)


def _changed_biases(biases: Biases, trial: Trial) -> Trial:
    return Trial(trial.weight_variance, biases)


def _with_weights(variance: float) -> Remedy:
    return lambda trial: Trial(variance, trial.biases)
