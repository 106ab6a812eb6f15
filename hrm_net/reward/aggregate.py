"""The score of a solution from the scores of its steps."""

from collections.abc import Iterable, Mapping, Set
from numbers import Real
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from puzzles.errors import UserError

AGGREGATIONS = ("min", "max", "mean", "last", "prod", "sum_log")
# Those that evaluations compare; a tie goes to the first.
COMPARED = ("prod", "min", "last", "mean")


def aggregate(scores: Any, how: str) -> Any:
    """One number for a list of step scores; for nested lists, nested lists of such numbers.

    `[step]` gives a float, `[candidate][step]` a list with one for each candidate, and so on. Lists, tuples, arrays and
    tensors are read. `how` is one of

        min, max, mean, last
        prod      the product; for `cond` the survival S(T), the product of 1 - h(t)
        sum_log   its logarithm, which still ranks long solutions whose product underflows to 0; -inf where a score is 0

    UserError for another name, an empty list, and scores that are not numbers from 0 to 1.
    """
    check_aggregation(how)
    return _aggregate(scores, how, "scores")


def by_solution(
    scores: Float[np.ndarray, " rows"], starts: Integer[np.ndarray, " bounds"], how: str
) -> Float[np.ndarray, " solutions"]:
    """`aggregate` for many solutions at once, one after another: solution i has the scores starts[i] to starts[i + 1].

    UserError for another `how`, and for a solution without a step.
    """
    check_aggregation(how)
    lengths = np.diff(starts)
    if (lengths < 1).any():
        raise UserError(f"solution {int(np.argmax(lengths < 1))}: has no step")
    firsts = starts[:-1]
    if how == "last":
        return scores[starts[1:] - 1]
    if how in ("min", "max"):
        return (np.minimum if how == "min" else np.maximum).reduceat(scores, firsts)
    if how == "mean":
        return np.add.reduceat(scores, firsts) / lengths
    with np.errstate(divide="ignore"):
        logs = np.add.reduceat(np.log(scores), firsts)
    return np.exp(logs) if how == "prod" else logs


def ranking_aggregation(how: str) -> str:
    """The aggregation that orders solutions as `how` does and does not underflow: sum_log for prod."""
    return "sum_log" if how == "prod" else how


def check_aggregation(how: Any, allowed: tuple[str, ...] = AGGREGATIONS) -> None:
    """UserError where `how` is not the name of an aggregation."""
    if not isinstance(how, str) or how not in allowed:
        raise UserError(f"how={how}: must be one of {', '.join(allowed)}")


def _aggregate(scores: Any, how: str, where: str) -> Any:
    if hasattr(scores, "tolist"):  # arrays and tensors
        scores = scores.tolist()
    if not isinstance(scores, Iterable) or isinstance(scores, str | bytes | Mapping | Set):
        raise UserError(f"{where}: is of type {type(scores).__name__}: must be a list of scores, or of lists of them")
    parts = list(scores)
    if not parts:
        raise UserError(f"{where}: empty: must hold at least one score")
    numbers = [_number(part) for part in parts]
    if all(number is None for number in numbers) and not any(isinstance(part, str | bytes) for part in parts):
        return [_aggregate(part, how, f"{where}[{i}]") for i, part in enumerate(parts)]
    values = []
    for i, (part, number) in enumerate(zip(parts, numbers, strict=True)):
        if number is None:
            raise UserError(f"{where}: must hold numbers alone, or lists alone")
        if not 0 <= number <= 1:
            raise UserError(f"{where}[{i}]={part}: must be a number from 0 to 1")
        values.append(number)
    return float(by_solution(np.array(values), np.array([0, len(values)]), how)[0])


def _number(score: Any) -> float | None:
    """A score as a float; None for what is not a number."""
    if getattr(score, "ndim", None) == 0 and hasattr(score, "tolist"):
        score = score.tolist()
    if not isinstance(score, Real):
        return None
    try:
        return float(score)
    except OverflowError:  # a whole number of hundreds of digits
        return float("inf")
