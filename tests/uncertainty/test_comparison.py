"""The comparison of three ways to predict: its figures, its text, its record and its pictures."""

import io
import json
import math
from dataclasses import asdict, replace

import pytest
import torch
from matplotlib.figure import Figure
from torch import nn

from lightning_cifar.errors import InputError
from lightning_cifar.uncertainty import bootstrap, figures
from lightning_cifar.uncertainty.comparison import (
    Comparison,
    compare,
    deterministic_logits,
    monte_carlo_averages,
)
from lightning_cifar.uncertainty.measures import prediction_of
from lightning_cifar.uncertainty.monte_carlo import sample_logits
from lightning_cifar.uncertainty.report import comparison_text, to_json
from lightning_cifar.uncertainty.scores import scores_of

IMAGES = 200


@pytest.fixture(scope="module")
def network():
    generator = torch.Generator().manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.Dropout(0.4), nn.Linear(8, 4))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return network


@pytest.fixture(scope="module")
def labelled():
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(IMAGES, 3, 2, 2, generator=generator)
    return images, torch.randint(4, (IMAGES,), generator=generator)


@pytest.fixture(scope="module")
def comparison(network, labelled):
    return compare(network, *labelled, temperature=2.0, samples=20, seed=3)


def test_the_figures_are_those_of_the_three_predictions(comparison, network, labelled):
    images, labels = labelled
    logits = deterministic_logits(network, images)
    sampled = prediction_of(sample_logits(network, images, samples=20, seed=3))
    expected = {
        "deterministic": scores_of(logits.log_softmax(1), labels),
        "monte_carlo": scores_of(sampled.log_probabilities, labels),
        "temperature": scores_of((logits / 2).log_softmax(1), labels),
    }
    assert comparison.scores.keys() == expected.keys()
    for name, scores in expected.items():
        assert comparison.scores[name] == pytest.approx(scores, abs=1e-6)
    assert comparison.differences.keys() == {"monte_carlo", "temperature"}
    difference = comparison.differences["monte_carlo"]["nll"]
    gap = expected["monte_carlo"]["nll"] - expected["deterministic"]["nll"]
    assert difference.value == pytest.approx(gap, abs=1e-6)
    gap = expected["monte_carlo"]["nll"] - expected["temperature"]["nll"]
    assert comparison.beyond_temperature["nll"].value == pytest.approx(gap, abs=1e-6)


def test_sample_counts_are_prefixes_of_one_draw(comparison, network, labelled):
    images, labels = labelled
    assert [scores.samples for scores in comparison.by_count] == [1, 2, 5, 10, 20]
    logits = sample_logits(network, images, samples=20, seed=3)
    five = prediction_of(logits[:, :5]).log_probabilities
    assert comparison.by_count[2].nll == pytest.approx(scores_of(five, labels)["nll"], abs=1e-6)
    last = comparison.by_count[-1]
    assert last.accuracy == comparison.scores["monte_carlo"]["accuracy"]
    assert list(monte_carlo_averages(network, images, samples=7, seed=0)) == [1, 2, 5, 7]


def test_the_deterministic_pass_restores_modes(network, labelled):
    network.train()
    first = deterministic_logits(network, labelled[0])
    assert all(module.training for module in network.modules())
    assert torch.equal(first, deterministic_logits(network.eval(), labelled[0]))
    assert not first.requires_grad


class Halved(nn.Module):
    def forward(self, images):
        return images / 2


def test_raw_images_are_prepared(network, labelled, monkeypatch):
    monkeypatch.setattr(bootstrap, "RESAMPLES", 50)
    images, labels = labelled
    ready = compare(network, images / 2, labels, temperature=1.0, samples=2, seed=0)
    prepared = nn.Sequential(Halved(), network)
    raw = compare(prepared, images, labels, temperature=1.0, samples=2, seed=0)
    assert raw == ready
    # A temperature of 1 changes nothing, and is said to change nothing.
    for difference in ready.differences["temperature"].values():
        assert difference.value == 0
        assert difference.verdict == "no difference that 200 images can show"


def test_unusable_requests_are_refused(network, labelled):
    images, labels = labelled
    with pytest.raises(InputError, match="got 199 labels for 200 images"):
        compare(network, images, labels[:-1], temperature=1.0, samples=2, seed=0)
    for temperature in (0.0, -1.0, math.nan):
        with pytest.raises(InputError, match="temperature must be above 0"):
            compare(network, images, labels, temperature=temperature, samples=2, seed=0)


def test_the_text_sets_the_three_side_by_side(comparison):
    text = comparison_text(comparison)
    header = next(line for line in text.splitlines() if line.startswith("measure"))
    assert header.split("  ")[0] == "measure"
    for title in ("deterministic", "Monte Carlo dropout", "temperature scaling"):
        assert title in header
    row = next(line for line in text.splitlines() if line.startswith("negative log-likelihood"))
    for scores in comparison.scores.values():
        assert f"{scores['nll']:.4f}" in row
    assert "200 images; 20 Monte Carlo samples, masks shared, seed 3; temperature 2" in text
    verdicts = [item.verdict for by in comparison.differences.values() for item in by.values()]
    assert all(text.count(verdict) >= 1 for verdict in verdicts)
    assert max(map(len, text.splitlines())) <= 150


def survives_json(write):
    def check(comparison):
        written = json.loads(write(comparison))
        assert written == json.loads(json.dumps(asdict(comparison)))

    return check


def test_the_record_holds_every_figure(comparison):
    survives_json(to_json)(comparison)
    with pytest.raises(AssertionError):
        survives_json(lambda given: to_json(replace(given, seed=given.seed + 1)))(comparison)


def without_errors(comparison: Comparison) -> Comparison:
    scores = {**comparison.scores["deterministic"], "error_auroc": math.nan}
    return replace(comparison, scores={**comparison.scores, "deterministic": scores})


def test_what_is_undefined_is_null_in_the_record_and_a_word_in_the_text(comparison):
    undefined = without_errors(comparison)
    assert "NaN" not in to_json(undefined)
    assert json.loads(to_json(undefined))["scores"]["deterministic"]["error_auroc"] is None
    assert "undefined" in comparison_text(undefined)


def test_figures_show_the_record(comparison):
    counts = figures.draw_sample_counts(comparison)
    accuracy, nll = counts.axes
    assert accuracy.lines[0].get_xdata().tolist() == [1, 2, 5, 10, 20]
    assert nll.lines[0].get_ydata()[-1] == comparison.scores["monte_carlo"]["nll"]
    reliability = figures.draw_reliability(comparison)
    assert len(reliability.axes[0].lines) == 4
    risk = figures.draw_risk_coverage(comparison)
    assert risk.axes[0].lines[0].get_xdata()[-1] == 1
    for figure in (counts, reliability, risk):
        assert isinstance(figure, Figure)
        file = io.BytesIO()
        figure.savefig(file, dpi=40)
        assert file.getvalue().startswith(b"\x89PNG")
