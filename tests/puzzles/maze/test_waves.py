"""What is asked of every cell besides the path, against a search by whole layers."""

import numpy as np
from hypothesis import given

import puzzles
from puzzles.maze.domain import GOAL, PATH, START, Maze
from tests.examples import num_examples
from tests.puzzles.maze.test_bfs import MOVES, cell_of, mazes, moves_from


def asked(grid: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """(classes, hops) of one maze as grids."""
    found, hops = Maze(*grid.shape).auxiliary_targets(name, grid.reshape(1, -1))
    return found.reshape(grid.shape), hops.reshape(grid.shape)


@given(grid=mazes())
@num_examples(60)
def test_distance_and_next_move_of_every_cell(grid: np.ndarray):
    away = moves_from(grid, cell_of(grid, GOAL))
    moves, hops = asked(grid, "next_move")
    thirds, _ = asked(grid, "distance_mod_3")
    for cell in np.ndindex(grid.shape):
        if cell not in away:
            assert moves[cell] == thirds[cell] == -1
            continue
        assert thirds[cell] == away[cell] % 3
        assert hops[cell] == away[cell]
        nearer = [
            number for number, (down, right) in enumerate(MOVES)
            if away.get((cell[0] + down, cell[1] + right)) == away[cell] - 1
        ]  # fmt: skip
        assert moves[cell] == (nearer[0] if nearer else -1)


def test_following_the_next_moves_draws_the_label_and_tells_when_the_trace_comes_by():
    puzzle = Maze(12, 12)
    inputs, labels = puzzle.generate(puzzles.rng(0, "test"), 30, kind="hard")
    hops = puzzle.answer_hops(inputs, labels).reshape(-1, 12, 12)
    for index, tokens in enumerate(inputs):
        grid, label = tokens.reshape(12, 12), labels[index].reshape(12, 12)
        moves, away = asked(grid, "next_move")
        cell, goal = cell_of(grid, START), cell_of(grid, GOAL)
        expected, drawn, hop = np.zeros((12, 12), int), grid.copy(), away[cell]
        while True:
            down, right = MOVES[moves[cell]]
            cell, hop = (cell[0] + down, cell[1] + right), hop + 1
            if cell == goal:
                break
            expected[cell], drawn[cell] = hop, PATH
        assert (drawn == label).all()
        assert (hops[index] == expected).all()


def test_a_goal_out_of_reach_asks_nothing_of_the_other_side():
    puzzle = Maze(3, 3)
    inputs = puzzle.parse("S#./.#./.#G")[None]
    moves, _ = puzzle.auxiliary_targets("next_move", inputs)
    assert moves[0].tolist() == [-1, -1, 0, -1, -1, 0, -1, -1, -1]
    assert not puzzle.answer_hops(inputs, inputs).any()


def test_what_is_asked_has_the_classes_it_says():
    puzzle = Maze(9, 9)
    inputs, _ = puzzle.generate(puzzles.rng(1, "test"), 50, kind="hard")
    assert {*puzzle.auxiliary} == {"next_move", "distance_mod_3"}
    for name, classes in puzzle.auxiliary.items():
        found, _ = puzzle.auxiliary_targets(name, inputs)
        assert sorted(np.unique(found).tolist()) == [-1, *range(classes)]
    assert not puzzles.get("sudoku").auxiliary
    assert not puzzles.get("arc").auxiliary
