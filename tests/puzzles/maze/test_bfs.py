"""Searches in mazes against oracles written another way: enumeration of all paths, and plain sets of cells."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from puzzles.maze import bits as maze_bits
from puzzles.maze.domain import FREE, GOAL, PATH, START, WALL, Maze, count_shortest_paths, distances
from tests.examples import num_examples

MOVES = ((1, 0), (0, -1), (0, 1), (-1, 0))  # Down, Left, Right, Up


@st.composite
def mazes(draw, largest=12):
    rows, columns = draw(st.integers(3, largest)), draw(st.integers(3, largest))
    rng = puzzles.rng(draw(st.integers(0, 2**32)), "test")
    tokens = np.where(rng.random(rows * columns) < rng.uniform(0.1, 0.6), WALL, FREE).astype(np.uint8)
    tokens[rng.choice(rows * columns, 2, replace=False)] = START, GOAL
    return tokens.reshape(rows, columns)


def cell_of(grid, token):
    row, column = np.argwhere(grid == token)[0]
    return int(row), int(column)


def neighbours(grid, cell):
    for down, right in MOVES:
        row, column = cell[0] + down, cell[1] + right
        if 0 <= row < grid.shape[0] and 0 <= column < grid.shape[1] and grid[row, column] != WALL:
            yield row, column


def moves_from(grid, cell):
    """Distances by whole layers, without a queue or an order."""
    found = {cell: 0}
    layer = {cell}
    while layer:
        layer = {there for here in layer for there in neighbours(grid, here)} - found.keys()
        found |= dict.fromkeys(layer, max(found.values()) + 1)
    return found


def all_shortest(grid):
    """Every shortest path as the word of its moves (0: Down ... 3: Up), with its cells; only for small mazes."""
    start, goal = cell_of(grid, START), cell_of(grid, GOAL)
    to_goal = moves_from(grid, goal)
    if start not in to_goal:
        return []
    partial = [((), (start,))]
    for left in range(to_goal[start] - 1, -1, -1):
        longer = []
        for word, path in partial:
            for number, (down, right) in enumerate(MOVES):
                there = path[-1][0] + down, path[-1][1] + right
                if to_goal.get(there) == left:
                    longer.append(((*word, number), (*path, there)))
        partial = longer
    return partial


@num_examples(40)
@given(mazes())
def test_distances_agree_with_plain_layers(grid):
    expected = np.full(grid.shape, -1)
    for cell, moves in moves_from(grid, cell_of(grid, START)).items():
        expected[cell] = moves
    found = distances(grid.reshape(1, -1), grid.shape[1])
    assert np.array_equal(found[0].reshape(grid.shape), expected)


@num_examples(50)
@given(mazes(largest=6))
def test_labels_and_counts_agree_with_all_shortest_paths(grid):
    """The label is the first path in the order of words: what solve promises, found by listing them all."""
    maze, inputs = Maze(*grid.shape), grid.reshape(1, -1)
    paths = all_shortest(grid)
    assert count_shortest_paths(inputs, grid.shape[1]).tolist() == [len(paths)]
    if not paths:
        with pytest.raises(ValueError, match="puzzle 0: no path from S in row "):
            maze.solve(inputs)
        return
    expected = grid.copy()
    for cell in min(paths)[1][1:-1]:
        expected[cell] = PATH
    assert np.array_equal(maze.solve(inputs)[0].reshape(grid.shape), expected)
    assert maze.difficulty(inputs).tolist() == [len(paths[0][0])]
    for _, path in paths:
        drawn = grid.copy()
        for cell in path[1:-1]:
            drawn[cell] = PATH
        assert maze.check(inputs, drawn.reshape(1, -1)).solved.all()


def test_counts_are_exact_and_stop_at_the_largest_word():
    """Corner to corner of an open n x n field: the central binomial coefficient."""
    from math import comb

    for side in (10, 30, 34, 35, 60):
        grid = np.full(side * side, FREE)
        grid[0], grid[-1] = START, GOAL
        expected = min(comb(2 * side - 2, side - 1), 2**64 - 1)
        assert int(count_shortest_paths(grid[None])[0]) == expected


def test_shape_is_asked_for_where_it_is_not_square():
    grid = np.full((1, 12), FREE)
    grid[0, :2] = START, GOAL
    with pytest.raises(ValueError, match="columns=None: inputs have 12 cells: a square needs none"):
        distances(grid)
    with pytest.raises(ValueError, match="columns=5: inputs have 12 cells: does not divide it"):
        count_shortest_paths(grid, 5)
    assert distances(grid, 3).max() == 5


@num_examples(30)
@given(mazes(largest=24), st.integers(0, 2**32))
def test_bit_parallel_layers_agree_with_plain_ones(grid, seed):
    rows, columns = grid.shape
    free = np.zeros(rows + 2, np.uint64)
    for row in range(rows):
        free[row + 1] = sum(1 << column for column in range(columns) if grid[row, column] != WALL)
    cells = [tuple(map(int, cell)) for cell in np.argwhere(grid != WALL)]
    source = cells[puzzles.rng(seed, "source").integers(len(cells))]
    layers, unseen = np.zeros((rows * columns + 1, rows + 2), np.uint64), np.zeros(rows + 2, np.uint64)
    depth = maze_bits.flood(rows, free, source[0] + 1, source[1], layers, unseen)
    expected = moves_from(grid, source)
    assert depth == max(expected.values())
    for row, column in cells:
        bit = [int(layers[away, row + 1]) >> column & 1 for away in range(depth + 1)]
        away = expected.get((row, column))
        assert bit == [int(d == away) for d in range(depth + 1)]
        assert int(unseen[row + 1]) >> column & 1 == int(away is None)
