"""From what a reader types (``Q5``, ``5``, ``momentum``, ``Q5.9``, ``B8``) to what is meant."""

import re
from collections.abc import Sequence
from difflib import get_close_matches

from theory.claim import Claim
from theory.errors import DomainError
from theory.ledger import ALL_CLAIMS, QUESTIONS, TOPICS, Question, Topic


def find_question(name: str) -> Question:
    """The question called ``name``: its number, ``Q`` and its number, or its demo's name.

    Raises:
        DomainError: no question is called so; the nearest name is suggested.
    """
    names = {key: question for question in QUESTIONS for key in _names_of(question)}
    if name.casefold() not in names:
        allowed = ", ".join(f"{question.id} {question.name}" for question in QUESTIONS)
        raise DomainError(f"no question {name!r}{_nearest(name, names)}; there are: {allowed}")
    return names[name.casefold()]


def find_claims(names: Sequence[str]) -> tuple[Claim, ...]:
    """The claims called by id, and all of the questions and topics called; all for no names.

    Raises:
        DomainError: no claim or question is called so; the nearest name is suggested.
    """
    if not names:
        return ALL_CLAIMS
    chosen = {claim.id: claim for name in names for claim in _claims_of(name)}
    return tuple(claim for claim in ALL_CLAIMS if claim.id in chosen)


def find_topic(name: str) -> Topic:
    """The topic of the book called by its id.

    Raises:
        DomainError: no topic is called so.
    """
    for topic in TOPICS:
        if name.casefold() == topic.id.casefold():
            return topic
    allowed = ", ".join(f"{topic.id} {topic.name}" for topic in TOPICS)
    raise DomainError(f"no topic {name!r}; the book's are: {allowed}")


def find_claim(name: str) -> Claim:
    """The claim called by its id.

    Raises:
        DomainError: no claim is called so; the nearest id is suggested, of the same question if
            there is one.
    """
    by_id = {claim.id.casefold(): claim for claim in ALL_CLAIMS}
    if name.casefold() not in by_id:
        question = name.casefold().partition(".")[0]
        alike = {id_: claim for id_, claim in by_id.items() if id_.startswith(f"{question}.")}
        suggestion = _nearest(name, alike or by_id)
        raise DomainError(f"no claim {name!r}{suggestion}; `theory show Q1` prints a question's")
    return by_id[name.casefold()]


def _claims_of(name: str) -> tuple[Claim, ...]:
    if "." in name:
        return (find_claim(name),)
    is_topic = re.fullmatch(r"[Bb][0-9]+", name) is not None
    return find_topic(name).claims if is_topic else find_question(name).claims


def _names_of(question: Question) -> tuple[str, ...]:
    return (str(question.number), question.id.casefold(), question.name)


def _nearest(name: str, names: dict[str, Question] | dict[str, Claim]) -> str:
    found = get_close_matches(name.casefold(), list(names), n=1, cutoff=0.3)
    if not found:
        return ""
    value = names[found[0]]
    nearest = value.id if isinstance(value, Claim) or found[0] != value.name else value.name
    return f", did you mean {nearest}?"
