"""``docs/ANSWERS.md``: the corrected answers, generated from the ledger and the evidence.

``python -m theory.answers docs/ANSWERS.md`` writes it again.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from theory.claim import Check, Claim, Evidence, Verdict, run_experiment
from theory.commands.listing import counts_in_words
from theory.formatting import bound, measured
from theory.ledger import QUESTIONS, Question, verdict_counts

Run = Callable[[str], Evidence]

_HEADER = """# The seven answers, corrected

Generated from the ledger and the experiments by `python -m theory.answers docs/ANSWERS.md`; a test
generates it again and compares. Edit the claims, not this file. Figures have three significant
digits; `theory show Q1` prints them afresh, and `theory verify` computes every verdict again.
"""


def answers(run: Run = run_experiment) -> str:
    """The whole document as Markdown; ``run`` gives the evidence for an experiment's pointer."""
    evidences = {
        claim.id: run(claim.experiment) for question in QUESTIONS for claim in question.claims
    }
    parts = [_HEADER, _counts(), _false_claims(evidences)]
    parts += [_section(question, evidences) for question in QUESTIONS]
    return "\n".join(parts)


def counterexample(evidence: Evidence) -> Check | None:
    """The first check that a false statement fails; ``None`` if it fails none."""
    failing = (check for case in evidence.cases for check in case.checks if not check.holds)
    return next(failing, None)


def _counts() -> str:
    verdicts = list(verdict_counts())
    rows = [
        "## Counts\n",
        "| question | " + " | ".join(verdicts) + " | all |",
        "|---" * (len(verdicts) + 2) + "|",
    ]
    for question in QUESTIONS:
        counts = verdict_counts(question.claims)
        numbers = " | ".join(str(counts.get(verdict, 0)) for verdict in verdicts)
        rows.append(f"| {question.id} {question.name} | {numbers} | {len(question.claims)} |")
    totals = verdict_counts()
    numbers = " | ".join(str(count) for count in totals.values())
    return "\n".join([*rows, f"| all | {numbers} | {sum(totals.values())} |", ""])


def _false_claims(evidences: dict[str, Evidence]) -> str:
    lines = ["## The false claims, each with its counterexample\n"]
    for question in QUESTIONS:
        for claim in question.claims:
            check = counterexample(evidences[claim.id])
            if claim.verdict is Verdict.FALSE and check is not None:
                asked = f"the claim asks for {bound(check)}"
                lines.append(
                    f"- **{claim.id}** {claim.statement} "
                    f"*Measured:* {check.quantity}: {measured(check)} ({asked})."
                )
    return "\n".join([*lines, ""])


def _section(question: Question, evidences: dict[str, Evidence]) -> str:
    verdicts = {claim.id: claim.verdict for claim in question.claims}
    sheet = " ".join(
        text.strip()
        if claim_id is None
        else f"{text.strip()} **[{claim_id} {verdicts[claim_id]}]**"
        for text, claim_id in question.sheet_answer
    )
    parts = [
        f"## {question.id}. {question.question}\n",
        f"**The sheet, in short.** {sheet}\n",
        f"**Corrected.** {question.answer}\n",
        f"{counts_in_words(verdict_counts(question.claims))}. Demo: `{question.command}`\n",
    ]
    parts += [_claim(claim, evidences[claim.id]) for claim in question.claims]
    return "\n".join(parts)


def _claim(claim: Claim, evidence: Evidence) -> str:
    lines = [
        f"### {claim.id} {claim.verdict}: {claim.statement}\n",
        claim.correct + "\n",
    ]
    if claim.condition:
        lines.append(f"Depends on {claim.condition}.\n")
    if evidence.cases:
        lines += ["| tried on | measured | figure | asked | |", "|---|---|---|---|---|"]
        lines += [
            f"| {case.condition} | {check.quantity} | {measured(check)} "
            f"| {bound(check)} | {'holds' if check.holds else 'fails'} |"
            for case in evidence.cases
            for check in case.checks
        ]
        lines.append("")
    if claim.control is not None:
        lines.append(f"Control, rejected by the same checks: {claim.control.name}.\n")
    if claim.references:
        lines.append(f"*{claim.kind.capitalize()}.* {'; '.join(claim.references)}.\n")
    return "\n".join(lines)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(answers(), encoding="utf-8")
