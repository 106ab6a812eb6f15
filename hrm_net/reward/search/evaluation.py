"""Search by each head against best-of-N by the same head, on the same puzzles, with what each of them costs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

import puzzles
from hrm_net.reward.data.solutions import SolutionSource
from hrm_net.reward.judging import Choices, Exam, aggregated
from hrm_net.reward.metrics.best_of_n import best_of_n, oracle
from hrm_net.reward.metrics.bootstrap import interval
from hrm_net.reward.row_scores import RowScores
from hrm_net.reward.search.config import SearchConfig
from hrm_net.reward.search.guided import RowScorer, SearchReport, beam, greedy
from hrm_net.reward.search.probe_evaluation import measure_climbing, measure_probes
from puzzles.steps.policies import Policy
from puzzles.steps.rows import StepRows
from puzzles.steps.rules import StepRules

Point = dict[str, Any]
ORACLE = "oracle"


class Oracle:
    """Knows the answer: minus the share of cells that differ from it, so that the furthest step is the best one."""

    def __init__(self, rules: StepRules) -> None:
        self.rules = rules

    def score_rows(self, rows: StepRows) -> Float[np.ndarray, " rows"]:
        return -(self.rules.targets(rows.problem, rows.after, rows.after) != rows.after).mean(axis=1)


def measure(
    shared: RowScores,
    one: Exam,
    told: dict[str, np.ndarray],
    choices: dict[str, Choices],
    config: SearchConfig,
    source: SolutionSource,
    *,
    seed: int,
) -> dict[str, Any]:
    """The section `search` of a set: `puzzles`, `heads` (search_points), and where asked for `probes` and `climbing`.

    `told`: each head's scores of the exam's single steps, those of hier_fine are hier's own.
    """
    rules, policy, reward = source.rules, source.policy, source.reward
    found = {
        "puzzles": min(config.puzzles, len(one.solved)),
        "heads": search_points(shared.head, one, told, choices, config, rules, policy, budget=reward.budget, seed=seed),
    }
    if config.probes:
        found["probes"] = measure_probes(shared, one, choices, config, reward, rules, seed=seed)
    if config.climbing:
        found["climbing"] = measure_climbing(shared, one, config, rules, seed=seed)
    return found


def search_points(
    scorer_of: Callable[[str], RowScorer],
    one: Exam,
    told: dict[str, np.ndarray],
    choices: dict[str, Choices],
    config: SearchConfig,
    rules: StepRules,
    policy: Policy,
    *,
    budget: int,
    seed: int,
) -> dict[str, Any]:
    """By head, and for an oracle in its place: `how` its scores are aggregated, and `points`.

    A point has its `kind` (best_of_n, greedy, beam), `name`, `tries` (candidates, or continuations at each step of a
    puzzle), and, a puzzle, `accuracy` with its bootstrap interval `low`..`high`, `policy_calls` and `scorer_calls`
    (steps that were proposed, and rows that were scored); `minus_best_of_n` is the paired difference to best-of-N of
    as many tries. Greedy search takes the best-scored single step, as published; beams rank hypotheses of as many steps
    by `how`, which was fixed on validation puzzles. The oracle sees each step's distance to the answer.
    """
    search = _Search(one, config, rules, policy, budget, seed)
    num, heads = search.num, {}
    for head, mine in told.items():
        how, weight = choices[head].how, choices[head].fine_weight
        whole = aggregated(one, mine, how)[:num]
        best = {size: best_of_n(whole, one.solved[:num], size) for size in search.sizes()}
        scorer = scorer_of(head.removesuffix("_fine"))
        heads[head] = {"how": how, "points": search.points(scorer, how, 1.0 if weight is None else weight, best)}
    best = {size: oracle(one.solved[:num], size) for size in search.sizes()}
    return heads | {ORACLE: {"how": "last", "points": search.points(Oracle(rules), "last", 1.0, best)}}


@dataclass
class _Search:
    """The same searches for every head."""

    one: Exam
    config: SearchConfig
    rules: StepRules
    policy: Policy
    budget: int
    seed: int

    @property
    def num(self) -> int:
        """Puzzles searched."""
        return min(self.config.puzzles, len(self.one.solved))

    def sizes(self) -> list[int]:
        """The tries of all searches, as far as there are candidates to compare with."""
        tries = {*self.config.greedy, *(width * self.config.expand for width in self.config.widths)}
        return [size for size in sorted(tries) if size <= self.one.num]

    def points(self, scorer: RowScorer, how: str, weight: float, best: dict[int, np.ndarray]) -> list[Point]:
        """`best`: what best-of-N keeps at each puzzle, by N."""
        policy_calls, scorer_calls = _calls_of_candidates(self.one, self.num, how, weight)
        found = [
            _point("best_of_n", f"best of {size}", size, values, size * policy_calls, size * scorer_calls, self.seed)
            for size, values in best.items()
        ]
        for kind, name, size, report in self._reports(scorer, how, weight):
            values, calls = report.solved.astype(np.float64), (report.policy_calls, report.scorer_calls)
            point = _point(kind, name, size, values, calls[0] / self.num, calls[1] / self.num, self.seed)
            if size in best:
                point["minus_best_of_n"] = _difference(values, best[size], self.seed)
            found.append(point)
        return found

    def _reports(self, scorer: RowScorer, how: str, weight: float) -> Iterator[tuple[str, str, int, SearchReport]]:
        starts, config = self.one.trajectories.starts, self.config
        problems = self.one.trajectories.rows.problem[starts[:-1]][:: self.one.num][: self.num]
        same: dict[str, Any] = {"budget": self.budget, "fine_weight": weight}

        def start() -> tuple[Any, ...]:  # random numbers are the same for all: heads choose among the same first steps
            return scorer, self.policy, self.rules, puzzles.rng(self.seed, f"search {self.one.name}"), problems

        for size in config.greedy:
            yield "greedy", f"greedy {size}", size, greedy(*start(), candidates=size, **same)
        for width in config.widths:
            report = beam(*start(), width=width, expand=config.expand, how=how, **same)
            yield "beam", f"beam {width} x {config.expand}", width * config.expand, report


def _calls_of_candidates(one: Exam, num: int, how: str, weight: float) -> tuple[float, float]:
    """(policy calls, scorer calls) a candidate; where only the last step counts, only that one is scored."""
    steps = np.diff(one.trajectories.starts)[: num * one.num]
    scored = np.minimum(steps, 1) if how == "last" else steps
    merged = np.minimum(scored, steps - 1) if weight < 1 else np.zeros_like(steps)
    return float(steps.mean()), float((scored + merged).mean())


def _point(
    kind: str, name: str, tries: int, values: np.ndarray, policy_calls: float, scorer_calls: float, seed: int
) -> Point:
    low, high = interval(values[:, None], puzzles.rng(seed, "bootstrap"))
    return {
        "kind": kind,
        "name": name,
        "tries": tries,
        "accuracy": float(values.mean()),
        "low": float(low[0]),
        "high": float(high[0]),
        "policy_calls": policy_calls,
        "scorer_calls": scorer_calls,
    }


def _difference(values: np.ndarray, others: np.ndarray, seed: int) -> dict[str, float]:
    gap = values - others
    low, high = interval(gap[:, None], puzzles.rng(seed, "bootstrap"))
    return {"difference": float(gap.mean()), "low": float(low[0]), "high": float(high[0])}
