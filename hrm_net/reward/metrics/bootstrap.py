"""Bootstrap intervals over puzzles: whole puzzles are resampled, with all their candidates."""

import numpy as np
from jaxtyping import Float

from puzzles.errors import UserError

REPEATS = 2000
LEVEL = 0.95


def resampled_means(
    values: Float[np.ndarray, "puzzles columns"], rng: np.random.Generator, repeats: int = REPEATS
) -> Float[np.ndarray, "repeats columns"]:
    """Means over as many puzzles as there are, drawn with replacement; all columns see the same draw.

    One product of matrices. `scipy.stats.bootstrap` draws indices and takes three times as long, and does not return
    the drawn means of several columns together, which the interval of a maximum over columns needs.
    """
    num = len(values)
    if num == 0:
        raise UserError("bootstrap: must be over at least one puzzle")
    counts = rng.multinomial(num, np.full(num, 1 / num), size=repeats)
    return counts @ values.astype(np.float64) / num


def interval(
    values: Float[np.ndarray, "puzzles columns"],
    rng: np.random.Generator,
    repeats: int = REPEATS,
    level: float = LEVEL,
) -> tuple[Float[np.ndarray, " columns"], Float[np.ndarray, " columns"]]:
    """(low, high) of the mean of each column, by percentiles of the bootstrap.

    For the difference of two methods on the same puzzles, pass the differences: pairing makes the interval narrow.
    """
    low, high = np.quantile(resampled_means(values, rng, repeats), [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high
