"""Policies: what they may write, how often they slip and mend, and attempts that end when solved."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from puzzles.arc.families import FAMILIES
from puzzles.steps import policies
from puzzles.steps.policies import CarelessSolver, RandomPolicy, sample_states, sample_trajectories, solved
from puzzles.steps.rules import step_rules
from tests.examples import num_examples

SUDOKU = puzzles.get("sudoku", box="2x3")
RULES = step_rules(SUDOKU)
PROBLEMS, ANSWERS = SUDOKU.generate(puzzles.rng(0, "test"), 60, clues=[12, 14])
BLANKS = int((PROBLEMS == 1).sum(1).max())
MAZE = puzzles.get("maze", rows=9, columns=9)
MAZE_RULES = step_rules(MAZE)
MAZES, _ = MAZE.generate(puzzles.rng(0, "mazes"), 30, kind="dfs", braid=0.5)


def sudoku_solver(**options):
    return CarelessSolver(RULES, **{"error": 0.0, "cells_per_step": 2} | options)


def one_step(policy, problems, states, seed=0, left=9):
    return policy(puzzles.rng(seed, "step"), problems, states, np.full(len(problems), left))[0]


@num_examples(15)
@given(
    seed=st.integers(0, 2**32),
    error=st.floats(0, 1),
    correct=st.floats(0, 1),
    cells=st.integers(1, 4),
    regime=st.sampled_from(["fill", "edit"]),
    careless=st.booleans(),
)
def test_sudoku_steps_stay_within_the_rules_and_the_regime(seed, error, correct, cells, regime, careless):
    if careless:
        correct = correct if regime == "edit" else 0.0
        policy = CarelessSolver(RULES, error=error, correct=correct, cells_per_step=cells, regime=regime)
    else:
        policy = RandomPolicy(RULES, cells_per_step=cells, regime=regime)
    states, lengths = sample_states(policy, RULES, puzzles.rng(seed, "walk"), PROBLEMS[:6], 8)
    before, after = states[:, :-1], states[:, 1:]
    changed = before != after
    assert changed.sum(2).max() <= cells
    assert not (changed & (PROBLEMS[:6, None] != 1)).any()
    if regime == "fill":
        assert (before[changed] == 1).all()
    for t in range(states.shape[1]):
        assert SUDOKU.check(PROBLEMS[:6], states[:, t]).valid.all()
    beyond = np.arange(8) >= lengths[:, None]
    assert not changed[beyond].any()
    assert (solved(RULES, PROBLEMS[:6], states[:, -1]) | (lengths == 8)).all()


@num_examples(15)
@given(seed=st.integers(0, 2**32), careless=st.booleans(), regime=st.sampled_from(["fill", "edit"]))
def test_maze_marks_hang_together_as_long_as_nothing_is_erased(seed, careless, regime):
    make = CarelessSolver if careless else RandomPolicy
    options = {"error": 0.3} if careless else {}
    policy = make(MAZE_RULES, cells_per_step=2, regime=regime, **options)
    states, _ = sample_states(policy, MAZE_RULES, puzzles.rng(seed, "walk"), MAZES[:5], 8)
    marked = states == 5
    assert not (marked & (MAZES[:5, None] != 2)).any()
    assert (np.where(marked, 2, states) == MAZES[:5, None]).all()
    if regime == "fill":
        grids = np.pad((marked | (states == 3)).reshape(-1, 9, 9), ((0, 0), (1, 1), (1, 1)))
        beside = grids[:, :-2, 1:-1] | grids[:, 2:, 1:-1] | grids[:, 1:-1, :-2] | grids[:, 1:-1, 2:]
        assert beside.reshape(marked.shape)[marked].all()


@pytest.mark.parametrize("regime", ["fill", "edit"])
@pytest.mark.parametrize("cells", [1, 3])
def test_without_errors_everything_is_solved_in_as_few_steps_as_can_be(regime, cells):
    policy = sudoku_solver(regime=regime, cells_per_step=cells)
    states, lengths = sample_states(policy, RULES, puzzles.rng(0, "walk"), PROBLEMS, BLANKS)
    assert np.array_equal(states[:, -1], ANSWERS)
    assert np.array_equal(lengths, -(-(PROBLEMS == 1).sum(1) // cells))
    policy = CarelessSolver(MAZE_RULES, error=0.0, cells_per_step=cells, regime=regime)
    states, lengths = sample_states(policy, MAZE_RULES, puzzles.rng(0, "walk"), MAZES, 40)
    assert MAZE.check(MAZES, states[:, -1]).solved.all()
    assert np.array_equal(lengths, -(-(MAZE.difficulty(MAZES).astype(int) - 1) // cells))


def test_errors_are_as_frequent_as_asked_and_locally_legal():
    problems = np.repeat(PROBLEMS, 40, 0)
    answers = np.repeat(ANSWERS, 40, 0)
    for error in (0.1, 0.5, 1.0):
        after = one_step(sudoku_solver(error=error, cells_per_step=1), problems, problems)
        changed = after != problems
        assert (changed.sum(1) == 1).all()
        wrong = after[changed] != answers[changed]
        assert abs(wrong.mean() - error) < 4 * (error * (1 - error) / len(wrong)) ** 0.5 + 1e-9
        assert RULES.legal(problems, problems)[changed, after[changed]].all()


def wrong_states():
    """One legal but wrong value in each puzzle."""
    return one_step(sudoku_solver(error=1.0, cells_per_step=1), PROBLEMS, PROBLEMS)


def test_mending_goes_to_the_wrong_cell():
    states = wrong_states()
    at = states != PROBLEMS
    mended = one_step(sudoku_solver(correct=1.0, cells_per_step=1, regime="edit"), PROBLEMS, states)
    assert np.array_equal(mended != states, at)
    values = mended[at]
    assert ((values == 1) | (values == ANSWERS[at])).all()
    assert 0.3 < (values == 1).mean() < 0.8  # half of them, and where the right value clashes
    left_alone = one_step(sudoku_solver(correct=0.0, cells_per_step=1, regime="edit"), PROBLEMS, states)
    assert (left_alone[at] == states[at]).all()


def test_some_errors_break_right_cells_so_that_erasing_tells_nothing():
    problems, states = np.repeat(PROBLEMS, 30, 0), np.repeat(ANSWERS, 30, 0)
    states[(problems == 1) & (puzzles.rng(0, "blank").random(states.shape) < 0.3)] = 1
    unsolved = (states == 1).any(1)
    problems, states = problems[unsolved], states[unsolved]
    after = one_step(
        sudoku_solver(error=0.5, correct=0.3, doubt=0.5, cells_per_step=1, regime="edit"), problems, states
    )
    broken = ((states != 1) & (after != states)).any(1)
    assert abs(broken.mean() - 0.25) < 0.05
    erased = ((states != 1) & (after == 1)).any(1)
    assert 0.4 < erased.sum() / broken.sum() <= 1.0
    never = one_step(sudoku_solver(error=0.5, doubt=0.0, cells_per_step=1, regime="edit"), problems, states)
    assert not ((states != 1) & (never != states)).any()


def test_a_dead_end_is_left_by_erasing_any_written_cell_or_not_at_all():
    blanks = np.flatnonzero(PROBLEMS[0] == 1)
    first, second = next((a, b) for a in blanks for b in blanks if a < b and a // 6 == b // 6)
    state = ANSWERS[0].copy()
    state[second] = 1
    state[first] = ANSWERS[0, second]  # the digit that belongs into the only blank
    assert not RULES.legal(PROBLEMS[:1], state[None]).any()
    stuck = np.repeat(state[None], 200, 0)
    problems = np.repeat(PROBLEMS[:1], 200, 0)
    after = one_step(sudoku_solver(cells_per_step=1, regime="edit"), problems, stuck)
    assert ((after != stuck).sum(1) == 1).all()
    assert (after[after != stuck] == 1).all()
    assert len(np.unique(np.argmax(after != stuck, 1))) > 10
    assert np.array_equal(one_step(sudoku_solver(), problems, stuck), stuck)


def test_a_solved_row_rests_even_within_a_step():
    policy = CarelessSolver(MAZE_RULES, error=0.0, cells_per_step=30, regime="edit")
    after = one_step(policy, MAZES, MAZES)
    assert MAZE.check(MAZES, after).solved.all()
    careless = CarelessSolver(MAZE_RULES, error=1.0, correct=0.5, cells_per_step=5, regime="edit")
    assert np.array_equal(one_step(careless, MAZES, after), after)


def test_chunks_change_nothing_and_inputs_stay(monkeypatch):
    policy = sudoku_solver(error=0.3, correct=0.4, regime="edit")
    problems, states = PROBLEMS.copy(), wrong_states()
    kept = states.copy()
    whole = one_step(policy, problems, states)
    monkeypatch.setattr(policies, "CHUNK_ROWS", 7)
    assert np.array_equal(one_step(policy, problems, states), whole)
    assert np.array_equal(states, kept)
    assert np.array_equal(problems, PROBLEMS)
    assert not np.array_equal(one_step(policy, problems, states, seed=1), whole)


def test_trajectories_say_what_happened():
    policy = sudoku_solver(error=0.1, correct=0.5, regime="edit")
    found = sample_trajectories(policy, RULES, puzzles.rng(0, "walk"), PROBLEMS[:5], 20, 14)
    assert len(found) == 100
    assert {one.outcome for one in found} == {True, False}
    groups = SUDOKU.invariant(PROBLEMS[:5]).view(np.int64)
    for index, one in enumerate(found):
        assert np.array_equal(one.problem, PROBLEMS[index // 20])
        assert one.group == groups[index // 20]
        states = one.states()
        assert one.outcome == np.array_equal(states[-1], ANSWERS[index // 20])
        assert (len(one.steps) == 14) or one.outcome
        assert not (states[:-1] == ANSWERS[index // 20]).all(1).any()
        assert (one.regime, one.budget, one.cells_per_step) == ("edit", 14, 2)
        assert (one.source, one.logp) == ("careless(error=0.1,correct=0.5,doubt=0.25)", None)


def test_arc_is_painted_cell_by_cell():
    arc = puzzles.get("arc", canvas=10)
    rules = step_rules(arc)
    problems, labels = arc.generate(puzzles.rng(0, "arc"), 3, family=next(iter(FAMILIES)))
    rules.remember(problems, labels)
    policy = CarelessSolver(rules, error=0.1, correct=0.5, cells_per_step=6, regime="edit")
    states, _ = sample_states(policy, rules, puzzles.rng(0, "walk"), problems, 60)
    assert np.array_equal(states[:, -1], labels)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CarelessSolver(RULES, error=1.5), "error=1.5: must be from 0 to 1"),
        (lambda: CarelessSolver(RULES, error=0.1, correct=0.5), "correct=0.5: must be 0 for regime=fill"),
        (lambda: CarelessSolver(RULES, error=0.1, regime="write"), "regime=write: must be one of fill, edit"),
        (lambda: CarelessSolver(RULES, error=0.1, cells_per_step=0), "cells_per_step=0: must be at least 1"),
        (lambda: RandomPolicy(RULES, revise=0.5), "revise=0.5: must be 0 for regime=fill"),
        (
            lambda: sample_states(sudoku_solver(), RULES, puzzles.rng(0, "walk"), PROBLEMS, 0),
            "budget=0: must be at least 1",
        ),
        (
            lambda: sample_trajectories(sudoku_solver(), RULES, puzzles.rng(0, "walk"), PROBLEMS, 0, 5),
            "num=0: must be at least 1",
        ),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
