"""Metrics of each head on held-out texts: on rated steps by themselves, and on where whole solutions go wrong."""

from typing import Any

import numpy as np
from jaxtyping import Float64

from hrm_net.reward.aggregate import by_solution
from hrm_net.reward.examples import Examples
from hrm_net.reward.heads import HEADS, MERGED_ROWS
from hrm_net.reward.metrics import ranking as metrics
from hrm_net.reward.metrics.first_error import best_threshold, first_error_auroc, first_error_f1
from puzzles.steps.rows import COARSE, FINE

# Of every head, for the rows of the examples in their order.
Scores = dict[str, Float64[np.ndarray, " rows"]]


def head_metrics(held_out: Examples, scores: Scores, threshold: dict[str, float]) -> dict[str, Any]:
    """By head: AUROC and calibration of single steps, AUROC of merged steps and of solutions (aggregated as the head
    says), and F1 of the first error at the thresholds. NaN where a figure is not defined."""
    starts, outcome, error = held_out.starts, held_out.outcome, held_out.error
    inside = slice(0, int(starts[-1]))
    alone = np.arange(len(held_out)) >= starts[-1]
    fine, coarse = alone & (held_out.span == FINE), alone & (held_out.span == COARSE)
    right = held_out.label >= 0.5
    found = {}
    for head, mine in scores.items():
        steps = mine[inside]
        merged = metrics.auroc(mine[coarse], right[coarse]) if MERGED_ROWS in HEADS[head].needs else np.nan
        found[head] = {
            "auroc_steps": metrics.auroc(mine[fine], right[fine]),
            "auroc_merged": merged,
            "auroc_solutions": metrics.auroc(by_solution(steps, starts, HEADS[head].aggregation), outcome),
            "calibration_error": metrics.reliability(mine[fine], right[fine])["ece"],
            "first_error_f1": first_error_f1(steps, starts, error, threshold[head]).f1,
            "first_error_auroc": first_error_auroc(steps, starts, error),
            "threshold": threshold[head],
        }
    return found


def thresholds(validation: Examples, scores: Scores) -> dict[str, float]:
    """By head: the threshold with the highest first-error F1 on validation questions."""
    starts = validation.starts
    return {head: best_threshold(mine[: starts[-1]], starts, validation.error) for head, mine in scores.items()}
