"""A small ledger with its findings, made up, for tests of the report page."""

from functools import cache

from matplotlib.figure import Figure

from theory.claim import Case, Check, Claim, Control, Evidence, Kind, Verdict
from theory.ledger import Question
from theory.page_style.inline_svg import inline_svg
from theory.report.findings import ClaimFinding, QuestionFinding

KEPT = Check("distance from the minimum after 10 000 steps", 0.951, ">", 0.5)
MISSED = Check("largest difference between two weight gradients", 0.31, "==", 0.0)
SAMPLED = Check(
    "share of units at zero",
    0.4991,
    "<=",
    0.51,
    false_alarm_rate=1e-9,
    detects="0.01",
    samples=53000,
)
EVIDENCE = {
    Verdict.TRUE: Evidence(cases=(Case("a parabola", (KEPT, SAMPLED)),), sanity=(KEPT,)),
    Verdict.FALSE: Evidence(cases=(Case("any net", (MISSED,)),)),
    Verdict.DEPENDS: Evidence(
        cases=(Case("rate below 2 (1 + momentum)", (KEPT,)), Case("rate above it", (MISSED,)))
    ),
    Verdict.NOT_CHECKABLE: Evidence(cases=()),
}
# Where the experiments of the made-up claims are found: the functions below.
POINTERS = {verdict: f"report_samples:settles_as_{verdict.name.lower()}" for verdict in EVIDENCE}


def settles_as_true() -> Evidence:
    """Give evidence that bears the statement out."""
    return EVIDENCE[Verdict.TRUE]


def settles_as_false() -> Evidence:
    """Give a counterexample."""
    return EVIDENCE[Verdict.FALSE]


def settles_as_depends() -> Evidence:
    """Give one condition for the statement and one against it."""
    return EVIDENCE[Verdict.DEPENDS]


def settles_as_not_checkable() -> Evidence:
    """Give nothing."""
    return EVIDENCE[Verdict.NOT_CHECKABLE]


def sample_claim(identity: str, verdict: Verdict) -> ClaimFinding:
    """Make up a claim whose evidence gives ``verdict``, with a control that is rejected."""
    checked = verdict is not Verdict.NOT_CHECKABLE
    opposite = Verdict.FALSE if verdict is Verdict.TRUE else Verdict.TRUE
    claim = Claim(
        id=identity,
        statement=f"A statement with <angle> brackets & more, called {identity}.",
        verdict=verdict,
        correct="What is right, with `momentum=0.9` as code.",
        kind=Kind.DETERMINISTIC if checked else Kind.LITERATURE,
        experiment=POINTERS[verdict],
        control=Control("the damped update", POINTERS[opposite]) if checked else None,
        condition="the learning rate" if verdict is Verdict.DEPENDS else "",
        references=("Polyak 1964",),
    )
    return ClaimFinding(claim, EVIDENCE[verdict], EVIDENCE[opposite] if checked else None)


def sample_figure() -> Figure:
    """Draw two curves, a text and a legend."""
    figure = Figure(figsize=(6, 3))
    axes = figure.subplots()
    axes.plot([0, 1, 2], [0, 1, 0.5], label="with")
    axes.plot([0, 1, 2], [1, 0.2, 0.8], color="black", label="without")
    axes.set_xlabel("steps")
    axes.legend()
    return figure


def sample_question(number: int, name: str) -> QuestionFinding:
    """Make up a question with one claim of each verdict."""
    verdicts = (Verdict.TRUE, Verdict.FALSE, Verdict.DEPENDS, Verdict.NOT_CHECKABLE)
    claims = tuple(
        sample_claim(f"Q{number}.{place}", verdict) for place, verdict in enumerate(verdicts, 1)
    )
    segments = [(f"A marked piece {found.claim.id}. ", found.claim.id) for found in claims]
    question = Question(
        number=number,
        name=name,
        question=f"What about {name}?",
        sheet_answer=(("It starts so: ", None), *segments),
        answer="The corrected answer.",
        command=f"theory run {name}",
        claims=tuple(found.claim for found in claims),
    )
    return QuestionFinding(question, claims, inline_svg(sample_figure(), name, "two curves"))


@cache
def sample_questions() -> tuple[QuestionFinding, ...]:
    """Make up three questions, each with an interactive figure."""
    names = ((3, "selu"), (5, "momentum"), (6, "sparsity"))
    return tuple(sample_question(number, name) for number, name in names)
