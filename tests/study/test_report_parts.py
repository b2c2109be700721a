"""What the templates of a report are given, and how its parts are put together."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from record_samples import study_record

from lightning_cifar.study.measures import MEASURES
from lightning_cifar.study.report import answers, command
from lightning_cifar.study.report.questions import Question
from lightning_cifar.study.study_files import Cell, Coverage, Study
from lightning_cifar.study.two_noises import Noises, noises

PLAN = {
    "set_ups": {"a": {"variants": ["elu", "selu"], "seeds": 2}},
    "comparisons": [
        {"question": "Q?", "first": "a/elu", "second": "a/selu", "measure": "test_accuracy"},
        {"first": "a/elu", "second": "a/selu", "measure": "speed"},
    ],
}
RECORDS = tuple(
    study_record(
        variant=variant, seed=seed, set_up="a", monte_carlo=None, activations=(),
        test={"accuracy": accuracy, "balanced_accuracy": 0.5},
    )
    for variant, accuracies in (("elu", (0.5, 0.75)), ("selu", (0.25, 0.25)))
    for seed, accuracy in enumerate(accuracies)
)  # fmt: skip


@pytest.fixture
def asked(monkeypatch):
    """What each template was given; it answers with its name and block."""
    calls = []

    def write_words(name, block="", **facts):
        calls.append((name, block, facts))
        tables = tuple(f"{name} table {number}" for number in range(4))
        return SimpleNamespace(paragraphs=(f"{name} {block}", "more"), tables=tables)

    monkeypatch.setattr(answers, "write_words", write_words)
    return calls


def test_a_report_in_its_parts(asked):
    coverage = Coverage(10, {2: {0.0: 0.95}, 7: {0.0: 0.9}})
    study = Study(PLAN, RECORDS, ("x is damaged",), {}, None, coverage)
    report = answers.report_of(study)
    assert report.study is study
    assert report.title == "A study of elu, selu"
    assert report.introduction == "introduction.txt  more"
    assert report.gaps == ("gaps.txt ", "more")
    assert report.runs == "tables.txt table 0"
    assert report.about_comparisons == ("tables.txt ", "more")
    assert report.comparisons == ("tables.txt table 1", "tables.txt table 2")
    assert report.provenance == "tables.txt table 3"
    assert [each.question.title for each in report.answers] == [
        "Q?",
        "Does another rule of selecting the epoch change a verdict?",
    ]
    given = {name: facts for name, block, facts in asked if not block}
    assert list(given) == ["gaps.txt", "tables.txt", "introduction.txt"]
    (unread,) = given["gaps.txt"].pop("damaged")[1:]
    assert unread.startswith("comparison 2 of plan.json cannot be made here")
    for facts in given.values():
        assert facts["study"] is study
        assert [(each.set_up, each.variant) for each in facts["outcomes"]] == [
            ("a", "elu"),
            ("a", "selu"),
        ]
        assert facts["measures"] is MEASURES
        assert facts["second_accuracy"].key == "test_accuracy_by_accuracy"
        assert [each.key for each in facts["further_accuracies"]] == ["test_balanced_accuracy"]
        assert facts["findings"] is report.findings
        assert facts["families"] is report.findings.families
        elu, selu = Cell("a", "elu"), Cell("a", "selu")
        key = (elu, selu, "test_accuracy", "test_accuracy")
        assert facts["one_family"] == {key: 0.5}
        assert (facts["standing"], facts["coverage"]) == ([], [2])


def test_what_stands_in_one_family_is_listed(asked, monkeypatch):
    monkeypatch.setattr(answers, "in_one_family", lambda found: {"x": 0.05, "y": 0.051, "z": 0.0})
    answers.report_of(Study(PLAN, RECORDS, (), {}, None))
    facts = asked[0][2]
    assert (facts["standing"], facts["coverage"]) == (["x", "z"], [])


def test_an_answer_in_its_parts(asked, monkeypatch):
    question = Question("key", "speed", "8c", "title")
    monkeypatch.setitem(answers.KINDS, "speed", lambda *given: ("facts of", *given))
    found = answers.answer("study", "findings", question)
    facts = ("facts of", "study", "findings", question)
    assert (found.question, found.facts) == (question, facts)
    assert found.verdict == "answers/speed.txt verdict more"
    assert found.tone == "answers/speed.txt tone more"
    assert found.paragraphs == ("answers/speed.txt text", "more")
    assert found.missing == ("answers/speed.txt missing", "more")
    assert found.tables[0] == "answers/speed.txt table 0"
    given = {"study": "study", "findings": "findings", "question": question, "facts": facts}
    assert [each[2] for each in asked] == [given] * 4


def test_the_command_of_the_markdown_file():
    assert command.results_command(Path("a/b"), Path("c/d.md")) == (
        "lightning-cifar report a/b --out report --results c/d.md"
    )


@pytest.mark.parametrize(("arguments", "results"), [([], None), (["--results", "r.md"], "r.md")])
def test_the_command_says_where_the_report_is(monkeypatch, capsys, arguments, results):
    asked = []
    monkeypatch.setattr(command, "write_report", lambda *given: asked.append(given) or "a/page")
    assert command.report_command(["study", "--out", "o", *arguments]) == 0
    ((study, out, markdown),) = asked
    assert (str(study), str(out)) == ("study", "o")
    assert (markdown and str(markdown)) == results
    assert capsys.readouterr().out == "The report is in a/page; open it in any browser.\n"


def test_the_help_of_the_report_says_what_each_option_is(capsys):
    with pytest.raises(SystemExit):
        command.report_command(["--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert told.startswith("usage: lightning-cifar report")
    for words in (
        "Rebuild the page of a study from the files of its folder; no data, no training.",
        "STUDY folder of a study",
        "folder for index.html",
        "Markdown file with the same answers",
    ):
        assert words in told


def test_noises_of_two_seeds_and_two_images_by_hand():
    """Means by seed 0.5 and 1, by image 0.5 and 1, of all 0.75; the rest is ±0.25 everywhere."""
    found = noises(np.array([[0.0, 1.0], [1.0, 1.0]]))
    assert found.over_seeds == pytest.approx((0.125 / 2) ** 0.5)
    assert found.over_images == pytest.approx((0.125 / 2) ** 0.5)
    assert found.over_both == pytest.approx((0.0625 + 0.0625 - 0.25 / 4) ** 0.5)
    # Differences of 6, 7 and 6 between the seeds: the rest is a sixth or a third.
    assert noises(np.array([[0.0, 1.0, 6.0], [6.0, 8.0, 12.0]])) == Noises(
        pytest.approx(((19 / 3) ** 2 / 4) ** 0.5),
        pytest.approx(3.25**0.5),
        pytest.approx(13.25**0.5),
    )
