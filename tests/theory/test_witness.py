"""What the exercise's own network says of a claim stands beside it, and on its page."""

from pathlib import Path

import pytest

from theory.claim import Evidence
from theory.commands.showing import claim_text
from theory.ledger import CLAIMS
from theory.selection import find_claims
from theory.witness import WITNESSES, Witness

PAGE = Path(__file__).parents[2] / "docs" / "real_network.md"


def part_of(page, part):
    """The section of the page that is named ``part``."""
    sections = page.split("\n## ")
    return next((each for each in sections if each.startswith(f"{part}: ")), "")


def test_witnesses_belong_to_claims_in_their_order():
    ids = [claim.id for claim in CLAIMS]
    assert list(WITNESSES) == [each for each in ids if each in WITNESSES]


@pytest.mark.parametrize("claim", WITNESSES)
def test_every_text_stands_in_the_part_that_is_named(claim):
    page = PAGE.read_text(encoding="utf-8")
    witness = WITNESSES[claim]
    assert witness.text in part_of(page, witness.part)
    assert witness.text not in part_of(page, "Q2" if witness.part != "Q2" else "Q5")  # control


def test_show_quotes_it(monkeypatch):
    witness = Witness("Q1", "No unit is like another.", False)
    monkeypatch.setitem(WITNESSES, "Q1.1", witness)
    shown, other = (
        " ".join(claim_text(claim, Evidence((), ())).split())
        for claim in find_claims(["Q1.1", "Q4.7"])
    )
    assert f"network {witness.said('docs/real_network.md, Q1')}" in shown
    assert "real_network" not in other  # control


def test_a_disagreement_is_said():
    said = {agrees: Witness("Q1", "x", agrees).said("p") for agrees in (True, False, None)}
    assert said[True] == "agrees with this (p). x"
    assert said[False] == "differs from this (p). x"
    assert said[None] == "fits either way (p). x"
