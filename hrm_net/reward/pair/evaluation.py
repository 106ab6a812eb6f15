"""A judge on games of unseen puzzles: accuracy by difficulty and by thought, beside what needs no judge at all."""

import math
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64, Integer

from hrm_net.data.config import Targets
from hrm_net.data.puzzle_sets import generated_set
from hrm_net.evaluation.results import Results
from hrm_net.inference.segments import sigmoid
from hrm_net.provenance import provenance
from hrm_net.reward.data.solutions import SolutionSource
from hrm_net.reward.model import RewardModel
from hrm_net.reward.pair.data import Pairs, pairs_of
from hrm_net.reward.pair.games import GameTrace, trace_games
from hrm_net.reward.pair.validation import Validation, choose_stop
from puzzles.steps.rows import StepRows
from puzzles.steps.rules import StepRules
from puzzles.steps.visible import counts_and_rules, faults

LEVELS = 4  # of difficulty
DEEPER = 2  # times the trained depth, to which the curve is drawn


@runtime_checkable
class EffortRules(Protocol):
    """Step rules of a domain that say how far one must think to see that a state cannot come right."""

    def effort(
        self, problems: Integer[np.ndarray, "num seq"], states: Integer[np.ndarray, "num seq"]
    ) -> Int64[np.ndarray, "num"]: ...


def evaluate(
    model: RewardModel,
    source: SolutionSource,
    sets: dict[str, Targets],
    *,
    validation_puzzles: int,
    num_puzzles: int,
    batch_size: int,
    seed: int,
) -> Results:
    """Metrics of each set by its name, on games of `num_puzzles` puzzles of the evaluation fold. The halting
    probability is set on games of `validation_puzzles` puzzles, and the baseline learns from these."""
    reward, rules = source.reward, source.rules
    validation = Validation(source, validation_puzzles, batch_size=batch_size).pairs
    stop = choose_stop(_trace(model, validation, reward.segments, batch_size), reward.pair.mean_segments)
    weights = fit(differences(rules, validation), validation.better)
    found = {}
    for name, targets in sets.items():
        problems = generated_set(rules.puzzle, name, seed, num_puzzles, **targets)
        rules.remember(problems.inputs, problems.labels)
        pairs = pairs_of(source, np.asarray(problems.inputs, np.uint8), f"evaluation pairs {name}")
        trace = _trace(model, pairs, DEEPER * reward.segments, batch_size)
        complete = pairs.complete
        section: dict[str, Any] = {"puzzles": num_puzzles, "stop": stop, "trained_segments": reward.segments}
        section["prefixes"] = _group(
            rules, pairs.take(~complete), _part(trace, ~complete), stop, reward.segments, weights
        )
        if complete.any():
            section["complete"] = _group(
                rules, pairs.take(complete), _part(trace, complete), stop, reward.segments, weights
            )
        found[name] = section
    return Results(sets=found, **provenance(seed))


def _group(
    rules: StepRules,
    pairs: Pairs,
    trace: GameTrace,
    stop: float,
    segments: int,
    weights: Float64[np.ndarray, " features"],
) -> dict[str, Any]:
    """One kind of games: the judge as it is set, by difficulty, by segment, and the baseline."""
    stops = trace.stops(stop, segments)
    right = (trace.at(stops) > 0) == pairs.better
    curve = ((trace.logits > 0) == pairs.better[:, None]).mean(axis=0)
    hard = difficulty(rules, pairs)
    baseline = (differences(rules, pairs) @ weights > 0) == pairs.better
    probability = sigmoid(trace.at(stops))
    return {
        "games": len(pairs),
        "accuracy": float(right.mean()),
        "accuracy_interval": _interval(right),
        "segments": float(stops.mean()),
        "by_segment": curve.tolist(),
        "first_better": float(pairs.better.mean()),
        "rules_only": rules_only(rules, pairs),
        "counts_only": float(baseline.mean()),
        "counts_only_interval": _interval(baseline),
        "brier": float(np.mean((probability - pairs.better) ** 2)),
        "spearman_segments_difficulty": _spearman(stops, hard),
        "by_difficulty": _by_difficulty(hard, right, (trace.logits[:, 0] > 0) == pairs.better, stops),
        "stopped_after": np.bincount(stops, minlength=segments + 1)[1:].tolist(),
    }


def difficulty(rules: StepRules, pairs: Pairs) -> Float64[np.ndarray, " games"]:
    """How far one must think to see that the worse candidate cannot come right; where the domain does not say, how hard
    its puzzle is."""
    if isinstance(rules, EffortRules):
        return rules.effort(pairs.problem, pairs.worse).astype(np.float64)
    return np.asarray(rules.puzzle.difficulty(pairs.problem), np.float64)


def rules_only(rules: StepRules, pairs: Pairs) -> float:
    """The accuracy of preferring the candidate that breaks fewer rules at a glance; a draw counts half."""
    broken = [faults(rules, pairs.problem, states) for states in (pairs.first, pairs.second)]
    gap = np.where(pairs.better, broken[1] - broken[0], broken[0] - broken[1])
    return float(((gap > 0) + 0.5 * (gap == 0)).mean())


def differences(rules: StepRules, pairs: Pairs) -> Float64[np.ndarray, "games features"]:
    """What counting and the rules tell about the first candidate, less what they tell about the second."""
    start = rules.start(pairs.problem)
    seen = [counts_and_rules(rules, _rows(pairs.problem, start, states)) for states in (pairs.first, pairs.second)]
    return seen[0] - seen[1]


def fit(
    features: Float64[np.ndarray, "games features"], better: Bool[np.ndarray, " games"]
) -> Float64[np.ndarray, " features"]:
    """A logistic regression without an intercept, which is as antisymmetric as the judge; ridge of 1."""
    from scipy.optimize import minimize

    scale = features.std(axis=0)
    scale[scale == 0] = np.inf
    signed = np.where(better, 1.0, -1.0)[:, None] * features / scale

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        margin = signed @ w
        return float(np.logaddexp(0, -margin).sum() + w @ w / 2), w - signed.T @ sigmoid(-margin)

    return minimize(loss, np.zeros(features.shape[1]), jac=True, method="L-BFGS-B").x / scale


def _by_difficulty(hard: np.ndarray, right: np.ndarray, at_once: np.ndarray, stops: np.ndarray) -> list[dict[str, Any]]:
    """Games in about equally large levels of difficulty, the easiest first."""
    edges = np.unique(np.quantile(hard, np.linspace(0, 1, LEVELS + 1)[1:-1], method="higher"))
    level = np.searchsorted(edges, hard, side="left")
    rows = []
    for one in np.unique(level).tolist():
        mine = level == one
        rows.append(
            {
                "least": float(hard[mine].min()),
                "most": float(hard[mine].max()),
                "games": int(mine.sum()),
                "accuracy": float(right[mine].mean()),
                "accuracy_one_segment": float(at_once[mine].mean()),
                "segments": float(stops[mine].mean()),
            }
        )
    return rows


def _rows(problem: np.ndarray, start: np.ndarray, states: np.ndarray) -> StepRows:
    num = len(problem)
    return StepRows(
        problem=problem, before=np.asarray(start, np.uint8), after=states, left=np.zeros(num, np.int32),
        span=np.ones(num, np.uint8), label=np.full(num, np.nan, np.float32), group=np.zeros(num, np.int64),
        source=np.zeros(num, np.uint8), sources=("none",),
    )  # fmt: skip


def _trace(model: RewardModel, pairs: Pairs, segments: int, batch_size: int) -> GameTrace:
    return trace_games(model, pairs.games, segments=segments, batch_size=batch_size)


def _part(trace: GameTrace, mask: Bool[np.ndarray, " games"]) -> GameTrace:
    return GameTrace(logits=trace.logits[mask], halting=trace.halting[mask])


def _interval(right: Bool[np.ndarray, " games"]) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    from scipy.stats import binomtest

    found = binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def _spearman(
    one: Float[np.ndarray, " games"] | Int64[np.ndarray, " games"], other: Float64[np.ndarray, " games"]
) -> float | None:
    """Rank correlation; None where one of the two is constant."""
    from scipy.stats import spearmanr

    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    found = float(spearmanr(one, other)[0])  # type: ignore[arg-type]
    return found if math.isfinite(found) else None
