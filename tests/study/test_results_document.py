"""``docs/RESULTS.md`` says what the committed records of the study say."""

import re
from pathlib import Path

import pytest
from document_comparison import document_differences

from lightning_cifar.study.report.answers import report_of
from lightning_cifar.study.report.command import results_command
from lightning_cifar.study.report.page import markdown
from lightning_cifar.study.study_files import read_study_files

ROOT = Path(__file__).parents[2]
STUDY, DOCUMENT = Path("benchmarks/results/study"), Path("docs/RESULTS.md")
SAMPLE = "| `elu` | 49.22 % | +1.05 points | 9 (p 0.020) | better |\n**elu better.**\n"


@pytest.mark.skipif(
    not (ROOT / STUDY).is_dir(), reason=f"no records of a study in {STUDY} yet; nothing to compare"
)
def test_document_is_what_the_records_generate():
    written = markdown(report_of(read_study_files(ROOT / STUDY)), results_command(STUDY, DOCUMENT))
    there = (ROOT / DOCUMENT).read_text(encoding="utf-8")
    differences = document_differences(written, there)
    assert differences == [], f"write it again: {results_command(STUDY, DOCUMENT)}"


def test_document_and_records_come_together():
    assert (ROOT / STUDY).is_dir() == (ROOT / DOCUMENT).is_file()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("better", "worse", 1),
        lambda text: text.replace("49.22", "49.32"),
        lambda text: text.replace("| 9 (", "| 10 ("),
        lambda text: text + "one more line\n",
    ],
    ids=["verdict", "figure", "count", "line"],
)
def test_a_changed_document_is_noticed(change):
    assert change(SAMPLE) != SAMPLE
    assert document_differences(SAMPLE, change(SAMPLE)) != []


def test_rounding_the_other_way_is_allowed():
    moved = re.sub(r"49\.22", "49.23", SAMPLE)
    assert moved != SAMPLE
    assert document_differences(SAMPLE, moved) == []
