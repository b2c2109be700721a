"""The page of a study: answers first, then their evidence, in one file that needs no other."""

from importlib.resources import files

from lightning_cifar.study.report.answers import Answer, Report
from lightning_cifar.study.report.figures import figures_of
from lightning_cifar.study.report.formats import capital
from lightning_cifar.study.report.writing import HTML, MARKDOWN
from theory.page_style.inline_svg import theme_rules
from theory.page_style.markup import element, prose, text
from theory.page_style.shell import shell

FOOT = (
    "<p>This page is one file. It was written by <code>lightning-cifar report</code> from the "
    "records of a study alone; it loads nothing and sends nothing.</p>"
)


def page(report: Report) -> str:
    """Write the page as text; the same report gives the same text."""
    figures = figures_of(report)
    drawn = [str(each.svg) for groups in figures.values() for group in groups for each in group]
    return shell(
        title=text(report.title),
        introduction=element("p", prose(report.introduction), class_="lead"),
        navigation=HTML.get_template("navigation.html").render(report=report),
        main=HTML.get_template("page.html").render(report=report, figures=figures),
        foot=FOOT,
        stylesheet=asset("study.css") + theme_rules(drawn),
        script=asset("study.js"),
    )


def markdown(report: Report, command: str) -> str:
    """The answers as Markdown; ``command`` is what writes them again."""
    text = MARKDOWN.get_template("results.md").render(report=report, command=command)
    return text.rstrip() + "\n"


def asset(name: str) -> str:
    """Read a file of this folder."""
    return files("lightning_cifar.study.report").joinpath(name).read_text(encoding="utf-8")


def kicker(answer: Answer) -> str:
    """The line above a question's title."""
    part = answer.question.part
    return f"Exercise {part}" if part[:1].isdigit() else capital(part)


def heading(answer: Answer) -> str:
    """Part and question."""
    return f"{capital(answer.question.part)}: {answer.question.title}"


def anchor(title: str) -> str:
    """The anchor that Markdown readers give a heading."""
    signs = (sign for sign in title.lower() if sign.isalnum() or sign in " -_")
    return "".join(signs).replace(" ", "-")


MARKDOWN.filters |= {"heading": heading, "anchor": anchor}
HTML.filters |= {"kicker": kicker}
