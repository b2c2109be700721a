"""One question on the page: asked, answered by the sheet, corrected, drawn and evidenced."""

from collections.abc import Iterator

from theory.claim import Verdict
from theory.page_style.markup import element, prose, text
from theory.report.assets import asset
from theory.report.claim_entry import claim_entry, verdict_class
from theory.report.findings import QuestionFinding

INTERACTIVE = {"selu": "depth.html", "momentum": "momentum.html", "sparsity": "penalty.html"}


def question_section(found: QuestionFinding) -> str:
    """Build the section of one question."""
    question = found.question
    kicker = element("span", f"Question {question.number}: {prose(question.name)}", class_="kicker")
    return element(
        "section",
        element("h2", kicker, prose(question.question)),
        element("button", "Print a handout", type="button", class_="handout-button", hidden=""),
        _sheet_answer(found),
        element("h3", "The corrected answer"),
        element("p", prose(question.answer), class_="answer"),
        *_figures(found),
        element("h3", "The evidence, claim by claim"),
        *map(claim_entry, found.claims),
        element("p", "No claim of this question has that verdict.", class_="none", hidden=""),
        _command(question.command),
        id=question.name,
        class_="question-section",
    )


def _sheet_answer(found: QuestionFinding) -> str:
    verdicts = {entry.claim.id: entry.verdict for entry in found.claims}
    segments = found.question.sheet_answer
    pieces = " ".join(_piece(words.strip(), claim, verdicts) for words, claim in segments)
    title = element("h3", "What the answer sheet says")
    return title + element("blockquote", element("p", pieces), class_="sheet")


def _piece(words: str, claim: str | None, verdicts: dict[str, Verdict]) -> str:
    if claim is None:
        return prose(words)
    verdict = verdicts[claim]
    *others, last = words.split(" ")
    tag = element("span", f"{claim} {verdict.value}", class_="tag")
    # The tag stays with the last word where the line breaks.
    end = element("span", prose(last), "\N{NO-BREAK SPACE}", tag, class_="end")
    phrase = f"{prose(' '.join(others))} {end}" if others else end
    return element("a", phrase, href=f"#{claim}", class_=f"mark {verdict_class(verdict)}")


def _figures(found: QuestionFinding) -> Iterator[str]:
    if found.drawing:
        yield element("figure", element("div", found.drawing, class_="plot-frame", tabindex="0"))
    if found.question.name in INTERACTIVE:
        yield asset(INTERACTIVE[found.question.name])


def _command(command: str) -> str:
    label = element("span", "Reproduce it", class_="label")
    return element("div", label, element("pre", element("code", text(command))), class_="command")
