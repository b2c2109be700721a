"""What `theory mark` refuses: one line, and nothing is written."""

import pytest
from answer_files import YAML, file

from theory.__main__ import main

VERDICTS = "verdicts are true, false, depends, not checkable, or their first letters"
HINT = "`theory show Q1` prints a question's"
# What is wrong -> file, content, and the message; … stands for the rest of a library's message.
WRONG = {
    "unknown claim": (
        "a.yaml",
        "Q1.99: true",
        f"line 1: no claim 'Q1.99', did you mean Q1.8?; {HINT}",
    ),
    "unknown pointer": (
        "a.yaml",
        "x = Q9.1: true",
        f"line 1: no claim 'Q9.1', did you mean Q7.1?; {HINT}",
    ),
    "a number of one's own": (
        "a.csv",
        "student;1a;1b\nAda;t;f",
        "line 1: no claim '1a'; name a claim by its id, such as Q5.3, or point from a name of your "
        "own to it: `1a = Q5.3`",
    ),
    "a question": ("a.yaml", "Q1: true", f"line 1: no claim 'Q1', did you mean Q1.8?; {HINT}"),
    "no own name": ("a.yaml", "'= Q1.1': true", "line 1: no name before = in '= Q1.1'"),
    "unknown verdict": (
        "a.yaml",
        "Q1.1: ture",
        f"line 1, Q1.1: no verdict 'ture', did you mean true? {VERDICTS}",
    ),
    "yes": ("a.yaml", "Q1.1: yes", f"line 1, Q1.1: no verdict 'yes'; {VERDICTS}"),
    "twice": (
        "a.yaml",
        "Q1.1: true\n\nq1.1: true",
        "line 1 and line 3: claim 'Q1.1' stands there twice",
    ),
    "own twice": (
        "a.yaml",
        "x=Q1.1: true\nx=Q1.2: true",
        "line 1 and line 2: claim 'x' stands there twice",
    ),
    "a class in yaml": (
        "a.yaml",
        "Ada:\n  Q1.1: true",
        "line 1: not of the form `Q1.1: true`; a class set is a CSV",
    ),
    "a list for a name": (
        "a.yaml",
        "Q1.1: true\n? [Q1.2]\n: true",
        "line 2: not of the form `Q1.1: true`; a class set is a CSV",
    ),
    "a list": ("a.yaml", "- Q1.1", "it must be a mapping, one line `Q1.1: true` for each claim"),
    "no yaml": ("a.yaml", "Q1.1: [", "it is not YAML: while parsing a flow node …"),
    "deep": ("a.yaml", "[" * 1000, "it is nested too deeply"),
    "only a comment": (
        "a.yaml",
        "# Q1.1: true",
        "it must be a mapping, one line `Q1.1: true` for each claim",
    ),
    "empty mapping": ("a.yaml", "{}", "it names no claim"),
    "empty": ("a.csv", "", "it is empty; `theory mark --template` prints a sheet to fill"),
    "blank": ("a.yaml", " \n", "it is empty; `theory mark --template` prints a sheet to fill"),
    "latin 1": ("a.csv", b"student,Q1.1\nJos\xe9,true\n", "byte 16 is not UTF-8; save it as UTF-8"),
    "other ending": (
        "a.txt",
        "Q1.1: true",
        "the name of an answer sheet must end in .yaml, .yml, .csv",
    ),
    "no first column": (
        "a.csv",
        "name,Q1.1\nAda,true",
        "its first cell must be student (a row for each) or claim (a column for each), got 'name'",
    ),
    "no verdicts": ("a.csv", "claim\nQ1.1", "it names no student"),
    "only statements": ("a.csv", "claim,statement\nQ1.1,x", "it names no student"),
    "no students": ("a.csv", "student,Q1.1\n", "it names no student"),
    "no claims": ("a.csv", "student\nAda\n", "it names no claim"),
    "short row": ("a.csv", "student,Q1.1,Q1.2\nAda,true", "line 2 has 2 cells, the first one 3"),
    "long row": ("a.csv", "student,Q1.1\nAda,true,true", "line 2 has 3 cells, the first one 2"),
    "no name": ("a.csv", "student,Q1.1\n,true", "line 2: a student without a name"),
    "nameless claim": ("a.csv", "student,Q1.1,\nA,true,t", f"line 1: no claim ''; {HINT}"),
    "one claim under two names": (
        "a.csv",
        "student,1a = Q1.1,1b = Q1.1\nA,t,f",
        "line 1: '1a' and '1b' are both claim Q1.1; mark one of them in a sheet of its own",
    ),
    "an id and a name for it": (
        "a.yaml",
        "Q1.1: true\nQ1.2: true\n1b = Q1.1: false",
        "line 1 and line 3: 'Q1.1' and '1b' are both claim Q1.1; mark one of them in a sheet of "
        "its own",
    ),
    "a name that the marks use": (
        "a.csv",
        "student,Total = Q1.1\nA,t",
        "line 1: no claim can be called 'Total', as the marks' sums are",
    ),
    "student twice": (
        "a.csv",
        "student,Q1.1\nA,t\nB,t\nA,t",
        "line 2 and line 4: student 'A' stands there twice",
    ),
    "column twice": ("a.csv", "claim,A,A\nQ1.1,t,t", "line 1: student 'A' stands there twice"),
    "claim twice": ("a.csv", "student,Q1.1,q1.1\nA,t,t", "line 1: claim 'Q1.1' stands there twice"),
    "verdict": (
        "a.csv",
        "student,Q1.1\nA,maybe",
        f"line 2, A, Q1.1: no verdict 'maybe'; {VERDICTS}",
    ),
    "by column": (
        "a.csv",
        "claim,A\nQ1.1,maybe",
        f"line 2, A, Q1.1: no verdict 'maybe'; {VERDICTS}",
    ),
    "open quote": ("a.csv", 'student,Q1.1\nA,"t', "line 2: it is not CSV: …"),
    "long cell": ("a.csv", "student,Q1.1\nA," + "t" * 200_000, "line 2: it is not CSV: …"),
}


@pytest.mark.parametrize(("name", "content", "message"), WRONG.values(), ids=WRONG)
def test_what_is_not_understood_is_one_line_and_nothing_is_written(
    name, content, message, tmp_path, capsys
):
    answers = file(tmp_path, name, content)
    targets = tmp_path / "marks.csv", tmp_path / "marks.html"
    arguments = [str(answers), "--out", str(targets[0]), "--page", str(targets[1])]
    assert main(["mark", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    whole, more, _ = f"theory: {answers}: {message}".partition("…")
    assert line.startswith(whole) if more else line == whole
    assert list(tmp_path.iterdir()) == [answers]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a file of answers"),
        (["--format", "csv"], "--format is that of --template"),
        (["--template", "--format", "pdf"], "invalid choice"),
        (["--template", "a.yaml"], "give nothing but --format"),
        (["--template", "--json"], "give nothing but --format"),
        (["no-such.yaml"], "cannot read no-such.yaml: No such file"),
        (["{}/a.yaml", "--out", "{}/a.yaml"], "it is another file of this command"),
        (["{}/a.yaml", "--out", "{}/b", "--page", "{}/b"], "it is another file of this command"),
        (["{}/a.yaml", "--out", "{}/b", "--page", "{}/no/b"], "there is no folder"),
        (["{}/a.yaml", "--page", "{}/b", "--out", "{}"], "it is a folder"),
    ],
)
def test_a_wrong_command_is_one_line_and_writes_nothing(arguments, message, tmp_path, capsys):
    file(tmp_path, "a.yaml", YAML)
    assert main(["mark", *(each.format(tmp_path) for each in arguments)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert message in line
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]
    assert (tmp_path / "a.yaml").read_text() == YAML
