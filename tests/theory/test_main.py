"""The command ``theory``: what it prints, and one line for every wrong input."""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from evidences import evidence
from processes import ended

from theory.__main__ import main
from theory.claim import Evidence, Verdict
from theory.commands.comparing import compare
from theory.commands.latex import latex_table
from theory.commands.options import described
from theory.commands.output import plain
from theory.commands.showing import claim_summary, claim_text, show
from theory.commands.verifying import Outcome, outcome_text, verify
from theory.ledger import ALL_CLAIMS, CLAIMS, QUESTIONS, TOPICS, verdict_counts
from theory.selection import find_claim, find_claims, find_question
from theory.study import CITATIONS

ROOT = Path(__file__).parents[2]

WRONG = {
    "two formats": (["verify", "Q2.3", "--json", "--latex"], "not both"),
    "no command": ([], "COMMAND"),
    "unknown command": (["lst"], "lst"),
    "unknown question": (["show", "momentun"], "did you mean momentum?"),
    "unknown question number": (["show", "Q8"], "no question 'Q8'"),
    "unknown topic": (["book", "B1"], "no topic 'B1'; the book's are: B3 selu"),
    "unknown topic to verify": (["verify", "B77"], "no topic 'B77'"),
    "unknown claim of the book": (["verify", "B9.9"], "did you mean B9."),
    "unknown claim": (["verify", "Q5.99"], "did you mean Q5.9?"),
    "unknown question to verify": (["verify", "drpout"], "did you mean dropout?"),
    "unknown demo": (["run", "symetry"], "did you mean symmetry?"),
    "no demo": (["run"], "--all"),
    "all and one": (["run", "momentum", "--all"], "give nothing else"),
    "unknown option of a demo": (["run", "biases", "--deepness", "3"], "--deepness"),
    "unknown option": (["list", "--long"], "--long"),
    "not a number": (["run", "biases", "--depth", "deep"], "invalid int value: 'deep'"),
    "not finite": (
        ["run", "biases", "--bias", "nan"],
        "--bias must be from -1000000 to 1000000, got nan",
    ),
    "width 0": (["run", "symmetry", "--width", "0"], "--width must be from 2 to 1000, got 0"),
    "momentum below 0": (["run", "momentum", "--momentum", "-0.1"], "--momentum must be from 0"),
    "momentum above 1": (["run", "momentum", "--momentum", "1.5"], "above 1 the velocity"),
    "dropout rate 1": (["run", "dropout", "--rate", "1"], "--rate must be at least 0 and below 1"),
    "no learning rate": (
        ["run", "momentum", "--learning-rate", "0"],
        "--learning-rate must be finite and above 0, got 0",
    ),
    "no folder": (["report"], "--out"),
    "no folder for the plot": (
        ["run", "symmetry", "--plot", "no/such/folder/a.png"],
        "no folder no/such/folder",
    ),
    "no image format": (["run", "symmetry", "--plot", "a.txt"], "must end in one of"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_one_line_and_status_2(arguments, message, capsys):
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert line.startswith("theory: ")
    assert message in line


@pytest.mark.parametrize("below", [False, True], ids=["a file", "below a file"])
def test_an_output_folder_that_cannot_be_made_is_one_line(below, tmp_path, capsys):
    file = tmp_path / "file"
    file.touch()
    assert main(["report", "--out", str(file / "folder" if below else file)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"theory: cannot write into {file}")


def test_a_plot_that_cannot_be_written_is_one_line(tmp_path, capsys):
    folder = tmp_path / "folder.png"
    folder.mkdir()
    assert main(["run", "biases", "--depth", "2", "--plot", str(folder)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"theory: cannot write {folder}")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
@pytest.mark.parametrize("arguments", [["list"], ["mark", "--template"]], ids=" ".join)
@pytest.mark.parametrize("buffered", ["", "1"], ids=["buffered", "unbuffered"])
def test_an_output_that_is_full_is_one_line_and_status_2(arguments, buffered):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "theory", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONUNBUFFERED": buffered},
        )
    assert done.returncode == 2  # 1 would say that a verdict differs
    assert done.stderr == "theory: the output: No space left on device\n"


@pytest.mark.parametrize(("arguments", "status"), [(["verify", "Q2.1"], 2), (["list"], 0)])
def test_a_pipe_that_closes_early_leaves_no_verdict_as_expected(arguments, status):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "theory", *arguments],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (status, "")


def test_ctrl_c_is_one_line_and_status_130(monkeypatch, capsys):
    def stopped(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr("theory.commands.listing.list_questions", stopped)
    assert main(["list"]) == 130
    assert capsys.readouterr().err == "theory: interrupted\n"


def test_figures_that_give_another_verdict_say_so():
    claim = find_claim("Q2.1")
    found = evidence(claim.experiment)
    assert "Expected is" not in claim_text(claim, found) + claim_summary(claim, found)  # control
    for text in (claim_text, claim_summary):
        shown = text(dataclasses.replace(claim, verdict=Verdict.INCONCLUSIVE), found)
        said = f"Expected is INCONCLUSIVE; the figures below give {claim.verdict.upper()}."
        assert said in shown


def test_list_prints_every_question_and_the_totals(capsys):
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    for question in QUESTIONS:
        assert question.name in printed
    counts = ", ".join(f"{count} {verdict}" for verdict, count in verdict_counts(CLAIMS).items())
    assert f"{len(CLAIMS)} claims: {counts}" in printed


def test_list_as_json(capsys):
    assert main(["list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [entry["id"] for entry in listed] == [f"Q{number}" for number in range(1, 8)]
    false = verdict_counts(CLAIMS)[Verdict.FALSE]
    assert sum(entry["verdicts"]["false"] for entry in listed) == false > 0


@pytest.mark.parametrize("every_figure", [False, True])
def test_show_prints_every_claim_with_its_figures(every_figure, capsys):
    question = find_question("Q2")
    assert show(question, every_figure=every_figure, run=evidence) == 0
    printed = capsys.readouterr().out
    for claim in question.claims:
        assert f"[{claim.id} {claim.verdict}]" in " ".join(printed.split())
        assert f"{claim.id} {claim.verdict.upper()}: " in printed
        assert (claim_text(claim, evidence(claim.experiment)) in printed) is every_figure
    assert "0.637" in printed
    assert max(len(line) for line in printed.splitlines()) <= 96


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_a_question_is_shown_in_a_line_or_two_for_each_part(question, capsys):
    assert show(question, run=evidence) == 0
    printed = capsys.readouterr().out
    figures = [figure for figure in printed.splitlines() if figure.startswith("  Measured: ")]
    assert len(figures) == len(question.claims)
    assert all(len(figure) > len("  Measured: ") for figure in figures)
    assert f"`theory show {question.id} --figures`" in printed
    claims = printed.partition(f"\n{question.claims[0].id} ")[2]
    assert len(claims.splitlines()) < 12 * len(question.claims)


@pytest.mark.parametrize("claim_id", CITATIONS)
def test_show_quotes_what_the_study_found(claim_id):
    (claim,) = find_claims([claim_id])
    shown = " ".join(claim_text(claim, Evidence((), ())).split())
    citation = CITATIONS[claim_id]
    assert f"In the study (docs/RESULTS.md, {citation.part}): {citation.text}" in shown
    (other,) = find_claims(["Q2.3"])  # control
    assert "In the study" not in claim_text(other, Evidence((), ()))


def test_book_prints_sheet_book_and_verdict_side_by_side(capsys):
    assert main(["book"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    for topic in TOPICS:
        for claim in topic.claims:
            assert f"{claim.id} {claim.verdict.upper()}: {claim.statement}" in printed
            for sheet in map(find_claim, claim.beside):
                assert f"The sheet, {sheet.id} {sheet.verdict.upper()}: " in printed
    assert "The book (second edition), B7.1 DEPENDS: " in printed
    assert "The book, B9.2 TRUE: " in printed


def test_book_prints_the_evidence_of_a_topic(capsys):
    assert compare(TOPICS[-1:], with_evidence=True, run=evidence) == 0
    printed = capsys.readouterr().out
    assert "- holds: " in printed
    assert "- fails: " in printed
    assert max(len(line) for line in printed.splitlines()) <= 96


def test_book_as_json(capsys):
    assert compare(TOPICS[-1:], with_evidence=True, as_json=True, run=evidence) == 0
    shown = json.loads(capsys.readouterr().out)
    assert set(shown["evidence"]) == {claim.id for claim in TOPICS[-1].claims}


def test_show_as_json(capsys):
    assert show(find_question("Q2"), as_json=True, run=evidence) == 0
    shown = json.loads(capsys.readouterr().out)
    assert set(shown["evidence"]) == {claim.id for claim in QUESTIONS[1].claims}


def test_verify_names_what_it_verified(capsys):
    assert main(["verify", "Q2.3", "Q2.5"]) == 0
    printed = capsys.readouterr()
    assert "2 claims: 2 false; all as expected." in printed.out
    assert "2 controls: all rejected." in printed.out
    assert printed.err == ""


def test_verify_tells_of_each_named_claim_its_figure_and_its_control(capsys):
    assert main(["verify", "Q2.3", "Q2.5"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    for claim in find_claims(["Q2.3", "Q2.5"]):
        assert f"{claim.id} FALSE, as expected: " in printed
        assert f"Control TRUE, rejected: {claim.control.name}" in printed
    for form in ("--json", "--latex"):
        assert main(["verify", "Q2.3", form]) == 0
        assert "as expected: " not in capsys.readouterr().out


def test_verify_of_everything_is_a_count(capsys):
    assert verify(find_claims(["Q2.3"]), run=evidence) == 0
    assert "as expected: " not in capsys.readouterr().out


def test_what_came_out_otherwise_is_told_as_such():
    claim = find_claim("Q2.3")
    found = evidence(claim.experiment)
    unexpected = dataclasses.replace(claim, verdict=Verdict.TRUE)
    told = outcome_text(Outcome(unexpected, found, Verdict.FALSE))
    assert told.startswith("Q2.3 FALSE, expected TRUE: ")
    assert "\n  Control FALSE, not rejected: " in told
    failed = outcome_text(Outcome(claim, None, None, "ValueError: x"))
    assert failed == "Q2.3: could not be computed"
    assert "Control" not in outcome_text(Outcome(claim, found, None))


def test_verify_as_json(capsys):
    assert main(["verify", "Q2.3", "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert record["expected"] == record["found"] == "false"
    assert record["control_verdict"] == "true"
    assert record["difference"] == ""


def balanced(table):
    """Every row has four cells and every brace its partner; nothing is beyond plain LaTeX."""
    assert table.isascii()
    head, *rows, _, end = table.partition("\\endhead\n")[2].splitlines()
    for row in (head, *rows):
        assert row.endswith(" \\\\")
        assert len(re.findall(r"(?<!\\)&", row)) == 3, row
        assert not re.search(r"(?<!\\)[%#_]|\\\\.", row[:-3]), row
        plain = re.sub(r"\\[{}$]", "", row)
        assert plain.count("{") == plain.count("}")
        assert plain.count("$") % 2 == 0
    assert end == "\\end{longtable}"
    return len(rows) + 1


def test_verify_as_latex(capsys):
    assert verify(ALL_CLAIMS, as_latex=True, run=evidence) == 0
    table = capsys.readouterr().out.rstrip()
    assert balanced(table) == len(ALL_CLAIMS)
    with pytest.raises(AssertionError):
        balanced(table.replace("\\%", "%"))
    with pytest.raises(AssertionError):
        balanced(table.replace("$\\ge$", "\u2265"))


def test_latex_sets_code_and_signs():
    (claim,) = find_claims(["Q2.3"])
    odd = dataclasses.replace(claim, statement="50 % of `a_b` & <c> #1 \u2264 10\u207b\u00b2")
    table = latex_table([(odd, Evidence(()))])
    assert r"50 \% of \texttt{a\_b} \& $<$c$>$ \#1 $\le$ 10$^{-2}$ & not checkable" in table


def test_a_momentum_just_below_one_is_not_printed_as_one(capsys):
    assert main(["run", "momentum", "--steps", "5"]) == 0
    assert "momentum: 0.99999\n" in capsys.readouterr().out


def test_the_command_of_every_question_is_one_that_main_takes():
    for question in QUESTIONS:
        first, second, name, *_ = question.command.split()
        assert (first, second, name) == ("theory", "run", question.name)


def test_described_joins_the_lines_of_an_entry():
    documentation = (
        "Summary.\n\nArgs:\n    one: first\n        line.\n    two: other.\n\nRaises:\n    E: e.\n"
    )
    assert described(documentation, "Args") == {"one": "first line.", "two": "other."}
    assert described(documentation, "Raises") == {"E": "e."}
    assert described("Summary.", "Args") == {}


def test_json_is_strict():
    assert plain({"a": (float("inf"), float("nan"), 1, None, True)}) == {
        "a": ["inf", "nan", 1, None, True]
    }
    with pytest.raises(TypeError, match="no JSON for object"):
        plain(object())


def run_python(*arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("flipped", [False, True], ids=["control", "flipped"])
def test_the_command_exits_with_1_where_a_verdict_in_the_source_is_flipped(flipped, tmp_path):
    copy = shutil.copytree(ROOT / "theory", tmp_path / "theory")
    source = copy / "biases" / "claims.py"
    before, claim, after = source.read_text(encoding="utf-8").partition('id="Q2.3"')
    if flipped:
        after = after.replace("verdict=Verdict.FALSE", "verdict=Verdict.TRUE", 1)
    source.write_text(before + claim + after, encoding="utf-8")
    code, _, error = ended("-m", "theory", "verify", "Q2", cwd=tmp_path, env={})
    assert code == (1 if flipped else 0)
    named = [line.partition(":")[0] for line in error.splitlines()]
    assert named == (["Q2.3"] if flipped else [])


@pytest.mark.parametrize(
    ("before", "loaded"),
    [("", []), ("import numpy;", ["numpy"])],
    ids=["list", "control"],
)
def test_list_loads_neither_torch_nor_numpy_nor_matplotlib(before, loaded):
    heavy = ("torch", "numpy", "matplotlib", "lightning", "lightning_cifar")
    done = run_python(
        "-c",
        f"import sys; {before} from theory.__main__ import main; main(['list']);"
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)",
    )
    assert done.returncode == 0
    assert done.stderr.strip() == str(loaded)


def test_the_package_runs_as_a_module():
    done = run_python("-m", "theory", "show", "nothing")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_one_claim_is_shown_alone(capsys):
    assert main(["show", "q1.1"]) == 0
    alone = capsys.readouterr().out
    assert alone.startswith("Q1.1 ")
    assert "Q1.2" not in alone
    assert main(["show", "Q1", "--figures"]) == 0
    assert alone in capsys.readouterr().out
    assert main(["show", "Q1"]) == 0
    assert alone not in capsys.readouterr().out
    assert main(["show", "Q1.99"]) == 2
    assert "no claim 'Q1.99'" in capsys.readouterr().err


def test_one_claim_and_its_control_are_told_as_one(capsys):
    assert main(["verify", "Q1.1"]) == 0
    assert capsys.readouterr().out.splitlines()[-2].startswith("1 claim: ")
