"""``theory run``: one demo with its options, printed and, if asked for, drawn; or all of them."""

import dataclasses
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tqdm import tqdm

from theory.commands.options import flag, parse_options
from theory.commands.output import plain, print_json
from theory.errors import DomainError
from theory.ledger import QUESTIONS, Question

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LONGEST_LIST = 12


def run(
    question: Question, arguments: list[str], *, plot: Path | None = None, as_json: bool = False
) -> int:
    """Measure ``question`` with the options in ``arguments``; returns the exit status.

    Raises:
        DomainError: an option is unknown or outside its domain, or ``plot`` cannot be written.
    """
    demonstrate = _load(question.demo)
    options = parse_options(demonstrate, arguments, question.name)
    if plot is not None:
        _check_image(plot)
    result = _measure(demonstrate, options)
    if plot is not None:
        save(_load(question.figure)(result), plot)
    if as_json:
        print_json({"name": question.name, "options": options, "result": result})
    else:
        print(f"{question.id}. {question.question}\n{text(result)}")
    return 0


def run_all(*, as_json: bool = False) -> int:
    """Measure every question with its default options; returns the exit status."""
    progress = tqdm(
        QUESTIONS, desc="demos", unit="demo", file=sys.stderr, disable=None, leave=False
    )
    results = {question.name: _load(question.demo)() for question in progress}
    if as_json:
        print_json(results)
        return 0
    for question in QUESTIONS:
        print(f"{question.id}. {question.question}\n{text(results[question.name])}\n")
    return 0


def text(result: object) -> str:
    """A result as lines ``name in words: figure``; long lists by their first and last entries."""
    fields = dataclasses.fields(cast(Any, result))
    return "\n".join(
        f"  {field.name.replace('_', ' ')}: {_single(getattr(result, field.name))}"
        for field in fields
    )


def save(drawing: "Figure", path: Path) -> None:
    """Write the figure to ``path``; the ending chooses the format.

    Raises:
        DomainError: the folder or the file cannot be written.
    """
    try:
        drawing.savefig(path, bbox_inches="tight")
    except OSError as error:
        raise DomainError(f"cannot write {path}: {error.strerror or error}") from error


def _measure(demonstrate: Callable[..., Any], options: dict[str, object]) -> object:
    try:
        return demonstrate(**options)
    except DomainError as error:  # names the parameter; who typed a command knows its flag
        name, space, rest = str(error).partition(" ")
        raise DomainError(f"{flag(name) if name in options else name}{space}{rest}") from error


def _check_image(path: Path) -> None:
    # Before measuring, so that a wrong name does not cost the run.
    from matplotlib.backend_bases import FigureCanvasBase

    formats = FigureCanvasBase.get_supported_filetypes()
    if path.suffix.lstrip(".") not in formats:
        raise DomainError(f"cannot draw {path}: its name must end in one of {', '.join(formats)}")
    if not path.parent.is_dir():
        raise DomainError(f"cannot write {path}: there is no folder {path.parent}")


def _single(value: object) -> str:
    # A factor a little below 1 converges, and one of 1 does not: it must not read 1.
    written = _value(value)
    return f"{value:.12g}" if isinstance(value, float) and written == "1" else written


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"  # a momentum of 0.99999 must not read 1.00
    if isinstance(value, tuple) and any(isinstance(item, tuple) for item in value):
        return "".join(f"\n    {_value(item)}" for item in value)
    if isinstance(value, tuple):
        texts = [_value(item) for item in value]
        # A name with a comma in it must not pass for two.
        return ("; " if any("," in each for each in texts) else ", ").join(_shortened(texts))
    return str(plain(value))


def _shortened(texts: list[str]) -> list[str]:
    if len(texts) <= _LONGEST_LIST:
        return texts
    half = _LONGEST_LIST // 2
    return [*texts[:half], f"... ({len(texts)} in all) ...", *texts[-half:]]


def _load(pointer: str) -> Callable[..., Any]:
    module, _, function = pointer.partition(":")
    return cast(Callable[..., Any], getattr(import_module(module), function))
