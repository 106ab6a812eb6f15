"""A step scorer on solutions of unseen puzzles: every head by every metric, beside what needs no scorer at all."""

import math
from typing import Any

import numpy as np

import puzzles
from hrm_net.data.puzzle_sets import generated_set
from hrm_net.evaluation.results import Results
from hrm_net.provenance import provenance
from hrm_net.recipes.config import Targets, TrainConfig
from hrm_net.reward.data.prepare import solutions_of
from hrm_net.reward.data.solutions import build_policy
from hrm_net.reward.examples import grid_inputs
from hrm_net.reward.labelled_solutions import (
    Choices,
    LabelledSolutions,
    best_fine_weight,
    clash_free,
    combined_scores,
    head_metrics,
)
from hrm_net.reward.metrics import ranking as metrics
from hrm_net.reward.metrics.best_of_n import oracle_curve, random_curve
from hrm_net.reward.metrics.voting import answer_ids, vote_curve
from hrm_net.reward.model import RewardModel
from hrm_net.reward.scoring import SharedScores, run_rows, to_scores
from hrm_net.reward.search.config import SearchConfig
from hrm_net.reward.search.evaluation import measure
from hrm_net.reward.validation import monitor_solutions, sources
from puzzles.steps.rows import StepRows
from puzzles.steps.rules import StepRules, step_rules

# By head, the scores of the single steps; under MERGED those that hier gives the merged ones.
Scored = dict[str, np.ndarray]
MERGED = "hier merged"


def evaluate(
    model: RewardModel,
    config: TrainConfig,
    sets: dict[str, Targets],
    *,
    num_puzzles: int,
    candidates: int,
    batch_size: int,
    seed: int,
    search: SearchConfig | None = None,
) -> Results:
    """Metrics of each set by its name, on `candidates` solutions of each of `num_puzzles` puzzles of the evaluation
    fold. Thresholds, aggregation and the weight of hier's single steps are fixed on validation puzzles before.
    `search` adds a section of that name to each set."""
    rules = step_rules(puzzles.get(**config.puzzle))
    reward = config.reward
    validation = LabelledSolutions.of(
        "validation", monitor_solutions(config, rules, exact=True), reward, reward.monitor_candidates
    )
    on_validation = _scored(model, validation, config, batch_size)
    weight = 1.0
    if "hier" in on_validation:
        weight = best_fine_weight(validation, on_validation["hier"], on_validation[MERGED])
    choices = {
        name: Choices.on(validation, scores, weight if name == "hier" else None)
        for name, scores in _table_rows(validation, on_validation, weight).items()
    }
    found = {}
    for name, targets in sets.items():
        solutions = _solutions(config, rules, name, targets, num_puzzles, candidates, seed)
        scored = _table_rows(solutions, _scored(model, solutions, config, batch_size), weight)
        rng = puzzles.rng(seed, "bootstrap")
        heads = {head: head_metrics(solutions, scores, choices[head], rng) for head, scores in scored.items()}
        section = _without_scorer(solutions, rules, rng) | {"heads": heads}
        if search is not None:
            shared = SharedScores(model, segments=reward.segments, batch_size=batch_size)
            section["search"] = measure(shared, solutions, scored, choices, search, reward, rules, seed=seed)
        found[name] = plain(section)
    return Results(sets=found, **provenance(seed))


def _solutions(
    config: TrainConfig, rules: StepRules, name: str, targets: Targets, num_puzzles: int, candidates: int, seed: int
) -> LabelledSolutions:
    problems = generated_set(rules.puzzle, name, seed, num_puzzles, **targets)
    rules.remember(problems.inputs, problems.labels)
    policy = build_policy(config.reward, rules)
    purpose = f"evaluation solutions {seed} {name}"
    sampled = solutions_of(config, rules, policy, problems.inputs, purpose, num=candidates, exact=True)
    return LabelledSolutions.of(name, sampled, config.reward, candidates)


def _scored(model: RewardModel, solutions: LabelledSolutions, config: TrainConfig, batch_size: int) -> Scored:
    num = len(solutions.trajectories.rows)
    merged = [solutions.merged] if "hier" in model.config.objectives else []
    inputs = grid_inputs(StepRows.concatenate([solutions.trajectories.rows, *merged]))
    logits = run_rows(model, inputs, segments=config.reward.segments, batch_size=batch_size, fill=True).logits
    found = {head: to_scores(head, logits[head][:num]) for head in model.config.objectives}
    if merged:
        found[MERGED] = to_scores("hier", logits["hier"][num:])
    return found


def _table_rows(solutions: LabelledSolutions, scored: Scored, weight: float) -> Scored:
    """What is measured: each head, of hier the combination of single and merged steps, and its single steps alone
    ("hier_fine"), as published."""
    found = {head: scores for head, scores in scored.items() if head != MERGED}
    if "hier" in found:
        fine = found["hier"]
        found |= {"hier": combined_scores(solutions, fine, scored[MERGED], weight), "hier_fine": fine}
    return found


def _without_scorer(solutions: LabelledSolutions, rules: StepRules, rng: np.random.Generator) -> dict[str, Any]:
    """What the solutions are like, and what is reached without a scorer: chance, votes, an oracle, a clash check."""
    solved, rows = solutions.solved, solutions.trajectories.rows
    answers = answer_ids(solutions.ends.reshape(*solved.shape, -1))
    clash = clash_free(rules, rows)
    curves = {
        "random": random_curve(solved), "majority": vote_curve(answers, solved, rng), "oracle": oracle_curve(solved)
    }  # fmt: skip
    wrong = solutions.first_error < np.diff(solutions.trajectories.starts)
    return {
        "puzzles": len(solved),
        "candidates": solutions.candidates,
        "solve_rate": float(solved.mean()),
        "steps": len(rows),
        "steps_right": float(solutions.ok.mean()),
        "errors_corrected": float(solutions.trajectories.outcome[wrong].mean()) if wrong.any() else math.nan,
        "clash_check": {"steps": metrics.ranking(clash, solutions.ok, rows.group)},
        "best_of_n": {name: curve.summary(rng) for name, curve in curves.items()},
    }


def plain(value: Any) -> Any:
    """The value with numbers that are not finite as None, which JSON can hold."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def default_sets(config: TrainConfig) -> dict[str, Targets]:
    """The sets that a run names, else puzzles like those it learned from."""
    return config.evaluate_sets or sources(config)
