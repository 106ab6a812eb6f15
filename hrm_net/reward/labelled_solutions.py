"""Solutions of unseen puzzles with everything known about them, and the metrics of one head's scores on them."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int64, UInt8

from hrm_net.reward.aggregate import COMPARED, by_solution
from hrm_net.reward.config import RewardConfig
from hrm_net.reward.data.solutions import Solutions
from hrm_net.reward.metrics import ranking as metrics
from hrm_net.reward.metrics.best_of_n import best_of_n_curve, sizes_up_to
from hrm_net.reward.metrics.first_error import best_threshold, first_error_auroc, first_error_f1
from puzzles.steps.rows import StepRows, StepTrajectories
from puzzles.steps.rules import StepRules

# Weights of the single step's score beside the merged one's that are tried; 1, as published, wins a tie.
FINE_WEIGHTS = (1.0, 0.75, 0.5, 0.25, 0.0)
# The aggregations that validation chooses from; a tie goes to the first.
PREFERRED = ("last", "mean", "min", "prod")
# Ends the name of a table's row with the single steps alone of a head that scores pairs as well.
FINE_ONLY = "_fine"
Scores = Float[np.ndarray, " rows"]
Merged = Float[np.ndarray, " pairs"]


@dataclass(kw_only=True, slots=True)
class LabelledSolutions:
    """Solutions with exact labels: `candidates` of each puzzle next to each other, and their merged pairs of steps."""

    name: str
    candidates: int
    trajectories: StepTrajectories
    merged: StepRows
    # By the exact convention, whatever the run's is: z of the first error, and of the one that is never corrected.
    first_error: Int64[np.ndarray, " attempts"]
    last_error: Int64[np.ndarray, " attempts"]
    # The state in which each attempt ends.
    ends: UInt8[np.ndarray, "attempts seq"]

    @classmethod
    def of(
        cls, name: str, solutions: Sequence[Solutions], config: RewardConfig, candidates: int
    ) -> "LabelledSolutions":
        """From sampled solutions, `candidates` of each puzzle."""
        ends = [one.attempts.states[np.arange(len(one.attempts)), one.attempts.lengths] for one in solutions]
        return cls(
            name=name,
            candidates=candidates,
            trajectories=StepTrajectories.concatenate([one.trajectories(config, exact=True) for one in solutions]),
            merged=StepRows.concatenate([one.merged(config, exact=True) for one in solutions]),
            first_error=np.concatenate([one.exact.first_error for one in solutions]).astype(np.int64),
            last_error=np.concatenate([one.exact.last_error for one in solutions]).astype(np.int64),
            ends=np.concatenate(ends),
        )

    @property
    def solved(self) -> Bool[np.ndarray, "puzzles candidates"]:
        return self.trajectories.outcome.reshape(-1, self.candidates)

    @property
    def ok(self) -> Bool[np.ndarray, " rows"]:
        """The steps that are right."""
        return self.trajectories.rows.label > 0.5

    def problems(self, num: int) -> UInt8[np.ndarray, "puzzles seq"]:
        """The first `num` puzzles."""
        return self.trajectories.rows.problem[self.trajectories.starts[:-1]][:: self.candidates][:num]

    def aggregated(self, scores: Scores, how: str) -> Float[np.ndarray, "puzzles candidates"]:
        """The score of each solution from those of its steps."""
        return by_solution(scores, self.trajectories.starts, how).reshape(-1, self.candidates)


def clash_free(rules: StepRules, rows: StepRows) -> Scores:
    """The baseline that only looks for clashes: 1 where no value that a step writes clashes with a cell that the step
    leaves as it was."""
    changed = rows.before != rows.after
    left_alone = np.where(changed, np.uint8(rules.blank), rows.before)
    found = np.empty(len(rows))
    for first in range(0, len(rows), 8192):
        piece = slice(first, first + 8192)
        legal = rules.legal(rows.problem[piece], left_alone[piece])
        fits = np.take_along_axis(legal, rows.after[piece][..., None].astype(np.int64), axis=2)[..., 0]
        written = changed[piece] & (rows.after[piece] != rules.blank)
        found[piece] = (fits | ~written).all(axis=1)
    return found


def combined_scores(solutions: LabelledSolutions, fine: Scores, merged: Merged, weight: float) -> Scores:
    """weight * fine + (1 - weight) * merged for a step that has one before it; for a first step its own score."""
    has = np.ones(len(fine), bool)
    has[solutions.trajectories.starts[:-1]] = False
    found = fine.astype(np.float64)
    # merged pairs come in the order of the steps that end them
    found[has] = weight * found[has] + (1 - weight) * merged
    return found


def best_fine_weight(validation: LabelledSolutions, fine: Scores, merged: Merged) -> float:
    """The weight of the single step's score that separates right steps from wrong ones best on validation puzzles."""
    found = [metrics.auroc(combined_scores(validation, fine, merged, one), validation.ok) for one in FINE_WEIGHTS]
    return FINE_WEIGHTS[int(np.nanargmax([-1.0 if math.isnan(value) else value for value in found]))]


@dataclass(kw_only=True, slots=True)
class Choices:
    """What is fixed on validation puzzles before a head is measured on others."""

    # A step scored below it is taken for the first error; for the error that is never corrected.
    threshold: float
    threshold_last: float
    # The aggregation of the steps' scores.
    how: str
    fine_weight: float | None = None

    @classmethod
    def on(cls, validation: LabelledSolutions, scores: Scores, fine_weight: float | None = None) -> "Choices":
        """The thresholds of the highest F1, and the aggregation whose best of N is solved most often, on average over
        the curve: all N from 2 on, not the one subset of the largest N, where ties are many. Of equals, the first in
        `PREFERRED`: those that take no notice of a solution's length come first."""
        starts, solved = validation.trajectories.starts, validation.solved
        sizes = [size for size in sizes_up_to(validation.candidates) if size > 1] or [1]
        accuracy = [
            best_of_n_curve(validation.aggregated(scores, how), solved, sizes).accuracy.mean().round(12)
            for how in PREFERRED
        ]
        return cls(
            threshold=best_threshold(scores, starts, validation.first_error, "first"),
            threshold_last=best_threshold(scores, starts, validation.last_error, "last"),
            how=PREFERRED[int(np.argmax(accuracy))],
            fine_weight=fine_weight,
        )


def head_metrics(
    solutions: LabelledSolutions, scores: Scores, choices: Choices, rng: np.random.Generator
) -> dict[str, Any]:
    """All metrics of one head's scores of single steps, in [0, 1]: NaN where the solutions leave a figure undefined."""
    trajectories = solutions.trajectories
    starts, ok, groups = trajectories.starts, solutions.ok, trajectories.rows.group
    before, has = metrics.previous_labels(ok, starts)
    whole = solutions.aggregated(scores, choices.how)
    puzzle = np.repeat(np.arange(len(whole)), solutions.candidates)
    curves = {
        how: best_of_n_curve(solutions.aggregated(scores, how), solutions.solved).summary(rng) for how in COMPARED
    }
    first = first_error_f1(scores, starts, solutions.first_error, choices.threshold, "first")
    last = first_error_f1(scores, starts, solutions.last_error, choices.threshold_last, "last")
    return {
        "fixed_on_validation": asdict(choices),
        "steps": metrics.ranking(scores, ok, groups),
        "calibration": metrics.reliability(scores, ok),
        "solutions": metrics.ranking(whole.reshape(-1), solutions.solved.reshape(-1), puzzle),
        "first_error": asdict(first) | {"auroc": first_error_auroc(scores, starts, solutions.first_error)},
        "last_error": asdict(last),
        "quadrants": metrics.quadrants(scores[has], ok[has], before[has], threshold=choices.threshold),
        "auroc_by_previous": metrics.auroc_by_previous(scores[has], ok[has], before[has]),
        "best_of_n": curves,
    }
