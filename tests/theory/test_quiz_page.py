"""The quiz and the handout of the report page, in a real browser."""

import base64
import re

import pytest
from chromium import find_chromium, open_tab
from report_samples import sample_questions

from theory.classroom.order import shuffled
from theory.classroom.scoring import Judgement, score
from theory.report.assets import asset
from theory.report.findings import all_claims
from theory.report.page import render_page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        find_chromium() is None, reason="no Chromium found; install it or set CHROMIUM to its path"
    ),
]
CLAIMS = [found.claim for found in all_claims(sample_questions())]
SHOWN = "document.getElementById('quiz-{}').offsetHeight > 0"


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("quiz") / "index.html"
    file.write_text(render_page(sample_questions()), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def browser():
    with open_tab() as tab:
        yield tab


@pytest.fixture
def tab(browser, page_file):
    browser.look(width=1280, scheme="light")
    browser.open(page_file)
    return browser


def start(tab, *, question="", seed=0):
    tab.run(f"document.getElementById('quiz-question').value = '{question}'")
    tab.run(f"document.getElementById('quiz-seed').value = {seed}")
    tab.run("document.querySelector('#quiz-setup button').click()")


def answer(tab, verdict, percent):
    tab.run(f"document.querySelector('#quiz-form [value={verdict}]').click()")
    tab.run(f"document.getElementById('quiz-confidence').value = {percent}")
    tab.run("document.querySelector('#quiz-form [type=submit]').click()")


def words(tab, name):
    return tab.run(f"document.getElementById('quiz-{name}').textContent")


def asked(tab):
    return words(tab, "place").split(", ")[1]


def go_through(tab, answers):
    """Answer one claim after the other; returns their ids."""
    order = []
    for verdict, percent in answers:
        order.append(asked(tab))
        answer(tab, verdict, percent)
        tab.run("document.getElementById('quiz-next').click()")
    return order


@pytest.mark.parametrize("seed", [0, 3, 2**32 - 1])
def test_the_order_is_that_of_the_command(tab, seed):
    start(tab, seed=seed)
    order = go_through(tab, [("true", 60)] * len(CLAIMS))
    assert order == [claim.id for claim in shuffled(CLAIMS, seed)]


def test_the_score_is_that_of_the_command(tab):
    start(tab)
    answers = [("true", 80), ("false", 95), ("depends", 50), ("not-checkable", 65)]
    order = go_through(tab, answers)
    tab.run("document.getElementById('quiz-stop').click()")
    verdicts = {claim.id: claim.verdict.replace(" ", "-") for claim in CLAIMS}
    found = score(
        [
            Judgement(percent / 100, right=verdicts[claim] == verdict)
            for claim, (verdict, percent) in zip(order, answers, strict=True)
        ]
    )
    assert words(tab, "right").startswith(f"{found.right} of 4 right; you were 73 % sure")
    assert words(tab, "brier") == f"{found.brier:.3f}"
    assert words(tab, "log") == f"{found.log:.3f}"
    assert tab.run(SHOWN.format("score"))


def test_certain_and_wrong_is_infinitely_bad(tab):
    start(tab, question="momentum")
    verdict = next(claim.verdict for claim in CLAIMS if claim.id == asked(tab))
    answer(tab, "false" if verdict == "true" else "true", 100)
    tab.run("document.getElementById('quiz-stop').click()")
    assert (words(tab, "brier"), words(tab, "log")) == ("1.000", "infinite")


def test_evidence_comes_after_the_answer(tab):
    start(tab, question="momentum")
    assert not tab.run(SHOWN.format("outcome"))
    assert words(tab, "evidence") == ""
    claim = next(claim for claim in CLAIMS if claim.id == asked(tab))
    answer(tab, "true", 70)
    assert tab.run(SHOWN.format("outcome"))
    assert claim.verdict.value in words(tab, "result")
    assert "What holds" in words(tab, "evidence")
    assert tab.run("document.querySelector('#quiz-form [type=submit]').disabled")


def test_a_question_has_its_own_claims_and_no_verdict_is_no_answer(tab):
    start(tab, question="momentum")
    assert words(tab, "place").startswith("1 of 4, Q5.")
    tab.run("document.querySelector('#quiz-form [type=submit]').click()")
    assert not tab.run(SHOWN.format("outcome"))
    assert {id.split(".")[0] for id in go_through(tab, [("true", 60)] * 4)} == {"Q5"}


def press(tab, key, code):
    for kind in ("keyDown", "keyUp"):
        text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
        text = {"text": " "} if key == " " and kind == "keyDown" else text
        tab.call(
            "Input.dispatchKeyEvent",
            type=kind,
            key=key,
            code=key,
            windowsVirtualKeyCode=code,
            **text,
        )


def test_it_is_played_with_the_keyboard_alone(tab):
    tab.run("document.getElementById('quiz-question').focus()")
    for key in (("Tab", 9), ("Tab", 9), ("Enter", 13)):  # past the order, onto the button
        press(tab, *key)
    assert tab.run("document.activeElement.id") == "quiz-statement"
    # Onto the verdicts, the third of them, the confidence one up, the button.
    keys = [("Tab", 9), (" ", 32), ("ArrowDown", 40), ("ArrowDown", 40), ("Tab", 9)]
    for key in [*keys, ("ArrowRight", 39), ("Tab", 9), ("Enter", 13)]:
        press(tab, *key)
    assert tab.run("document.activeElement.id") == "quiz-result"
    assert tab.run("document.getElementById('quiz-form').elements.answer.value") == "depends"
    assert words(tab, "percent") == "76 %"


def test_it_keeps_nothing(tab, page_file):
    start(tab)
    go_through(tab, [("true", 60)] * 3)
    assert tab.run("localStorage.length + sessionStorage.length + document.cookie.length") == 0
    tab.open(page_file)
    assert tab.run(SHOWN.format("setup"))
    assert not tab.run(SHOWN.format("form"))
    script = asset("quiz.js")
    assert re.findall(r"[sS]torage|indexedDB|cookie|fetch|XMLHttp", script) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390, 320])
def test_it_fits_and_complains_of_nothing(tab, width, scheme):
    tab.look(width=width, scheme=scheme)
    start(tab)
    answer(tab, "true", 60)
    assert tab.run("document.documentElement.scrollWidth <= innerWidth")
    assert tab.problems() == []


def pages(tab):
    """Number of pages in print."""
    tab.look(width=794, scheme="light", media="print")
    pdf = base64.b64decode(tab.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)["data"])
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def test_it_is_not_printed(tab):
    tab.look(width=1280, scheme="light", media="print")
    assert tab.run("getComputedStyle(document.getElementById('quiz')).display") == "none"
    start(tab)
    assert tab.run("document.getElementById('quiz').offsetHeight") == 0


def test_a_handout_is_one_question_on_one_page(tab):
    tab.run("window.print = () => {}")
    tab.run("document.querySelector('#momentum .handout-button').click()")
    assert pages(tab) == 1
    tab.run("dispatchEvent(new Event('pointerdown'))")
    assert pages(tab) > 1  # after anything else the page is printed whole


def test_a_handout_shows_its_question_alone(tab):
    tab.run("window.print = () => {}")
    shown = "[...document.querySelectorAll('main > *')].filter((each) => each.offsetHeight).length"
    tab.look(width=700, scheme="light", media="print")
    assert tab.run(shown) > 1
    tab.run("document.querySelector('#momentum .handout-button').click()")
    assert tab.run(shown) == 1
    assert tab.run("document.querySelector('details.claim[open]')") is None
