"""A policy whose attempts all end full, right or wrong, so that blanks and lengths tell nothing about the outcome."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int64, Integer, UInt8

from puzzles.errors import UserError
from puzzles.steps.policies import CHUNK_ROWS, States, check_policy, check_probability
from puzzles.steps.rules import StepRules
from puzzles.steps.steps import Regime


@runtime_checkable
class MistakenRules(Protocol):
    """Step rules of a domain where most wrong values give themselves away."""

    def mistakes(self, problems: States, targets: States) -> Bool[np.ndarray, "num seq vocab"]:
        """The wrong writes that are plausible."""
        ...


class FullSolver:
    """A policy that knows the solution, makes mistakes, and writes on until the puzzle is full.

    It is full when as many cells are written as the solution has: all cells of a Sudoku, as many marks as a shortest
    path. An edit errs with probability `error`. One that does not err writes a right value into a random blank cell
    where it is legal at the moment; one that errs writes a legal but wrong value into a random blank cell. Where no
    value is legal any more, after an earlier error, one that clashes with the fewest others is written. Legality is not
    asked for in a domain whose answers may be written in any order (`anywhere`: marks of a maze, colours of ARC).

    In the regime "edit" an edit revises a written cell with probability `correct` while wrong cells exist and the
    budget has edits to spare: a wrong value is replaced by the right one (a wrong mark is erased), or, if the edit
    errs, a right value by a wrong one. No cell is left blank that was written, except where marks have one value only.
    """

    def __init__(
        self, rules: StepRules, *, error: float, correct: float = 0.0, cells_per_step: int = 1, regime: str = "fill"
    ) -> None:
        self.regime: Regime = check_policy(cells_per_step, regime)
        for key, value in (("error", error), ("correct", correct)):
            check_probability(key, value)
        if regime == "fill" and correct > 0:
            raise UserError(f"correct={correct}: must be 0 for regime=fill, where nothing is overwritten")
        self.rules, self.cells_per_step = rules, cells_per_step
        self.error, self.correct = float(error), float(correct)
        self.anywhere = rules.puzzle.name != "sudoku"
        self.values = np.isin(np.arange(rules.puzzle.vocab_size), [v for v in rules.values if v != rules.blank])
        edits = f",correct={correct:g}" if regime == "edit" else ""
        self.name = f"full(error={error:g}{edits})"

    def ended(self, problems: States, states: States) -> Bool[np.ndarray, "num"]:
        """Whether as many cells are written as the solution has."""
        return self._missing(problems, states, self.rules.targets(problems, states, states)) <= 0

    def __call__(
        self, rng: np.random.Generator, problems: States, states: States, left: Integer[np.ndarray, "num"]
    ) -> tuple[UInt8[np.ndarray, "num seq"], Float[np.ndarray, "num"]]:
        """See `puzzles.steps.policies.Policy`. Log-probabilities are unknown."""
        after = np.array(states, np.uint8)
        for first in range(0, len(after), CHUNK_ROWS):
            piece = slice(first, first + CHUNK_ROWS)
            self._step(rng, np.asarray(problems[piece], np.uint8), after[piece], np.asarray(left[piece], np.int64))
        return after, np.full(len(after), np.nan)

    def _missing(self, problems, states, targets) -> Int64[np.ndarray, "num"]:
        editable, blank = self.rules.editable(problems), self.rules.blank
        return (editable & (targets != blank)).sum(1) - (editable & (states != blank)).sum(1)

    def _step(self, rng: np.random.Generator, problems, states, left) -> None:
        """One step in place."""
        touched, targets = np.zeros(states.shape, bool), self.rules.targets(problems, states, states)
        editable = self.rules.editable(problems)
        for done in range(self.cells_per_step):
            spare = left * self.cells_per_step - done - self._missing(problems, states, targets)
            errs = rng.random(len(states)) < self.error
            revised = self._revise(rng, states, targets, editable & ~touched, spare, errs, touched)
            self._write(rng, problems, states, targets, editable & ~touched, errs, touched, ~revised)

    def _revise(self, rng: np.random.Generator, states, targets, free, spare, errs, touched) -> Bool[np.ndarray, "num"]:
        """Mends a wrong cell, or breaks a right one, in the rows that have edits to spare. Returns these rows."""
        blank, marks = self.rules.blank, int(self.values.sum()) == 1
        wrong = free & (states != blank) & (states != targets)
        right = free & (states != blank) & (states == targets)
        wished = (rng.random(len(states)) < self.correct) & (spare >= (2 if marks else 1)) & wrong.any(1)
        cells = np.where(errs[:, None], right, wrong) & wished[:, None]
        rows, cell = _pick(rng, cells)
        if marks:
            states[rows, cell] = blank
        else:
            new = targets[rows, cell]
            broken = errs[rows]
            others = self.values & (np.arange(len(self.values)) != new[:, None])
            states[rows, cell] = np.where(broken, _pick_columns(rng, others), new)
        touched[rows, cell] = True
        return cells.any(1)

    def _write(self, rng: np.random.Generator, problems, states, targets, free, errs, touched, wished) -> None:
        """One value into a blank cell of every wished row that is not full."""
        blank = self.rules.blank
        wished = wished & (self._missing(problems, states, targets) > 0)
        free = free & (states == blank) & wished[:, None]
        fits = free[:, :, None] & self.values
        legal = fits if self.anywhere else fits & self.rules.legal(problems, states)
        is_target = np.arange(len(self.values)) == targets[:, :, None]
        choices = legal & (is_target != errs[:, None, None])
        if errs.any() and isinstance(self.rules, MistakenRules):
            choices[errs] &= self.rules.mistakes(problems[errs], targets[errs])
        lacking = ~choices.any((1, 2))
        choices[lacking] = legal[lacking]
        lacking = wished & ~choices.any((1, 2))
        if lacking.any():
            choices[lacking] = self._least_clashing(states[lacking], fits[lacking])
        rows, cell = _pick(rng, choices.any(2))
        states[rows, cell] = _pick_columns(rng, choices[rows, cell])
        touched[rows, cell] = True

    def _least_clashing(self, states, fits) -> Bool[np.ndarray, "num seq vocab"]:
        """The writes, of those that fit, that equal the fewest cells of their units."""
        board = self.rules.puzzle.board  # pyright: ignore[reportAttributeAccessIssue]
        units = board.units
        held = (states[:, units][..., None] == np.arange(len(self.values))).sum(axis=2)  # [num, units, vocab]
        seen = np.zeros(fits.shape, np.int64)
        for unit, cells in enumerate(units):
            seen[:, cells] += held[:, unit, None]
        seen[~fits] = 1 << 30
        return fits & (seen == seen.min((1, 2), keepdims=True))


def _pick(rng: np.random.Generator, flags: Bool[np.ndarray, "num cells"]) -> tuple[np.ndarray, np.ndarray]:
    """(rows that have a flag, a random flagged column of each)."""
    rows = np.flatnonzero(flags.any(1))
    return rows, _pick_columns(rng, flags[rows])


def _pick_columns(rng: np.random.Generator, flags: Bool[np.ndarray, "num columns"]) -> Int64[np.ndarray, "num"]:
    return np.where(flags, rng.random(flags.shape), -1.0).argmax(1).astype(np.int64)
