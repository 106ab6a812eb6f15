"""The figures of one reading: right verdicts by difficulty and by thought, tournaments, and another policy's games."""

import math
from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int64

from hrm_net.inference.segments import sigmoid
from hrm_net.reward.pair.data import Pairs
from hrm_net.study.judges.plan import RELATIONAL, JudgeSizes
from hrm_net.study.judges.pools import nodes
from hrm_net.study.judges.read import Reader
from puzzles.steps.rules import StepRules

LEVELS = 3  # of difficulty


def measure(
    reader: Reader, rules: StepRules, load: Callable[[str], Any], sizes: JudgeSizes, seed: int,
    fixed: list[float] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """All figures of a reading. `fixed`: accuracies of the judge of fixed depth after every segment, with which a judge
    that stops by itself is compared."""
    games: Pairs = load("games")
    if reader.network.core != RELATIONAL:
        return _voted(reader, games, sizes, seed)
    reader.set_stop(load("validation"), sizes.mean)
    trace = reader.trace("games", games)
    stops, hard = reader.stops(trace), nodes(rules, games)
    verdicts = trace.at(stops)
    right = (verdicts > 0) == games.better
    found = {
        "accuracy": float(right.mean()), "segments": float(stops.mean()),
        "by_segment": ((trace.logits > 0) == games.better[:, None]).mean(axis=0).tolist(),
        "brier": float(np.mean((sigmoid(verdicts) - games.better) ** 2)),
        "spearman": rank_correlation(stops, hard), "by_level": by_level(hard, right, stops), "stop": reader.stop,
    }  # fmt: skip
    if reader.reading.depth is None:
        assert fixed is not None
        found["gain_at_cost"] = found["accuracy"] - at_cost(fixed, found["segments"])
        found["gain_at_cost_alone"] = found["accuracy"] - at_cost(found["by_segment"], found["segments"])
    other: Pairs = load("other")
    trace = reader.trace("other", other)
    found["other"] = float(((trace.at(reader.stops(trace)) > 0) == other.better).mean())
    if reader.reading.whole:
        found["best_of"], found["best_of_cost"] = best_of(reader, load("knockout"), seed)
        if not reader.scalar:
            found["triads"], found["upsets"] = round_robins(reader, load("round_robin"))
    return found


def at_cost(by_segment: list[float], mean: float) -> float:
    """The accuracy of a judge of fixed depth at a mean number of segments: a random choice between the two nearest
    depths, so linear between them."""
    return float(np.interp(mean, np.arange(1, len(by_segment) + 1), by_segment))


def by_level(
    hard: Int64[np.ndarray, " games"], right: Bool[np.ndarray, " games"], stops: Int64[np.ndarray, " games"]
) -> list[dict[str, Any]]:
    """Games in about equally large levels of difficulty, the easiest first."""
    edges = np.unique(np.quantile(hard, np.arange(1, LEVELS) / LEVELS, method="higher"))
    level = np.searchsorted(edges, hard, side="right")
    return [
        {
            "least": int(hard[level == one].min()), "most": int(hard[level == one].max()),
            "games": int((level == one).sum()), "accuracy": float(right[level == one].mean()),
            "segments": float(stops[level == one].mean()),
        }
        for one in np.unique(level).tolist()
    ]  # fmt: skip


def rank_correlation(stops: Int64[np.ndarray, " games"], hard: Int64[np.ndarray, " games"]) -> float | None:
    """Spearman's; None where one of the two is constant."""
    from scipy.stats import spearmanr

    if np.ptp(stops) == 0 or np.ptp(hard) == 0:
        return None
    found = float(spearmanr(stops, hard)[0])  # type: ignore[arg-type]
    return found if math.isfinite(found) else None


def best_of(reader: Reader, sets: dict[str, np.ndarray], seed: int) -> tuple[float, float]:
    """(the share of problems whose chosen candidate can come right, row-segments for each problem)."""
    chosen, cost = reader.best(sets["problem"], sets["states"], seed)
    return float(sets["alive"][np.arange(len(chosen)), chosen].mean()), cost


def round_robins(reader: Reader, sets: dict[str, np.ndarray]) -> tuple[float, float]:
    """Over complete round robins: (the share of triads in which each beats one of the others, the share of games that
    the candidate which cannot come right wins against one that can)."""
    num, each = sets["alive"].shape
    first, second = (np.tile(side, num) for side in np.triu_indices(each, k=1))
    place = np.repeat(np.arange(num), each * (each - 1) // 2)
    states = sets["states"]
    found = reader.compare(sets["problem"][place], states[place, first], states[place, second])
    beats = np.zeros((num, each, each), bool)
    won = found.probability > 0.5
    beats[place, first, second], beats[place, second, first] = won, ~won
    alive = sets["alive"]
    uneven = alive[place, first] != alive[place, second]
    upsets = float((won != alive[place, first])[uneven].mean()) if uneven.any() else 0.0
    return cyclic(beats), upsets


def cyclic(beats: Bool[np.ndarray, "tournaments players players"]) -> float:
    """The share of triads that are cycles; a quarter of them where a coin decides."""
    triads = np.array(list(combinations(range(beats.shape[1]), 3)))
    a, b, c = triads.T
    one, two = (beats[:, x, y] & beats[:, y, z] & beats[:, z, x] for x, y, z in ((a, b, c), (c, b, a)))
    return float((one | two).mean())


def _voted(reader: Reader, games: Pairs, sizes: JudgeSizes, seed: int) -> dict[str, Any]:
    """The accuracy of a majority of votes, or of thought beyond the trained depth, on the first games."""
    some = games.take(slice(0, sizes.voted))
    share: Float64[np.ndarray, " games"] = reader.voted(some, seed)
    right = float(((share > 0.5) == some.better).mean())
    return {"voted": right, "segments": float(reader.depth * reader.reading.votes)}
