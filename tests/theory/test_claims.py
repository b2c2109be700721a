"""The marking scheme: every claim's verdict is computed, and its control rejected."""

import dataclasses
from importlib import import_module

import pytest
from evidences import evidence

from theory.claim import Case, Check, Control, Evidence, Kind, Verdict
from theory.commands.verifying import verify
from theory.ledger import ALL_CLAIMS, BOOK_CLAIMS, CLAIMS, QUESTIONS, TOPICS, verdict_counts

CONTROLLED = [claim for claim in ALL_CLAIMS if claim.control is not None]
TOTALS = {
    Verdict.TRUE: 29,
    Verdict.FALSE: 15,
    Verdict.DEPENDS: 24,
    Verdict.NOT_CHECKABLE: 2,
}
BOOK_TOTALS = {Verdict.TRUE: 8, Verdict.DEPENDS: 14}


def node(claim):
    return f"{claim.id}-{claim.verdict.replace(' ', '-')}"


@pytest.mark.parametrize("claim", ALL_CLAIMS, ids=node)
def test_claim(claim, record_property):
    found = evidence(claim.experiment)
    assert found.verdict == claim.verdict, [check for check in found.checks if not check.holds]
    record_property("verdict", str(claim.verdict))
    record_property("alarms", sum(check.false_alarm_rate for check in found.checks))


@pytest.mark.parametrize("claim", CONTROLLED, ids=node)
def test_control(claim, record_property):
    assert evidence(claim.control.experiment).verdict != claim.verdict
    record_property("controls", 1)


def test_verdicts_add_up_to_the_ledger():
    assert verdict_counts() == TOTALS
    assert [len(question.claims) for question in QUESTIONS] == [8, 7, 9, 15, 10, 11, 10]


def test_verdicts_on_the_book_add_up():
    assert verdict_counts(BOOK_CLAIMS) == BOOK_TOTALS


def test_ids_of_the_book_are_in_order():
    expected = [
        f"{topic.id}.{number}" for topic in TOPICS for number in range(1, len(topic.claims) + 1)
    ]
    assert [claim.id for claim in BOOK_CLAIMS] == expected
    assert all(topic.claims for topic in TOPICS)


def test_claims_of_the_book_stand_beside_those_of_the_sheet_on_the_same_question():
    numbers = {claim.id: claim.question for claim in CLAIMS}
    for claim in ALL_CLAIMS:
        assert set(claim.beside) <= numbers.keys()
        if claim.question <= len(QUESTIONS):
            assert {numbers[each] for each in claim.beside} <= {claim.question}
    assert not any(claim.beside or claim.edition for claim in CLAIMS)


def test_ids_are_the_sheets_in_order():
    expected = [
        f"Q{question.number}.{number}"
        for question in QUESTIONS
        for number in range(1, len(question.claims) + 1)
    ]
    assert [claim.id for claim in CLAIMS] == expected


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_the_sheets_answer_names_every_claim_once_in_order(question):
    named = [claim_id for _, claim_id in question.sheet_answer if claim_id is not None]
    assert named == [claim.id for claim in question.claims]


@pytest.mark.parametrize(
    "kind", [Kind.EXACT, Kind.DETERMINISTIC], ids=lambda kind: kind.name.lower()
)
def test_every_claim_of_the_kind_has_a_control(kind):
    claims = [claim for claim in ALL_CLAIMS if claim.kind is kind]
    assert claims
    assert [claim.id for claim in claims if claim.control is None] == []


def test_a_claim_depends_exactly_when_it_says_on_what():
    assert {claim.id for claim in ALL_CLAIMS if claim.condition} == {
        claim.id for claim in ALL_CLAIMS if claim.verdict is Verdict.DEPENDS
    }


def test_sampled_checks_state_their_error_rates():
    checks = [check for claim in ALL_CLAIMS for check in evidence(claim.experiment).checks]
    sampled = [check for check in checks if check.samples]
    assert sampled
    for check in sampled:
        assert 0 < check.false_alarm_rate <= 1e-9, check
        assert check.detects, check
    assert not any(check.false_alarm_rate for check in checks if not check.samples)


def test_statistical_claims_rest_on_samples():
    statistical = [claim for claim in ALL_CLAIMS if claim.kind is Kind.STATISTICAL]
    without = [
        claim.id
        for claim in statistical
        if not any(check.samples for check in evidence(claim.experiment).checks)
    ]
    assert without == []


def test_every_pointer_resolves():
    pointers = [claim.experiment for claim in ALL_CLAIMS]
    pointers += [claim.control.experiment for claim in CONTROLLED]
    pointers += [pointer for question in QUESTIONS for pointer in (question.demo, question.figure)]
    for pointer in pointers:
        module, _, function = pointer.partition(":")
        assert callable(getattr(import_module(module), function)), pointer


def test_no_two_claims_share_an_experiment():
    checked = [claim for claim in ALL_CLAIMS if claim.verdict is not Verdict.NOT_CHECKABLE]
    assert len({claim.experiment for claim in checked}) == len(checked)


def test_verify_accepts_the_ledger(capsys):
    assert verify(ALL_CLAIMS, run=evidence) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("claim", ALL_CLAIMS, ids=node)
def test_verify_names_the_claim_whose_verdict_is_flipped(claim, capsys):
    wrong = Verdict.FALSE if claim.verdict is Verdict.TRUE else Verdict.TRUE
    flipped = dataclasses.replace(claim, verdict=wrong)
    ledger = [flipped if other is claim else other for other in ALL_CLAIMS]
    assert verify(ledger, run=evidence) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[0] for line in lines] == [claim.id]


def test_verify_names_a_claim_whose_control_is_not_rejected(capsys):
    claim = CONTROLLED[0]
    toothless = dataclasses.replace(claim, control=Control("itself", claim.experiment))
    assert verify([toothless], run=evidence) == 1
    assert claim.id in capsys.readouterr().err


def test_verify_names_a_claim_whose_experiment_breaks(capsys):
    def broken(pointer):
        raise ZeroDivisionError("nothing to divide by")

    assert verify(CLAIMS[:1], run=broken) == 1
    error = capsys.readouterr().err
    assert CLAIMS[0].id in error
    assert "nothing to divide by" in error


def check(value, bound):
    return Check("figure", value, "<", bound)


@pytest.mark.parametrize(
    ("held", "verdict"),
    [
        ([True, True], Verdict.TRUE),
        ([False, False], Verdict.FALSE),
        ([True, False], Verdict.DEPENDS),
        ([], Verdict.NOT_CHECKABLE),
    ],
    ids=lambda value: str(value),
)
def test_the_verdict_follows_from_the_cases(held, verdict):
    cases = tuple(Case("", (check(0, 1 if holds else 0),)) for holds in held)
    assert Evidence(cases).verdict is verdict
    assert Evidence(cases, sanity=(check(0, 1),)).verdict is verdict
    assert Evidence(cases, sanity=(check(1, 0),)).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("relation", ["<", "<=", "==", ">=", ">"], ids=str)
def test_a_check_holds_as_its_relation_says(relation):
    for value in (-1.0, 0.0, 1.0):
        assert Check("", value, relation, 0.0).holds == eval(f"{value} {relation} 0.0")
    assert not Check("", float("nan"), relation, 0.0).holds
