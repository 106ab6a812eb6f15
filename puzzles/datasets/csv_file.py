"""Puzzles in a CSV file: the columns `question` and, where there is one, `answer`, found by the header."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Integer

from puzzles.base import Puzzle
from puzzles.errors import UserError

Rows = Integer[np.ndarray, "num seq"]


@dataclass(kw_only=True, slots=True)
class Texts:
    """Columns as they stand in the file, with the line that each row ends on. No answer: ""."""

    lines: list[int]
    questions: list[str]
    answers: list[str]
    ratings: list[str]

    def take(self, which: Integer[np.ndarray, " chosen"]) -> "Texts":
        """These rows, in this order."""
        columns = (self.lines, self.questions, self.answers, self.ratings)
        lines, questions, answers, ratings = ([column[i] for i in which] for column in columns)
        return Texts(lines=lines, questions=questions, answers=answers, ratings=ratings)


def read(path: Path) -> Texts:
    """All rows; ValueError where the file is none or has no column `question`. `ratings` is empty without `rating`."""
    texts = Texts(lines=[], questions=[], answers=[], ratings=[])
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or ()
            if "question" not in columns:
                has = ",".join(columns or ["nothing"])
                raise UserError(f"{path}:1: the header must name a column `question`, has {has}")
            for row in reader:
                texts.lines.append(reader.line_num)
                texts.questions.append(row["question"] or "")  # a maze may begin and end with blanks
                texts.answers.append(row.get("answer") or "")
                if "rating" in columns:
                    texts.ratings.append((row["rating"] or "").strip())
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: is not a CSV text file ({error})") from error
    return texts


def parse(path: Path, texts: Texts, puzzle: Puzzle) -> tuple[Rows, Rows]:
    """Inputs and labels, those without an answer solved exactly. ValueError naming file and line of a bad row."""
    if not texts.lines:
        raise UserError(f"{path}: has no puzzles")
    lines = texts.lines
    questions = [
        _parse(path, line, puzzle, "question", text) for line, text in zip(lines, texts.questions, strict=True)
    ]
    inputs = np.stack(questions)
    labels = np.zeros_like(inputs)
    known = np.array([text.strip() != "" for text in texts.answers])
    for i in np.flatnonzero(known):
        labels[i] = _parse(path, lines[i], puzzle, "answer", texts.answers[i])
    _check_answers(path, lines, puzzle, inputs, labels, np.flatnonzero(known))
    _solve(path, lines, puzzle, inputs, labels, np.flatnonzero(~known))
    return inputs, labels


def _parse(path: Path, line: int, puzzle: Puzzle, column: str, text: str) -> np.ndarray:
    try:
        return puzzle.parse(text)
    except ValueError as error:
        raise UserError(f"{path}:{line}: {column}: {error}") from error


def _check_answers(path: Path, lines: list[int], puzzle: Puzzle, inputs: Rows, labels: Rows, which: np.ndarray) -> None:
    if len(which) == 0 or not puzzle.verifiable:
        return
    wrong = which[~puzzle.check(inputs[which], labels[which]).solved]
    if len(wrong) == 0:
        return
    first = int(wrong[0])
    _solve(path, lines, puzzle, inputs, labels.copy(), wrong[:1])  # a puzzle that is itself wrong is the better message
    raise UserError(f"{path}:{lines[first]}: answer: is not a solution of its question")


def _solve(path: Path, lines: list[int], puzzle: Puzzle, inputs: Rows, labels: Rows, which: np.ndarray) -> None:
    """Fills labels[which] with the exact answers."""
    if len(which) == 0:
        return
    try:
        labels[which] = puzzle.solve(inputs[which])
    except ValueError:
        for i in which:  # one by one, to name the line
            try:
                puzzle.solve(inputs[i : i + 1])
            except ValueError as error:
                reason = str(error).removeprefix("puzzle 0: ")
                raise UserError(f"{path}:{lines[i]}: question: {reason}") from error
        raise
