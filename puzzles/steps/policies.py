"""Policies, which extend partial solutions step by step, and trajectories sampled from them."""

from functools import partial
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Integer, UInt8

from puzzles.errors import UserError
from puzzles.kernels import over_chunks
from puzzles.steps import policy_kernels
from puzzles.steps.attempts import groups
from puzzles.steps.rules import StepRules
from puzzles.steps.steps import REGIMES, Regime, Trajectory, from_states

CHUNK_ROWS = 8192  # states worked on together, so that the table of legal values stays small
States = Integer[np.ndarray, "num seq"]


@runtime_checkable
class Policy(Protocol):
    """Takes one step in each of many states."""

    name: str
    cells_per_step: int
    regime: Regime  # fill: only blank cells are written; edit: written cells may be erased and overwritten too

    def __call__(
        self, rng: np.random.Generator, problems: States, states: States, left: Integer[np.ndarray, "num"]
    ) -> tuple[UInt8[np.ndarray, "num seq"], Float[np.ndarray, "num"]]:
        """The states after one step, and the log-probability of each step, NaN where it is unknown.

        `left` counts the steps of the budget that are left, including this one. The arguments are not changed.
        """
        ...


def check_probability(key: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise UserError(f"{key}={value}: must be from 0 to 1")


def check_policy(cells_per_step: int, regime: str) -> Regime:
    """The regime. UserError for an unknown one, or for steps of fewer than one cell."""
    if cells_per_step < 1:
        raise UserError(f"cells_per_step={cells_per_step}: must be at least 1")
    if regime == "fill" or regime == "edit":
        return regime
    raise UserError(f"regime={regime}: must be one of {', '.join(REGIMES)}")


class _Edits:
    """A batch of rows in the middle of a step. Each row has its own random stream, so that the result does not depend
    on chunks and threads."""

    def __init__(self, rules: StepRules, rng: np.random.Generator, problems: States, states: States) -> None:
        self.rules, self.problems = rules, problems
        self.states = np.array(states, np.uint8)
        self.editable = rules.editable(problems)
        self.touched = np.zeros(self.states.shape, bool)
        self.randoms = rng.integers(0, 1 << 64, len(states), dtype=np.uint64)
        self.wish = np.zeros(len(states), np.int8)
        self.only = np.zeros(len(states), np.int64)

    def write(self, targets: States, edit: bool) -> None:
        """Writes what the plan wishes, as far as it is legal in the states as the plan left them."""
        for first in range(0, len(self.states), CHUNK_ROWS):
            piece = slice(first, first + CHUNK_ROWS)
            legal = self.rules.legal(self.problems[piece], self.states[piece])
            rows = [
                array[piece]
                for array in (self.randoms, self.states, targets, self.editable, self.touched, self.wish, self.only)
            ]
            _write(rows, legal, self.rules.blank, edit)


def _write(rows: list[np.ndarray], legal: Bool[np.ndarray, "num seq vocab"], blank: int, edit: bool) -> None:
    randoms, states, targets, editable, touched, wish, only = rows

    def piece(start: int, stop: int) -> None:
        policy_kernels.write(
            randoms, states, targets, editable, touched, legal, blank, edit, start, stop, wish, only
        )  # fmt: skip

    over_chunks(piece, len(states))


class CarelessSolver:
    """A policy that knows the solution and makes mistakes.

    Each edit of one cell errs with probability `error`. An edit that does not err writes a right value into a random
    blank cell where it is legal. One that errs writes a legal but wrong value into a random blank cell; in the regime
    "edit" a share `doubt` of these breaks a right cell instead, so that erasing a value does not prove it wrong. In
    "edit", while wrong cells exist, an edit goes to one of them with probability `correct`: the cell is erased or, half
    of the time where the right value is legal, overwritten; if that edit errs, it breaks a right cell instead.

    A cell is edited at most once a step. After an error a right value may clash with the wrong one and is not legal
    until that is mended. While right values are missing but none is legal, a wrong one is written; where no value is
    legal at all, in "edit" a random written cell is erased. An error for which no value is legal is not made. Solved
    rows stay as they are.
    """

    def __init__(
        self,
        rules: StepRules,
        *,
        error: float,
        correct: float = 0.0,
        doubt: float = 0.25,
        cells_per_step: int = 1,
        regime: str = "fill",
    ) -> None:
        self.regime: Regime = check_policy(cells_per_step, regime)
        for key, value in (("error", error), ("correct", correct), ("doubt", doubt)):
            check_probability(key, value)
        if regime == "fill" and correct > 0:
            raise UserError(f"correct={correct}: must be 0 for regime=fill, where nothing is overwritten")
        self.rules = rules
        self.error, self.correct, self.doubt = float(error), float(correct), float(doubt)
        self.cells_per_step = cells_per_step
        edits = f",correct={correct:g},doubt={doubt:g}" if regime == "edit" else ""
        self.name = f"careless(error={error:g}{edits})"

    def __call__(
        self, rng: np.random.Generator, problems: States, states: States, left: Integer[np.ndarray, "num"]
    ) -> tuple[UInt8[np.ndarray, "num seq"], Float[np.ndarray, "num"]]:
        """See `Policy`. Log-probabilities are unknown, since the same step can arise in several orders."""
        edits = _Edits(self.rules, rng, problems, states)
        targets = self.rules.targets(problems, edits.states, edits.states)

        def plan(start: int, stop: int) -> None:
            policy_kernels.plan_careless(
                edits.randoms, edits.states, targets, edits.editable, edits.touched, self.rules.blank, self.error,
                self.correct, self.doubt, self.regime == "edit", start, stop, edits.wish, edits.only,
            )  # fmt: skip

        for _ in range(self.cells_per_step):
            over_chunks(plan, len(states))
            edits.write(targets, self.regime == "edit")
        return edits.states, np.full(len(states), np.nan)


class RandomPolicy:
    """A policy that writes random legal values into random blank cells.

    In the regime "edit" an edit revises a written cell with probability `revise` (by default 0.2).
    """

    def __init__(
        self, rules: StepRules, *, cells_per_step: int = 1, regime: str = "fill", revise: float | None = None
    ) -> None:
        self.regime: Regime = check_policy(cells_per_step, regime)
        revise = (0.0 if regime == "fill" else 0.2) if revise is None else float(revise)
        check_probability("revise", revise)
        if regime == "fill" and revise > 0:
            raise UserError(f"revise={revise}: must be 0 for regime=fill, where nothing is overwritten")
        self.rules, self.revise = rules, revise
        self.cells_per_step = cells_per_step
        self.name = f"random(revise={revise:g})" if regime == "edit" else "random"

    def __call__(
        self, rng: np.random.Generator, problems: States, states: States, left: Integer[np.ndarray, "num"]
    ) -> tuple[UInt8[np.ndarray, "num seq"], Float[np.ndarray, "num"]]:
        """See `Policy`. Log-probabilities are unknown, since the same step can arise in several orders."""
        edits = _Edits(self.rules, rng, problems, states)

        def plan(start: int, stop: int) -> None:
            policy_kernels.plan_random(
                edits.randoms, edits.states, edits.editable, edits.touched, self.rules.blank, self.revise, start, stop,
                edits.wish, edits.only,
            )  # fmt: skip

        for _ in range(self.cells_per_step):
            over_chunks(plan, len(states))
            edits.write(edits.states, self.regime == "edit")
        return edits.states, np.full(len(states), np.nan)


def solved(rules: StepRules, problems: States, states: States) -> Bool[np.ndarray, "num"]:
    """Which states are a solution of their problem."""
    return (rules.targets(problems, states, states) == states).all(1)


def run(
    policy: Policy,
    rules: StepRules,
    rng: np.random.Generator,
    problems: States,
    states: States,
    left: Integer[np.ndarray, "num"],
) -> tuple[UInt8[np.ndarray, "num times seq"], Integer[np.ndarray, "num"], Float[np.ndarray, "num steps"]]:
    """Takes steps from the given states until a row is solved or has no steps left, or until the policy says that it
    has ended (`policy.ended(problems, states)`, where a policy has that).

    Returns the states `[num, times, seq]`, the given ones first and the last one repeated to the end, with times = the
    largest number of steps left + 1; the number of steps taken `[num]`; and the log-probability of each step
    `[num, steps]`, NaN where no step was taken or it is unknown.
    """
    longest = int(left.max(initial=0))
    history = np.repeat(np.asarray(states, np.uint8)[:, None], longest + 1, 1)
    lengths = np.zeros(len(states), np.int64)
    logps = np.full((len(states), longest), np.nan)
    running = np.arange(len(states))
    ended = getattr(policy, "ended", partial(solved, rules))
    for t in range(longest):
        running = running[left[running] > t]
        running = running[~ended(problems[running], history[running, t])]
        if len(running) == 0:
            break
        after, logp = policy(rng, problems[running], history[running, t], left[running] - t)
        history[running, t + 1 :] = after[:, None]
        logps[running, t] = logp
        lengths[running] = t + 1
    return history, lengths, logps


def _check_budget(budget: int) -> None:
    if budget < 1:
        raise UserError(f"budget={budget}: must be at least 1")


def sample_states(
    policy: Policy, rules: StepRules, rng: np.random.Generator, problems: States, budget: int
) -> tuple[UInt8[np.ndarray, "num times seq"], Integer[np.ndarray, "num"]]:
    """One attempt at each problem: the states from the start on `[num, budget + 1, seq]`, and the steps taken `[num]`.

    An attempt ends when it is solved; its last state is repeated from there on.
    """
    _check_budget(budget)
    history, lengths, _ = run(policy, rules, rng, problems, rules.start(problems), np.full(len(problems), budget))
    return history, lengths


def sample_trajectories(
    policy: Policy, rules: StepRules, rng: np.random.Generator, problems: States, num: int, budget: int
) -> list[Trajectory]:
    """`num` attempts at each problem, those of one problem next to each other, with their outcomes."""
    _check_budget(budget)
    if num < 1:
        raise UserError(f"num={num}: must be at least 1")
    rows = np.repeat(problems, num, 0)
    history, lengths, logps = run(policy, rules, rng, rows, rules.start(rows), np.full(len(rows), budget))
    outcomes = solved(rules, rows, history[:, -1])
    orbits = np.repeat(groups(rules.puzzle, problems), num)
    trajectories = []
    for row, length in enumerate(lengths.tolist()):
        logp = logps[row, :length]
        trajectories.append(
            Trajectory(
                task=rules.puzzle.name,
                problem=rows[row],
                start=history[row, 0],
                steps=from_states(history[row, : length + 1]),
                budget=budget,
                cells_per_step=policy.cells_per_step,
                regime=policy.regime,
                group=int(orbits[row]),
                outcome=bool(outcomes[row]),
                source=policy.name,
                logp=None if np.isnan(logp).any() else logp.tolist(),
            )
        )
    return trajectories
