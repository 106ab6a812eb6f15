"""A set of solutions of unseen puzzles with everything known about them, and what one head is worth on it."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int64, UInt8

from hrm_net.reward.config import RewardConfig
from hrm_net.reward.data.solutions import Solutions
from hrm_net.reward.metrics import ranking as metrics
from hrm_net.reward.metrics.best_of_n import best_of_n_curve
from hrm_net.reward.metrics.by_solution import HOWS, by_solution
from hrm_net.reward.metrics.first_error import best_threshold, first_error_auroc, first_error_f1
from puzzles.steps.rows import StepRows, StepTrajectories
from puzzles.steps.rules import StepRules

# Shares of the single step's score in hier's combination with the merged one's; 1, the published way, wins a tie.
FINE_WEIGHTS = (1.0, 0.75, 0.5, 0.25, 0.0)
Scores = Float[np.ndarray, " rows"]
Merged = Float[np.ndarray, " pairs"]


@dataclass(kw_only=True, slots=True)
class Exam:
    """Solutions with exact labels: `num` of each puzzle next to each other, and their merged pairs."""

    name: str
    num: int
    trajectories: StepTrajectories
    merged: StepRows
    # By the exact convention, whatever the run's is: z of the first error, and of the one never mended.
    first_error: Int64[np.ndarray, " attempts"]
    last_error: Int64[np.ndarray, " attempts"]
    # State that each attempt ends in.
    ends: UInt8[np.ndarray, "attempts seq"]

    @property
    def solved(self) -> Bool[np.ndarray, "puzzles candidates"]:
        return self.trajectories.outcome.reshape(-1, self.num)

    @property
    def ok(self) -> Bool[np.ndarray, " rows"]:
        """Which steps are right."""
        return self.trajectories.rows.label > 0.5


def exam(name: str, solutions: Sequence[Solutions], config: RewardConfig, num: int) -> Exam:
    trajectories = StepTrajectories.concatenate([one.trajectories(config, exact=True) for one in solutions])
    ends = [one.attempts.states[np.arange(len(one.attempts)), one.attempts.lengths] for one in solutions]
    return Exam(
        name=name,
        num=num,
        trajectories=trajectories,
        merged=StepRows.concatenate([one.merged(config, exact=True) for one in solutions]),
        first_error=np.concatenate([one.exact.first_error for one in solutions]).astype(np.int64),
        last_error=np.concatenate([one.exact.last_error for one in solutions]).astype(np.int64),
        ends=np.concatenate(ends),
    )


def clash_free(rules: StepRules, rows: StepRows) -> Scores:
    """The baseline that only looks for clashes: 1 where no value that a step writes clashes with what it leaves
    alone."""
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


def combined(exam: Exam, fine: Scores, merged: Merged, weight: float) -> Scores:
    """weight * fine + (1 - weight) * merged where a step has one before it, else its own score."""
    has = np.ones(len(fine), bool)
    has[exam.trajectories.starts[:-1]] = False
    found = fine.astype(np.float64)
    # merged pairs come in the order of the steps that end them
    found[has] = weight * found[has] + (1 - weight) * merged
    return found


def best_weight(exam: Exam, fine: Scores, merged: Merged) -> float:
    """The share that tells right steps from wrong ones best on validation puzzles."""
    found = [metrics.auroc(combined(exam, fine, merged, weight), exam.ok) for weight in FINE_WEIGHTS]
    return FINE_WEIGHTS[int(np.nanargmax([-1.0 if math.isnan(value) else value for value in found]))]


def aggregated(exam: Exam, scores: Scores, how: str) -> Float[np.ndarray, "puzzles candidates"]:
    """One number a solution, as `aggregate` makes it."""
    found = by_solution(scores, exam.trajectories.starts, how)
    return (np.exp(found) if how == "prod" else found).reshape(-1, exam.num)


@dataclass(kw_only=True, slots=True)
class Choices:
    """What is fixed on validation puzzles before a head is judged."""

    threshold: float  # of the first error
    threshold_last: float  # of the error that is never mended
    how: str  # the steps' scores become the solution's by this
    fine_weight: float | None = None

    @classmethod
    def on(cls, validation: Exam, scores: Scores, fine_weight: float | None = None) -> "Choices":
        """The thresholds of the best F1, and the aggregation whose best of all candidates solves most."""
        starts = validation.trajectories.starts
        solved = validation.solved
        most = [
            best_of_n_curve(aggregated(validation, scores, how), solved, [validation.num]).accuracy.mean()
            for how in HOWS
        ]
        return cls(
            threshold=best_threshold(scores, starts, validation.first_error, "first"),
            threshold_last=best_threshold(scores, starts, validation.last_error, "last"),
            how=HOWS[int(np.argmax(most))],
            fine_weight=fine_weight,
        )


def judged(exam: Exam, scores: Scores, choices: Choices, rng: np.random.Generator) -> dict[str, Any]:
    """Everything about one head's scores of single steps, in [0, 1]: NaN where the solutions leave it undefined."""
    trajectories = exam.trajectories
    starts, ok, groups = trajectories.starts, exam.ok, trajectories.rows.group
    before, has = metrics.previous_labels(ok, starts)
    whole = aggregated(exam, scores, choices.how)
    puzzle = np.repeat(np.arange(len(whole)), exam.num)
    curves = {how: best_of_n_curve(aggregated(exam, scores, how), exam.solved).summary(rng) for how in HOWS}
    first = first_error_f1(scores, starts, exam.first_error, choices.threshold, "first")
    last = first_error_f1(scores, starts, exam.last_error, choices.threshold_last, "last")
    return {
        "fixed_on_validation": asdict(choices),
        "steps": metrics.ranking(scores, ok, groups),
        "calibration": metrics.reliability(scores, ok),
        "solutions": metrics.ranking(whole.reshape(-1), exam.solved.reshape(-1), puzzle),
        "first_error": asdict(first) | {"auroc": first_error_auroc(scores, starts, exam.first_error)},
        "last_error": asdict(last),
        "quadrants": metrics.quadrants(scores[has], ok[has], before[has], threshold=choices.threshold),
        "auroc_by_previous": metrics.auroc_by_previous(scores[has], ok[has], before[has]),
        "best_of_n": curves,
    }
