"""What every command shares in printing: JSON for programs, wrapped text for people."""

import dataclasses
import json
import math
import textwrap
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TypeAlias

WIDTH = 96

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None


def print_json(value: object) -> None:
    """Print ``value`` as strict JSON; dataclasses become objects, non-finite numbers strings."""
    print(json.dumps(plain(value), indent=2, allow_nan=False, ensure_ascii=False))


def plain(value: object) -> Json:
    """``value`` in terms of JSON: objects, lists, strings, numbers."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"no JSON for {type(value).__name__}")


def wrapped(text: str, *, indent: str = "", first: str | None = None) -> str:
    """``text`` in lines of at most ``WIDTH`` characters; ``first`` replaces the first indent."""
    start = indent if first is None else first
    return textwrap.fill(text, WIDTH, initial_indent=start, subsequent_indent=indent)
