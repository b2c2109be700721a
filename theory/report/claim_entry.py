"""One claim on the page: a line to read and, unfolded, the evidence behind its verdict."""

from collections.abc import Iterator

from theory.claim import Case, Check, Control, Verdict
from theory.page_style.markup import element, prose
from theory.report.evidence_table import evidence_tables
from theory.report.findings import ClaimFinding
from theory.report.typography import set_bound, set_measured, set_number
from theory.study import CITATIONS
from theory.witness import WITNESSES


def claim_entry(found: ClaimFinding) -> str:
    """Build the foldable entry of one claim, which links and the filter find by its id."""
    claim = found.claim
    line = element(
        "summary",
        element("span", claim.id, class_="claim-id"),
        element("span", prose(claim.statement), class_="claim-statement"),
        verdict_chip(found.verdict),
        element("span", prose(key_figure(found)), class_="claim-figure"),
    )
    body = element("div", *_body(found), class_="claim-body")
    return element(
        "details",
        line,
        body,
        class_="claim",
        id=claim.id,
        data_verdict=verdict_class(found.verdict),
    )


def verdict_chip(verdict: Verdict) -> str:
    """Build the label that names ``verdict`` in words as well as in colour."""
    return element("span", verdict.value, class_=f"chip {verdict_class(verdict)}")


def verdict_class(verdict: Verdict) -> str:
    """Give the name under which style and script know ``verdict``."""
    return verdict.value.replace(" ", "-")


def key_figure(found: ClaimFinding) -> str:
    """Write the one figure that settles the claim, or over what it splits."""
    cases = found.evidence.cases
    if not cases:
        return "no experiment can settle this one"
    if found.verdict is Verdict.DEPENDS:
        return _split(cases)
    wanted = found.verdict is not Verdict.FALSE
    checks = [check for case in cases for check in case.checks if check.holds is wanted]
    return _outcome(checks[0]) if checks else ""


def _split(cases: tuple[Case, ...]) -> str:
    true = [case.condition for case in cases if case.holds]
    false = [case.condition for case in cases if not case.holds]
    share = f"holds in {len(true)} of {len(cases)} conditions"
    return f"{share}: yes for “{true[0]}”, no for “{false[0]}”"


def _outcome(check: Check) -> str:
    needed = "needed" if check.holds else "where the claim needs"
    return f"{check.quantity}: {set_measured(check)}, {needed} {set_bound(check)}"


def _body(found: ClaimFinding) -> Iterator[str]:
    claim = found.claim
    yield _paragraph("What holds", claim.correct)
    if claim.condition:
        yield _paragraph("It depends on", claim.condition)
    if found.verdict is not claim.verdict:
        yield _paragraph("Expected", f"another verdict: {claim.verdict.value}")
    control = found.control_evidence
    if found.evidence.checks:
        yield evidence_tables(found.evidence, control)
    if claim.control is not None and control is not None:
        words = _control(claim.control, control.verdict, rejected=found.control_rejected)
        yield _paragraph("Control", words)
    citation = CITATIONS.get(claim.id)
    if citation is not None:
        yield _paragraph("The study", f"(docs/RESULTS.md, {citation.part}) {citation.text}")
    witness = WITNESSES.get(claim.id)
    if witness is not None:
        words = witness.said(f"docs/real_network.md, {witness.part}")
        yield _paragraph("The exercise's network", words)
    sampled = [check for check in found.evidence.checks if check.samples]
    if sampled:
        yield _paragraph("Sampling", "; ".join(dict.fromkeys(map(_sampling, sampled))))
    if claim.references:
        yield _paragraph("References", "; ".join(claim.references))
    settled = f"{claim.kind.value}; repeat it with `theory verify {claim.id}`"
    yield _paragraph("Settled by", settled)


def _paragraph(label: str, words: str) -> str:
    return element("p", element("b", prose(label), class_="label"), " ", prose(words))


def _control(control: Control, verdict: Verdict, *, rejected: bool) -> str:
    outcome = "rejected" if rejected else "not rejected"
    return f"{control.name}: the same check gives “{verdict.value}” ({outcome})."


def _sampling(check: Check) -> str:
    parts = [f"{set_number(check.samples)} draws"]
    if check.false_alarm_rate:
        parts.append(f"false-alarm rate {set_number(check.false_alarm_rate)}")
    if check.detects:
        parts.append(f"detects {check.detects}")
    return ", ".join(parts)
