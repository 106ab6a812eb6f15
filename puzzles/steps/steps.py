"""A solution as a sequence of edits: steps, their composition, and trajectories that chain them.

States are token ids of the puzzle, uint8 `[seq]`; `puzzles.steps.rules.StepRules.start` gives the first one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import numpy as np
from jaxtyping import Integer, UInt8

from puzzles.errors import UserError

Regime = Literal["fill", "edit"]  # steps write blank cells only, or may overwrite and erase too
REGIMES = ("fill", "edit")


@dataclass(frozen=True, slots=True)
class Step:
    """Cells that change together, with their token ids before and after. A step without cells does nothing.

    `span` is the half-open range of the single steps it stands for: (t, t + 1) for step t of a trajectory,
    (t - 1, t + 1) for that step merged with the one before. UserError for a cell that occurs twice and for lists of
    different lengths.
    """

    cells: tuple[int, ...]
    old: tuple[int, ...]
    new: tuple[int, ...]
    span: tuple[int, int] = (0, 1)

    def __post_init__(self) -> None:
        if not len(self.cells) == len(self.old) == len(self.new):
            lengths = f"{len(self.cells)} cells, {len(self.old)} old and {len(self.new)} new values"
            raise UserError(f"step {self.span[0]}: {lengths}: must be equally many")
        if len(set(self.cells)) < len(self.cells):
            raise UserError(f"step {self.span[0]}: cells={list(self.cells)}: each cell at most once")
        if not 0 <= self.span[0] < self.span[1]:
            raise UserError(f"step span={self.span}: must be a range (start, stop) with 0 <= start < stop")

    @classmethod
    def between(
        cls, before: Integer[np.ndarray, "seq"], after: Integer[np.ndarray, "seq"], span: tuple[int, int] = (0, 1)
    ) -> "Step":
        """The edits that turn one state into the other."""
        cells = np.flatnonzero(before != after)
        return cls(tuple(cells.tolist()), tuple(before[cells].tolist()), tuple(after[cells].tolist()), span)

    def apply(self, state: Integer[np.ndarray, "seq"]) -> UInt8[np.ndarray, "seq"]:
        """The state after the step. UserError where the state does not hold the tokens that the step replaces."""
        cells = list(self.cells)
        if cells and not 0 <= min(cells) <= max(cells) < len(state):
            raise UserError(f"step {self.span[0]}: cells={cells}: must lie in 0..{len(state) - 1}")
        for cell, old in zip(cells, self.old, strict=True):
            if state[cell] != old:
                raise UserError(f"step {self.span[0]}: cell {cell} holds {state[cell]}, not old={old}: does not chain")
        after = np.array(state, np.uint8)
        after[cells] = self.new
        return after


def compose(first: Step, second: Step) -> Step:
    """Both steps as one. The later edit of a cell wins; cells that are the same as before in the end are left out."""
    edits = {cell: (old, new) for cell, old, new in zip(first.cells, first.old, first.new, strict=True)}
    for cell, old, new in zip(second.cells, second.old, second.new, strict=True):
        before, between = edits.get(cell, (old, old))
        if between != old:
            raise UserError(f"step {second.span[0]}: cell {cell} holds {between}, not old={old}: does not chain")
        edits[cell] = (before, new)
    kept = {cell: edit for cell, edit in sorted(edits.items()) if edit[0] != edit[1]}
    old, new = (tuple(edit[side] for edit in kept.values()) for side in (0, 1))
    return Step(tuple(kept), old, new, (first.span[0], second.span[1]))


@dataclass(kw_only=True, slots=True)
class Trajectory:
    """One attempt at one puzzle, step by step.

    The attempt was allowed `budget` steps of up to `cells_per_step` cells each; `regime` says what it was allowed to do
    in them, whether or not it did. `group` is the same number for puzzles that are symmetric to each other: a split by
    groups does not leak. `logp` are the policy's log-probabilities of the steps.
    """

    task: str
    problem: Integer[np.ndarray, "seq"]
    start: Integer[np.ndarray, "seq"]
    steps: list[Step]
    budget: int
    cells_per_step: int
    regime: Regime = "fill"
    group: int = 0
    outcome: bool | None = None
    source: str = ""
    logp: list[float] | None = None
    facts: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.regime not in REGIMES:
            raise UserError(f"regime={self.regime}: must be one of {', '.join(REGIMES)}")
        if self.cells_per_step < 1:
            raise UserError(f"cells_per_step={self.cells_per_step}: must be at least 1")
        if len(self.steps) > self.budget:
            raise UserError(f"trajectory of {len(self.steps)} steps: budget={self.budget}: must be at least as many")

    def states(self) -> UInt8[np.ndarray, "states seq"]:
        """The start and the state after each step, `[steps + 1, seq]`. UserError for steps that do not chain."""
        return np.stack(list(self._states()))

    def _states(self) -> Iterator[np.ndarray]:
        state = np.array(self.start, np.uint8)
        yield state
        for step in self.steps:
            state = step.apply(state)
            yield state

    def merged(self, t: int) -> Step:
        """Step t merged with the one before it, as hierarchical reward models see it. UserError for the first step."""
        if not 1 <= t < len(self.steps):
            raise UserError(f"t={t}: must lie in 1..{len(self.steps) - 1}, where a step comes before")
        return compose(self.steps[t - 1], self.steps[t])


def from_states(states: Integer[np.ndarray, "states seq"]) -> list[Step]:
    """The steps between consecutive states."""
    return [Step.between(before, after, (t, t + 1)) for t, (before, after) in enumerate(pairwise(states))]
