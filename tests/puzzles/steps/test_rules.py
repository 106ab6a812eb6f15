"""What steps may do and what they are judged by, against enumeration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from puzzles.maze.domain import FREE, PATH, START, WALL
from puzzles.steps.rules import Answers, step_rules
from tests.examples import num_examples
from tests.puzzles.steps.steps import ARC, MAZE, SUDOKU, mazes, puzzle_rows, shortest_paths
from tests.puzzles.toy import Parity

NAMES = ("sudoku", "maze", "arc")
SEEDS = st.integers(0, 2**32)


def some_states(rules, problems, rng, share=0.4):
    """Any values in some of the editable cells."""
    states = rules.start(problems)
    chosen = rules.editable(problems) & (rng.random(states.shape) < share)
    states[chosen] = rng.choice(rules.values, chosen.sum())
    return states


@pytest.mark.parametrize("name", NAMES)
def test_the_start_is_empty_and_the_target_fills_what_is_editable(name):
    rules, problems = puzzle_rows(name, puzzles.rng(0, name), 20)
    start, editable = rules.start(problems), rules.editable(problems)
    target = rules.targets(problems, start, start)
    assert (start[editable] == rules.blank).all()
    assert np.array_equal(start[~editable], target[~editable])
    assert np.isin(target[editable], rules.values).all()
    assert rules.values[0] == rules.blank
    assert name == "maze" or (target[editable] != rules.blank).all()
    if name != "arc":
        assert np.array_equal(target, rules.puzzle.solve(problems))
        assert np.array_equal(start, problems)
    else:
        assert not start.any()


@num_examples(30)
@given(SEEDS, st.sampled_from(["2x2", "2x3", "3x3"]))
def test_legal_digits_of_sudoku_are_those_no_peer_holds(seed, box):
    puzzle = puzzles.get("sudoku", box=box)
    rules, rng = step_rules(puzzle), puzzles.rng(seed, "test")
    problems, _ = puzzle.generate(rng, 2)
    states = some_states(rules, problems, rng)
    legal = rules.legal(problems, states)
    box_rows, box_cols = map(int, box.split("x"))
    side = box_rows * box_cols
    expected = np.zeros_like(legal)
    for i, state in enumerate(states.reshape(-1, side, side)):
        for r, c in np.argwhere((state == 1) & (problems[i].reshape(side, side) == 1)):
            top, left = r // box_rows * box_rows, c // box_cols * box_cols
            held = {*state[r], *state[:, c], *state[top : top + box_rows, left : left + box_cols].ravel()}
            for value in set(range(2, side + 2)) - {int(value) for value in held}:
                expected[i, r * side + c, value] = True
    assert np.array_equal(legal, expected)


@given(mazes(), SEEDS)
def test_legal_marks_extend_what_hangs_together_with_the_start_or_a_mark(tokens, seed):
    rules = step_rules(MAZE)
    state = some_states(rules, tokens[None], puzzles.rng(seed, "test"))[0]
    legal = rules.legal(tokens[None], state[None])[0]
    rows, columns = MAZE.shape
    expected = np.zeros_like(legal)
    for cell in np.flatnonzero((state == FREE) & (tokens == FREE)).tolist():
        r, c = divmod(cell, columns)
        around = [(r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)]
        beside = [state[a * columns + b] for a, b in around if 0 <= a < rows and 0 <= b < columns]
        expected[cell, PATH] = START in beside or PATH in beside
    assert np.array_equal(legal, expected)


def test_arc_paints_any_colour_or_end_of_grid_where_the_answer_has_one():
    rules, problems = puzzle_rows("arc", puzzles.rng(1, "arc"), 5)
    states = some_states(rules, problems, puzzles.rng(2, "arc"))
    expected = (states == 0) & rules.editable(problems)
    legal = rules.legal(problems, states)
    assert not legal[:, :, 0].any()
    assert all(np.array_equal(legal[:, :, value], expected) for value in range(1, 12))


@num_examples(150)
@given(mazes(), SEEDS)
def test_the_target_of_a_maze_holds_most_marks_of_all_shortest_paths(tokens, seed):
    """By enumeration: first the most marks of the state before, then of the one after; the label where none tells."""
    rules, rng = step_rules(MAZE), puzzles.rng(seed, "test")
    before, after = (some_states(rules, tokens[None], rng, rng.random())[0] for _ in range(2))
    target = rules.targets(tokens[None], before[None], after[None])[0]
    found = frozenset(np.flatnonzero(target == PATH).tolist())
    assert np.array_equal(np.where(target == PATH, FREE, target), tokens)
    paths = shortest_paths(tokens, *MAZE.shape)
    assert found in paths
    marks = [set(np.flatnonzero(state == PATH).tolist()) for state in (before, after)]
    held = {path: tuple(len(path & one) for one in marks) for path in paths}
    assert held[found] == max(held.values())


def test_mazes_that_share_a_call_do_not_mix():
    """Rows of one maze in a row share a search: others between them must not see it."""
    rng = puzzles.rng(3, "test")
    rules, problems = puzzle_rows("maze", rng, 6)
    mixed = problems[[0, 0, 1, 0, 2, 2, 3, 4, 4, 5, 0]]
    states = some_states(rules, mixed, rng)
    alone = [rules.targets(mixed[i : i + 1], states[i : i + 1], states[i : i + 1])[0] for i in range(len(mixed))]
    assert np.array_equal(rules.targets(mixed, states, states), np.stack(alone))


def test_solutions_of_sudoku_are_computed_once(monkeypatch):
    rules, problems = puzzle_rows("sudoku", puzzles.rng(4, "test"), 4)
    fresh = step_rules(SUDOKU)
    calls = []
    solve = SUDOKU.solve
    monkeypatch.setattr(SUDOKU, "solve", lambda rows: calls.append(len(rows)) or solve(rows))
    mixed = problems[[0, 1, 0, 2, 1]]
    for _ in range(2):
        assert np.array_equal(fresh.targets(mixed, mixed, mixed), rules.targets(mixed, mixed, mixed))
    assert calls == [3]


def test_answers_that_are_wrong_unknown_or_two_are_refused():
    rules, problems = puzzle_rows("sudoku", puzzles.rng(5, "test"), 2)
    right = rules.targets(problems, problems, problems)
    with pytest.raises(ValueError, match="answer 1: does not solve its puzzle"):
        rules.remember(problems, np.stack([right[0], right[0]]))
    broken = problems.copy()
    broken[1, :2] = 3
    with pytest.raises(ValueError, match="puzzle 1: two 2s in row 1"):
        rules.targets(broken, broken, broken)
    arc = step_rules(ARC)
    problems, answers = ARC.generate(puzzles.rng(6, "test"), 2, max_side=5)
    for ask in (arc.editable, lambda rows: arc.targets(rows, rows, rows), lambda rows: arc.legal(rows, rows * 0)):
        arc.remember(problems[:1], answers[:1])
        with pytest.raises(ValueError, match=r"puzzle 1: its answer is not known: remember\(\) it first"):
            ask(problems)
    with pytest.raises(ValueError, match="answer 0: another answer of the same puzzle is known"):
        arc.remember(problems[:1], answers[1:])
    maze = step_rules(MAZE)
    closed = np.full((1, MAZE.seq_len), WALL, np.uint8)
    with pytest.raises(ValueError, match="puzzle 0: must have one start S and one goal G"):
        maze.targets(closed, closed, closed)
    closed[0, [0, 7]] = START, START + 1
    with pytest.raises(ValueError, match="puzzle 0: no path from S to G"):
        maze.targets(closed, closed, closed)


def test_a_table_of_answers_stays_within_its_size():
    table = Answers(most=3)
    rows = np.arange(8, dtype=np.uint8)[:, None]
    for _ in range(2):
        assert np.array_equal(table.of(rows[:2], lambda some: some + 1), rows[:2] + 1)
        assert np.array_equal(table.of(rows, lambda some: some + 1), rows + 1)
        assert np.array_equal(table.of(rows[[5, 6, 5]], lambda some: some + 1), rows[[5, 6, 5]] + 1)
    small = Answers(most=3)
    small.keep(rows[:2], rows[:2])
    small.keep(rows[2:4], rows[2:4])
    with pytest.raises(ValueError, match="puzzle 0: its answer is not known"):
        small.of(rows[:1])
    assert np.array_equal(small.of(rows[2:4]), rows[2:4])


@pytest.mark.parametrize("name", NAMES)
def test_rows_of_another_size_or_alphabet_are_refused(name):
    rules, problems = puzzle_rows(name, puzzles.rng(7, "test"), 2)
    with pytest.raises(ValueError, match=r"problems have shape \[2, \d+\]: .* has rows of"):
        rules.start(problems[:, :-1])
    wrong = problems.copy()
    wrong[1, 7] = 99
    with pytest.raises(ValueError, match=r"problems\[1\] has token 99 in r2c\d: must be 0 to"):
        rules.start(wrong)


def test_a_domain_without_rules_is_named():
    with pytest.raises(ValueError, match="puzzle=parity: has no step rules"):
        step_rules(Parity())
