"""Metrics of an evaluation: shares with intervals, difficulty buckets, calibration of the halting head."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

CALIBRATION_BINS = 10


def wilson(successes: int, num: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a share: within [0, 1], and never a single point; (0, 1) of none."""
    from scipy.stats import binomtest

    if num == 0:
        return 0.0, 1.0
    interval = binomtest(successes, num).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def rate(hits: Bool[np.ndarray, " num"]) -> float:
    return float(np.mean(hits))


def published(
    cell_share: Float[np.ndarray, " num"],
    exact: Bool[np.ndarray, " num"],
    q_halt: Float[np.ndarray, " num"],
    lm_loss: Float[np.ndarray, " num"],
    counted: Bool[np.ndarray, " num"],
    segments: int,
) -> dict[str, float]:
    """The metrics of the published code under its own names, after its one pass in which no row stops early.

    Means over rows that have scored cells (`counted`): `accuracy` of each row's share of right cells,
    `q_halt_accuracy` of Q(halt) >= 0 exactly where the whole row is right, `steps` the pass's segments.
    """
    if not counted.any():
        counted = np.ones_like(counted)
    means = {
        "accuracy": cell_share,
        "exact_accuracy": exact,
        "q_halt_accuracy": (q_halt >= 0) == exact,
        "lm_loss": lm_loss,
    }
    found = {name: float(np.mean(values[counted], dtype=np.float64)) for name, values in means.items()}
    return found | {"steps": float(segments)}


def difficulty_label(edges: Sequence[int], i: int) -> str:
    """The i-th bucket of edges 0, 1, 5, ...: "0", "1-4", ..., "50+"."""
    low = edges[i]
    if i + 1 == len(edges):
        return f"{low}+"
    high = edges[i + 1] - 1
    return str(low) if high == low else f"{low}-{high}"


def by_difficulty(
    difficulty: Float[np.ndarray, " num"], solved: Bool[np.ndarray, " num"], edges: Sequence[int]
) -> dict[str, dict[str, Any]]:
    """{bucket: {puzzles, solve_rate, interval}} for the buckets that hold puzzles; between integers, rounded down."""
    bucket = np.maximum(np.searchsorted(edges, difficulty, side="right") - 1, 0)
    table = {}
    for i in range(len(edges)):
        hits = solved[bucket == i]
        if len(hits):
            table[difficulty_label(edges, i)] = {
                "puzzles": len(hits),
                "solve_rate": rate(hits),
                "interval": wilson(int(hits.sum()), len(hits)),
            }
    return table


def calibration(confidence: Float[np.ndarray, " num"], correct: Bool[np.ndarray, " num"]) -> dict[str, Any]:
    """How well stated probabilities of being right agree with being right.

    `ece` = sum over bins of share of puzzles * |mean confidence - share right|, `brier` = mean of
    (confidence - right)^2, and those bins of equal width that hold puzzles.
    """
    index = np.minimum((confidence * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    bins, ece = [], 0.0
    for i in range(CALIBRATION_BINS):
        inside = index == i
        num = int(inside.sum())
        if num == 0:
            continue
        mean, accuracy = float(confidence[inside].mean()), rate(correct[inside])
        ece += num / len(correct) * abs(mean - accuracy)
        low, high = i / CALIBRATION_BINS, (i + 1) / CALIBRATION_BINS
        bins.append({"low": low, "high": high, "puzzles": num, "confidence": mean, "accuracy": accuracy})
    return {"ece": ece, "brier": float(np.mean((confidence - correct) ** 2)), "bins": bins}
