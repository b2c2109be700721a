"""One row per image in every format, and the contact sheet."""

import csv
import io
import json
from dataclasses import replace

import pytest
import torch

from lightning_cifar.uncertainty.figures import draw_contact_sheet, shortened
from lightning_cifar.uncertainty.measures import prediction_of
from lightning_cifar.uncertainty.prediction import (
    PredictionRow,
    prediction_rows,
    rows_as_csv,
    rows_as_json,
    rows_as_table,
)

CLASSES = ("bird", "cat", "dog")


def rows_for(sampled=True):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 6, 3, generator=generator)
    prediction = prediction_of(logits if sampled else logits[:, :1])
    names = ["a\r.png", 'odd, "name"\r\n.png', "\x1b[2Jc.png"]
    rows = prediction_rows(names, prediction, CLASSES, notes=["", "resized", ""], sampled=sampled)
    return rows, prediction


def test_rows_hold_the_prediction():
    rows, prediction = rows_for()
    for index, row in enumerate(rows):
        assert row.predicted_class == CLASSES[int(prediction.probabilities[index].argmax())]
        assert row.probability == pytest.approx(float(prediction.probabilities[index].max()))
        assert row.predictive_entropy == float(prediction.predictive_entropy[index])
        assert row.mutual_information == float(prediction.mutual_information[index])


def survives_the_format(read, write):
    def check():
        for sampled in (True, False):
            rows, _ = rows_for(sampled)
            assert read(write(rows)) == rows

    return check


def rows_from_csv(text):
    def number(value):
        return float(value) if value else None

    return [
        PredictionRow(
            row["name"],
            row["predicted_class"],
            float(row["probability"]),
            float(row["predictive_entropy"]),
            number(row["mutual_information"]),
            row["note"],
        )
        for row in csv.DictReader(io.StringIO(text, newline=""))
    ]


def rows_from_json(text):
    return [PredictionRow(**row) for row in json.loads(text)]


def test_csv_and_json_hold_everything():
    survives_the_format(rows_from_csv, rows_as_csv)()
    survives_the_format(rows_from_json, rows_as_json)()


def test_a_format_without_quotes_is_caught():
    def joined(rows):
        header = "name,predicted_class,probability,predictive_entropy,mutual_information,note\n"
        lines = [",".join(map(str, vars(row).values())) for row in rows]
        return header + "\n".join(lines)

    with pytest.raises((AssertionError, ValueError, TypeError)):
        survives_the_format(rows_from_csv, joined)()


def test_a_format_that_looks_for_one_end_of_lines_alone_is_caught():
    def written(rows):
        text = io.StringIO()
        writer = csv.DictWriter(text, vars(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(vars, rows))
        return text.getvalue()

    with pytest.raises((AssertionError, ValueError, TypeError)):
        survives_the_format(rows_from_csv, written)()


def test_the_table_has_one_line_per_image_and_obeys_no_file_name():
    rows, _ = rows_for()
    lines = rows_as_table(rows).splitlines()
    assert len(lines) == 2 + len(rows)
    assert "\x1b" not in rows_as_table(rows)
    assert "\\x1b[2Jc.png" in lines[-1]
    assert lines[2].startswith("a\\r.png ")
    assert "a\\nb" in rows_as_table([replace(rows[0], predicted_class="a\nb")])
    for name in ("Größe 猫.png", "🐈‍⬛.png"):
        assert name in rows_as_table([replace(rows[0], name=name)])
    rows, _ = rows_for(sampled=False)
    assert all("  -" in line for line in rows_as_table(rows).splitlines()[2:])


def test_the_contact_sheet_shows_the_extremes():
    generator = torch.Generator().manual_seed(0)
    prediction = prediction_of(2 * torch.randn(20, 4, 3, generator=generator))
    images = torch.randint(256, (20, 3, 32, 32), generator=generator, dtype=torch.uint8)
    names = [f"picture $number_{index}" for index in range(20)]
    figure = draw_contact_sheet(images, names, prediction, CLASSES)
    shown = [axes.get_title().splitlines()[0] for axes in figure.axes]
    order = prediction.confidence.argsort(descending=True).tolist()
    assert shown == [names[index] for index in order[:6] + order[::-1][:6]]
    figure.savefig(io.BytesIO())
    assert len(draw_contact_sheet(images[:1], names[:1], first(prediction), CLASSES).axes) == 2
    assert shortened("x" * 30 + "end.png").endswith("end.png")


def first(prediction):
    return type(prediction)(prediction.log_probabilities[:1], prediction.expected_entropy[:1])
