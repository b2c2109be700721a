"""Does another rule of selecting the epoch give other verdicts?"""

from dataclasses import dataclass

from lightning_cifar.study.contrasts import Finding, Findings
from lightning_cifar.study.measures import MEASURES
from lightning_cifar.study.report.families import PLANNED
from lightning_cifar.study.report.questions import Question
from lightning_cifar.study.study_files import Study


@dataclass(frozen=True)
class Rules:
    """One comparison by both rules, each corrected in a family of the same size."""

    by_loss: Finding
    by_accuracy: Finding

    @property
    def flips(self) -> bool:
        """Whether the rules give different verdicts."""
        return self.by_loss.verdict != self.by_accuracy.verdict


def selection(study: Study, findings: Findings, question: Question) -> list[Rules]:
    """Every tested comparison of the plan that has enough runs, by both rules.

    Without those that no rule of selection touches, such as epochs to a loss.
    """
    pairs = (
        (found, findings.by_accuracy(found))
        for found in findings.families.get(PLANNED, [])
        if found.contrast.tested and found.measure.key in MEASURES and found.comparison
    )
    return [Rules(one, other) for one, other in pairs if other and other.comparison]
