"""Answer sheets: what a student says of each claim, read from a YAML mapping or a CSV table.

A claim is named by its id, or by an id of one's own that points to it: ``1a = Q1.4``. A CSV whose
first cell is ``student`` has a row for each student; one whose first cell is ``claim`` has a column
for each. An empty cell is an answer left out.
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from theory.claim import Claim, Verdict
from theory.classroom.verdict_words import parse_verdict
from theory.errors import DomainError
from theory.selection import find_claim

BY_STUDENT, BY_CLAIM = "student", "claim"
STATEMENT, VERDICT = "statement", "verdict"  # a column that is not read; the only student's column
TOTAL = "total"  # what the marks call a student's sum
FORMATS = (".yaml", ".yml", ".csv")

_LIKE_AN_ID = re.compile(r"[QB]\d.*", re.IGNORECASE)
_DELIMITER = re.compile(r'\s*"?[^",;\t\r\n]*"? *(?P<delimiter>[,;\t])')  # after the first cell


@dataclass(frozen=True)
class Answer:
    """What one student says of one claim.

    Attributes:
        name: what the sheet calls the claim: its id, or an id of its own.
        claim: the claim meant.
        verdict: the student's verdict; ``None`` if left out.
    """

    name: str
    claim: Claim
    verdict: Verdict | None

    @property
    def right(self) -> bool:
        """Whether it is the verdict that the evidence gives."""
        return self.verdict is self.claim.verdict

    @property
    def wrong(self) -> bool:
        """Whether there is an answer and it is another one."""
        return self.verdict is not None and not self.right


@dataclass(frozen=True)
class Sheet:
    """The answers of one student."""

    student: str
    answers: tuple[Answer, ...]

    @property
    def right(self) -> int:
        """Number of right answers."""
        return sum(answer.right for answer in self.answers)

    @property
    def mistakes(self) -> tuple[Answer, ...]:
        """The wrong answers."""
        return tuple(answer for answer in self.answers if answer.wrong)

    @property
    def left_out(self) -> int:
        """Number of claims without an answer."""
        return sum(answer.verdict is None for answer in self.answers)


@dataclass(frozen=True)
class _Cell:
    """A piece of a file and where it stands, for messages."""

    text: str
    place: str


def read_sheets(path: Path) -> tuple[Sheet, ...]:
    """Read the sheets in ``path``: one from YAML, one or a class set from CSV.

    Raises:
        DomainError: the file cannot be read, or something in it is not understood; the message
            names the place.
    """
    if path.suffix.casefold() not in FORMATS:
        raise DomainError(f"{path}: the name of an answer sheet must end in {', '.join(FORMATS)}")
    text = _text(path)
    try:
        if path.suffix.casefold() == ".csv":
            return _class_set(_rows(text), only=path.stem)
        return (_sheet(path.stem, _pairs(text)),)
    except DomainError as error:
        raise DomainError(f"{path}: {error}") from error


def _text(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DomainError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DomainError(f"{path}: byte {error.start} is not UTF-8; save it as UTF-8") from error
    if not text.strip():
        raise DomainError(f"{path}: it is empty; `theory mark --template` prints a sheet to fill")
    return text


def _pairs(text: str) -> list[tuple[_Cell, _Cell]]:
    """The names and verdicts of a YAML mapping, as written; a name twice is two pairs."""
    import yaml  # only for those who write YAML

    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        raise DomainError(f"it is not YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise DomainError("it is nested too deeply") from error
    if not isinstance(root, yaml.MappingNode):
        raise DomainError("it must be a mapping, one line `Q1.1: true` for each claim")
    pairs = []
    for key, value in root.value:
        place = f"line {key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode) or not isinstance(value, yaml.ScalarNode):
            raise DomainError(f"{place}: not of the form `Q1.1: true`; a class set is a CSV")
        pairs.append((_Cell(key.value, place), _Cell(value.value, f"{place}, {key.value}")))
    return pairs


def _rows(text: str) -> list[list[_Cell]]:
    """The rows of a CSV that are not blank; all as long as the first."""
    found = _DELIMITER.match(text)
    delimiter = found["delimiter"] if found else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[_Cell]] = []
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            place = f"line {reader.line_num}"
            if rows and len(row) != len(rows[0]):
                raise DomainError(f"{place} has {len(row)} cells, the first one {len(rows[0])}")
            # A line end within a cell would break the lines of the marks.
            rows.append([_Cell(" ".join(cell.split()), place) for cell in row])
    except csv.Error as error:
        raise DomainError(f"line {reader.line_num}: it is not CSV: {error}") from error
    return rows


def _class_set(rows: Sequence[Sequence[_Cell]], *, only: str) -> tuple[Sheet, ...]:
    """The sheets of a table; ``only`` names the student of a table with one column of verdicts."""
    first = rows[0][0].text.casefold()
    if first not in (BY_STUDENT, BY_CLAIM):
        raise DomainError(
            f"its first cell must be {BY_STUDENT} (a row for each) or {BY_CLAIM} (a column for "
            f"each), got {rows[0][0].text!r}"
        )
    if first == BY_CLAIM:
        rows = [row for row in zip(*rows, strict=True) if row[0].text.casefold() != STATEMENT]
        if len(rows) == 2 and rows[1][0].text.casefold() == VERDICT:
            rows = [rows[0], [_Cell(only, rows[1][0].place), *rows[1][1:]]]
    names, students = rows[0][1:], rows[1:]
    if not names or not students:
        raise DomainError(f"it names no {BY_STUDENT if names else BY_CLAIM}")
    _require_unique([row[0] for row in students], BY_STUDENT)
    return tuple(
        _sheet(row[0].text, list(zip(names, _placed(names, row), strict=True))) for row in students
    )


def _placed(names: Sequence[_Cell], row: Sequence[_Cell]) -> list[_Cell]:
    return [
        _Cell(cell.text, f"{cell.place}, {row[0].text}, {name.text}")
        for name, cell in zip(names, row[1:], strict=True)
    ]


def _sheet(student: str, pairs: Sequence[tuple[_Cell, _Cell]]) -> Sheet:
    if not pairs:
        raise DomainError(f"it names no {BY_CLAIM}")
    named = [_named(name) for name, _ in pairs]
    places = [name.place for name, _ in pairs]
    owns = [_Cell(own, place) for (own, _), place in zip(named, places, strict=True)]
    _require_unique(owns, BY_CLAIM)
    _require_one_name_each([claim for _, claim in named], owns)
    verdicts = [_verdict(cell) for _, cell in pairs]
    return Sheet(
        student,
        tuple(
            Answer(own, claim, verdict)
            for (own, claim), verdict in zip(named, verdicts, strict=True)
        ),
    )


def _named(cell: _Cell) -> tuple[str, Claim]:
    """The name on the sheet and the claim it points to."""
    own, points, pointer = (part.strip() for part in cell.text.partition("="))
    try:
        claim = find_claim(pointer if points else own)
    except DomainError as error:
        if points or not own or _LIKE_AN_ID.fullmatch(own):
            raise DomainError(f"{cell.place}: {error}") from error
        raise DomainError(
            f"{cell.place}: no claim {own!r}; name a claim by its id, such as Q5.3, or point from "
            f"a name of your own to it: `{own} = Q5.3`"
        ) from error
    if not own:
        raise DomainError(f"{cell.place}: no name before = in {cell.text!r}")
    if points and own.casefold() == TOTAL:
        raise DomainError(f"{cell.place}: no claim can be called {own!r}, as the marks' sums are")
    return (own if points else claim.id), claim


def _verdict(cell: _Cell) -> Verdict | None:
    try:
        return parse_verdict(cell.text) if cell.text.strip() else None
    except DomainError as error:
        raise DomainError(f"{cell.place}: {error}") from error


def _require_one_name_each(claims: Sequence[Claim], owns: Sequence[_Cell]) -> None:
    # Two answers to one claim would count as two students in the class's totals.
    seen: dict[str, _Cell] = {}
    for claim, own in zip(claims, owns, strict=True):
        earlier = seen.setdefault(claim.id, own)
        if earlier is not own:
            where = own.place if own.place == earlier.place else f"{earlier.place} and {own.place}"
            raise DomainError(
                f"{where}: {earlier.text!r} and {own.text!r} are both claim {claim.id}; mark one "
                "of them in a sheet of its own"
            )


def _require_unique(cells: Sequence[_Cell], kind: str) -> None:
    seen: dict[str, _Cell] = {}
    for cell in cells:
        if not cell.text:
            raise DomainError(f"{cell.place}: a {kind} without a name")
        if cell.text in seen:
            earlier = seen[cell.text].place
            where = cell.place if cell.place == earlier else f"{earlier} and {cell.place}"
            raise DomainError(f"{where}: {kind} {cell.text!r} stands there twice")
        seen[cell.text] = cell
