"""How well each head scores held-out texts: rated steps by themselves, and where whole solutions go wrong."""

import numpy as np
from jaxtyping import Float64

from hrm_net.reward.aggregate import by_solution, ranking_aggregation
from hrm_net.reward.examples import Examples
from hrm_net.reward.heads import HEADS
from hrm_net.reward.metrics import ranking as metrics
from hrm_net.reward.metrics.first_error import best_threshold, first_error_auroc, first_error_f1
from puzzles.steps.rows import COARSE, FINE

Scores = dict[str, Float64[np.ndarray, " rows"]]


def head_metrics(examples: Examples, scores: Scores, threshold: dict[str, float]) -> dict[str, dict[str, float]]:
    """For each head, from its scores of the rows of `examples`; NaN where a metric is not defined.

    AUROC and calibration of single steps, AUROC of merged ones and of solutions (by the head's default aggregation),
    and F1 of the first error at the head's threshold.
    """
    within = int(examples.starts[-1])
    label, span = examples.label[within:] >= 0.5, examples.span[within:]
    fine, coarse = span == FINE, span == COARSE
    found = {}
    for head, mine in scores.items():
        steps, single = mine[:within], mine[within:]
        total = by_solution(steps, examples.starts, ranking_aggregation(HEADS[head].aggregation))
        first = first_error_f1(steps, examples.starts, examples.error, threshold[head])
        found[head] = {
            "auroc_steps": metrics.auroc(single[fine], label[fine]),
            "auroc_merged": metrics.auroc(single[coarse], label[coarse]) if head == "hier" else np.nan,
            "auroc_solutions": metrics.auroc(total, examples.outcome),
            "calibration_error": metrics.reliability(single[fine], label[fine])["ece"],
            "first_error_f1": first.f1,
            "first_error_auroc": first_error_auroc(steps, examples.starts, examples.error),
            "threshold": threshold[head],
        }
    return found


def best_thresholds(validation: Examples, scores: Scores) -> dict[str, float]:
    """For each head, the threshold with the highest first-error F1 on validation questions."""
    within = int(validation.starts[-1])
    return {head: best_threshold(mine[:within], validation.starts, validation.error) for head, mine in scores.items()}
