"""Steps and their composition: what merging two does, and what does not chain."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from puzzles.steps.attempts import from_trajectories, to_trajectories
from puzzles.steps.steps import Step, Trajectory, compose, from_states
from tests.puzzles.steps.steps import SUDOKU, build, cases

STATES = st.lists(st.lists(st.integers(0, 3), min_size=5, max_size=5), min_size=4, max_size=4)


def array(values):
    return np.array(values, np.uint8)


@given(STATES)
def test_composition_is_applying_both_and_associative(rows):
    states = array(rows)
    first, second, third = from_states(states)
    both = compose(first, second)
    assert np.array_equal(both.apply(states[0]), states[2])
    assert both == Step.between(states[0], states[2], (0, 2))
    assert compose(both, third) == compose(first, compose(second, third))
    assert compose(both, third).span == (0, 3)


@given(STATES)
def test_what_is_undone_is_left_out(rows):
    states = array(rows)
    there = Step.between(states[0], states[1])
    back = Step.between(states[1], states[0], (1, 2))
    assert compose(there, back) == Step((), (), (), (0, 2))
    assert np.array_equal(compose(there, back).apply(states[0]), states[0])


def test_the_later_edit_of_a_cell_wins():
    first, second = Step((2, 0), (1, 1), (5, 6)), Step((2, 3), (5, 1), (7, 8), (1, 2))
    assert compose(first, second) == Step((0, 2, 3), (1, 1, 1), (6, 7, 8), (0, 2))


def test_faulty_steps_are_named():
    with pytest.raises(ValueError, match="2 cells, 1 old and 2 new values: must be equally many"):
        Step((0, 1), (1,), (2, 3))
    with pytest.raises(ValueError, match=r"cells=\[1, 1\]: each cell at most once"):
        Step((1, 1), (1, 1), (2, 3))
    with pytest.raises(ValueError, match=r"span=\(2, 2\): must be a range"):
        Step((), (), (), (2, 2))
    with pytest.raises(ValueError, match="step 1: cell 0 holds 5, not old=4: does not chain"):
        compose(Step((0,), (1,), (5,)), Step((0,), (4,), (6,), (1, 2)))
    with pytest.raises(ValueError, match="step 0: cell 2 holds 1, not old=3: does not chain"):
        Step((2,), (3,), (4,)).apply(array([1, 1, 1]))
    for cell in (-1, 3):
        with pytest.raises(ValueError, match=r"must lie in 0\.\.2"):
            Step((cell,), (1,), (2,)).apply(array([1, 1, 1]))


def trajectory(**changes):
    fields = {"task": "sudoku", "problem": array([1, 1]), "start": array([1, 1]), "steps": [], "budget": 2}
    return Trajectory(**{**fields, "cells_per_step": 1, **changes})


def test_faulty_trajectories_are_named():
    step = Step((0,), (1,), (2,))
    with pytest.raises(ValueError, match="trajectory of 3 steps: budget=2: must be at least as many"):
        trajectory(steps=[Step((), (), ())] * 3)
    with pytest.raises(ValueError, match="cells_per_step=0: must be at least 1"):
        trajectory(cells_per_step=0)
    with pytest.raises(ValueError, match="step 0: cell 0 holds 2, not old=1: does not chain"):
        trajectory(steps=[step, step]).states()
    for t in (0, 1):
        with pytest.raises(ValueError, match=rf"t={t}: must lie in 1\.\.0"):
            trajectory(steps=[step]).merged(t)
    with pytest.raises(ValueError, match="no trajectories"):
        from_trajectories([])
    with pytest.raises(ValueError, match="trajectory 1: step 0: cell 0 holds 2"):
        from_trajectories([trajectory(steps=[step]), trajectory(steps=[step, step])])
    with pytest.raises(ValueError, match=r"problems and starts of \[2, 3\] cells"):
        from_trajectories([trajectory(), trajectory(problem=array([1] * 3), start=array([1] * 3))])


@given(cases())
def test_arrays_and_objects_say_the_same(case):
    rules, made = build(case)
    there = to_trajectories(rules.puzzle, made, "test")
    back = from_trajectories(there)
    for name in ("problems", "lengths", "budget", "cells_per_step", "fill", "group"):
        assert np.array_equal(getattr(back, name), getattr(made, name))
    for i, one in enumerate(there):
        states = made.states[i, : made.lengths[i] + 1]
        assert np.array_equal(one.states(), states)
        assert np.array_equal(back.states[i, : len(states)], states)
        for t in range(1, len(one.steps)):
            assert np.array_equal(one.merged(t).apply(states[t - 1]), states[t + 1])
            assert one.merged(t).span == (t - 1, t + 1)


@given(st.integers(0, 2**32))
def test_symmetric_puzzles_share_a_group(seed):
    from puzzles.steps.attempts import groups

    problems, answers = SUDOKU.generate(puzzles.rng(seed, "test"), 3, clues=6)
    turned, _ = SUDOKU.transform(puzzles.rng(seed, "turn"), problems, answers)
    found = groups(SUDOKU, np.concatenate([problems, turned, problems]))
    assert found[:3].tolist() == found[3:6].tolist() == found[6:].tolist()
    assert found[:3].tolist() == SUDOKU.invariant(problems).view(np.int64).tolist()
