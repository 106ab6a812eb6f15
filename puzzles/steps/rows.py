"""Examples for a step scorer as columns: what it is shown and the label that it learns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Float32, Int32, Int64, Integer, UInt8

from puzzles.errors import UserError
from puzzles.steps.attempts import Attempts, from_trajectories
from puzzles.steps.labels import BatchLabels, StepLabels, stack
from puzzles.steps.steps import Trajectory

FINE, COARSE = 1, 2
Fine = Literal["ok", "state", "alive"]  # which label of single steps
Coarse = Literal["second", "net"]  # which label of merged pairs
Error = Literal["first", "last"]  # which z
MOST_SOURCES = 256


@dataclass(kw_only=True, slots=True)
class StepRows:
    """One example a row: the puzzle, the state before and after a step, and a label in [0, 1].

    UserError for columns of different lengths or sizes and for values out of range.
    """

    problem: UInt8[np.ndarray, "rows seq"]
    before: UInt8[np.ndarray, "rows seq"]  # state t - 1; of a pair: t - 2
    after: UInt8[np.ndarray, "rows seq"]  # state t
    left: Int32[np.ndarray, "rows"]  # steps of the budget left after this one
    span: UInt8[np.ndarray, "rows"]  # 1: one step, 2: two steps merged
    label: Float32[np.ndarray, "rows"]  # NaN: no label
    group: Int64[np.ndarray, "rows"]  # the same for puzzles that are symmetric to each other
    source: UInt8[np.ndarray, "rows"]  # where the label comes from: an index into `sources`
    sources: tuple[str, ...]

    def __post_init__(self) -> None:
        check_shapes({name: getattr(self, name) for name in COLUMNS})
        check_labels(self.label)
        if not np.isin(self.span, (FINE, COARSE)).all():
            raise UserError(f"span={sorted(set(self.span.tolist()))}: must be 1 or 2")
        if len(self.sources) > MOST_SOURCES:
            raise UserError(f"{len(self.sources)} sources: at most {MOST_SOURCES} are told apart")
        if len(self) and int(self.source.max()) >= len(self.sources):
            raise UserError(f"source={int(self.source.max())}: must be less than the {len(self.sources)} sources")

    def __len__(self) -> int:
        return len(self.label)

    def take(self, index: Integer[np.ndarray, "some"] | Bool[np.ndarray, "rows"] | slice) -> "StepRows":
        """The rows at these places, or those of a mask."""
        return StepRows(**{name: getattr(self, name)[index] for name in COLUMNS}, sources=self.sources)

    @staticmethod
    def concatenate(parts: "Sequence[StepRows]") -> "StepRows":
        """The rows of all parts in order. UserError for an empty list, or for puzzles of different sizes."""
        if not parts:
            raise UserError("no rows to concatenate")
        if len({part.problem.shape[1] for part in parts}) > 1:
            sizes = sorted({part.problem.shape[1] for part in parts})
            raise UserError(f"rows of puzzles with {sizes} cells: must be of one size")
        sources = tuple(dict.fromkeys(source for part in parts for source in part.sources))
        columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS}
        places = [np.array([sources.index(source) for source in part.sources], np.uint8) for part in parts]
        columns["source"] = np.concatenate([place[part.source] for place, part in zip(places, parts, strict=True)])
        return StepRows(**columns, sources=sources)


COLUMNS = tuple(column.name for column in fields(StepRows) if column.name != "sources")


def check_shapes(columns: Mapping[str, np.ndarray]) -> None:
    """UserError where columns differ in length, or states in size from their puzzle."""
    lengths = {name: len(columns[name]) for name in COLUMNS}
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{length} {name}" for name, length in lengths.items())
        raise UserError(f"rows have columns of {counts}: must be equally long")
    shapes = {name: columns[name].shape[1] for name in ("problem", "before", "after")}
    if len(set(shapes.values())) > 1:
        cells = ", ".join(f"{cells} ({name})" for name, cells in shapes.items())
        raise UserError(f"rows have cells of {cells}: must be equally many")


def check_labels(labels: Float[np.ndarray, "rows"]) -> None:
    """UserError for the first label that is neither from 0 to 1 nor NaN, which stands for no label."""
    wrong = (labels < 0) | (labels > 1)
    if wrong.any():
        index = int(np.argmax(wrong))
        raise UserError(f"label {index}: {labels[index]:g}: must be from 0 to 1")


@dataclass(kw_only=True, slots=True)
class StepTrajectories:
    """The single steps of complete attempts, one attempt after another."""

    rows: StepRows
    starts: Int64[np.ndarray, "num_and_one"]  # attempt i has the rows starts[i] to starts[i + 1]
    outcome: Bool[np.ndarray, "num"]
    error: Int64[np.ndarray, "num"]  # the error step from 0; the number of steps where there is no error

    def __post_init__(self) -> None:
        lengths = np.diff(self.starts)
        if len(self.outcome) != len(lengths) or len(self.error) != len(lengths):
            raise UserError(f"{len(lengths)} attempts with {len(self.outcome)} outcomes, {len(self.error)} errors")
        if len(self.starts) == 0 or self.starts[0] != 0 or self.starts[-1] != len(self.rows) or (lengths < 1).any():
            raise UserError("starts must rise from 0 to the number of rows: each attempt has a step")
        if ((self.error < 0) | (self.error > lengths)).any():
            index = int(np.argmax((self.error < 0) | (self.error > lengths)))
            raise UserError(f"trajectory {index}: error={self.error[index]}: must lie in 0..{lengths[index]}")
        if (self.rows.span != FINE).any():
            raise UserError("span=2: attempts consist of single steps")

    def __len__(self) -> int:
        return len(self.outcome)

    def attempts(self) -> Int64[np.ndarray, "rows"]:
        """The attempt that each row belongs to."""
        return np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.starts))

    def take(self, index: Integer[np.ndarray, "some"] | Bool[np.ndarray, "num"]) -> "StepTrajectories":
        """The attempts at these places, each with all its rows."""
        chosen = np.arange(len(self))[index]
        lengths = np.diff(self.starts)[chosen]
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        places = np.arange(starts[-1]) + np.repeat(self.starts[chosen] - starts[:-1], lengths)
        return StepTrajectories(
            rows=self.rows.take(places), starts=starts, outcome=self.outcome[chosen], error=self.error[chosen]
        )

    @staticmethod
    def concatenate(parts: "Sequence[StepTrajectories]") -> "StepTrajectories":
        rows = StepRows.concatenate([part.rows for part in parts])
        offsets = np.cumsum([0, *(len(part.rows) for part in parts)])
        starts = [part.starts[:-1] + offset for part, offset in zip(parts, offsets[:-1], strict=True)]
        return StepTrajectories(
            rows=rows,
            starts=np.concatenate([*starts, offsets[-1:]]).astype(np.int64),
            outcome=np.concatenate([part.outcome for part in parts]),
            error=np.concatenate([part.error for part in parts]),
        )


def rows_of(
    trajectories: Sequence[Trajectory] | Attempts,
    labels: Sequence[StepLabels] | BatchLabels,
    *,
    fine: Fine | None = "ok",
    coarse: Coarse | None = None,
) -> StepRows:
    """The single steps of all attempts with the label `fine`, then the merged pairs with the label `coarse`.

    None leaves that half out. UserError where the labels do not belong to these trajectories.
    """
    attempts, batch = _paired(trajectories, labels)
    parts = [_rows(attempts, batch, fine or "ok", FINE)] if fine else []
    parts += [_rows(attempts, batch, coarse, COARSE)] if coarse else []
    if not parts:
        raise UserError("fine=None, coarse=None: one of them must be a label")
    return StepRows.concatenate(parts)


def trajectories_of(
    trajectories: Sequence[Trajectory] | Attempts,
    labels: Sequence[StepLabels] | BatchLabels,
    *,
    fine: Fine = "ok",
    error: Error = "last",
) -> StepTrajectories:
    """All attempts, each step with the label `fine`. UserError for an attempt without steps."""
    if error not in ("first", "last"):
        raise UserError(f"error={error}: must be first or last")
    attempts, batch = _paired(trajectories, labels)
    if (attempts.lengths == 0).any():
        raise UserError(f"trajectory {int(np.argmin(attempts.lengths))}: has no step")
    return StepTrajectories(
        rows=_rows(attempts, batch, fine, FINE),
        starts=np.concatenate([[0], np.cumsum(attempts.lengths)]).astype(np.int64),
        outcome=batch.solved,
        error=(batch.first_error if error == "first" else batch.last_error).astype(np.int64),
    )


def _paired(trajectories, labels) -> tuple[Attempts, BatchLabels]:
    attempts = trajectories if isinstance(trajectories, Attempts) else from_trajectories(trajectories)
    if len(labels) != len(attempts):
        raise UserError(f"{len(labels)} labels of {len(attempts)} trajectories: must be equally many")
    batch = labels if isinstance(labels, BatchLabels) else stack(labels)
    if not np.array_equal(batch.lengths, attempts.lengths):
        index = int(np.argmax(batch.lengths != attempts.lengths))
        steps = f"{batch.lengths[index]} labels of {attempts.lengths[index]} steps"
        raise UserError(f"trajectory {index}: {steps}: must be equally many")
    return attempts, batch


def _rows(attempts: Attempts, batch: BatchLabels, label: str, span: int) -> StepRows:
    if label not in ("ok", "state", "alive", "second", "net") or (label in ("second", "net")) != (span == COARSE):
        wanted = "coarse={}: must be second or net" if span == COARSE else "fine={}: must be ok, state or alive"
        raise UserError(wanted.format(label))
    index, step = np.nonzero(attempts.live & (np.arange(attempts.states.shape[1] - 1) >= span - 1))
    return StepRows(
        problem=attempts.problems[index],
        before=attempts.states[index, step + 1 - span],
        after=attempts.states[index, step + 1],
        left=(attempts.budget[index] - step - 1).astype(np.int32),
        span=np.full(len(index), span, np.uint8),
        label=getattr(batch, label)[index, step].astype(np.float32),
        group=attempts.group[index],
        source=np.zeros(len(index), np.uint8),
        sources=(batch.provenance[label],),
    )
