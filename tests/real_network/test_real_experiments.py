"""Every experiment runs, its record can be told, and the page says what the records say."""

import json

import pytest

from benchmarks.real_network import __main__ as command
from benchmarks.real_network import figures, page
from benchmarks.real_network.comparing import plain
from benchmarks.real_network.q7_dropout import ratios
from theory.ledger import CLAIMS


@pytest.mark.parametrize("name", command.EXPERIMENTS)
def test_each_experiment_can_be_told_and_drawn(name, setting, tmp_path):
    measure = command.EXPERIMENTS[name]
    record = plain(measure(setting, depths=(1, 3)) if name == "depth" else measure(setting))
    assert len(json.dumps(record, allow_nan=False)) < 30_000
    for section in page.SECTIONS[name].values():
        told = section(record)
        assert told.tables
        assert {each.claim for each in told.findings} <= {claim.id for claim in CLAIMS}
    if name in page.FIGURES:
        _, draw, _ = page.FIGURES[name]
        figures.save(draw(record), str(tmp_path / "figure.svg"))
        assert (tmp_path / "figure.svg").read_text().count("<path") > 10


def run(out, *options):
    return command.main(["--out", str(out), "--images", "200", "--seeds", "2", *options])


def test_a_record_that_is_there_is_not_made_again(tmp_path, monkeypatch, capsys):
    calls = []
    measure = {"q1": lambda setting: calls.append(setting.epochs) or {"figure": 1.23456}}
    monkeypatch.setattr(command, "EXPERIMENTS", measure)
    for epochs in ("1", "1", "2"):
        assert run(tmp_path, "--only", "q1", "--epochs", epochs) == 0
    assert calls == [1, 2]
    assert "the record is there" in capsys.readouterr().out
    record = json.loads((tmp_path / "q1.json").read_text())
    assert record["figure"] == 1.235
    assert record["settings"]["images"] == 200


@pytest.mark.parametrize("wrong", [["--images", "0"], ["--images", "9999999"], ["--seeds", "1"]])
def test_numbers_that_cannot_be_are_refused_in_a_line(tmp_path, wrong, capsys):
    assert run(tmp_path / "out", *wrong) == 2
    printed = capsys.readouterr().err.splitlines()
    assert printed[-1].startswith("error: ")
    assert not (tmp_path / "out").exists()


def test_clocks_are_compared_round_by_round(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])

    def lasting(seconds):
        def run():
            now[0] += seconds

        return run

    found = ratios({"base": lasting(2.0), "other": lasting(3.0)}, "base")
    assert found == {"base": 1.0, "other": 1.5}


def test_page_and_what_claims_cite_are_what_the_records_say():
    records = page.read_records()
    assert page.PAGE.read_text(encoding="utf-8") == page.page(records)
    assert page.CITED.read_text(encoding="utf-8") == page.cited_text(records)


def test_control_another_record_gives_another_page(setting):
    about = {"settings": setting.described(), "seconds": 60, "device": "a machine"}
    record = plain(command.EXPERIMENTS["q2"](setting)) | about
    other = record | {"accuracy": {name: [99.0, 99.0] for name in record["accuracy"]}}
    pages = [page.page({"q2": each}) for each in (record, other)]
    assert pages[0] != pages[1]
    assert "99.0" in pages[1]
    assert "--images 256 --seeds 2 --epochs 1" in pages[0]
    assert page.cited_text({"q2": record}) != page.cited_text({"q2": other})
    assert "No record yet: q1, q3_q4" in pages[0]


def test_records_of_different_sizes_are_refused(tmp_path, monkeypatch, capsys):
    for name, images in (("q1", 200), ("q2", 300)):
        text = json.dumps({"settings": {"images": images}})
        (tmp_path / f"{name}.json").write_text(text, encoding="utf-8")
    monkeypatch.setattr(page, "RECORDS", tmp_path)
    assert page.main() == 2
    assert "2 different settings" in capsys.readouterr().err


def test_figures_are_there_and_small():
    for name in page.FIGURES.keys() & page.read_records().keys():
        file, _, words = page.FIGURES[name]
        assert (page.PAGE.parent / file).stat().st_size < 100_000, name
        assert f"![{words}]({file})" in page.PAGE.read_text(encoding="utf-8")
