"""Verdicts and scores of a network: how an arm decides a game, ranks many candidates, and what that costs.

Costs are row-segments: one row of a network through one segment. A game of judges has two rows.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64, Int64

import puzzles
from hrm_net.inference.segments import inference, sigmoid
from hrm_net.reward.heads import HEADS, PAIR
from hrm_net.reward.model import RewardModel
from hrm_net.reward.pair.data import Pairs
from hrm_net.reward.pair.games import GameTrace, GridGames, trace_games
from hrm_net.reward.pair.judge import Comparison
from hrm_net.reward.pair.tournament import tournaments
from hrm_net.reward.pair.validation import choose_stop
from hrm_net.study.judges.plan import VOTES, Network, Reading
from puzzles.base import Puzzle
from puzzles.symmetry import Symmetric

GAMES = 32  # at once: what was compiled for training serves them


@dataclass(kw_only=True)
class Reader:
    """A reading of a network. `compare` makes it a judge of `hrm_net.reward.pair.tournament`."""

    reading: Reading
    network: Network
    model: RewardModel
    puzzle: Puzzle
    # Steps left after a prefix, which scalar heads are shown.
    left: int
    # The halting probability at which games end; None: at the reading's depth.
    stop: float | None = None
    games: int = GAMES
    # What the network says of whole pools, by head and pool: its readings share it.
    traces: dict[tuple[str, str], Any]

    @property
    def depth(self) -> int:
        return self.reading.depth or self.network.depth

    @property
    def scalar(self) -> bool:
        """Whether a candidate has a score of its own."""
        return self.network.kind != "pair"

    def set_stop(self, validation: Pairs, mean: float) -> None:
        """Set the halting to a mean number of segments on games of the validation fold, where the halting head
        stops."""
        if self.reading.depth is None:
            self.stop = choose_stop(self.trace("validation", validation), mean)

    def trace(self, name: str, pairs: Pairs) -> GameTrace:
        """Verdicts and halting logits of a pool after every segment up to the reading's depth."""
        key = self.reading.head, name
        if key not in self.traces:
            self.traces[key] = self._trace(pairs.problem, pairs.first, pairs.second, self.network.depth)
        found, depth = self.traces[key], self.depth
        return GameTrace(logits=found.logits[:, :depth], halting=found.halting[:, :depth])

    def stops(self, trace: GameTrace) -> Int64[np.ndarray, " games"]:
        """The segment after which each game ends."""
        return trace.stops(self.stop, self.depth)

    def compare(self, problems: Any, first: Any, second: Any) -> Comparison:
        trace = self._trace(np.stack(problems), np.stack(first), np.stack(second), self.depth)
        stops = self.stops(trace)
        return Comparison(probability=sigmoid(trace.at(stops)), segments=stops)

    def voted(self, pairs: Pairs, seed: int) -> Float64[np.ndarray, " games"]:
        """The share of `reading.votes` symmetric images of each game, itself first, in which the first one wins."""
        puzzle, depth = self.puzzle, self.depth
        assert isinstance(puzzle, Symmetric)
        known: list[np.ndarray] = self.traces.setdefault(("votes", str(depth)), [])
        images = puzzle.symmetries(puzzles.rng(seed, "votes"), max(VOTES))
        for image in images[len(known) : self.reading.votes]:
            problem, first, second = (image.apply(grid) for grid in (pairs.problem, pairs.first, pairs.second))
            known.append(self._trace(problem, first, second, depth).logits[:, -1] > 0)
        return np.mean(known[: self.reading.votes], axis=0)

    def best(self, problem: np.ndarray, states: np.ndarray, seed: int) -> tuple[Int64[np.ndarray, " problems"], float]:
        """(the place of the best candidate of each problem, row-segments for each problem): by a knockout, or by score
        where candidates have one."""
        num, each = states.shape[:2]
        if self.scalar:
            flat = states.reshape(num * each, -1)
            scores = self.scores(np.repeat(problem, each, axis=0), flat, self.depth)[:, -1]
            return scores.reshape(num, each).argmax(axis=1), float(each * self.depth)
        found = tournaments(self, list(problem), [list(some) for some in states], kind="knockout", seed=seed)
        return np.array([one.order[0] for one in found]), float(2 * np.mean([one.segments for one in found]))

    def scores(self, problem: np.ndarray, states: np.ndarray, depth: int) -> Float64[np.ndarray, "rows segments"]:
        """The score logits of single candidates after every segment, for networks of the kinds alone and heads."""
        head = self.reading.head or PAIR
        left = self.left if self.network.kind == "heads" else 0
        found = _row_logits(self.model, head, problem, states, left=left, depth=depth, batch_size=2 * self.games)
        return HEADS[head].score_logits(found) if head in HEADS else found

    def _trace(self, problem: np.ndarray, first: np.ndarray, second: np.ndarray, depth: int) -> GameTrace:
        if not self.scalar:
            shown = GridGames(problem=problem, first=first, second=second)
            return trace_games(self.model, shown, segments=depth, batch_size=self.games)
        logits = self.scores(problem, first, depth) - self.scores(problem, second, depth)
        return GameTrace(logits=logits, halting=np.zeros_like(logits))


def _row_logits(
    model: RewardModel, head: str, problem: np.ndarray, states: np.ndarray, *, left: int, depth: int, batch_size: int
) -> Float64[np.ndarray, "rows segments"]:
    """The logits of one head after every segment, of steps from the problem to each state. The last row is repeated
    until all batches are of one size, so that what was compiled serves them all."""
    num = len(problem)
    found = np.zeros((num, depth))
    for begin in range(0, num, batch_size):
        places = np.arange(begin, begin + batch_size).clip(max=num - 1)
        here = slice(begin, min(begin + batch_size, num))
        before, after = (torch.from_numpy(grids[places].astype(np.int32)) for grids in (problem, states))
        span = torch.ones(len(places), dtype=torch.int32)
        rows = {"problem": before, "before": before, "after": after, "left": left * span, "span": span}
        with inference(model):
            state = model.initial_state(rows)
            for segment in range(depth):
                state, out = model(state, rows)
                found[here, segment] = out.logits[head].double().numpy()[: here.stop - begin]
    return found
