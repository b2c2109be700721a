"""What a search says while it runs."""

import re

import pytest
from small_runs import small_classifier, small_data, small_trainer

from lightning_cifar.rate_search.callback import LearningRateSearch
from lightning_cifar.rate_search.search import Candidate, RangeTest
from lightning_cifar.rate_search.telling import Telling

TEST = RangeTest((1e-3, 1e-2), (2.0, 1.0), (2.0, 1.0))


def lines_of(total, races=1):
    said = []
    telling = Telling(said.append)
    for _ in range(races):
        note = telling.race(TEST, (4e-2, 2e-2))
        for done in range(total):
            note((Candidate(4e-2, (2.0,)),), done + 1, total)
    return said


@pytest.mark.parametrize(("total", "expected"), [(1, 2), (8, 9), (20, 9), (480, 9)])
def test_race_of_any_length_says_about_ten_lines(total, expected):
    assert len(lines_of(total)) == expected
    assert f"epoch {total}/{total}" in lines_of(total)[-1]


def test_race_beyond_the_outermost_rate_says_two_more():
    assert len(lines_of(8, races=3)) == 9 + 2 + 2
    expected = "a better rate may lie outside these; short fits at 0.04 0.02 follow"
    assert lines_of(8, races=2)[-2] == expected


def test_line_says_who_leads_who_diverged_and_how_long_it_takes(monkeypatch):
    clock = iter((100.0, 106.0))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    said = []
    note = Telling(said.append).race(TEST, (4e-2, 2e-2, 1e-2))
    diverged, leader = Candidate(4e-2, (3.0, float("inf"))), Candidate(2e-2, (1.5, 1.75))
    note((diverged, leader, Candidate(1e-2, (2.0, 2.0))), 2, 8)
    assert said == [
        "range test: the training loss is lowest near 0.01; short fits at 0.04 0.02 0.01 follow",
        "short fits, epoch 2/8: best val_loss 1.500 at 0.02, diverged: 0.04, about 18 s left",
    ]


def test_line_names_no_diverged_rate_where_there_is_none(monkeypatch):
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    said = []
    Telling(said.append).race(TEST, (4e-2,))((Candidate(4e-2, (2.0,)),), 1, 1)
    assert said[1] == "short fits, epoch 1/1: best val_loss 2.000 at 0.04, about 0 s left"


def test_search_tells_what_it_does_and_the_cache_is_one_line(tmp_path, capsys):
    for epochs, source in ((3, "search"), (3, "cache")):
        search = LearningRateSearch(candidates=2, epochs=epochs, cache=str(tmp_path / "cache"))
        trainer = small_trainer(tmp_path / source, [search])
        trainer.fit(small_classifier(learning_rate=None), small_data())
        assert search.source == source
        said = capsys.readouterr().err
        ours = [
            line for line in said.splitlines() if re.match("range|short|a better|learn|sear", line)
        ]
        if source == "cache":
            assert len(ours) == 1
            continue
        assert ours[0] == "searching a learning rate: a range test first, then short fits ..."
        assert ours[1].startswith("range test: ")
        assert [line[:21] for line in ours[2:5]] == [f"short fits, epoch {n}/3" for n in (1, 2, 3)]
        assert ours[-1].startswith("learning rate ")
