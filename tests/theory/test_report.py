"""The report page as text: complete, self-contained, safe from what people write, readable."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from page_outline import Outline, assert_well_formed, plain
from report_samples import EVIDENCE, sample_claim, sample_figure, sample_question, sample_questions

from theory.claim import Case, Check, Evidence, Verdict
from theory.ledger import QUESTIONS, TOPICS, Question
from theory.page_style.inline_svg import inline_svg
from theory.report import collect, page
from theory.report.book import book_section
from theory.report.claim_entry import claim_entry, key_figure
from theory.report.evidence_table import evidence_tables
from theory.report.findings import ClaimFinding, QuestionFinding, TopicFinding, all_claims
from theory.report.page import render_page
from theory.report.section import question_section


@pytest.fixture(scope="module")
def sample_page() -> str:
    return render_page(sample_questions())


def assert_links_resolve(markup: str) -> None:
    outline = Outline(markup)
    identifiers = Counter(outline.attributes("id"))
    assert identifiers.most_common(1)[0][1] == 1
    targets = [link for name in ("href", "xlink:href") for link in outline.attributes(name)]
    targets += [f"#{name}" for name in re.findall(r"url\(#([\w-]+)\)", markup)]
    assert [link for link in targets if link[1:] not in identifiers and link != "data:,"] == []


def assert_loads_nothing(markup: str) -> None:
    outline = Outline(markup)
    assert not [link for link in outline.attributes("href") if not link.startswith(("#", "data:"))]
    assert not [link for link in outline.attributes("src") if not link.startswith("data:")]
    assert not re.search(r"@import|url\((?!#)", markup)


def test_page_is_well_formed(sample_page: str) -> None:
    assert_well_formed(sample_page)
    with pytest.raises(AssertionError):
        assert_well_formed(sample_page.replace("</section>", "", 1))


def test_page_links_resolve_and_ids_are_unique(sample_page: str) -> None:
    assert_links_resolve(sample_page)
    with pytest.raises(AssertionError):  # two drawings under one name
        assert_links_resolve(sample_page + inline_svg(sample_figure(), "selu", "again"))
    with pytest.raises(AssertionError):  # a claim that is marked but not shown
        assert_links_resolve(sample_page.replace('id="Q5.2"', 'id="Q5.20"'))


@pytest.mark.parametrize(
    "foreign", ['<script src="https://example.org/a.js"></script>', '<a href="other.html">b</a>']
)
def test_page_loads_nothing(sample_page: str, foreign: str) -> None:
    assert_loads_nothing(sample_page)
    with pytest.raises(AssertionError):
        assert_loads_nothing(sample_page + foreign)


def test_page_is_the_same_each_time(sample_page: str) -> None:
    assert render_page(sample_questions()) == sample_page


def test_every_claim_stands_once_with_its_verdict(sample_page: str) -> None:
    entries = [found for tag, found in Outline(sample_page).elements if tag == "details"]
    expected = [
        (found.claim.id, found.verdict.value.replace(" ", "-"))
        for found in all_claims(sample_questions())
    ]
    assert [(entry["id"], entry["data-verdict"]) for entry in entries] == expected


def test_counts_by_verdict_stand_on_top(sample_page: str) -> None:
    tiles = re.findall(r'<li class="[\w-]+"><b>(\d+)</b>([\w ]+)</li>', sample_page)
    assert tiles == [(str(3), name) for name in ("true", "false", "depends", "not checkable")]


def test_every_false_claim_has_its_figure(sample_page: str) -> None:
    lines = re.search(r'<ol class="false-list">(.*?)</ol>', sample_page, re.DOTALL)
    assert lines is not None
    words = Outline(lines.group(1)).words
    for found in all_claims(sample_questions()):
        assert (f"{found.claim.id}A statement" in words) is (found.verdict is Verdict.FALSE)
    assert words.count("largest difference between two weight gradients: 0.310") == 3


def test_sheet_answer_marks_each_claim_where_it_stands() -> None:
    section = question_section(sample_question(5, "momentum"))
    sheet = re.search(r"<blockquote.*?</blockquote>", section, re.DOTALL)
    assert sheet is not None
    marks = re.findall(r'<a href="#([\w.]+)" class="mark ([\w-]+)">', sheet.group())
    verdicts = ["true", "false", "depends", "not-checkable"]
    assert marks == [(f"Q5.{place}", verdict) for place, verdict in enumerate(verdicts, 1)]
    assert Outline(sheet.group()).words.startswith("It starts so: A marked piece Q5.1.")


def test_verdict_that_differs_from_the_expected_one_is_told() -> None:
    found = sample_claim("Q1.1", Verdict.TRUE)
    flipped = replace(found, claim=replace(found.claim, verdict=Verdict.FALSE))
    assert "Expected" in claim_entry(flipped)
    assert "Expected" not in claim_entry(found)


def test_control_is_said_to_be_rejected_only_if_it_is() -> None:
    found = sample_claim("Q1.1", Verdict.TRUE)
    passed = replace(found, control_evidence=found.evidence)
    assert "(rejected)" in claim_entry(found)
    assert "(not rejected)" in claim_entry(passed)


def test_a_sampled_figure_says_only_what_is_known_of_its_sampling() -> None:
    found = sample_claim("Q1.1", Verdict.TRUE)

    def entry(**sampling) -> str:
        sampled = replace(found.evidence.cases[0].checks[0], **sampling)
        case = replace(found.evidence.cases[0], checks=(sampled,))
        return Outline(claim_entry(replace(found, evidence=Evidence((case,))))).words

    assert "500 draws" in entry(samples=500, false_alarm_rate=0.0, detects="")
    assert "false-alarm rate" not in entry(samples=500, false_alarm_rate=0.0, detects="")
    assert "false-alarm rate" in entry(samples=500, false_alarm_rate=1e-6, detects="")
    assert "detects 2 %" in entry(samples=500, false_alarm_rate=1e-6, detects="2 %")
    assert "draws" not in entry(samples=0, false_alarm_rate=0.0, detects="")


def check(value: float, bound: float) -> Check:
    return Check("width", value, "<=", bound)


@pytest.mark.parametrize(
    ("cases", "expected"),
    [
        ((Case("a", (check(1, 2),)),), "width: 1, needed ≤ 2"),
        ((Case("a", (check(1, 2), check(3, 2))),), "width: 3, where the claim needs ≤ 2"),
        (
            (Case("a", (check(1, 2),)), Case("b", (check(3, 2),))),
            "holds in 1 of 2 conditions: yes for “a”, no for “b”",
        ),
        ((), "no experiment can settle this one"),
    ],
    ids=["true", "false", "depends", "not checkable"],
)
def test_key_figure_is_what_settles_the_claim(cases: tuple[Case, ...], expected: str) -> None:
    found = ClaimFinding(sample_claim("Q1.1", Verdict.TRUE).claim, Evidence(cases))
    assert plain(key_figure(found)).startswith(expected)


def test_write_report_makes_the_folder_and_replaces_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "collect", sample_questions)
    monkeypatch.setattr(page, "collect_book", tuple)
    written = page.write_report(tmp_path / "new" / "folder")
    page.write_report(tmp_path / "new" / "folder")
    assert written.read_text(encoding="utf-8") == render_page(sample_questions())
    assert [path.name for path in written.parent.iterdir()] == ["index.html"]


def test_write_report_leaves_the_old_page_if_an_experiment_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> tuple[QuestionFinding, ...]:
        raise ArithmeticError("no figure")

    (tmp_path / "index.html").write_text("old")
    monkeypatch.setattr(page, "collect", fails)
    with pytest.raises(ArithmeticError):
        page.write_report(tmp_path)
    assert (tmp_path / "index.html").read_text() == "old"


def without_evidence(question: Question, drawing: str) -> QuestionFinding:
    # Experiments are run by the tests of the claims; here their place is taken by no evidence.
    claims = tuple(ClaimFinding(claim, Evidence(cases=())) for claim in question.claims)
    return QuestionFinding(question, claims, drawing)


def test_page_of_the_whole_ledger_holds_together() -> None:
    topics = tuple(
        TopicFinding(topic, tuple(ClaimFinding(claim, Evidence(())) for claim in topic.claims))
        for topic in TOPICS
    )
    whole = render_page(tuple(without_evidence(question, "") for question in QUESTIONS), topics)
    assert "They make 70 claims, and the book" in whole
    assert "own answers 22 more. Each" in whole
    assert_well_formed(whole)
    assert_links_resolve(whole)
    assert_loads_nothing(whole)
    marked = set(re.findall(r'href="#(Q\d\.\d+)" class="mark', whole))
    assert marked == {claim.id for question in QUESTIONS for claim in question.claims}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_page_holds_together_with_the_figure_of(question: Question) -> None:
    drawing = collect.drawing(question)
    one = render_page((without_evidence(question, drawing),))
    assert_well_formed(one)
    assert_links_resolve(one)
    assert_loads_nothing(one)
    assert not re.search(r"(?:fill|stroke): #", drawing)


def test_book_and_sheet_stand_side_by_side() -> None:
    claims = [claim for claim in TOPICS[3].claims if claim.id == "B7.1"]
    found = TopicFinding(TOPICS[3], (ClaimFinding(claims[0], EVIDENCE[Verdict.DEPENDS]),))
    row = Outline(book_section((found,)).partition("<tbody>")[2].partition("</tbody>")[0]).words
    for said in ("Q7.1 Dropout slows training down", "B7.1 Dropout slows the convergence"):
        assert said in row
    assert re.search(r"Q7\.1 .* true ?Q7\.3 .* false ?B7\.1 .* ?second edition ?depends", row)
    assert book_section(()) == ""


def test_claim_finding_runs_the_experiment_and_its_control() -> None:
    found = collect.claim_finding(sample_claim("Q5.1", Verdict.FALSE).claim)
    assert found.verdict is Verdict.FALSE
    assert found.control_rejected
    unchecked = collect.claim_finding(sample_claim("Q5.4", Verdict.NOT_CHECKABLE).claim)
    assert unchecked.control_evidence is None
    assert not unchecked.control_rejected


def test_control_stands_beside_the_evidence_where_it_answers_the_same_checks() -> None:
    kept, missed = (Evidence((Case("any net", (check(value, 2),)),)) for value in (1, 3))
    together = evidence_tables(kept, missed)
    assert together.count("<table>") == 1
    assert re.findall(r'data-label="(?:Measured|Control)"><span class="[^"]*">(\d)', together) == [
        "1",
        "3",
    ]
    other = Evidence((Case("another net", (check(3, 2),)),))
    assert evidence_tables(kept, other).count("<table>") == 2
    assert evidence_tables(kept, None).count("<table>") == 1


def test_evidence_table_tells_which_conditions_hold() -> None:
    words = Outline(evidence_tables(EVIDENCE[Verdict.DEPENDS], None)).words
    assert "rate below 2 (1 + momentum) holds" in words
    assert "rate above it fails" in words
