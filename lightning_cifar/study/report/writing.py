"""Words from templates: paragraphs and tables that both the page and the Markdown file hold.

A template writes paragraphs, a blank line apart, and tables: a line ``Table: caption`` over rows of
cells between bars. Backticks mark code, ** what is strong; there is no other markup in them.
"""

import math
import re
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lightning_cifar.study.report.formats import FILTERS
from theory.page_style.markup import element, prose

STRONG = re.compile(r"\*\*(?P<words>[^*]+)\*\*")
BOUND = re.compile(r"(?<=\d) (?=%)|(?<=\bp) (?=\d)")
BAR = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Table:
    """Cells are plain words, in which backticks mark code; never markup."""

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Words:
    """What a template wrote."""

    paragraphs: tuple[str, ...]
    tables: tuple[Table, ...]


def one_line(value: Any) -> str:
    """A value as words that can break neither a line nor a cell."""
    return BAR.sub(r"\\|", " ".join(str(value).split()))


def rich(words: str) -> Markup:
    """Words as HTML, with code and strong parts; everything else is escaped."""
    bound = BOUND.sub("\N{NO-BREAK SPACE}", words)
    return Markup(STRONG.sub(lambda found: element("b", found["words"]), prose(bound)))


def safe(words: str) -> str:
    """Words as Markdown, on one line and without HTML."""
    return " ".join(words.split()).replace("&", "&amp;").replace("<", "&lt;")


def environment(**options: Any) -> Environment:
    """Templates of this package; an unknown name in one is an error."""
    return Environment(
        loader=PackageLoader("lightning_cifar.study.report"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        **options,
    )


WORDS = environment(finalize=one_line, autoescape=False)  # words are escaped where they are set
WORDS.filters |= FILTERS
WORDS.globals["inf"] = math.inf
WORDS.globals["say"] = WORDS.get_template("sentences.txt").module
MARKDOWN = environment(autoescape=False, keep_trailing_newline=True)
MARKDOWN.filters |= FILTERS | {"safe": safe, "cell": lambda words: one_line(safe(words))}
HTML = environment(autoescape=True)
HTML.filters |= {"rich": rich, "prose": lambda words: Markup(prose(words))}


def write_words(name: str, block: str = "", **data: Any) -> Words:
    """What a template, or one block of it, says of ``data``."""
    template = WORDS.get_template(name)
    context = template.new_context(data)
    text = "".join((template.blocks[block] if block else template.root_render_func)(context))
    parts = [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]
    tables = tuple(table_from(part) for part in parts if part.startswith("Table:"))
    paragraphs = (" ".join(part.split()) for part in parts if not part.startswith("Table:"))
    return Words(tuple(unbarred(each) for each in paragraphs), tables)


def table_from(text: str) -> Table:
    """A table from its lines."""
    caption, headings, *rows = [line.strip() for line in text.splitlines() if line.strip()]
    title = unbarred(caption.removeprefix("Table:").strip())
    return Table(title, cells(headings), tuple(map(cells, rows)))


def cells(line: str) -> tuple[str, ...]:
    """The cells of a row."""
    return tuple(unbarred(cell.strip()) for cell in BAR.split(line)[1:-1])


def unbarred(words: str) -> str:
    """Words with the bars that ``one_line`` had marked."""
    return words.replace("\\|", "|")
