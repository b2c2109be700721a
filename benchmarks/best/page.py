"""docs/best.md and its picture, from the records.

python -m benchmarks.best.page
"""

import json
from pathlib import Path
from statistics import mean
from typing import Any

from matplotlib.figure import Figure

from benchmarks.best.ingredients import ladder, left_out
from benchmarks.best.student import Recipe
from benchmarks.best.work import MEMBER, PACKAGE, RECIPE
from benchmarks.real_network.figures import save
from lightning_cifar.files import write_text_atomically

ROOT = Path(__file__).parents[2]
RECORDS = ROOT / "benchmarks" / "results" / "best"
PAGE, PICTURE = ROOT / "docs" / "best.md", "best_ladder.svg"

BEFORE = 0.592  # test accuracy of the study's `augmented`, three seeds (docs/RESULTS.md)

Records = dict[str, dict[str, Any]]

TRIED = (
    "In short runs with one seed, judged on the validation images; no figures, because their code "
    "is not kept. Of no use: whitening the images by their principal components; starting the "
    "square layers as the identity, or with biases that keep ELU on its straight side; leaving "
    "out batch normalisation. An orthogonal start made no difference beside Muon. Mixup "
    "(Zhang et al. 2018) helps a little without a teacher if it is weak, and harms if it is "
    "strong. Not tried: label smoothing and averaged weights, distillation from the ensemble."
)

KINDS = {RECIPE: "of the recipe", PACKAGE: "of `--config best`", MEMBER: "trained for less long"}
WHAT = {
    "before": "NAdam, batch 128, flips, shifts of up to 4 pixels, as in the study's `augmented`",
    "smaller shifts": "the same with shifts of up to 2 pixels",
    "muon": "the same with Muon for the hidden layers' weights, batch 512",
    "teacher": "the same with the teacher's answers in place of the labels: **the recipe**",
    "without muon": "the recipe with NAdam, batch 128",
    "shifts of 4": "the recipe with shifts of up to 4 pixels",
    "without flips and shifts": "the recipe without flips and shifts",
}


def main() -> None:
    """Write the page and the picture."""
    records = read_records()
    write_text_atomically(PAGE, page(records))
    save(draw(records), str(PAGE.parent / PICTURE))
    print(f"wrote {PAGE}")


def read_records(folder: Path = RECORDS) -> Records:
    """Name of the file -> record."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.json"))
    }


def runs_of(records: Records, name: str) -> list[dict[str, Any]]:
    """The records of the networks of a name, by seed."""
    runs = [each for each in records.values() if each.get("name") == name]
    return sorted(runs, key=lambda each: int(each["settings"]["seed"]))


def accuracies(records: Records, runs: list[dict[str, Any]], on: str = "networks") -> list[float]:
    """The test accuracies of networks; on ``training``: those on the training images."""
    found = records["test"][on]
    return [found[each["name"]][str(each["settings"]["seed"])] for each in runs]


def rows_of(records: Records, names: Any) -> list[dict[str, Any]]:
    """The records of the table's rows, in their order."""
    by_name = {each["name"]: each for each in records.values() if each.get("name") in set(names)}
    return [by_name[name] for name in names if name in by_name]


def percent(value: float) -> str:
    """A share with one decimal."""
    return f"{100 * value:.1f} %"


def table(title: str, rows: list[dict[str, Any]], names: list[str], records: Records) -> str:
    """The accuracies of networks, a line for each, under its name."""
    lines = [f"| {title} | validation | test | training |", "| --- | --- | --- | --- |"]
    both = (accuracies(records, rows), accuracies(records, rows, "training"))
    for row, name, test, training in zip(rows, names, *both, strict=True):
        figures = (row["val_accuracy"], test, training)
        lines.append(f"| {name} | {' | '.join(map(percent, figures))} |")
    return "\n".join(lines)


def seed_and_epochs(run: dict[str, Any]) -> str:
    """What tells the networks of the recipe apart."""
    return f"{run['settings']['seed']}, {run['settings']['epochs']}"


def ingredients(rows: list[dict[str, Any]], records: Records) -> str:
    """A table of what rows were trained with."""
    return table("trained with", rows, [WHAT[row["name"]] for row in rows], records)


def page(records: Records) -> str:
    """The whole page."""
    runs = runs_of(records, RECIPE)
    teacher = records["teacher"]
    every = runs + runs_of(records, MEMBER)
    short = Recipe(epochs=1)
    steps = rows_of(records, ladder(short))
    others = rows_of(records, left_out(short))
    settings = runs[0]["settings"]
    hours = sum(each.get("seconds", 0) for each in records.values()) / 3600
    parts = [
        "# How far one plain network goes",
        "Written by `python -m benchmarks.best.page` from the records in "
        "`benchmarks/results/best/`, which are made by",
        "```\npython -m benchmarks.best train --path cifar10-jpeg.zip --runs runs/best\n"
        "python -m benchmarks.best ingredients --path cifar10-jpeg.zip --runs runs/best\n"
        "python -m benchmarks.best members --path cifar10-jpeg.zip --runs runs/best\n"
        "lightning-cifar fit --config best --data.path cifar10-jpeg.zip \\\n"
        "    --seed_everything 0 --run runs/best/package/0   # and 1, and 2\n"
        "python -m benchmarks.best test --path cifar10-jpeg.zip --runs runs/best\n```",
        "The exercise's network has 20 hidden layers of 100 units and nothing else: no "
        "convolution, no connection that skips a layer. Any training that ends in such a network "
        "is allowed here. Images are a JPEG copy of CIFAR-10 (quality 75), 45,000 for training, "
        "5,000 held out of them, on which everything was chosen, and 10,000 for the test.",
        verdict(records),
        f"![Test accuracy: each step of the ladder, the recipe, its ensemble]({PICTURE})",
        "## The recipe",
        "- **Muon** (Jordan 2024) for the weights of the hidden layers, NAdam for the rest, "
        f"a cycle with its top at {settings['learning_rate']:g} after a fifth of the steps, batch "
        f"{settings['batch_size']}, {settings['epochs']} epochs. With NAdam alone the "
        "network underfits.\n"
        f"- **Flips, and shifts of up to {settings['shift']} pixels.**\n"
        "- **A teacher** (Hinton et al. 2015): a small convolutional network "
        f"({teacher['parameters']:,} weights, {percent(teacher['val_accuracy'])} of the "
        "validation images) is trained on the same 45,000 images. The dense network learns its "
        "probabilities, the mean over an image and its mirror image, in place of the labels.\n"
        "- **Batch normalisation** in training, folded into the linear layers at the end: what is "
        "tested is Linear → ELU, as in the variant `elu`. Folding changes a logit by at most "
        f"{max(each['fold_error'] for each in runs):.0e} of the largest.",
        "The run folders are those of the variant `elu`, so the package's commands take them:",
        "```\nlightning-cifar test --run runs/best/recipe/0\n"
        "lightning-cifar test --run runs/best/recipe/0 --run runs/best/recipe/1\n```",
        "`lightning-cifar fit --config best` differs: no teacher, whom the package does not know, "
        "shifts of up to 3 pixels, the package's `one_cycle`. Its batch normalisation can be "
        "folded in the same way, but stays in the checkpoint.",
        table("seed, epochs", every, [seed_and_epochs(each) for each in every], records),
        "## What each part adds",
        f"One seed, {steps[0]['settings']['epochs']} epochs each, the weights of the last epoch. "
        "The standard error of an accuracy on 5,000 images is 0.7 points, on 10,000 images 0.5; "
        "smaller differences say nothing. Training: accuracy on the training images as they are, "
        "after training.",
        ingredients(steps, records),
        "The recipe with one part changed:",
        ingredients(others, records),
        "## What else was tried",
        TRIED,
        "## Limits",
        "The test images were read after all training; the members of the ensemble were then "
        "chosen anew, by their validation accuracy. The images are a JPEG copy; the "
        "official ones may give slightly other figures. The "
        "teacher is a convolutional network: what it knows of neighbouring pixels reaches the "
        "dense network through its answers. Rates and shifts were chosen from few short "
        "runs with one seed, so a longer search may find better ones. Training accuracy was still "
        "rising with the number of epochs, so longer training may add to it.",
        f"The networks took {hours:.1f} hours of training on {runs[0]['device']}, one at a time, "
        "with other work beside them.",
    ]
    return "\n\n".join(parts) + "\n"


def by_itself(fits: list[dict[str, Any]]) -> str:
    """What the package reaches without the benchmark: no teacher, whom it does not know."""
    figures = [each["test_accuracy"] for each in fits]
    return (
        f"- **Without a teacher, `lightning-cifar fit --config best`: {percent(mean(figures))}** "
        f"(seeds {', '.join(str(each['seed']) for each in fits)}: "
        f"{', '.join(map(percent, figures))}), {fits[0]['epochs']} epochs, the best one by "
        "validation accuracy."
    )


def verdict(records: Records) -> str:
    """The figures that were asked for: one network over three seeds, and an ensemble of ten."""
    runs, members = runs_of(records, RECIPE), runs_of(records, MEMBER)
    figures, ensembles = accuracies(records, runs), records["test"]["ensembles"]
    best, short = ensembles["best"], ensembles["recipe and short"]
    kinds = ", ".join(f"{count} {KINDS[kind]}" for kind, count in best["kinds"].items())
    epochs = members[0]["settings"]["epochs"]
    of_members = percent(mean(accuracies(records, members)))
    lines = (
        f"- **One network: {percent(mean(figures))} of the test images**, mean of {len(runs)} "
        f"seeds ({', '.join(map(percent, figures))}).",
        by_itself(records["test"]["package"]),
        f"- **The ensemble of {best['members']}: {percent(best['accuracy'])}**: the networks with "
        f"the highest validation accuracy ({kinds}). The {len(runs)} of the recipe alone reach "
        f"{percent(ensembles['recipe']['accuracy'])}. With the {len(members)} short ones "
        f"({epochs} epochs, {of_members} on the average) in place of the package's, as it was "
        f"planned first, it is {percent(short['accuracy'])}.",
        f"- Before: {percent(BEFORE)} (`augmented` in [the study](RESULTS.md), three seeds).",
    )
    return "\n".join(lines)


def draw(records: Records) -> Figure:
    """Test accuracy of each step of the ladder, of the recipe and of its ensemble, as bars."""
    networks = records["test"]["networks"]
    runs, ensemble = runs_of(records, RECIPE), records["test"]["ensembles"]["best"]
    fits = records["test"]["package"]
    steps = rows_of(records, ladder(Recipe(epochs=1)))
    bars = {
        f"{each['name']}, {each['settings']['epochs']} epochs": networks[each["name"]]["0"]
        for each in steps
    }
    bars[f"--config best, {fits[0]['epochs']} epochs"] = mean(
        each["test_accuracy"] for each in fits
    )
    bars[f"recipe, {runs[0]['settings']['epochs']} epochs"] = mean(accuracies(records, runs))
    bars[f"ensemble of {ensemble['members']}"] = ensemble["accuracy"]
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axes = figure.subplots()
    drawn = axes.barh(list(bars), [100 * value for value in bars.values()], color="#3f51b5")
    axes.bar_label(drawn, fmt="%.1f", label_type="center", color="white")
    axes.axvline(100 * BEFORE, color="grey", linestyle="--", linewidth=1)
    axes.set_xlim(50, 70)
    axes.set_xlabel("test accuracy (%); the line: augmented batch normalisation in the study")
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    main()
