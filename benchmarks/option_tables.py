"""The page of Lightning's options: what each does here, or why it is refused.

    python -m benchmarks.option_tables          # writes docs/trainer-options.md

The lists are those by which the command line refuses; tests/cli/test_trainer_options.py walks them.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from lightning_cifar.cli import trainer_options
from lightning_cifar.training import foreign_callbacks

PAGE = Path(__file__).parent.parent / "docs" / "trainer-options.md"
HEAD = """# Lightning's own options

<!-- written by python -m benchmarks.option_tables -->

`fit`, `validate` and `test` take the options of Lightning's Trainer as `--trainer.NAME VALUE`. Each
one either works, and `record.json` tells what it did, or is refused in one line. A test gives every
option of the list and looks for its effect or its refusal; `benchmarks/option_walk.py` trains all
pairs of some thirty settings and checks that the record is true, that `validate` finds its figures
again in the kept weights, and that a run which is cut short and resumed ends as the uncut one.
"""


def page() -> str:
    """The page in Markdown."""
    zero = {
        f"trainer.{name} 0": f"in `{command}`: {reason}"
        for command, reasons in trainer_options.NOT_ZERO.items()
        for name, reason in reasons.items()
    }
    return "\n".join(
        [
            HEAD,
            *section("Supported", "option", "what it does here", trainer_options.SUPPORTED),
            *section("Refused", "option", "why", trainer_options.REFUSED),
            *section("Refused at zero", "option", "why", zero),
            *section("Callbacks that are served", "callback", "how", foreign_callbacks.SERVED),
            *section("Callbacks that are refused", "callback", "why", foreign_callbacks.REFUSED),
        ]
    )


def section(title: str, first: str, second: str, rows: Mapping[str, str]) -> Iterator[str]:
    """A heading and a table of two columns."""
    yield from (f"## {title}", "", f"| {first} | {second} |", "|---|---|")
    yield from (f"| `{name}` | {text} |" for name, text in rows.items())
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page())
