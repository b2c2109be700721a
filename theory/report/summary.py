"""The top of the page: all claims at a glance, their counts, and every false one in a line."""

from collections import Counter

from theory.claim import Verdict
from theory.page_style.markup import element, prose
from theory.report.claim_entry import key_figure, verdict_class
from theory.report.findings import ClaimFinding, QuestionFinding, all_claims
from theory.report.typography import set_number


def summary(questions: tuple[QuestionFinding, ...]) -> str:
    """Build the counts, the map of all claims and the list of the false ones."""
    claims = all_claims(questions)
    return element(
        "section",
        element("h2", element("span", "At a glance", class_="kicker"), "Every claim, one square"),
        element("ul", *_tiles(claims), class_="tiles"),
        element("div", *map(_map_row, questions), class_="claim-map"),
        element("p", prose(_confidence(claims)), class_="note"),
        element("h3", "What is wrong, and the figure that shows it"),
        element("ol", *_false_lines(claims), class_="false-list"),
        id="overview",
    )


def verdict_filter(claims: tuple[ClaimFinding, ...]) -> str:
    """Build the choice of the verdict to show, each with its count."""
    counts = Counter(found.verdict for found in claims)
    choices = [_choice("all", "all", counts.total(), checked=True)]
    choices += [
        _choice(verdict_class(verdict), verdict.value, counts[verdict])
        for verdict in Verdict
        if counts[verdict] or verdict is not Verdict.INCONCLUSIVE
    ]
    legend = element("legend", "Show claims")
    status = element("p", class_="filter-status", role="status")
    return element("fieldset", legend, *choices, status, class_="filter")


def _choice(value: str, label: str, count: int, *, checked: bool = False) -> str:
    button = element("input", type="radio", name="verdict", value=value).removesuffix("</input>")
    if checked:
        button = button.replace(">", " checked>")
    number = element("b", str(count), class_="count")
    return element("label", button, number, f" {label}", class_=f"choice {value}")


def _tiles(claims: tuple[ClaimFinding, ...]) -> list[str]:
    counts = Counter(found.verdict for found in claims)
    return [
        element(
            "li", element("b", str(counts[verdict])), verdict.value, class_=verdict_class(verdict)
        )
        for verdict in Verdict
        if counts[verdict]
    ]


def _map_row(row: QuestionFinding) -> str:
    squares = (
        element(
            "a",
            found.claim.id.split(".")[1],
            href=f"#{found.claim.id}",
            title=f"{found.claim.id}, {found.verdict.value}: {found.claim.statement}",
            class_=f"square {verdict_class(found.verdict)}",
            data_verdict=verdict_class(found.verdict),
        )
        for found in row.claims
    )
    question = row.question
    name = element("a", f"{question.number} {prose(question.name)}", href=f"#{question.name}")
    return element("div", element("span", name, class_="map-name"), *squares, class_="map-row")


def _false_lines(claims: tuple[ClaimFinding, ...]) -> list[str]:
    return [
        element(
            "li",
            element("a", found.claim.id, href=f"#{found.claim.id}", class_="claim-id"),
            element("span", prose(found.claim.statement), class_="claim-statement"),
            element("span", prose(key_figure(found)), class_="claim-figure"),
        )
        for found in claims
        if found.verdict is Verdict.FALSE
    ]


def _confidence(claims: tuple[ClaimFinding, ...]) -> str:
    controls = [found for found in claims if found.control_evidence is not None]
    rejected = sum(found.control_rejected for found in controls)
    rate = sum(check.false_alarm_rate for found in claims for check in found.evidence.checks)
    return (
        f"{rejected} of {len(controls)} controls, each a wrong implementation or an opposite case, "
        "were rejected by the check that settles their claim. The chance that sampling alone "
        f"turned any verdict is at most {set_number(rate)}."
    )
