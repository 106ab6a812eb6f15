"""Continuous batching: a batch of fixed width whose rows take the next puzzle as soon as they have finished one.

Shapes stay static, and compute follows the difficulty of each puzzle instead of that of the slowest row of a batch.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn

from hrm_net.inference.stopping import RowStatus, StopRule
from hrm_net.model import Carry
from hrm_net.nn.row_noise import RowNoise
from puzzles.errors import UserError

Row = Integer[np.ndarray, " seq"]
Check = Callable[[Integer[np.ndarray, "num seq"], Integer[np.ndarray, "num seq"]], Bool[np.ndarray, " num"]]


@dataclass(kw_only=True, slots=True)
class PuzzlePass:
    """One pass of the model over one puzzle, which is to be made.

    `key` belongs to the caller (puzzle, restart); `seed` feeds the random initial state and the noise of the row.
    """

    key: tuple[int, int]
    inputs: Row
    puzzle_identifier: int = 0
    seed: int = 0


@dataclass(kw_only=True, slots=True)
class PassTrace:
    """What a row answered after each of its segments so far.

    `confidence` is the halting head's probability that the answer is right, `residual` as in `RowStatus`.
    """

    states: list[Row] = field(default_factory=list)
    confidence: list[float] = field(default_factory=list)
    residual: list[float] = field(default_factory=list)


@dataclass(kw_only=True, slots=True)
class FinishedPass:
    """The end of a pass: its answer after `segments` segments."""

    key: tuple[int, int]
    answer: Row
    confidence: float
    residual: float
    segments: int
    trace: PassTrace | None


class ContinuousBatcher:
    """Runs any number of passes through `width` rows, each of which works on one pass or is idle.

    A row ends when one of the rules in `stop` says so, or after `max_segments`. A pass that `wanted` no longer wants is
    dropped. `noisy` gives each row a stream of random numbers of its own. `narrow` halves the batch while the last rows
    fill at most half of it. `computed` counts rows times segments, idle rows included: what the hardware did.
    """

    def __init__(
        self,
        model: nn.Module,
        passes: Iterable[PuzzlePass],
        width: int,
        *,
        max_segments: int,
        stop: Sequence[StopRule],
        check: Check,
        wanted: Callable[[tuple[int, int]], bool] = lambda key: True,
        noisy: bool = False,
        narrow: bool = True,
        trace: bool = False,
        residual: bool = False,
        device: torch.device,
    ) -> None:
        self.model, self.waiting, self.width, self.device = model, iter(passes), width, device
        self.max_segments, self.stop, self.check, self.wanted, self.narrow = max_segments, stop, check, wanted, narrow
        self.noise = RowNoise(width) if noisy else None
        self.follows_residual = trace or residual or any(rule.uses("residual") for rule in stop)
        self.trace = trace
        self.passes: list[PuzzlePass | None] = [None] * width
        self.traces: list[PassTrace | None] = [None] * width
        self.computed = 0
        self.carry: Carry | None = None
        self.batch: dict[str, Tensor] = {}

    def run(self) -> Iterator[FinishedPass]:
        """Every pass in the order in which they finish. The caller keeps the model in eval mode without gradients."""
        while True:
            self._refill()
            if not any(self.passes):
                return
            yield from self._segment()

    def _refill(self) -> None:
        """Give idle rows the next passes; rows whose pass is no longer wanted become idle first."""
        for row, each in enumerate(self.passes):
            if each is not None and not self.wanted(each.key):
                self._release(row)
        idle = [row for row, each in enumerate(self.passes) if each is None]
        fresh = list(islice((each for each in self.waiting if self.wanted(each.key)), len(idle)))
        if self.carry is None:
            if fresh:
                self._first_batch(len(fresh), len(fresh[0].inputs))
        elif self.narrow and len(fresh) < len(idle):
            self._narrow(self.width - len(idle) + len(fresh))
            idle = [row for row, each in enumerate(self.passes) if each is None]
        self._take(idle[: len(fresh)], fresh)

    def _first_batch(self, num: int, seq_len: int) -> None:
        while self.narrow and self.width >= 2 * num:
            self.width //= 2
        self._resize(list(range(self.width)))
        tokens = torch.zeros(self.width, seq_len, dtype=torch.int32, device=self.device)
        numbers = torch.zeros(self.width, dtype=torch.int32, device=self.device)
        self.batch = {"inputs": tokens, "labels": tokens.clone(), "puzzle_identifiers": numbers}
        self.carry = self.model.initial_carry(self.batch)  # type: ignore[operator]
        self.answers = tokens.clone()
        self.unchanged = numbers.clone()
        self.right = np.zeros(self.width, bool)
        # Apart from the carry's count, which belongs to the model.
        self.segments = numbers.clone()

    def _narrow(self, num: int) -> None:
        """Halve the batch as long as `num` rows fit into it."""
        width = self.width
        while width >= 2 * max(num, 1):
            width //= 2
        if width == self.width or num == 0:
            return
        busy = [row for row, each in enumerate(self.passes) if each is not None]
        rows = (busy + [row for row, each in enumerate(self.passes) if each is None])[:width]
        keep = torch.tensor(rows, device=self.device)
        assert self.carry is not None
        self.carry = Carry(**{name: tensor[keep] for name, tensor in self.carry.tensors().items()})
        self.batch = {name: tensor[keep] for name, tensor in self.batch.items()}
        self.answers, self.unchanged = self.answers[keep], self.unchanged[keep]
        self.segments, self.right = self.segments[keep], self.right[rows]
        self._resize(rows)

    def _resize(self, rows: list[int]) -> None:
        self.width = len(rows)
        self.passes, self.traces = [self.passes[row] for row in rows], [self.traces[row] for row in rows]
        if self.noise is not None:
            self.noise.select(rows)

    def _take(self, rows: list[int], fresh: list[PuzzlePass]) -> None:
        if self.carry is None:
            return
        halted = np.zeros(self.width, bool)
        halted[rows] = True
        self.carry.halted = torch.from_numpy(halted).to(self.device)
        if not fresh:
            return
        at = torch.tensor(rows, device=self.device)
        inputs = np.stack([each.inputs for each in fresh]).astype(np.int32)
        numbers = np.array([each.puzzle_identifier for each in fresh], np.int32)
        self.batch["inputs"][at] = torch.from_numpy(inputs).to(self.device)
        self.batch["puzzle_identifiers"][at] = torch.from_numpy(numbers).to(self.device)
        self.segments[at] = 0
        for row, each in zip(rows, fresh, strict=True):
            self.passes[row], self.traces[row] = each, PassTrace() if self.trace else None
            if self.noise is not None:
                self.noise.start(row, each.seed)

    def _release(self, row: int) -> None:
        self.passes[row] = self.traces[row] = None
        if self.noise is not None:
            self.noise.stop(row)

    def _segment(self) -> Iterator[FinishedPass]:
        assert self.carry is not None
        before = self.carry.z_H
        self.carry, out = self.model(self.carry, self.batch, max_segments=self.max_segments + 1, generator=self.noise)
        if self.noise is not None:
            self.noise.starting.clear()
        self.computed += self.width
        self.segments += 1
        answers = out.logits.argmax(dim=-1).to(torch.int32)
        stayed = (answers == self.answers).all(dim=1) & (self.segments > 1)
        self.unchanged = torch.where(stayed, self.unchanged + 1, 0)
        self.answers = answers
        confidence = out.q_halt.float().sigmoid()
        residual = self._residual(before)
        status = RowStatus(
            wants_to_halt=self.model.wants_to_halt(out),  # type: ignore[operator]
            confidence=confidence,
            unchanged=self.unchanged,
            residual=residual,
            verified=self._verified,
        )
        stops = self.segments >= self.max_segments
        for rule in self.stop:
            stops = stops | rule(status)
        if self.trace:
            self._record(confidence, residual)
        return self._finish(stops, out.q_halt, residual)

    def _residual(self, before: Tensor) -> Float[Tensor, " batch"]:
        assert self.carry is not None
        if not self.follows_residual:
            return torch.full((self.width,), torch.inf, device=self.device)
        after = self.carry.z_H.float().flatten(1)
        moved = (after - before.float().flatten(1)).norm(dim=1) / after.norm(dim=1)
        return torch.where(self.segments > 1, moved, torch.inf)

    def _verified(self) -> Bool[Tensor, " batch"]:
        """Rows whose answer the rules verify. Only answers that have changed since the last segment are checked."""
        changed = (self.unchanged == 0).cpu().numpy()
        rows = [row for row, each in enumerate(self.passes) if each is not None and changed[row]]
        if rows:
            answers = self.answers.cpu().numpy()[rows]
            inputs = np.stack([each.inputs for row in rows if (each := self.passes[row]) is not None])
            self.right[rows] = self.check(inputs, answers)
        return torch.from_numpy(self.right).to(self.device)

    def _record(self, confidence: Tensor, residual: Tensor) -> None:
        answers = self.answers.cpu().numpy()
        probabilities, moved = confidence.tolist(), residual.tolist()
        for row, trace in enumerate(self.traces):
            if trace is not None:
                trace.states.append(answers[row])
                trace.confidence.append(probabilities[row])
                trace.residual.append(moved[row])

    def _finish(self, stops: Tensor, q_halt: Tensor, residual: Tensor) -> Iterator[FinishedPass]:
        """Yield the passes of the rows that stop here, and make these rows idle."""
        busy = np.array([each is not None for each in self.passes])
        rows = np.flatnonzero(stops.cpu().numpy() & busy)
        if len(rows) == 0:
            return
        at = torch.from_numpy(rows).to(self.device)
        answers = self.answers[at].cpu().numpy()
        segments, moved = self.segments[at].tolist(), residual[at].tolist()
        values = q_halt[at].double()
        if not bool(torch.isfinite(values).all()):
            raise UserError(f"model: its halting values are not finite at segment {segments[0]}")
        probabilities = values.sigmoid().tolist()
        for i, row in enumerate(rows.tolist()):
            finished = self.passes[row]
            assert finished is not None
            yield FinishedPass(
                key=finished.key,
                answer=answers[i],
                confidence=probabilities[i],
                residual=moved[i],
                segments=segments[i],
                trace=self.traces[row],
            )
            self._release(row)
