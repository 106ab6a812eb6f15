"""Exact labels by the solution: of single steps, of states, of merged pairs, and the step at which all was lost.

Let s(t) be the state after step t and s(-1) the start, of T steps with a budget of B and up to k cells each:

- An edit is *right* when it writes the target's value, or erases a value that is not the target's. The target is the
  solution nearest to the state before (`StepRules.targets`); in a maze any of several shortest paths may be it.
- remaining(t) is the number of cells in which s(t) differs from the solution nearest to it.
- A state is *consistent* when all written cells agree with one solution.
- alive(t) says that the solution can still be reached in time: remaining(t) <= k (B - t - 1), and in the regime `fill`,
  where wrong values stay, s(t) is consistent. After the last step it says that the puzzle is solved. An attempt that
  ends unsolved before its budget is therefore not alive at its last step, and its outcome is false.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Integer, UInt8

from puzzles.errors import UserError
from puzzles.steps.attempts import Attempts, from_trajectories
from puzzles.steps.checks import check_attempts
from puzzles.steps.rules import StepRules
from puzzles.steps.steps import Trajectory

EXACT = "exact"
CELLS_AT_ONCE = 1 << 23


@dataclass(kw_only=True, slots=True)
class StepLabels:
    """The labels of one attempt with T steps. z, the error step, counts from 0; T stands for no error."""

    ok: Float[np.ndarray, "steps"]  # 1 where no edit of the step is wrong; a step that does nothing is ok
    state: Bool[np.ndarray, "steps"]  # whether the state after it is consistent
    alive: Bool[np.ndarray, "steps"]
    second: Float[np.ndarray, "steps"]  # of the pair (t - 1, t), as published: ok of its second step; NaN at 0
    net: Float[np.ndarray, "steps"]  # of the pair: 1 where no edit of the merged step is wrong; NaN at 0
    first_error: int  # z: the first step that is not ok or not alive
    last_error: int  # z: from this step on no state is alive; T exactly where solved
    delta: Float[np.ndarray, "steps"]  # progress: right minus wrong cells after the step, less the same before it
    remaining: Integer[np.ndarray, "steps"]
    solved: bool
    provenance: dict[str, str]  # by field: where its labels come from


@dataclass(kw_only=True, slots=True)
class BatchLabels:
    """The labels of many attempts, see `StepLabels`. Entries of attempt i from lengths[i] on mean nothing."""

    ok: Float[np.ndarray, "num steps"]
    state: Bool[np.ndarray, "num steps"]
    alive: Bool[np.ndarray, "num steps"]
    second: Float[np.ndarray, "num steps"]
    net: Float[np.ndarray, "num steps"]
    first_error: Integer[np.ndarray, "num"]
    last_error: Integer[np.ndarray, "num"]
    delta: Float[np.ndarray, "num steps"]
    remaining: Integer[np.ndarray, "num steps"]
    solved: Bool[np.ndarray, "num"]
    lengths: Integer[np.ndarray, "num"]
    provenance: dict[str, str] = field(default_factory=lambda: dict.fromkeys(LABELS, EXACT))

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, index: Integer[np.ndarray, "some"]) -> "BatchLabels":
        """The labels of the attempts at these places."""
        columns: dict[str, Any] = {name: getattr(self, name)[index] for name in (*LABELS, "lengths")}
        return BatchLabels(**columns, provenance=dict(self.provenance))

    def trajectory(self, index: int) -> StepLabels:
        """The labels of one attempt."""
        length = int(self.lengths[index])
        return StepLabels(
            **{name: getattr(self, name)[index, :length] for name in PER_STEP},
            first_error=int(self.first_error[index]),
            last_error=int(self.last_error[index]),
            solved=bool(self.solved[index]),
            provenance=dict(self.provenance),
        )


LABELS = tuple(label.name for label in fields(StepLabels) if label.name != "provenance")
PER_STEP = ("ok", "state", "alive", "second", "net", "delta", "remaining")


def exact_labels(rules: StepRules, trajectories: Sequence[Trajectory]) -> list[StepLabels]:
    """The labels of each attempt, whose `outcome` is set. UserError naming the first attempt with a faulty step."""
    if not trajectories:
        return []
    batch = label_states(rules, from_trajectories(trajectories))
    for trajectory, solved in zip(trajectories, batch.solved.tolist(), strict=True):
        trajectory.outcome = solved
    return [batch.trajectory(index) for index in range(len(trajectories))]


def label_states(rules: StepRules, attempts: Attempts) -> BatchLabels:
    """The labels of attempts given by their states. UserError naming the first attempt with a faulty step."""
    pieces = []
    at_once = max(1, CELLS_AT_ONCE // attempts.states[:1].size) if len(attempts) else 1
    for begin in range(0, max(len(attempts), 1), at_once):
        piece = attempts.take(slice(begin, begin + at_once))
        check_attempts(rules, piece, first=begin)
        pieces.append(_label(rules, piece))
    columns: dict[str, Any] = {name: np.concatenate([piece[name] for piece in pieces]) for name in LABELS}
    return BatchLabels(**columns, lengths=attempts.lengths)


def stack(labels: Sequence[StepLabels]) -> BatchLabels:
    """The labels of several attempts as arrays. UserError where their provenance differs."""
    provenance = labels[0].provenance
    if any(attempt.provenance != provenance for attempt in labels):
        raise UserError("labels of different provenance: stack each kind by itself")
    lengths = np.array([len(attempt.ok) for attempt in labels])
    columns: dict[str, Any] = {}
    for name in PER_STEP:
        columns[name] = np.zeros((len(labels), int(lengths.max())), getattr(labels[0], name).dtype)
        for row, attempt in zip(columns[name], labels, strict=True):
            row[: len(attempt.ok)] = getattr(attempt, name)
    for name in ("first_error", "last_error", "solved"):
        columns[name] = np.array([getattr(attempt, name) for attempt in labels])
    return BatchLabels(**columns, lengths=lengths, provenance=dict(provenance))


def _label(rules: StepRules, attempts: Attempts) -> dict[str, np.ndarray]:
    problems, states, live = attempts.problems, attempts.states, attempts.live
    steps = np.arange(states.shape[1] - 1)
    editable = rules.editable(problems)[:, None]

    agree = states == _targets(rules, problems, states, states)
    written = editable & (states != rules.blank)
    wrong = (written & ~agree).sum(axis=2)
    remaining = (editable & ~agree).sum(axis=2)
    progress = (written & agree).sum(axis=2) - wrong

    ok = _right(rules, problems, states[:, :-1], states[:, 1:])
    second, net = (np.full(ok.shape, np.nan, np.float32) for _ in range(2))
    second[:, 1:] = ok[:, 1:]
    net[:, 1:] = _right(rules, problems, states[:, :-2], states[:, 2:])

    left = attempts.budget[:, None] - steps - 1
    in_time = remaining[:, 1:] <= attempts.cells_per_step[:, None] * left
    solved = remaining[np.arange(len(attempts)), attempts.lengths] == 0
    last = steps == attempts.lengths[:, None] - 1
    alive = np.where(last, solved[:, None], in_time & ((wrong[:, 1:] == 0) | ~attempts.fill[:, None]))
    return {
        "ok": ok.astype(np.float32),
        "state": wrong[:, 1:] == 0,
        "alive": alive,
        "second": second,
        "net": net,
        "first_error": (live & ok & alive).cumprod(axis=1).sum(axis=1),
        "last_error": np.where(live & alive, steps + 1, 0).max(axis=1, initial=0),
        "delta": np.diff(progress, axis=1).astype(np.float32),
        "remaining": remaining[:, 1:].astype(np.int32),
        "solved": solved,
    }


def _targets(rules: StepRules, problems, before, after) -> UInt8[np.ndarray, "num steps seq"]:
    """The targets of edits `[num, steps, seq]`; a single step for all of them where the solution is unique."""
    if rules.unique:
        return rules.targets(problems, problems, problems)[:, None]
    num, steps, seq = before.shape
    flat = (before.reshape(-1, seq), after.reshape(-1, seq))
    return rules.targets(np.repeat(problems, steps, axis=0), *flat).reshape(num, steps, seq)


def _right(rules: StepRules, problems, before, after) -> Bool[np.ndarray, "num steps"]:
    """Whether every edit that turns one state into the other is right."""
    target = _targets(rules, problems, before, after)
    mended = (after == rules.blank) & (before != target)
    return ((before == after) | (after == target) | mended).all(axis=2)
