"""Write the README's table and picture, and docs/benchmarks.md, from results in the repository.

python -m benchmarks.readme_results
"""

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from benchmarks import race_widths, search_seeds
from benchmarks.first_screen import curves, sentences
from benchmarks.search_ties import RATES, in_words, ties
from benchmarks.selection_rule import selection_section
from benchmarks.speed_sections import (
    memory_section,
    peers_section,
    speed_note,
    stack_section,
    start_section,
)
from lightning_cifar.files import write_text_atomically
from lightning_cifar.study.records import StudyRecord, read_study
from lightning_cifar.study.report.answers import report_of
from lightning_cifar.study.study_files import read_study_files

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
STUDY = RESULTS / "study"
VARIANTS = ("elu", "batch_norm", "selu", "alpha_dropout")
PUBLISHED = {"elu": 47.6, "batch_norm": 54.0, "selu": 47.9, "alpha_dropout": 48.9}
HEADER = (
    "# Benchmarks",
    "",
    "Written by `benchmarks/readme_results.py` from the files in `benchmarks/results/`.",
    "",
)
MC_COSTS = [(kind, count) for kind in ("cached", "naive") for count in (1, 10, 100)]
MC_MEASURES = {"accuracy": "accuracy", "nll": "NLL", "calibration_error": "ECE, 15 bins"}
MARKS = ("<!-- results: written by benchmarks/readme_results.py -->", "<!-- end of results -->")
ANSWER_MARKS = (MARKS[0].replace("results:", "answers:"), "<!-- end of answers -->")
PICTURES = {"learning_curves.png": False, "learning_curves_dark.png": True}  # name -> dark


def main() -> None:
    """Rewrite the marked part of the README and the page of benchmarks, and draw the picture."""
    readme = ROOT / "README.md"
    write_text_atomically(readme, with_results(readme.read_text(), study_records()))
    write_text_atomically(ROOT / "docs" / "benchmarks.md", benchmarks_page())
    for name, dark in PICTURES.items():
        figure = curves(read_study_files(STUDY), dark=dark)
        figure.savefig(ROOT / "docs" / name, dpi=120, facecolor=figure.get_facecolor())


def study_records() -> list[StudyRecord]:
    """The records in the repository."""
    return read_study(STUDY)[0]


def with_results(text: str, records: Sequence[StudyRecord]) -> str:
    """``text`` with the text between the marks replaced by the records' answers and table."""
    written = {MARKS: results(records), ANSWER_MARKS: sentences(read_study_files(STUDY))}
    for (first, last), content in written.items():
        before, start, rest = text.partition(first)
        text = f"{before}{start}\n{content}\n{last}{rest.partition(last)[2]}"
    return text


def results(records: Sequence[StudyRecord]) -> str:
    """The table with its source."""
    rows = [
        "| variant | test accuracy | second rule | best epoch | learning rates found | with 1cycle "
        "| second rule | published |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for variant in VARIANTS:
        plain, cycle = (
            [each for each in records if (each.set_up, each.variant) == (set_up, variant)]
            for set_up in ("exercise", "one_cycle")
        )
        epochs = mean(each.run.best_epoch + 1 for each in plain)
        rows.append(
            f"| `{variant}` | {both_rules(plain)} | {epochs:.0f} | {rates_of(plain)} "
            f"| {both_rules(cycle)} | {PUBLISHED[variant]} % |"
        )
    first = next(each for each in records if each.set_up == "exercise")
    seeds = len({each.seed for each in records if each.set_up == "exercise"})
    note = (
        f"Mean ± standard deviation over {seeds} seeds on the 10,000 test images of a JPEG copy of "
        "CIFAR-10 (quality 75), not the official archive; 45,000 images to train, 5,000 to "
        f"validate, batch {first.run.config['data']['batch_size']}. First the epoch with the "
        "lowest validation loss; by the second rule that with the highest validation accuracy. "
        "Published: second edition, validation accuracy of one seed at other "
        "input scales and rates. Records: `benchmarks/results/study/`; command: "
        "`lightning-cifar study --config study --out studies/main --data.source folder "
        "--data.path cifar10-jpeg.zip`."
    )
    return "\n\n".join(["\n".join(rows), note, selection_note(), speed_note()])


def selection_note() -> str:
    """What another rule of selecting the epoch changes, as the report of the study says it."""
    answers = report_of(read_study_files(STUDY)).answers
    answer = next(each for each in answers if each.question.kind == "selection")
    flips = answer.paragraphs[1] if answer.facts else "Its test figures are not in these records."
    verdict = f"By the second rule, {answer.verdict}. " if answer.facts else ""
    return f"{verdict}{flips} All comparisons: [docs/RESULTS.md](docs/RESULTS.md)."


def both_rules(records: Sequence[StudyRecord]) -> str:
    """Two cells: the test accuracy at the lowest validation loss and at the highest accuracy."""
    second = [each.by_accuracy for each in records]
    return f"{spread(records)} | {spread([each for each in second if each is not None])}"


def rates_of(records: Sequence[StudyRecord]) -> str:
    """The lowest and the highest rate that were found."""
    rates = sorted(each.run.learning_rate for each in records)
    return " to ".join(dict.fromkeys(f"{each:.2g}" for each in (rates[0], rates[-1])))


def spread(records: Sequence[StudyRecord]) -> str:
    """Mean and standard deviation of the test accuracy."""
    accuracies = [100 * each.test["accuracy"] for each in records]
    if len(accuracies) < 2:
        return "not kept"
    return f"{mean(accuracies):.1f} ± {stdev(accuracies):.1f} %"


def benchmarks_page() -> str:
    """docs/benchmarks.md: what was measured, on what, by which command."""
    speed = [peers_section(), stack_section(), start_section(), memory_section()]
    sections = [
        search_section(),
        *speed,
        monte_carlo_section(),
        everywhere_section(),
        selection_section(),
        race_widths.section(read_json(RESULTS / "race_widths.json")),
        trust_section(),
    ]
    present = [section for section in [HEADER[:-1], *sections] if section]
    return "\n\n".join(map("\n".join, present)) + "\n"


def search_section() -> list[str]:
    """The search against the grids."""
    rows = []
    for path in sorted((RESULTS / "learning_rate_search").glob("*.json")):
        result = read_json(path)
        found, error = result["found"], result["standard_error"]
        lost = f"{result['points_lost']:+.1f}" + ("" if error is None else f" ± {error:.1f}")
        best = max(each["accuracy"] for each in result["grid"])
        rows.append(
            f"| `{path.stem.replace('-', '/')}` | {found['rate']:.2g} | {found['accuracy']:.1%} "
            f"| {result['grid_best_rate']:.2g} | {best:.1%} | {lost} | {result['starts']} "
            f"| {result['device']} |"
        )
    return [
        "## The learning rate found, against a grid",
        "",
        "Rates a factor 2 apart and the one that the study's search found, each trained from the "
        "same weights on 45,000 images of a JPEG copy of CIFAR-10: batch 128; at a constant rate "
        "at most 20 epochs, patience 5; with 1cycle 15 epochs. Validation accuracy at the epoch "
        "with the lowest validation loss. The grid's best is the luckiest of its rates (a single "
        "accuracy is known to ±1.4 points), the rate found has one try.",
        "",
        "| grid | found | accuracy | grid's best | accuracy | points lost | starts | device |",
        "|---|---|---|---|---|---|---|---|",
        *rows,
        "",
        "`python benchmarks/learning_rate_search.py --path cifar10-jpeg.zip --rates "
        "benchmarks/results/study/rates --out benchmarks/results/learning_rate_search`",
        "",
        *search_seeds.section(read_json(RESULTS / "search_seeds.json")),
        "",
        in_words(ties(RATES)),
    ]


def monte_carlo_section() -> list[str]:
    """Cost and worth of Monte Carlo dropout."""
    if not (RESULTS / "mc_dropout.json").exists():
        return ["## Monte Carlo dropout", "", "Not yet measured."]
    data = read_json(RESULTS / "mc_dropout.json")
    return [
        "## Monte Carlo dropout",
        "",
        f"Cost of T samples over {data['images']:,} test images, in deterministic passes of the "
        f"same network over the same images, on {data['device']}: medians of {data['rounds']} "
        "interleaved rounds. Cached computes what lies before the first dropout layer once; naive "
        "is T passes through PyTorch's own dropout layers.",
        "",
        "| dropout | " + " | ".join(f"{kind} T = {count}" for kind, count in MC_COSTS) + " |",
        "|---" * (1 + len(MC_COSTS)) + "|",
        *map(cost_row, data["costs"].items()),
        "",
        "What 100 samples change on 10,000 test images of a JPEG copy of CIFAR-10 against the "
        "deterministic prediction of the same weights, with the 95 % interval of a paired "
        "bootstrap over the images. One training run each: the interval says nothing about "
        "another one. Ten runs at each of several rates, beside ensembles: "
        "[Uncertainty](uncertainty.md).",
        "",
        "| trained with dropout | predicts with dropout | measure | deterministic | Monte Carlo | "
        "difference (95 % interval) | verdict | temperature scaling |",
        "|---|---|---|---|---|---|---|---|",
        *(row for verdict in data["verdicts"] for row in verdict_rows(verdict)),
        "",
        "`python benchmarks/mc_dropout.py --run RUN_LAST --run RUN_EVERY --out "
        "benchmarks/results/mc_dropout.json`, for runs of `configs/alpha_dropout.yaml` without and "
        "with `--model.init_args.dropout_everywhere=true --model.learning_rate 1e-3 "
        "--early_stopping.monitor train_loss --trainer.max_epochs 40`; `--rounds 0` keeps the "
        "costs that stand in the file",
    ]


def everywhere_section() -> list[str]:
    """Dropout after every layer: the loss without dropout against the loss with it."""
    title = "## Dropout after every layer: what the prediction without dropout hides"
    if not (RESULTS / "dropout_everywhere.json").exists():
        return [title, "", "Not yet measured."]
    data = read_json(RESULTS / "dropout_everywhere.json")
    last = data["epochs"][-1]
    rows = [
        f"| {rate:g} | {last['loss'][place]:.2f} | {last['sampled_loss'][place]:.2f} "
        f"| {last['accuracy'][place]:.1%} | {last['sampled_accuracy'][place]:.1%} |"
        for place, rate in enumerate(data["rates"])
    ]
    return [
        title,
        "",
        "`alpha_dropout` with dropout 0.1 after each of the 20 hidden layers, four rates trained "
        f"side by side for {len(data['epochs'])} epochs at batch 128: validation figures at the "
        f"end, without dropout and as the mean of {data['samples']} predictions with it. The rate "
        "search and early stopping judge without dropout, so here the loss they see says nothing "
        "about learning: the search tells when none of its candidates came below a guess, and a "
        "rate has to be given.",
        "",
        "| rate | loss without | loss with | accuracy without | accuracy with |",
        "|---|---|---|---|---|",
        *rows,
        "",
        "`python benchmarks/dropout_everywhere.py --path cifar10-jpeg.zip --out "
        "benchmarks/results/dropout_everywhere.json`",
    ]


def cost_row(item: tuple[str, dict[str, float]]) -> str:
    """A row of costs: a placement of the dropout layers and its figures."""
    placement, figures = item
    cells = [f"{figures[f'{kind} {count}']:.2f}" for kind, count in MC_COSTS]
    return f"| {placement} | {' | '.join(cells)} |"


def verdict_rows(verdict: dict[str, Any]) -> list[str]:
    """A row for each measure of one comparison."""
    rows = []
    for key, title in MC_MEASURES.items():
        before, after, scaled = (
            f"{verdict['scores'][name][key]:.4f}"
            for name in ("deterministic", "monte_carlo", "temperature")
        )
        change = verdict["differences"]["monte_carlo"][key]
        interval = f"{change['value']:+.4f} ({change['low']:+.4f} to {change['high']:+.4f})"
        cells = [verdict["trained"], verdict["predicts"], title, before, after, interval]
        rows.append(f"| {' | '.join([*cells, change['verdict'], scaled])} |")
    return rows


def trust_section() -> list[str]:
    """What runs survive: kills, damage, configurations."""
    if not (RESULTS / "config_fuzz.json").exists():
        return ["## Kills, damage, wrong settings", "", "Not yet measured."]
    kills, damage = (read_json(RESULTS / f"{name}_test.json") for name in ("kill", "damage"))
    fuzz = read_json(RESULTS / "config_fuzz.json")
    moments = sorted({trial["moment"] for trial in kills["trials"]} - {"random"})
    return [
        "## Kills, damage, wrong settings",
        "",
        f"Kills: {kills['identical']} of {kills['kills']} runs that were ended by SIGKILL and "
        "resumed have the weights, optimiser state, curves and record of the run that was left "
        "alone, to the last bit; small fits of all four variants, constant rate and 1cycle, killed "
        f"at random moments and at these: {', '.join(moments)}. "
        "`python benchmarks/kill_test.py --kills 20 --out benchmarks/results/kill_test.json`",
        "",
        "Damage: how many damaged files a reader took for sound ones. The unchecked reader of each "
        "file is the one that the checksum was added to.",
        "",
        "| file | bytes | damage | reader | damages | silent |",
        "|---|---|---|---|---|---|",
        *(
            f"| {each['file']} | {each['bytes']:,} | {each['damage']} | {each['reader']} "
            f"| {each['damages']:,} | {each['silent']:,} |"
            for each in damage["counts"]
        ),
        "",
        "`python benchmarks/damage_test.py --damages 1000 --out "
        "benchmarks/results/damage_test.json`",
        "",
        f"Settings: of {fuzz['documents']} random configuration files, {fuzz['ran']} trained and "
        f"{fuzz['refused']} were refused by a line that names the key; {fuzz['tracebacks']} "
        f"tracebacks, {fuzz['problems']} other failures. "
        "`python benchmarks/config_fuzz.py --documents 300 --out "
        "benchmarks/results/config_fuzz.json`",
    ]


def read_json(path: Path) -> Any:
    """A result as its script wrote it."""
    return json.loads(path.read_text())


if __name__ == "__main__":
    main()
