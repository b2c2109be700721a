"""8e: does alpha dropout help, and does Monte Carlo dropout, without training again?"""

from dataclasses import replace

from lightning_cifar.study.report.answer import Answer, Table
from lightning_cifar.study.report.answering import answer_of
from lightning_cifar.study.report.contrasts import BETTER, WORSE, Finding
from lightning_cifar.study.report.declared import MAIN, Findings
from lightning_cifar.study.report.measures import SCORES
from lightning_cifar.study.report.study_files import Study
from lightning_cifar.study.report.wording import (
    comparison_sentences,
    difference,
    figure,
    interval,
    p_value,
    side_names,
    verdict_word,
)


def alpha_answer(findings: Findings) -> Answer:
    """Alpha dropout against the same network without."""
    return answer_of(
        findings.find("alpha_dropout", "selu", "test_accuracy", MAIN),
        key="alpha-dropout",
        part="8e",
        question="Does alpha dropout help?",
        needs="At least two seeds of both `alpha_dropout` and `selu` in the set-up `exercise` are "
        "needed: `lightning-cifar study` computes what is missing.",
        figures=("comparisons",),
    )


def monte_carlo_answer(study: Study, findings: Findings) -> Answer:
    """Monte Carlo dropout against the plain prediction and the cheaper rival, over the seeds."""
    table = monte_carlo_findings(findings)
    samples = samples_drawn(study)
    rival = next((each for each in table if is_against(each, "temperature", "nll")), None)
    accuracy = next((each for each in table if is_against(each, "deterministic", "accuracy")), None)
    answer = answer_of(
        accuracy,
        key="monte-carlo",
        part="8e",
        question="Does Monte Carlo dropout help, without training again?",
        needs="At least two `alpha_dropout` runs in the set-up `exercise` with a Monte Carlo "
        "comparison are needed.",
        before=(f"{samples} stochastic passes instead of one, with the same weights.",)
        if samples
        else (),
        after=rival_sentences(rival),
        tables=(comparison_table(table),) if table else (),
        figures=("calibration", "samples") if table else (),
    )
    verdict = short_verdict(table)
    return replace(answer, verdict=verdict, tone="depends") if verdict else answer


def short_verdict(table: list[Finding]) -> str:
    """Accuracy, and the likelihood against both; empty where one word says all, or none can."""
    asked = (("deterministic", "accuracy"), ("deterministic", "nll"), ("temperature", "nll"))
    words = [verdict_word(each) for key in asked for each in table if is_against(each, *key)]
    if len(words) < len(asked) or len(set(words)) == 1:
        return ""
    accuracy, plain, rival = words
    if {plain, rival} <= {BETTER, WORSE}:
        likelihood = f"{plain} than one pass, {rival} than temperature scaling"
    else:
        likelihood = f"{plain}; beside temperature scaling: {rival}"
    return f"accuracy: {accuracy}; likelihood: {likelihood}"


def monte_carlo_findings(findings: Findings) -> list[Finding]:
    """Those that compare ways to predict with one network."""
    return [
        found
        for found in findings.all()
        if found.contrast.first.measure.key.startswith("monte_carlo")
        and found.comparison is not None
    ]


def is_against(found: Finding, way: str, score: str) -> bool:
    """Whether a finding compares with ``way`` by ``score``."""
    return found.contrast.second.measure.key == f"{way}_{score}"


def samples_drawn(study: Study) -> int:
    """The number of samples, if all runs agree on one; else 0."""
    runs = study.runs(MAIN, "alpha_dropout")
    counts = {record.monte_carlo.get("samples", 0) for record in runs if record.monte_carlo}
    return int(counts.pop()) if len(counts) == 1 else 0


def rival_sentences(found: Finding | None) -> tuple[str, ...]:
    """What remains of the gain beside temperature scaling, which costs one number."""
    sentences = comparison_sentences(found)
    if not sentences:
        return ()
    return (
        "The cheap rival is temperature scaling: one number, fitted on the validation images, by "
        "which all logits are divided; it needs one pass and leaves the accuracy as it is.",
        *sentences[:2],
    )


def comparison_table(found: list[Finding]) -> Table:
    """Every score against both rivals."""
    titles = {key: title for key, title, *_ in SCORES}
    rows = tuple(
        (
            titles[each.contrast.first.measure.key.removeprefix("monte_carlo_")],
            side_names(each)[1],
            *(figure(mean, each.contrast.measure) for mean in each.means),
            difference_cell(each),
            verdict_word(each),
        )
        for each in found
    )
    headings = ("score", "against", "Monte Carlo", "the other", "difference", "Monte Carlo is")
    return Table("Monte Carlo dropout on the test images, over the seeds", headings, rows)


def difference_cell(found: Finding) -> str:
    """The difference with interval and p value."""
    assert found.comparison is not None
    mean = difference(found.comparison.mean, found.contrast.measure)
    return f"{mean} ({interval(found)}; p {p_value(found.comparison.p_adjusted)})"
