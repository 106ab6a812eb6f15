"""A step scorer on solutions of unseen puzzles: every head by every measure, beside what needs no scorer at all."""

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
from hrm_net.reward.judging import Choices, Exam, best_weight, clash_free, combined, exam, judged
from hrm_net.reward.metrics import ranking as metrics
from hrm_net.reward.metrics.best_of_n import oracle_curve, random_curve
from hrm_net.reward.metrics.voting import answer_ids, vote_curve
from hrm_net.reward.model import RewardModel
from hrm_net.reward.row_scores import RowScores
from hrm_net.reward.search.config import SearchConfig
from hrm_net.reward.search.evaluation import measure
from hrm_net.reward.validation import validation_solutions
from hrm_net.reward.verdicts import logits_of, scores
from puzzles.steps.rows import StepRows
from puzzles.steps.rules import StepRules

Scored = dict[str, np.ndarray]


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
    fold; thresholds, aggregation and hier's combination are fixed on `validation_puzzles` of each source before.
    `search` adds a section of that name to each set."""
    rules, reward = source.rules, source.reward
    solutions = validation_solutions(source, validation_puzzles, exact=True)
    validation = exam("validation", solutions, reward, reward.validation_candidates)
    fixed = _scored(model, validation, reward, batch_size)
    weight = best_weight(validation, fixed["hier"], fixed["hier merged"]) if "hier" in fixed else 1.0
    choices = {
        name: Choices.on(validation, one, weight if name == "hier" else None)
        for name, one in _rows_of_table(validation, fixed, weight).items()
    }
    found = {}
    for name, targets in sets.items():
        one = _exam(source, name, targets, num_puzzles, candidates, seed)
        told = _rows_of_table(one, _scored(model, one, reward, batch_size), weight)
        rng = puzzles.rng(seed, "bootstrap")
        heads = {head: judged(one, mine, choices[head], rng) for head, mine in told.items()}
        section = _frame(one, rules, rng) | {"heads": heads}
        if search is not None:
            shared = RowScores(model, segments=reward.segments, batch_size=batch_size)
            section["search"] = measure(shared, one, told, choices, search, source, seed=seed)
        found[name] = plain(section)
    return Results(sets=found, **provenance(seed))


def _exam(source: SolutionSource, name: str, targets: Targets, num_puzzles: int, candidates: int, seed: int) -> Exam:
    problems = generated_set(source.rules.puzzle, name, seed, num_puzzles, **targets)
    source.rules.remember(problems.inputs, problems.labels)
    purpose = f"evaluation solutions {seed} {name}"
    solutions = solutions_of(source, problems.inputs, purpose, num=candidates, exact=True)
    return exam(name, solutions, source.reward, candidates)


def _scored(model: RewardModel, one: Exam, reward: RewardConfig, batch_size: int) -> Scored:
    """Scores of the single steps by head, and of the merged ones as "hier merged"."""
    num = len(one.trajectories.rows)
    merged = [one.merged] if "hier" in model.config.objectives else []
    rows = StepRows.concatenate([one.trajectories.rows, *merged])
    logits = logits_of(model, rows, segments=reward.segments, batch_size=batch_size)
    found = {head: scores(head, logits[head][:num]) for head in model.config.objectives}
    if merged:
        found["hier merged"] = scores("hier", logits["hier"][num:])
    return found


def _rows_of_table(one: Exam, scored: Scored, weight: float) -> Scored:
    """What is judged: each head, and of hier the combination of single and merged steps, and single ones alone, as
    published."""
    found = {head: mine for head, mine in scored.items() if head != "hier merged"}
    if "hier" in found:
        fine, merged = found["hier"], scored["hier merged"]
        found = found | {"hier": combined(one, fine, merged, weight), "hier_fine": fine}
    return found


def _frame(one: Exam, rules: StepRules, rng: np.random.Generator) -> dict[str, Any]:
    """What the solutions are like, and what is reached without a scorer: chance, votes, an oracle, a clash check."""
    solved, rows = one.solved, one.trajectories.rows
    answers = answer_ids(one.ends.reshape(*solved.shape, -1))
    clash = clash_free(rules, rows)
    curves = {
        "random": random_curve(solved), "majority": vote_curve(answers, solved, rng), "oracle": oracle_curve(solved)
    }  # fmt: skip
    wrong = one.first_error < np.diff(one.trajectories.starts)
    return {
        "puzzles": len(solved),
        "candidates": one.num,
        "solve_rate": float(solved.mean()),
        "steps": len(rows),
        "steps_right": float(one.ok.mean()),
        "errors_corrected": float(one.trajectories.outcome[wrong].mean()) if wrong.any() else math.nan,
        "clash_check": {"steps": metrics.ranking(clash, one.ok, rows.group)},
        "best_of_n": {name: curve.summary(rng) for name, curve in curves.items()},
    }


def plain(value: Any) -> Any:
    """As JSON has it: numbers that are not finite become null."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
