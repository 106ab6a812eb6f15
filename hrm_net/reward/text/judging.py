"""How well each head judges held-out texts: rated steps by themselves, and where whole solutions go wrong."""

from typing import Any

import numpy as np
from jaxtyping import Float64

from hrm_net.reward.aggregate import aggregate
from hrm_net.reward.metrics import ranking as metrics
from hrm_net.reward.metrics.first_error import best_threshold, first_error_auroc, first_error_f1
from hrm_net.reward.text.data import TextSet
from hrm_net.reward.text.rows import COARSE, FINE

Scores = dict[str, Float64[np.ndarray, " rows"]]


def judged(held_out: TextSet, scores: Scores, threshold: dict[str, float]) -> dict[str, Any]:
    """By head, from its scores of `held_out.rows`: AUROC and calibration of single steps, AUROC of merged ones and of
    solutions (orm by its last step, others by the product), and F1 of the first error at the thresholds. NaN where a
    figure is not defined."""
    whole, lone = held_out.trajectories, held_out.lone
    told = {}
    for head, mine in scores.items():
        steps, alone = mine[: len(whole.rows)], mine[len(whole.rows) :]
        fine, coarse = lone.span == FINE, lone.span == COARSE
        attempts = np.split(steps, whole.starts[1:-1])
        total = np.array([aggregate(one.tolist(), "last" if head == "orm" else "prod") for one in attempts])
        found = first_error_f1(steps, whole.starts, whole.error, threshold[head])
        told[head] = {
            "auroc_steps": metrics.auroc(alone[fine], lone.label[fine] >= 0.5),
            "auroc_merged": metrics.auroc(alone[coarse], lone.label[coarse] >= 0.5) if head == "hier" else np.nan,
            "auroc_solutions": metrics.auroc(total, whole.outcome),
            "calibration_error": metrics.reliability(alone[fine], lone.label[fine] >= 0.5)["ece"],
            "first_error_f1": found.f1,
            "first_error_auroc": first_error_auroc(steps, whole.starts, whole.error),
            "threshold": threshold[head],
        }
    return told


def thresholds(validation: TextSet, scores: Scores) -> dict[str, float]:
    """By head: the threshold with the highest first-error F1 on validation questions."""
    whole = validation.trajectories
    return {head: best_threshold(mine[: len(whole.rows)], whole.starts, whole.error) for head, mine in scores.items()}
