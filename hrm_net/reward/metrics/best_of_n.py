"""Best-of-N without sampling noise: the value of the best-scored of N candidates, on average over all subsets.

Of M candidates, N are drawn without replacement and the one with the highest score is kept. With the candidates sorted
by score, the i-th from below is kept in C(i - 1, N - 1) of the C(M, N) subsets; equal scores are equally likely.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from hrm_net.reward.metrics.bootstrap import LEVEL, REPEATS, interval, resampled_means
from puzzles.errors import UserError

MOST = 256


def sizes_up_to(candidates: int, most: int = MOST) -> list[int]:
    """1, 2, 4, ... up to the smaller of `candidates` and `most`."""
    if candidates < 1:
        raise UserError(f"candidates={candidates}: must be at least 1")
    return [1 << i for i in range(min(candidates, most).bit_length())]


def kl_divergence(size: int) -> float:
    """log N - (N - 1) / N: the most that best-of-N can diverge from the policy, in nats; the usual x axis of reward
    hacking."""
    return math.log(size) - (size - 1) / size


def selection_weights(
    scores: Float[np.ndarray, "puzzles candidates"], size: int
) -> Float[np.ndarray, "puzzles candidates"]:
    """The probability of each candidate to be the one that best-of-`size` keeps; rows sum to 1.

    Scores may be -inf. UserError for NaN, and where there are fewer than `size` candidates.
    """
    num = scores.shape[1]
    if not 1 <= size <= num:
        raise UserError(f"best-of-{size}: needs 1 to {num} candidates, as many as a puzzle has")
    if np.isnan(scores).any():
        raise UserError(f"scores of puzzle {int(np.isnan(scores).any(1).argmax())}: NaN cannot be ranked")
    kept = _within(num, size)
    weights = np.empty(scores.shape)
    for row, mine in enumerate(scores):
        ordered = np.sort(mine)
        below, upto = (np.searchsorted(ordered, mine, side=side) for side in ("left", "right"))
        weights[row] = (kept[upto] - kept[below]) / (upto - below)
    return weights


def best_of_n(
    scores: Float[np.ndarray, "puzzles candidates"],
    values: Bool[np.ndarray, "puzzles candidates"] | Float[np.ndarray, "puzzles candidates"],
    size: int,
) -> Float[np.ndarray, " puzzles"]:
    """The expected value (solved or not, or any number) of the candidate that best-of-`size` keeps, for each puzzle."""
    weights = selection_weights(scores, size)
    return (weights * np.where(weights > 0, values, 0)).sum(1)  # 0 * -inf would be NaN


def oracle(solved: Bool[np.ndarray, "puzzles candidates"], size: int) -> Float[np.ndarray, " puzzles"]:
    """pass@N = 1 - C(M - c, N) / C(M, N): what a perfect scorer reaches."""
    num = solved.shape[1]
    return 1 - _within(num, size)[num - solved.sum(1)]


def _within(num: int, size: int) -> Float[np.ndarray, " counts"]:
    """For i = 0..num: C(i, size) / C(num, size), the chance that all of a subset lie among the first i."""
    i = np.arange(num + 1)
    factors = np.clip((i[:, None] - np.arange(size)) / (num - np.arange(size)), 0, None)
    return factors.prod(1)


@dataclass(kw_only=True, slots=True)
class Curve:
    """Accuracy by N, puzzle by puzzle, so that methods can be compared on the same puzzles."""

    sizes: list[int]
    accuracy: Float[np.ndarray, "puzzles sizes"]
    # The score of the candidate that is kept; None where some score is infinite.
    score: Float[np.ndarray, "puzzles sizes"] | None = None

    def summary(self, rng: np.random.Generator, *, repeats: int = REPEATS, level: float = LEVEL) -> dict[str, Any]:
        """For JSON and pictures: lists by N of `accuracy` with its bootstrap interval `low`..`high`, `score` and `kl`.

        `hacking_index` is the best point minus the last one: the accuracy that a scorer loses by being fooled by
        further candidates. Its interval is that of the resampled index. The best point is chosen on the same puzzles,
        so noise alone makes the index positive: read the interval's low end.
        """
        means = resampled_means(self.accuracy, rng, repeats)
        low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0)
        accuracy = self.accuracy.mean(0)
        index = means.max(1) - means[:, -1]
        ends = np.quantile(index, [(1 - level) / 2, (1 + level) / 2])
        return {
            "sizes": self.sizes,
            "kl": [kl_divergence(size) for size in self.sizes],
            "accuracy": accuracy.tolist(),
            "low": low.tolist(),
            "high": high.tolist(),
            "score": None if self.score is None else self.score.mean(0).tolist(),
            "hacking_index": float(accuracy.max() - accuracy[-1]),
            "hacking_index_interval": ends.tolist(),
        }


def best_of_n_curve(
    scores: Float[np.ndarray, "puzzles candidates"],
    solved: Bool[np.ndarray, "puzzles candidates"],
    sizes: list[int] | None = None,
) -> Curve:
    """Best-of-N by these scores (aggregated, one a candidate) for N = 1, 2, 4, ... up to 256 or the candidates."""
    sizes = sizes_up_to(scores.shape[1]) if sizes is None else sizes
    accuracy = [best_of_n(scores, solved, size) for size in sizes]
    kept = None if np.isinf(scores).any() else np.stack([best_of_n(scores, scores, size) for size in sizes], 1)
    return Curve(sizes=sizes, accuracy=np.stack(accuracy, 1), score=kept)


def oracle_curve(solved: Bool[np.ndarray, "puzzles candidates"], sizes: list[int] | None = None) -> Curve:
    sizes = sizes_up_to(solved.shape[1]) if sizes is None else sizes
    return Curve(sizes=sizes, accuracy=np.stack([oracle(solved, size) for size in sizes], 1))


def random_curve(solved: Bool[np.ndarray, "puzzles candidates"], sizes: list[int] | None = None) -> Curve:
    """pass@1 at every N."""
    sizes = sizes_up_to(solved.shape[1]) if sizes is None else sizes
    return Curve(sizes=sizes, accuracy=np.repeat(solved.mean(1)[:, None], len(sizes), 1))


def paired_difference(first: Curve, second: Curve, rng: np.random.Generator) -> dict[str, list[float]]:
    """By N: mean of first - second over the same puzzles, and its bootstrap interval."""
    if first.sizes != second.sizes or first.accuracy.shape != second.accuracy.shape:
        raise UserError("paired difference: both curves must be of the same puzzles and sizes")
    gap = first.accuracy - second.accuracy
    low, high = interval(gap, rng)
    return {"difference": gap.mean(0).tolist(), "low": low.tolist(), "high": high.tolist()}
