"""The command ``theory``: list, show, book, run, verify, quiz, mark, report."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from theory.commands.parser import OneLineParser
from theory.errors import DomainError
from theory.ledger import TOPICS
from theory.selection import find_claim, find_claims, find_question, find_topic


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    0: done; 1: a verdict differs from the expected one; 2: the input was wrong or the output could
    not be written, and one line on the standard error says how; 130: interrupted by Ctrl-C.
    """
    try:
        chosen, rest = _parser().parse_known_args(arguments)
        if rest and chosen.command != "run":
            raise DomainError(f"unknown: {' '.join(rest)}; see `theory {chosen.command} --help`")
        status = _dispatch(chosen, rest)
        sys.stdout.flush()
        return status
    except DomainError as error:
        return _report(str(error), 2)
    except BrokenPipeError:  # the reader closed the pipe, as in `theory show Q1 | head`
        _drop_output()
        # A verdict that was not computed is none that is as expected.
        return 2 if chosen.command == "verify" else 0
    except OSError as error:
        _drop_output()
        return _report(f"{error.filename or 'the output'}: {error.strerror or error}", 2)
    except KeyboardInterrupt:
        return _report("interrupted", 130)


def _report(message: str, status: int) -> int:
    print(f"theory: {message}", file=sys.stderr)
    return status


def _drop_output() -> None:
    # What could not be written would be tried again, and complained of, when Python ends.
    with suppress(OSError):
        sys.stdout.close()


def _dispatch(chosen: argparse.Namespace, rest: list[str]) -> int:
    # Imported where they are used: a command loads only what it needs, and list starts at once.
    match chosen.command:
        case "list":
            from theory.commands.listing import list_questions

            return list_questions(as_json=chosen.json)
        case "show":
            from theory.commands.showing import show, show_claim

            if "." in chosen.question:  # one claim has all of its figures anyway
                return show_claim(find_claim(chosen.question), as_json=chosen.json)
            question = find_question(chosen.question)
            return show(question, every_figure=chosen.figures, as_json=chosen.json)
        case "book":
            from theory.commands.comparing import compare

            topics = TOPICS if chosen.topic is None else (find_topic(chosen.topic),)
            evidence = chosen.topic is not None
            return compare(topics, with_evidence=evidence, as_json=chosen.json)
        case "run":
            return _run(chosen, rest)
        case "verify":
            from theory.commands.verifying import verify

            if chosen.json and chosen.latex:
                raise DomainError("--json or --latex, not both")
            claims = find_claims(chosen.claims)
            return verify(
                claims,
                one_by_one=bool(chosen.claims),
                as_json=chosen.json,
                as_latex=chosen.latex,
            )
        case "quiz":
            from theory.commands.quizzing import quiz

            named = [] if chosen.question is None else [chosen.question]
            return quiz(find_claims(named), seed=chosen.seed)
        case "mark":
            return _mark(chosen)
        case _:
            from theory.commands.reporting import report

            return report(chosen.out, as_json=chosen.json)


def _run(chosen: argparse.Namespace, rest: list[str]) -> int:
    from theory.commands import running

    if chosen.all:
        if rest or chosen.demo or chosen.plot:
            raise DomainError("--all runs every demo with its defaults; give nothing else")
        return running.run_all(as_json=chosen.json)
    if chosen.help and chosen.demo is None:
        chosen.explain()
        return 0
    if chosen.demo is None:
        raise DomainError("name a demo, such as `theory run momentum`, or give --all")
    arguments = [*(["--help"] if chosen.help else []), *rest]
    question = find_question(chosen.demo)
    return running.run(question, arguments, plot=chosen.plot, as_json=chosen.json)


def _mark(chosen: argparse.Namespace) -> int:
    from theory.commands import marking

    if chosen.template:
        if chosen.answers or chosen.out or chosen.page or chosen.json:
            raise DomainError("--template prints an empty sheet; give nothing but --format with it")
        return marking.print_template(chosen.format or "yaml")
    if chosen.format:
        raise DomainError("--format is that of --template; a sheet's format follows from its name")
    if chosen.answers is None:
        raise DomainError("name a file of answers, or give --template for an empty one")
    return marking.mark(chosen.answers, out=chosen.out, page=chosen.page, as_json=chosen.json)


def _parser() -> OneLineParser:
    parser = OneLineParser(
        prog="theory",
        description="Seven textbook answers, claim by claim, each settled by an experiment.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    json = OneLineParser(add_help=False)
    json.add_argument("--json", action="store_true", help="print JSON for other programs")

    commands.add_parser("list", parents=[json], help="the questions and their verdict counts")
    show = commands.add_parser("show", parents=[json], help="one answer, claim by claim")
    show.add_argument("question", help="such as Q5, 5 or momentum; Q5.3 for one claim alone")
    show.add_argument("--figures", action="store_true", help="print every figure and control")
    book = commands.add_parser("book", parents=[json], help="what the book says, beside the sheet")
    book.add_argument("topic", nargs="?", help="such as B8, then with evidence (default: all)")
    # Its help is that of the demo named, hence its own flag.
    run = commands.add_parser(
        "run", parents=[json], help="one demo with its options", add_help=False, allow_abbrev=False
    )
    run.add_argument("demo", nargs="?", help="such as Q5, 5 or momentum")
    run.add_argument("--all", action="store_true", help="every demo, with its defaults")
    run.add_argument("--plot", type=Path, metavar="FILE", help="draw the result into FILE")
    run.add_argument("-h", "--help", action="store_true", help="the options of the demo named")
    run.set_defaults(explain=run.print_help)
    verify = commands.add_parser("verify", parents=[json], help="recompute the verdicts")
    verify.add_argument("claims", nargs="*", help="such as Q3.4, Q3 or B8; all if none is named")
    verify.add_argument("--latex", action="store_true", help="print a table for LaTeX")
    quiz = commands.add_parser("quiz", help="judge the claims yourself, and get a score")
    quiz.add_argument("--question", help="such as Q5, 5, momentum or B8 (default: all)")
    quiz.add_argument("--seed", type=int, default=0, help="order of the claims (default: 0)")
    mark = commands.add_parser("mark", parents=[json], help="mark answer sheets, one or a class")
    mark.add_argument(
        "answers",
        nargs="?",
        type=Path,
        help="a .yaml or .csv of verdicts: of one sheet, or a row for each of student,Q5.1,Q5.5",
    )
    mark.add_argument("--out", type=Path, metavar="FILE", help="write the marks as CSV")
    mark.add_argument("--page", type=Path, metavar="FILE", help="write the marks as a page")
    mark.add_argument("--template", action="store_true", help="print an empty sheet")
    mark.add_argument("--format", choices=("yaml", "csv"), help="of the template (default: yaml)")
    report = commands.add_parser("report", parents=[json], help="the page with all questions")
    report.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    return parser


if __name__ == "__main__":
    sys.exit(main())
