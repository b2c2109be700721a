"""The page of a study and its Markdown: whole, safe, partial where the study is, never silent."""

import base64
import itertools
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from markupsafe import Markup
from page_outline import Outline, assert_well_formed, plain
from study_samples import PLAN, SampleStudy, sample_record, whole_study

from lightning_cifar.__main__ import main
from lightning_cifar.errors import InputError
from lightning_cifar.study.records import write_study_record
from lightning_cifar.study.report.answers import report_of
from lightning_cifar.study.report.page import markdown, page
from lightning_cifar.study.report.writing import HTML, one_line, rich, table_from
from lightning_cifar.study.study_files import Study, read_study_files

NASTY = '<script>alert(1)</script> & "quoted" | ** `x`\n# heading'


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return SampleStudy(whole_study()).write(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def whole_page(folder) -> str:
    return page(report_of(read_study_files(folder)))


def few(count=2) -> list:
    return [
        sample_record("exercise", variant, seed)
        for variant in ("elu", "batch_norm")
        for seed in range(count)
    ]


def text_of(study: Study) -> str:
    return markdown(report_of(study), "a command")


def test_page_is_well_formed_and_its_links_lead_somewhere(whole_page):
    assert_well_formed(whole_page)
    outline = Outline(whole_page)
    identifiers = Counter(outline.attributes("id"))
    assert identifiers.most_common(1)[0][1] == 1
    targets = [link for name in ("href", "xlink:href") for link in outline.attributes(name)]
    targets += [f"#{name}" for name in re.findall(r"url\(#([\w-]+)\)", whole_page)]
    assert [link for link in targets if link[1:] not in identifiers and link != "data:,"] == []


def test_every_drawing_has_words_and_the_colours_of_the_theme(whole_page):
    drawings = re.findall(r"<svg .*?</svg>", whole_page, re.DOTALL)
    assert len(drawings) == 10  # six figures, and the learning curves of four set-ups
    for drawing in drawings:
        assert re.search(r'role="img" class="plot" aria-label="[^"]{20,}"', drawing)
        assert not re.search(r"(?:fill|stroke): #", drawing)


def test_page_of_one_study_is_one_text(folder, whole_page):
    assert page(report_of(read_study_files(folder))) == whole_page


def test_page_and_markdown_give_the_same_verdicts(folder, whole_page):
    report = report_of(read_study_files(folder))
    written = text_of(report.study)
    for answer in report.answers:
        assert f"**{answer.verdict}.**" in written
        assert f">{answer.verdict}</span>" in plain(whole_page)


def nasty_study() -> Study:
    records = few()
    run = records[0].run
    failed = replace(
        records[0],
        set_up=NASTY,
        variant="elu",
        failure=NASTY,
        run=replace(run, device=NASTY, commit=NASTY, versions={NASTY: NASTY}),
    )
    comparison = {"first": f"{NASTY}/elu", "second": "elu", "measure": "test_accuracy"}
    plan = {"comparisons": [comparison, NASTY], "set_ups": {NASTY: {"variants": [NASTY]}}}
    return Study(plan, (*records, failed), (NASTY,), {}, None)


def test_what_stands_in_records_is_never_markup():
    written = page(report_of(nasty_study()))
    assert_well_formed(written)
    assert Counter(tag for tag, _ in Outline(written).elements)["script"] == 1  # the page's own
    assert "<script>alert" not in written
    assert "alert(1)" in written


def test_control_unescaped_words_would_be_markup(monkeypatch):
    monkeypatch.setitem(HTML.filters, "rich", Markup)
    with pytest.raises(AssertionError):
        assert "<script>alert" not in page(report_of(nasty_study()))


def test_what_stands_in_records_breaks_no_markdown():
    lines = text_of(nasty_study()).splitlines()
    assert not [line for line in lines if line.startswith("# heading") or "<script" in line]
    start = lines.index("*All runs: mean ± standard deviation over seeds*")
    table = lines[start + 2 : start + 8]
    assert any("alert(1)" in line for line in table)
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {11}


def test_a_bar_in_a_name_stays_in_its_cell():
    table = table_from(f"Table: t\n| a | b |\n| {one_line(NASTY)} | y |")
    assert table.rows == ((" ".join(NASTY.split()), "y"),)


def test_strong_and_code_are_set_and_nothing_else():
    assert rich("**a `b` < c**") == "<b>a <code>b</code> &lt; c</b>"


def test_partial_study_gives_a_partial_report_that_says_so(tmp_path):
    study = read_study_files(SampleStudy(few(), grid=None, cost=None).write(tmp_path / "s"))
    report = report_of(study)
    written = markdown(report, "a command")
    assert "`exercise/selu`: 10 of 10 runs are missing (seeds 0, 1, 2, 3" in written
    assert "`exercise/elu`: 8 of 10 runs are missing (seeds 2, 3, 4, 5, 6, 7, 8, 9)" in written
    unanswered = {each.question.key for each in report.answers if each.missing}
    assert {"learning-rate", "speed", "selu-match", "alpha-dropout", "one-cycle"} <= unanswered
    assert "better-model" not in unanswered
    assert_well_formed(page(report))


def test_whole_study_misses_nothing(folder):
    assert report_of(read_study_files(folder)).gaps == ()


def test_failure_is_an_outcome_with_its_reason(folder):
    report = report_of(read_study_files(folder))
    assert report.runs.rows[0][:5] == (
        "`exercise`",
        "`elu`",
        "9 of 10",
        "1: diverged in epoch 3",
        "0",
    )


@pytest.mark.parametrize(
    "damage",
    [lambda text: text[:-30], lambda text: text.replace("0.", "1.", 1), lambda text: "{}"],
    ids=["cut", "digit", "empty"],
)
def test_damaged_record_is_named_and_left_out(tmp_path, damage):
    folder = SampleStudy(few()).write(tmp_path / "s")
    path = sorted((folder / "records").glob("*.json"))[0]
    whole = text_of(read_study_files(folder))
    assert path.name not in whole
    path.write_text(damage(path.read_text()))
    study = read_study_files(folder)
    assert len(study.records) == 3
    assert f"records/{path.name} is damaged and was left out" in text_of(study)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *itertools.product(("plan", "grid", "cost", "coverage"), ("{", "[]")),
        ("grid", '{"exercise/elu": {"grid": [{"rate": "x", "accuracy": 0.5}]}}'),
        ("cost", '{"results": 3}'),
        ("coverage", '{"coverage": {"ten": {}}}'),
    ],
)
def test_damaged_further_file_is_named(tmp_path, name, content):
    folder = SampleStudy(few()).write(tmp_path / "s")
    assert f"{name}.json is" not in text_of(read_study_files(folder))
    (folder / f"{name}.json").write_text(content)
    assert f"{name}.json is" in text_of(read_study_files(folder))


def test_lost_plan_is_said_and_the_exercise_still_answered(tmp_path):
    records = [
        sample_record("exercise", variant, seed)
        for variant in ("elu", "batch_norm")
        for seed in range(10)
    ]
    written = text_of(read_study_files(SampleStudy(records, plan=None).write(tmp_path / "s")))
    assert "plan.json is missing" in written
    assert "**batch_norm better.**" in written


def test_unknown_measure_of_the_plan_is_said(tmp_path):
    plan = PLAN | {"comparisons": [PLAN["comparisons"][0] | {"measure": "speed"}]}
    study = read_study_files(SampleStudy(few(), plan=plan).write(tmp_path / "s"))
    assert "comparison 1 of plan.json cannot be made here" in text_of(study)


@pytest.mark.parametrize(
    ("source", "words"),
    [("folder", "a JPEG copy of CIFAR-10, not the official"), ("official", "the official archive")],
)
def test_images_are_named(source, words):
    records = few()
    for record in records:
        record.run.config["data"]["source"] = source
    assert words in text_of(Study({}, tuple(records), (), {}, None))


def run_command(capsys, *arguments):
    code = main(["report", *map(str, arguments)])
    return code, capsys.readouterr()


def test_command_writes_page_and_markdown(tmp_path, capsys):
    folder = SampleStudy(few()).write(tmp_path / "s")
    results = tmp_path / "R.md"
    code, said = run_command(capsys, folder, "--out", tmp_path / "o" / "p", "--results", results)
    assert code == 0
    assert str(tmp_path / "o" / "p" / "index.html") in said.out
    assert (tmp_path / "o" / "p" / "index.html").read_text().startswith("<!DOCTYPE html>")
    assert results.read_text().startswith("# Results of the study")


def empty(folder):
    (folder / "s").mkdir()


def only_damaged(folder):
    (folder / "s" / "records").mkdir(parents=True)
    (folder / "s" / "records" / "0123456789abcdef.json").write_text("{")


def file_as_out(folder):
    SampleStudy(few()).write(folder / "s")
    (folder / "out").write_text("")


def folder_as_page(folder):
    SampleStudy(few()).write(folder / "s")
    (folder / "out" / "index.html" / "x").mkdir(parents=True)


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda folder: None, "no study folder"),
        (empty, "it holds no records"),
        (only_damaged, "all 1 records in it are damaged"),
        (file_as_out, "cannot make the folder"),
        (folder_as_page, "cannot write"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(tmp_path, capsys, prepare, words):
    prepare(tmp_path)
    code, said = run_command(capsys, tmp_path / "s", "--out", tmp_path / "out")
    assert code == 2
    assert said.err.count("\n") == 1
    assert words in said.err


@pytest.mark.parametrize("arguments", [[], ["s"], ["s", "--out"], ["s", "--out", "o", "--fast"]])
def test_bad_options_are_one_line(capsys, arguments):
    code, said = run_command(capsys, *arguments)
    assert code == 2
    assert said.err.count("\n") == 1
    assert "--help" in said.err


def test_study_of_no_use_raises_before_anything_is_made(tmp_path):
    with pytest.raises(InputError, match="no study folder"):
        read_study_files(tmp_path / "missing")


def test_outcomes_of_a_damaged_comparison_are_not_read_as_figures(tmp_path):
    """A record with test bits of another length gives no noises, rather than wrong ones."""
    records = few()
    whole = Study(PLAN, tuple(records), (), {}, None)
    assert "sources of noise" in text_of(whole)  # control
    short = base64.b64encode(np.packbits(np.ones(80, bool))).decode()
    for record in records:
        if record.seed == 0:
            object.__setattr__(record, "test_right", short)
        write_study_record(record, tmp_path)
    (tmp_path / "plan.json").write_text(json.dumps(PLAN))
    assert "sources of noise" not in text_of(read_study_files(tmp_path))
