"""The form of an answer: what the page and the Markdown file are both written from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Cells are plain words, in which backticks mark code; never markup."""

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Answer:
    """One question with its answer.

    Attributes:
        key: anchor on the page.
        part: of the exercise, such as ``8c``.
        verdict: in a word or two, computed.
        tone: the class of its colour: true, false, depends or not-checkable.
        sentences: the answer; backticks mark code, ** what is strong.
        missing: what could not be answered, and what to do about it.
        figures: names of the figures that belong to it.
    """

    key: str
    part: str
    question: str
    verdict: str
    tone: str
    sentences: tuple[str, ...]
    tables: tuple[Table, ...] = ()
    missing: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
