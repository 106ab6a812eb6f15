"""Exact labels of attempts written by hand: pairs, corrections, wasted steps, other paths; what is no attempt."""

import numpy as np
import pytest
from hypothesis import given

import puzzles
from puzzles.maze.domain import FREE, PATH
from puzzles.steps.labels import exact_labels, label_states, stack
from puzzles.steps.rules import step_rules
from puzzles.steps.steps import Regime, Step, Trajectory
from tests.puzzles.steps.steps import build, cases, puzzle_rows, walk


def sudoku():
    """(rules, problem, right values of three blank cells a, b, c, a wrong value of a)."""
    rules, problems = puzzle_rows("sudoku", puzzles.rng(11, "test"), 1)
    answer = rules.targets(problems, problems, problems)[0]
    a, b, c = np.flatnonzero(problems[0] == 1)[:3].tolist()
    wrong = next(value for value in (2, 3) if value != answer[a])
    return rules, problems[0], answer, (a, b, c), wrong


def labels_of(order, spare=20, regime: Regime = "edit", cells=1):
    rules, problem, *_ = sudoku()
    one = walk(rules, problem, order, cells, spare, regime)
    return exact_labels(rules, [one])[0]


def test_second_and_net_differ_where_an_error_is_followed_by_another_cell_and_where_a_right_step_is_undone():
    _, _, answer, (a, b, _), wrong = sudoku()
    right = int(answer[a]), int(answer[b])
    pairs = {
        "right, right": [(a, right[0]), (b, right[1])],
        "wrong, right elsewhere": [(a, wrong), (b, right[1])],
        "wrong, overwritten": [(a, wrong), (a, right[0])],
        "wrong, erased": [(a, wrong), (a, 1)],
        "right, undone": [(a, right[0]), (a, 1)],
        "right, broken": [(a, right[0]), (a, wrong)],
        "right, wrong elsewhere": [(b, right[1]), (a, wrong)],
        "wrong, nothing": [(a, wrong), (a, wrong)],
    }
    found = {name: labels_of(order) for name, order in pairs.items()}
    quadrants = {name: (*labels.ok.tolist(), labels.second[1], labels.net[1]) for name, labels in found.items()}
    assert quadrants == {
        "right, right": (1, 1, 1, 1),
        "wrong, right elsewhere": (0, 1, 1, 0),
        "wrong, overwritten": (0, 1, 1, 1),
        "wrong, erased": (0, 1, 1, 1),
        "right, undone": (1, 0, 0, 1),
        "right, broken": (1, 0, 0, 0),
        "right, wrong elsewhere": (1, 0, 0, 0),
        "wrong, nothing": (0, 1, 1, 0),
    }


@given(cases(names=("sudoku",), fills=(False,)))
def test_second_and_net_differ_only_where_an_error_stands_or_a_step_is_undone(case):
    rules, made = build(case)
    batch = label_states(rules, made)
    target = rules.targets(made.problems, made.problems, made.problems)
    for i, length in enumerate(made.lengths.tolist()):
        for t in range(1, length):
            before, between, after = made.states[i, t - 1 : t + 2]
            right = [state == target[i] for state in (before, between, after)]
            broken = ~right[1] & (before != between) & ((between != 1) | right[0])
            if batch.second[i, t] > batch.net[i, t]:  # broken by the first step, and no better after the second
                assert (broken & ~right[2] & ((after == between) | right[0])).any()
            elif batch.second[i, t] < batch.net[i, t]:  # what the second step breaks was no better before the first
                worse = ~right[2] & (between != after) & ((after != 1) | right[1])
                assert (before[worse] == after[worse])[after[worse] != 1].all()
                assert not right[0][worse].any()


def test_a_correction_revives_and_moves_the_last_error_only():
    _, problem, answer, (a, *_), wrong = sudoku()
    blanks = [(int(cell), int(answer[cell])) for cell in np.flatnonzero(problem == 1)]
    assert blanks[0][0] == a
    order = [(a, wrong), *blanks[1:], blanks[0]]
    labels = labels_of(order, spare=0)
    assert labels.ok.tolist() == [0] + [1] * (len(order) - 1)
    assert labels.state.tolist() == [False] * (len(order) - 1) + [True]
    assert labels.alive.all()
    assert labels.solved
    assert (labels.first_error, labels.last_error) == (0, len(order))
    assert labels.delta.tolist() == [-1] + [1] * (len(order) - 2) + [2]


def test_a_step_that_does_nothing_is_ok_until_the_budget_is_too_short():
    _, problem, answer, (a, *_), _ = sudoku()
    blanks = int((problem == 1).sum())
    order = [(a, 1)] * 4
    labels = labels_of(order, spare=blanks - 2)  # two steps can be wasted
    assert labels.ok.all()
    assert labels.remaining.tolist() == [blanks] * 4
    assert labels.alive.tolist() == [True, True, False, False]
    assert labels.first_error == labels.last_error == 2
    assert labels_of(order, spare=2 * blanks).alive.tolist() == [True, True, True, False]  # it stopped unsolved
    assert labels_of([(a, int(answer[a]))], spare=99).last_error == 0


def test_an_error_is_for_good_where_steps_only_fill_even_if_time_is_left():
    _, _, answer, (a, b, _), wrong = sudoku()
    order = [(b, int(answer[b])), (a, wrong), (b, int(answer[b]))]
    cases: tuple[tuple[Regime, list[bool]], ...] = (("fill", [True, False, False]), ("edit", [True, True, False]))
    for regime, alive in cases:
        labels = labels_of(order, regime=regime)
        assert labels.alive.tolist() == alive
        assert labels.first_error == 1
        assert labels.last_error == alive.count(True)


def test_an_erased_wrong_mark_is_right_and_an_erased_right_one_is_not():
    maze = puzzles.get("maze", rows=3, columns=3)
    tokens = maze.parse("S  \n # \n  G")
    rules = step_rules(maze)
    right, wrong = 1, 6  # the path by the right, or by the left: marks of both
    for order, ok in (
        ([(right, PATH), (wrong, PATH), (wrong, FREE)], [1, 0, 1]),
        ([(right, PATH), (wrong, PATH), (right, FREE)], [1, 0, 1]),  # the other path is as near
        ([(right, PATH), (2, PATH), (wrong, PATH), (right, FREE)], [1, 1, 0, 0]),
        ([(right, PATH), (right, FREE)], [1, 0]),
    ):
        (labels,) = exact_labels(rules, [walk(rules, tokens, order, 1, 9, "edit")])
        assert labels.ok.tolist() == ok


def test_labels_of_different_provenance_are_not_stacked():
    first, second = labels_of([(sudoku()[3][0], 2)]), labels_of([(sudoku()[3][0], 2)])
    second.provenance["ok"] = "mc(k=5,policy=random)"
    with pytest.raises(ValueError, match="labels of different provenance"):
        stack([first, second])


def test_an_attempt_without_a_step_has_no_labels_but_an_outcome():
    rules, problem, answer, *_ = sudoku()
    empty = Trajectory(task="sudoku", problem=problem, start=problem, steps=[], budget=3, cells_per_step=1)
    full = Trajectory(
        task="sudoku", problem=problem, start=answer, steps=[Step((), (), ())], budget=3, cells_per_step=1
    )
    labels = exact_labels(rules, [empty, full])
    assert (empty.outcome, full.outcome) == (False, True)
    assert [len(one.ok) for one in labels] == [0, 1]
    assert (labels[0].first_error, labels[0].last_error, labels[1].last_error) == (0, 0, 1)
