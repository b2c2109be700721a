"""The report page in a real browser: it opens cleanly, fits and filters."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Tab, find_chromium, open_tab
from report_samples import sample_questions

from theory.report.page import render_page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        find_chromium() is None, reason="no Chromium found; install it or set CHROMIUM to its path"
    ),
]
WIDTHS = (1280, 768, 390, 320)
SCHEMES = ("light", "dark")


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("report") / "index.html"
    file.write_text(render_page(sample_questions()), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def browser() -> Iterator[Tab]:
    with open_tab() as tab:
        yield tab


@pytest.fixture
def tab(browser: Tab, page_file: Path) -> Tab:
    browser.look(width=1280, scheme="light")
    browser.open(page_file)
    return browser


def fits(tab: Tab) -> bool:
    return tab.run(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        " && document.body.getBoundingClientRect().right <= innerWidth"
    )


def test_page_opens_without_a_complaint(browser: Tab, page_file: Path) -> None:
    for scheme in SCHEMES:
        for width in WIDTHS:
            browser.look(width=width, scheme=scheme)
            browser.open(page_file)
            assert browser.problems() == []


@pytest.mark.parametrize(
    "foreign",
    [
        "<script>console.error('here')</script>",
        "<script>missing()</script>",
        "<img src='https://example.org/a.png'>",
    ],
)
def test_complaints_and_foreign_parts_are_noticed(
    browser: Tab, page_file: Path, tmp_path: Path, foreign: str
) -> None:
    broken = tmp_path / "broken.html"
    broken.write_text(page_file.read_text(encoding="utf-8") + foreign, encoding="utf-8")
    browser.open(broken)
    assert browser.problems()


@pytest.mark.parametrize("width", WIDTHS)
def test_page_fits_its_window_with_everything_unfolded(tab: Tab, width: int) -> None:
    tab.look(width=width, scheme="light")
    tab.run("document.querySelectorAll('details').forEach((entry) => { entry.open = true; })")
    assert fits(tab)
    tab.run("document.querySelector('h1').style.width = '3000px'")
    assert not fits(tab)


def test_no_text_is_cut_off(tab: Tab) -> None:
    # Text in a box that hides what overflows it, unless the box can be scrolled.
    cut = """[...document.querySelectorAll("main *, header *")].filter((node) =>
        getComputedStyle(node).overflowX === "hidden" && node.scrollWidth > node.clientWidth + 1
        && node.textContent.trim() && node.namespaceURI.endsWith("xhtml")).length"""
    # Words of an interactive figure that leave its picture.
    outside = """[...document.querySelectorAll(".panel text")].filter((node) => {
        const words = node.getBoundingClientRect();
        const picture = node.ownerSVGElement.getBoundingClientRect();
        return words.left < picture.left - 1 || words.right > picture.right + 1
            || words.bottom > picture.bottom + 1; }).length"""
    for width in WIDTHS:
        tab.look(width=width, scheme="dark")
        assert tab.run(cut) == 0
        assert tab.run(outside) == 0
    tab.run("document.querySelector('.panel text').setAttribute('x', -40)")
    assert tab.run(outside) == 1


def test_colours_follow_the_scheme_and_print_is_light(tab: Tab) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    ink = "getComputedStyle(document.body).color"
    light = tab.run(ground), tab.run(ink)
    tab.look(width=1280, scheme="dark")
    dark = tab.run(ground), tab.run(ink)
    assert light[0] != dark[0]
    assert light[1] != dark[1]
    tab.look(width=1280, scheme="dark", media="print")
    assert tab.run(ink) == light[1]
    assert tab.run("getComputedStyle(document.querySelector('nav')).display") == "none"


def test_drawings_follow_the_scheme(tab: Tab) -> None:
    stroke = "getComputedStyle(document.querySelector('.plot path[style*=plot-000000]')).stroke"
    light = tab.run(stroke)
    tab.look(width=1280, scheme="dark")
    assert light == "rgb(0, 0, 0)"
    assert tab.run(stroke) != light


def test_print_unfolds_every_claim_and_folds_it_again(tab: Tab) -> None:
    unfolded = "document.querySelectorAll('details.claim[open]').length"
    assert tab.run(unfolded) == 0
    tab.run("dispatchEvent(new Event('beforeprint'))")
    assert tab.run(unfolded) == 12
    tab.run("dispatchEvent(new Event('afterprint'))")
    assert tab.run(unfolded) == 0


def shown_verdicts(tab: Tab) -> list[str]:
    return tab.run(
        "[...document.querySelectorAll('details.claim')].filter((entry) => entry.offsetHeight)"
        ".map((entry) => entry.dataset.verdict)"
    )


@pytest.mark.parametrize("verdict", ["true", "false", "depends", "not-checkable"])
def test_filter_shows_the_claims_of_one_verdict(tab: Tab, verdict: str) -> None:
    assert len(shown_verdicts(tab)) == 12
    tab.run(f"document.querySelector('.filter [value={verdict}]').click()")
    assert shown_verdicts(tab) == [verdict] * 3
    assert tab.run("document.querySelector('[role=status]').textContent").startswith("3 of 12")
    tab.run("document.querySelector('.filter [value=all]').click()")
    assert len(shown_verdicts(tab)) == 12


def test_question_without_such_a_claim_says_so(tab: Tab) -> None:
    tab.run("document.getElementById('Q6.2').remove()")
    note = "document.querySelector('#sparsity .none').offsetHeight > 0"
    assert not tab.run(note)
    tab.run("document.querySelector('.filter [value=false]').click()")
    assert tab.run(note)


def test_marked_phrase_leads_to_its_evidence_even_if_filtered_out(tab: Tab) -> None:
    tab.run("document.querySelector('.filter [value=true]').click()")
    tab.run("document.querySelector('.mark[href=\"#Q6.2\"]').click()")
    tab.run("new Promise((done) => setTimeout(done, 60))")
    assert tab.run("document.getElementById('Q6.2').open")
    assert "false" in shown_verdicts(tab)
