"""Does another rule of selecting the epoch give other verdicts?"""

from dataclasses import dataclass

from lightning_cifar.study.contrasts import Finding, Findings
from lightning_cifar.study.measures import MEASURES, SELECTIONS
from lightning_cifar.study.report.families import accuracy_comparisons
from lightning_cifar.study.report.questions import Question
from lightning_cifar.study.study_files import Study


@dataclass(frozen=True)
class Rules:
    """One comparison of accuracy: on the test images, and by both rules on the validation ones."""

    test: Finding
    by_loss: Finding
    by_accuracy: Finding

    @property
    def flips(self) -> bool:
        """Whether the rules give different verdicts."""
        return self.by_loss.verdict != self.by_accuracy.verdict


def selection(study: Study, findings: Findings, question: Question) -> list[Rules]:
    """Every declared comparison of accuracy that has enough runs, by both rules."""
    measures = (MEASURES["test_accuracy"], *SELECTIONS)
    rows = []
    for planned in accuracy_comparisons(study):
        found = [findings.find(planned.first, planned.second, measure) for measure in measures]
        known = [each for each in found if each is not None and each.comparison is not None]
        if len(known) == len(measures):
            rows.append(Rules(*known))
    return rows
