"""Validation of a judge during a run, and the setting of its halting on validation games."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from hrm_net.inference.segments import sigmoid
from hrm_net.reward.data.solutions import SolutionSource
from hrm_net.reward.model import RewardModel
from hrm_net.reward.pair.data import Pairs, pairs_of, without_complete
from hrm_net.reward.pair.games import Games, GameTrace, trace_games
from hrm_net.reward.validation import validation_puzzles


@dataclass(kw_only=True, slots=True)
class Validated:
    """Shares of right verdicts on validation games between prefixes."""

    # After each segment.
    by_segment: list[float]
    # The halting probability at which games end after about as many segments as wanted, the mean that this gives, and
    # the accuracy there.
    stop: float
    segments: float
    accuracy: float
    # The mean number of segments where stopping is sampled by the halting head's probability.
    sampled_segments: float


class Validation:
    """Games of `num_puzzles` puzzles of the validation fold for each source of the training mix."""

    def __init__(self, source: SolutionSource, num_puzzles: int, *, batch_size: int) -> None:
        plain, parts = without_complete(source), []
        for name, targets in source.targets().items():
            problems = validation_puzzles(source, name, targets, num_puzzles)
            parts.append(pairs_of(plain, np.asarray(problems, np.uint8), f"validation pairs {name}"))
        self.pairs, self.batch_size = Pairs.concatenate(parts), batch_size

    def __call__(self, model: RewardModel, segments: int, mean: float) -> Validated:
        return validated(
            model, self.pairs.games, self.pairs.better, segments=segments, mean=mean, batch_size=self.batch_size
        )


def validated(
    model: RewardModel, games: Games, better: Bool[np.ndarray, " games"], *, segments: int, mean: float, batch_size: int
) -> Validated:
    """The shares of right verdicts, where the first candidate is the better one exactly where `better` holds, and the
    halting probability at which games end after about `mean` segments."""
    trace = trace_games(model, games, segments=segments, batch_size=batch_size)
    right = (trace.logits > 0) == better[:, None]
    stop = choose_stop(trace, mean)
    stops = trace.stops(stop)
    return Validated(
        by_segment=right.mean(axis=0).tolist(),
        stop=stop,
        segments=float(stops.mean()),
        accuracy=float(((trace.at(stops) > 0) == better).mean()),
        sampled_segments=_sampled(trace),
    )


def choose_stop(trace: GameTrace, mean: float) -> float:
    """The halting probability at which games end after about `mean` segments on average.

    The mean grows with the probability; bisection finds it to within the steps that the games at hand allow.
    """
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if trace.stops(middle).mean() < mean else (low, middle)
    return round(min(1.0, max(1e-6, high)), 6)


def _sampled(trace: GameTrace) -> float:
    halt = sigmoid(trace.halting[:, :-1])
    stay = np.cumprod(1 - halt, axis=1)
    return float((1 + stay.sum(axis=1)).mean())
