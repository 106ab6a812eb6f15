"""Judges for tests: by a known strength, and by chance."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hrm_net.reward.pair.judge import Comparison


class FunctionJudge:
    """Judges by `probability(first, second)`, and remembers every game and the size of every call."""

    def __init__(self, probability: Callable[[Any, Any], float], segments: int = 2) -> None:
        self.probability, self.segments = probability, segments
        self.played: list[tuple[Any, Any, Any]] = []
        self.calls: list[int] = []

    def compare(self, problems: Sequence[Any], first: Sequence[Any], second: Sequence[Any]) -> Comparison:
        games = list(zip(problems, first, second, strict=True))
        self.played += games
        self.calls.append(len(games))
        found = np.array([self.probability(one, other) for _, one, other in games], np.float64)
        return Comparison(probability=found, segments=np.full(len(games), self.segments, np.int64))


def by_strength(first: Any, second: Any) -> float:
    """The larger number wins for sure."""
    return float(first > second)


class ScriptedJudge(FunctionJudge):
    """The better of two plays for a win, game by game, as the script says."""

    def __init__(self, script: Sequence[bool]) -> None:
        self.script = list(script)
        super().__init__(self._result)

    def _result(self, first: Any, second: Any) -> float:
        right = self.script.pop(0)
        return float((first > second) == right)


class CoinVotes(FunctionJudge):
    """Offers votes that come out as a list of probabilities says, the same for every game."""

    def __init__(self, votes: Sequence[float]) -> None:
        super().__init__(lambda first, second: votes[0])
        self.listed = votes

    def votes(
        self, problems: Sequence[Any], first: Sequence[Any], second: Sequence[Any], *, num: int, seed: int
    ) -> Comparison:
        flips = np.array([one < other for one, other in zip(first, second, strict=True)])[:, None]
        said = np.tile(np.array(self.listed[:num]), (len(problems), 1))
        return Comparison(probability=np.where(flips, 1 - said, said), segments=np.ones(said.shape, np.int64))
