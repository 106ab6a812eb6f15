"""Published benchmarks of step scorers over text: their figures, thresholds, and what counting alone reaches.

    processbench    the first wrong step of a solution, or none (arXiv 2412.06559). The prediction is the first step
                    with a score below the threshold; F1 is the harmonic mean of the accuracy on solutions with an
                    error and of that on solutions without.
    prmbench        each step right or wrong (arXiv 2501.03124). PRMScore is the mean of the F1 of right steps and the
                    F1 of wrong ones, over the steps of all solutions.

A threshold is fixed on other solutions. The baselines are logistic regressions, fitted to those, which see how long a
step is, how many come before it, or nothing (`constant`).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from hrm_net.reward.formats import prmbench, processbench
from hrm_net.reward.formats.records import TextSolution
from hrm_net.reward.metrics.first_error import best_threshold, first_error_auroc, first_error_f1, predicted_errors
from hrm_net.reward.metrics.ranking import auroc, step_f1
from hrm_net.reward.text.examples import question_group
from puzzles.errors import UserError
from puzzles.steps.logistic import Logistic

Scores = Float[np.ndarray, " steps"]
BASELINES = ("constant", "length", "position", "length, position")
ALL = "all"


@dataclass(frozen=True, kw_only=True, slots=True)
class Benchmark:
    """A protocol. `measure` gives the figures of scores, step by step over all solutions, by the name of a column;
    `tune` the threshold that is best on solutions; `predictions` what is said of each solution, for its line."""

    name: str
    parse: Callable[[dict[str, Any]], TextSolution]
    tune: Callable[[Scores, Sequence[TextSolution]], float]
    measure: Callable[[Scores, Sequence[TextSolution], float], dict[str, float]]
    predictions: Callable[[Scores, Sequence[TextSolution], float], list[dict[str, Any]]]


def starts_of(solutions: Sequence[TextSolution]) -> Int64[np.ndarray, " bounds"]:
    """Where each solution begins among all steps, and their number."""
    return np.cumsum([0, *(len(one.steps) for one in solutions)]).astype(np.int64)


def baseline_scores(
    name: str, fitted_on: Sequence[TextSolution], solutions: Sequence[TextSolution]
) -> Float64[np.ndarray, " steps"]:
    """The probability that each step is right by counting alone."""
    features, labels = _counts(name, fitted_on), _labels(fitted_on)
    known = ~np.isnan(labels)
    if not known.any():
        raise UserError("no step of the solutions to tune on has a label")
    right = labels[known] >= 0.5
    if name == "constant" or right.all() or not right.any():
        return np.full(int(starts_of(solutions)[-1]), right.mean())
    return Logistic.fit(features[known], right)(_counts(name, solutions))


def without_questions_of(solutions: Sequence[TextSolution], others: Sequence[TextSolution]) -> list[TextSolution]:
    """Those whose question none of the others has, in these words or as PRMBench reworded it."""
    seen = {question_group(text) for one in others for text in (one.problem, one.question)}
    return [one for one in solutions if not {question_group(one.problem), question_group(one.question)} & seen]


def step_threshold(scores: Scores, solutions: Sequence[TextSolution]) -> float:
    """The threshold with the highest PRMScore, halfway between two scores; 0.5 where no score is labelled."""
    labels = _labels(solutions)
    known = ~np.isnan(labels)
    if not known.any():
        return 0.5
    return threshold_of_steps(scores[known], labels[known] >= 0.5)


def threshold_of_steps(scores: Scores, right: Bool[np.ndarray, " steps"]) -> float:
    """The threshold with the highest PRMScore on at least one step, halfway between two scores."""
    order = np.argsort(scores)
    values, right = scores[order], right[order]
    ends = np.flatnonzero(np.append(values[1:] > values[:-1], True))  # the last of equal scores
    rejected = np.append(0, ends + 1)
    wrong_found = np.append(0, np.cumsum(~right))[rejected]
    right_lost = np.append(0, np.cumsum(right))[rejected]
    num, num_right = len(right), int(right.sum())
    accepted = num - rejected
    f1 = 2 * (num_right - right_lost) / np.maximum(1, accepted + num_right)
    negative = 2 * wrong_found / np.maximum(1, rejected + num - num_right)
    best = int(np.argmax(f1 + negative))
    if best == len(rejected) - 1:
        return float(np.nextafter(values[-1], math.inf))
    upper = float(values[rejected[best]])
    lower = float(values[rejected[best] - 1]) if rejected[best] else upper
    middle = (lower + upper) / 2
    return middle if lower < middle else upper


def _first_errors(solutions: Sequence[TextSolution]) -> Int64[np.ndarray, " num"]:
    errors = [one.first_error(0.5) for one in solutions]
    return np.array(
        [len(one.steps) if error is None else error for one, error in zip(solutions, errors, strict=True)], np.int64
    )


def _tune_first_error(scores: Scores, solutions: Sequence[TextSolution]) -> float:
    return best_threshold(scores, starts_of(solutions), _first_errors(solutions))


def _measure_first_error(scores: Scores, solutions: Sequence[TextSolution], threshold: float) -> dict[str, float]:
    starts, error = starts_of(solutions), _first_errors(solutions)
    found = first_error_f1(scores, starts, error, threshold)
    return {
        "error accuracy": found.error_accuracy, "correct accuracy": found.right_accuracy, "F1": found.f1,
        "AUROC": first_error_auroc(scores, starts, error),
    }  # fmt: skip


def _first_error_lines(scores: Scores, solutions: Sequence[TextSolution], threshold: float) -> list[dict[str, Any]]:
    starts, error = starts_of(solutions), _first_errors(solutions)
    lines = []
    for one, said, true in zip(solutions, predicted_errors(scores, starts, threshold).tolist(), error, strict=True):
        label, predicted = (-1 if value == len(one.steps) else int(value) for value in (true, said))
        lines.append({"label": label, "predicted": predicted, "correct": label == predicted})
    return lines


def _measure_steps(scores: Scores, solutions: Sequence[TextSolution], threshold: float) -> dict[str, float]:
    labels = _labels(solutions)
    kinds = np.repeat([one.source for one in solutions], [len(one.steps) for one in solutions])
    known = ~np.isnan(labels)
    whole = step_f1(scores[known], labels[known] >= 0.5, threshold)
    found = {
        "F1": whole["f1"], "negative F1": whole["negative_f1"], "PRMScore": _mean(whole),
        "AUROC": auroc(scores[known], labels[known] >= 0.5),
    }  # fmt: skip
    for kind in sorted(set(kinds.tolist())):
        mine = known & (kinds == kind)
        found[kind] = _mean(step_f1(scores[mine], labels[mine] >= 0.5, threshold))
    return found


def _mean(found: dict[str, float]) -> float:
    return (found["f1"] + found["negative_f1"]) / 2


def _step_lines(scores: Scores, solutions: Sequence[TextSolution], threshold: float) -> list[dict[str, Any]]:
    parts = np.split(scores, starts_of(solutions)[1:-1])
    return [
        {
            "label": [t for t, label in enumerate(one.labels or [], start=1) if label == 0],
            "predicted": (np.flatnonzero(part < threshold) + 1).tolist(),
        }
        for one, part in zip(solutions, parts, strict=True)
    ]


def _labels(solutions: Sequence[TextSolution]) -> Float64[np.ndarray, " steps"]:
    return np.array([math.nan if label is None else label for one in solutions for label in one.labels or []], float)


def _counts(name: str, solutions: Sequence[TextSolution]) -> Float64[np.ndarray, "steps features"]:
    length = [math.log1p(len(step)) for one in solutions for step in one.steps]
    place = [math.log1p(t) for one in solutions for t in range(len(one.steps))]
    columns = {"constant": [[0.0] * len(length)], "length": [length], "position": [place]}
    return np.array(columns.get(name, [length, place]), float).T


BENCHMARKS = {
    "processbench": Benchmark(
        name="processbench", parse=processbench.parse, tune=_tune_first_error, measure=_measure_first_error,
        predictions=_first_error_lines,
    ),
    "prmbench": Benchmark(
        name="prmbench", parse=prmbench.parse, tune=step_threshold, measure=_measure_steps, predictions=_step_lines
    ),
}  # fmt: skip
