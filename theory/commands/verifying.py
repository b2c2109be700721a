"""``theory verify``: every verdict computed again and held against the expected one."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tqdm import tqdm

from theory.claim import Claim, Evidence, Verdict, run_experiment
from theory.commands.latex import latex_table
from theory.commands.listing import counts_in_words
from theory.commands.output import print_json, wrapped
from theory.commands.threads import one_thread
from theory.formatting import sentence
from theory.ledger import verdict_counts
from theory.report.claim_entry import key_figure
from theory.report.findings import ClaimFinding

Run = Callable[[str], Evidence]


@dataclass(frozen=True)
class Outcome:
    """What came out for one claim.

    Attributes:
        claim: the claim.
        evidence: what its experiment found; ``None`` if the experiment failed.
        control_verdict: the verdict on its control; ``None`` if it has none or it failed.
        failure: the error that stopped the experiment or its control; empty if none did.
    """

    claim: Claim
    evidence: Evidence | None
    control_verdict: Verdict | None
    failure: str = ""

    @property
    def difference(self) -> str:
        """What is not as expected, in one line; empty when all is."""
        claim = self.claim
        if self.evidence is None or self.failure:
            return f"{claim.id}: could not be computed: {self.failure}"
        found = self.evidence.verdict
        if found != claim.verdict:
            figures = "; ".join(sentence(check) for check in self.evidence.checks)
            return f"{claim.id}: expected {claim.verdict}, the experiment says {found} ({figures})"
        if claim.control is not None and self.control_verdict == found:
            return f"{claim.id}: its control is not rejected: {claim.control.name}"
        return ""


def recompute(claim: Claim, run: Run = run_experiment) -> Outcome:
    """Run the experiment of ``claim`` and that of its control."""
    try:
        evidence = run(claim.experiment)
        control = run(claim.control.experiment).verdict if claim.control else None
    except Exception as error:  # one broken experiment must not hide the other verdicts
        return Outcome(claim, None, None, f"{type(error).__name__}: {error}")
    return Outcome(claim, evidence, control)


def verify(
    claims: Sequence[Claim],
    *,
    one_by_one: bool = False,
    as_json: bool = False,
    as_latex: bool = False,
    run: Run = run_experiment,
) -> int:
    """Recompute ``claims``, print what differs, and return 0 if nothing does, else 1.

    one_by_one: print the figure and the control of each claim as soon as it is computed.
    """
    one_thread()
    progress = tqdm(claims, desc="claims", unit="claim", file=sys.stderr, disable=None, leave=False)
    outcomes = []
    for claim in progress:
        outcomes.append(recompute(claim, run))
        if one_by_one and not (as_json or as_latex):
            progress.clear()
            print(outcome_text(outcomes[-1]), flush=True)
    differences = [outcome.difference for outcome in outcomes if outcome.difference]
    if as_json:
        print_json([_record(outcome) for outcome in outcomes])
    elif as_latex:
        print(latex_table((each.claim, each.evidence) for each in outcomes if each.evidence))
    elif not differences:
        controls = sum(claim.control is not None for claim in claims)
        print(f"{counts_in_words(verdict_counts(tuple(claims)))}; all as expected.")
        print("1 control: rejected." if controls == 1 else f"{controls} controls: all rejected.")
    for difference in differences:
        print(difference, file=sys.stderr)
    return 1 if differences else 0


def outcome_text(outcome: Outcome) -> str:
    """What came out for a claim, and for its control; the line of a difference comes at the end."""
    claim, evidence = outcome.claim, outcome.evidence
    if evidence is None:
        return f"{claim.id}: could not be computed"
    found = evidence.verdict
    word = "as expected" if found == claim.verdict else f"expected {claim.verdict.upper()}"
    figure = key_figure(ClaimFinding(claim, evidence))
    lines = [wrapped(figure, indent="  ", first=f"{claim.id} {found.upper()}, {word}: ")]
    if claim.control is not None and outcome.control_verdict is not None:
        rejected = "rejected" if outcome.control_verdict != found else "not rejected"
        first = f"  Control {outcome.control_verdict.upper()}, {rejected}: "
        lines.append(wrapped(claim.control.name, indent="    ", first=first))
    return "\n".join(lines)


def _record(outcome: Outcome) -> dict[str, object]:
    return {
        "id": outcome.claim.id,
        "statement": outcome.claim.statement,
        "expected": outcome.claim.verdict,
        "found": outcome.evidence.verdict if outcome.evidence else None,
        "control": outcome.claim.control.name if outcome.claim.control else None,
        "control_verdict": outcome.control_verdict,
        "difference": outcome.difference,
        "evidence": outcome.evidence,
    }
