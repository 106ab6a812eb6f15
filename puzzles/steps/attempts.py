"""Many trajectories as arrays: the states of each in a row, padded to the longest."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64, Integer, UInt8

from puzzles.base import Puzzle
from puzzles.errors import UserError
from puzzles.steps.steps import Regime, Trajectory, from_states


@dataclass(kw_only=True, slots=True)
class Attempts:
    """Attempt i has lengths[i] steps; states[i, 0] is its start and states[i, t + 1] the state after step t.

    States beyond lengths[i] mean nothing. Budget, cells per step and regime are those of
    `puzzles.steps.steps.Trajectory`. UserError for a length that fits neither the states nor the budget.
    """

    problems: UInt8[np.ndarray, "num seq"]
    states: UInt8[np.ndarray, "num states seq"]
    lengths: Int64[np.ndarray, "num"]
    budget: Int64[np.ndarray, "num"]
    cells_per_step: Int64[np.ndarray, "num"]
    fill: Bool[np.ndarray, "num"]  # whether the regime is fill; else it is edit
    group: Int64[np.ndarray, "num"]

    def __post_init__(self) -> None:
        most = np.minimum(self.budget, self.states.shape[1] - 1)
        if ((self.lengths < 0) | (self.lengths > most)).any():
            index = int(np.argmax((self.lengths < 0) | (self.lengths > most)))
            states = f"{self.lengths[index]} steps in {self.states.shape[1]} states, budget={self.budget[index]}"
            raise UserError(f"trajectory {index}: {states}: must fit both")

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, index: Integer[np.ndarray, "some"] | Bool[np.ndarray, "num"] | slice) -> "Attempts":
        """The attempts at these places."""
        return Attempts(**{name: getattr(self, name)[index] for name in self.__slots__})

    @property
    def live(self) -> Bool[np.ndarray, "num steps"]:
        """Which steps exist: those below the length of their attempt."""
        return np.arange(self.states.shape[1] - 1) < self.lengths[:, None]


def attempts(
    puzzle: Puzzle,
    problems: Integer[np.ndarray, "num seq"],
    states: Integer[np.ndarray, "num states seq"],
    lengths: Integer[np.ndarray, "num"],
    *,
    budget: int,
    cells_per_step: int,
    regime: Regime,
) -> Attempts:
    """Attempts that share budget, cells per step and regime. Symmetric puzzles share a group."""
    num = len(problems)
    return Attempts(
        problems=np.asarray(problems, np.uint8),
        states=np.asarray(states, np.uint8),
        lengths=np.asarray(lengths, np.int64),
        budget=np.full(num, budget),
        cells_per_step=np.full(num, cells_per_step),
        fill=np.full(num, regime == "fill"),
        group=groups(puzzle, problems),
    )


def groups(puzzle: Puzzle, problems: Integer[np.ndarray, "num seq"]) -> Int64[np.ndarray, "num"]:
    """A number for each puzzle, the same for puzzles that are symmetric to each other: the invariant's bits."""
    if len(problems) == 0:
        return np.zeros(0, np.int64)
    different, places = np.unique(problems, axis=0, return_inverse=True)
    return puzzle.invariant(different).view(np.int64)[places.reshape(-1)]


def from_trajectories(trajectories: Sequence[Trajectory]) -> Attempts:
    """The trajectories as arrays. UserError for an empty list, for puzzles of different sizes, and for the first
    trajectory whose steps do not chain."""
    if not trajectories:
        raise UserError("no trajectories")
    sizes = sorted({len(array) for trajectory in trajectories for array in (trajectory.problem, trajectory.start)})
    if len(sizes) > 1:
        raise UserError(f"trajectories have problems and starts of {sizes} cells: must be of one size")
    paths = [_states(index, trajectory) for index, trajectory in enumerate(trajectories)]
    states = np.empty((len(paths), max(map(len, paths)), sizes[0]), np.uint8)
    for row, path in zip(states, paths, strict=True):
        row[: len(path)], row[len(path) :] = path, path[-1]
    return Attempts(
        problems=np.stack([trajectory.problem for trajectory in trajectories]).astype(np.uint8),
        states=states,
        lengths=np.array([len(trajectory.steps) for trajectory in trajectories], np.int64),
        budget=np.array([trajectory.budget for trajectory in trajectories], np.int64),
        cells_per_step=np.array([trajectory.cells_per_step for trajectory in trajectories], np.int64),
        fill=np.array([trajectory.regime == "fill" for trajectory in trajectories]),
        group=np.array([trajectory.group % 2**64 for trajectory in trajectories], np.uint64).view(np.int64),
    )


def _states(index: int, trajectory: Trajectory) -> UInt8[np.ndarray, "states seq"]:
    try:
        return trajectory.states()
    except (UserError, OverflowError) as error:
        raise UserError(f"trajectory {index}: {error}") from None


def to_trajectories(puzzle: Puzzle, attempts: Attempts, source: str = "") -> list[Trajectory]:
    """The attempts as objects, without log-probabilities or outcomes."""
    return [
        Trajectory(
            task=puzzle.name,
            problem=attempts.problems[i],
            start=attempts.states[i, 0],
            steps=from_states(attempts.states[i, : attempts.lengths[i] + 1]),
            budget=int(attempts.budget[i]),
            cells_per_step=int(attempts.cells_per_step[i]),
            regime="fill" if attempts.fill[i] else "edit",
            group=int(attempts.group[i]),
            source=source,
        )
        for i in range(len(attempts))
    ]
