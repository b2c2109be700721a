"""The quiz: it asks, judges and scores, and its rules reward an honest confidence."""

import io
import math
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from evidences import evidence
from hypothesis import assume, given
from hypothesis import strategies as st
from rejection import rejected

from theory.__main__ import main
from theory.claim import Verdict
from theory.classroom.order import SEEDS, shuffled
from theory.classroom.scoring import Judgement, brier_score, in_words, log_score, score
from theory.classroom.verdict_words import ANSWERS, parse_verdict
from theory.commands.quizzing import quiz
from theory.errors import DomainError
from theory.ledger import QUESTIONS

ROOT = Path(__file__).parents[2]
CONFIDENCES = st.floats(0.5, 1.0)


def expected(rule, belief, stated):
    """The mean of ``rule`` for who is right with probability ``belief`` and says ``stated``."""
    outcomes = ((belief, True), (1.0 - belief, False))
    return sum(chance * rule(stated, right=right) for chance, right in outcomes if chance > 0)


def is_proper(rule):
    """Nobody does better, on average, than by stating what they believe."""

    @given(CONFIDENCES, CONFIDENCES)
    def check(belief, stated):
        assume(abs(belief - stated) > 1e-3)
        assert expected(rule, belief, belief) < expected(rule, belief, stated)

    return check


@pytest.mark.parametrize("rule", [brier_score, log_score])
def test_an_honest_confidence_scores_best(rule):
    is_proper(rule)()


@pytest.mark.parametrize(
    "rule",
    [
        lambda confidence, right: abs(confidence - right),
        lambda confidence, right: -confidence if right else confidence,
        lambda confidence, right: 0.0 if right else 1.0,
    ],
    ids=["distance", "stake", "right or wrong"],
)
def test_a_rule_that_rewards_exaggeration_or_nothing_is_rejected(rule):
    with rejected():
        is_proper(rule)()


@given(CONFIDENCES, CONFIDENCES)
def test_a_false_confidence_costs_what_theory_says(belief, stated):
    regret = expected(brier_score, belief, stated) - expected(brier_score, belief, belief)
    assert regret == pytest.approx((belief - stated) ** 2, abs=1e-12)


def test_scores_by_hand():
    found = score([Judgement(0.8, right=True), Judgement(0.6, right=False)])
    assert (found.answered, found.right, found.confidence) == (2, 1, pytest.approx(0.7))
    assert found.brier == pytest.approx((0.04 + 0.36) / 2)
    assert found.log == pytest.approx(-(math.log(0.8) + math.log(0.4)) / 2)


def test_certain_and_wrong_costs_infinitely_much_by_the_log_score():
    assert score([Judgement(1.0, right=False)]).log == math.inf
    assert "log score inf" in in_words(score([Judgement(1.0, right=False)]))


def test_the_score_stands_beside_that_of_a_coin():
    words = in_words(score([Judgement(0.5, right=True), Judgement(0.5, right=False)]))
    assert "Brier score 0.250 (saying 50 % every time: 0.250)" in words
    assert "log score 0.693 (0.693)" in words


def test_an_order_is_a_permutation_that_the_seed_decides():
    assert sorted(shuffled(range(70), 3)) == list(range(70))
    assert shuffled(range(70), 3) == shuffled(range(70), 3) != shuffled(range(70), 4)
    assert shuffled([], 0) == []
    assert shuffled(["one"], SEEDS - 1) == ["one"]


@pytest.mark.parametrize(
    ("seed", "order"),
    [
        (0, [4, 0, 1, 7, 3, 6, 2, 5]),
        (1, [1, 5, 3, 0, 7, 4, 2, 6]),
        (SEEDS - 1, [5, 1, 6, 7, 3, 0, 2, 4]),
    ],
)
def test_an_order_is_the_same_on_every_machine(seed, order):
    assert shuffled(range(8), seed) == order  # written down once; pages have the same function


def test_neighbouring_seeds_begin_anywhere():
    first = Counter(shuffled(range(7), seed)[0] for seed in range(700))
    # Within 4 standard deviations, 9.3, of 100 each.
    assert all(63 < first[place] < 137 for place in range(7)), first


@pytest.mark.parametrize("seed", [-1, SEEDS])
def test_a_seed_outside_is_refused(seed, capsys):
    assert main(["quiz", "--seed", str(seed)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == f"theory: --seed must be from 0 to 4294967295, got {seed}\n"


@pytest.mark.parametrize("verdict", ANSWERS, ids=str)
def test_verdicts_are_read_in_full_and_by_their_letter(verdict):
    others = [verdict.replace(" ", sign) for sign in ("-", "_", "  ", "_-")]
    for word in (verdict, verdict.upper(), verdict[0], f" {verdict} ", *others):
        assert parse_verdict(word) is verdict


@pytest.mark.parametrize(
    ("word", "message"),
    [("ture", "did you mean true?"), ("yes", "verdicts are true, false"), ("", "no verdict ''")],
)
def test_other_words_are_refused(word, message):
    with pytest.raises(DomainError, match=message):
        parse_verdict(word)
    with pytest.raises(DomainError):
        parse_verdict("inconclusive")


class Terminal(io.StringIO):
    """Lines typed on a terminal; ``^C`` interrupts."""

    def isatty(self):
        return True

    def readline(self):
        line = super().readline()
        if line.strip() == "^C":
            raise KeyboardInterrupt
        return line


MOMENTUM = QUESTIONS[4].claims


def answered(lines, source=io.StringIO):
    return quiz(MOMENTUM, seed=0, run=evidence, answers=source("\n".join(lines)))


def test_a_claim_its_evidence_and_the_score(capsys):
    first, second, *_ = shuffled(MOMENTUM, 0)
    wrong = next(verdict for verdict in ANSWERS if verdict is not second.verdict)
    assert answered([f"{first.verdict} 90", f"{wrong[0]}, 60 %"]) == 0
    printed = capsys.readouterr().out
    assert printed.index(first.statement[:40]) < printed.index("Right: Brier score 0.010")
    assert printed.index("Wrong: Brier score 0.360") < printed.index("1 of 2 right; you were 75 %")
    for claim in (first, second):
        assert f"{claim.id} {claim.verdict.upper()}: " in printed
        assert printed.index("Correct: ", printed.index(claim.id))
    assert first.verdict.upper() not in printed[: printed.index("Right")]


def test_all_claims_of_a_question_are_asked(capsys):
    assert answered(["t 50"] * len(MOMENTUM)) == 0
    printed = capsys.readouterr().out
    assert f"{len(MOMENTUM)} of {len(MOMENTUM)}, " in printed
    true = sum(claim.verdict is Verdict.TRUE for claim in MOMENTUM)
    assert f"{true} of {len(MOMENTUM)} right" in printed


@pytest.mark.parametrize("end", ["^C", "stop", "Q"])
@pytest.mark.parametrize("before", [[], ["d 70"]], ids=["at once", "after one"])
def test_it_ends_cleanly_with_the_score_so_far(before, end, capsys):
    assert answered([*before, end, "t 99"], Terminal) == 0
    last = capsys.readouterr().out.splitlines()
    assert ("0 of 1 right" in "".join(last) or "1 of 1 right" in "".join(last)) is bool(before)
    assert (last[-1] == "No claim was answered: no score.") is not bool(before)


WRONG = {
    "no confidence": ("true", "no confidence in 'true'"),
    "no verdict": ("80", "no verdict ''"),
    "a share": ("true 0.8", "must be from 50 to 100 %, got 0.8"),
    "too sure": ("true 101", "must be from 50 to 100 %, got 101"),
    "misspelt": ("flase 80", "did you mean false?"),
    "empty": ("", "no confidence in ''"),
}


@pytest.mark.parametrize(("line", "message"), WRONG.values(), ids=WRONG)
def test_a_terminal_is_asked_again(line, message, capsys):
    assert answered([line, "t 50"], Terminal) == 0
    printed = capsys.readouterr()
    assert message in printed.err
    assert len(printed.err.splitlines()) == 1
    assert " of 1 right" in printed.out


@pytest.mark.parametrize(("line", "message"), WRONG.values(), ids=WRONG)
def test_a_file_of_answers_ends_at_what_is_not_understood(line, message, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{line}\nt 50\n"))
    assert main(["quiz", "--question", "momentum"]) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith("theory: Q5.")
    assert message in error


def test_an_unknown_question_is_refused(capsys):
    assert main(["quiz", "--question", "momentun"]) == 2
    assert "did you mean momentum?" in capsys.readouterr().err


# A shell that starts pytest in the background has Ctrl-C ignored for all that it starts.
QUIZ = """
import signal
import sys
from theory.__main__ import main
signal.signal(signal.SIGINT, signal.default_int_handler)
status = main(["quiz"])
heavy = {"torch", "numpy", "matplotlib", "yaml"} & set(sys.modules)
sys.exit(f"loaded {heavy}" if heavy else status)
"""


def begun():
    return subprocess.Popen(
        [sys.executable, "-c", QUIZ],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8:strict"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_answers_that_are_not_text_are_one_line():
    out, error = begun().communicate(b"\xff\xfe 80\n", timeout=120)
    assert error == b"theory: the answers are not text in UTF-8\n"
    assert b"no score" in out


def test_an_interrupted_process_says_its_score_and_has_loaded_nothing_heavy():
    process = begun()
    while process.stdout.read(1) not in (b":", b""):  # the prompt
        pass
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=120)
    assert (process.returncode, error) == (0, b"")
    assert out.endswith(b"no score.\n")
