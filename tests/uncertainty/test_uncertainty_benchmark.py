"""The benchmark of uncertainty: ways, choices, comparisons; once through all of it; its words."""

import itertools
import json
import math
import re
from types import SimpleNamespace

import pytest
import torch
from commands import run, working_in
from controls import assert_rejects
from graded_sets import graded_set

from benchmarks import uncertainty, uncertainty_page
from benchmarks.uncertainty_comparisons import (
    Planned,
    Side,
    chosen,
    judge,
    normal_p,
    over_images,
    over_seeds,
    planned,
)
from benchmarks.uncertainty_training import conditions
from benchmarks.uncertainty_ways import Way, by_group, groups, measures, temperatures, ways_of

PLAIN, SAMPLED = Way("plain", 1, True), Way("sampled", 1, True)


def test_groups_are_disjoint_and_equal():
    for networks in range(1, 12):
        for size in range(1, networks + 1):
            members = [set(range(networks)[each]) for each in groups(networks, size)]
            assert len(members) == networks // size
            assert all(len(each) == size for each in members)
            assert len(set().union(*members)) == size * len(members)


def test_ways_and_their_costs():
    found = {way.key: way for way in ways_of(["plain", "sampled"], 4)}
    assert len(found) == 2 * 3 * 2  # one, two and three networks
    assert found["plain-3"].passes(50) == 3
    assert found["sampled-2-temperature"].passes(50) == 100
    size = {"depth": 2, "width": 100, "dropout_everywhere": False}
    whole, last = 3072 * 100 + 100 * 100 + 100 * 10, 100 * 10
    assert found["sampled-2"].computed(size, 50) == pytest.approx(2 * (1 + 49 * last / whole))
    everywhere = size | {"dropout_everywhere": True}
    rest = 100 * 100 + last  # all but the first layer, which no dropout precedes
    assert found["sampled-1"].computed(everywhere, 50) == pytest.approx(1 + 49 * rest / whole)
    assert found["sampled-1"].computed(everywhere, 1) == 1
    assert found["plain-3"].computed(everywhere, 50) == 3


def drawn(networks=4, images=80):
    sets = [graded_set(seed, images=images, sharpness=2)[0] for seed in range(networks)]
    return torch.stack(sets), graded_set(0, images=images)[1]


def test_groups_are_averaged_and_scaled():
    members, labels = drawn()
    predictions, ways = {"plain": members}, ways_of(["plain"], 4)
    fitted = temperatures(predictions, labels, ways)
    assert {key: len(each) for key, each in fitted.items()} == {
        **{"plain-1-temperature": 4, "plain-2-temperature": 2, "plain-3-temperature": 1}
    }
    first, second = by_group(predictions, Way("plain", 2, False), fitted)
    assert torch.allclose(first.exp(), members[:2].exp().mean(0))
    assert torch.allclose(second.exp(), members[2:].exp().mean(0))
    scaled = by_group(predictions, Way("plain", 2, True), fitted)[0]
    expected = (first / fitted["plain-2-temperature"][0]).log_softmax(1)
    assert torch.allclose(scaled, expected)
    figures = measures(predictions, labels, ways, fitted)
    assert figures["plain-2-temperature"]["nll"][0] <= figures["plain-2"]["nll"][0] + 1e-6


def record(validation, test=1.0, sampled=False, spread=0.0, seeds=10):
    """A record in which every measure is ``test``, and every validation loss ``validation``."""
    ways = [PLAIN.key, *([SAMPLED.key] if sampled else [])]
    keys = ("accuracy", "nll", "brier", "calibration_error", "area_under_risk_coverage")
    ups = [spread * math.sin(seed) for seed in range(seeds)]
    part = {
        name: {way: {key: [level + up for up in ups] for key in keys} for way in ways}
        for name, level in (("validation", validation), ("test", test))
    }
    return {"parts": part | {"temperatures": {way: [1.0] * seeds for way in ways}}}


def chooses_by_validation(choose):
    def check():
        records = {
            "elu": record(1.5, test=0.1),
            "selu": record(1.2, test=0.9),
            "last-0.1": record(1.3, sampled=True),
            "last-0.5": record(1.1, sampled=True, test=2.0),
            "every-0.1": record(1.4, sampled=True, test=0.0),
        }
        assert choose(records) == {
            **{"plain": "selu", "last": "last-0.5", "every": "every-0.1", "sampled": "last-0.5"}
        }

    return check


def chosen_by_test(records):
    swapped = {
        name: {"parts": each["parts"] | {"validation": each["parts"]["test"]}}
        for name, each in records.items()
    }
    return chosen(swapped)


def test_networks_are_chosen_on_validation_images():
    chooses_by_validation(chosen)()
    assert_rejects(chooses_by_validation(chosen_by_test))


def judged(first, second, measure="nll"):
    records = {"last-0.1": first, "selu": second}
    family = [Planned(Side("last-0.1", SAMPLED), Side("selu", PLAIN), measure)]
    return over_seeds(records, family)[0]


@pytest.mark.parametrize(
    ("measure", "level", "verdict"),
    [
        ("nll", 0.9, "better"),
        ("nll", 1.1, "worse"),
        ("accuracy", 1.1, "better"),
        ("accuracy", 0.9, "worse"),
        ("nll", 1.0, "not enough evidence"),
    ],
)
def test_verdicts_follow_the_direction_of_the_measure(measure, level, verdict):
    first = record(1.0, test=level, sampled=True, spread=0.01)
    found = judged(first, record(1.0, test=1.0, spread=-0.01), measure)
    assert found["verdict"] == verdict
    assert found["mean"] == pytest.approx(level - 1, abs=0.01)
    assert found["low"] <= found["mean"] <= found["high"]


def test_three_seeds_are_not_enough():
    first = record(1.0, test=0.5, sampled=True, spread=0.01, seeds=3)
    assert judged(first, record(1.0, seeds=3))["verdict"] == "not enough evidence"


def test_families_are_small_enough_for_ten_seeds():
    """The smallest p of ten seeds, 2 / 2^10, passes the correction of every family."""
    rates = (0.05, 0.1, 0.2, 0.3, 0.5)
    records = {
        each.name: record(1.0, sampled=each.has_dropout) for each in conditions(["elu"], rates)
    }
    for family in planned(records, chosen(records)).values():
        assert 2 / 2**10 * len(family) < 0.05


def test_ensembles_are_compared_over_images():
    members, labels = drawn(networks=2, images=300)
    sharp = {"plain": members.mul(3).log_softmax(-1)}  # overconfident: a larger loss
    records = {name: {"parts": {"temperatures": {}}} for name in "ab"}
    side = Way("plain", 2, False)
    (found,) = over_images(
        [(Side("a", side), Side("b", side))], {"a": {"plain": members}, "b": sharp}, records, labels
    )
    nll = found["measures"]["nll"]
    assert nll["verdict"] == "better"
    assert nll["low"] <= nll["value"] <= nll["high"] < 0


def test_what_the_images_say_is_corrected_for_all_that_is_compared():
    """The same difference alone, and among sixty."""

    def comparisons(count):
        figures = {"value": -0.1, "low": -0.19, "high": -0.01, "p": 0.03}
        found = [{"measures": {"nll": dict(figures)}} for _ in range(count)]
        judge(found)
        return [each["measures"]["nll"] for each in found]

    assert comparisons(1)[0]["verdict"] == "better"
    assert {each["verdict"] for each in comparisons(60)} == {"not enough evidence"}
    assert comparisons(60)[0]["p_adjusted"] == 1


def test_the_p_of_resamples_is_that_of_their_normal_distribution():
    spread = torch.randn(20_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def p(value, bias=0.0):
        return normal_p(torch.cat([torch.tensor([value]).double(), value + bias + spread]))

    assert p(1.96) == pytest.approx(0.05, abs=0.005)
    assert p(-1.96) == pytest.approx(0.05, abs=0.005)
    assert p(2.96, bias=1.0) == pytest.approx(
        0.05, abs=0.005
    )  # what the bias may explain counts not
    assert p(0.0) == pytest.approx(1, abs=0.02)


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    """A small try of all of it, twice; the folder of its records, and what the second one said."""
    folder = tmp_path_factory.mktemp("benchmark") / "work"
    tiny = uncertainty.TINY | {"seeds": 2, "depth": 2, "width": 8, "images": 60, "shift_images": 30}
    arguments = ["uncertainty", "--runs", "networks", "--out", "records", "--tiny"]
    with pytest.MonkeyPatch.context() as monkeypatch, working_in(folder, monkeypatch):
        monkeypatch.setattr(uncertainty, "TINY", tiny)
        monkeypatch.setattr("sys.argv", arguments)
        said = []
        monkeypatch.setattr("builtins.print", lambda *words, **_: said.append(" ".join(words)))
        uncertainty.main()
        first = {path.name: path.read_text() for path in (folder / "records").iterdir()}
        said.clear()
        uncertainty.main()
        again = {path.name: path.read_text() for path in (folder / "records").iterdir()}
    return SimpleNamespace(folder=folder, first=first, again=again, said=said)


def test_a_second_call_makes_nothing_again(tried):
    assert tried.again == tried.first
    assert not [line for line in tried.said if "epoch" in line or "strength" in line]
    assert set(tried.first) == {
        *("elu.json", "last-0.1.json", "every-0.1.json", "comparisons.json"),
    }


def test_records_hold_every_part_and_way(tried):
    found = json.loads(tried.first["last-0.1.json"])
    strengths = [found["parts"][f"strength {each}"] for each in range(1, 6)]
    kinds, others = strengths[2]["kinds"], strengths[:2] + strengths[3:]
    assert len(kinds) == 8
    assert not any("kinds" in each for each in others)
    single = [each["accuracy"][PLAIN.key] for each in kinds.values()]
    seen = strengths[2]["mean"][PLAIN.key]["accuracy"]
    assert sum(single) / len(single) == pytest.approx(sum(seen) / len(seen), abs=1e-4)
    assert {"test", "validation", "temperatures", "strength 0"} <= set(found["parts"])
    assert {"foreign noise", "samples"} <= set(found["parts"])
    assert set(found["parts"]["samples"]) == {"1", "2"}  # of three, which are the whole
    assert set(found["parts"]["test"]) == {way.key for way in ways_of(["plain", "sampled"], 2)}
    assert len(found["about"]["weights"]) == 2
    assert all(len(each) == 64 for each in found["about"]["weights"])


def test_runs_of_another_length_are_refused(tried, monkeypatch):
    tiny = uncertainty.TINY | {"epochs": 2, "depth": 2, "width": 8}
    monkeypatch.setattr(uncertainty, "TINY", tiny)
    with working_in(tried.folder, monkeypatch):
        monkeypatch.setattr(
            "sys.argv", ["uncertainty", "--runs", "networks", "--out", "others", "--tiny"]
        )
        with pytest.raises(SystemExit, match="was trained for 1 epochs, asked for are 2"):
            uncertainty.main()


def test_both_places_have_the_rates_that_were_asked_for():
    names = [each.name for each in conditions(["elu"], [0.1, 0.5])]
    assert names == ["elu", "last-0.1", "last-0.5", "every-0.1", "every-0.5"]
    names = [each.name for each in conditions([], [0.1, 0.5], [0.2])]
    assert names == ["last-0.1", "last-0.5", "every-0.2"]
    assert [each.name for each in conditions(["elu"], [0.1], [])] == ["elu", "last-0.1"]


def test_the_command_is_what_was_typed(monkeypatch):
    typed = "--path a/b.zip --runs FOLDER --epochs 8 --rates 0.1 0.5"
    monkeypatch.setattr("sys.argv", ["uncertainty", *typed.split(), "--out", "x", "--threads", "2"])
    said = uncertainty.command(uncertainty.arguments())
    assert said == f"python -m benchmarks.uncertainty {typed.replace('a/', '')}"
    monkeypatch.setattr("sys.argv", ["uncertainty", "--runs", "x", "--tiny", "--seeds", "4"])
    assert uncertainty.arguments().seeds == 4
    said = uncertainty.command(uncertainty.arguments())
    assert said == "python -m benchmarks.uncertainty --runs FOLDER --tiny --seeds 4"


def test_the_networks_are_runs_like_others(tried, capsys, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tried.folder.parent / "cache"))
    with working_in(tried.folder, monkeypatch):
        flags = ["--run", "networks/elu/0", "--run", "networks/elu/1"]
        code, out, error = run(capsys, "test", *flags)
        assert code == 0, error
        assert "ensemble of 2 runs" in out
        code, out, error = run(capsys, "test", "--run", "networks/elu/0")
        assert code == 0, error
        assert "weights of epoch 1: the highest epoch" in out


def test_the_page_is_written_from_the_records(tried, tmp_path, monkeypatch):
    records = str(tried.folder / "records")
    monkeypatch.setattr("sys.argv", ["page", "--records", records, "--out", str(tmp_path)])
    uncertainty_page.main()
    page = (tmp_path / "uncertainty.md").read_text()
    assert "**This was a small try, from which nothing follows.**" in page
    assert "nan" not in page.lower().split()
    for name in ("uncertainty_cost.png", "uncertainty_shift.png"):
        assert f"]({name})" in page
        assert (tmp_path / name).stat().st_size > 5000


def test_the_page_in_the_repository_is_that_of_its_records():
    """Neither without the other: the page is there when the records are."""
    page = uncertainty_page.ROOT / "docs" / uncertainty_page.PAGE
    if not uncertainty_page.RESULTS.is_dir():
        assert not page.exists()
        return
    assert page.read_text() == uncertainty_page.page(
        *uncertainty_page.read(uncertainty_page.RESULTS)
    )


def differences_of(records, comparison):
    """First minus second by seed, from the records alone."""
    sides = [
        records[name]["parts"]["test"][way][comparison["measure"]]
        for name, way in (comparison["first"], comparison["second"])
    ]
    return [one - other for one, other in zip(*sides, strict=True)]


@pytest.mark.skipif(not uncertainty_page.RESULTS.is_dir(), reason="there are no records yet")
def test_figures_of_the_page_follow_from_the_records():
    """The first sentence's difference and the p of each comparison, computed in another way."""
    comparisons, records = uncertainty_page.read(uncertainty_page.RESULTS)
    page = (uncertainty_page.ROOT / "docs" / uncertainty_page.PAGE).read_text()
    family = comparisons["families"]["one run"]
    loss = next(each for each in family if each["measure"] == "nll")
    found = differences_of(records, loss)
    assert f"NLL {sum(found) / len(found):+.4f} nats, 95 % interval" in page.splitlines()[2]
    uncorrected = []
    for each in family:
        seen = differences_of(records, each)
        flips = (
            abs(sum(sign * one for sign, one in zip(signs, seen, strict=True)))
            for signs in itertools.product((1, -1), repeat=len(seen))
        )
        uncorrected.append(sum(flip >= abs(sum(seen)) - 1e-12 for flip in flips) / 2 ** len(seen))
    # Holm's first step: the smallest p times all of them.
    least = min(each["p_adjusted"] for each in family)
    assert least == pytest.approx(min(1, min(uncorrected) * len(family)), rel=1e-6)


def finding(measure, verdict):
    return {"measure": measure, "verdict": verdict}


@pytest.mark.parametrize(
    ("plain", "own", "words"),
    [
        ([("nll", "better")], [], "Here, yes: better in NLL and worse in nothing"),
        (
            [("nll", "better"), ("accuracy", "worse")],
            [],
            "Only for NLL; it is worse in accuracy",
        ),
        (
            [("nll", "worse"), ("brier", "worse")],
            [],
            "Not here: .* in NLL and Brier, better in none",
        ),
        ([("nll", "not enough evidence")], [], "Nothing speaks for it here"),
        (
            [("nll", "worse")],
            [("brier", "better")],
            "On a network that has dropout, sampling improves Brier",
        ),
    ],
)
def test_the_answer_follows_the_tests(plain, own, words):
    text = uncertainty_page.answer(
        [finding(*each) for each in plain], [finding(*each) for each in own]
    )
    assert re.search(words, text)
