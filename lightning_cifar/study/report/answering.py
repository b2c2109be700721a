"""An answer from a finding: its chip, its sentences, and what is said where runs are missing."""

from lightning_cifar.study.report.answer import Answer, Table
from lightning_cifar.study.report.contrasts import (
    DESCRIBED,
    EQUIVALENT,
    MISSING,
    UNDECIDED,
    Finding,
)
from lightning_cifar.study.report.wording import (
    TONES,
    comparison_sentences,
    difference,
    side_names,
    verdict_word,
)


def answer_of(
    found: Finding | None,
    *,
    key: str,
    part: str,
    question: str,
    needs: str,
    before: tuple[str, ...] = (),
    after: tuple[str, ...] = (),
    tables: tuple[Table, ...] = (),
    figures: tuple[str, ...] = (),
) -> Answer:
    """The answer that one finding gives.

    needs: what has to be run where there is no finding.  before, after: sentences around it.
    """
    if found is None or found.comparison is None:
        return Answer(
            key, part, question, MISSING, TONES[MISSING], before + after, tables, (needs,), figures
        )
    sentences = (*before, *comparison_sentences(found), *after)
    return Answer(key, part, question, chip(found), tone(found), sentences, tables, (), figures)


def chip(found: Finding) -> str:
    """Who is what: "batch_norm better", or what the tests left open."""
    word = verdict_word(found)
    if word == DESCRIBED and found.comparison is not None:
        return f"{difference(found.comparison.mean, found.contrast.measure)}, not tested"
    if word == EQUIVALENT:
        return f"equivalent within ±{found.contrast.margin:g} {found.contrast.measure.unit}"
    return word if word in (UNDECIDED, MISSING) else f"{plain_name(found)} {word}"


def plain_name(found: Finding) -> str:
    """The first side without backticks."""
    return side_names(found)[0].replace("`", "")


def tone(found: Finding) -> str:
    """The class of a verdict's colour."""
    return TONES[verdict_word(found)]
