"""The page of a study: answers first, then their evidence, in one file that needs no other."""

from importlib.resources import files

from lightning_cifar.study.report.answer import Answer, Table
from lightning_cifar.study.report.answers import Report, introduction
from lightning_cifar.study.report.figures import Drawing, drawings
from lightning_cifar.study.report.set_up_choice import chosen_figures
from lightning_cifar.study.report.words import rich
from theory.page_style.inline_svg import theme_rules
from theory.page_style.markup import element, prose, table, text
from theory.page_style.shell import shell

TITLE = "One dense network, four variants, many seeds"
FOOT = (
    "<p>This page is one file. It was written by <code>lightning-cifar report</code> from the "
    "records of a study alone; it loads nothing and sends nothing.</p>"
)


def page(report: Report) -> str:
    """Write the page as text; the same report gives the same text."""
    drawn = drawings(report)
    by_name: dict[str, list[Drawing]] = {}
    for each in drawn:
        by_name.setdefault(each.name, []).append(each)
    sections = [section(answer, by_name) for answer in placed_figures(report.answers)]
    return shell(
        title=TITLE,
        introduction=element("p", prose(introduction(report)), class_="lead"),
        navigation=navigation(report),
        main="".join([summary(report), *sections, *appendix(report)]),
        foot=FOOT,
        stylesheet=asset("study.css") + theme_rules([each.svg for each in drawn]),
        script=asset("study.js"),
    )


def asset(name: str) -> str:
    """Read a file of this folder."""
    return files("lightning_cifar.study.report").joinpath(name).read_text(encoding="utf-8")


def placed_figures(answers: tuple[Answer, ...]) -> list[tuple[Answer, tuple[str, ...]]]:
    """Each answer with the figures that no answer before it has shown."""
    shown: set[str] = set()
    placed = []
    for answer in answers:
        placed.append((answer, tuple(name for name in answer.figures if name not in shown)))
        shown |= set(answer.figures)
    return placed


def summary(report: Report) -> str:
    """Every question with its verdict, and what is missing."""
    kicker = element("span", "At a glance", class_="kicker")
    lines = "".join(map(glance, report.answers))
    return element(
        "section",
        element("h2", kicker, "The answers"),
        element("ol", lines, class_="glance"),
        gap_list(report),
        id="overview",
    )


def glance(answer: Answer) -> str:
    """One question in a line."""
    return element(
        "li",
        element("span", text(answer.part), class_="part"),
        element("a", prose(answer.question), href=f"#{answer.key}"),
        chip(answer),
    )


def chip(answer: Answer) -> str:
    """The verdict in its colour."""
    return element("span", prose(answer.verdict), class_=f"chip {answer.tone}")


def gap_list(report: Report) -> str:
    """What is missing, folded where it is long."""
    if not report.gaps:
        return element("p", "Nothing that was planned is missing.", class_="note")
    items = element("ul", *(element("li", rich(gap)) for gap in report.gaps))
    title = f"What is missing from this study ({len(report.gaps)})"
    return element("details", element("summary", text(title)), items, class_="gaps", open="")


def section(placed: tuple[Answer, tuple[str, ...]], drawn: dict[str, list[Drawing]]) -> str:
    """One question: verdict, answer, figures, tables."""
    answer, names = placed
    kicker = element("span", f"Exercise {text(answer.part)}", class_="kicker")
    kicker = kicker if answer.part.startswith("8") else element("span", "Beyond", class_="kicker")
    said = [element("p", rich(each)) for each in answer.sentences if each]
    gone = [element("p", element("b", "Missing: "), rich(each)) for each in answer.missing]
    return element(
        "section",
        element("h2", kicker, prose(answer.question)),
        element("div", element("p", chip(answer)), *said, *gone, class_="answer"),
        *(chosen_figures(drawn[name]) for name in names if name in drawn),
        *map(framed, answer.tables),
        id=answer.key,
        class_="question-section",
    )


def framed(shown: Table) -> str:
    """A table that scrolls by itself where the window is narrow."""
    cells = ([element("span", rich(cell)) for cell in row] for row in shown.rows)
    return element("div", table(shown.caption, shown.headings, cells), class_="table-frame")


def appendix(report: Report) -> list[str]:
    """Every run, every comparison, and where the figures come from."""
    parts = (
        ("runs", "Every run", (report.runs,)),
        ("all-comparisons", "Every comparison", report.comparisons),
        ("provenance", "Where the figures come from", (report.provenance,)),
    )
    return [
        element("section", element("h2", title), *map(framed, tables), id=key, class_="appendix")
        for key, title, tables in parts
    ]


def navigation(report: Report) -> str:
    """Links to the answers and to the tables."""
    links = [element("a", element("b", "·"), " overview", href="#overview")]
    links += [
        element("a", element("b", text(answer.part)), f" {short(answer)}", href=f"#{answer.key}")
        for answer in report.answers
    ]
    links += [
        element("a", element("b", "·"), f" {name}", href=f"#{key}")
        for key, name in (
            ("runs", "runs"),
            ("all-comparisons", "comparisons"),
            ("provenance", "provenance"),
        )
    ]
    return element("div", *links, class_="links")


def short(answer: Answer) -> str:
    """A name for the navigation."""
    return text(answer.key.replace("-", " "))
