"""Figures in words: what the templates call to write a number."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from lightning_cifar.study.contrasts import Finding
from lightning_cifar.study.measures import WAYS, Measure
from lightning_cifar.study.records import StudyRecord
from lightning_cifar.study.statistics import seeds_needed

SOURCES = {
    "folder": "a JPEG copy of CIFAR-10, not the official archive",
    "official": "the official archive of CIFAR-10",
    "cifar100": "the official archive of CIFAR-100",
    "synthetic": "made-up images, not CIFAR-10",
}


def figure(value: float, measure: Measure) -> str:
    """A figure with its unit: ``52.14 %``, ``12.3 epochs``."""
    unit = {"points": " %", "": ""}.get(measure.unit, f" {measure.unit}")
    return "none" if math.isnan(value) else f"{value:.{measure.digits}f}{unit}"


def signed(value: float, measure: Measure) -> str:
    """A difference with its sign and without unit; no zero with a sign."""
    written = f"{value:+.{measure.digits}f}"
    return written.lstrip("+-") if float(written) == 0 else written


def difference(value: float, measure: Measure) -> str:
    """A difference with its sign and unit."""
    return f"{signed(value, measure)} {measure.unit}".rstrip()


def figure_of_difference(value: float, measure: Measure) -> str:
    """The size of a difference with its unit, without a sign."""
    return f"{value:.{measure.digits}f} {measure.unit}".rstrip()


def interval(found: Finding) -> str:
    """``+2.80 to +3.42``."""
    assert found.comparison is not None
    ends = (found.comparison.low, found.comparison.high)
    return " to ".join(signed(end, found.measure) for end in ends)


def p_value(value: float) -> str:
    """Three decimals where they tell something, two above 0.1; no false zero."""
    if value < 5e-4:
        return "below 0.001"
    return f"{value:.3f}" if value < 0.0995 else f"{value:.2f}"


def spread(values: Iterable[float], digits: int, unit: str = "") -> str:
    """Mean and standard deviation over seeds; a lone figure has none."""
    found = [value for value in values if math.isfinite(value)]
    if not found:
        return "none"
    deviation = f" ± {np.std(found, ddof=1):.{digits}f}" if len(found) > 1 else ""
    return f"{np.mean(found):.{digits}f}{deviation}{unit}"


def way_name(measure: Measure) -> str:
    """The way to predict in a measure's key."""
    return next((name for way, name in WAYS.items() if measure.key.startswith(way)), measure.title)


def sides(found: Finding) -> tuple[str, str]:
    """How the two sides are distinguished: by variant, set-up or both, else by way to predict."""
    first, second = found.contrast.first, found.contrast.second
    if first.variant != second.variant and first.set_up != second.set_up:
        return f"`{'/'.join(first)}`", f"`{'/'.join(second)}`"
    if first.variant != second.variant:
        return f"`{first.variant}`", f"`{second.variant}`"
    if first.set_up != second.set_up:
        return f"`{first.set_up}`", f"`{second.set_up}`"
    return way_name(found.measure), way_name(found.contrast.other)


def listed(names: Sequence[str]) -> str:
    """Names as code, with commas and a last "and"."""
    names = [f"`{name}`" for name in names]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def capital(words: str) -> str:
    """The first letter a capital."""
    return words[:1].upper() + words[1:]


def plural(count: int, word: str) -> str:
    """``1 seed`` or ``2 seeds``."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def median(values: Sequence[float]) -> float:
    """Of at least one value."""
    return float(np.median(values))


def counts(values: Iterable[str]) -> list[tuple[str, int]]:
    """Each value with how often it comes, the most frequent first."""
    return Counter(values).most_common()


def spread_of(records: Iterable[StudyRecord], measure: Measure) -> str:
    """Mean and standard deviation of a measure over runs."""
    unit = " %" if measure.unit == "points" else ""
    return spread(map(measure.of, records), measure.digits, unit)


def learning_rates(records: Sequence[StudyRecord]) -> str:
    """The range of the rates that were used, and their source, if all have one."""
    used = sorted({f"{record.run.learning_rate:.2g}" for record in records}, key=float)
    given = {record.run.learning_rate_source == "given" for record in records}
    source = (" (given)" if True in given else " (search)") if len(given) == 1 else ""
    return " to ".join(dict.fromkeys([*used[:1], *used[-1:]])) + source


def images_of(record: StudyRecord) -> str:
    """What a run's images are, in words.

    Records of earlier versions do not say what was found at a path; those there are, of one folder.
    """
    source, found = record.run.config.get("data", {}).get("source", ""), record.run.images
    if source == "folder" and found:
        checked = "with the official hashes" if found["verified"] else "content not verified"
        size, form = found["image_size"], found["form"]
        return f"images of {found['classes']} classes, {size}x{size}, from {form} ({checked})"
    return SOURCES.get(source, "unknown images")


FILTERS = {
    each.__name__: each
    for each in (
        *(figure, signed, difference, figure_of_difference, interval, p_value, spread, spread_of),
        *(learning_rates, way_name, sides, seeds_needed, images_of),
        *(listed, capital, plural, counts, median),
    )
}
