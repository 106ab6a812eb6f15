"""Two candidate solutions in words as a game of a judge (`hrm_net.reward.pair.games`): what each row shows.

A row shows one candidate, and the other one in the place of the steps before. Of bytes it holds the question, the other
candidate and the candidate, each cut as `hrm_net.reward.text.examples.encode` does. Of a language model's states it
holds those at the last tokens of both, half of the row each; a state at the end of a candidate has seen the question
and all of that candidate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int64

from hrm_net.reward.examples import as_inputs
from hrm_net.reward.inputs import CURRENT, OPPONENT, Rows
from hrm_net.reward.text.backbone import Backbone
from hrm_net.reward.text.examples import SEPARATOR, encode
from hrm_net.reward.text.state_windows import StateRows
from puzzles.errors import UserError
from puzzles.steps.rows import FINE

Places = Int64[np.ndarray, " some"]


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Candidate:
    """A solution to a problem, or the beginning of one, step by step. UserError where it has no step."""

    problem: str
    steps: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.steps:
            raise UserError("steps=[]: must hold at least one step")


@runtime_checkable
class Sides(Protocol):
    """Candidates, of which any two may play."""

    def columns(self, own: Places, other: Places) -> dict[str, np.ndarray]:
        """One row for each pair: of the candidate at `own`, beside the one at `other`."""
        ...


@runtime_checkable
class Reader(Protocol):
    """What turns candidates into what a model is shown of them."""

    def read(self, candidates: Sequence[Candidate]) -> Sides: ...


@dataclass(kw_only=True, slots=True)
class TextGames:
    """Games between candidates, by their places in `sides`."""

    sides: Sides
    first: Places
    second: Places

    def __len__(self) -> int:
        return len(self.first)

    def rows(self, places: Places) -> Rows:
        """See `hrm_net.reward.pair.games.Games`."""
        first, second = self.first[places], self.second[places]
        columns = self.sides.columns(np.concatenate([first, second]), np.concatenate([second, first]))
        return {name: torch.from_numpy(column) for name, column in as_inputs(columns).items()}


@dataclass(kw_only=True, slots=True)
class ByteReader:
    """Rows of `length` bytes."""

    length: int

    def read(self, candidates: Sequence[Candidate]) -> "ByteSides":
        return ByteSides(candidates=list(candidates), length=self.length)


@dataclass(kw_only=True, slots=True)
class ByteSides:
    """See `Sides`."""

    candidates: list[Candidate]
    length: int

    def columns(self, own: Places, other: Places) -> dict[str, np.ndarray]:
        """tokens and part [rows, length], span [rows]."""
        tokens, part = np.zeros((len(own), self.length), np.int16), np.zeros((len(own), self.length), np.uint8)
        for i, (mine, its) in enumerate(zip(own.tolist(), other.tolist(), strict=True)):
            one, opponent = self.candidates[mine], self.candidates[its]
            tokens[i], part[i] = encode(one.problem, opponent.steps, SEPARATOR.join(one.steps), self.length)
        return {"tokens": tokens, "part": part, "span": np.full(len(own), FINE, np.uint8)}


class StateReader:
    """Rows of `length` states, half of them for each candidate."""

    def __init__(self, backbone: Backbone, length: int, cache: str | None = None) -> None:
        """`length` is even; `cache` as `StateRows` takes it."""
        assert length % 2 == 0, length
        self.states = StateRows(backbone, length // 2, cache)

    def read(self, candidates: Sequence[Candidate]) -> "StateSides":
        """UserError for a candidate that is too long for the language model."""
        backbone, half = self.states.backbone, self.states.length
        ids = [backbone.encode(one.problem, one.steps)[0] for one in candidates]
        states = np.zeros((len(candidates), half, backbone.size), np.float16)
        shown = np.zeros((len(candidates), half), bool)
        found = dict(self.states.windows(ids))
        for i, mine in enumerate(ids):
            window = found[mine]
            states[i, half - len(window) :], shown[i, half - len(window) :] = window, True
        return StateSides(states=states, shown=shown)


@dataclass(kw_only=True, slots=True)
class StateSides:
    """See `Sides`. The last token of each candidate has the last place."""

    states: np.ndarray  # [candidates, half, size]
    shown: np.ndarray  # [candidates, half]; False is padding

    def columns(self, own: Places, other: Places) -> dict[str, np.ndarray]:
        """states [rows, length, size], part [rows, length], span [rows]."""
        part = np.concatenate([self.shown[other] * OPPONENT, self.shown[own] * CURRENT], axis=1)
        return {
            "states": np.concatenate([self.states[other], self.states[own]], axis=1),
            "part": part.astype(np.uint8),
            "span": np.full(len(own), FINE, np.uint8),
        }
