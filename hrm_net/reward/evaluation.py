"""A step scorer on solutions of unseen puzzles: every head by every metric, beside what needs no scorer at all."""

import math
from typing import Any

import numpy as np

import puzzles
from hrm_net.data.config import Targets
from hrm_net.data.puzzle_sets import generated_set
from hrm_net.evaluation.results import Results
from hrm_net.provenance import provenance
from hrm_net.reward.config import RewardConfig
from hrm_net.reward.data.prepare import solutions_of
from hrm_net.reward.data.solutions import SolutionSource
from hrm_net.reward.examples import grid_inputs
from hrm_net.reward.heads import HEADS
from hrm_net.reward.labelled_solutions import (
    FINE_ONLY,
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
from hrm_net.reward.validation import validation_solutions
from puzzles.steps.logistic import Logistic
from puzzles.steps.rows import StepRows
from puzzles.steps.rules import StepRules
from puzzles.steps.visible import counts_and_rules

ByHead = dict[str, np.ndarray]


def evaluate(
    model: RewardModel,
    source: SolutionSource,
    sets: dict[str, Targets],
    *,
    validation_puzzles: int,
    num_puzzles: int,
    candidates: int,
    batch_size: int,
    seed: int,
    search: SearchConfig | None = None,
) -> Results:
    """Metrics of each set by its name, on `candidates` solutions of each of `num_puzzles` puzzles of the evaluation
    fold. Thresholds, aggregation and the weight of single beside merged steps are fixed before, on
    `validation_puzzles` of each source. `counts_and_rules` has the metrics of a logistic regression that knows no
    solution, learned on those puzzles. `search` adds a section of that name to each set."""
    rules, reward = source.rules, source.reward
    sampled = validation_solutions(source, validation_puzzles, exact=True)
    validation = LabelledSolutions.of("validation", sampled, reward, reward.validation_candidates)
    fine, merged = _scored(model, validation, reward, batch_size)
    weights = {head: best_fine_weight(validation, fine[head], scores) for head, scores in merged.items()}
    choices = {
        name: Choices.on(validation, scores, weights.get(name))
        for name, scores in _table_rows(validation, fine, merged, weights).items()
    }
    counted = Logistic.fit(counts_and_rules(rules, validation.trajectories.rows), validation.ok)
    counted_choices = Choices.on(validation, counted(counts_and_rules(rules, validation.trajectories.rows)))
    found = {}
    for name, targets in sets.items():
        solutions = _solutions(source, name, targets, num_puzzles, candidates, seed)
        scored = _table_rows(solutions, *_scored(model, solutions, reward, batch_size), weights)
        rng = puzzles.rng(seed, "bootstrap")
        heads = {head: head_metrics(solutions, scores, choices[head], rng) for head, scores in scored.items()}
        section = _without_scorer(solutions, rules, rng) | {"heads": heads}
        features = counts_and_rules(rules, solutions.trajectories.rows)
        section["counts_and_rules"] = head_metrics(solutions, counted(features), counted_choices, rng)
        if search is not None:
            shared = SharedScores(model, segments=reward.segments, batch_size=batch_size)
            section["search"] = measure(shared, solutions, scored, choices, search, source, seed=seed)
        found[name] = plain(section)
    return Results(sets=found, **provenance(seed))


def _solutions(
    source: SolutionSource, name: str, targets: Targets, num_puzzles: int, candidates: int, seed: int
) -> LabelledSolutions:
    problems = generated_set(source.rules.puzzle, name, seed, num_puzzles, **targets)
    source.rules.remember(problems.inputs, problems.labels)
    purpose = f"evaluation solutions {seed} {name}"
    sampled = solutions_of(source, problems.inputs, purpose, num=candidates, exact=True)
    return LabelledSolutions.of(name, sampled, source.reward, candidates)


def _scored(
    model: RewardModel, solutions: LabelledSolutions, reward: RewardConfig, batch_size: int
) -> tuple[ByHead, ByHead]:
    """(the scores of single steps by head, the scores of merged steps by each head that scores pairs)."""
    heads, num = model.config.objectives, len(solutions.trajectories.rows)
    paired = [head for head in heads if HEADS[head].scores_pairs]
    rows = StepRows.concatenate([solutions.trajectories.rows, *([solutions.merged] if paired else [])])
    logits = run_rows(model, grid_inputs(rows), segments=reward.segments, batch_size=batch_size, fill=True).logits
    fine = {head: to_scores(head, logits[head][:num]) for head in heads}
    return fine, {head: to_scores(head, logits[head][num:]) for head in paired}


def _table_rows(solutions: LabelledSolutions, fine: ByHead, merged: ByHead, weights: dict[str, float]) -> ByHead:
    """The rows of the table: each head, with single and merged steps combined where it scores both, and then the single
    steps of such a head alone, as published."""
    combined = {head: combined_scores(solutions, fine[head], scores, weights[head]) for head, scores in merged.items()}
    return fine | combined | {head + FINE_ONLY: fine[head] for head in merged}


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
