"""docs/uncertainty.md and its pictures, from the records of the benchmark of uncertainty.

python -m benchmarks.uncertainty_page [--records FOLDER --out FOLDER]
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.uncertainty_comparisons import NOTHING, Record, single, values
from benchmarks.uncertainty_figures import draw_costs, draw_shift
from benchmarks.uncertainty_tables import (
    NAMES,
    cost_table,
    difference,
    ensembles_table,
    family_table,
    foreign_table,
    kinds_table,
    rates_table,
    samples_table,
    shift_table,
    signed,
    table,
)
from benchmarks.uncertainty_training import EVERY, LAST, UNDROPPED
from benchmarks.uncertainty_ways import JUDGED, PLAIN, SAMPLED, Way
from lightning_cifar.files import write_text_atomically
from lightning_cifar.networks import CLASSES

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "uncertainty"
PAGE, COST_PICTURE, SHIFT_PICTURE = (
    *("uncertainty.md", "uncertainty_cost.png", "uncertainty_shift.png"),
)
FAMILIES = {
    "rates": "Does sampling add to a temperature on the same network? Every rate and place",
    "instead": "Does sampling replace a temperature? Sampled without one, against one pass with it",
    "dropout": "Does dropout with sampling beat the same network trained without? Every rate",
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
        verdict(comparisons, samples_of(records)),
        unlearned(records),
        [
            "Written by `python -m benchmarks.uncertainty_page` from the records in "
            "`benchmarks/results/uncertainty/`, which are made by"
        ],
        ["```", comparisons["about"]["command"], "```"],
        ["## What was run"],
        [what_was_run(comparisons, records)],
        ["## Quality and cost"],
        [f"![Test loss against training runs and against cost]({COST_PICTURE})"],
        [COST_NOTE],
        cost_table(records, roles),
        ["### Fewer samples"],
        [SAMPLES_NOTE],
        samples_table(records, roles),
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
        [ENSEMBLES_NOTE if comparisons["ensembles"] else "There were too few networks."],
        ensembles_table(comparisons["ensembles"]),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


COST_NOTE = (
    "Mean over disjoint groups of networks, ± the standard deviation over them. Passes are those "
    "of one network for one image, a sample being one; cost is what is multiplied, in such passes, "
    "where all that precedes the first dropout is computed once, as this package does. An ensemble "
    "averages probabilities. T: with the temperature that is best on the validation images, of the "
    "ensemble as a whole. NLL in nats; calibration error with 15 bins; risk-coverage is the area "
    "under the curve, lower is better. In the picture all have a temperature."
)
SAMPLES_NOTE = "One network; each number of samples has a temperature of its own."
SHIFT_NOTE = (
    "The test images made worse in eight ways at five strengths, after Hendrycks and Dietterich "
    "(2019) with formulas and strengths of our own (`lightning_cifar/uncertainty/corruptions.py`); "
    "as in Ovadia et al. (2019), temperatures stay those of the clean validation images. In the "
    "picture, thick lines have a temperature and thin ones none. By strength, mean of all eight:"
)
FOREIGN_NOTE = (
    "AUROC of the predictive entropy, in brackets of one minus the largest probability: the chance "
    "that an image of another kind is more uncertain than a test image (0.5: a coin). "
    "The other images are drawn, not photographs: noise, stripes, clouds with the spectrum of "
    "photographs, and the test images themselves with random phases (scrambled). How well a "
    "network tells photographs of other things, which is harder, they do not say."
)
TESTS_NOTE = (
    "Differences are the first minus the second, seed by seed, with 95 % intervals, in points "
    "where the measure is a share; p by exact sign flips, corrected by Holm within each table. The "
    "networks and rates compared were chosen on validation images."
)
ENSEMBLES_NOTE = (
    "For these very networks: ten networks make one ensemble of ten, so seeds cannot be "
    "compared. The interval is that of a paired bootstrap over the test images, of each difference "
    "alone; a verdict also needs its p, from the spread of the resamples, to pass Holm's "
    "correction for all differences of the table. A side's figure is the mean over its disjoint "
    "groups."
)


def verdict(comparisons: Mapping[str, Any], samples: int) -> list[str]:
    """The answer in one sentence, and what it rests on; all of it follows the tests."""
    roles, family = comparisons["chosen"], comparisons["families"].get("one run")
    if not family:
        return ["The records hold no networks with dropout, or none without."]
    sampled, plain = roles["sampled"], roles["plain"]
    judged = answer(of(plain, family), of(sampled, family))
    rivals = {roles[role]: words for role, words in RIVALS.items() if role in roles}
    lines = [
        f"Is Monte Carlo dropout ever the right choice? {judged}",
        "",
        f"`{sampled}`, the best of all rates and both places, with {samples} samples and a "
        "temperature, against one pass and a temperature; one training run on either side. "
        "Differences with 95 % intervals and verdicts; but for accuracy and AUROC, less is better:",
        "",
        *table(
            ["measure", *(words.format(name=name) for name, words in rivals.items())],
            [
                *(
                    [NAMES[key], *(cell(of(name, family), key) for name in rivals)]
                    for key in JUDGED
                ),
                *(
                    [
                        words,
                        *(tallied(of(name, comparisons["families"][key])) for name in rivals),
                    ]
                    for key, words in ELSEWHERE.items()
                ),
            ],
        ),
    ]
    lines += ["", *of_rates(comparisons["families"])]
    lines += ["", *of_ensembles(comparisons["ensembles"], roles, samples)]
    if comparisons["about"]["tiny"]:
        lines[:0] = ["**This was a small try, from which nothing follows.**", ""]
    return lines


RIVALS = {
    "plain": "`{name}`, the best without dropout",
    "undropped": "`{name}`, the same network trained without dropout",
    "sampled": "`{name}` itself, dropout off",
}
ELSEWHERE = {
    "shift": "calibration error under corruptions, by strength",
    "foreign": "AUROC of images of another kind",
}


def of(rival: str, family: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The comparisons of a family against this condition."""
    return [each for each in family if each["second"][0] == rival]


def answer(plain: Sequence[dict[str, Any]], own: Sequence[dict[str, Any]]) -> str:
    """Yes or no in bold, from the verdicts against the best without dropout, and against itself."""
    wins = [NAMES[each["measure"]] for each in plain if each["verdict"] == "better"]
    losses = [NAMES[each["measure"]] for each in plain if each["verdict"] == "worse"]
    gains = [NAMES[each["measure"]] for each in own if each["verdict"] == "better"]
    loss = "".join(
        f"; NLL {signed(each['mean'], 'nll')} nats, 95 % interval "
        f"{signed(each['low'], 'nll')} to {signed(each['high'], 'nll')}"
        for each in plain
        if each["measure"] == "nll" and "mean" in each
    )
    if wins and not losses:
        return f"**Here, yes: better in {joined(wins)} and worse in nothing{loss}.**"
    if wins:
        return f"**Only for {joined(wins)}; it is worse in {joined(losses)}{loss}.**"
    if losses:
        start = (
            f"**Not here: worse than a network without dropout in {joined(losses)}, better in none "
            "of five measures"
        )
    else:
        start = "**Nothing speaks for it here: no measure in which it is shown to be better"
    if gains:
        return f"{start}{loss}. On a network that has dropout, sampling improves {joined(gains)}.**"
    return f"{start}{loss}.**"


def cell(family: Sequence[dict[str, Any]], measure: str) -> str:
    """The difference in a measure, its interval and its verdict."""
    each = next(each for each in family if each["measure"] == measure)
    return f"{difference(each, measure)}, {each['verdict']}" if "mean" in each else NOTHING


def tallied(family: Sequence[dict[str, Any]]) -> str:
    """``better: 3 and 4; not enough evidence: 1``: the strengths or kinds of each verdict."""
    found = {
        outcome: [each["where"].split()[-1] for each in family if each["verdict"] == outcome]
        for outcome in ("better", "worse", NOTHING)
    }
    return "; ".join(f"{outcome}: {joined(places)}" for outcome, places in found.items() if places)


def of_rates(found: Mapping[str, Sequence[dict[str, Any]]]) -> list[str]:
    """At which rates and places sampling was better or worse in NLL, family by family."""
    lines = []
    for family, words in BY_RATE.items():
        said = []
        for outcome in ("better", "worse", NOTHING):
            comparisons = found.get(family, ())
            names = [f"`{each['first'][0]}`" for each in comparisons if each["verdict"] == outcome]
            said += [f"{outcome} for {joined(names)}"] if names else []
        if said:
            lines.append(f"- {words}: {'; '.join(said)}")
    return ["NLL at each rate and place:", "", *lines] if lines else []


BY_RATE = {
    "rates": "sampling and a temperature against a temperature alone, same network",
    "instead": "sampling alone against a temperature alone, same network",
    "dropout": "sampling and a temperature against the same network trained without dropout",
}


def of_ensembles(
    found: Sequence[dict[str, Any]], roles: Mapping[str, str], samples: int
) -> list[str]:
    """Two networks against Monte Carlo dropout, and as many networks on both sides."""
    plain, sampled = roles["plain"], roles["sampled"]
    one = [each for each in found if each["second"] == [sampled, Way(SAMPLED, 1, True).key]]
    sizes = [int(each["first"][1].split("-")[1]) for each in one]
    if not sizes:
        return []
    fewest = loss_of(one[0])
    lines = [
        f"With more training runs: {sizes[0]} networks `{plain}`, one pass each, against one "
        f"`{sampled}` with {samples} samples: {fewest}."
    ]
    most = sizes[-1]
    ensemble = [sampled, Way(SAMPLED, most, True).key]
    for rival, words in (
        (plain, f"against {most} networks `{plain}`, one pass each"),
        (sampled, f"against the same {most} networks with dropout off"),
    ):
        second = [rival, Way(PLAIN, most, True).key]
        each = next(each for each in found if (each["first"], each["second"]) == (ensemble, second))
        lines.append(
            f"{most} networks `{sampled}`, {samples} samples each, {words}: {loss_of(each)}."
        )
    return [" ".join(lines)]


def loss_of(comparison: Mapping[str, Any]) -> str:
    """``NLL -0.0100 (-0.0150 to -0.0050) nats, better``."""
    nll = comparison["measures"]["nll"]
    return f"NLL {difference(nll, 'nll')} nats, {nll['verdict']}"


def joined(names: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def what_was_run(comparisons: Mapping[str, Any], records: Mapping[str, Record]) -> str:
    """Networks, seeds, epochs, images and machine."""
    about, first = comparisons["about"], next(iter(records.values()))
    options, sizes = first["about"]["options"], first["sizes"]
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
        f"corruptions and against images of another kind. Epochs: {first['about']['epochs']} of "
        f"1cycle for all, weights of the last epoch; {len(first['about']['seeds'])} networks of "
        f"each kind, and a search of its own for the learning rate of each. `{LAST}` and "
        f"`{EVERY}`: alpha dropout at the rate named, in the network of `{UNDROPPED}`, before the "
        "output or after each hidden layer. Monte Carlo dropout with "
        f"{sizes['samples']} samples.{failed} Trained on "
        f"{first['about']['device']}, torch {about['versions']['torch']}, from commit "
        f"{first['about']['commit'][:9]} on, compared at {about['commit'][:9]}. Test images "
        "decided nothing: temperatures, rates and the networks "
        "compared come from validation images. Longer training makes networks overconfident, and "
        "then all these differences grow: what is said here holds for this length. Dropout was "
        "tried in one architecture."
    )


def unlearned(records: Mapping[str, Record]) -> list[str]:
    """A sentence on the kinds whose networks are right less than twice as often as a guess."""
    names = [
        f"`{name}`"
        for name, record in records.items()
        if mean(values(record, single(record), "accuracy", "test")) < 2 / CLASSES
    ]
    told = "Right less than twice as often as a guess, so that nothing follows from the losses"
    return [f"{told}: {joined(names)}."] if names else []


def families(found: Mapping[str, Sequence[dict[str, Any]]]) -> list[list[str]]:
    """A heading and a table for each family."""
    return [
        section
        for family, comparisons in found.items()
        if comparisons
        for section in ([f"### {FAMILIES[family]}"], family_table(comparisons))
    ]


if __name__ == "__main__":
    main()
