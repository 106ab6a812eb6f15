"""A world to act in: one edit of a puzzle after another, until the actor stops or its budget is spent.

An action is a number: with n values besides the blank, cell c and value v (counted from 0)

    c * n + v            write v into cell c, whether or not it clashes, over whatever the cell holds
    seq * n + c          erase cell c
    seq * (n + 1)        do nothing
    seq * (n + 1) + 1    stop

Nothing ends an attempt but stopping and the budget: a solved or full grid does not. An attempt counts as solved when
its last state is the solution, so neither its length nor its blanks tell the outcome.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64, Integer, UInt8

from puzzles.errors import UserError
from puzzles.steps.rules import StepRules

States = Integer[np.ndarray, "num seq"]
# Chooses an action in each of many states: (rng, problems, states, steps left including this one, allowed actions).
Actor = Callable[
    [np.random.Generator, States, States, Int64[np.ndarray, "num"], Bool[np.ndarray, "num actions"]],
    Int64[np.ndarray, "num"],
]


@dataclass(kw_only=True, slots=True)
class Episodes:
    """Attempts as arrays. Attempt i takes lengths[i] steps; stopping is not a step.

    `states[i, 0]` is the start and `states[i, t + 1]` the state after step t; beyond its length the last one is
    repeated. `actions[i, t]` is the action at time t, the one that stops included; -1 where there is none.
    """

    problems: UInt8[np.ndarray, "num seq"]
    states: UInt8[np.ndarray, "num times seq"]
    actions: Int64[np.ndarray, "num budget"]
    lengths: Int64[np.ndarray, "num"]
    stopped: Bool[np.ndarray, "num"]

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def acted(self) -> Bool[np.ndarray, "num budget"]:
        """Where an action was chosen."""
        return self.actions >= 0

    @property
    def live(self) -> Bool[np.ndarray, "num budget"]:
        """Where a step was taken: an action other than stopping."""
        return np.arange(self.actions.shape[1]) < self.lengths[:, None]

    @property
    def last(self) -> UInt8[np.ndarray, "num seq"]:
        """The last state of each attempt."""
        return self.states[:, -1]


class EditWorld:
    """One puzzle's world with a budget of steps for each attempt. UserError for a budget below 1."""

    def __init__(self, rules: StepRules, budget: int) -> None:
        if budget < 1:
            raise UserError(f"budget={budget}: must be at least 1")
        self.rules, self.budget = rules, budget
        self.seq, self.values = rules.puzzle.seq_len, np.array([v for v in rules.values if v != rules.blank], np.uint8)
        self.num_writes = self.seq * len(self.values)
        self.no_op, self.stop = self.num_writes + self.seq, self.num_writes + self.seq + 1
        self.num_actions = self.stop + 1

    def allowed(self, problems: States, states: States, *, first: bool = False) -> Bool[np.ndarray, "num actions"]:
        """Writes of another value than the cell holds, erasing what was written, doing nothing, stopping.

        Givens are never touched. `first`: the first action of an attempt cannot be to stop, so that every attempt has a
        step that can be scored.
        """
        editable = self.rules.editable(problems)
        writes = editable[:, :, None] & (states[:, :, None] != self.values)
        erases = editable & (states != self.rules.blank)
        ends = np.ones((len(states), 2), bool)
        ends[:, 1] = not first
        return np.concatenate([writes.reshape(len(states), -1), erases, ends], axis=1)

    def apply(self, states: States, actions: Int64[np.ndarray, "num"]) -> UInt8[np.ndarray, "num seq"]:
        """The states after the actions; doing nothing and stopping change nothing."""
        after, rows = np.array(states, np.uint8), np.arange(len(states))
        writes, erases = actions < self.num_writes, (actions >= self.num_writes) & (actions < self.no_op)
        cell, value = np.divmod(actions[writes], len(self.values))
        after[rows[writes], cell] = self.values[value]
        after[rows[erases], actions[erases] - self.num_writes] = self.rules.blank
        return after

    def between(self, before: States, after: States) -> Int64[np.ndarray, "num"]:
        """The action that turns each state into the next, which differs from it in one cell at most."""
        changed = before != after
        assert (changed.sum(axis=1) <= 1).all(), "an action edits one cell"
        rows, cell = np.arange(len(before)), changed.argmax(axis=1)
        token = after[rows, cell]
        write = cell * len(self.values) + np.searchsorted(self.values, token)
        edit = np.where(token == self.rules.blank, self.num_writes + cell, write)
        return np.where(changed.any(axis=1), edit, self.no_op).astype(np.int64)

    def run(self, actor: Actor, rng: np.random.Generator, problems: States) -> Episodes:
        """One attempt at each problem. The actor is asked for those that have not stopped, in their order."""
        num, budget = len(problems), self.budget
        problems = np.asarray(problems, np.uint8)
        states = np.repeat(self.rules.start(problems)[:, None], budget + 1, axis=1)
        actions, lengths = np.full((num, budget), -1, np.int64), np.full(num, budget, np.int64)
        stopped, running = np.zeros(num, bool), np.arange(num)
        for t in range(budget):
            now, asked = states[running, t], problems[running]
            left = np.full(len(running), budget - t, np.int64)
            chosen = actor(rng, asked, now, left, self.allowed(asked, now, first=t == 0))
            actions[running, t] = chosen
            ends = chosen == self.stop
            stopped[running[ends]], lengths[running[ends]] = True, t
            running, chosen, now = running[~ends], chosen[~ends], now[~ends]
            if not len(running):
                break
            states[running, t + 1 :] = self.apply(now, chosen)[:, None]
        return Episodes(problems=problems, states=states, actions=actions, lengths=lengths, stopped=stopped)

    def solved(self, episodes: Episodes) -> Bool[np.ndarray, "num"]:
        """Whether each attempt ends at a solution."""
        last = episodes.last
        return (self.rules.targets(episodes.problems, last, last) == last).all(axis=1)

    def clashes(self, problems: States, before: States, actions: Int64[np.ndarray, "num"]) -> Bool[np.ndarray, "num"]:
        """Which actions write a value that breaks a rule at once. The cell written is looked at as if it were blank."""
        writes = actions < self.num_writes
        rows, (cell, value) = np.flatnonzero(writes), np.divmod(actions[writes], len(self.values))
        emptied = np.array(before[rows], np.uint8)
        emptied[np.arange(len(rows)), cell] = self.rules.blank
        legal = self.rules.legal(problems[rows], emptied)[np.arange(len(rows)), cell, self.values[value]]
        found = np.zeros(len(actions), bool)
        found[rows] = ~legal
        return found

    def legal_actor(
        self, rng: np.random.Generator, problems: States, states: States, left: Int64[np.ndarray, "num"],
        allowed: Bool[np.ndarray, "num actions"],
    ) -> Int64[np.ndarray, "num"]:  # fmt: skip
        """A baseline: a write that does not clash, into a blank cell, all equally likely; stops where there is none."""
        legal = self.rules.legal(problems, states)[:, :, self.values].reshape(len(states), -1)
        chosen = draw(rng, np.where(legal, 0.0, -np.inf))
        stuck = np.where(allowed[:, self.stop], self.stop, self.no_op)
        return np.where(legal.any(axis=1), chosen, stuck)


def draw(rng: np.random.Generator, logits: Float[np.ndarray, "num actions"]) -> Int64[np.ndarray, "num"]:
    """An action of each row with the probabilities that the logits give, by Gumbel's maximum; -inf is never drawn."""
    return (logits - np.log(rng.standard_exponential(logits.shape))).argmax(axis=1)


def conduct(world: EditWorld, episodes: Episodes) -> dict[str, Float64[np.ndarray, "num"]]:
    """What each attempt is like: `solved`, `length`, `blanks` at its end, `early` (stopped while a cell was blank), and
    as shares of its steps `no_op`, `loop` (edits that lead back to an earlier state of the attempt) and `clash` (writes
    that break a rule at once)."""
    num, live = len(episodes), episodes.live
    rows, t = np.nonzero(live)
    actions, states = episodes.actions[rows, t], episodes.states
    steps = np.maximum(episodes.lengths, 1)
    equal = (states[:, 1:, None] == states[:, None, :]).all(axis=3)  # [num, budget, times]
    earlier = np.arange(states.shape[1]) <= np.arange(states.shape[1] - 1)[:, None]
    idle = episodes.actions == world.no_op
    clash = world.clashes(episodes.problems[rows], states[rows, t], actions)
    blanks = (episodes.last == world.rules.blank).sum(axis=1)
    return {
        "solved": world.solved(episodes).astype(np.float64),
        "length": episodes.lengths.astype(np.float64),
        "blanks": blanks.astype(np.float64),
        "early": (episodes.stopped & (blanks > 0)).astype(np.float64),
        "no_op": (idle & live).sum(axis=1) / steps,
        "loop": ((equal & earlier).any(axis=2) & live & ~idle).sum(axis=1) / steps,
        "clash": np.bincount(rows, weights=clash, minlength=num) / steps,
    }
