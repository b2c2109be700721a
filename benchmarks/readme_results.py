"""Write the README's table of results, and its picture, from the run records in the repository.

python benchmarks/readme_results.py
"""

import re
from pathlib import Path

from lightning_cifar.files import write_text_atomically
from lightning_cifar.records import RunRecord, read_record

ROOT = Path(__file__).parent.parent
RECORDS = ROOT / "benchmarks" / "results" / "variants"
VARIANTS = ("elu", "batch_norm", "selu", "alpha_dropout")
PUBLISHED = {"elu": 47.6, "batch_norm": 54.0, "selu": 47.9, "alpha_dropout": 48.9}
MARKS = ("<!-- results: written by benchmarks/readme_results.py -->", "<!-- end of results -->")


def main() -> None:
    """Rewrite the marked part of the README and draw the picture."""
    records = {variant: read_record(RECORDS / f"{variant}.json") for variant in VARIANTS}
    readme = ROOT / "README.md"
    write_text_atomically(readme, with_results(readme.read_text(), records))
    from lightning_cifar.figures import save_curves

    save_curves(records, ROOT / "docs" / "learning_curves.png")


def with_results(text: str, records: dict[str, RunRecord]) -> str:
    """``text`` with what stands between the marks replaced by the records' table."""
    start, end = (re.escape(mark) for mark in MARKS)
    content = f"{MARKS[0]}\n{results(records)}\n{MARKS[1]}"
    return re.sub(f"{start}.*{end}", lambda _: content, text, flags=re.DOTALL)


def results(records: dict[str, RunRecord]) -> str:
    """The table with its source."""
    rows = [
        "| variant | validation accuracy | best epoch | learning rate found | published |",
        "|---|---|---|---|---|",
    ]
    for variant, record in records.items():
        best = record.best
        assert best is not None
        rows.append(
            f"| `{variant}` | {best.val_accuracy:.1%} | {best.epoch + 1} of {len(record.epochs)} "
            f"| {record.learning_rate:.2g} | {PUBLISHED[variant]} % |"
        )
    first = next(iter(records.values()))
    batch = first.config["data"]["batch_size"]
    note = (
        "45,000 training and 5,000 validation images of a JPEG copy of CIFAR-10 (quality 75), not "
        f"the official archive; batch {batch}, seed {first.seed}, accuracy at the epoch with the "
        "lowest validation loss. One accuracy on 5,000 images has a 95 % interval of ±1.4 points. "
        "Published: second edition, one seed, other input scales and rates. Records: "
        "`benchmarks/results/variants/`; command: `python benchmarks/train_variants.py --records "
        "benchmarks/results/variants --data.source folder --data.path cifar10-jpeg.zip`."
    )
    return "\n".join(rows) + "\n\n" + note


if __name__ == "__main__":
    main()
