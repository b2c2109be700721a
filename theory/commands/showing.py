"""``theory show``: one question, the sheet's answer against the corrected one, with figures.

A question's claims come with the figure that settles each; with every case, check and control
where one claim is asked for, or all is.
"""

import sys
from collections.abc import Callable

from tqdm import tqdm

from theory.claim import Case, Claim, Evidence, run_experiment
from theory.commands.listing import counts_in_words
from theory.commands.output import print_json, wrapped
from theory.formatting import sentence
from theory.ledger import Question, verdict_counts
from theory.report.claim_entry import key_figure
from theory.report.findings import ClaimFinding
from theory.study import CITATIONS
from theory.witness import WITNESSES

Run = Callable[[str], Evidence]


def show(
    question: Question,
    *,
    every_figure: bool = False,
    as_json: bool = False,
    run: Run = run_experiment,
) -> int:
    """Compute the evidence of ``question`` and print it; returns the exit status.

    every_figure: print all of the evidence, not one figure for each claim; JSON holds it all.
    """
    progress = tqdm(question.claims, desc=question.id, unit="claim", disable=None, leave=False)
    evidences = {claim.id: run(claim.experiment) for claim in progress}
    if as_json:
        print_json({"question": question, "evidence": evidences})
        return 0
    print(header(question))
    text = claim_text if every_figure else claim_summary
    for claim in question.claims:
        print("\n" + text(claim, evidences[claim.id]))
    if not every_figure:
        print(
            f"\nEvery case, figure and control: `theory show {question.claims[0].id}` for one "
            f"claim,\n`theory show {question.id} --figures` for all"
        )
    print(f"\nMeasure it again: {question.command}")
    sys.stdout.flush()
    return 0


def show_claim(claim: Claim, *, as_json: bool = False, run: Run = run_experiment) -> int:
    """Compute the evidence of ``claim`` and print it; returns the exit status."""
    evidence = run(claim.experiment)
    if as_json:
        print_json({"claim": claim, "evidence": evidence})
    else:
        print(claim_text(claim, evidence))
    return 0


def header(question: Question) -> str:
    """The question, the sheet's answer with the verdicts in it, and the corrected answer."""
    return "\n\n".join(
        (
            wrapped(question.question, indent="    ", first=f"{question.id}. "),
            wrapped(marked_answer(question), indent="  ", first="The answer sheet under test: "),
            wrapped(question.answer, indent="  ", first="Corrected: "),
            counts_in_words(verdict_counts(question.claims)),
        )
    )


def marked_answer(question: Question) -> str:
    """The sheet's answer, each claim followed by its id and verdict in brackets."""
    verdicts = {claim.id: claim.verdict for claim in question.claims}
    return " ".join(
        text.strip() if claim_id is None else f"{text.strip()} [{claim_id} {verdicts[claim_id]}]"
        for text, claim_id in question.sheet_answer
    )


def claim_summary(claim: Claim, evidence: Evidence) -> str:
    """One claim with its verdict, the correct statement and the figure that settles it."""
    figure = key_figure(ClaimFinding(claim, evidence))
    return "\n".join(
        (
            wrapped(claim.statement, indent="  ", first=_titled(claim)),
            *_otherwise(claim, evidence),
            wrapped(claim.correct, indent="    ", first="  Correct: "),
            wrapped(figure, indent="    ", first="  Measured: "),
        )
    )


def claim_text(claim: Claim, evidence: Evidence) -> str:
    """One claim with its verdict, the correct statement and the figures."""
    lines = [wrapped(claim.statement, indent="  ", first=_titled(claim))]
    lines += _otherwise(claim, evidence)
    lines.append(wrapped(claim.correct, indent="  ", first="  Correct: "))
    if claim.condition:
        lines.append(wrapped(claim.condition, indent="  ", first="  Depends on: "))
    lines += [_case_text(case) for case in evidence.cases]
    if claim.control is not None:
        first = "  Control, a case in which the same check must give another verdict: "
        lines.append(wrapped(claim.control.name, indent="    ", first=first))
    citation = CITATIONS.get(claim.id)
    if citation is not None:
        first = f"  In the study (docs/RESULTS.md, {citation.part}): "
        lines.append(wrapped(citation.text, indent="    ", first=first))
    witness = WITNESSES.get(claim.id)
    if witness is not None:
        said = witness.said(f"docs/real_network.md, {witness.part}")
        lines.append(wrapped(said, indent="    ", first="  The exercise's network "))
    return "\n".join(lines)


def _titled(claim: Claim) -> str:
    return f"{claim.id} {claim.verdict.upper()}: "


def _otherwise(claim: Claim, evidence: Evidence) -> list[str]:
    """A line if the figures below it, measured now, give another verdict."""
    found = evidence.verdict
    if found == claim.verdict:
        return []
    return [f"  Expected is {claim.verdict.upper()}; the figures below give {found.upper()}."]


def _case_text(case: Case) -> str:
    mark = "holds" if case.holds else "fails"
    lines = [wrapped(case.condition, indent="    ", first=f"  - {mark}: ")]
    lines += [wrapped(sentence(check), indent="      ") for check in case.checks]
    return "\n".join(lines)
