"""Generators give what each kind promises within its targets, whatever the threads, and refuse what is out of reach."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from puzzles import kernels, splits
from puzzles.maze.domain import FREE, WALL, Maze
from puzzles.maze.lattice import KINDS as LATTICE
from puzzles.maze.targets import KINDS, longest_path
from tests.examples import num_examples

ODD = ((3, 5), (5, 5), (7, 13), (15, 15), (21, 9))


def rooms_and_doors(maze, inputs):
    """(open rooms, open corridor cells, open cells elsewhere) of each maze."""
    free = (inputs != WALL).reshape(-1, *maze.shape)
    rooms = free[:, 1::2, 1::2].sum((1, 2))
    doors = free[:, 1::2, 2:-1:2].sum((1, 2)) + free[:, 2:-1:2, 1::2].sum((1, 2))
    return rooms, doors, free.sum((1, 2)) - rooms - doors


def dead_ends(maze, inputs):
    free = np.pad((inputs != WALL).reshape(-1, *maze.shape), ((0, 0), (1, 1), (1, 1)))
    beside = free[:, 2:, 1:-1].astype(int) + free[:, :-2, 1:-1] + free[:, 1:-1, 2:] + free[:, 1:-1, :-2]
    return (free[:, 1:-1, 1:-1] & (beside == 1)).sum((1, 2))


def connected(maze, inputs):
    """Every free cell is reached from S."""
    return (puzzles.maze.distances(inputs, maze.columns) >= 0).sum(1) == (inputs != WALL).sum(1)


@pytest.mark.parametrize("kind", LATTICE)
@pytest.mark.parametrize("shape", ODD)
def test_perfect_mazes_are_trees_of_all_rooms(kind, shape):
    maze = Maze(*shape)
    inputs, labels = maze.generate(puzzles.rng(0, "test"), 40, kind=kind)
    num_rooms = (shape[0] - 1) // 2 * ((shape[1] - 1) // 2)
    rooms, doors, others = rooms_and_doors(maze, inputs)
    assert (rooms == num_rooms).all()
    assert (doors == num_rooms - 1).all()
    assert (others == 0).all()
    assert connected(maze, inputs).all()  # connected, with one door less than rooms: a tree
    assert np.array_equal(maze.solve(inputs), labels)
    assert (puzzles.maze.count_shortest_paths(inputs, shape[1]) == 1).all()
    assert (maze.difficulty(inputs) <= longest_path(kind, *shape)).all()


@pytest.mark.parametrize("kind", LATTICE)
def test_braiding_opens_the_share_of_dead_ends_asked_for(kind):
    maze = Maze(31, 31)
    left = []
    for braid in (0.0, 0.5, 1.0):
        inputs, labels = maze.generate(puzzles.rng(1, "test"), 100, kind=kind, braid=braid)
        assert connected(maze, inputs).all()
        assert np.array_equal(maze.solve(inputs), labels)
        left.append(dead_ends(maze, inputs).mean())
    assert left[2] == 0
    assert 0.3 < left[1] / left[0] < 0.5  # half, less those that a neighbour's opening removed


def test_wilson_draws_every_tree_equally_often():
    """Two by two rooms have four spanning trees, two by three have fifteen."""
    for shape, trees in (((5, 5), 4), ((5, 7), 15)):
        maze = Maze(*shape)
        inputs, _ = maze.generate(puzzles.rng(2, "test"), 6000, kind="wilson")
        _, counts = np.unique(inputs != WALL, axis=0, return_counts=True)
        assert len(counts) == trees
        expected = 6000 / trees
        assert ((counts - expected) ** 2 / expected).sum() < trees + 5 * np.sqrt(2 * trees)


@num_examples(30)
@given(st.sampled_from(KINDS), st.integers(1, 20), st.integers(0, 30), st.integers(0, 2**32))
def test_paths_are_in_the_range_asked_for(kind, low, more, seed):
    maze = Maze(11, 13)
    inputs, labels = maze.generate(puzzles.rng(seed, "test"), 5, kind=kind, path=[low, low + more])
    moves = maze.difficulty(inputs)
    assert (moves >= low).all()
    assert (moves <= low + more).all()
    assert np.array_equal(maze.solve(inputs), labels)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_mazes_on_any_number_of_threads(kind, monkeypatch):
    maze = Maze(9, 9)
    found = []
    for threads in (1, 3):
        monkeypatch.setattr(kernels, "num_threads", lambda threads=threads: threads)
        found.append(maze.generate(puzzles.rng(3, "test"), 300, kind=kind, path=[8, None]))
    assert np.array_equal(found[0][0], found[1][0])
    assert np.array_equal(found[0][1], found[1][1])
    assert len(np.unique(found[0][0], axis=0)) > 290
    other = maze.generate(puzzles.rng(4, "test"), 300, kind=kind, path=[8, None])[0]
    assert (found[0][0] != other).any(axis=1).mean() > 0.9


def test_folds_of_mazes_are_disjoint_up_to_symmetry():
    maze = Maze(9, 9)
    targets = {"kind": "prim", "braid": 0.5, "path": [8, None]}
    train = splits.generate(maze, puzzles.rng(5, "train"), 2000, splits.TRAIN, **targets)[0]
    held_out, labels = splits.generate(maze, puzzles.rng(5, "held out"), 200, splits.EVALUATION, **targets)
    assert not splits.seen_in(maze, held_out, train).any()
    turned, _ = maze.transform(puzzles.rng(6, "test"), held_out, labels)
    assert splits.seen_in(maze, turned, held_out).all()


def test_defaults_and_reference_sets_fit_every_size():
    for shape in ((3, 3), (3, 5), (5, 5), (4, 7), (15, 15), (30, 30)):
        maze = Maze(*shape)
        assert maze.generate(puzzles.rng(7, "test"), 0)[0].shape == (0, maze.seq_len)
        for targets in maze.reference_sets.values():
            maze.generate(puzzles.rng(7, "test"), 0 if shape == (30, 30) else 3, **targets)
    inputs, _ = Maze(15, 15).generate(puzzles.rng(7, "test"), 20)
    frame = np.pad(np.zeros((13, 13), bool), 1, constant_values=True).ravel()
    assert (inputs[:, frame] == WALL).all()
    assert (Maze(8, 8).generate(puzzles.rng(7, "test"), 20)[0][:, :8] != WALL).any()


@pytest.mark.parametrize(
    ("targets", "match"),
    [
        ({"kind": "eller"}, "kind=eller: must be one of hard, dfs, prim, kruskal, wilson, division"),
        ({"path": 5}, r"path=5: must be \[least, most\] moves, null for no bound"),
        ({"kind": None, "walls": "many"}, "walls=many: only kind=hard"),
        ({"path": [5.5, None]}, r"path=\[5.5, None\]: must be \[least"),
        ({"path": [0, 5]}, r"path=\[0, 5\]: 9x9 dfs mazes have paths of 1 to 30 moves"),
        ({"path": [31, None]}, r"path=\[31, None\]: 9x9 dfs mazes have paths of 1 to 30 moves"),
        ({"kind": "hard", "path": [75, None]}, "9x9 hard mazes have paths of 1 to 74 moves"),
        ({"path": [9, 8]}, r"path=\[9, 8\]: the range is empty"),
        ({"walls": [0.3, 0.5]}, r"walls=\[0.3, 0.5\]: only kind=hard takes it, not dfs"),
        ({"kind": "hard", "walls": [0.5, 0.3]}, r"walls=\[0.5, 0.3\]: must be \[least, most\] chance"),
        ({"kind": "hard", "walls": [0.3, 1]}, "within 0 and 0.9"),
        ({"kind": "hard", "braid": 0.5}, "braid=0.5: kind=hard takes none"),
        ({"braid": 1.5}, "braid=1.5: must be a number from 0 to 1"),
    ],
)
def test_bad_targets_are_named_before_any_work(targets, match):
    with pytest.raises(ValueError, match=match) as caught:
        Maze(9, 9).generate(puzzles.rng(0, "test"), 0, **targets)
    assert "\n" not in str(caught.value)


def test_sizes_that_a_kind_cannot_have():
    for maze, kind, match in (
        (Maze(9, 10), "dfs", r"kind=dfs: needs odd sizes, puzzle\.columns=10"),
        (Maze(8, 9), "wilson", r"kind=wilson: needs odd sizes, puzzle\.rows=8"),
        (Maze(3, 3), "prim", "kind=prim: needs two rooms"),
        (Maze(30, 65), "hard", r"kind=hard: 30x65 is too large, rows and columns must be at most 64"),
    ):
        with pytest.raises(ValueError, match=match):
            maze.generate(puzzles.rng(0, "test"), 0, kind=kind)
    with pytest.raises(ValueError, match="num=-1: must be at least 0"):
        Maze(9, 9).generate(puzzles.rng(0, "test"), -1)


def test_targets_that_are_never_met_end_in_one_line(monkeypatch):
    from puzzles.maze import hard as maze_hard

    with pytest.raises(ValueError, match=r"path=\[30, 30\]: in 10000 mazes of kind=division braid=1.0 none has"):
        Maze(9, 9).generate(puzzles.rng(0, "test"), 3, kind="division", path=[30, 30], braid=1.0)
    monkeypatch.setattr(maze_hard, "TRIES", 1000)
    with pytest.raises(ValueError, match=r"path=\[60, 74\]: in 1000 mazes with walls=\[0.3, 0.5\] none has"):
        Maze(9, 9).generate(puzzles.rng(0, "test"), 3, kind="hard", path=[60, None])


def test_open_fields_are_allowed():
    maze = Maze(6, 6)
    inputs, labels = maze.generate(puzzles.rng(0, "test"), 50, kind="hard", walls=[0.0, 0.0], path=[10, 10])
    assert (inputs >= FREE).all()
    assert np.array_equal(maze.solve(inputs), labels)
