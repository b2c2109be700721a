"""What a stated confidence is worth, once it is known whether the verdict was right.

Both rules are *proper*: on average nobody does better than by stating the confidence they have
(Brier 1950, Verification of forecasts; Good 1952, Rational decisions). Lower is better.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEAST, MOST = 0.5, 1.0  # confidences that a quiz takes

MEANING = (
    "Both are means over your answers, lower is better, and on average nobody does better than by "
    "saying how sure they really are."
)


@dataclass(frozen=True)
class Judgement:
    """One answer of a quiz.

    Attributes:
        confidence: stated probability that the verdict is right, 0.5 to 1.
        right: whether it was.
    """

    confidence: float
    right: bool


@dataclass(frozen=True)
class Score:
    """What a quiz came to.

    Attributes:
        answered: number of answers, at least 1.
        right: how many were right.
        confidence: mean confidence.
        brier: mean Brier score, 0 to 1.
        log: mean log score in nats; infinite after one wrong answer at confidence 1.
    """

    answered: int
    right: int
    confidence: float
    brier: float
    log: float


def brier_score(confidence: float, *, right: bool) -> float:
    """Squared distance of the stated probability from what happened."""
    return (confidence - float(right)) ** 2


def log_score(confidence: float, *, right: bool) -> float:
    """Minus the logarithm of the probability given to what happened, in nats."""
    given = confidence if right else 1.0 - confidence
    return -math.log(given) if given > 0.0 else math.inf


def score(judgements: Sequence[Judgement]) -> Score:
    """The mean scores of ``judgements``, of which there is at least one."""
    number = len(judgements)
    return Score(
        answered=number,
        right=sum(each.right for each in judgements),
        confidence=sum(each.confidence for each in judgements) / number,
        brier=sum(brier_score(each.confidence, right=each.right) for each in judgements) / number,
        log=sum(log_score(each.confidence, right=each.right) for each in judgements) / number,
    )


def in_words(found: Score) -> str:
    """The score as sentences, beside what saying 50 % every time comes to."""
    coin = Judgement(LEAST, right=True)  # at 50 % it is the same whether right or wrong
    always = score([coin])
    return (
        f"{found.right} of {found.answered} right; you were {100 * found.confidence:.0f} % sure on "
        f"average. Brier score {found.brier:.3f} (saying 50 % every time: {always.brier:.3f}), log "
        f"score {found.log:.3f} ({always.log:.3f}). {MEANING}"
    )
