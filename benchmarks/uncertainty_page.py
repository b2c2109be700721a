"""docs/uncertainty.md and its pictures, from the records of the benchmark of uncertainty.

python -m benchmarks.uncertainty_page [--records FOLDER --out FOLDER]
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from benchmarks.uncertainty_comparisons import NOTHING, Record, single, values
from benchmarks.uncertainty_figures import by_strength, draw_costs, draw_shift, largest, lines_of
from benchmarks.uncertainty_ways import PLAIN, SAMPLED, SIZES, Way, groups
from lightning_cifar.files import write_text_atomically
from lightning_cifar.uncertainty.corruptions import CORRUPTIONS
from lightning_cifar.uncertainty.foreign_images import FOREIGN

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "uncertainty"
PAGE, COST_PICTURE, SHIFT_PICTURE = (
    *("uncertainty.md", "uncertainty_cost.png", "uncertainty_shift.png"),
)
COLUMNS = {
    "accuracy": ("accuracy", "{:.2%}"),
    "nll": ("NLL", "{:.4f}"),
    "brier": ("Brier", "{:.4f}"),
    "calibration_error": ("calibration error", "{:.2%}"),
    "area_under_risk_coverage": ("risk-coverage", "{:.4f}"),
}
NAMES = {key: title for key, (title, _) in COLUMNS.items()} | {"auroc": "AUROC"}
FAMILIES = {
    "rates": "Does sampling beat a temperature on the same network? Every rate and place",
    "one run": "One training run: Monte Carlo dropout against the rivals",
    "shift": "Calibration error under corruptions, mean over the eight, by strength",
    "foreign": "AUROC of the entropy: images of another kind told from test images",
}


def main() -> None:
    """Write the page and both pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=Path, default=RESULTS)
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    options = parser.parse_args()
    comparisons, records = read(options.records)
    roles = comparisons["chosen"]
    figures = {
        COST_PICTURE: draw_costs(records, roles, samples_of(records)),
        SHIFT_PICTURE: draw_shift(records, roles),
    }
    for name, figure in figures.items():
        # On a white ground of its own, so that it can be read on a dark page as well.
        figure.savefig(options.out / name, dpi=120, facecolor="white")
    write_text_atomically(options.out / PAGE, page(comparisons, records))
    print(f"wrote {options.out / PAGE}")


def read(folder: Path) -> tuple[dict[str, Any], dict[str, Record]]:
    """The comparisons, and the records of the conditions in the order of the benchmark."""
    comparisons = json.loads((folder / "comparisons.json").read_text())
    files = {name: folder / f"{name}.json" for name in comparisons["order"]}
    return comparisons, {name: json.loads(file.read_text()) for name, file in files.items()}


def samples_of(records: Mapping[str, Record]) -> int:
    """Of Monte Carlo dropout."""
    return int(next(iter(records.values()))["sizes"]["samples"])


def page(comparisons: Mapping[str, Any], records: Mapping[str, Record]) -> str:
    """The whole page."""
    roles = comparisons["chosen"]
    sections = [
        ["# Uncertainty: ensembles, temperature, Monte Carlo dropout"],
        [
            "Written by `python -m benchmarks.uncertainty_page` from the records in "
            "`benchmarks/results/uncertainty/`."
        ],
        ["## Is Monte Carlo dropout ever the right choice?"],
        verdict(comparisons, samples_of(records)),
        ["## What was run"],
        [what_was_run(comparisons, records)],
        ["## Quality and cost"],
        [f"![Test loss against training runs and against passes]({COST_PICTURE})"],
        [COST_NOTE],
        cost_table(records, roles),
        ["## Every rate of dropout"],
        rates_table(records),
        ["## Under corruptions"],
        [f"![Calibration error against the strength of corruptions]({SHIFT_PICTURE})"],
        [SHIFT_NOTE],
        shift_table(records, roles),
        kinds_table(records, roles),
        ["## Images of another kind"],
        [FOREIGN_NOTE],
        foreign_table(records, roles),
        ["## The tests"],
        [TESTS_NOTE],
        *families(comparisons["families"]),
        ["### Ensembles, over the test images"],
        ensembles_table(comparisons["ensembles"]),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


COST_NOTE = (
    "Mean over disjoint groups of networks, ± the standard deviation over them; passes are "
    "those of one network for one image. An ensemble averages probabilities. T: with the "
    "temperature that is best on the validation images, of the ensemble as a whole. NLL in nats; "
    "calibration error with 15 bins; risk-coverage is the area under the curve, lower is better."
)
SHIFT_NOTE = (
    "The test images made worse in eight ways at five strengths, after Hendrycks and Dietterich "
    "(2019) with formulas and strengths of our own (`lightning_cifar/uncertainty/corruptions.py`); "
    "as in Ovadia et al. (2019), temperatures stay those of the clean validation images. Thick "
    "lines with a temperature, thin ones without. Calibration error by strength, mean of all eight:"
)
FOREIGN_NOTE = (
    "AUROC of the predictive entropy, in brackets of one minus the largest probability: the chance "
    "that an image of another kind is more uncertain than a test image (0.5: a coin). "
    "The other images are drawn, not photographs: noise, stripes, clouds with the spectrum of "
    "photographs, and the test images themselves with random phases (scrambled). How well a "
    "network tells photographs of other things, which is harder, they do not say."
)
TESTS_NOTE = (
    "Differences are the first minus the second, seed by seed, with 95 % intervals; p by sign "
    "flips, corrected by Holm within each table. The networks and rates compared were chosen on "
    "validation images."
)


def verdict(comparisons: Mapping[str, Any], samples: int) -> list[str]:
    """The answer in a few sentences, which follow the tests."""
    roles, family = comparisons["chosen"], comparisons["families"].get("one run")
    if not family:
        return ["The records hold no networks with dropout, or none without."]
    plain, sampled = roles["plain"], roles["sampled"]
    against = {
        rival: [each for each in family if each["second"][0] == rival] for rival in (plain, sampled)
    }
    words = [
        answer(against[plain], against[sampled]),
        f"At one training run, `{sampled}` with {samples} passes and a temperature against "
        f"`{plain}` with one pass and a temperature: {listed(against[plain])}.",
        f"Against the same network with one pass and a temperature: {listed(against[sampled])}.",
    ]
    two = next(
        (
            each
            for each in comparisons["ensembles"]
            if each["first"] == [plain, Way(PLAIN, 2, True).key]
        ),
        None,
    )
    if two is not None:
        nll = two["measures"]["nll"]
        words.append(
            f"Two networks `{plain}`, two passes, have an NLL of {signed(nll['value'])} "
            f"({interval(nll)}) to one of `{sampled}` with {samples} passes: "
            f"{nll['verdict']}."
        )
    if comparisons["about"]["tiny"]:
        words.insert(0, "**This was a small try, from which nothing follows.**")
    return [" ".join(words)]


def answer(plain: Sequence[dict[str, Any]], own: Sequence[dict[str, Any]]) -> str:
    """Yes or no in bold, from the verdicts against both rivals."""
    wins = [NAMES[each["measure"]] for each in plain if each["verdict"] == "better"]
    losses = [NAMES[each["measure"]] for each in plain if each["verdict"] == "worse"]
    gains = [NAMES[each["measure"]] for each in own if each["verdict"] == "better"]
    if wins and not losses:
        return f"**Here, yes: better in {joined(wins)} and worse in nothing.**"
    if wins:
        return f"**Only for {joined(wins)}; it is worse in {joined(losses)}.**"
    if losses:
        start = (
            f"**Not here: worse than a network without dropout in {joined(losses)}, better in none"
        )
    else:
        start = "**Nothing speaks for it here: no measure in which it is shown to be better"
    if gains:
        return f"{start}. On a network that has dropout, sampling improves {joined(gains)}.**"
    return f"{start}.**"


def listed(family: Sequence[dict[str, Any]]) -> str:
    """Each measure with its difference, interval and verdict."""
    return "; ".join(
        f"{NAMES[each['measure']]} {signed(each['mean'])} ({interval(each)}), {each['verdict']}"
        if "mean" in each
        else f"{NAMES[each['measure']]}: {NOTHING}"
        for each in family
    )


def signed(value: float | None) -> str:
    """A difference with its sign."""
    return "undefined" if value is None else f"{value:+.4f}"


def interval(each: Mapping[str, Any]) -> str:
    """``-0.1 to +0.2``."""
    return f"{signed(each['low'])} to {signed(each['high'])}"


def joined(names: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def what_was_run(comparisons: Mapping[str, Any], records: Mapping[str, Record]) -> str:
    """Networks, seeds, epochs, images and machine."""
    about, first = comparisons["about"], next(iter(records.values()))
    options, sizes = first["about"]["options"], first["sizes"]
    kinds = ", ".join(
        f"`{name}` ({len(each['about']['seeds'])} at {each['about']['learning_rate']:.2g})"
        for name, each in records.items()
    )
    source = (
        "images that the package draws"
        if about["images"] == "drawn"
        else f"`{about['images']}`, a JPEG copy of CIFAR-10 and not the official archive"
        if "jpeg" in about["images"]
        else f"`{about['images']}`"
    )
    failed = "".join(f" `{name}` failed: {why}." for name, why in comparisons["failed"].items())
    return (
        f"Networks of {options['depth']} x {options['width']} on {source}: "
        f"{about['training_images']:,} images to train, {about['validation_images']:,} to "
        f"validate, {about['test_images']:,} to test, {sizes['shift_images']:,} of these under "
        f"corruptions and against images of another kind. {first['about']['epochs']} epochs of "
        "1cycle, weights of the last epoch; in brackets the number of networks and the rate found: "
        f"{kinds}. `last` and `every`: alpha dropout at that rate before the "
        "output, or after each hidden layer. Monte Carlo dropout with "
        f"{sizes['samples']} samples.{failed} Trained on "
        f"{first['about']['device']}, torch {about['versions']['torch']}, commit "
        f"{about['commit'][:9]}. Longer training makes networks overconfident, and then all these "
        "differences grow: what is said here holds for this length."
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table in Markdown."""
    return [f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows)]


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
                scaled = ", T" if way.scaled else ""
                passes = way.passes(record["sizes"]["samples"])
                size = f"{way.size} network{'s' if way.size > 1 else ''}{scaled}"
                rows.append(
                    [name, size, str(way.size), str(passes), str(count), *cells(record, way)]
                )
    titles = [title for title, _ in COLUMNS.values()]
    return table(["condition", "way", "training runs", "passes", "groups", *titles], rows)


def rates_table(records: Mapping[str, Record]) -> list[str]:
    """One network of every condition: plain, with a temperature, sampled, both."""
    rows = []
    for name, record in records.items():
        kinds = [PLAIN, SAMPLED] if single(record).kind == SAMPLED else [PLAIN]
        for kind in kinds:
            for scaled in (False, True):
                way = Way(kind, 1, scaled)
                what = "Monte Carlo" if kind == SAMPLED else "one pass"
                rows.append([f"`{name}`", what + (", T" if scaled else ""), *cells(record, way)])
    return table(["condition", "prediction", *(title for title, _ in COLUMNS.values())], rows)


def shift_table(records: Mapping[str, Record], roles: Mapping[str, str]) -> list[str]:
    """Calibration error by strength, one network and the largest ensembles."""
    rows = []
    for name, condition, kind in lines_of(roles):
        for size in dict.fromkeys((1, largest(records, roles))):
            for scaled in (False, True):
                errors = by_strength(records[condition], Way(kind, size, scaled))
                what = f"{name}, {size} network{'s' if size > 1 else ''}{', T' if scaled else ''}"
                rows.append([what, *(f"{each:.2f}%" for each in errors)])
    return table(["prediction", "none", *(f"strength {each}" for each in range(1, 6))], rows)


def kinds_table(records: Mapping[str, Record], roles: Mapping[str, str]) -> list[str]:
    """Accuracy and calibration error at strength 3 by corruption, one network, scaled."""
    rows = []
    for kind in CORRUPTIONS:
        row = [kind.replace("_", " ")]
        for _, condition, way_kind in lines_of(roles):
            figures = records[condition]["parts"][f"{kind} 3"][Way(way_kind, 1, True).key]
            row.append(f"{mean(figures['accuracy']):.1%}, {mean(figures['calibration_error']):.2%}")
        rows.append(row)
    header = ["strength 3: accuracy, calibration error", *(name for name, _, _ in lines_of(roles))]
    return table(header, rows)


def foreign_table(records: Mapping[str, Record], roles: Mapping[str, str]) -> list[str]:
    """AUROC by kind of images, one network and the largest ensembles, with a temperature."""
    rows = []
    for name, condition, kind in lines_of(roles):
        for size in dict.fromkeys((1, largest(records, roles))):
            row = [f"{name}, {size} network{'s' if size > 1 else ''}"]
            for images in FOREIGN:
                found = records[condition]["parts"][f"foreign {images}"][Way(kind, size, True).key]
                row.append(f"{mean(found['entropy']):.3f} ({mean(found['confidence']):.3f})")
            rows.append(row)
    return table(["prediction, with T", *FOREIGN], rows)


def families(found: Mapping[str, Sequence[dict[str, Any]]]) -> list[list[str]]:
    """A heading and a table for each family."""
    sections = []
    for family, comparisons in found.items():
        rows = [
            [
                named(each["first"]),
                named(each["second"]),
                f"{NAMES[each['measure']]}, {each['where']}",
                str(each["seeds"]),
                signed(each.get("mean")),
                interval(each) if "low" in each else "undefined",
                f"{each['p_adjusted']:.3f}" if "p_adjusted" in each else "undefined",
                each["verdict"],
            ]
            for each in comparisons
        ]
        header = ["first", "second", "measure", "pairs", "difference", "95 % interval"]
        header += ["p, corrected", "verdict on the first"]
        sections += [[f"### {FAMILIES[family]}"], table(header, rows)]
    return sections


def named(side: Sequence[str]) -> str:
    """A condition and a way in words."""
    kind, size, *scaled = side[1].split("-")
    what = "Monte Carlo" if kind == SAMPLED else "one pass each" if size != "1" else "one pass"
    count = f", {size} networks" if size != "1" else ""
    return f"`{side[0]}`{count}, {what}{', T' if scaled else ''}"


def ensembles_table(found: Sequence[dict[str, Any]]) -> list[str]:
    """Differences with the interval of a paired bootstrap over the images."""
    rows = [
        [
            named(each["first"]),
            named(each["second"]),
            *(
                f"{signed(figures['value'])} ({interval(figures)})"
                for figures in each["measures"].values()
            ),
        ]
        for each in found
    ]
    note = (
        "For these very networks: the interval of a paired bootstrap over the test images, "
        "uncorrected. A side's figure is the mean over its disjoint groups."
    )
    header = ["first", "second", *(title for title, _ in COLUMNS.values())]
    return [note, "", *table(header, rows)] if rows else ["There were too few networks."]


if __name__ == "__main__":
    main()
