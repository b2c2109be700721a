"""How rates are searched and runs fitted for a study, with the costly steps replaced."""

from types import SimpleNamespace

import pytest
import torch
from made_studies import made_condition as condition

from lightning_cifar.study import fit_runs, rates
from lightning_cifar.study.conditions import Condition

CPU = torch.device("cpu")


def test_a_rate_that_is_given_is_that_of_all_seeds(tmp_path):
    found = rates.rates_of(condition(2), (5, 6, 7), "data", tmp_path, CPU)
    assert found == ([2.0, 2.0, 2.0], "given")
    assert type(found[0][0]) is float


def test_rates_are_searched_for_the_seeds_that_have_none(monkeypatch, tmp_path):
    asked, written = [], []
    made = lambda condition, *given: given  # noqa: E731
    monkeypatch.setattr(Condition, "classifier", made)
    monkeypatch.setattr(rates, "search_settings", lambda *given: given)
    kept = {tmp_path / "rates" / "a-elu-6.json": SimpleNamespace(rate=0.6)}
    expected = ((5, None, "data"), "data", rates.PLAIN, 3, 2)

    def read(path, settings):
        assert settings[1:] == expected[1:]
        return kept.get(path)

    def searched(*given):
        asked.append(given)
        return {seed: SimpleNamespace(rate=seed / 10) for seed in given[0]}

    monkeypatch.setattr(rates, "read_result", read)
    monkeypatch.setattr(rates, "searched", searched)
    monkeypatch.setattr(rates, "write_result", lambda *given: written.append(given))
    found = rates.rates_of(condition(), (5, 6, 7), "data", tmp_path, CPU)
    assert found == ([0.5, 0.6, 0.7], "search")
    missing = {5: (5, None, "data"), 7: (7, None, "data")}
    assert asked == [(missing, "data", CPU, 3, 2)]
    assert [(result.rate, *rest) for result, *rest in written] == [
        (seed / 10, expected, "search", tmp_path / "rates" / f"a-elu-{seed}.json")
        for seed in (5, 7)
    ]
    assert (tmp_path / "rates").is_dir()
    assert rates.rates_of(condition(), (6,), "data", tmp_path, CPU) == ([0.6], "search")
    assert len(asked) == 1


@pytest.fixture
def pieces(monkeypatch):
    """The parts of a search, replaced; and what they were asked."""
    asked = SimpleNamespace(images=SimpleNamespace(seed=None), tests=[], races=[], lent=[])

    def lent(*given, **more):
        asked.lent.append((given, more))
        return asked.images

    def short_fits(member, data, device, options):
        asked.tests.append((member.name, data["datamodule"].seed, device, options))
        test = SimpleNamespace(rates=(1.0,) if member.name != "prepared b" else (), of=member.name)
        return SimpleNamespace(range_test=lambda: test)

    def raced(members, first, *rest):
        asked.races.append((dict(first), rest))
        assert {seed: member.name for seed, member in members.items()} == {
            seed: f"prepared {name}" for seed, name in zip((1, 2, 3), "abc", strict=True)
        }
        return {seed: (f"raced {seed}", each) for seed, each in first.items()}

    def prepared(each, images):
        assert images is asked.images
        return SimpleNamespace(name=f"prepared {each}", schedule="a schedule")

    monkeypatch.setattr(rates, "lent_images", lent)
    monkeypatch.setattr(rates, "prepared", prepared)
    monkeypatch.setattr(rates, "ShortFits", short_fits)
    monkeypatch.setattr(rates, "share_of", lambda schedule: f"share of {schedule}")
    monkeypatch.setattr(rates, "first_rates", lambda test, *given: (test.of, *given))
    monkeypatch.setattr(rates, "raced", raced)
    monkeypatch.setattr(
        rates,
        "search",
        lambda test, race, *given: (
            (test.of, race((test.of, *given)), race((0.5,)), *given) if test.rates else "none"
        ),
    )
    return asked


def test_the_first_races_are_one_and_further_ones_by_seed(pieces):
    found = rates.searched(dict(zip((1, 2, 3), "abc", strict=True)), "data", CPU, 4, 2)
    first = {
        seed: (f"prepared {name}", 4, "share of a schedule") for seed, name in ((1, "a"), (3, "c"))
    }
    assert pieces.lent == [(("data", CPU), {"processes": 1})]
    assert pieces.tests == [
        (f"prepared {name}", seed, CPU, rates.PLAIN)
        for seed, name in ((1, "a"), (2, "b"), (3, "c"))
    ]
    rest = (pieces.images, CPU, 2)
    assert pieces.races == [(first, rest), ({1: (0.5,)}, rest), ({3: (0.5,)}, rest)]
    assert found == {
        1: ("prepared a", ("raced 1", first[1]), ("raced 1", (0.5,)), 4, "share of a schedule"),
        2: "none",
        3: ("prepared c", ("raced 3", first[3]), ("raced 3", (0.5,)), 4, "share of a schedule"),
    }


@pytest.mark.parametrize(("device", "at_once"), [("cpu", None), ("cuda", 3)])
def test_a_race_trains_each_seed_at_each_of_its_rates(monkeypatch, device, at_once):
    asked = []

    def train_many(members, images, **given):
        asked.append((members, images, given))
        return "ended"

    def candidates(its_rates, ended, epochs):
        assert (ended, epochs) == ("ended", 11)
        return [f"at {rate}" for rate in its_rates]

    def race_length(*given):
        assert given == (4, 2, rates.PLAIN)
        return 11, "options"

    monkeypatch.setattr(rates, "candidate_at", lambda member, rate: (member, rate))
    monkeypatch.setattr(rates, "race_length", race_length)
    monkeypatch.setattr(rates, "train_many", train_many)
    monkeypatch.setattr(rates, "candidates", candidates)
    images = SimpleNamespace(train_images=range(16), batch_size=4)
    members = {1: "a", 2: "b", 9: "c"}
    found = rates.raced(members, {1: (0.5, 0.25), 9: (0.5,)}, images, torch.device(device), 2)
    assert found == {1: ("at 0.5", "at 0.25"), 9: ("at 0.5",)}
    assert asked == [
        (
            [("a", 0.5), ("a", 0.25), ("c", 0.5)],
            images,
            {
                "device": torch.device(device),
                "epochs": 11,
                "options": "options",
                "seeds": [1, 1, 9],
                "at_once": at_once,
            },
        )
    ]


def test_runs_are_fitted_as_their_condition_says(monkeypatch, tmp_path):
    asked = []

    def fit_stack(classifiers, datamodule, **given):
        asked.append((classifiers, datamodule, given))
        return ["one fit", "another"]

    monkeypatch.setattr(Condition, "classifier", lambda condition, *given: given)
    monkeypatch.setattr(fit_runs, "fit_stack", fit_stack)
    found = fit_runs.fit_runs(condition(), {3: 0.5, 8: 0.25}, "data", tmp_path, "told")
    assert found == [("one fit", (-1, {})), ("another", (-1, {}))]
    ((classifiers, datamodule, given),) = asked
    assert (classifiers, datamodule) == ([(3, 0.5, "data"), (8, 0.25, "data")], "data")
    (accurate,) = given.pop("callbacks")
    assert accurate.accuracies == [-1.0, -1.0]
    assert given == {
        "seeds": [3, 8],
        "max_epochs": 7,
        "patience": 4,
        "folder": tmp_path,
        "accelerator": "cpu",
        "on_epoch": "told",
    }


def test_the_first_of_the_most_accurate_epochs_is_kept(monkeypatch):
    """Three members of four are present; the one at place 1 had a batch that was not finite."""
    figures = [(1.0, 0.5), (1.0, 0.9), (1.0, 0.25)]
    stack = SimpleNamespace(
        finite_batches=torch.tensor([5, 4, 5]),
        train_batches=5,
        val_figures=lambda: figures,
        present=[3, 0, 1],
        stack=SimpleNamespace(member_state=lambda index: {"place": index}),
    )
    monkeypatch.setattr(fit_runs, "stack_of", lambda module: stack)
    kept = fit_runs.MostAccurate(4)
    kept.on_train_epoch_end(SimpleNamespace(current_epoch=6), None)
    assert kept.accuracies == [-1.0, 0.25, -1.0, 0.5]
    assert kept.checkpoints == [(-1, {}), (6, {"place": 2}), (-1, {}), (6, {"place": 0})]
    figures[:] = [(1.0, 0.5), (1.0, 0.9), (1.0, 0.5)]
    stack.finite_batches[1] = 5
    kept.on_train_epoch_end(SimpleNamespace(current_epoch=7), None)
    assert kept.accuracies == [0.9, 0.5, -1.0, 0.5]
    assert [epoch for epoch, _ in kept.checkpoints] == [7, 7, -1, 6]
