"""What a step may do in a domain, which solution it is compared with, and the table of answers that domains keep."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Integer, UInt8

from puzzles.base import Puzzle
from puzzles.errors import UserError


@runtime_checkable
class StepRules(Protocol):
    """How solutions of one puzzle are written step by step.

    `problems`, `states`, `before` and `after` are token ids `[num, seq]`; row i of each belongs to the same attempt.
    """

    puzzle: Puzzle
    blank: int  # the token of a cell that nothing has been written to
    values: tuple[int, ...]  # tokens that editable cells may hold, the blank first
    unique: bool  # whether each problem has one solution, so that `targets` does not depend on the states

    def start(self, problems: Integer[np.ndarray, "num seq"]) -> UInt8[np.ndarray, "num seq"]:
        """The state before the first step."""
        ...

    def editable(self, problems: Integer[np.ndarray, "num seq"]) -> Bool[np.ndarray, "num seq"]:
        """The cells that steps may write: not the givens, not the walls."""
        ...

    def legal(
        self, problems: Integer[np.ndarray, "num seq"], states: Integer[np.ndarray, "num seq"]
    ) -> Bool[np.ndarray, "num seq vocab"]:
        """The values that may be written into blank cells: those that do not clash at once, right or wrong.

        After an error the right value may clash with the wrong one and is then missing.
        """
        ...

    def complete(
        self, problems: Integer[np.ndarray, "num seq"], states: Integer[np.ndarray, "num seq"]
    ) -> Bool[np.ndarray, "num"]:
        """Whether a state is an answer, right or wrong, rather than the beginning of one."""
        ...

    def remember(self, problems: Integer[np.ndarray, "num seq"], answers: Integer[np.ndarray, "num seq"]) -> None:
        """Store these answers as known: needed where no solver exists (ARC), faster elsewhere."""
        ...

    def targets(
        self,
        problems: Integer[np.ndarray, "num seq"],
        before: Integer[np.ndarray, "num seq"],
        after: Integer[np.ndarray, "num seq"],
    ) -> UInt8[np.ndarray, "num seq"]:
        """The solved state that an edit is compared with: the one nearest to `before`, and of these the nearest to
        `after`.

        The nearest solution agrees with the most written cells. UserError for a puzzle whose answer is neither known
        nor computable.
        """
        ...


def step_rules(puzzle: Puzzle) -> StepRules:
    """The rules of the puzzle's domain; UserError for a domain without."""
    return puzzle.step_rules()


class Answers:
    """Answers of problems, found again by the problem's bytes. The table is emptied before it would hold more than
    `most`."""

    def __init__(self, most: int | None = None) -> None:
        self._table: dict[bytes, bytes] = {}
        self._most = most

    def keep(self, problems: UInt8[np.ndarray, "num seq"], answers: UInt8[np.ndarray, "num seq"]) -> None:
        """Stores the answers. UserError for a problem that has another answer already."""
        if len(problems) != len(answers):
            raise UserError(f"answers have {len(answers)} rows: problems have {len(problems)}")
        fresh: dict[bytes, bytes] = {}
        for index, (problem, row) in enumerate(zip(problems, answers, strict=True)):
            key, answer = problem.tobytes(), row.tobytes()
            if (self._table.get(key) or fresh.setdefault(key, answer)) != answer:
                raise UserError(f"answer {index}: another answer of the same puzzle is known")
        if self._most is not None and len(self._table) + len(fresh) > self._most:
            self._table = {}
        self._table |= fresh

    def of(
        self,
        problems: UInt8[np.ndarray, "num seq"],
        solve: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> UInt8[np.ndarray, "num seq"]:
        """The answers; `solve` computes those that are unknown. UserError naming the first problem without one."""
        keys = [row.tobytes() for row in problems]
        table = self._table
        unknown: dict[bytes, int] = {}
        for index, key in enumerate(keys):
            if key not in table:
                unknown.setdefault(key, index)
        if unknown:
            missing = problems[list(unknown.values())]
            if solve is None:
                raise UserError(f"puzzle {min(unknown.values())}: its answer is not known: remember() it first")
            answers = _solved(missing, list(unknown.values()), solve)
            table = table | {row.tobytes(): answer.tobytes() for row, answer in zip(missing, answers, strict=True)}
            self.keep(missing, answers)
        return np.frombuffer(b"".join([table[key] for key in keys]), np.uint8).reshape(problems.shape)


def _solved(problems, places: list[int], solve: Callable[[np.ndarray], np.ndarray]) -> UInt8[np.ndarray, "num seq"]:
    """The answers. UserError that names a problem by its place among those that were asked for."""
    try:
        return solve(problems).astype(np.uint8)
    except UserError:
        for place, problem in zip(places, problems, strict=True):
            try:
                solve(problem[None])
            except UserError as error:
                raise UserError(f"puzzle {place}: {str(error).removeprefix('puzzle 0: ')}") from None
        raise
