"""Tables of docs/uncertainty.md, and how its figures are written."""

from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any

from benchmarks.uncertainty_comparisons import Record, single, values
from benchmarks.uncertainty_figures import by_strength, largest, lines_of
from benchmarks.uncertainty_records import KINDS_AT
from benchmarks.uncertainty_training import EVERY, LAST
from benchmarks.uncertainty_ways import PLAIN, SAMPLED, SIZES, Way, groups, sampling_cost
from lightning_cifar.uncertainty.corruptions import CORRUPTIONS, STRENGTHS
from lightning_cifar.uncertainty.foreign_images import FOREIGN

COLUMNS = {
    "accuracy": ("accuracy", "{:.2%}"),
    "nll": ("NLL", "{:.4f}"),
    "brier": ("Brier", "{:.4f}"),
    "calibration_error": ("calibration error", "{:.2%}"),
    "area_under_risk_coverage": ("risk-coverage", "{:.4f}"),
}
NAMES = {key: title for key, (title, _) in COLUMNS.items()} | {"auroc": "AUROC"}
IN_PERCENT = tuple(key for key, (_, form) in COLUMNS.items() if "%" in form)
UNDEFINED = "undefined"
# Measures of the table of strengths, with a temperature or without; it changes no predicted class.
SHIFTED = (
    *(("calibration_error", False), ("calibration_error", True)),
    *(("nll", True), ("accuracy", False)),
)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table in Markdown."""
    return [f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows)]


def signed(value: float | None, measure: str) -> str:
    """A difference with its sign: in points, where the measure is a share."""
    if value is None:
        return UNDEFINED
    return f"{100 * value:+.2f}" if measure in IN_PERCENT else f"{value:+.4f}"


def difference(each: Mapping[str, Any], measure: str) -> str:
    """``+1.20 points (+0.90 to +1.50)``: a difference and its interval."""
    value = each.get("mean", each.get("value"))
    low, high = (signed(each.get(end), measure) for end in ("low", "high"))
    points = " points" if measure in IN_PERCENT else ""
    return f"{signed(value, measure)}{points} ({low} to {high})"


def spread(found: Sequence[float], form: str) -> str:
    """Mean and standard deviation over the groups."""
    deviation = f" ± {form.format(stdev(found)).rstrip('%')}" if len(found) > 1 else ""
    return f"{form.format(mean(found)).rstrip('%')}{deviation}" + ("%" if "%" in form else "")


def cells(record: Record, way: Way) -> list[str]:
    """The columns of a way on the test images."""
    return [spread(values(record, way, key, "test"), form) for key, (_, form) in COLUMNS.items()]


def cost_table(records: Mapping[str, Record], roles: Mapping[str, str]) -> list[str]:
    """Every way of the chosen conditions."""
    rows = []
    for name, condition, kind in lines_of(roles):
        record = records[condition]
        for way in (Way(kind, size, scaled) for size in SIZES for scaled in (False, True)):
            if way.key in record["parts"]["test"]:
                count = len(groups(len(record["about"]["seeds"]), way.size))
                samples = record["sizes"]["samples"]
                cost = [str(way.size), str(way.passes(samples))]
                cost.append(f"{way.computed(record['about']['options'], samples):.3g}")
                size = f"{networks(way.size)}{', T' if way.scaled else ''}"
                rows.append([name, size, *cost, str(count), *cells(record, way)])
    titles = [title for title, _ in COLUMNS.values()]
    return table(["condition", "way", "training runs", "passes", "cost", "groups", *titles], rows)


def networks(count: int) -> str:
    """``1 network``, ``2 networks``."""
    return f"{count} network{'s' if count > 1 else ''}"


def samples_table(records: Mapping[str, Record], roles: Mapping[str, str]) -> list[str]:
    """One network of each chosen place of dropout, by the number of its samples, scaled."""
    chosen = [roles[place] for place in (LAST, EVERY) if place in roles]
    whole = str(records[chosen[0]]["sizes"]["samples"]) if chosen else ""
    rows = []
    for condition in chosen:
        parts = records[condition]["parts"]
        full = parts["test"][Way(SAMPLED, 1, True).key]
        for count, figures in (parts["samples"] | {whole: full}).items():
            cost = f"{sampling_cost(records[condition]['about']['options'], int(count)):.3g}"
            shown = [spread(figures[key], form) for key, (_, form) in COLUMNS.items()]
            rows.append([f"`{condition}`", count, cost, *shown])
    titles = [title for title, _ in COLUMNS.values()]
    return table(["condition", "samples", "cost", *titles], rows)


def rates_table(records: Mapping[str, Record]) -> list[str]:
    """One network of every condition: plain, with a temperature, sampled, both."""
    rows = []
    for name, record in records.items():
        kinds = [PLAIN, SAMPLED] if single(record).kind == SAMPLED else [PLAIN]
        for kind in kinds:
            for scaled in (False, True):
                way = Way(kind, 1, scaled)
                what = "Monte Carlo" if kind == SAMPLED else "one pass"
                rate = f"{record['about']['learning_rate']:.2g}"
                rows.append(
                    [f"`{name}`", rate, what + (", T" if scaled else ""), *cells(record, way)]
                )
    titles = [title for title, _ in COLUMNS.values()]
    return table(["condition", "learning rate", "prediction", *titles], rows)


def shift_table(records: Mapping[str, Record], roles: Mapping[str, str]) -> list[str]:
    """Calibration error, and scaled accuracy and NLL, by strength: one network, most at once."""
    rows = []
    for name, condition, kind in lines_of(roles):
        for size in dict.fromkeys((1, largest(records, roles))):
            for measure, scaled in SHIFTED:
                found = by_strength(records[condition], Way(kind, size, scaled), measure)
                what = f"{NAMES[measure]}{', T' if scaled else ''}"
                row = [COLUMNS[measure][1].format(each) for each in found]
                rows.append([name, networks(size), what, *row])
    strengths = [f"strength {each}" for each in STRENGTHS]
    return table(["prediction", "of", "measure", "none", *strengths], rows)


def kinds_table(records: Mapping[str, Record], roles: Mapping[str, str]) -> list[str]:
    """Accuracy and calibration error at one strength by corruption, one network, scaled."""
    rows = []
    for kind in CORRUPTIONS:
        row = [kind.replace("_", " ")]
        for _, condition, way_kind in lines_of(roles):
            figures = records[condition]["parts"][f"strength {KINDS_AT}"]["kinds"][kind]
            way = Way(way_kind, 1, True).key
            row.append(f"{figures['accuracy'][way]:.1%}, {figures['calibration_error'][way]:.2%}")
        rows.append(row)
    title = f"strength {KINDS_AT}: accuracy, calibration error"
    return table([title, *(name for name, _, _ in lines_of(roles))], rows)


def foreign_table(records: Mapping[str, Record], roles: Mapping[str, str]) -> list[str]:
    """AUROC by kind of images, one network and the largest ensembles, with a temperature."""
    rows = []
    for name, condition, kind in lines_of(roles):
        for size in dict.fromkeys((1, largest(records, roles))):
            row = [name, networks(size)]
            for images in FOREIGN:
                found = records[condition]["parts"][f"foreign {images}"][Way(kind, size, True).key]
                row.append(f"{mean(found['entropy']):.3f} ({mean(found['confidence']):.3f})")
            rows.append(row)
    return table(["prediction, with T", "of", *FOREIGN], rows)


def family_table(comparisons: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the seeds say of a family."""
    rows = [
        [
            named(each["first"]),
            named(each["second"]),
            NAMES[each["measure"]] + ("" if each["where"] == "test" else f", {each['where']}"),
            str(each["seeds"]),
            difference(each, each["measure"]) if "mean" in each else UNDEFINED,
            f"{each['p_adjusted']:.3f}" if "p_adjusted" in each else UNDEFINED,
            each["verdict"],
        ]
        for each in comparisons
    ]
    header = ["first", "second", "measure", "pairs", "difference (95 % interval)"]
    return table([*header, "p, corrected", "the first is"], rows)


def named(side: Sequence[str]) -> str:
    """A condition and a way in words."""
    kind, size, *scaled = side[1].split("-")
    what = "Monte Carlo" if kind == SAMPLED else "one pass each" if size != "1" else "one pass"
    count = f", {size} networks" if size != "1" else ""
    return f"`{side[0]}`{count}, {what}{', T' if scaled else ''}"


def ensembles_table(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the test images say of each comparison, measure by measure."""
    rows = [
        [
            named(each["first"]),
            named(each["second"]),
            *(
                f"{difference(figures, key)}, {figures['verdict']}"
                for key, figures in each["measures"].items()
            ),
        ]
        for each in found
    ]
    return table(["first", "second", *(title for title, _ in COLUMNS.values())], rows)
