"""One number a solution out of the scores of its steps, of any number of solutions at once."""

import numpy as np
from jaxtyping import Float, Integer

from puzzles.errors import UserError

HOWS = ("prod", "min", "last", "mean")


def by_solution(
    scores: Float[np.ndarray, " rows"], starts: Integer[np.ndarray, " bounds"], how: str
) -> Float[np.ndarray, " attempts"]:
    """Solutions lie one after another, the rows of one from `starts[i]` to `starts[i + 1]`; of prod the logarithm.

    ValueError for another `how`, and for a solution without a step.
    """
    if how not in HOWS:
        raise UserError(f"how={how}: must be one of {', '.join(HOWS)}")
    if (np.diff(starts) < 1).any():
        raise UserError(f"trajectory {int(np.argmax(np.diff(starts) < 1))}: has no step")
    if how == "last":
        return scores[starts[1:] - 1]
    if how == "min":
        return np.minimum.reduceat(scores, starts[:-1])
    if how == "mean":
        return np.add.reduceat(scores, starts[:-1]) / np.diff(starts)
    with np.errstate(divide="ignore"):
        return np.add.reduceat(np.log(scores), starts[:-1])
