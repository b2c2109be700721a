"""``lightning-cifar report``: a study's page and its Markdown, from the files of its folder."""

from pathlib import Path

from lightning_cifar.cli.help import Parser
from lightning_cifar.errors import InputError
from lightning_cifar.files import write_text_atomically

PAGE = "index.html"


def report_command(arguments: list[str]) -> int:
    """Rebuild the page of a study from the files of its folder; no data, no training."""
    parser = Parser("lightning-cifar report", description=report_command.__doc__)
    parser.add_argument("study", type=Path, metavar="STUDY", help="folder of a study")
    parser.add_argument("--out", type=Path, required=True, help="folder for index.html")
    parser.add_argument("--results", type=Path, help="Markdown file with the same answers")
    options = parser.parse_args(arguments)
    page = write_report(options.study, options.out, options.results)
    print(f"The report is in {page}; open it in any browser.")
    return 0


def write_report(study: Path, out: Path, results: Path | None = None) -> Path:
    """Write the page into the folder ``out`` and, if asked, the answers into ``results``.

    Both are replaced at once or not at all.

    Raises:
        InputError: no study to report, or a place that cannot be written.
    """
    # Loaded once the options have been read: these take a second.
    from lightning_cifar.study.report.answers import report_of
    from lightning_cifar.study.report.page import markdown, page
    from lightning_cifar.study.study_files import read_study_files

    report = report_of(read_study_files(study))
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot make the folder {out}: {error.strerror or error}; choose another --out"
        ) from error
    write(out / PAGE, page(report))
    if results is not None:
        write(results, markdown(report, results_command(study, results)))
    return out / PAGE


def results_command(study: Path, results: Path) -> str:
    """What writes the Markdown file again, as it was given."""
    return f"lightning-cifar report {study.as_posix()} --out report --results {results.as_posix()}"


def write(path: Path, words: str) -> None:
    """Give a file its content."""
    try:
        write_text_atomically(path, words)
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror or error}; choose another place"
        ) from error
