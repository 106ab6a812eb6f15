"""Hill climbing on a step scorer: does its score still mean anything where it is pushed up?"""

import numpy as np
from jaxtyping import Integer

from hrm_net.reward.search.guided import RowScorer, unlabelled_rows
from puzzles.steps.rules import StepRules


def climb(
    scorer: RowScorer,
    rules: StepRules,
    rng: np.random.Generator,
    problems: Integer[np.ndarray, "puzzles seq"],
    *,
    iterations: int = 50,
    proposals: int = 16,
) -> dict[str, list[float]]:
    """Hill climbing on the scorer: states for which it likes the step from the start to them, with no time left.

    Starts from random values in all editable cells; each iteration tries `proposals` changes of one cell a puzzle and
    keeps the best where its score is higher. Means over puzzles after each iteration, the start first: `score`,
    `right` (share of editable cells that hold the solution's value) and `solved`. A scorer whose score rises while
    `right` does not is fooled.
    """
    editable = rules.editable(problems)
    values = np.array([value for value in rules.values if value != rules.blank] or rules.values, np.uint8)
    if len(values) == 1:  # a mark or none
        values = np.array(rules.values, np.uint8)
    start = rules.start(problems)
    state = np.where(editable, rng.choice(values, start.shape), start).astype(np.uint8)
    none_left = np.zeros(len(problems), np.int64)

    def judged(after: np.ndarray, times: int) -> np.ndarray:
        rows = unlabelled_rows(
            np.repeat(problems, times, 0), np.repeat(start, times, 0), after, np.repeat(none_left, times)
        )
        return np.asarray(scorer.score_rows(rows), np.float64).reshape(len(problems), times)

    curve: dict[str, list[float]] = {"score": [], "right": [], "solved": []}

    def note(score: np.ndarray) -> None:
        agree = rules.targets(problems, state, state) == state
        curve["score"].append(float(score.mean()))
        curve["right"].append(float(((agree & editable).sum(1) / np.maximum(editable.sum(1), 1)).mean()))
        curve["solved"].append(float(agree.all(1).mean()))

    score = judged(state, 1)[:, 0]
    note(score)
    for _ in range(iterations):
        tried = np.repeat(state, proposals, 0)
        cells = np.where(np.repeat(editable, proposals, 0), rng.random(tried.shape), -1).argmax(1)
        tried[np.arange(len(tried)), cells] = rng.choice(values, len(tried))
        tried = np.where(np.repeat(editable, proposals, 0), tried, np.repeat(start, proposals, 0))
        found = judged(tried, proposals)
        best = found.argmax(1)
        better = found.max(1) > score
        chosen = tried.reshape(len(problems), proposals, -1)[np.arange(len(problems)), best]
        state = np.where(better[:, None], chosen, state)
        score = np.where(better, found.max(1), score)
        note(score)
    return curve
