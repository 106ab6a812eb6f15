"""A batch of fixed width through which any number of puzzles streams: a row that halts takes the next puzzle at once.

So shapes stay static, and compute follows difficulty instead of the slowest row of a batch.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn

from hrm_net.inference.stopping import Look, StopRule
from hrm_net.model import Carry
from hrm_net.nn.row_noise import RowNoise
from puzzles.errors import UserError

Row = Integer[np.ndarray, " seq"]
Check = Callable[[Integer[np.ndarray, "num seq"], Integer[np.ndarray, "num seq"]], Bool[np.ndarray, " num"]]


@dataclass(kw_only=True, slots=True)
class Job:
    """One pass over one puzzle. `key` is the caller's; `seed` feeds the random start and the noise of the row."""

    key: tuple[int, int]
    inputs: Row
    puzzle_identifier: int = 0
    seed: int = 0


@dataclass(kw_only=True, slots=True)
class Steps:
    """What a row answered after each of its segments so far: states, probability of being right, residual."""

    states: list[Row] = field(default_factory=list)
    confidence: list[float] = field(default_factory=list)
    residual: list[float] = field(default_factory=list)


@dataclass(kw_only=True, slots=True)
class Finished:
    """The end of a job: its answer after `segments` segments."""

    key: tuple[int, int]
    answer: Row
    confidence: float
    residual: float
    segments: int
    steps: Steps | None


class Slots:
    """`width` rows, each of which works at one job or is idle.

    `computed` counts rows times segments, idle rows included: what the hardware did.
    """

    def __init__(
        self,
        model: nn.Module,
        jobs: Iterable[Job],
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
        self.model, self.waiting, self.width, self.device = model, iter(jobs), width, device
        self.max_segments, self.stop, self.check, self.wanted, self.narrow = max_segments, stop, check, wanted, narrow
        self.noise = RowNoise(width) if noisy else None
        self.follows_residual = trace or residual or any(rule.uses("residual") for rule in stop)
        self.trace = trace
        self.jobs: list[Job | None] = [None] * width
        self.steps: list[Steps | None] = [None] * width
        self.computed = 0
        self.carry: Carry | None = None
        self.batch: dict[str, Tensor] = {}

    def run(self) -> Iterator[Finished]:
        """Every job's end, in the order of ending. The caller holds the model in eval mode without gradients."""
        while True:
            self._refill()
            if not any(self.jobs):
                return
            yield from self._segment()

    def _refill(self) -> None:
        """New jobs for idle rows; rows whose job nobody wants any more become idle first."""
        for row, job in enumerate(self.jobs):
            if job is not None and not self.wanted(job.key):
                self._release(row)
        idle = [row for row, job in enumerate(self.jobs) if job is None]
        fresh = list(islice((job for job in self.waiting if self.wanted(job.key)), len(idle)))
        if self.carry is None:
            if fresh:
                self._first_batch(len(fresh), len(fresh[0].inputs))
        elif self.narrow and len(fresh) < len(idle):
            self._narrow(self.width - len(idle) + len(fresh))
            idle = [row for row, job in enumerate(self.jobs) if job is None]
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
        # kept apart from the carry's, which belongs to the model
        self.done_segments = numbers.clone()

    def _narrow(self, num: int) -> None:
        """Halves the batch while `num` rows fit."""
        width = self.width
        while width >= 2 * max(num, 1):
            width //= 2
        if width == self.width or num == 0:
            return
        busy = [row for row, job in enumerate(self.jobs) if job is not None]
        rows = (busy + [row for row, job in enumerate(self.jobs) if job is None])[:width]
        keep = torch.tensor(rows, device=self.device)
        assert self.carry is not None
        self.carry = Carry(**{name: tensor[keep] for name, tensor in self.carry.tensors().items()})
        self.batch = {name: tensor[keep] for name, tensor in self.batch.items()}
        self.answers, self.unchanged = self.answers[keep], self.unchanged[keep]
        self.done_segments, self.right = self.done_segments[keep], self.right[rows]
        self._resize(rows)

    def _resize(self, rows: list[int]) -> None:
        self.width = len(rows)
        self.jobs, self.steps = [self.jobs[row] for row in rows], [self.steps[row] for row in rows]
        if self.noise is not None:
            self.noise.keep(rows)

    def _take(self, rows: list[int], fresh: list[Job]) -> None:
        if self.carry is None:
            return
        halted = np.zeros(self.width, bool)
        halted[rows] = True
        self.carry.halted = torch.from_numpy(halted).to(self.device)
        if not fresh:
            return
        at = torch.tensor(rows, device=self.device)
        inputs = np.stack([job.inputs for job in fresh]).astype(np.int32)
        numbers = np.array([job.puzzle_identifier for job in fresh], np.int32)
        self.batch["inputs"][at] = torch.from_numpy(inputs).to(self.device)
        self.batch["puzzle_identifiers"][at] = torch.from_numpy(numbers).to(self.device)
        self.done_segments[at] = 0
        for row, job in zip(rows, fresh, strict=True):
            self.jobs[row], self.steps[row] = job, Steps() if self.trace else None
            if self.noise is not None:
                self.noise.begin(row, job.seed)

    def _release(self, row: int) -> None:
        self.jobs[row] = self.steps[row] = None
        if self.noise is not None:
            self.noise.end(row)

    def _segment(self) -> Iterator[Finished]:
        assert self.carry is not None
        before = self.carry.z_H
        self.carry, out = self.model(self.carry, self.batch, max_segments=self.max_segments + 1, generator=self.noise)
        if self.noise is not None:
            self.noise.starting.clear()
        self.computed += self.width
        self.done_segments += 1
        answers = out.logits.argmax(dim=-1).to(torch.int32)
        stayed = (answers == self.answers).all(dim=1) & (self.done_segments > 1)
        self.unchanged = torch.where(stayed, self.unchanged + 1, 0)
        self.answers = answers
        confidence = out.q_halt.float().sigmoid()
        residual = self._residual(before)
        look = Look(
            wants_to_halt=self.model.wants_to_halt(out),  # type: ignore[operator]
            confidence=confidence,
            unchanged=self.unchanged,
            residual=residual,
            verified=self._verified,
        )
        stops = self.done_segments >= self.max_segments
        for rule in self.stop:
            stops = stops | rule(look)
        if self.trace:
            self._record(confidence, residual)
        return self._finish(stops, out.q_halt, residual)

    def _residual(self, before: Tensor) -> Float[Tensor, " batch"]:
        assert self.carry is not None
        if not self.follows_residual:
            return torch.full((self.width,), torch.inf, device=self.device)
        after = self.carry.z_H.float().flatten(1)
        moved = (after - before.float().flatten(1)).norm(dim=1) / after.norm(dim=1)
        return torch.where(self.done_segments > 1, moved, torch.inf)

    def _verified(self) -> Bool[Tensor, " batch"]:
        """Rows whose answer the rules verify. Idle rows, and answers judged a segment ago, cost nothing."""
        changed = (self.unchanged == 0).cpu().numpy()
        rows = [row for row, job in enumerate(self.jobs) if job is not None and changed[row]]
        if rows:
            answers = self.answers.cpu().numpy()[rows]
            inputs = np.stack([job.inputs for row in rows if (job := self.jobs[row]) is not None])
            self.right[rows] = self.check(inputs, answers)
        return torch.from_numpy(self.right).to(self.device)

    def _record(self, confidence: Tensor, residual: Tensor) -> None:
        answers = self.answers.cpu().numpy()
        sure, moved = confidence.tolist(), residual.tolist()
        for row, steps in enumerate(self.steps):
            if steps is not None:
                steps.states.append(answers[row])
                steps.confidence.append(sure[row])
                steps.residual.append(moved[row])

    def _finish(self, stops: Tensor, q_halt: Tensor, residual: Tensor) -> Iterator[Finished]:
        """The rows that stop here, told and set free."""
        busy = np.array([job is not None for job in self.jobs])
        rows = np.flatnonzero(stops.cpu().numpy() & busy)
        if len(rows) == 0:
            return
        at = torch.from_numpy(rows).to(self.device)
        answers = self.answers[at].cpu().numpy()
        segments, moved = self.done_segments[at].tolist(), residual[at].tolist()
        values = q_halt[at].double()
        if not bool(torch.isfinite(values).all()):
            raise UserError(f"model: its halting values are not finite at segment {segments[0]}")
        sure = values.sigmoid().tolist()
        for i, row in enumerate(rows.tolist()):
            job = self.jobs[row]
            assert job is not None
            yield Finished(
                key=job.key,
                answer=answers[i],
                confidence=sure[i],
                residual=moved[i],
                segments=segments[i],
                steps=self.steps[row],
            )
            self._release(row)
