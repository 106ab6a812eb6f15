"""Where a trajectory first goes wrong according to step scores (ProcessBench), with a threshold from other puzzles.

Steps of trajectory i are rows starts[i] to starts[i + 1]; `error[i]` is the 0-based index of its error, its number of
steps where there is none. Convention "first" looks for the first step below the threshold, "last" for the start of the
run of such steps that reaches the end: the error that is never corrected.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64, Integer

from hrm_net.reward.metrics.ranking import auroc
from puzzles.errors import UserError

CONVENTIONS = ("first", "last")
Rows = Float[np.ndarray, " rows"]
Starts = Integer[np.ndarray, " bounds"]


@dataclass(kw_only=True, slots=True)
class FirstError:
    """`error_accuracy` over trajectories with an error (found exactly), `right_accuracy` over those without one (none
    claimed), and `f1` = 2ab / (a + b) of the two; NaN where one of the kinds does not occur."""

    error_accuracy: float
    right_accuracy: float
    f1: float
    threshold: float
    with_error: int
    without: int


def predicted_errors(
    scores: Rows, starts: Starts, threshold: float, convention: str = "first"
) -> Int64[np.ndarray, " num"]:
    """The index of the error that these scores predict in each trajectory; its number of steps if they predict none."""
    falling = _falling(scores, starts, convention)
    return np.array([int((mine >= threshold).sum()) for mine in falling], np.int64)


def first_error_f1(
    scores: Rows,
    starts: Starts,
    error: Integer[np.ndarray, " num"],
    threshold: float,
    convention: str = "first",
) -> FirstError:
    """With a threshold from `best_threshold` on validation puzzles."""
    steps = np.diff(starts)
    found = predicted_errors(scores, starts, threshold, convention) == error
    wrong = error < steps
    a, b = (float(found[mask].mean()) if mask.any() else math.nan for mask in (wrong, ~wrong))
    return FirstError(
        error_accuracy=a,
        right_accuracy=b,
        f1=2 * a * b / (a + b) if a + b != 0 else 0.0,
        threshold=threshold,
        with_error=int(wrong.sum()),
        without=int((~wrong).sum()),
    )


def best_threshold(
    scores: Rows, starts: Starts, error: Integer[np.ndarray, " num"], convention: str = "first"
) -> float:
    """The threshold of the highest F1, found exactly: the middle of the best interval, or 0.5 where no F1 is above 0.

    A trajectory is judged rightly by the thresholds in one interval (low, high]; the best ones lie where most intervals
    overlap.
    """
    bounds = [
        (float(mine[z]) if z < len(mine) else -math.inf, float(mine[z - 1]) if z > 0 else math.inf)
        for mine, z in zip(_falling(scores, starts, convention), error.tolist(), strict=True)
    ]
    low, high = np.array(bounds, float).reshape(-1, 2).T
    wrong = error < np.diff(starts)
    places = np.unique(np.concatenate([low, high, [math.inf]]))
    places = places[np.isfinite(places) | (places == math.inf)]  # each stands for thresholds from the one before to it

    def share(mask: Bool[np.ndarray, " num"]) -> Float[np.ndarray, " places"]:
        ends, begins = np.sort(high[mask & (low < high)]), np.sort(low[mask & (low < high)])
        inside = np.searchsorted(begins, places, side="left") - np.searchsorted(ends, places, side="left")
        return inside / max(1, int(mask.sum()))

    a, b = share(wrong), share(~wrong)
    f1 = 2 * a * b / np.maximum(a + b, np.finfo(float).tiny)
    if f1.max() == 0:
        return 0.5
    best = int(f1.argmax())
    lower = places[best - 1] if best else 0.0
    upper = places[best] if math.isfinite(places[best]) else max(1.0, np.nextafter(lower, math.inf))
    middle = (lower + upper) / 2
    return float(middle if lower < middle <= upper else upper)


def first_error_auroc(scores: Rows, starts: Starts, error: Integer[np.ndarray, " num"]) -> float:
    """Without a threshold: AUROC of the steps before the error against the steps of the error; later ones are left
    out, as labels after the first error are in most data sets."""
    steps = np.arange(len(scores)) - np.repeat(starts[:-1], np.diff(starts))
    error_of = np.repeat(error, np.diff(starts))
    judged = steps <= error_of
    return auroc(scores[judged], (steps < error_of)[judged])


def _falling(scores: Rows, starts: Starts, convention: str) -> list[np.ndarray]:
    """For each trajectory, a curve that never rises, and whose first place below a threshold is the predicted error."""
    if convention not in CONVENTIONS:
        raise UserError(f"convention={convention}: must be one of {', '.join(CONVENTIONS)}")
    pieces = np.split(scores, starts[1:-1])
    if convention == "first":
        return [np.minimum.accumulate(mine) for mine in pieces]
    return [np.maximum.accumulate(mine[::-1])[::-1] for mine in pieces]
