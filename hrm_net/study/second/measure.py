"""The figures of one scorer, and of what needs no scorer, on the pools of its seed."""

from collections.abc import Callable
from typing import Any

import numpy as np

import puzzles
from hrm_net.reward import baseline
from hrm_net.reward.aggregate import by_solution, ranking_aggregation
from hrm_net.reward.data.solutions import Solutions
from hrm_net.reward.evaluation import plain
from hrm_net.reward.heads import HEADS
from hrm_net.reward.metrics import ranking as metrics
from hrm_net.reward.metrics.best_of_n import best_of_n, oracle, sizes_up_to
from hrm_net.reward.metrics.ranking import auroc, within
from hrm_net.reward.scorer import StepScorer
from hrm_net.reward.search.probes import probe
from hrm_net.study.second import pools
from hrm_net.study.second.pools import Pool
from hrm_net.study.second.scores import KeptScores
from puzzles.steps.logistic import Logistic
from puzzles.steps.rows import StepRows, trajectories_of
from puzzles.steps.rules import StepRules
from puzzles.steps.visible import counts_and_rules

Scores = np.ndarray
TRICKS = ("no_op_padding", "erase_refill", "few_huge_steps")
POLICIES = ("full", "careless")


def measure(
    scorer: StepScorer | KeptScores,
    seed: int,
    load: Callable[[str], Pool],
    solutions: Callable[[str], tuple[Solutions, int]],
) -> dict[str, Any]:
    """Of a trained head; `load` gives a pool of prefixes and `solutions` complete ones by their name. Step
    scores are aggregated as the head's definition has it (`Head.aggregation`)."""
    how = HEADS[scorer.objective].aggregation
    found = _prefixes(scorer.score_rows, how, load)
    for policy in POLICIES:
        found[policy] = _complete(scorer.score_rows, how, *solutions(policy))
    attempts = solutions("tampered")[0].attempts
    probes = probe(scorer, scorer.rules, puzzles.rng(seed, "study probes"), attempts, (how,))
    told = {trick: {"num": one["num"], "beats_solved": one["beats_solved"][how]} for trick, one in probes.items()}
    known = [told[trick]["beats_solved"] for trick in TRICKS if not np.isnan(told[trick]["beats_solved"])]
    return plain(found | {"how": how, "probes": told, "fooled": max(known) if known else np.nan})


def frame(
    rules: StepRules,
    name: str,
    load: Callable[[str], Pool],
    solutions: Callable[[str], tuple[Solutions, int]],
) -> dict[str, Any]:
    """Chance, an oracle, and counts and rules: the latter cross-validated by problem, like a head that learned on
    other problems. Holds the admission test; UserError where it is failed."""
    half = load("half")
    admitted = pools.admission(rules, half)
    baseline.admit(admitted, name)
    # What learns to tell the half pool's prefixes apart judges those of the other pool.
    learned = {
        "alive": Logistic.fit(counts_and_rules(rules, half.last_rows()), half.prefixes.alive.reshape(-1)),
        "ok": Logistic.fit(counts_and_rules(rules, half.rows()), half.ok.reshape(-1)),
    }

    def score(rows: StepRows) -> Scores:
        return learned["alive"](counts_and_rules(rules, rows))

    counted: dict[str, Any] = {"prefix": _best_of(score, "last", load("few"))}
    counted["auroc"], counted["steps"] = admitted.compared, admitted.steps
    facts: dict[str, Any] = {"admission": {"error": admitted.error}, "alive": load("few").prefixes.alive.mean()}
    facts["problems"] = {one: load(one).shape[0] for one in ("few", "half")}
    for policy in POLICIES:
        found, each = solutions(policy)
        counted[policy] = _counted_complete(rules, found, each)
        solved = found.exact.solved.reshape(-1, each)
        facts[policy] = {"solve_rate": solved.mean(), "oracle": _curve(lambda n, s=solved: oracle(s, n), each)}
    few = load("few")
    outcomes = {"policy": few.continued, "solver": few.prefixes.alive}
    facts["prefix"] = {
        one: {
            "oracle": _curve(lambda n, s=right: oracle(s, n), few.shape[1]),
            "random": _curve(lambda n, s=right: s.mean(1), few.shape[1]),
        }
        for one, right in outcomes.items()
    }
    return plain(facts | {"counts_and_rules": counted})


def _prefixes(score: Callable[[StepRows], Scores], how: str, load: Callable[[str], Pool]) -> dict[str, Any]:
    half = load("half")
    steps = score(half.rows())
    whole = _whole(steps, how, half)
    return {
        "prefix": _best_of(score, how, load("few")),
        "auroc": within(auroc, whole.reshape(-1), half.prefixes.alive.reshape(-1), half.problem_of(1))[0],
        "steps": within(auroc, steps, half.ok.reshape(-1), half.problem_of(half.shape[2]))[0],
        "brier": float(((steps - half.ok.reshape(-1)) ** 2).mean()),
    }


def _best_of(score: Callable[[StepRows], Scores], how: str, pool: Pool) -> dict[str, Any]:
    """Best-of-N prefixes: the share that comes right when the policy, and when an exact solver, goes on from there."""
    whole = _whole(score(pool.rows()), how, pool)
    each = pool.shape[1]
    return {
        "policy": _curve(lambda n: best_of_n(whole, pool.continued, n), each),
        "solver": _curve(lambda n: best_of_n(whole, pool.prefixes.alive, n), each),
    }


def _whole(steps: Scores, how: str, pool: Pool) -> Scores:
    num, each, length = pool.shape
    starts = np.arange(num * each + 1) * length
    return by_solution(np.asarray(steps, np.float64), starts, ranking_aggregation(how)).reshape(num, each)


def _curve(value: Callable[[int], np.ndarray], candidates: int) -> dict[str, Any]:
    """{sizes, accuracy, and by problem at the largest N}."""
    sizes = sizes_up_to(candidates)
    values = np.stack([value(size) for size in sizes], axis=1)
    return {"sizes": sizes, "accuracy": values.mean(0).tolist(), "by_problem": values[:, -1].round(4).tolist()}


def _complete(score: Callable[[StepRows], Scores], how: str, found: Solutions, each: int) -> dict[str, Any]:
    made = trajectories_of(found.attempts, found.exact)
    whole = by_solution(np.asarray(score(made.rows), np.float64), made.starts, ranking_aggregation(how))
    return _ranked(whole, found.exact.solved, each)


def _counted_complete(rules: StepRules, found: Solutions, each: int) -> dict[str, Any]:
    """Counts and rules on the last step of complete solutions, cross-validated by puzzle."""
    made = trajectories_of(found.attempts, found.exact)
    features = counts_and_rules(rules, made.rows.take(made.starts[1:] - 1))
    features = np.concatenate([features, np.diff(made.starts)[:, None]], axis=1)
    groups = np.arange(len(made)) // each
    return _ranked(baseline.cross_validated(features, found.exact.solved, groups), found.exact.solved, each)


def _ranked(whole: Scores, solved: np.ndarray, each: int) -> dict[str, Any]:
    told = metrics.ranking(whole, solved, np.arange(len(whole)) // each)
    curve = _curve(lambda n: best_of_n(whole.reshape(-1, each), solved.reshape(-1, each), n), each)
    return {"auroc": told["auroc"], "within": told["auroc_within"], "best_of_n": curve}
