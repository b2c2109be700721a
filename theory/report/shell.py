"""The frame of a page: head, header, navigation, main part and foot in one file of text."""

from importlib.resources import files
from string import Template


def asset(name: str) -> str:
    """Read a file of this folder: a template, a style sheet or a script."""
    return files("theory.report").joinpath(name).read_text(encoding="utf-8")


def shell(
    *, title: str, introduction: str, navigation: str, main: str, stylesheet: str, script: str
) -> str:
    """Put the parts of a page together; it loads nothing, from the network or elsewhere.

    All arguments but ``title`` are markup, style or script that is already safe.
    """
    return Template(asset("shell.html")).substitute(
        title=title,
        introduction=introduction,
        navigation=navigation,
        main=main,
        stylesheet=stylesheet,
        script=script,
    )
