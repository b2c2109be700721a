"""Tables, texts and files about predictions, from the first to the last letter."""

import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from lightning_cifar.data.images import LabelledImages
from lightning_cifar.uncertainty import comparison, ensemble_report, ensemble_scores, evaluation
from lightning_cifar.uncertainty.bootstrap import Difference
from lightning_cifar.uncertainty.ensemble_scores import EnsembleTest
from lightning_cifar.uncertainty.measures import Prediction
from lightning_cifar.uncertainty.prediction import (
    PredictionRow,
    prediction_rows,
    rows_as_csv,
    rows_as_json,
    rows_as_table,
)
from lightning_cifar.uncertainty.report import (
    aligned,
    comparison_text,
    difference_cells,
    figure,
    signed,
    without_nan,
)
from lightning_cifar.uncertainty.scores import MEASURES

KEYS = [measure.key for measure in MEASURES]
ROWS = [
    PredictionRow("a\x1b.png", "cat", 0.12345, 1.5, 0.0625, ""),
    PredictionRow("bé.png", "dog", 1.0, 0.0, None, "resized"),
]


def test_a_table_of_predictions():
    assert rows_as_table(ROWS) == (
        "image      class  probability  entropy  mutual information  note\n"
        "-------------------------------------------------------------------\n"
        "a\\x1b.png  cat    0.123        1.500    0.062\n"
        "bé.png     dog    1.000        0.000    -                   resized\n"
    )


def test_predictions_as_comma_separated_values():
    assert rows_as_csv(ROWS[1:]) == (
        "name,predicted_class,probability,predictive_entropy,mutual_information,note\n"
        "bé.png,dog,1.0,0.0,,resized\n"
    )


def test_predictions_as_json():
    assert rows_as_json(ROWS[1:]) == (
        '[\n  {\n    "name": "bé.png",\n    "predicted_class": "dog",\n    "probability": 1.0,\n'
        '    "predictive_entropy": 0.0,\n    "mutual_information": null,\n'
        '    "note": "resized"\n  }\n]\n'
    )


@pytest.mark.parametrize(("sampled", "mutual"), [(True, 0.25), (False, None)])
def test_rows_of_a_prediction(sampled, mutual):
    logs = torch.tensor([[0.5, 0.5], [0.25, 0.75]]).double().log()
    expected = torch.tensor([math.log(2) - 0.25, 5.0]).double()
    found = prediction_rows(
        ["a", "b"], Prediction(logs, expected), ["x", "y"], notes=["n", ""], sampled=sampled
    )
    assert [(row.name, row.predicted_class, row.note) for row in found] == [
        ("a", "x", "n"),
        ("b", "y", ""),
    ]
    assert [row.probability for row in found] == pytest.approx([0.5, 0.75])
    assert found[0].predictive_entropy == pytest.approx(math.log(2))
    assert [row.mutual_information for row in found] == (
        [pytest.approx(mutual), 0] if sampled else [None, None]
    )


def test_columns_are_aligned():
    assert aligned([["a", "bbb"], ["cccc", ""], ["", "d"]]) == "a     bbb\n---------\ncccc\n      d"
    assert (figure(0.123456), figure(math.nan)) == ("0.1235", "undefined")
    assert (signed(0.5), signed(-0.00004), signed(math.nan)) == ("+0.5000", "-0.0000", "undefined")
    cells = difference_cells(Difference(0.25, -0.5, math.nan, "worse"))
    assert cells == ["+0.2500", "-0.5000 to undefined", "worse"]


def test_what_is_no_number_is_null():
    value = {"a": (1.0, math.nan, [math.nan, "x"]), "b": {"c": math.nan, "d": math.inf}}
    assert without_nan(value) == {"a": [1.0, None, [None, "x"]], "b": {"c": None, "d": math.inf}}


def scores(first):
    return {key: first + place / 100 for place, key in enumerate(KEYS)}


def differences(value):
    return dict.fromkeys(KEYS, Difference(value, value - 1, value + 1, f"by {value}"))


def test_a_comparison_in_words():
    compared = comparison.Comparison(
        images=1234, samples=7, seed=3, masks="per_image", temperature=1.23456,
        scores={"deterministic": scores(0.1), "monte_carlo": scores(0.2),
                "temperature": scores(0.3)},
        differences={"monte_carlo": differences(0.5), "temperature": differences(-0.25)},
        beyond_temperature=differences(0.75), by_count=(), reliability={}, risk_coverage={},
    )  # fmt: skip
    lines = comparison_text(compared).split("\n")
    assert lines[:5] == [
        "1,234 images; 7 Monte Carlo samples, masks per image, seed 3; temperature 1.235",
        "",
        "measure                        deterministic  Monte Carlo dropout  temperature scaling",
        "-" * 86,
        "accuracy                       0.1000         0.2000               0.3000",
    ]
    assert lines[11:16] == [
        "",
        "Differences, with the 95 % interval of a paired bootstrap over the images",
        "",
        "measure                        prediction           against              difference  "
        "95 % interval       verdict",
        "-" * 113,
    ]
    assert [line.split("  ", 1)[1].strip() for line in lines[16:19]] == [
        "Monte Carlo dropout  deterministic        +0.5000     -0.5000 to +1.5000  by 0.5",
        "temperature scaling  deterministic        -0.2500     -1.2500 to +0.7500  by -0.25",
        "Monte Carlo dropout  temperature scaling  +0.7500     -0.2500 to +1.7500  by 0.75",
    ]
    assert len(lines) == 16 + 21


LOGS = torch.tensor([[0.75, 0.25], [0.5, 0.5], [0.125, 0.875]]).log()
DATA = LabelledImages(torch.zeros(3, 3, 2, 2, dtype=torch.uint8), torch.tensor([0, 1, 1]))
TEST = EnsembleTest(
    images=3, validation=56, temperature=1.23456, samples=7, seed=9,
    members=(scores(0.1), scores(0.3)),
    scores={"ensemble": scores(0.5), "ensemble_temperature": scores(0.6),
            "ensemble_monte_carlo": scores(0.7) | {"error_auroc": math.nan}},
    differences={"ensemble": differences(0.5)},
    log_probabilities=LOGS,
)  # fmt: skip


def test_an_ensemble_in_words():
    figures = {"test_loss": 1.5, "test_accuracy": 0.25, "test_balanced_accuracy": 0.125}
    lines = ensemble_report.ensemble_text(TEST, ["a", "b"], figures).split("\n")
    lines.pop(1)  # the sentence of the other test
    assert lines[:3] == [
        "test_loss 1.5000  test_accuracy 25.00%  test_balanced_accuracy 12.50%",
        "temperature 1.235, fitted on 56 validation images",
        "",
    ]
    rows = [line[:26].strip() for line in lines[5:11]]
    assert rows == ["a", "b", "mean of the members", "ensemble", "ensemble, temperature",
                    "ensemble, 7 samples each"]  # fmt: skip
    assert lines[11] == (
        "NLL: negative log-likelihood in nats; calibration: calibration error, 15 bins of equal "
        "width or equal mass; AUROC: of error detection; risk-coverage: area under the curve"
    )
    assert lines[12:15] == [
        "",
        "Differences from the mean of the members, with the 95 % interval of a paired bootstrap "
        "over the images",
        "",
    ]
    assert lines[15].split() == [
        "measure",
        "prediction",
        "difference",
        "95",
        "%",
        "interval",
        "verdict",
    ]
    assert len(lines) == 17 + len(MEASURES)


def test_the_file_about_an_ensemble(tmp_path):
    classifier = SimpleNamespace(class_names=["cat", "dog"])
    members = [SimpleNamespace(classifier=classifier, about={"run": name}) for name in "ab"]
    files = ensemble_report.write_ensemble_test(TEST, members, DATA, "abc", tmp_path)
    assert files == [tmp_path / "test.json", tmp_path / "confusion.png"]
    fields = json.loads(files[0].read_text())
    found = fields.pop("figures")
    assert found["test_loss"] == pytest.approx(-math.log(0.75 * 0.5 * 0.875) / 3, rel=1e-6)
    assert found["test_accuracy"] == pytest.approx(2 / 3)
    assert found["test_balanced_accuracy"] == pytest.approx(0.75)
    undefined = scores(0.7) | {"error_auroc": None}
    assert fields == {
        "classes": ["cat", "dog"],
        "confusion": [[1, 0], [1, 1]],
        "data_fingerprint": "abc",
        "weights": "ensemble of 2 runs",
        "members": [
            {"run": "a", "scores": scores(0.1)},
            {"run": "b", "scores": scores(0.3)},
        ],
        "validation_images": 56,
        "temperature": 1.23456,
        "mc_samples": 7,
        "seed": 9,
        "scores": TEST.scores | {"ensemble_monte_carlo": undefined},
        "differences": {
            "ensemble": {
                key: {"value": 0.5, "low": -0.5, "high": 1.5, "verdict": "by 0.5"} for key in KEYS
            }
        },
    }


@pytest.mark.parametrize("samples", [None, 3])
@pytest.mark.parametrize("validated", [True, False])
def test_an_ensemble_is_judged_by_its_members(monkeypatch, samples, validated):
    """Members that are right and wrong, in probabilities of 0.9 and 0.4 of the first class."""
    logits = {
        name: torch.tensor([share, 1 - share]).log() for name, share in (("a", 0.9), ("b", 0.4))
    }
    asked = []
    monkeypatch.setattr(
        ensemble_scores, "logits_of", lambda each, images: logits[each].expand(len(images), 2) + 5
    )

    def sampled(each, images, **given):
        asked.append((each, len(images), given))
        return logits[each].expand(len(images), 2)

    monkeypatch.setattr(ensemble_scores, "monte_carlo_mean", sampled)
    held_out = LabelledImages(DATA.images[:2], DATA.labels[:2])
    validation = held_out if validated else None
    found = ensemble_scores.judge(["a", "b"], DATA, validation, samples=samples, seed=4)
    names = ["ensemble"]
    names += ["ensemble_temperature"] if validated else []
    names += ["ensemble_monte_carlo"] if samples else []
    assert (list(found.scores), list(found.differences)) == (names, names)
    assert (found.images, found.validation) == (3, 2 if validated else 0)
    assert (found.samples, found.seed) == (samples, 4)
    assert [each["accuracy"] for each in found.members] == pytest.approx([1 / 3, 2 / 3])
    assert found.log_probabilities.exp()[0].tolist() == pytest.approx([0.65, 0.35])
    assert found.scores["ensemble"]["nll"] == pytest.approx(
        -(math.log(0.65) + 2 * math.log(0.35)) / 3, rel=1e-5
    )
    mean = sum(each["nll"] for each in found.members) / 2
    difference = found.differences["ensemble"]["nll"].value
    assert difference == pytest.approx(found.scores["ensemble"]["nll"] - mean)
    if validated:  # one of each class: the least sure is the best
        assert found.temperature == pytest.approx(100, rel=0.01)
        assert found.scores["ensemble_temperature"]["nll"] == pytest.approx(math.log(2), abs=0.01)
    else:
        assert found.temperature is None
    given = {"samples": samples, "seed": 4}
    assert asked == ([("a", 3, given), ("b", 3, given)] if samples else [])


@pytest.mark.parametrize(
    ("samples", "counts"),
    [
        (1, [1]),
        (2, [1, 2]),
        (3, [1, 2, 3]),
        (20, [1, 2, 5, 10, 20]),
        (101, [1, 2, 5, 10, 20, 50, 100, 101]),
    ],
)
def test_averages_are_of_the_first_samples(monkeypatch, samples, counts):
    blocks = [
        torch.randn(size, samples, 3, generator=torch.Generator().manual_seed(size))
        for size in (2, 1)
    ]
    asked = []

    def logit_blocks(*given, **more):
        asked.append((given, more))
        return iter(blocks)

    monkeypatch.setattr(comparison, "logit_blocks", logit_blocks)
    found = comparison.monte_carlo_averages("network", "images", samples=samples, seed=5)
    assert list(found) == counts
    assert asked == [(("network", "images"), {"samples": samples, "seed": 5})]
    for count, values in found.items():
        mean = torch.cat(blocks)[:, :count].softmax(-1).mean(1)
        assert torch.allclose(values.exp(), mean, atol=1e-6)


def test_a_comparison_of_a_run_is_asked_for_and_written(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(evaluation, "of_raw_images", lambda classifier: f"raw {classifier}")
    monkeypatch.setattr(evaluation, "logits_of", lambda *given: given)
    monkeypatch.setattr(evaluation, "fit_temperature", lambda *given: given)
    monkeypatch.setattr(evaluation, "compare", lambda *given, **more: asked.append((given, more)))
    monkeypatch.setattr(
        evaluation, "monte_carlo_averages", lambda *given, **more: {3: (given, more)}
    )
    test, held = (
        SimpleNamespace(images=f"{name} images", labels=f"{name} labels") for name in ("t", "v")
    )
    evaluation.compare_predictions("net", test, held, samples=3, seed=4)
    temperature = (("net", "v images"), "v labels")
    more = {"temperature": temperature, "samples": 3, "seed": 4}
    assert asked == [(("raw net", "t images", "t labels"), more)]
    mean = evaluation.monte_carlo_mean("net", "images", samples=3, seed=4)
    assert mean == (("raw net", "images"), {"samples": 3, "seed": 4})

    saved = []

    def drawing(name):
        def draw(compared):
            return SimpleNamespace(
                savefig=lambda path, **more: saved.append((name, compared, path, more))
            )

        return draw

    for name in ("sample_counts", "reliability", "risk_coverage"):
        monkeypatch.setattr(evaluation, f"draw_{name}", drawing(name))
    monkeypatch.setattr(evaluation, "to_json", lambda compared: f"json of {compared}")
    files = evaluation.write_comparison("it", tmp_path, "test")
    assert files[0] == tmp_path / "uncertainty_test.json"
    assert files[0].read_text() == "json of it"
    assert saved == [
        (name, "it", Path(path), {"dpi": 120})
        for name, path in zip(
            ("sample_counts", "reliability", "risk_coverage"), files[1:], strict=True
        )
    ]
    assert [path.name for path in files[1:]] == [
        "samples_test.png",
        "reliability_test.png",
        "risk_coverage_test.png",
    ]
