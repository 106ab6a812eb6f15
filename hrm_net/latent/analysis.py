"""The states of H and L after every update of a pass, recorded by hooks that leave the computation as it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn

import puzzles
from hrm_net.data.puzzle_sets import PuzzleSet, scored
from hrm_net.evaluation.evaluate import check_fits
from hrm_net.inference.segments import Batch, padded_batch, run_segments
from hrm_net.latent.metrics import Moments, mean_interval, participation_ratio, principal_plane, residual
from hrm_net.model import HRM

MODULES = ("H", "L")


@dataclass(kw_only=True, slots=True)
class Update:
    """One update of `module` ("H" or "L"): its state before and after, `[batch, token, dim]` or with a symbol axis.

    `cycle` is H's cycle in the segment, `place` the update's among all updates of the segment, both from 1.
    """

    module: str
    cycle: int
    place: int
    before: Float[Tensor, "batch *state"]
    after: Float[Tensor, "batch *state"]


@contextmanager
def watching(model: HRM) -> Iterator[list[Update]]:
    """A list to which every update of the one segment that runs inside the block is appended, in order.

    A stack that is shared counts as L for `l_cycles` calls, then as H for one, and so on.
    """
    config = model.config
    seen: list[Update] = []

    def batch_first(z: Tensor) -> Tensor:
        return model.codec.from_stacks(z).detach()

    def record(stack: nn.Module, arguments: tuple[Any, ...], output: Tensor) -> None:
        cycle, step = divmod(len(seen), config.l_cycles + 1)
        module = "H" if step == config.l_cycles else "L"
        assert stack is (model.H_level if module == "H" else model.L_level), "not the recurrence of one segment"
        before, after = batch_first(arguments[0]), batch_first(output)
        seen.append(Update(module=module, cycle=cycle + 1, place=len(seen) + 1, before=before, after=after))

    handles = [stack.register_forward_hook(record) for stack in {model.H_level, model.L_level}]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def watched_segments(
    model: HRM, batch: Batch, segments: int, generator: torch.Generator | None = None
) -> Iterator[tuple[Integer[np.ndarray, "batch seq"], list[Update]]]:
    """Yield the arg-max states and all updates of each segment of one pass, in which no row stops early."""
    passes = run_segments(model, batch, segments, generator=generator)
    for _ in range(segments):
        with watching(model) as seen:
            segment = next(passes)
        assert len(seen) == model.config.h_cycles * (model.config.l_cycles + 1)
        yield segment.states, seen


@dataclass(kw_only=True, slots=True)
class Analysis:
    """What one pass over a set shows of the states, by module.

    Vectors are those of single tokens (prefix included; of cells and symbols with the symbol codec) of all puzzles:
    in `by_segment` the states at the end of each segment, in `whole_pass` those after every update. `times` has
    (segment, cycle, place in segment), from 1, of each column of `residuals`.
    """

    by_segment: dict[str, list[Moments]]
    whole_pass: dict[str, Moments]
    residuals: dict[str, Float[np.ndarray, "puzzles updates"]]
    times: dict[str, list[tuple[int, int, int]]]
    solved: Bool[np.ndarray, " puzzles"]

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON."""
        return {"puzzles": len(self.solved), "solved": int(self.solved.sum())} | {
            module: {
                "participation_ratio": participation_ratio(self.by_segment[module][-1].covariance),
                "participation_ratio_by_segment": [
                    participation_ratio(each.covariance) for each in self.by_segment[module]
                ],
                "participation_ratio_whole_pass": participation_ratio(self.whole_pass[module].covariance),
                "eigenvalues": np.linalg.eigvalsh(self.by_segment[module][-1].covariance)[::-1].tolist(),
                "vectors": self.by_segment[module][-1].count,
                "residuals": [
                    dict(zip(("segment", "cycle", "place"), time, strict=True))
                    | dict(zip(("mean", "low", "high"), mean_interval(values), strict=True))
                    for time, values in zip(self.times[module], self.residuals[module].T, strict=True)
                ],
            }
            for module in MODULES
        }


def analyse(model: HRM, puzzle_set: PuzzleSet, segments: int, *, batch_size: int = 16, seed: int = 0) -> Analysis:
    """One pass of `segments` segments over a set; memory beyond a batch does not grow with tokens.

    `seed` feeds models that start from random states or add noise. UserError for a set that does not fit the model.
    """
    check_fits(model, puzzle_set)
    dim, num = model.config.hidden_size, len(puzzle_set)
    by_segment = {module: [Moments(dim) for _ in range(segments)] for module in MODULES}
    whole_pass = {module: Moments(dim) for module in MODULES}
    residuals: dict[str, list[np.ndarray]] = {module: [] for module in MODULES}
    times: dict[str, list[tuple[int, int, int]]] = {}
    solved = np.zeros(num, bool)
    generator = _generator(seed)
    for start in range(0, num, batch_size):
        rows = np.arange(start, min(start + batch_size, num))
        times = {module: [] for module in MODULES}
        moved: dict[str, list[np.ndarray]] = {module: [] for module in MODULES}
        states = np.zeros((0, 0), np.int32)
        batch = padded_batch(puzzle_set, rows, len(rows))
        for i, (answers, updates) in enumerate(watched_segments(model, batch, segments, generator)):
            states = answers
            last = {update.module: update.place for update in updates}
            for update in updates:
                before, after = _numpy(update.before), _numpy(update.after)
                vectors = after.reshape(-1, dim)
                whole_pass[update.module].add(vectors)
                if update.place == last[update.module]:
                    by_segment[update.module][i].add(vectors)
                moved[update.module].append(residual(before, after))
                times[update.module].append((i + 1, update.cycle, update.place))
        for module in MODULES:
            residuals[module].append(np.stack(moved[module], axis=1))
        solved[rows] = _solved(puzzle_set, rows, states)
    return Analysis(
        by_segment=by_segment,
        whole_pass=whole_pass,
        residuals={module: np.concatenate(parts) for module, parts in residuals.items()},
        times=times,
        solved=solved,
    )


@dataclass(kw_only=True, slots=True)
class Trajectories:
    """The paths of some puzzles through their two principal components, by module: one point after every update.

    A point is the whole state of a puzzle, all tokens and channels together. The initial state is left out: it is the
    same for all puzzles and so far from all later ones that it would dominate the plane.
    """

    rows: Integer[np.ndarray, " rows"]
    solved: Bool[np.ndarray, " rows"]
    plane: dict[str, Float[np.ndarray, "rows times 2"]]
    explained: dict[str, tuple[float, float]]

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON."""
        return {"rows": self.rows.tolist(), "solved": self.solved.tolist()} | {
            module: {"explained": list(self.explained[module]), "points": self.plane[module].tolist()}
            for module in MODULES
        }


def trajectories(
    model: HRM, puzzle_set: PuzzleSet, rows: Integer[np.ndarray, " rows"], segments: int, *, seed: int = 0
) -> Trajectories:
    """The trajectories of these rows of a set; all their states of the pass are kept in memory."""
    check_fits(model, puzzle_set)
    paths: dict[str, list[np.ndarray]] = {module: [] for module in MODULES}
    states = np.zeros((0, 0), np.int32)
    batch = padded_batch(puzzle_set, rows, len(rows))
    for answers, updates in watched_segments(model, batch, segments, _generator(seed)):
        states = answers
        for update in updates:
            paths[update.module].append(_numpy(update.after).reshape(len(rows), -1))
    planes = {module: principal_plane(np.stack(path, axis=1)) for module, path in paths.items()}
    return Trajectories(
        rows=rows,
        solved=_solved(puzzle_set, rows, states),
        plane={module: plane for module, (plane, _) in planes.items()},
        explained={module: explained for module, (_, explained) in planes.items()},
    )


def some_of_both(solved: Bool[np.ndarray, " puzzles"], most: int) -> Integer[np.ndarray, " rows"]:
    """At most `most` rows, in order: half of them solved and half not, or more of one kind where the other is rare."""
    good, bad = np.flatnonzero(solved), np.flatnonzero(~solved)
    num_bad = min(len(bad), max(most // 2, most - len(good)))
    return np.sort(np.concatenate([good[: most - num_bad], bad[:num_bad]]))


def _solved(
    puzzle_set: PuzzleSet, rows: Integer[np.ndarray, " rows"], states: Integer[np.ndarray, "rows seq"]
) -> Bool[np.ndarray, " rows"]:
    """By the puzzle's rules; where there are none, by the labels."""
    if puzzle_set.puzzle.verifiable:
        inputs = puzzle_set.inputs[rows]
        return puzzle_set.puzzle.check(inputs, states.astype(inputs.dtype)).solved
    labels = scored(puzzle_set.labels[rows])
    return ((states == labels) | (labels < 0)).all(axis=1)


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(int(puzzles.rng(seed, "latent noise").integers(2**62)))


def _numpy(z: Tensor) -> np.ndarray:
    return z.float().cpu().numpy()
