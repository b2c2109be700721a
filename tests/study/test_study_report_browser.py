"""The page of a study in a real browser: it opens cleanly, fits, and shows one set-up at a time."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Tab, find_chromium, open_tab
from study_samples import SampleStudy, whole_study

from lightning_cifar.study.report.command import write_report

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        find_chromium() is None, reason="no Chromium found; install it or set CHROMIUM to its path"
    ),
]
WIDTHS = (1280, 768, 390, 320)
SCHEMES = ("light", "dark")


@pytest.fixture(scope="module")
def page_file(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    return write_report(SampleStudy(whole_study()).write(folder / "s"), folder / "page")


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


def test_page_opens_without_a_complaint(browser, page_file):
    for scheme in SCHEMES:
        for width in WIDTHS:
            browser.look(width=width, scheme=scheme)
            browser.open(page_file)
            assert browser.problems() == []


@pytest.mark.parametrize(
    "foreign", ["<script>missing()</script>", "<img src='https://example.org/a.png'>"]
)
def test_complaints_are_noticed(browser, page_file, tmp_path, foreign):
    broken = tmp_path / "broken.html"
    broken.write_text(page_file.read_text() + foreign)
    browser.open(broken)
    assert browser.problems()


@pytest.mark.parametrize("width", WIDTHS)
def test_page_fits_its_window(tab, width):
    tab.look(width=width, scheme="light")
    assert fits(tab)
    tab.run("document.querySelector('.chip').style.width = '3000px'")
    tab.run("document.querySelector('.chip').style.display = 'inline-block'")
    assert not fits(tab)


@pytest.mark.parametrize("width", [1280, 390, 320])
def test_tables_fit_their_column(tab, width):
    tab.look(width=width, scheme="dark")
    wide = """[...document.querySelectorAll(".table-frame")].filter((frame) =>
        frame.scrollWidth > frame.clientWidth + 1).map((frame) => frame.textContent.slice(0, 50))"""
    assert tab.run(wide) == []
    tab.run("document.querySelector('.table-frame table').style.minWidth = '3000px'")
    assert len(tab.run(wide)) == 1


def test_the_keyboard_reaches_a_table_that_scrolls(page_file, browser, tmp_path):
    reached = "document.querySelectorAll('.table-frame[role=region][tabindex=\"0\"]').length"
    browser.look(width=1280, scheme="light")
    browser.open(page_file)
    before = browser.run(reached)
    wide = tmp_path / "wide.html"
    wider = "<style>.table-frame table { min-width: 3000px }</style></head>"
    wide.write_text(page_file.read_text().replace("</head>", wider))
    browser.open(wide)
    frames = browser.run("document.querySelectorAll('.table-frame').length")
    assert before < browser.run(reached) == frames


def shown_set_ups(tab: Tab) -> list[str]:
    return tab.run(
        "[...document.querySelectorAll('.chosen figure')].filter((each) => each.offsetHeight)"
        ".map((each) => each.dataset.choice)"
    )


@pytest.mark.parametrize("name", ["one_cycle", "augmented", "published"])
def test_choice_shows_the_curves_of_one_set_up(tab, name):
    assert shown_set_ups(tab) == ["exercise"]
    tab.run(f"document.querySelector('.set-ups [value={name}]').click()")
    assert shown_set_ups(tab) == [name]


def test_print_shows_every_set_up_in_light_colours(tab):
    ink = "getComputedStyle(document.body).color"
    light = tab.run(ink)
    tab.look(width=1280, scheme="dark", media="print")
    assert len(shown_set_ups(tab)) == 4
    assert tab.run(ink) == light
    assert tab.run("getComputedStyle(document.querySelector('nav')).display") == "none"


def test_drawings_follow_the_scheme(tab):
    stroke = "getComputedStyle(document.querySelector('.plot path[style*=plot-000000]')).stroke"
    light = tab.run(stroke)
    tab.look(width=1280, scheme="dark")
    assert tab.run(stroke) != light
