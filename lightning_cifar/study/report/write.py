"""A study's page and its Markdown, written from the files of its folder."""

from pathlib import Path

from lightning_cifar.errors import InputError
from lightning_cifar.files import write_text_atomically
from lightning_cifar.study.report.answers import report_of
from lightning_cifar.study.report.markdown import markdown
from lightning_cifar.study.report.study_files import read_study_files

PAGE = "index.html"


def write_report(study: Path, out: Path, results: Path | None = None) -> Path:
    """Write the page into the folder ``out`` and, if asked, the answers into ``results``.

    Both are replaced at once or not at all.

    Raises:
        InputError: no study to report, or a place that cannot be written.
    """
    report = report_of(read_study_files(study))
    check_writable(out)
    from lightning_cifar.study.report.page import page  # loads matplotlib

    write(out / PAGE, page(report))
    if results is not None:
        write(results, markdown(report, results_command(study, results)))
    return out / PAGE


def results_command(study: Path, results: Path) -> str:
    """What writes the Markdown file again, as it was given."""
    return f"lightning-cifar report {study.as_posix()} --out report --results {results.as_posix()}"


def check_writable(folder: Path) -> None:
    """Make the folder, before the work is done for nothing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot make the folder {folder}: {error.strerror or error}; choose another --out"
        ) from error


def write(path: Path, words: str) -> None:
    """Give a file its content."""
    try:
        write_text_atomically(path, words)
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror or error}; choose another place"
        ) from error
