"""How well scores separate right from wrong: ranking, calibration, and a table by (previous, current) step.

Higher scores are better; labels are True for right. A metric that the data leave undefined is NaN.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Integer

from hrm_net.evaluation.metrics import calibration
from puzzles.errors import UserError

Scores = Float[np.ndarray, " num"]
Labels = Bool[np.ndarray, " num"]
STATES = ("wrong", "right")


def auroc(scores: Scores, labels: Labels) -> float:
    """The chance that a right one scores above a wrong one, ties counting half. NaN unless both kinds occur.

    Mann and Whitney's statistic: sum of the ranks of the right ones - n (n + 1) / 2, over the number of pairs.
    scikit-learn's function gives the same number, sixty times slower, which matters within hundreds of puzzles, and
    refuses infinite scores.
    """
    from scipy.stats import rankdata

    num_right = int(labels.sum())
    num_wrong = len(labels) - num_right
    if num_right == 0 or num_wrong == 0:
        return math.nan
    above = rankdata(scores)[labels].sum() - num_right * (num_right + 1) / 2
    return float(above / (num_right * num_wrong))


def auprc(scores: Scores, labels: Labels) -> float:
    """Average precision: sum over thresholds of (gain in recall) * precision; equal scores pass a threshold together.

    A constant score gets the share of right ones. NaN where none is right.
    """
    num_right = int(labels.sum())
    if num_right == 0:
        return math.nan
    values, place = np.unique(-scores, return_inverse=True)
    place = place.reshape(-1)
    passed = np.cumsum(np.bincount(place, minlength=len(values)))
    hits = np.cumsum(np.bincount(place, labels, minlength=len(values)))
    gain = np.diff(hits, prepend=0) / num_right
    return float((gain * hits / passed).sum())


def within(
    metric: Callable[[Scores, Labels], float], scores: Scores, labels: Labels, groups: Integer[np.ndarray, " num"]
) -> tuple[float, int]:
    """(mean of the metric over the groups where it is defined, number of those groups); NaN and 0 without any."""
    order = np.argsort(groups, kind="stable")
    cuts = np.flatnonzero(np.diff(groups[order])) + 1
    found = [metric(scores[part], labels[part]) for part in np.split(order, cuts) if len(part)]
    defined = [value for value in found if not math.isnan(value)]
    return (float(np.mean(defined)), len(defined)) if defined else (math.nan, 0)


def ranking(scores: Scores, labels: Labels, groups: Integer[np.ndarray, " num"]) -> dict[str, Any]:
    """AUROC and AUPRC, pooled over everything, and as the mean within the puzzles (`groups`) that have both labels.

    Pooled far below within: the scores rank the candidates of one puzzle but are not comparable between puzzles.
    Pooled far above within: the scores separate easy puzzles from hard ones rather than right from wrong.
    """

    def both_kinds(metric: Callable[[Scores, Labels], float]) -> Callable[[Scores, Labels], float]:
        return lambda some, right: metric(some, right) if 0 < right.sum() < len(right) else math.nan

    auroc_within, num = within(auroc, scores, labels, groups)
    return {
        "auroc": auroc(scores, labels),
        "auprc": auprc(scores, labels),
        "auroc_within": auroc_within,
        "auprc_within": within(both_kinds(auprc), scores, labels, groups)[0],
        "puzzles_within": num,
        "right": float(labels.mean()) if len(labels) else math.nan,
        "num": len(labels),
    }


def reliability(scores: Scores, labels: Labels) -> dict[str, Any]:
    """`ece` (10 bins of equal width), `brier`, `bins` of a reliability diagram, as `hrm_net.evaluation.metrics` counts.

    A bin's `puzzles` are its examples. UserError for scores that are not probabilities, and without any scores.
    """
    if len(scores) == 0:
        raise UserError("calibration: must be of at least one score")
    if not ((scores >= 0) & (scores <= 1)).all():
        raise UserError(f"calibration: scores {np.min(scores):g} to {np.max(scores):g}: must be within [0, 1]")
    return calibration(scores, labels) | {"num": len(scores)}


def quadrants(scores: Scores, labels: Labels, previous: Labels, *, threshold: float = 0.5) -> dict[str, dict[str, Any]]:
    """Four cells by whether the step before and this one are right: does a scorer see that an error is corrected?

    Key "wrong_right": the step before was wrong, this one is right. Each cell: `num`, mean `score`, share `accepted`
    (score >= threshold) and `accuracy` (accepted exactly where this step is right); NaN where `num` is 0.
    `previous` from `previous_labels`; leave out rows that have none.
    """
    table = {}
    for i, before in enumerate(STATES):
        for j, now in enumerate(STATES):
            mine = scores[(previous == bool(i)) & (labels == bool(j))]
            accepted = float((mine >= threshold).mean()) if len(mine) else math.nan
            table[f"{before}_{now}"] = {
                "num": len(mine),
                "score": float(mine.mean()) if len(mine) else math.nan,
                "accepted": accepted,
                "accuracy": accepted if j else 1 - accepted,
            }
    return table


def auroc_by_previous(scores: Scores, labels: Labels, previous: Labels) -> dict[str, float]:
    """The quadrant table without a threshold: AUROC of steps `after_wrong` ones and of steps `after_right` ones."""
    return {f"after_{name}": auroc(scores[previous == bool(i)], labels[previous == bool(i)])
            for i, name in enumerate(STATES)}  # fmt: skip


def previous_labels(
    labels: Labels, starts: Integer[np.ndarray, " bounds"]
) -> tuple[Bool[np.ndarray, " num"], Bool[np.ndarray, " num"]]:
    """(label of the step before, whether there is one) for the steps of trajectories that follow each other.

    Trajectory i is rows starts[i] to starts[i + 1]; a first step has none before it, and False stands there.
    """
    previous, has = np.zeros_like(labels), np.ones_like(labels)
    previous[1:] = labels[:-1]
    firsts = starts[:-1][starts[:-1] < starts[1:]]
    previous[firsts] = False
    has[firsts] = False
    return previous, has


def step_f1(scores: Scores, labels: Labels, threshold: float) -> dict[str, float]:
    """`f1` of right steps and `negative_f1` of wrong ones, accepting scores >= threshold; NaN where undefined."""
    accepted = scores >= threshold

    def f1(said: Labels, true: Labels) -> float:
        total = int(said.sum()) + int(true.sum())
        return 2 * int((said & true).sum()) / total if total else math.nan

    return {"f1": f1(accepted, labels), "negative_f1": f1(~accepted, ~labels)}
