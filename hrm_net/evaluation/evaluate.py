"""Evaluates a model on sets of puzzles by the puzzles' own rules.

`solve_rate` is the arg-max of one pass of at most 16 segments: without search, repair, verifier, restart or vote.
Metrics are counted segment by segment while the pass runs; no logits are kept.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Integer
from torch import nn

import puzzles
from hrm_net.data.puzzle_sets import IGNORE, PuzzleSet, scored
from hrm_net.distributed.group import Group, current
from hrm_net.evaluation.metrics import by_difficulty, calibration, published, rate, wilson
from hrm_net.evaluation.results import Results
from hrm_net.inference.segments import Segment, padded_batch, run_segments, sigmoid, skip_segments
from hrm_net.model import HRM
from hrm_net.nn.config import HRMConfig
from hrm_net.progress import Progress
from hrm_net.provenance import provenance
from puzzles.errors import UserError

__all__ = ["CURVE", "PuzzleSet", "Results", "evaluate", "evaluate_set"]

CURVE = (1, 2, 4, 8, 16, 32)
# What is counted for each puzzle at one depth; zero until its batch has been computed.
BY_PUZZLE = ("confidence", "q_halt", "lm_loss", "cell_share", "halted_at", "solved_at_halt")
HEADLINE = 16  # segments of the one pass that solve_rate is measured on


def evaluate(
    model: nn.Module,
    sets: Sequence[PuzzleSet],
    *,
    max_segments: int = HEADLINE,
    curve: Sequence[int] = CURVE,
    batch_size: int = 256,
    device: torch.device | str | None = None,
    progress: bool = True,
    seed: int = 0,
    loss: str = "stablemax",
) -> Results:
    """The metrics of every set (see `evaluate_set`) by its name, and their provenance.

    `seed` is for models that start from random states or add noise; `device` defaults to the model's. UserError,
    before any pass, for a set that does not fit the model.
    """
    names = [puzzle_set.name for puzzle_set in sets]
    if len(set(names)) < len(names):
        raise UserError(f"sets: names must differ, got {', '.join(names)}")
    for puzzle_set in sets:
        check_fits(fitted(model, puzzle_set), puzzle_set)
    depth = max(max_segments, *curve)
    total = sum(depth * -(-len(puzzle_set) // batch_size) for puzzle_set in sets)
    scores = {}
    with Progress("evaluating", total, unit="segments", transient=True, shown=progress) as bar:
        for puzzle_set in sets:
            bar.name(f"evaluating {puzzle_set.name}")
            scores[puzzle_set.name] = evaluate_set(
                model,
                puzzle_set,
                max_segments=max_segments,
                curve=curve,
                batch_size=batch_size,
                device=device,
                seed=seed,
                loss=loss,
                advance=bar.advance,
            )
    return Results(sets=scores, **provenance(seed))


def evaluate_set(
    model: nn.Module,
    puzzle_set: PuzzleSet,
    *,
    max_segments: int = HEADLINE,
    curve: Sequence[int] = CURVE,
    batch_size: int = 256,
    device: torch.device | str | None = None,
    seed: int = 0,
    loss: str = "stablemax",
    advance: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """The metrics of one set, ready for JSON.

    At `max_segments`: `solve_rate` by the puzzle's rules with its 95 % interval, `exact_accuracy` (equal to the stored
    answer), `cell_accuracy` (cells equal to it, givens included), `calibration` of the halting head's probability
    against exact answers, and solve rate `by_difficulty`, counted in `difficulty_unit`. `by_segments`: the three rates
    and the solve rates by difficulty after each of `curve`, for which the pass goes on beyond `max_segments` where it
    must. `mean_segments`: where the
    halting head would stop, at most `max_segments`; `solve_rate_at_halt`: of the answers there. `seconds`: the model's
    alone, to `max_segments`; `puzzles_per_second` leaves out the first batch, which compiles and warms up, unless it is
    the only one. Several processes share the batches out; `seconds` are then those of the slowest. `published`: the
    published code's metrics (hrm_net.evaluation.metrics.published), `lm_loss` by `loss`.
    """
    if min(max_segments, batch_size, *curve) < 1:
        raise UserError(
            f"max_segments={max_segments}, batch_size={batch_size}, curve={tuple(curve)}: must all be at least 1"
        )
    depths = sorted({*curve, max_segments})
    model = fitted(model, puzzle_set)
    check_fits(model, puzzle_set)
    counts = _Counts(puzzle_set, depths, max_segments)
    generator = torch.Generator().manual_seed(int(puzzles.rng(seed, "evaluation noise").integers(2**62)))
    for number, start in enumerate(range(0, len(puzzle_set), batch_size)):
        if not current().owns(number):
            skip_segments(model, batch_size, depths[-1], generator)
            for _ in range(depths[-1]):
                advance()
            continue
        rows = np.arange(start, min(start + batch_size, len(puzzle_set)))
        batch = padded_batch(puzzle_set, rows, batch_size)
        counts.start_batch()
        passes = run_segments(
            model, batch, depths[-1], device=device, generator=generator, loss=loss, loss_at=max_segments
        )
        for segment in passes:
            counts.add(rows, segment)
            advance()
    counts.merge(current())
    return counts.summary()


def fitted(model: nn.Module, puzzle_set: PuzzleSet) -> nn.Module:
    """The model that takes puzzles of the set's size: this one, or its twin where its weights serve any size.

    UserError where they do not.
    """
    if not isinstance(model, HRM):
        return model  # it checks its inputs itself
    config, puzzle = model.config, puzzle_set.puzzle
    if config.seq_len == puzzle.seq_len and config.grid_width in (0, puzzle.shape[1]):
        return model
    try:
        return model.fitted(puzzle)
    except UserError as error:
        lengths = f"puzzles of {puzzle.seq_len} cells: the model's have {config.seq_len}"
        raise UserError(f"set {puzzle_set.name}: {lengths}, and {error}") from None


def check_fits(model: nn.Module, puzzle_set: PuzzleSet) -> None:
    """UserError for puzzles of another length, and for ids beyond the model's vocabulary or table."""
    config = getattr(model, "config", None)
    if not isinstance(config, HRMConfig):
        return  # not our model: it checks its inputs itself
    where = f"set {puzzle_set.name}"
    length = puzzle_set.inputs.shape[1]
    if length != config.seq_len:
        raise UserError(f"{where}: puzzles of {length} cells: the model's have {config.seq_len}")
    known = puzzle_set.labels[puzzle_set.labels != IGNORE]
    for key, ids, size, what in (
        ("inputs", puzzle_set.inputs, config.vocab_size, "vocabulary"),
        ("labels", known, config.vocab_size, "vocabulary"),
        ("puzzle_identifiers", puzzle_set.puzzle_identifiers, config.num_puzzle_ids, "puzzle table"),
    ):
        if what == "puzzle table" and config.prefix_len == 0:
            continue
        for worst in (int(ids.min()), int(ids.max())) if ids.size else ():
            if not 0 <= worst < size:
                raise UserError(f"{where}: {key} hold {worst}: the model's {what} ends at {size - 1}")


class _Counts:
    """The counts of one set, filled segment by segment."""

    def __init__(self, puzzle_set: PuzzleSet, depths: list[int], max_segments: int) -> None:
        self.set, self.max_segments = puzzle_set, max_segments
        num = len(puzzle_set)
        self.labels = scored(puzzle_set.labels)
        self.solved = {depth: np.zeros(num, bool) for depth in depths}
        self.exact = {depth: np.zeros(num, bool) for depth in depths}
        self.right_cells = dict.fromkeys(depths, 0)
        self.scored_cells = int((self.labels != IGNORE).sum())
        self.confidence = np.zeros(num)
        self.q_halt = np.zeros(num)
        self.lm_loss = np.zeros(num)
        self.cell_share = np.zeros(num)  # of each puzzle's scored cells, at max_segments
        self.halted_at = np.zeros(num, np.int64)  # 0: not yet
        self.solved_at_halt = np.zeros(num, bool)
        self.batch_seconds: list[tuple[int, float]] = []  # rows, seconds up to max_segments
        self.seconds, self.pace = 0.0, 0.0
        self.clock = 0.0
        self.busy = 0.0

    def start_batch(self) -> None:
        """A batch starts: from here on, only the time of the model is counted."""
        self.busy, self.clock = 0.0, time.perf_counter()

    def add(self, rows: Integer[np.ndarray, " num"], segment: Segment) -> None:
        """Count the first len(rows) states of a segment; the rest is padding."""
        self.busy += time.perf_counter() - self.clock
        states = segment.states[: len(rows)]
        at = segment.index
        if at in self.solved:
            self.solved[at][rows] = self._check(rows, states)
            self.exact[at][rows] = self._exact(rows, states)
            self.right_cells[at] += int((states == self.labels[rows]).sum())
        if at <= self.max_segments:
            stops = self.halted_at[rows] == 0
            if at < self.max_segments:
                stops &= segment.wants_to_halt[: len(rows)]
            self.halted_at[rows[stops]] = at
            self.solved_at_halt[rows[stops]] = self._check(rows[stops], states[stops])
        if at == self.max_segments:
            assert segment.lm_loss is not None
            self.q_halt[rows] = segment.q_halt[: len(rows)]
            self.confidence[rows] = sigmoid(segment.q_halt[: len(rows)])
            self.lm_loss[rows] = segment.lm_loss[: len(rows)]
            num_scored = (self.labels[rows] != IGNORE).sum(axis=1)
            self.cell_share[rows] = (states == self.labels[rows]).sum(axis=1) / np.maximum(num_scored, 1)
            self.batch_seconds.append((len(rows), self.busy))
        self.clock = time.perf_counter()

    def _check(
        self, rows: Integer[np.ndarray, " num"], states: Integer[np.ndarray, "num seq"]
    ) -> Bool[np.ndarray, " num"]:
        if len(rows) == 0 or not self.set.puzzle.verifiable:
            return self._exact(rows, states)
        inputs = self.set.inputs[rows]
        return self.set.puzzle.check(inputs, states.astype(inputs.dtype)).solved

    def _exact(
        self, rows: Integer[np.ndarray, " num"], states: Integer[np.ndarray, "num seq"]
    ) -> Bool[np.ndarray, " num"]:
        labels = self.labels[rows]
        return ((states == labels) | (labels == IGNORE)).all(axis=1)

    def merge(self, group: Group) -> None:
        """Add up what the processes of a group have counted, each on its own batches."""
        paced = self.batch_seconds[1:] or self.batch_seconds
        pace = sum(rows for rows, _ in paced) / sum(seconds for _, seconds in paced) if paced else 0.0
        times = group.gather_objects((sum(seconds for _, seconds in self.batch_seconds), pace))
        self.seconds, self.pace = max(seconds for seconds, _ in times), sum(pace for _, pace in times)
        if group.alone:
            return
        for counted in (*self.solved.values(), *self.exact.values(), *(getattr(self, name) for name in BY_PUZZLE)):
            group.sum_(torch.from_numpy(counted.view(np.uint8) if counted.dtype == bool else counted))
        self.right_cells = {depth: sum(group.gather_objects(right)) for depth, right in self.right_cells.items()}

    def summary(self) -> dict[str, Any]:
        num, at, puzzle = len(self.set), self.max_segments, self.set.puzzle
        difficulty = puzzle.difficulty(self.set.inputs)
        buckets = {
            depth: by_difficulty(difficulty, self.solved[depth], puzzle.difficulty_edges) for depth in self.solved
        }
        rates = {
            depth: {
                "solve_rate": rate(self.solved[depth]),
                "exact_accuracy": rate(self.exact[depth]),
                "cell_accuracy": self.right_cells[depth] / self.scored_cells,
            }
            for depth in self.solved
        }
        by_segments = {
            str(depth): {
                **rates[depth],
                "by_difficulty": {label: bucket["solve_rate"] for label, bucket in buckets[depth].items()},
            }
            for depth in self.solved
        }
        return {
            "puzzles": num,
            **rates[at],
            "solve_rate_interval": wilson(int(self.solved[at].sum()), num),
            "mean_segments": float(self.halted_at.mean()),
            "solve_rate_at_halt": rate(self.solved_at_halt),
            "max_segments": at,
            "by_segments": by_segments,
            "by_difficulty": buckets[at],
            "difficulty_unit": puzzle.difficulty_unit,
            "published": published(
                self.cell_share,
                self.exact[at],
                self.q_halt,
                self.lm_loss,
                (self.labels != IGNORE).any(axis=1),
                at,
            ),
            "calibration": calibration(self.confidence, self.exact[at]),
            "seconds": self.seconds,
            "puzzles_per_second": self.pace,
        }
