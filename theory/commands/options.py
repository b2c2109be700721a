"""A demo's options: read from the keyword parameters of its function and their descriptions."""

import inspect
import re
from collections.abc import Callable
from typing import get_type_hints

from theory.commands.parser import OneLineParser
from theory.errors import DomainError

_TYPES: dict[object, Callable[[str], object]] = {int: int, float: float, str: str}


def parse_options(
    demonstrate: Callable[..., object], arguments: list[str], name: str
) -> dict[str, object]:
    """The keyword arguments for ``demonstrate`` that ``arguments`` give.

    Raises:
        DomainError: an option is unknown or its value is not of the parameter's type.
    """
    documentation = inspect.getdoc(demonstrate) or ""
    parser = OneLineParser(
        prog=f"theory run {name}", description=documentation.partition("\n")[0], allow_abbrev=False
    )
    descriptions = described_arguments(documentation)
    hints = get_type_hints(demonstrate)
    for parameter in inspect.signature(demonstrate).parameters.values():
        default = parameter.default
        parser.add_argument(
            f"--{parameter.name.replace('_', '-')}",
            dest=parameter.name,
            type=_truth if hints[parameter.name] is bool else _TYPES[hints[parameter.name]],
            default=default,
            help=f"{descriptions.get(parameter.name, '')} (default: {default})".replace("%", "%%"),
        )
    return vars(parser.parse_args(arguments))


def described_arguments(documentation: str) -> dict[str, str]:
    """The entries of the section ``Args:`` of a docstring, each joined to one line."""
    section = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", documentation, re.MULTILINE | re.DOTALL)
    if section is None:
        return {}
    entries = re.findall(r"^    (\w+): (.*?)(?=^    \w|\Z)", section[1], re.MULTILINE | re.DOTALL)
    return {name: " ".join(text.split()) for name, text in entries}


def _truth(text: str) -> bool:
    if text.casefold() not in ("true", "false"):
        raise DomainError(f"expected true or false, got {text!r}")
    return text.casefold() == "true"
