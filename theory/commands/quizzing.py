"""``theory quiz``: claim by claim a verdict with a confidence, then the evidence; a score last."""

import re
import sys
from collections.abc import Callable, Sequence
from typing import TextIO

from theory.claim import Claim, Evidence, run_experiment
from theory.classroom.order import shuffled
from theory.classroom.scoring import (
    LEAST,
    MOST,
    Judgement,
    brier_score,
    in_words,
    log_score,
    score,
)
from theory.classroom.verdict_words import ALLOWED, parse_verdict
from theory.commands.output import wrapped
from theory.commands.showing import claim_text
from theory.commands.threads import one_thread
from theory.errors import DomainError

Run = Callable[[str], Evidence]

_ANSWER = re.compile(r"(?P<verdict>.*?)[\s,;]*(?P<percent>\d+(?:\.\d+)?)\s*%?")
_STOP = ("stop", "quit", "q")


def quiz(
    claims: Sequence[Claim], *, seed: int, run: Run = run_experiment, answers: TextIO | None = None
) -> int:
    """Ask for ``claims`` in the order of ``seed``; returns the exit status.

    Answers are read by line from ``answers``, the standard input if none is given. The quiz ends
    with the score so far at the last claim, at the end of the input, at ``stop`` and at Ctrl-C.

    Raises:
        DomainError: the seed is out of range, or an answer that no terminal can ask for again is
            not understood.
    """
    source = sys.stdin if answers is None else answers
    order = shuffled(claims, seed)
    print(wrapped(_welcome(len(order))))
    judged: list[Judgement] = []
    try:
        for place, claim in enumerate(order, start=1):
            print(f"\n{place} of {len(order)}, {claim.id}")
            print(wrapped(claim.statement, indent="  ", first="  "))
            answer = _ask(claim, source)
            if answer is None:
                break
            judged.append(answer)
            one_thread()
            print(_outcome(claim, answer, run(claim.experiment)))
    except KeyboardInterrupt:
        print()
    finally:
        print()
        print(wrapped(in_words(score(judged))) if judged else "No claim was answered: no score.")
        sys.stdout.flush()
    return 0


def _welcome(number: int) -> str:
    return (
        f"{number} claim{'' if number == 1 else 's'}. For each type your verdict and how sure you "
        f"are that it is right, from 50 to 100 %, such as `false 80`. Verdicts are {ALLOWED}. "
        "`stop`, Ctrl-D and Ctrl-C end the quiz with the score so far."
    )


def _ask(claim: Claim, source: TextIO) -> Judgement | None:
    """The reader's answer; ``None`` at the end of the input and at ``stop``."""
    while True:
        print("verdict and confidence: ", end="", flush=True)
        line = _line(source)
        if not source.isatty():
            print(line.strip())  # as a terminal would have shown it
        if not line or line.strip().casefold() in _STOP:
            return None
        try:
            return _parsed(claim, line.strip())
        except DomainError as error:
            if not source.isatty():  # the lines after it would answer other claims
                raise DomainError(f"{claim.id}: {error}") from error
            print(f"  {error}", file=sys.stderr)


def _line(source: TextIO) -> str:
    try:
        return source.readline()
    except UnicodeDecodeError as error:
        raise DomainError("the answers are not text in UTF-8") from error


def _parsed(claim: Claim, line: str) -> Judgement:
    found = _ANSWER.fullmatch(line)
    if found is None:
        raise DomainError(f"no confidence in {line!r}; type both, such as `false 80`")
    confidence = float(found["percent"]) / 100.0
    if not LEAST <= confidence <= MOST:
        raise DomainError(f"confidence must be from 50 to 100 %, got {found['percent']}")
    return Judgement(confidence, right=parse_verdict(found["verdict"]) is claim.verdict)


def _outcome(claim: Claim, answer: Judgement, evidence: Evidence) -> str:
    word = "Right" if answer.right else "Wrong"
    brier, log = (rule(answer.confidence, right=answer.right) for rule in (brier_score, log_score))
    head = f"  {word}: Brier score {brier:.3f}, log score {log:.3f}."
    return f"{head}\n{claim_text(claim, evidence)}"
