"""``lightning-cifar report``: a study as a page, and as Markdown."""

from pathlib import Path

from lightning_cifar.cli.help import Parser
from lightning_cifar.study.report.write import write_report


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
