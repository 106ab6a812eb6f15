"""Slips of the hand: how often they occur, what they do, and what they leave alone."""

import numpy as np
import pytest

import puzzles
from puzzles.errors import UserError
from puzzles.steps.full import FullSolver
from puzzles.steps.policies import Policy, sample_states
from puzzles.steps.slips import Slipping
from puzzles.sudoku.domain import Sudoku
from puzzles.sudoku.step_rules import SudokuSteps

PUZZLE = Sudoku("2x2")
RULES = SudokuSteps(PUZZLE)
PROBLEMS = PUZZLE.generate(puzzles.rng(0, "slips"), 8, clues=6)[0].astype(np.uint8)


def slipping(slip: float, error: float = 0.0) -> Slipping:
    return Slipping(RULES, FullSolver(RULES, error=error, regime="edit"), slip=slip)


def test_steps_do_nothing_or_erase_as_often_as_is_asked() -> None:
    policy = slipping(0.1)
    assert isinstance(policy, Policy)
    assert policy.name == "full(error=0,correct=0,slip=0.1)"
    rows = np.repeat(PROBLEMS, 500, axis=0)
    before = rows.copy()
    before[np.arange(len(rows)), (rows == 1).argmax(axis=1)] = 2  # one cell is written, so that it can be erased
    after, logp = policy(puzzles.rng(1, "slips"), rows, before, np.full(len(rows), 16))
    assert np.isnan(logp).all()
    changed = (after != before).sum(axis=1)
    assert changed.max() == 1
    erased = ((after == 1) & (before != 1)).any(axis=1)
    deviation = (0.1 * 0.9 / len(rows)) ** 0.5
    assert abs((changed == 0).mean() - 0.1) < 4 * deviation
    assert abs(erased.mean() - 0.1) < 4 * deviation
    given = rows != 1
    assert (after[given] == rows[given]).all()


def test_nothing_is_erased_where_nothing_is_written() -> None:
    after, _ = slipping(0.5)(puzzles.rng(2, "slips"), PROBLEMS, PROBLEMS, np.full(len(PROBLEMS), 16))
    changed = after != PROBLEMS
    assert (changed.sum(axis=1) <= 1).all()
    assert (after[changed] != 1).all()


def test_attempts_end_full_and_take_longer() -> None:
    rows = np.repeat(PROBLEMS, 20, axis=0)
    lengths = {}
    for slip in (0.0, 0.2):
        policy = slipping(slip)
        states, lengths[slip] = sample_states(policy, RULES, puzzles.rng(3, "slips"), rows, 200)
        last = states[np.arange(len(rows)), lengths[slip]]
        assert (last == RULES.targets(rows, last, last)).all()  # nothing errs here, it only slips
    assert (lengths[0.0] == (rows == 1).sum(axis=1)).all()
    assert lengths[0.2].mean() > 1.2 * lengths[0.0].mean()


@pytest.mark.parametrize("slip", [-0.1, 0.6])
def test_a_probability_out_of_bounds_is_refused(slip: float) -> None:
    with pytest.raises(UserError, match="slip="):
        slipping(slip)
