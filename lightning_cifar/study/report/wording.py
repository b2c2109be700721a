"""Findings in words: every verdict word comes from a test, every figure with its interval."""

import math
from collections.abc import Sequence

from lightning_cifar.study.report.contrasts import (
    BETTER,
    DESCRIBED,
    EQUIVALENT,
    MISSING,
    UNDECIDED,
    WORSE,
    Finding,
)
from lightning_cifar.study.report.measures import Measure
from lightning_cifar.study.statistics import seeds_needed

FASTER, SLOWER = "faster", "slower"


def verdict_word(found: Finding) -> str:
    """The verdict; of epochs and seconds fewer are "faster"."""
    if found.contrast.measure.unit in ("epochs", "seconds"):
        return {BETTER: FASTER, WORSE: SLOWER}.get(found.verdict, found.verdict)
    return found.verdict


def figure(value: float, measure: Measure) -> str:
    """A figure with its unit: ``52.14 %``, ``12.3 epochs``."""
    if math.isnan(value):
        return "none"
    unit = {"points": " %", "": ""}.get(measure.unit, f" {measure.unit}")
    return f"{value:.{measure.digits}f}{unit}"


def signed(value: float, measure: Measure) -> str:
    """A difference with its sign and without unit; no zero with a sign."""
    written = f"{value:+.{measure.digits}f}"
    return written.lstrip("+-") if float(written) == 0 else written


def difference(value: float, measure: Measure) -> str:
    """A difference with its sign and unit."""
    return f"{signed(value, measure)} {measure.unit}".rstrip()


def interval(found: Finding) -> str:
    """``+2.80 to +3.42``."""
    assert found.comparison is not None
    measure = found.contrast.measure
    return f"{signed(found.comparison.low, measure)} to {signed(found.comparison.high, measure)}"


def p_value(value: float) -> str:
    """Three decimals where they tell something, two above 0.1; no false zero."""
    if value < 5e-4:
        return "below 0.001"
    return f"{value:.3f}" if value < 0.0995 else f"{value:.2f}"


def side_names(found: Finding) -> tuple[str, str]:
    """How the two sides are told apart: by variant, else by set-up, else by way to predict."""
    first, second = found.contrast.first, found.contrast.second
    if first.variant != second.variant:
        return f"`{first.variant}`", f"`{second.variant}`"
    if first.set_up != second.set_up:
        return f"`{first.set_up}`", f"`{second.set_up}`"
    return way_name(first.measure.key), way_name(second.measure.key)


def way_name(key: str) -> str:
    """The way to predict in a measure's key."""
    if key.startswith("monte_carlo"):
        return "Monte Carlo dropout"
    return "temperature scaling" if key.startswith("temperature") else "the plain prediction"


def comparison_sentences(found: Finding | None) -> list[str]:
    """What was measured, what follows, and how sure it is; nothing for what is missing."""
    if found is None or found.comparison is None:
        return []
    return [conclusion(found), measured(found), *noise_sentences(found), *left_out(found)]


def measured(found: Finding) -> str:
    """Both means, the difference, its interval and its test."""
    comparison, measure = found.comparison, found.contrast.measure
    assert comparison is not None
    (first, second), (mean_1, mean_2) = side_names(found), found.means
    return (
        f"{capital(measure.title)}: {first} {figure(mean_1, measure)}, {second} "
        f"{figure(mean_2, measure)}; difference **{difference(comparison.mean, measure)}** (95 % "
        f"interval {interval(found)}; {len(comparison.differences)} seeds{test_words(found)})."
    )


def test_words(found: Finding) -> str:
    """The test, before and after the correction; nothing for what is only described."""
    if found.comparison is None or not found.contrast.tested:
        return ""
    words = f"; exact sign-flip test p = {p_value(found.comparison.p_value)}"
    if found.family == 1:
        return words
    adjusted = p_value(found.comparison.p_adjusted)
    return f"{words}, after Holm's correction for {found.family} comparisons {adjusted}"


def conclusion(found: Finding) -> str:
    """What the tests allow to say."""
    assert found.comparison is not None
    first, second = side_names(found)
    word = verdict_word(found)
    if found.verdict == DESCRIBED:
        return (
            f"The difference between {first} and {second} is described and not tested: with so few "
            "seeds no test could come out."
        )
    if found.verdict in (BETTER, WORSE):
        than = f"{capital(first)} is {word} than {second}: random signs of the differences would "
        return than + "rarely give so large a mean." + margin_note(found)
    if found.verdict == EQUIVALENT:
        return f"{capital(first)} and {second} are equivalent" + within_margin(found) + "."
    return undecided(found)


def undecided(found: Finding) -> str:
    """Why nothing is claimed."""
    comparison = found.comparison
    assert comparison is not None
    needed, seeds = seeds_needed(found.family), len(comparison.differences)
    if seeds < needed:
        return (
            f"There is not enough evidence: with {seeds} seeds no difference can pass the test at "
            f"all; it would take {needed}."
        )
    unit = found.contrast.measure.unit
    text = (
        "There is not enough evidence for a difference in either direction: the runs are "
        f"compatible with anything from {interval(found)} {unit}".rstrip()
        + "."
    )
    return text + margin_note(found)


def margin_note(found: Finding) -> str:
    """Where a margin was declared: whether the difference is shown to be within it."""
    if found.equivalence is None:
        return ""
    if found.is_equivalent:
        return " It is small, though: it lies" + within_margin(found) + "."
    margin = f"±{found.contrast.margin:g} {found.contrast.measure.unit}"
    return (
        f" Equivalence within {margin} is not shown (two one-sided tests, "
        f"p = {p_value(found.equivalence)})."
    )


def within_margin(found: Finding) -> str:
    """The margin and the p value of equivalence."""
    assert found.equivalence is not None
    margin = f"±{found.contrast.margin:g} {found.contrast.measure.unit}"
    return f" within the margin of {margin} (two one-sided tests, p = {p_value(found.equivalence)})"


def noise_sentences(found: Finding) -> list[str]:
    """The two noises of a difference of test accuracies, apart and together."""
    if found.noises is None or found.comparison is None or found.noises.over_both == 0:
        return []
    noises = found.noises
    errors = abs(found.comparison.mean) / noises.over_both
    return [
        f"Two noises are in that difference: its standard error is {noises.over_seeds:.2f} points "
        f"over other seeds, {noises.over_images:.2f} over other test images and "
        f"{noises.over_both:.2f} over both; it is {errors:.1f} such errors away from zero. The "
        "interval and the test above are over seeds, for these very images."
    ]


def left_out(found: Finding) -> list[str]:
    """Seeds that were to be compared and could not."""
    failed = found.comparison.failed if found.comparison else 0
    if not failed:
        return []
    verb = "has" if failed == 1 else "have"
    return [
        f"{failed} {plural('seed', failed)} planned on both sides {verb} no such figure on one of "
        "them, because a run failed, is missing or never got there, and could not be compared."
    ]


def plural(word: str, count: int) -> str:
    """``seed`` or ``seeds``."""
    return word if count == 1 else f"{word}s"


def capital(words: str) -> str:
    """The first letter a capital."""
    return words[:1].upper() + words[1:]


def listed(names: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


TONES = {
    BETTER: "true",
    FASTER: "true",
    WORSE: "false",
    SLOWER: "false",
    EQUIVALENT: "depends",
    UNDECIDED: "not-checkable",
    DESCRIBED: "not-checkable",
    MISSING: "not-checkable",
}
