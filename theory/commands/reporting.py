"""``theory report``: the page with all questions, in a folder of the reader's choice."""

import sys
from pathlib import Path

from theory.commands.output import print_json
from theory.errors import DomainError


def report(folder: Path, *, as_json: bool = False) -> int:
    """Write the page into ``folder`` and print where it is; returns the exit status.

    Raises:
        DomainError: the folder cannot be made or written.
    """
    _check_writable(folder)
    from theory.report.page import write_report  # loads matplotlib and every experiment

    print("running every experiment, for a minute or two ...", file=sys.stderr, flush=True)
    page = write_report(folder)
    if as_json:
        print_json({"page": str(page)})
    else:
        print(f"The report is in {page}; open it in any browser.")
    return 0


def _check_writable(folder: Path) -> None:
    # Before the experiments, which take a minute.
    probe = folder / ".writable"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise DomainError(f"cannot write into {folder}: {error.strerror or error}") from error
