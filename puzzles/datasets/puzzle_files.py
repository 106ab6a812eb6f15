"""Puzzles in text files, in the forms in which people keep them, and their answers where the file has them.

- a CSV file whose header names a column of puzzles (`question`, `puzzle`, `quizzes`, ...) and perhaps one of answers
  and one of ratings; commas, semicolons or tabs between the cells;
- a JSONL file, whose objects have these names as keys;
- one puzzle a line, perhaps with further cells behind it, as `puzzle,solution` without a header;
- puzzles on several lines, as grids, with rulers, as .sdk or .ss files; empty lines or headings between them.

What one puzzle's text may look like is the domain's affair: `Puzzle.parse`.

    for entry in read_puzzles("puzzles.txt", puzzle):  # each puzzle, or why it is none
        entry.line, entry.text, entry.inputs
    inputs, labels = read_answered("puzzles.csv", puzzle)  # all of them, or a UserError that names the first bad one
"""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Integer

from puzzles.base import Puzzle
from puzzles.datasets.row_files import Columns, PuzzleTexts, check_one_answer, is_json_lines, parse_rows
from puzzles.errors import UserError
from puzzles.text_input import DELIMITERS, Line, Source, read_text, source_name, split_lines

QUESTION = ("question", "questions", "quiz", "quizzes", "puzzle", "puzzles", "problem", "sudoku", "maze", "input")
ANSWER = ("answer", "answers", "solution", "solutions", "solved", "output")
RATING = ("rating", "difficulty")
MOST_FIELDS = 16  # of a line that may each be the puzzle
FIRST_LINE = re.compile(r"[^\s][^\r\n]*")
RULER = re.compile(r"[-+|=*: ]+")  # a line of these that has a dash is a ruler, unless dashes stand for blanks
WORD = re.compile(r"[A-Za-z]{3}")  # in a heading, or in a comment

Rows = Integer[np.ndarray, "num seq"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PuzzleEntry:
    """One puzzle of a file: its tokens, or a UserError that names the file, the line and the fault."""

    line: int
    text: str
    inputs: Integer[np.ndarray, " seq"] | UserError


def read_puzzles(source: Source, puzzle: Puzzle, *, name: str | None = None) -> list[PuzzleEntry]:
    """Every puzzle of a file, of standard input (`-`) or of bytes, in the order of the lines.

    A puzzle that cannot be read harms no other. UserError for a file that cannot be read at all, or holds no puzzle.
    """
    texts, faults = _read_texts(source, puzzle, name, skip=True)
    entries = [PuzzleEntry(line=line, text="", inputs=UserError(fault)) for line, fault in faults]
    for place, (line, text) in enumerate(zip(texts.lines, texts.questions, strict=True)):
        try:
            inputs = _parse(texts, place, puzzle)
        except UserError as error:
            inputs = error
        entries.append(PuzzleEntry(line=line, text=text, inputs=inputs))
    return sorted(entries, key=lambda entry: entry.line)


def read_answered(source: Source, puzzle: Puzzle, *, name: str | None = None) -> tuple[Rows, Rows]:
    """The inputs and the labels of every puzzle of a file: see `answered`."""
    return answered(read_texts(source, puzzle, name=name), puzzle)


def read_texts(source: Source, puzzle: Puzzle, *, name: str | None = None) -> PuzzleTexts:
    """The puzzles of a file as texts; UserError for a row of a CSV file that is broken (`read_csv`)."""
    return _read_texts(source, puzzle, name, skip=False)[0]


def answered(texts: PuzzleTexts, puzzle: Puzzle) -> tuple[Rows, Rows]:
    """The inputs and the labels; puzzles without an answer are solved exactly.

    UserError naming file and line of the first puzzle with a wrong size or symbol, without a solution or with several,
    and of the first answer that is not a solution of its question.
    """
    if not texts.lines:
        raise UserError(f"{texts.name}: has no puzzles")
    inputs = np.stack([_parse(texts, place, puzzle) for place in range(len(texts.lines))])
    labels = np.zeros_like(inputs)
    known = np.array([text.strip() != "" for text in texts.answers])
    for place in np.flatnonzero(known):
        labels[place] = _parse(texts, int(place), puzzle, inputs[place])
    _check_answers(texts, puzzle, inputs, labels, np.flatnonzero(known))
    if puzzle.reads_data and not puzzle.verifiable:
        check_one_answer(
            [(row.tobytes(), answer.tobytes()) for row, answer in zip(inputs, labels, strict=True)],
            lambda row: (texts, row),
        )
    _solve(texts, puzzle, inputs, labels, np.flatnonzero(~known))
    return inputs, labels


def ratings(texts: PuzzleTexts) -> np.ndarray:
    """The rating of each puzzle; UserError without such a column, or for a rating that is not a number."""
    if len(texts.ratings) < len(texts.lines):
        raise UserError(f"{texts.name}:1: the header must have a column {' or '.join(RATING)} for a lowest rating")
    values = np.zeros(len(texts.lines))
    for place, text in enumerate(texts.ratings):
        try:
            values[place] = float(text)
        except ValueError:
            values[place] = np.nan
        if not np.isfinite(values[place]):
            raise UserError(f"{texts.name}:{texts.lines[place]}: rating: {text.strip()[:40]!r} is not a number")
    return values


def _parse(
    texts: PuzzleTexts, place: int, puzzle: Puzzle, inputs: Integer[np.ndarray, " seq"] | None = None
) -> Integer[np.ndarray, " seq"]:
    """A row's question, or its answer where `inputs`, the question, are given."""
    try:
        if inputs is None:
            return puzzle.parse(texts.questions[place])
        return puzzle.parse_answer(texts.answers[place], inputs)
    except UserError as error:
        raise UserError(f"{texts.place(place, 'question' if inputs is None else 'answer')}: {error}") from None


def _check_answers(texts: PuzzleTexts, puzzle: Puzzle, inputs: Rows, labels: Rows, which: np.ndarray) -> None:
    if len(which) == 0 or not puzzle.verifiable:
        return
    wrong = which[~puzzle.check(inputs[which], labels[which]).solved]
    if len(wrong) == 0:
        return
    if type(puzzle).solve is not Puzzle.solve:  # a puzzle that is itself wrong is the better message
        _solve(texts, puzzle, inputs, labels.copy(), wrong[:1])
    raise UserError(f"{texts.place(int(wrong[0]), 'answer')}: is not a solution of its question")


def _solve(texts: PuzzleTexts, puzzle: Puzzle, inputs: Rows, labels: Rows, which: np.ndarray) -> None:
    """Fills labels[which] with the exact answers."""
    if len(which) == 0:
        return
    try:
        labels[which] = puzzle.solve(inputs[which])
    except UserError:
        for place in which:  # one by one, to name the line
            try:
                puzzle.solve(inputs[place : place + 1])
            except UserError as error:
                reason = str(error).removeprefix("puzzle 0: ")
                raise UserError(f"{texts.place(int(place), 'question')}: {reason}") from None
        raise


def _read_texts(
    source: Source, puzzle: Puzzle, name: str | None, *, skip: bool
) -> tuple[PuzzleTexts, list[tuple[int, str]]]:
    """The texts, and the line and the fault of each row of a CSV file that has none."""
    name = source_name(source, name)
    text = read_text(source, name=name)
    lines = _Lines(puzzle)
    path = str(source) if isinstance(source, str | Path) else name
    if is_json_lines(text, path) or lines.is_table(text, path):
        required, optional = _columns(puzzle)
        return parse_rows(text, required, optional, name=name, broken="skip" if skip else "refuse")
    texts = PuzzleTexts(name=name)
    whole = split_lines(text)
    for line, question in lines.each(whole) if puzzle.one_line else lines.puzzles(whole):
        texts.lines.append(line)
        texts.questions.append(question)
        texts.answers.append("")
    if not texts.lines:
        raise UserError(f"{name}: holds no puzzle")
    return texts, []


def _columns(puzzle: Puzzle) -> tuple[Columns, Columns]:
    """The columns that a file must and may have, with their headers."""
    if puzzle.headers is not None:
        question, answer = puzzle.headers
        return {"question": (question,)}, {"answer": (answer,)}
    return {"question": QUESTION}, {"answer": ANSWER, "rating": RATING}


class _Lines:
    """The lines of a file without a header, cut into the texts of puzzles."""

    def __init__(self, puzzle: Puzzle) -> None:
        self.puzzle = puzzle
        self.rows, self.columns = puzzle.shape
        self.headers = QUESTION if puzzle.headers is None else (puzzle.headers[0].strip().casefold(),)
        self.blanks_are_cells = any(symbol.isspace() for symbol in puzzle.token_symbols)
        self.longest = 8 * puzzle.seq_len + 200  # characters of a text that may be one puzzle
        self.field = functools.lru_cache(maxsize=1024)(self._field)  # files of broken lines repeat them
        self.row_like: dict[str, bool] = {}
        self.dashes_are_blanks = False

    def is_table(self, text: str, name: str) -> bool:
        """Whether the first line is the header of a CSV file, or must be one because of the file's name."""
        line = FIRST_LINE.search(text)
        first = line[0] if line else ""
        cells = [cell.strip().strip('"').casefold() for cell in re.split(r"[,;\t]", first)]
        if any(cell in self.headers for cell in cells):
            return len(cells) > 1 or name.lower().endswith((".csv", ".tsv"))
        return name.lower().endswith((".csv", ".tsv")) and self.field(first) is None

    def each(self, whole: list[Line]) -> list[tuple[int, str]]:
        """Every line that is not empty, without the header of a file of one column."""
        lines = [(line.number, line.text) for line in whole if line.text.strip()]
        return lines[1:] if lines and lines[0][1].strip().strip('"').casefold() in self.headers else lines

    def puzzles(self, whole: list[Line]) -> list[tuple[int, str]]:
        """(first line, text) of each puzzle, and of whatever else is neither a heading nor a comment."""
        lines = [line for line in whole if not self.is_comment(line.text)]
        if lines and lines[0].text.strip().strip('"').casefold() in self.headers:
            lines = lines[1:]
        written_in_one_line = any("/" in line.text for line in lines)
        if not written_in_one_line and 1 < len(whole) <= 4 * self.rows + 40 and self.parses(_join(whole)):
            return [(next((line.number for line in lines if line.text.strip()), 1), _join(whole))]
        texts: list[tuple[int, str]] = []
        titles: list[Line] = []
        grids = False
        for block in self.blocks(lines):
            part: list[Line] = []  # lines that are not a puzzle each
            for line in block:
                text = self.field(line.text)
                if text is None and not written_in_one_line:
                    part.append(line)
                    continue
                texts.append((line.number, line.text if text is None else text))
                grids |= self.cut(part, texts, titles)
                part = []
            grids |= self.cut(part, texts, titles)
        if not grids:  # then a line of words is a puzzle that cannot be read, not the heading of one
            texts += [(line.number, line.text) for line in titles]
        return sorted(texts)

    def is_comment(self, text: str) -> bool:
        return "#" not in self.puzzle.token_symbols and text.lstrip().startswith("#")

    def is_empty(self, text: str) -> bool:
        return not text.strip() and not (self.blanks_are_cells and len(text) in (self.columns, self.puzzle.seq_len))

    def blocks(self, lines: list[Line]) -> Iterator[list[Line]]:
        """Runs of lines between empty ones."""
        block: list[Line] = []
        for line in lines:
            if not self.is_empty(line.text):
                block.append(line)
            elif block:
                yield block
                block = []
        if block:
            yield block

    def cut(self, lines: list[Line], texts: list[tuple[int, str]], titles: list[Line]) -> bool:
        """Adds the grids, and what is left of broken ones, to `texts`, and lines of words, which may be headings, to
        `titles`. Returns whether there is a grid."""
        self.dashes_are_blanks = any("-" in line.text and _has_content(line) for line in lines)
        stretch: list[Line] = []
        complete = False
        for line in lines:
            if self.is_row(line.text) or not WORD.search(line.text):
                stretch.append(line)
                continue
            complete |= self.grids(stretch, texts)
            titles.append(line)
            stretch = []
        return self.grids(stretch, texts) or complete

    def grids(self, lines: list[Line], texts: list[tuple[int, str]]) -> bool:
        """Adds the grids of lines without words between them to `texts`. Returns whether there are any.

        Where the rows do not add up to whole grids all of them are told as one broken puzzle: which of them is short of
        a row cannot be known, and the others would be read out of step.
        """
        places = [place for place, line in enumerate(lines) if self.is_row(line.text)]
        if not places:
            texts += [(line.number, line.text) for line in lines]
            return False
        if self.parses(_join(lines)):
            texts.append((lines[places[0]].number, _join(lines)))
            return True
        starts, ends = places[:: self.rows], places[self.rows - 1 :: self.rows]
        if len(places) % self.rows == 0:
            cut = [lines[start : end + 1] for start, end in zip(starts, ends, strict=True)]
            if all(self.parses(_join(grid)) for grid in cut):
                texts += [(grid[0].number, _join(grid)) for grid in cut]
                return True
        texts.append((lines[places[0]].number, _join(lines)))
        return False

    def is_row(self, text: str) -> bool:
        """Whether the line is one row of a grid: it makes a puzzle with copies of itself, or with rows of token 1."""
        if self.rows == 1 or len(text) > self.longest:
            return False
        if "-" in text and RULER.fullmatch(text) and not (self.dashes_are_blanks and "+" not in text):
            return False
        if text not in self.row_like:
            others = (text, self.puzzle.token_symbols[1] * self.columns)
            self.row_like[text] = any(self.parses("\n".join([text, *[other] * (self.rows - 1)])) for other in others)
        return self.row_like[text]

    def _field(self, text: str) -> str | None:
        """The part of a line that is a puzzle: all of it, what stands in quotes, or one of its cells; else None."""
        if len(text) > self.longest * MOST_FIELDS:
            return None
        if self.parses(text):
            return text
        bare = text.strip()
        if len(bare) > 1 and bare[0] == bare[-1] == '"' and self.parses(bare[1:-1]):
            return bare[1:-1]
        for delimiter in [*DELIMITERS] + ([] if self.blanks_are_cells else [" "]):
            cells = text.split(delimiter)
            if 1 < len(cells) <= MOST_FIELDS:
                puzzle_text = next((cell for cell in cells if cell.strip() and self.parses(cell)), None)
                if puzzle_text is not None:
                    return puzzle_text
        return None

    def parses(self, text: str) -> bool:
        if len(text) > max(self.longest, 200 * self.rows):
            return False
        try:
            self.puzzle.parse(text)
        except UserError:
            return False
        return True


def _has_content(line: Line) -> bool:
    return any(symbol.isalnum() for symbol in line.text)


def _join(lines: list[Line]) -> str:
    return "\n".join(line.text for line in lines)
