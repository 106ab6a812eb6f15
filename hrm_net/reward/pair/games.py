"""A comparison as a game: two rows of a step scorer's network, one for each candidate, which think side by side.

The row of a candidate shows the problem, the candidate's state, and the opponent's state in the place of the state
before a step, so that the network pools the cells in which the two differ. With g(a | b) the logit of that row after
segment m, the verdict is

    d_m = g(a | b) - g(b | a)        P(a is better) = sigmoid(d_m)

which changes its sign when the two swap sides: there is no order bias, and no draw but between equal states. The game
has one halting logit, the mean of its rows', and both rows leave together.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64, Integer
from torch import Tensor

from hrm_net.distributed.group import current
from hrm_net.inference.segments import inference, sigmoid
from hrm_net.reward.heads import PAIR
from hrm_net.reward.inputs import Rows
from hrm_net.reward.model import RewardModel, RewardOutput
from puzzles.errors import UserError

Grids = Integer[np.ndarray, "games seq"]


@runtime_checkable
class Games(Protocol):
    """Comparisons that a model can be shown, of puzzles or of texts."""

    def __len__(self) -> int: ...

    def rows(self, places: Int64[np.ndarray, " some"]) -> Rows:
        """The rows of the first candidates of these games, then those of their second ones."""
        ...


@dataclass(kw_only=True, slots=True)
class GridGames:
    """Two candidates for each of some puzzles, as token ids."""

    problem: Grids
    first: Grids
    second: Grids

    def __len__(self) -> int:
        return len(self.problem)

    def rows(self, places: Int64[np.ndarray, " some"]) -> Rows:
        """See `Games`."""
        grids = (grid[places].astype(np.int32) for grid in (self.problem, self.first, self.second))
        return game_rows(*(torch.from_numpy(grid) for grid in grids))


def game_rows(
    problem: Integer[Tensor, "games seq"], first: Integer[Tensor, "games seq"], second: Integer[Tensor, "games seq"]
) -> Rows:
    """The rows of all first candidates, then those of all second ones."""
    span = torch.ones(2 * len(problem), dtype=torch.int32, device=problem.device)
    return {
        "problem": torch.cat([problem, problem]),
        "before": torch.cat([second, first]),
        "after": torch.cat([first, second]),
        "left": torch.zeros_like(span),
        "span": span,
    }


def verdicts(out: RewardOutput) -> tuple[Float[Tensor, " games"], Float[Tensor, " games"]]:
    """(d_m, halting logit) of each game, in at least fp32."""
    g, q = (_wide(values).unflatten(0, (2, -1)) for values in (out.logits[PAIR], out.q_halt))
    return g[0] - g[1], q.mean(dim=0)


@dataclass(kw_only=True, slots=True)
class Verdicts:
    """The verdict with which each game ended, and the segments that it took."""

    logits: Float64[np.ndarray, " games"]
    segments: Int64[np.ndarray, " games"]


@dataclass(kw_only=True, slots=True)
class GameTrace:
    """The verdict and the halting logit of each game after every segment, as if no game ever ended."""

    logits: Float64[np.ndarray, "games segments"]
    halting: Float64[np.ndarray, "games segments"]

    def stops(self, stop: float | None, most: int | None = None) -> Int64[np.ndarray, " games"]:
        """The segment, counted from 1, after which each game ends by the halting head's probability `stop`, `most` at
        the latest."""
        most = self.logits.shape[1] if most is None else most
        if stop is None:
            return np.full(len(self.logits), most)
        wants = sigmoid(self.halting[:, :most]) >= stop
        wants[:, -1] = True
        return wants.argmax(axis=1) + 1

    def at(self, segments: Int64[np.ndarray, " games"]) -> Float64[np.ndarray, " games"]:
        """The verdict of each game after this many segments."""
        return self.logits[np.arange(len(self.logits)), segments - 1]


def run_games(model: RewardModel, games: Games, *, segments: int, stop: float | None, batch_size: int) -> Verdicts:
    """The verdicts, on the model's device. A game ends once its halting probability reaches `stop` (None: after its
    last segment), and leaves the batch. UserError where a verdict is not finite."""
    num = len(games)
    found = Verdicts(logits=np.zeros(num), segments=np.zeros(num, np.int64))
    for begin in range(0, num, batch_size):
        places = np.arange(num)[begin : begin + batch_size]
        for segment, d, q, leave in _segments(model, games.rows(places), segments):
            ends = np.ones(len(places), bool)
            if segment < segments:
                ends = np.zeros(len(places), bool) if stop is None else sigmoid(q) >= stop
            found.logits[places[ends]], found.segments[places[ends]] = d[ends], segment
            places = places[~ends]
            if not len(places):
                break
            leave(ends)
    return found


def trace_games(model: RewardModel, games: Games, *, segments: int, batch_size: int) -> GameTrace:
    """What the model says after each of `segments` segments. The last game is repeated until all batches are of one
    size, so that what was compiled for training serves them all. Several processes share the batches out."""
    num = len(games)
    found = GameTrace(logits=np.zeros((num, segments)), halting=np.zeros((num, segments)))
    for number, begin in enumerate(range(0, num, batch_size)):
        if not current().owns(number):
            continue
        places = np.arange(begin, begin + batch_size).clip(max=num - 1)
        inside = slice(begin, min(begin + batch_size, num))
        size = inside.stop - begin
        for segment, d, q, _ in _segments(model, games.rows(places), segments):
            found.logits[inside, segment - 1], found.halting[inside, segment - 1] = d[:size], q[:size]
    for values in (found.logits, found.halting):
        current().sum_(torch.from_numpy(values))
    return found


class _Leave:
    """Takes games out of the running batch."""

    def __init__(self) -> None:
        self.ends: Bool[np.ndarray, " games"] | None = None

    def __call__(self, ends: Bool[np.ndarray, " games"]) -> None:
        self.ends = ends


def _segments(model: RewardModel, rows: Rows, segments: int) -> Iterator[tuple[int, np.ndarray, np.ndarray, _Leave]]:
    """(segment, d, q, a function that takes games out) of the games that are still in the batch."""
    device = next(model.parameters()).device
    rows = {key: values.to(device) for key, values in rows.items()}
    with inference(model):
        state = model.initial_state(rows)
    for segment in range(1, segments + 1):
        with inference(model):
            state, out = model(state, rows)
            d, q = (values.double().cpu().numpy() for values in verdicts(out))
        if not (np.isfinite(d).all() and np.isfinite(q).all()):
            raise UserError(f"model: gives a verdict that is not finite at segment {segment}: its weights are damaged")
        leave = _Leave()
        yield segment, d, q, leave
        if leave.ends is not None and leave.ends.any():
            stay = torch.from_numpy(np.tile(~leave.ends, 2)).to(device)
            state, rows = state.take(stay), {key: values[stay] for key, values in rows.items()}


def _wide(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))
