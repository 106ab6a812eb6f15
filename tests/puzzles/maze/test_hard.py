"""Maze-Hard's kind: exactly the distribution of the plain rule, and that of the real set."""

from collections import Counter

import numpy as np
import pytest

import puzzles
from puzzles.maze import bits as maze_bits
from puzzles.maze import hard as maze_hard
from puzzles.maze.domain import FREE, GOAL, START, WALL, Maze


def ks_p(one, two):
    """Two-sample Kolmogorov-Smirnov: asymptotic p value with Stephens' correction; ties make it larger."""
    both = np.sort(np.concatenate([one, two]))
    shares = [np.searchsorted(np.sort(sample), both, side="right") / len(sample) for sample in (one, two)]
    root = np.sqrt(len(one) * len(two) / (len(one) + len(two)))
    x = (root + 0.12 + 0.11 / root) * np.abs(shares[0] - shares[1]).max()
    k = np.arange(1, 101)
    return float(np.clip(2 * np.sum((-1.0) ** (k - 1) * np.exp(-2 * (k * x) ** 2)), 0, 1))


def plain_rule(rng, shape, low, high, num):
    """Walls, S and G drawn until the path is right: the rule itself. Only for small mazes."""
    maze = Maze(*shape)
    found = []
    while len(found) < num:
        walls = rng.random((4000, maze.seq_len)) < rng.uniform(0.3, 0.5, (4000, 1))
        walls = walls[(~walls).sum(1) >= 2]
        grids = np.where(walls, WALL, FREE).astype(np.uint8)
        ends = np.argsort(rng.random(walls.shape) + walls, axis=1)[:, :2]  # two free cells in random order
        np.put_along_axis(grids, ends, np.array([[START, GOAL]], np.uint8), axis=1)
        moves = maze.difficulty(grids)
        found += list(grids[(moves >= low) & (moves <= high)])
    return np.array(found[:num])


def features(maze, grids):
    """What two samples are compared in: walls, moves, free cells within reach, open squares, row of S, column of G."""
    shaped = (grids != WALL).reshape(-1, *maze.shape)
    squares = shaped[:, 1:, 1:] & shaped[:, 1:, :-1] & shaped[:, :-1, 1:] & shaped[:, :-1, :-1]
    reach = puzzles.maze.distances(grids, maze.columns) >= 0
    return {
        "walls": (grids == WALL).sum(1),
        "moves": maze.difficulty(grids),
        "reach": reach.sum(1),
        "squares": squares.sum((1, 2)),
        "start": np.argmax(grids == START, axis=1) // maze.columns,
        "goal": np.argmax(grids == GOAL, axis=1) % maze.columns,
    }


@pytest.mark.parametrize(("shape", "path"), [((7, 9), (11, 20)), ((8, 6), (7, 9)), ((5, 5), (1, 14))])
def test_as_the_plain_rule_draws_them(shape, path):
    maze = Maze(*shape)
    mine, labels = maze.generate(puzzles.rng(1, "test"), 3000, kind="hard", path=path)
    rule = plain_rule(np.random.default_rng(2), shape, path[0], path[1], 1500)
    assert np.array_equal(maze.solve(mine), labels)
    ours, theirs = features(maze, mine), features(maze, rule)
    assert min(ks_p(ours[name], theirs[name]) for name in ours) > 0.005


@pytest.mark.parametrize("scale", [1.0, 0.9])
def test_every_pair_of_a_tiny_maze_is_as_likely_as_the_rule_makes_it(scale, monkeypatch):
    """3x3, paths of 4 moves and more: each question's frequency against its exact probability at p = 1/2.

    An envelope below 1 leaves the plain draws out.
    """
    maze = Maze(3, 3)
    monkeypatch.setattr(maze_hard, "_envelope", lambda *_: np.full(1, scale))
    seeds = np.arange(20000, dtype=np.uint64)
    mine, _ = maze_hard.generate(seeds, (3, 3), (0.5, 0.5), 4, 11)
    exact = {}
    for walls in range(512):
        grid = np.where([walls >> cell & 1 for cell in range(9)], WALL, FREE).astype(np.uint8)
        free = np.flatnonzero(grid == FREE)
        for start in free:
            for goal in free[free != start]:
                question = grid.copy()
                question[[start, goal]] = START, GOAL
                if 4 <= maze.difficulty(question[None])[0] < np.inf:
                    exact[question.tobytes()] = 1 / (len(free) * (len(free) - 1))
    counts = Counter(grid.tobytes() for grid in mine)
    assert set(counts) <= set(exact)
    expected = np.array(list(exact.values())) * len(mine) / sum(exact.values())
    observed = np.array([counts[question] for question in exact])
    chi_squared = ((observed - expected) ** 2 / expected).sum()
    assert abs(chi_squared - len(exact)) < 5 * np.sqrt(2 * len(exact))


@pytest.mark.slow
def test_the_preset_has_the_walls_and_paths_of_the_real_set(shared_data):
    maze = Maze()
    real = np.load(shared_data / "maze-hard" / "train" / "all__inputs.npy")
    mine, labels = maze.generate(puzzles.rng(0, "test"), 600)
    assert np.array_equal(maze.solve(mine), labels)
    ours, theirs = features(maze, mine), features(maze, real)
    assert theirs["moves"].min() == 109
    assert ours["moves"].min() == 109
    for name in ("walls", "moves", "reach", "squares"):
        assert ks_p(ours[name], theirs[name]) > 0.01, name


@pytest.mark.slow
def test_the_comparison_would_notice_a_search_that_takes_far_pairs_as_it_finds_them(shared_data):
    """One far pair of each maze that has any, however few: paths too short. The weighting is what mends that."""
    real = Maze().difficulty(np.load(shared_data / "maze-hard" / "train" / "all__inputs.npy"))
    envelope = np.full(1, 1e-9)  # any maze with a far pair is kept
    scratch, layers = np.zeros((3, 32), np.uint64), np.zeros((901, 32), np.uint64)
    cells, bounds = np.zeros((2, 900), np.int64)
    seed = np.array([5], np.uint64)
    moves = []
    for _ in range(200):
        one, two = maze_hard.search(30, 30, 0.3, 0.5, 109, 10**6, envelope, 10**6, seed, scratch, layers, cells, bounds)
        depth = maze_bits.flood(30, scratch[0], one // 64, one % 64, layers, scratch[1])
        bit = np.uint64(1) << np.uint64(two % 64)
        moves.append(next(away for away in range(depth + 1) if layers[away, two // 64] & bit))
    assert min(moves) >= 109
    assert np.mean(moves) < real.mean() - 1
    assert ks_p(np.array(moves), real) < 1e-4


def test_walls_fall_with_the_chance_asked_for():
    free = np.zeros(66, np.uint64)
    seed = np.array([7], np.uint64)
    for columns in (30, 33, 64):
        for chance in (0.0, 0.3, 0.5, 0.9):
            total = sum(maze_bits.draw_walls(64, columns, int(chance * 65536), seed, free) for _ in range(50))
            cells = 50 * 64 * columns
            assert abs(total / cells - (1 - chance)) < 5 * np.sqrt(chance * (1 - chance) / cells) + 1e-4
            assert int(free[1:65].max()) < 2**columns
