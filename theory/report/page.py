"""The report page: all questions in one HTML file that needs neither network nor other files."""

from pathlib import Path

from theory.page_style.inline_svg import theme_rules
from theory.page_style.markup import element, prose
from theory.page_style.shell import shell
from theory.report.assets import asset
from theory.report.book import BOOK, book_section
from theory.report.collect import collect, collect_book
from theory.report.findings import QuestionFinding, TopicFinding, all_claims
from theory.report.quiz import quiz_section
from theory.report.section import question_section
from theory.report.summary import summary, verdict_filter

TITLE = "Seven answers, put to the test"
_FOOT = (
    "<p>This page is one file. It was written by <code>theory report</code>, loads nothing and "
    "sends nothing; its interactive figures compute what they show as you move them.</p>"
)
_SCRIPTS = ("page.js", "plot.js", "depth.js", "momentum.js", "penalty.js", "quiz.js")


def write_report(folder: Path) -> Path:
    """Run every experiment and write the page into ``folder``; returns the page's path.

    The folder is made where it is missing. The page is replaced at once or not at all.

    Raises:
        OSError: the folder cannot be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "index.html"
    part = folder / ".index.html.part"
    part.write_text(render_page(collect(), collect_book()), encoding="utf-8")
    part.replace(page)
    return page


def render_page(
    questions: tuple[QuestionFinding, ...], topics: tuple[TopicFinding, ...] = ()
) -> str:
    """Write the page of ``questions`` and of what the book says of ``topics`` as text.

    The same findings give the same text.
    """
    sections = "".join(map(question_section, questions)) + book_section(topics)
    main = summary(questions) + sections + quiz_section(questions, topics)
    drawings = [found.drawing for found in questions]
    return shell(
        title=TITLE,
        introduction=_introduction(questions, topics),
        navigation=_navigation(questions, topics),
        main=main,
        foot=_FOOT,
        stylesheet=asset("claims.css") + theme_rules(drawings),
        script="".join(map(asset, _SCRIPTS)),
    )


def _introduction(questions: tuple[QuestionFinding, ...], topics: tuple[TopicFinding, ...]) -> str:
    claims = len(all_claims(questions))
    others = sum(len(found.claims) for found in topics)
    more = f", and the book's own answers {others} more" if others else ""
    return element(
        "p",
        prose(
            f"A student's answers to {_spelt(len(questions))} textbook questions about training "
            f"deep networks sound right. They make {claims} claims{more}. Each one was put "
            "to a small experiment whose figures, and nothing else, decide its verdict. Follow a "
            "marked phrase to the evidence, and repeat any of it with the command given."
        ),
        class_="lead",
    )


def _spelt(number: int) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six", "seven")
    return words[number] if number < len(words) else str(number)


def _navigation(questions: tuple[QuestionFinding, ...], topics: tuple[TopicFinding, ...]) -> str:
    links = [element("a", element("b", "·"), " overview", href="#overview")]
    links += [
        element("a", element("b", str(asked.number)), f" {asked.name}", href=f"#{asked.name}")
        for asked in (found.question for found in questions)
    ]
    if topics:
        links.append(element("a", element("b", "·"), " the book", href=f"#{BOOK}"))
    links.append(element("a", element("b", "?"), " quiz", href="#quiz"))
    claims = all_claims(questions) + tuple(found for topic in topics for found in topic.claims)
    return element("div", *links, class_="links") + verdict_filter(claims)
