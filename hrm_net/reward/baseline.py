"""The row `counts and rules`: what a logistic regression makes of counting and of the rules, without any solution.

A comparison that it wins says nothing about a step scorer. So it stands in every table, and an experiment whose
comparisons it wins is not admitted (`admit`).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Integer

import puzzles
from hrm_net.reward.metrics.ranking import auroc, within
from puzzles.errors import UserError
from puzzles.steps.logistic import Logistic
from puzzles.steps.rows import StepRows
from puzzles.steps.rules import StepRules
from puzzles.steps.visible import counts_and_rules

NAME = "counts and rules"
FOLDS = 5
# Bounds of the AUROC that the baseline may have: on what is compared, and on single steps.
COMPARED = (0.48, 0.55)
STEPS = 0.60

Features = Float[np.ndarray, "rows features"]
Labels = Bool[np.ndarray, " rows"]
Groups = Integer[np.ndarray, " rows"]


def cross_validated(
    features: Features, labels: Labels, groups: Groups, *, folds: int = FOLDS
) -> Float64[np.ndarray, " rows"]:
    """The probability of each row by a regression that saw no row of its group. UserError for fewer groups than
    folds."""
    names, place = np.unique(groups, return_inverse=True)
    if len(names) < folds:
        raise UserError(f"{NAME}: has {len(names)} problems to learn from: must be at least {folds}")
    fold = puzzles.rng(0, "folds of counts and rules").permutation(len(names))[place] % folds
    found = np.empty(len(labels))
    for one in range(folds):
        found[fold == one] = Logistic.fit(features[fold != one], labels[fold != one])(features[fold == one])
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Admission:
    """AUROC of counts and rules within problems, cross-validated by problem: on what is compared, and on single steps;
    and the standard error of the former over problems."""

    compared: float
    error: float
    steps: float


def admission(
    rules: StepRules,
    compared: StepRows,
    steps: StepRows,
    problem_of: tuple[Integer[np.ndarray, " compared"], Integer[np.ndarray, " steps"]],
) -> Admission:
    """From the last steps of what is compared, labelled by what decides, and from single steps, labelled `ok`.

    `problem_of` gives the problem of each row of either.
    """
    scores, labels = _held_out(rules, compared, problem_of[0]), compared.label > 0.5
    each = np.array(
        [
            auroc(scores[mine], labels[mine])
            for mine in (problem_of[0] == one for one in np.unique(problem_of[0]))
            if 0 < labels[mine].sum() < mine.sum()
        ]
    )
    told = _held_out(rules, steps, problem_of[1])
    return Admission(
        compared=within(auroc, scores, labels, problem_of[0])[0],
        error=float(each.std(ddof=1) / np.sqrt(len(each))),
        steps=within(auroc, told, steps.label > 0.5, problem_of[1])[0],
    )


def admit(found: Admission, what: str) -> None:
    """UserError that names the figure where counting and the rules tell more, or less, than they may."""
    low, high = COMPARED
    if not low <= found.compared <= high:
        text = f"{what}: {NAME} have an AUROC of {found.compared:.3f} on what is compared"
        raise UserError(f"{text}: must be from {low} to {high}, or the comparison says nothing about a scorer")
    if not found.steps < STEPS:
        text = f"{what}: {NAME} have an AUROC of {found.steps:.3f} on single steps"
        raise UserError(f"{text}: must be below {STEPS}, or a scorer may owe its own to counting")


def _held_out(rules: StepRules, rows: StepRows, groups: Groups) -> Float64[np.ndarray, " rows"]:
    return cross_validated(counts_and_rules(rules, rows), rows.label > 0.5, groups)
