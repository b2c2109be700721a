"""docs/review.md says what the ledger, the pages and the repository say."""

import importlib.util
import re
from functools import cache

import pytest

from benchmarks.readme_results import ROOT
from lightning_cifar.__main__ import COMMANDS
from theory.commands.listing import counts_in_words
from theory.errors import DomainError
from theory.ledger import ALL_CLAIMS, BOOK_CLAIMS, CLAIMS, verdict_counts
from theory.selection import find_claims, find_question
from theory.witness import WITNESSES

DOCS = ROOT / "docs"
REVIEW = (DOCS / "review.md").read_text(encoding="utf-8")
CLAIM = re.compile(r"\[([QB]\d\.\d+) ([a-z ]+)\]\(ANSWERS\.md#([^)]+)\)")
LINK = re.compile(r"\[[^\]]*\]\((\w+\.md)(?:#([^)]*))?\)")
NUMBER = re.compile(r"(?<![\w.,])[-+]?\d+(?:[.,]\d+)*(?:e[-+]\d+)?(?!\w|[.,]\d)")
# The claims that the review names, question by question.
REVIEWED = """
    Q1.1 Q1.2 Q1.4 Q1.5 Q1.6 Q1.7 Q2.1 Q2.3 Q2.4 Q2.6 Q3.1 Q3.3 Q3.4 Q3.5 Q3.6 Q3.7 Q3.8 Q3.9
    Q4.2 Q4.5 Q4.8 Q4.10 Q4.13 Q4.15 Q5.6 Q5.7 Q6.1 Q6.2 Q6.5 Q6.6 Q6.8 Q6.11 Q7.1 Q7.2 Q7.3
    Q7.10
"""


def slug(heading):
    """The name of a heading in links, as the site makes it; GitHub keeps two hyphens in a row."""
    return re.sub(r"[- ]+", "-", re.sub(r"[^\w\- ]", "", heading.lower(), flags=re.ASCII))


@cache
def sections(page):
    """Slug of each heading -> its text, with the headings below it."""
    text = (DOCS / page).read_text(encoding="utf-8")
    headings = list(re.finditer(r"^(#+) (.*)$", text, re.MULTILINE))
    found = {}
    for place, heading in enumerate(headings):
        level = len(heading[1])
        after = (each.start() for each in headings[place + 1 :] if len(each[1]) <= level)
        found[slug(heading[2])] = text[heading.start() : next(after, len(text))]
    return found


def rows(text):
    """The cells of every row of the tables but their headings."""
    lines = re.findall(r"^\| (.*) \|$", text, re.MULTILINE)
    cells = [[cell.strip() for cell in line.split(" | ")] for line in lines]
    heads = {"point", "claim", "about"}
    return [row for row in cells if row[0] not in heads]


def words(cell):
    """A cell without links' targets, names of claims, code and what is quoted or in bold."""
    cell = CLAIM.sub("", cell)
    cell = re.sub(r"\]\([^)]*\)|`[^`]*`|\*\*[^*]*\*\*|“[^”]*”", "", cell)
    return re.sub(r"\b[QB]\d(\.\d+)?\b", "", cell)


def wrong_verdicts(text):
    """Claims that are named with another verdict or link than the ledger's."""
    claims = {claim.id: claim for claim in ALL_CLAIMS}
    right = {
        name: (claim.verdict, slug(f"{name} {claim.verdict}: {claim.statement}"))
        for name, claim in claims.items()
    }
    return [name for name, *said in CLAIM.findall(text) if tuple(said) != right.get(name)]


def unlinked_figures(text):
    """Figures of a row that stand in none of the sections to which it links."""
    wrong = []
    for row in rows(text):
        places = LINK.findall(" ".join(row))
        sources = [
            sections(page).get(part, "") if part else "\n".join(sections(page).values())
            for page, part in places
        ]
        known = set(NUMBER.findall("\n".join(sources)))
        figures = [each for cell in row[1:] for each in NUMBER.findall(words(cell))]
        wrong += [(row[0], each) for each in figures if each not in known]
    return wrong


def broken_links(text):
    """Links to pages or headings that are not there."""
    return [
        (page, part)
        for page, part in LINK.findall(text)
        if not (DOCS / page).is_file() or (part and part not in sections(page))
    ]


def missing_evidence(text):
    """Files, tests and commands that the repository lacks."""
    missing = []
    for code in re.findall(r"`([^`]+)`", text):
        name = code.split()[0]
        if "/" in name:
            gone = not (ROOT / name).exists() and name != "benchmarks/results/uncertainty"
        elif code.startswith("python -m "):
            gone = importlib.util.find_spec(code.split()[2]) is None
        elif code.startswith(("theory show ", "theory verify ")):
            find = {"show": find_question, "verify": lambda claim: find_claims([claim])}
            gone = not is_found(find[code.split()[1]], code.split()[2])
        elif name == "lightning-cifar":
            gone = code.split()[1] not in COMMANDS
        else:
            gone = code not in ("--run", "theory verify")
        missing += [code] if gone else []
    return missing


def is_found(find, name):
    """Whether the command knows what it is asked for."""
    try:
        return bool(find(name))
    except DomainError:
        return False


def other_controls(text):
    """Rows whose last cell is not the controls of claims that the row links to."""
    controls = {claim.id: claim.control.name for claim in ALL_CLAIMS if claim.control}
    wrong = []
    for row in rows(text):
        if len(row) == 4:
            linked = [controls[name] for name, *_ in CLAIM.findall(" ".join(row))]
            left = row[3]
            for name in sorted(linked, key=len, reverse=True):
                left = left.replace(name, "")
            wrong += [row[0]] if left.strip("; ") or not row[3] else []
    return wrong


def unquoted(text):
    """Sentences that the page says the answers have, and they have not."""
    answers = (DOCS / "ANSWERS.md").read_text(encoding="utf-8")
    language = text.partition("\n## Sentences")[2]
    return [each for each in re.findall(r"“([^”]*)”", language) if each not in answers]


def totals():
    """The last paragraph."""
    controls = sum(claim.control is not None for claim in ALL_CLAIMS)
    return (
        f"The answer sheet makes {counts_in_words(verdict_counts(CLAIMS))}.\n"
        f"The book makes {counts_in_words(verdict_counts(BOOK_CLAIMS))}.\n"
        f"{controls} of the {len(ALL_CLAIMS)} claims have a control, and every control gets "
        "another verdict.\n"
    )


CHECKS = (
    wrong_verdicts,
    unlinked_figures,
    broken_links,
    missing_evidence,
    other_controls,
    unquoted,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_page_is_right(check):
    assert check(REVIEW) == []


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (wrong_verdicts, "[Q5.6 depends]", "[Q5.6 false]"),
        (wrong_verdicts, "#q56-depends-", "#q56-false-"),
        (unlinked_figures, "1345 crossings", "1346 crossings"),
        (unlinked_figures, "-0.435 with tanh", "0.435 with tanh"),
        (unlinked_figures, "+6.18 points", "+6.19 points"),
        (broken_links, "RESULTS.md#every-comparison", "RESULTS.md#every-other"),
        (missing_evidence, "tests/test_review.py", "tests/test_reviews.py"),
        (missing_evidence, "theory show Q5", "theory show Q5.6"),
        (missing_evidence, "theory verify Q5.6", "theory verify Q5.66"),
        (missing_evidence, "benchmarks.interval_coverage", "benchmarks.interval_cover"),
        (other_controls, "an L2 penalty instead", "an L3 penalty instead"),
        (unquoted, "He's start keeps a scale", "He's start keeps no scale"),
    ],
)
def test_a_change_is_noticed(check, right, wrong):
    assert right in REVIEW
    assert check(REVIEW.replace(right, wrong)) != []


def test_every_claim_of_the_review_is_there():
    named = {name for name, *_ in CLAIM.findall(REVIEW)}
    assert set(REVIEWED.split()) <= named
    assert {"Q1.3", "Q4.7"}.isdisjoint(named)  # control: not every claim is


def test_disagreements_and_totals_are_todays():
    against = [claim for claim, witness in WITNESSES.items() if witness.agrees is False]
    assert f"borne out by the exercise's network: {', '.join(against)}." in REVIEW
    assert REVIEW.endswith(totals())


def test_records_that_are_said_to_be_missing_are_missing():
    folder = "benchmarks/results/uncertainty"
    said = REVIEW.count(f"no record yet in `{folder}`")
    assert said == (0 if (ROOT / folder).exists() else 3), "docs/review.md, What was missing"
