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
    assert lines_of(8, races=2)[-2] == "the best rate may lie outside; racing 0.04 0.02"


def test_line_says_who_is_left_who_leads_and_how_long_it_takes(monkeypatch):
    clock = iter((100.0, 106.0))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    said = []
    note = Telling(said.append).race(TEST, (4e-2, 2e-2, 1e-2))
    diverged, leader = Candidate(4e-2, (3.0, float("inf"))), Candidate(2e-2, (1.5, 1.75))
    note((diverged, leader, Candidate(1e-2, (2.0, 2.0))), 2, 8)
    assert said == [
        "range test: the training loss is lowest near 0.01; racing 0.04 0.02 0.01",
        "race, epoch 2/8: 0.02 0.01 in it, best val_loss 1.500 at 0.02, about 18 s left",
    ]


def test_search_tells_what_it_does_and_the_cache_is_one_line(tmp_path, capsys):
    for epochs, source in ((3, "search"), (3, "cache")):
        search = LearningRateSearch(candidates=2, epochs=epochs, cache=str(tmp_path / "cache"))
        trainer = small_trainer(tmp_path / source, [search])
        trainer.fit(small_classifier(learning_rate=None), small_data())
        assert search.source == source
        said = capsys.readouterr().err
        ours = [
            line for line in said.splitlines() if re.match("range|race|an outer|learn|sear", line)
        ]
        if source == "cache":
            assert len(ours) == 1
            continue
        assert ours[0] == "searching a learning rate ..."
        assert ours[1].startswith("range test: ")
        assert [line[:15] for line in ours[2:5]] == [f"race, epoch {n}/3" for n in (1, 2, 3)]
        assert ours[-1].startswith("learning rate ")
