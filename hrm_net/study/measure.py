"""All metrics of one trained scorer on the pools that the arms of its seed share, as plain numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np

import puzzles
from hrm_net.recipes.config import TrainConfig
from hrm_net.recipes.step_scorer import solution_source
from hrm_net.reward.data.solutions import Solutions
from hrm_net.reward.evaluation import plain
from hrm_net.reward.labelled_solutions import (
    Choices,
    LabelledSolutions,
    best_fine_weight,
    clash_free,
    combined_scores,
    head_metrics,
)
from hrm_net.reward.metrics import ranking as metrics
from hrm_net.reward.metrics.best_of_n import best_of_n, oracle_curve, random_curve, sizes_up_to
from hrm_net.reward.metrics.voting import answer_ids, vote_curve
from hrm_net.reward.scorer import StepScorer
from hrm_net.reward.search import guided as search
from hrm_net.reward.search.probes import climb, probe
from hrm_net.study.plans import Sizes
from hrm_net.study.pool import problems_of
from puzzles.steps.policies import Policy
from puzzles.steps.rules import StepRules

Load = Callable[[str], Solutions]
DECIMALS = 4


def measure(scorer: StepScorer, config: TrainConfig, sizes: Sizes, load: Load) -> dict[str, Any]:
    """The metrics of the scorer of a run with this configuration; `load` gives a pool of solutions by its name.

    Thresholds, aggregation and the weight of hier's single steps are fixed on the pool "validation" alone.
    """
    rules, seed = scorer.rules, config.seed
    validation = LabelledSolutions.of("validation", [load("validation")], config.reward, sizes.validation[1])
    fine, merged = _scores(scorer, validation)
    weight = 1.0 if merged is None else best_fine_weight(validation, fine, merged)
    choices = Choices.on(validation, _mixed(validation, fine, merged, weight), None if merged is None else weight)
    found: dict[str, Any] = {}
    for name, (_, num) in (("test", sizes.test), ("other", sizes.other)):
        found[name] = _judged(
            scorer, LabelledSolutions.of(name, [load(name)], config.reward, num), choices, weight, seed
        )
    problems = problems_of(load("test").attempts, sizes.test[0])
    policy = solution_source(config, rules).policy
    found["greedy"] = _greedy(scorer, policy, rules, problems, sizes, config, weight)
    found["beam"] = _beams(scorer, policy, rules, problems, sizes, config, weight, choices.how)
    found["probes"] = probe(scorer, rules, puzzles.rng(seed, "study probes"), load("probe").attempts)
    climbed = climb(
        scorer, rules, puzzles.rng(seed, "study climb"), problems[: sizes.climb[0]],
        iterations=sizes.climb[1], proposals=sizes.climb[2],
    )  # fmt: skip
    return plain(found | {"climb": climbed})


def frame(config: TrainConfig, sizes: Sizes, load: Load, rules: StepRules) -> dict[str, Any]:
    """Facts about the pools, and metrics that need no scorer: chance, votes, an oracle, a clash check."""
    seed, found = config.seed, {}
    for name, num in (("test", sizes.test[1]), ("other", sizes.other[1])):
        one = LabelledSolutions.of(name, [load(name)], config.reward, num)
        solved, rng = one.solved, puzzles.rng(seed, "study frame")
        answers = answer_ids(one.ends.reshape(*solved.shape, -1))
        curves = {"random": random_curve(solved), "majority": vote_curve(answers, solved, rng),
                  "oracle": oracle_curve(solved)}  # fmt: skip
        clash = clash_free(rules, one.trajectories.rows)
        found[name] = {
            "solve_rate": solved.mean(),
            "steps": len(one.trajectories.rows),
            "steps_right": one.ok.mean(),
            "errors_mended": errors_mended(load(name), rules),
            "never_solved": (~solved.any(1)).mean(),
            "best_of_n": {name: _slim(curve.summary(rng)) for name, curve in curves.items()},
            "clash_check": metrics.ranking(clash, one.ok, one.trajectories.rows.group),
        }
    return plain(found)


def errors_mended(solutions: Solutions, rules: StepRules) -> float:
    """The share of wrong values that an attempt writes and that are gone from their cell in one of its later states."""
    attempts = solutions.attempts
    states, live = attempts.states, attempts.live
    targets = rules.targets(attempts.problems, attempts.problems, attempts.problems)[:, None]
    if not rules.unique:
        last = states[np.arange(len(attempts)), attempts.lengths]
        targets = rules.targets(attempts.problems, last, last)[:, None]
    wrong = (states != targets) & (states != rules.blank) & rules.editable(attempts.problems)[:, None]
    made = wrong[:, 1:] & (states[:, 1:] != states[:, :-1]) & live[:, :, None]
    gone = ~wrong[:, 1:] & live[:, :, None]
    later = np.flip(np.logical_or.accumulate(np.flip(gone, 1), axis=1), 1)
    mended = made[:, :-1] & later[:, 1:]
    return float(mended.sum() / max(1, made.sum()))


def _scores(scorer: StepScorer, one: LabelledSolutions) -> tuple[np.ndarray, np.ndarray | None]:
    """Of the single steps, and of hier of the merged ones too."""
    fine = scorer.score_rows(one.trajectories.rows)
    return fine, scorer.score_rows(one.merged) if scorer.objective == "hier" else None


def _mixed(one: LabelledSolutions, fine: np.ndarray, merged: np.ndarray | None, weight: float) -> np.ndarray:
    return fine if merged is None else combined_scores(one, fine, merged, weight)


def _judged(scorer: StepScorer, one: LabelledSolutions, choices: Choices, weight: float, seed: int) -> dict[str, Any]:
    """By the steps' scores as they are used; under "fine" by those of the single steps alone, where these differ."""
    rows, merged = one.trajectories.rows, None
    fine = scorer.score_rows(rows)
    if weight < 1:
        merged = scorer.score_rows(one.merged)
    found = _told(one, _mixed(one, fine, merged, weight), choices, seed)
    return found | ({"fine": _told(one, fine, choices, seed)} if weight < 1 else {})


def _told(one: LabelledSolutions, scores: np.ndarray, choices: Choices, seed: int) -> dict[str, Any]:
    """head_metrics(), its curves cut to what pages show, with the accuracy by puzzle at the largest N."""
    found = head_metrics(one, scores, choices, puzzles.rng(seed, "study bootstrap"))
    curves = found["best_of_n"]
    most = sizes_up_to(one.candidates)[-1]
    found["best_of_n"] = {how: _slim(curve) for how, curve in curves.items()}
    found["chosen"] = found["best_of_n"][choices.how]
    by_puzzle = {how: best_of_n(one.aggregated(scores, how), one.solved, most) for how in {choices.how, "prod", "min"}}
    found["by_puzzle"] = {how: values.round(DECIMALS).tolist() for how, values in by_puzzle.items()}
    found["by_puzzle"]["chosen"] = found["by_puzzle"][choices.how]
    return found


def _slim(curve: dict[str, Any]) -> dict[str, Any]:
    kept = {key: curve[key] for key in ("sizes", "accuracy", "low", "high", "score", "hacking_index")}
    return kept | {"last": curve["accuracy"][-1]}


def _greedy(
    scorer: StepScorer, policy: Policy, rules: StepRules, problems: np.ndarray, sizes: Sizes, config: TrainConfig,
    weight: float,
) -> dict[str, Any]:  # fmt: skip
    found = {}
    for num in sizes.greedy:
        report = search.greedy(
            scorer, policy, rules, puzzles.rng(config.seed, "study greedy", num), problems,
            candidates=num, budget=config.reward.budget, fine_weight=weight,
        )  # fmt: skip
        found[str(num)] = _searched(report)
    accuracy = [found[str(num)]["accuracy"] for num in sizes.greedy]
    return found | {"last": accuracy[-1], "hacking_index": max(accuracy) - accuracy[-1]}


def _beams(
    scorer: StepScorer, policy: Policy, rules: StepRules, problems: np.ndarray, sizes: Sizes, config: TrainConfig,
    weight: float, how: str,
) -> dict[str, Any]:  # fmt: skip
    width, expand = sizes.beam
    found = {}
    for one in dict.fromkeys((how, "prod")):
        report = search.beam(
            scorer, policy, rules, puzzles.rng(config.seed, "study beam"), problems,
            width=width, expand=expand, budget=config.reward.budget, how=one, fine_weight=weight,
        )  # fmt: skip
        found[one] = _searched(report)
    return found | {"chosen": found[how]}


def _searched(report: search.SearchReport) -> dict[str, Any]:
    return {
        "accuracy": report.solved.mean(),
        "by_puzzle": report.solved.astype(int).tolist(),
        "policy_calls": report.policy_calls,
        "scorer_calls": report.scorer_calls,
    }
