"""Running everything the page shows: each claim's experiment, its control, each demo's figure."""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

from tqdm import tqdm

from theory.claim import Claim, run_experiment
from theory.ledger import QUESTIONS, TOPICS, Question
from theory.page_style.inline_svg import inline_svg
from theory.report.findings import ClaimFinding, QuestionFinding, TopicFinding


def collect() -> tuple[QuestionFinding, ...]:
    """Run all experiments and demos, in about a minute, with a progress bar on a terminal."""
    claims = [claim for question in QUESTIONS for claim in question.claims]
    with tqdm(claims, desc="claims", file=sys.stderr, disable=None, leave=False) as progress:
        found = {claim.id: claim_finding(claim) for claim in progress}
    return tuple(
        QuestionFinding(
            question, tuple(found[claim.id] for claim in question.claims), drawing(question)
        )
        for question in QUESTIONS
    )


def collect_book() -> tuple[TopicFinding, ...]:
    """Run the experiments on what the book says, in seconds."""
    return tuple(TopicFinding(topic, tuple(map(claim_finding, topic.claims))) for topic in TOPICS)


def claim_finding(claim: Claim) -> ClaimFinding:
    """Run the experiment of ``claim`` and, where it has one, its control."""
    control = run_experiment(claim.control.experiment) if claim.control else None
    return ClaimFinding(claim, run_experiment(claim.experiment), control)


def drawing(question: Question) -> str:
    """Run the demo of ``question`` with its defaults and draw what it measured."""
    result = _load(question.demo)()
    description = f"What the demo {question.name} measured; its figures stand in the text below."
    return inline_svg(_load(question.figure)(result), question.name, description)


def _load(pointer: str) -> Callable[..., Any]:
    module, _, function = pointer.partition(":")
    return cast(Callable[..., Any], getattr(import_module(module), function))
