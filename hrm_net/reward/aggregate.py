"""The score of a solution out of the scores of its steps."""

import math
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

from puzzles.errors import UserError

Numbers = Sequence[float]


def _sum_log(scores: Numbers) -> float:
    return math.fsum(math.log(score) if score > 0 else -math.inf for score in scores)


AGGREGATES: dict[str, Callable[[Numbers], float]] = {
    "min": min,
    "max": max,
    "mean": lambda scores: math.fsum(scores) / len(scores),
    "last": lambda scores: scores[-1],
    # Of `cond` the survival S(T): the product of 1 - h(t).
    "prod": lambda scores: math.exp(_sum_log(scores)),
    # Its logarithm, which ranks long solutions where the product is 0 to a computer; -inf where a score is 0.
    "sum_log": _sum_log,
}


def aggregate(scores: Any, how: str) -> Any:
    """One number out of the numbers of a list; of nested lists, nested lists of such numbers.

    So `[step]` gives a float, `[candidate][step]` one for each candidate. `how`: min, max, mean, last, prod or sum_log.
    ValueError for another name, an empty list, and scores that are no numbers from 0 to 1.
    """
    if how not in AGGREGATES:
        raise UserError(f"how={how}: must be one of {', '.join(AGGREGATES)}")
    return _aggregate(scores, AGGREGATES[how], "scores")


def _aggregate(scores: Any, function: Callable[[Numbers], float], where: str) -> Any:
    if len(scores) == 0:
        raise UserError(f"{where}: empty: must hold at least one score")
    if all(_is_number(score) for score in scores):
        for i, score in enumerate(scores):
            if not 0 <= score <= 1:
                raise UserError(f"{where}[{i}]={score}: must be a number from 0 to 1")
        return function([float(score) for score in scores])
    if any(_is_number(part) or isinstance(part, str) for part in scores):
        raise UserError(f"{where}: must hold numbers alone, or lists alone")
    return [_aggregate(part, function, f"{where}[{i}]") for i, part in enumerate(scores)]


def _is_number(score: Any) -> bool:
    # The second is for tensors without axes.
    return isinstance(score, Real) or getattr(score, "ndim", None) == 0
