"""Answers of puzzles, found again by the puzzle's bytes."""

from collections.abc import Callable

import numpy as np
from jaxtyping import UInt8

from puzzles.errors import UserError


class Answers:
    """A table from problems to answers, rows of tokens. `most`: emptied before it would hold more."""

    def __init__(self, most: int | None = None) -> None:
        self._table: dict[bytes, bytes] = {}
        self._most = most

    def keep(self, problems: UInt8[np.ndarray, "num seq"], answers: UInt8[np.ndarray, "num seq"]) -> None:
        """ValueError for a puzzle that has another answer already."""
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
        """The answers, unknown ones by `solve`. ValueError naming the first puzzle without one."""
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
    """Solved at once. ValueError that names a puzzle by its place among those that were asked for."""
    try:
        return solve(problems).astype(np.uint8)
    except ValueError:
        for place, problem in zip(places, problems, strict=True):
            try:
                solve(problem[None])
            except ValueError as error:
                raise UserError(f"puzzle {place}: {str(error).removeprefix('puzzle 0: ')}") from None
        raise
