"""What the answers say of the study stands in its results."""

import re
from pathlib import Path

import pytest

from theory.ledger import CLAIMS
from theory.study import CITATIONS, Citation

RESULTS = Path(__file__).parents[2] / "docs" / "RESULTS.md"
NUMBER = re.compile(r"(?<![\w.])\d+\.\d+(?![\w.]*\w)|\b\d+ of \d+\b")


def part_of(results, part):
    """All sections of the results whose headings start with ``part``."""
    sections = re.split(r"^## ", results, flags=re.MULTILINE)
    return "\n".join(section for section in sections if section.startswith(f"{part}:"))


def missing(citation, results):
    """Decimal figures and counts of the citation that its part of the results lacks."""
    text = part_of(results, citation.part)
    return [figure for figure in NUMBER.findall(citation.text) if figure not in text]


@pytest.mark.parametrize("claim", CITATIONS)
def test_every_figure_stands_in_the_part_that_is_named(claim):
    results = RESULTS.read_text(encoding="utf-8")
    assert part_of(results, CITATIONS[claim].part), "the results have no such part"
    assert missing(CITATIONS[claim], results) == []


def test_a_wrong_figure_or_part_is_noticed():
    results = RESULTS.read_text(encoding="utf-8")
    right = CITATIONS["Q3.1"]
    assert missing(Citation("8d", right.text.replace("32.51", "32.52")), results) == ["32.52"]
    assert missing(Citation("8e", right.text), results) != []


def test_citations_belong_to_claims():
    assert set(CITATIONS) <= {claim.id for claim in CLAIMS}
    cited = {"Q3.1", "Q3.3", "Q3.4", "Q3.5", "Q3.6", "Q3.7", "Q7.1", "Q7.10"}
    assert cited <= set(CITATIONS)
