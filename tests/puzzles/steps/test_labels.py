"""Exact labels against an oracle that knows every solution, and what holds between them."""

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from puzzles.maze.domain import PATH
from puzzles.steps.attempts import attempts, to_trajectories
from puzzles.steps.labels import LABELS, exact_labels, label_states, stack
from puzzles.steps.rules import step_rules
from tests.examples import num_examples
from tests.puzzles.steps.steps import MAZE, SUDOKU, build, cases, mazes, puzzle_rows, shortest_paths, walk

SEEDS = st.integers(0, 2**32)


def solutions(rules, problem):
    """Every solved state of a puzzle."""
    if rules.puzzle.name != "maze":
        return [rules.targets(problem[None], problem[None], problem[None])[0]]
    found = []
    for path in shortest_paths(problem, *rules.puzzle.shape):
        found.append(problem.copy())
        found[-1][list(path)] = PATH
    return found


class Oracle:
    """One attempt judged cell by cell, by all solutions."""

    def __init__(self, rules, trajectory):
        self.blank, self.one = rules.blank, trajectory
        self.solutions = solutions(rules, trajectory.problem)
        self.cells = np.flatnonzero(rules.editable(trajectory.problem[None])[0])
        self.states = trajectory.states()

    def held(self, solution, state):
        return sum(state[cell] != self.blank and state[cell] == solution[cell] for cell in self.cells)

    def right(self, before, after):
        """Judged by the solution that holds most of before, then of after."""
        target = max(self.solutions, key=lambda one: (self.held(one, before), self.held(one, after)))
        verdicts = []
        for cell in self.cells:
            if before[cell] != after[cell]:
                writes = after[cell] != self.blank
                verdicts.append(after[cell] == target[cell] if writes else before[cell] != target[cell])
        return all(verdicts)

    def differing(self, state):
        return min(int((solution != state).sum()) for solution in self.solutions)

    def consistent(self, state):
        written = [cell for cell in self.cells if state[cell] != self.blank]
        return any((solution[written] == state[written]).all() for solution in self.solutions)

    def progress(self, state):
        right = max(self.held(solution, state) for solution in self.solutions)
        return 2 * right - sum(state[cell] != self.blank for cell in self.cells)

    def alive(self, t):
        state, last = self.states[t + 1], t == len(self.one.steps) - 1
        if last:
            return self.differing(state) == 0
        in_time = self.differing(state) <= self.one.cells_per_step * (self.one.budget - t - 1)
        return in_time and (self.one.regime == "edit" or self.consistent(state))


@num_examples(120)
@given(cases())
def test_labels_agree_with_an_oracle_that_knows_every_solution(case):
    rules, made = build(case)
    batch = label_states(rules, made)
    for i, one in enumerate(to_trajectories(rules.puzzle, made)):
        oracle, labels = Oracle(rules, one), batch.trajectory(i)
        states, steps = oracle.states, range(len(one.steps))
        ok = [oracle.right(states[t], states[t + 1]) for t in steps]
        alive = [oracle.alive(t) for t in steps]
        assert labels.ok.tolist() == ok
        assert labels.alive.tolist() == alive
        assert labels.state.tolist() == [oracle.consistent(state) for state in states[1:]]
        assert labels.remaining.tolist() == [oracle.differing(state) for state in states[1:]]
        assert labels.delta.tolist() == np.diff([oracle.progress(state) for state in states]).tolist()
        assert labels.solved == (oracle.differing(states[-1]) == 0)
        assert np.isnan([labels.second[0], labels.net[0]]).all()
        assert labels.second[1:].tolist() == ok[1:]
        assert labels.net[1:].tolist() == [oracle.right(states[t - 1], states[t + 1]) for t in steps if t]
        bad = [t for t in steps if not (ok[t] and alive[t])]
        assert labels.first_error == min([*bad, len(ok)])
        assert labels.last_error == min(z for z in range(len(ok) + 1) if not any(alive[z:]))
        assert set(labels.provenance) == set(LABELS)
        assert set(labels.provenance.values()) == {"exact"}


@num_examples(40)
@given(cases())
def test_objects_and_arrays_are_labelled_alike_and_outcomes_follow_the_rules_of_the_puzzle(case):
    rules, made = build(case)
    trajectories = to_trajectories(rules.puzzle, made)
    labels, batch = exact_labels(rules, trajectories), label_states(rules, made)
    again = stack(labels)
    for name in LABELS:
        for i, length in enumerate(made.lengths):
            mine, other = (np.atleast_1d(getattr(one, name)[i])[:length] for one in (batch, again))
            assert np.array_equal(mine, other, equal_nan=mine.dtype.kind == "f")
    assert [one.outcome for one in trajectories] == [one.solved for one in labels]
    if rules.puzzle.verifiable:
        last = np.stack([one.states()[-1] for one in trajectories])
        assert rules.puzzle.check(made.problems, last).solved.tolist() == [one.outcome for one in trajectories]


@num_examples(60)
@given(cases())
def test_the_last_error_is_absorbing_and_none_only_where_solved(case):
    rules, made = build(case)
    batch = label_states(rules, made)
    for i, length in enumerate(made.lengths.tolist()):
        labels = batch.trajectory(i)
        assert (labels.last_error == length) == labels.solved
        assert not labels.alive[labels.last_error :].any()
        assert labels.last_error == 0 or labels.alive[labels.last_error - 1]
        assert labels.first_error <= labels.last_error
        assert (labels.first_error == length) <= labels.solved


@num_examples(60)
@given(cases(fills=(True,)))
def test_where_steps_only_fill_errors_are_for_good(case):
    """One error step whichever convention, no recovery, and a wrong step is one after which the state is wrong."""
    rules, made = build(case)
    batch = label_states(rules, made)
    assert np.array_equal(batch.first_error, batch.last_error)
    for i in range(len(made)):
        labels = batch.trajectory(i)
        assert (np.diff(labels.alive.astype(int)) <= 0).all()
        assert (np.diff(labels.state.astype(int)) <= 0).all()
        first_wrong = np.argmin(np.append(labels.ok, 0))
        assert first_wrong == np.argmin(np.append(labels.state, False))


@num_examples(60)
@given(SEEDS, st.sampled_from(["sudoku", "maze", "arc"]), st.integers(1, 4), st.integers(0, 2))
def test_a_perfect_attempt_is_right_throughout_in_any_order(seed, name, cells, spare):
    rng = puzzles.rng(seed, "test")
    rules, problems = puzzle_rows(name, rng, 1)
    chosen = solutions(rules, problems[0])
    answer = chosen[rng.integers(len(chosen))]
    cells_to_write = np.flatnonzero(answer != rules.start(problems)[0])
    order = [(int(cell), int(answer[cell])) for cell in rng.permutation(cells_to_write)]
    one = walk(rules, problems[0], order, cells, spare)
    if not one.steps:
        return
    (labels,) = exact_labels(rules, [one])
    assert labels.ok.all()
    assert labels.state.all()
    assert labels.alive.all()
    assert labels.net[1:].all()
    assert labels.second[1:].all()
    assert (labels.solved, one.outcome) == (True, True)
    assert labels.first_error == labels.last_error == len(one.steps)
    assert labels.delta.tolist() == [len(step.cells) for step in one.steps]
    assert labels.remaining.tolist() == (len(order) - np.cumsum(labels.delta)).tolist()


@num_examples(40)
@given(mazes())
def test_marks_of_two_different_shortest_paths_do_not_add_up(tokens):
    """Each alone is right; together only if one shortest path holds both."""
    rules = step_rules(MAZE)
    paths = shortest_paths(tokens, *MAZE.shape)
    useful = sorted(frozenset().union(*paths))
    pairs = list(combinations(useful, 2))
    walks = [walk(rules, tokens, [(cell, PATH) for cell in pair], 1, spare=9) for pair in pairs]
    for pair, labels in zip(pairs, exact_labels(rules, walks), strict=True):
        together = any(set(pair) <= path for path in paths)
        assert labels.ok.tolist() == [1, together]
        assert labels.net[1] == together


def test_pieces_do_not_show(monkeypatch):
    import puzzles.steps.labels

    rules, made = build({"seed": 3, "name": "maze", "steps": 5, "cells": 2, "spare": 1, "fill": False, "right": 0.6})
    whole = label_states(rules, made)
    monkeypatch.setattr(puzzles.steps.labels, "CELLS_AT_ONCE", 1)
    piecewise = label_states(rules, made)
    for name in LABELS:
        assert np.array_equal(getattr(whole, name), getattr(piecewise, name), equal_nan=name in ("second", "net"))


def test_nothing_to_label():
    rules, _ = puzzle_rows("sudoku", puzzles.rng(0, "test"), 1)
    assert exact_labels(rules, []) == []
    none = np.zeros((0, 4, SUDOKU.seq_len), np.uint8)
    made = attempts(SUDOKU, none[:, 0], none, np.zeros(0, np.int64), budget=3, cells_per_step=1, regime="fill")
    assert len(label_states(rules, made)) == 0
