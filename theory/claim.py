"""What a claim is: a statement, the experiment that settles it, and a verdict that is computed.

An experiment returns ``Evidence``: cases, each a condition under which the statement was tried,
with the checks that hold if and only if the statement, *as worded*, is right under that condition.
The verdict follows from the cases and from nothing else. This module imports no torch, so that
claims can be listed and read at once; experiments are named by a pointer and loaded when run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import Literal, cast

Relation = Literal["<", "<=", "==", ">=", ">"]


class Verdict(StrEnum):
    """What the evidence says of a statement."""

    TRUE = "true"
    FALSE = "false"
    DEPENDS = "depends"
    NOT_CHECKABLE = "not checkable"
    INCONCLUSIVE = "inconclusive"  # the experiment did not do what it must; never expected


class Kind(StrEnum):
    """How a claim is settled."""

    EXACT = "exact invariant"
    DETERMINISTIC = "deterministic calculation"
    STATISTICAL = "statistical"
    LITERATURE = "literature"


@dataclass(frozen=True)
class Check:
    """One measured figure against its bound.

    Attributes:
        quantity: what was measured, with its unit, in words a student understands.
        value: the measured figure.
        relation: how ``value`` must stand to ``bound``.
        bound: the figure it is compared with.
        false_alarm_rate: chance that a right statement fails this check; 0 unless it samples.
        detects: the smallest error a sampled check finds, in words; empty unless it samples.
        samples: how many draws the check rests on; 0 unless it samples.
    """

    quantity: str
    value: float
    relation: Relation
    bound: float
    false_alarm_rate: float = 0.0
    detects: str = ""
    samples: int = 0

    @property
    def holds(self) -> bool:
        """Whether the figure keeps its bound; a NaN keeps none."""
        return {
            "<": self.value < self.bound,
            "<=": self.value <= self.bound,
            "==": self.value == self.bound,
            ">=": self.value >= self.bound,
            ">": self.value > self.bound,
        }[self.relation]


@dataclass(frozen=True)
class Case:
    """The statement under one condition; it holds there when all its checks do."""

    condition: str
    checks: tuple[Check, ...]

    @property
    def holds(self) -> bool:
        """Whether every check holds."""
        return all(check.holds for check in self.checks)


@dataclass(frozen=True)
class Evidence:
    """What an experiment found.

    Attributes:
        cases: the statement under each condition tried: one case for a plain true or false, several
            for a statement that depends on them.
        sanity: checks of the experiment itself (something moved, the sample is large enough); if
            one fails, nothing was shown and the verdict is ``INCONCLUSIVE``.
    """

    cases: tuple[Case, ...]
    sanity: tuple[Check, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """``TRUE`` when all cases hold, ``FALSE`` when none does, ``DEPENDS`` when some do."""
        if not all(check.holds for check in self.sanity):
            return Verdict.INCONCLUSIVE
        if not self.cases:
            return Verdict.NOT_CHECKABLE
        outcomes = [case.holds for case in self.cases]
        if all(outcomes):
            return Verdict.TRUE
        return Verdict.DEPENDS if any(outcomes) else Verdict.FALSE

    @property
    def checks(self) -> tuple[Check, ...]:
        """Every check, of the cases and of the experiment itself."""
        return tuple(check for case in self.cases for check in case.checks) + self.sanity


@dataclass(frozen=True)
class Control:
    """A wrong implementation, or the opposite case, that the same check must reject.

    Attributes:
        name: what is wrong in it.
        experiment: pointer to a function without arguments that returns ``Evidence``.
    """

    name: str
    experiment: str


@dataclass(frozen=True)
class Claim:
    """One statement of the answer sheet, or of the book.

    Attributes:
        id: question and number, such as ``"Q5.9"``; ``"B5.1"`` if the book says it.
        statement: what the sheet or the book says, in this project's words.
        verdict: the verdict the experiment is expected to give.
        correct: the right statement.
        kind: how it is settled.
        experiment: pointer ``"package.module:function"`` to a function without arguments that
            returns ``Evidence``.
        control: what the same check must reject; every exact or deterministic claim has one.
        condition: what the answer depends on; empty unless the verdict is ``DEPENDS``.
        references: papers and documentation.
        edition: the edition of the book that says so; empty where that is not certain, and for
            the sheet.
        beside: ids of the sheet's claims on the same matter, if the book says it.
    """

    id: str
    statement: str
    verdict: Verdict
    correct: str
    kind: Kind
    experiment: str
    control: Control | None = None
    condition: str = ""
    references: tuple[str, ...] = ()
    edition: str = ""
    beside: tuple[str, ...] = ()

    @property
    def question(self) -> int:
        """The number of the question, 1 to 9."""
        return int(self.id[1 : self.id.index(".")])


def run_experiment(pointer: str) -> Evidence:
    """Load the function that ``pointer`` names and return its evidence."""
    module, _, function = pointer.partition(":")
    return cast(Callable[[], Evidence], getattr(import_module(module), function))()
