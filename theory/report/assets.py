"""The templates, styles and scripts of this page, as files of text."""

from importlib.resources import files


def asset(name: str) -> str:
    """Read a file of this folder: a template, a style sheet or a script."""
    return files("theory.report").joinpath(name).read_text(encoding="utf-8")
