"""A demo's options: read from the keyword parameters of its function and their descriptions."""

import inspect
import re
from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable
from textwrap import fill
from typing import get_type_hints

from theory.commands.parser import OneLineParser

_TYPES: dict[object, Callable[[str], object]] = {int: int, float: float, str: str}


def parse_options(
    demonstrate: Callable[..., object], arguments: list[str], name: str
) -> dict[str, object]:
    """The keyword arguments for ``demonstrate`` that ``arguments`` give.

    Raises:
        DomainError: an option is unknown or its value is not of the parameter's type.
    """
    documentation = inspect.getdoc(demonstrate) or ""
    hints = get_type_hints(demonstrate)
    parser = OneLineParser(
        prog=f"theory run {name}",
        description=documentation.partition("\n")[0],
        epilog=_figures_printed(hints["return"]),
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    descriptions = described(documentation, "Args")
    for parameter in inspect.signature(demonstrate).parameters.values():
        default = parameter.default
        parser.add_argument(
            flag(parameter.name),
            dest=parameter.name,
            type=_TYPES[hints[parameter.name]],
            default=default,
            help=f"{descriptions.get(parameter.name, '')} (default: {default})".replace("%", "%%"),
        )
    return vars(parser.parse_args(arguments))


def flag(name: str) -> str:
    """The option that sets the parameter ``name``."""
    return f"--{name.replace('_', '-')}"


def described(documentation: str, section_name: str) -> dict[str, str]:
    """The entries of one section of a docstring, such as ``Args``, each joined to one line."""
    section = re.search(
        rf"^{section_name}:\n(.*?)(?=^\S|\Z)", documentation, re.MULTILINE | re.DOTALL
    )
    if section is None:
        return {}
    entries = re.findall(r"^    (\w+): (.*?)(?=^    \w|\Z)", section[1], re.MULTILINE | re.DOTALL)
    return {name: " ".join(text.split()) for name, text in entries}


def _figures_printed(result: type) -> str:
    entries = described(inspect.getdoc(result) or "", "Attributes")
    lines = [
        fill(
            f"{name.replace('_', ' ')}: {text}",
            width=88,
            initial_indent="  ",
            subsequent_indent="      ",
        )
        for name, text in entries.items()
    ]
    return "\n".join(
        ["figures printed:", *lines, "", "also: --plot FILE, --json; see `theory run --help`"]
    )
