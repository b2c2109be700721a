"""The frame of a page: head, header, navigation, main part and foot in one file of text."""

from importlib.resources import files
from string import Template


def style_file(name: str) -> str:
    """Read a file of this folder."""
    return files("theory.page_style").joinpath(name).read_text(encoding="utf-8")


def shell(
    *,
    title: str,
    introduction: str,
    navigation: str,
    main: str,
    foot: str,
    stylesheet: str,
    script: str,
) -> str:
    """Put the parts of a page together; it loads nothing, from the network or elsewhere.

    All arguments but ``title`` are markup, style or script that is already safe. The style of all
    pages comes before ``stylesheet``.
    """
    return Template(style_file("shell.html")).substitute(
        title=title,
        introduction=introduction,
        navigation=navigation,
        main=main,
        foot=foot,
        stylesheet=style_file("page.css") + stylesheet,
        script=script,
    )
