"""One row per image: class, probability and uncertainty, as a table, CSV or JSON."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, fields

from lightning_cifar.data.containers import shown
from lightning_cifar.uncertainty.measures import Prediction
from lightning_cifar.uncertainty.report import aligned


@dataclass(frozen=True)
class PredictionRow:
    """The prediction for one image; entropy and mutual information in nats.

    The mutual information is None for a prediction without samples, which cannot have one.
    """

    name: str
    predicted_class: str
    probability: float
    predictive_entropy: float
    mutual_information: float | None
    note: str


def prediction_rows(
    names: Sequence[str],
    prediction: Prediction,
    class_names: Sequence[str],
    *,
    notes: Sequence[str],
    sampled: bool,
) -> list[PredictionRow]:
    """The rows in the order of the images; ``sampled`` tells whether dropout was active."""
    mutual = prediction.mutual_information.tolist() if sampled else [None] * len(names)
    columns = zip(
        names,
        [class_names[number] for number in prediction.predicted.tolist()],
        prediction.confidence.tolist(),
        prediction.predictive_entropy.tolist(),
        mutual,
        notes,
        strict=True,
    )
    return [PredictionRow(*values) for values in columns]


def rows_as_table(rows: Sequence[PredictionRow]) -> str:
    """Aligned columns for a terminal; control characters in names are shown, not obeyed."""
    header = ["image", "class", "probability", "entropy", "mutual information", "note"]
    cells = [
        [
            shown(row.name),
            shown(row.predicted_class),
            f"{row.probability:.3f}",
            f"{row.predictive_entropy:.3f}",
            "-" if row.mutual_information is None else f"{row.mutual_information:.3f}",
            row.note,
        ]
        for row in rows
    ]
    return aligned([header, *cells]) + "\n"


def rows_as_csv(rows: Sequence[PredictionRow]) -> str:
    """Comma-separated values with a header; numbers in full precision."""
    header = [field.name for field in fields(PredictionRow)]
    return "".join(map(csv_line, [header, *(astuple(row) for row in rows)]))


def csv_line(values: Sequence[object]) -> str:
    """One line; values in which a reader would see the end of one are quoted."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(values)  # which has it look for both signs
    return text.getvalue().removesuffix("\r\n") + "\n"


def rows_as_json(rows: Sequence[PredictionRow]) -> str:
    """A JSON list of objects."""
    return json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False) + "\n"
