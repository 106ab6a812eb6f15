"""Search by each head against best-of-N by the same head, on the same puzzles, with the cost of each; probes and
climbing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

import puzzles
from hrm_net.reward.config import RewardConfig
from hrm_net.reward.data.solutions import SolutionSource
from hrm_net.reward.heads import HEADS
from hrm_net.reward.labelled_solutions import FINE_ONLY, Choices, LabelledSolutions
from hrm_net.reward.metrics.best_of_n import best_of_n, oracle
from hrm_net.reward.metrics.bootstrap import interval
from hrm_net.reward.scoring import SharedScores
from hrm_net.reward.search.config import SearchConfig
from hrm_net.reward.search.guided import RowScorer, SearchReport, beam, greedy
from hrm_net.reward.search.probes import climb, probe
from puzzles.steps.attempts import Attempts
from puzzles.steps.policies import Policy
from puzzles.steps.rows import StepRows
from puzzles.steps.rules import StepRules

Point = dict[str, Any]
ORACLE = "oracle"


class Oracle:
    """Scores by the answer: minus the share of cells that differ from it, so the step that gets furthest is best."""

    def __init__(self, rules: StepRules) -> None:
        self.rules = rules

    def score_rows(self, rows: StepRows) -> Float[np.ndarray, " rows"]:
        return -(self.rules.targets(rows.problem, rows.after, rows.after) != rows.after).mean(axis=1)


def measure(
    shared: SharedScores,
    solutions: LabelledSolutions,
    scored: dict[str, np.ndarray],
    choices: dict[str, Choices],
    config: SearchConfig,
    source: SolutionSource,
    *,
    seed: int,
) -> dict[str, Any]:
    """The section `search` of a set: `puzzles`, `heads` (`search_points`) and, if wanted, `probes` and `climbing`.

    `scored`: the scores of the solutions' steps by row of the table; `hier_fine` has those of hier's single steps.
    """
    rules, policy, reward = source.rules, source.policy, source.reward
    found = {
        "puzzles": min(config.puzzles, len(solutions.solved)),
        "heads": search_points(
            shared.head, solutions, scored, choices, config, rules, policy, budget=reward.budget, seed=seed
        ),
    }
    if config.probes:
        found["probes"] = measure_probes(shared, solutions, choices, config, reward, rules, seed=seed)
    if config.climbing:
        found["climbing"] = measure_climbing(shared, solutions, config, rules, seed=seed)
    return found


def search_points(
    scorer_of: Callable[[str], RowScorer],
    solutions: LabelledSolutions,
    scored: dict[str, np.ndarray],
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
    puzzle), and, per puzzle, `accuracy` with its bootstrap interval `low`..`high`, `policy_calls` and `scorer_calls`
    (steps that were proposed, and rows that were scored); `minus_best_of_n` is the paired difference to best-of-N of
    as many tries. Greedy search takes the best-scored single step, as published; beams rank hypotheses of as many steps
    by `how`, which was fixed on validation puzzles. The oracle sees each step's distance to the answer.
    """
    search = _Search(solutions, config, rules, policy, budget, seed)
    num, heads = search.num, {}
    for head, mine in scored.items():
        how, weight = choices[head].how, choices[head].fine_weight
        whole = solutions.aggregated(mine, how)[:num]
        best = {size: best_of_n(whole, solutions.solved[:num], size) for size in search.sizes()}
        scorer = scorer_of(head.removesuffix(FINE_ONLY))
        heads[head] = {"how": how, "points": search.points(scorer, how, 1.0 if weight is None else weight, best)}
    best = {size: oracle(solutions.solved[:num], size) for size in search.sizes()}
    return heads | {ORACLE: {"how": "last", "points": search.points(Oracle(rules), "last", 1.0, best)}}


@dataclass
class _Search:
    """The same searches for every head."""

    solutions: LabelledSolutions
    config: SearchConfig
    rules: StepRules
    policy: Policy
    budget: int
    seed: int

    @property
    def num(self) -> int:
        """Puzzles searched."""
        return min(self.config.puzzles, len(self.solutions.solved))

    def sizes(self) -> list[int]:
        """The tries of all searches, as far as there are candidates to compare with."""
        tries = {*self.config.greedy, *(width * self.config.expand for width in self.config.widths)}
        return [size for size in sorted(tries) if size <= self.solutions.candidates]

    def points(self, scorer: RowScorer, how: str, weight: float, best: dict[int, np.ndarray]) -> list[Point]:
        """`best`: what best-of-N keeps at each puzzle, by N."""
        policy_calls, scorer_calls = _calls_of_candidates(self.solutions, self.num, how, weight)
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
        config = self.config
        problems = self.solutions.problems(self.num)
        same: dict[str, Any] = {"budget": self.budget, "fine_weight": weight}

        def start() -> tuple[Any, ...]:  # random numbers are the same for all: heads choose among the same first steps
            return scorer, self.policy, self.rules, puzzles.rng(self.seed, f"search {self.solutions.name}"), problems

        for size in config.greedy:
            yield "greedy", f"greedy {size}", size, greedy(*start(), candidates=size, **same)
        for width in config.widths:
            report = beam(*start(), width=width, expand=config.expand, how=how, **same)
            yield "beam", f"beam {width} x {config.expand}", width * config.expand, report


def measure_probes(
    shared: SharedScores,
    solutions: LabelledSolutions,
    choices: dict[str, Choices],
    config: SearchConfig,
    reward: RewardConfig,
    rules: StepRules,
    *,
    seed: int,
) -> dict[str, dict[str, Any]]:
    """By head of the model: `how` its tables are read, and `probes` (hrm_net.reward.search.probes.probe). Of a
    head that scores pairs only the single steps are used."""
    attempts = first_attempts(solutions, reward, config.puzzles, config.probes)
    found = {}
    for head in shared.model.config.objectives:
        rng = puzzles.rng(seed, f"probes {solutions.name}")  # the same for all, so that they see the same attempts
        how = choices[head + FINE_ONLY if HEADS[head].scores_pairs else head].how
        found[head] = {"how": how, "probes": probe(shared.head(head), rules, rng, attempts)}
    return found


def measure_climbing(
    shared: SharedScores, solutions: LabelledSolutions, config: SearchConfig, rules: StepRules, *, seed: int
) -> dict[str, dict[str, list[float]]]:
    """By head of the model: its score, the share of cells right and of puzzles solved after each change
    (hrm_net.reward.search.probes.climb); all heads start from the same states."""
    problems = solutions.problems(config.puzzles)
    return {
        head: climb(
            shared.head(head), rules, puzzles.rng(seed, f"climbing {solutions.name}"), problems,
            iterations=config.climbing, proposals=config.proposals,
        )
        for head in shared.model.config.objectives
    }  # fmt: skip


def first_attempts(solutions: LabelledSolutions, reward: RewardConfig, num_puzzles: int, num: int) -> Attempts:
    """The first `num` solutions of each of the first puzzles, as states."""
    rows, starts = solutions.trajectories.rows, solutions.trajectories.starts
    each = solutions.candidates
    wanted = np.arange(min(num_puzzles, len(solutions.solved)))[:, None] * each + np.arange(min(num, each))
    lengths = np.diff(starts)
    attempt = np.repeat(np.arange(len(lengths)), lengths)
    step = np.arange(len(rows)) - np.repeat(starts[:-1], lengths)
    states = np.zeros((len(lengths), reward.budget + 1, rows.problem.shape[1]), np.uint8)
    states[attempt, step] = rows.before
    states[attempt, step + 1] = rows.after
    problems, group = rows.problem[starts[:-1]], rows.group[starts[:-1]]
    size = len(lengths)
    return Attempts(
        problems=problems,
        states=states,
        lengths=lengths.astype(np.int64),
        budget=np.full(size, reward.budget, np.int64),
        cells_per_step=np.full(size, reward.cells_per_step, np.int64),
        fill=np.full(size, reward.regime == "fill"),
        group=group,
    ).take(wanted.reshape(-1))


def _calls_of_candidates(solutions: LabelledSolutions, num: int, how: str, weight: float) -> tuple[float, float]:
    """(policy calls, scorer calls) a candidate; where only the last step counts, only that one is scored."""
    steps = np.diff(solutions.trajectories.starts)[: num * solutions.candidates]
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
