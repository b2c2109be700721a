"""A study of other set-ups and of two variants alone gets a report of its own questions."""

import re
from dataclasses import replace

import pytest
from page_outline import assert_well_formed
from study_samples import Made, sample_point, sample_record

from lightning_cifar.study.report.answers import report_of
from lightning_cifar.study.report.page import markdown, page
from lightning_cifar.study.study_files import Cost, Study, grid_from

MADE = {
    ("wide", "selu"): Made(0.54, 8),
    ("wide", "elu"): Made(0.50, 14),
    ("narrow", "selu"): Made(0.47, 9),
    ("narrow", "elu"): Made(0.43, 15),
}
SEEDS = 8
PLAN = {
    "seeds": SEEDS,
    "set_ups": {
        name: {"overlays": [name], "variants": ["elu", "selu"], "seeds": SEEDS}
        for name in ("wide", "narrow")
    },
    "comparisons": [
        {
            "question": "Does self-normalisation pay in a wide network?",
            "first": "wide/selu",
            "second": "wide/elu",
            "measure": "test_accuracy",
        },
        {"first": "wide/selu", "second": "narrow/selu", "measure": "test_accuracy"},
        {"first": "wide/selu", "second": "wide/elu", "measure": "epochs_to_loss", "loss": 1.55},
    ],
}


@pytest.fixture(scope="module")
def study():
    records = [
        sample_record(*cell, seed, made) for cell, made in MADE.items() for seed in range(SEEDS)
    ]
    points = [sample_point(MADE["wide", "elu"], 1e-4 * 2**power) for power in range(6)]
    grid = grid_from({"wide/elu": {"grid": points}})
    return Study(PLAN, tuple(records), (), grid, Cost({128: {"elu": 3.0, "selu": 3.1}}, "cpu"))


@pytest.fixture(scope="module")
def report(study):
    return report_of(study)


def test_it_asks_what_its_plan_compares(report):
    titles = [answer.question.title for answer in report.answers]
    assert titles[:3] == [
        "Does self-normalisation pay in a wide network?",
        "`wide/selu` or `narrow/selu`?",
        "Does `wide/selu` converge in fewer epochs than `wide/elu`?",
    ]


def test_it_finds_what_was_planted(report):
    verdicts = {answer.question.key: answer.verdict for answer in report.answers}
    assert verdicts["comparison-1"] == "selu better"
    assert verdicts["comparison-2"] == "wide better"
    assert verdicts["epochs-3"] == "selu faster"
    assert verdicts["layers-2"] == "at the start only"
    assert verdicts["speed-epochs-3"].startswith("1.03 times the seconds per epoch")


def test_nothing_is_said_of_the_shipped_study(study, report):
    written = markdown(report, "a command") + page(report)
    assert "A study of elu, selu" in written
    for foreign in ("exercise", "batch_norm", "alpha_dropout", "1cycle", "the book"):
        assert foreign not in written.lower().replace("exercise.yaml", "")
    missing = [answer.question.kind for answer in report.answers if answer.missing]
    assert missing == ["selection"]  # the sample records hold one checkpoint


def test_control_the_shipped_names_ask_the_shipped_questions(study):
    """The same runs under the exercise's set-up are asked for the exercise's questions."""
    records = tuple(
        replace(each, set_up="exercise") for each in study.records if each.set_up == "wide"
    )
    titles = [
        each.question.title for each in report_of(replace(study, plan={}, records=records)).answers
    ]
    assert "Does the SELU network normalise itself?" in titles


def test_page_is_whole(report):
    written = page(report)
    assert_well_formed(written)
    assert len(re.findall(r"<svg .*?</svg>", written, re.DOTALL)) >= 5
    assert written.count('class="question-section"') == len(report.answers) == 8
