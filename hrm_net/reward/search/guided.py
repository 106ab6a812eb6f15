"""Search guided by a step scorer: step-level greedy and beam search, over all puzzles at once.

A level is one step of every hypothesis, so hypotheses that compete have taken equally many steps. It costs one call of
the policy and one of the scorer (two where merged pairs are scored as well); calls are counted in rows.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int64, Integer, UInt8

from hrm_net.reward.aggregate import COMPARED, by_solution, check_aggregation, ranking_aggregation
from puzzles.errors import UserError
from puzzles.steps.policies import Policy, solved
from puzzles.steps.rows import COARSE, FINE, StepRows
from puzzles.steps.rules import StepRules


@runtime_checkable
class RowScorer(Protocol):
    """Anything that gives each row a number, higher is better; a probability where products are taken."""

    def score_rows(self, rows: StepRows) -> Float[np.ndarray, " rows"]: ...


@dataclass(kw_only=True, slots=True)
class SearchReport:
    """The hypothesis that each puzzle ends with, and what it cost to find."""

    states: UInt8[np.ndarray, "puzzles times seq"]  # from the start on; the last one is repeated to the end
    steps: Int64[np.ndarray, " puzzles"]
    value: Float[np.ndarray, " puzzles"]  # aggregated scores as the search ranked them; for prod their logarithm
    solved: Bool[np.ndarray, " puzzles"]
    policy_calls: int
    scorer_calls: int


@dataclass(slots=True)
class _Beams:
    """Hypotheses of all puzzles: which puzzle, all states so far, score of every step (NaN: none yet)."""

    puzzle: np.ndarray  # [beams]
    states: np.ndarray  # [beams, budget + 1, seq]
    scores: np.ndarray  # [beams, budget]
    steps: np.ndarray  # [beams]
    ended: np.ndarray  # [beams]

    def take(self, index: np.ndarray) -> "_Beams":
        columns = (self.puzzle, self.states, self.scores, self.steps, self.ended)
        return _Beams(*(column[index] for column in columns))

    def value(self, how: str) -> np.ndarray:
        """The aggregated scores, as they are ranked; 0 for a hypothesis without a step."""
        value, has = np.zeros(len(self.steps)), self.steps > 0
        if has.any():
            starts = np.concatenate([[0], np.cumsum(self.steps[has])])
            taken = self.scores[np.arange(self.scores.shape[1]) < self.steps[:, None]]
            value[has] = by_solution(taken, starts, ranking_aggregation(how))
        return value


def unlabelled_rows(
    problem: Integer[np.ndarray, "rows seq"],
    before: Integer[np.ndarray, "rows seq"],
    after: Integer[np.ndarray, "rows seq"],
    left: Integer[np.ndarray, " rows"],
    span: int = FINE,
) -> StepRows:
    """Rows to be scored. `left` is the number of steps of the budget left after this one."""
    num = len(problem)
    return StepRows(
        problem=problem.astype(np.uint8),
        before=before.astype(np.uint8),
        after=after.astype(np.uint8),
        left=left.astype(np.int32),
        span=np.full(num, span, np.uint8),
        label=np.full(num, np.nan, np.float32),
        group=np.zeros(num, np.int64),
        source=np.zeros(num, np.uint8),
        sources=("none",),
    )


def greedy(
    scorer: RowScorer,
    policy: Policy,
    rules: StepRules,
    rng: np.random.Generator,
    problems: Integer[np.ndarray, "puzzles seq"],
    *,
    candidates: int,
    budget: int,
    fine_weight: float = 1.0,
) -> SearchReport:
    """At each step the policy proposes `candidates` continuations and the best-scored one is appended.

    This is the "best-of-N" that was published for hierarchical and process reward models (arXiv 2503.13551). It does
    not aggregate over steps.
    """
    return beam(
        scorer, policy, rules, rng, problems, width=1, expand=candidates, budget=budget, how="last",
        fine_weight=fine_weight,
    )  # fmt: skip


def beam(
    scorer: RowScorer,
    policy: Policy,
    rules: StepRules,
    rng: np.random.Generator,
    problems: Integer[np.ndarray, "puzzles seq"],
    *,
    width: int,
    expand: int,
    budget: int,
    how: str = "prod",
    fine_weight: float = 1.0,
) -> SearchReport:
    """Beam search with `width` hypotheses per puzzle, each continued `expand` times per level (the start width * expand
    times).

    Hypotheses are ranked by the aggregate `how` of their step scores; of those in the same state the best stays. A
    solved hypothesis takes no further steps and keeps its value: it wins only if it is ranked first in the end. With
    `fine_weight` w below 1, a step counts w times its score plus 1 - w times the score of it merged with the step
    before.
    """
    _check(width, expand, budget, how, fine_weight)
    beams = _start(rules, problems, budget)
    policy_calls = scorer_calls = 0
    for t in range(budget):
        running = np.flatnonzero(~beams.ended)
        if len(running) == 0:
            break
        parents = beams.take(np.repeat(running, width * expand if t == 0 else expand))
        after = policy(rng, problems[parents.puzzle], parents.states[:, t], np.full(len(parents.puzzle), budget - t))[0]
        policy_calls += len(after)
        scores, calls = _scores(scorer, problems[parents.puzzle], parents.states, after, t, budget, fine_weight)
        scorer_calls += calls
        parents.states[:, t + 1 :] = after[:, None]
        parents.scores[:, t] = scores
        parents.steps += 1
        parents.ended = solved(rules, problems[parents.puzzle], after)
        beams = _best(_joined(parents, beams.take(np.flatnonzero(beams.ended))), width, how)
    final = _best(beams, 1, how)
    final = final.take(np.argsort(final.puzzle))
    return SearchReport(
        states=final.states,
        steps=final.steps,
        value=final.value(how),
        solved=final.ended,
        policy_calls=policy_calls,
        scorer_calls=scorer_calls,
    )


def _check(width: int, expand: int, budget: int, how: str, fine_weight: float) -> None:
    for key, number in (("width", width), ("expand", expand), ("budget", budget)):
        if number < 1:
            raise UserError(f"{key}={number}: must be at least 1")
    check_aggregation(how, COMPARED)
    if not 0 <= fine_weight <= 1:
        raise UserError(f"fine_weight={fine_weight}: must be from 0 to 1")


def _start(rules: StepRules, problems: np.ndarray, budget: int) -> _Beams:
    num = len(problems)
    start = rules.start(problems)
    return _Beams(
        puzzle=np.arange(num),
        states=np.repeat(start[:, None], budget + 1, 1),
        scores=np.full((num, budget), np.nan),
        steps=np.zeros(num, np.int64),
        ended=solved(rules, problems, start),
    )


def _scores(
    scorer: RowScorer,
    problems: np.ndarray,
    states: np.ndarray,
    after: np.ndarray,
    t: int,
    budget: int,
    fine_weight: float,
) -> tuple[np.ndarray, int]:
    """(the score of step t of each hypothesis, the number of rows that were scored)."""
    left = np.full(len(after), budget - t - 1)
    scores = np.asarray(scorer.score_rows(unlabelled_rows(problems, states[:, t], after, left)), np.float64)
    if t == 0 or fine_weight == 1:
        return scores, len(after)
    pairs = unlabelled_rows(problems, states[:, t - 1], after, left, COARSE)
    return fine_weight * scores + (1 - fine_weight) * np.asarray(scorer.score_rows(pairs), np.float64), 2 * len(after)


def _joined(first: _Beams, second: _Beams) -> _Beams:
    names = ("puzzle", "states", "scores", "steps", "ended")
    return _Beams(*(np.concatenate([getattr(first, name), getattr(second, name)]) for name in names))


def _best(beams: _Beams, width: int, how: str) -> _Beams:
    """The `width` best hypotheses of each puzzle, best first, no state twice; of equals the earliest."""
    value = beams.value(how)
    if np.isnan(value).any():
        raise UserError("scorer: its scores are NaN")
    order = np.lexsort((-value, beams.puzzle))
    where = np.concatenate([beams.puzzle[:, None], beams.states[:, -1]], 1)[order]
    order = order[np.sort(np.unique(where, axis=0, return_index=True)[1])]
    puzzle = beams.puzzle[order]
    rank = np.arange(len(order)) - np.searchsorted(puzzle, puzzle)
    return beams.take(order[rank < width])
