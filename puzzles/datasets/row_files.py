"""Files of rows with named columns, CSV and JSONL: the texts of questions, of answers and of ratings.

A value of a JSONL row is a text, a number, or a list: of cells (`["a", "b"]`, `[1, 0]`), or of the rows of a grid, each
of them a text or a list of cells.
"""

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from jaxtyping import Integer

from puzzles.errors import UserError
from puzzles.text_input import parse_csv, read_json_lines

Columns = Mapping[str, Sequence[str]]  # what is asked for -> the headers that it may stand under
JSON_SUFFIXES = (".jsonl", ".ndjson")
OBJECT = re.compile(r'\s*\{\s*"')


@dataclass(kw_only=True, slots=True)
class PuzzleTexts:
    """Puzzles of a file as they stand there, in its order. No answer: ""; no column of ratings: an empty list."""

    name: str  # what messages call the file
    lines: list[int] = field(default_factory=list)  # the line that each puzzle begins on
    questions: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    ratings: list[str] = field(default_factory=list)
    is_table: bool = False  # from a file with named columns, so that messages name the column

    def take(self, which: Integer[np.ndarray, " chosen"]) -> "PuzzleTexts":
        """These puzzles, in this order."""
        columns = (self.lines, self.questions, self.answers, self.ratings)
        lines, questions, answers, ratings = ([column[i] for i in which] if column else [] for column in columns)
        return PuzzleTexts(
            name=self.name, lines=lines, questions=questions, answers=answers, ratings=ratings, is_table=self.is_table
        )

    def place(self, row: int, column: str) -> str:
        """Where a row's question or answer stands: FILE:LINE: COLUMN."""
        return f"{self.name}:{self.lines[row]}" + (f": {column}" if self.is_table else "")


def check_one_answer(
    pairs: Sequence[tuple[Hashable, Hashable]], place_of: Callable[[int], tuple[PuzzleTexts, int]]
) -> None:
    """UserError that names both lines where two of the (question, answer) differ in their answers alone.

    `place_of`: the texts that a pair comes from, and its row there.
    """
    first: dict[Hashable, int] = {}
    for row, (question, answer) in enumerate(pairs):
        before = first.setdefault(question, row)
        if pairs[before][1] != answer:
            (one, at), (other, other_at) = place_of(row), place_of(before)
            shown, other_shown = (texts.answers[i].strip()[:40] for texts, i in ((one, at), (other, other_at)))
            raise UserError(
                f"{one.place(at, 'answer')}: is {shown!r}, but {other_shown!r} at {other.name}:{other.lines[other_at]} "
                "for the same question: must be one answer"
            )


def is_json_lines(text: str, name: str) -> bool:
    """Whether a file holds one JSON object a line, by its name or by how it begins."""
    return name.lower().endswith(JSON_SUFFIXES) or OBJECT.match(text[:200]) is not None


def parse_rows(
    text: str, required: Columns, optional: Columns, *, name: str, broken: Literal["refuse", "skip"] = "refuse"
) -> tuple[PuzzleTexts, list[tuple[int, str]]]:
    """The rows, and the line and the fault of each that is broken where these are to be skipped.

    The columns are `question`, `answer` and `rating`. UserError that names the file and the line for a column that is
    missing, for a file without rows, and for a broken row that is to be refused.
    """
    if is_json_lines(text, name):
        return _json_rows(text, required, optional, name, broken)
    table = parse_csv(text, required, optional, name=name, broken=broken)
    none = [""] * len(table.lines)
    texts = PuzzleTexts(
        name=name,
        lines=table.lines,
        questions=table.columns["question"],
        answers=table.columns.get("answer", none),
        ratings=table.columns.get("rating", []),
        is_table=True,
    )
    return texts, list(zip(table.fault_lines, table.faults, strict=True))


def _json_rows(
    text: str, required: Columns, optional: Columns, name: str, broken: Literal["refuse", "skip"]
) -> tuple[PuzzleTexts, list[tuple[int, str]]]:
    def parse(row: dict[str, Any]) -> dict[str, str]:
        found = {column: _value(row, keys, column in required) for column, keys in {**required, **optional}.items()}
        return {column: value for column, value in found.items() if value is not None}

    rows = read_json_lines(text.encode("utf-8", "surrogatepass"), parse, name=name, broken=broken)
    rated = any("rating" in row for row in rows.items)
    texts = PuzzleTexts(
        name=name,
        lines=rows.numbers,
        questions=[row["question"] for row in rows.items],
        answers=[row.get("answer", "") for row in rows.items],
        ratings=[row.get("rating", "") for row in rows.items] if rated else [],
        is_table=True,
    )
    return texts, list(zip(rows.fault_numbers, rows.faults, strict=True))


def _value(row: dict[str, Any], keys: Sequence[str], required: bool) -> str | None:
    there = [key for key in keys if row.get(key) is not None]
    if len(there) > 1:
        raise UserError(f"has the keys {' and '.join(there)}: must be one of them")
    if not there:
        if not required:
            return None
        has = ", ".join(ascii(key)[1:-1][:40] for key in list(row)[:10])
        raise UserError(f"must have the key {' or '.join(keys)}, has {has or 'none'}")
    try:
        return _text(row[there[0]])
    except UserError as error:
        raise UserError(f"{there[0]}: {error}") from None


def _text(value: Any) -> str:
    if isinstance(value, list):
        kinds = set(map(type, value))
        return "\n".join(map(_row, value)) if kinds == {list} else _row(value)
    if isinstance(value, str):
        return value
    if isinstance(value, bool | dict):
        raise UserError(f"is {ascii(value)[:40]}: must be a text, a number or a list")
    return repr(value)


def _row(value: list[Any]) -> str:
    """A list of cells, or of rows that are texts."""
    kinds = set(map(type, value))
    if kinds == {str}:
        return ("" if max(map(len, value)) <= 1 else "\n").join(value)
    if kinds <= {int} and all(map(_DIGITS.__contains__, value)):
        return "".join(map(_DIGITS.__getitem__, value))
    other = next(one for one in value if type(one) not in (int, str) or len(str(one)) > 1 or len(kinds) > 1)
    raise UserError(f"holds {ascii(other)[:40]}: a list must hold texts, or numbers from 0 to 9, or be of such lists")


_DIGITS = {number: str(number) for number in range(10)}
