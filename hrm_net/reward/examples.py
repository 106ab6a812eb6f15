"""Examples for a step scorer: rows with labels, some of them whole solutions. One type for grids and for text."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64, Integer, Shaped

from hrm_net.reward.heads import MERGED_ROWS, SINGLE_ROWS, TRAJECTORIES, any_needs
from hrm_net.reward.heads.base import ALONE, Batch
from hrm_net.reward.inputs import GRID_INPUTS
from puzzles.steps.rows import COARSE, FINE, StepRows, StepTrajectories

Solutions = Integer[np.ndarray, " chosen"] | Bool[np.ndarray, " solutions"]
Single = Integer[np.ndarray, " rows"] | Bool[np.ndarray, " single"]


@dataclass(kw_only=True, slots=True)
class Examples:
    """Columns over rows, and over the solutions that the first of these rows form.

    Solution i has the rows starts[i] to starts[i + 1], its single steps in order; the rows from starts[-1] on stand by
    themselves ("single rows": merged steps, nodes of trees, rated steps without a solution).
    """

    # What the model is shown: of grids problem, before, after, left and span; of text tokens, part and span; of hidden
    # states of a language model states, part and span.
    inputs: dict[str, Shaped[np.ndarray, "rows ..."]]
    # How right the step is, in [0, 1]; NaN where no label is known.
    label: Float32[np.ndarray, " rows"]
    # The same number for rows of the same question, or of puzzles that are symmetric images of each other.
    group: Int64[np.ndarray, " rows"]
    starts: Int64[np.ndarray, " bounds"]
    outcome: Bool[np.ndarray, " solutions"]
    # The step that goes wrong, counted from 0; the number of steps where none does.
    error: Int64[np.ndarray, " solutions"]

    def __len__(self) -> int:
        return len(self.label)

    @property
    def num_solutions(self) -> int:
        return len(self.outcome)

    @property
    def num_single(self) -> int:
        """How many rows stand by themselves."""
        return len(self) - int(self.starts[-1])

    @property
    def lengths(self) -> Int64[np.ndarray, " solutions"]:
        """Steps of each solution."""
        return np.diff(self.starts)

    @property
    def span(self) -> Integer[np.ndarray, " rows"]:
        """1 for a single step, 2 for two steps merged into one."""
        return self.inputs["span"]

    @property
    def trajectory(self) -> Int64[np.ndarray, " rows"]:
        """The solution that each row belongs to; -1 for a row by itself."""
        inside = np.repeat(np.arange(self.num_solutions, dtype=np.int64), self.lengths)
        return np.pad(inside, (0, self.num_single), constant_values=ALONE)

    def take(self, solutions: Solutions, single: Single) -> "Examples":
        """These solutions, whole, then these of the single rows, which are counted from 0 after all solutions."""
        chosen = np.arange(self.num_solutions)[solutions]
        lengths = self.lengths[chosen]
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        inside = np.arange(starts[-1]) + np.repeat(self.starts[chosen] - starts[:-1], lengths)
        rows = np.concatenate([inside, np.arange(self.starts[-1], len(self))[single]])
        return Examples(
            inputs={name: column[rows] for name, column in self.inputs.items()},
            label=self.label[rows],
            group=self.group[rows],
            starts=starts,
            outcome=self.outcome[chosen],
            error=self.error[chosen],
        )

    def needed_by(self, objectives: Iterable[str]) -> "Examples":
        """What these heads learn from: solutions, single rows, and merged ones among these only where a head asks."""
        heads = list(objectives)
        solutions = np.full(self.num_solutions, any_needs(heads, TRAJECTORIES))
        span = self.span[self.starts[-1] :]
        single = (span == FINE) & any_needs(heads, SINGLE_ROWS) | (span == COARSE) & any_needs(heads, MERGED_ROWS)
        return self.take(solutions, single)

    def batch(self, size: int | None = None) -> Batch:
        """All rows as tensors, laid out as `hrm_net.reward.heads.base` says; filled up to `size` rows by ones that have
        no label and belong to no solution."""
        missing = 0 if size is None else size - len(self)
        columns = as_inputs({name: _padded(column, missing) for name, column in self.inputs.items()})
        columns["span"] = columns["span"].clip(min=FINE)
        columns |= {
            "label": np.pad(self.label, (0, missing), constant_values=np.nan),
            "trajectory": np.pad(self.trajectory, (0, missing), constant_values=ALONE),
            "outcome": self.outcome,
            "error": self.error,
        }
        return {name: torch.from_numpy(column) for name, column in columns.items()}

    def with_error(self, error: Int64[np.ndarray, " solutions"]) -> "Examples":
        """The same examples, knowing other error steps."""
        return replace(self, error=error)

    def describe(self) -> str:
        """How much there is, in words."""
        parts = []
        if self.num_solutions:
            steps, share = int(self.starts[-1]), self.outcome.mean()
            parts.append(f"{self.num_solutions:,} solutions of {steps:,} steps ({share:.0%} come right)")
        if self.num_single:
            merged = int((self.span[self.starts[-1] :] == COARSE).sum())
            parts.append(f"{self.num_single - merged:,} single and {merged:,} merged steps outside them")
        return ", ".join(parts)


def from_steps(trajectories: StepTrajectories | None, single: StepRows | None) -> Examples:
    """The examples of puzzles: whole solutions, then single rows; one of the two at least."""
    parts = ([] if trajectories is None else [trajectories.rows]) + ([] if single is None else [single])
    rows = parts[0] if len(parts) == 1 else StepRows.concatenate(parts)
    return Examples(
        inputs={name: getattr(rows, name) for name in GRID_INPUTS},
        label=rows.label,
        group=rows.group,
        starts=np.zeros(1, np.int64) if trajectories is None else trajectories.starts,
        outcome=np.zeros(0, bool) if trajectories is None else trajectories.outcome,
        error=np.zeros(0, np.int64) if trajectories is None else trajectories.error,
    )


def grid_inputs(rows: StepRows) -> dict[str, np.ndarray]:
    """What a model is shown of steps of puzzles."""
    return as_inputs({name: getattr(rows, name) for name in GRID_INPUTS})


def as_inputs(columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Columns in the integer type that is compiled for; floats stay as they are."""
    return {
        name: column if np.issubdtype(column.dtype, np.floating) else column.astype(np.int32)
        for name, column in columns.items()
    }


def _padded(column: np.ndarray, missing: int) -> np.ndarray:
    return np.pad(column, ((0, missing), *((0, 0),) * (column.ndim - 1)))
