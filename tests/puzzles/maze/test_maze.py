"""The maze domain: the published labels, its rules by construction, symmetries, text and bad input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from puzzles import splits
from puzzles.base import Puzzle
from puzzles.maze import symmetry as maze_symmetry
from puzzles.maze.domain import FREE, GOAL, PATH, START, WALL, Maze, count_shortest_paths, distances

SHAPES = ((3, 3), (3, 5), (5, 5), (6, 4), (8, 8), (11, 11))


def real(shared_data, part):
    """(inputs, labels) of the real Maze-Hard."""
    folder = shared_data / "maze-hard" / part
    return np.load(folder / "all__inputs.npy"), np.load(folder / "all__labels.npy")


def cells(text):
    """The tokens of a maze drawn on lines, and its class."""
    lines = text.strip("\n").split("\n")
    maze = Maze(len(lines), len(lines[0]))
    return maze, maze.parse(text)[None]


@st.composite
def mazes(draw, solvable=True):
    """A maze of random walls in one of SHAPES, with a path where asked for."""
    rows, columns = draw(st.sampled_from(SHAPES))
    maze = Maze(rows, columns)
    rng = puzzles.rng(draw(st.integers(0, 2**32)), "test")
    if solvable:
        return maze, maze.generate(rng, 1, kind="hard", walls=[0.0, 0.5])[0]
    tokens = np.where(rng.random((1, maze.seq_len)) < rng.uniform(0.2, 0.7), WALL, FREE).astype(np.uint8)
    ends = rng.choice(maze.seq_len, 2, replace=False)
    tokens[0, ends] = START, GOAL
    return maze, tokens


def beside(cell, rows, columns):
    """Neighbours in the order Down, Left, Right, Up."""
    row, column = divmod(cell, columns)
    steps = ((row + 1, column), (row, column - 1), (row, column + 1), (row - 1, column))
    return [r * columns + c for r, c in steps if 0 <= r < rows and 0 <= c < columns]


def test_it_follows_the_protocol():
    maze = puzzles.get("maze")
    assert isinstance(maze, Puzzle)
    assert (maze.seq_len, maze.vocab_size, maze.shape, maze.num_symbols) == (900, 6, (30, 30), 0)
    assert puzzles.get("maze", **Maze(7, 9).options).shape == (7, 9)
    assert maze.puzzle_identifier(kind="hard") == 0
    assert puzzles.maze.Maze is Maze


@pytest.mark.parametrize("part", ["train", "test"])
def test_real_labels_and_their_symmetries_follow_the_rule(shared_data, part):
    maze = Maze()
    inputs, labels = real(shared_data, part)
    assert np.array_equal(maze.solve(inputs), labels)
    verdict = maze.check(inputs, labels)
    assert verdict.valid.all()
    assert verdict.solved.all()
    assert (count_shortest_paths(inputs) > 1).all()
    for name, image in zip(maze_symmetry.NAMES, maze_symmetry.images(30, 30), strict=True):
        turned = inputs[:, image]
        own = maze.solve(turned)
        assert maze.check(turned, own).solved.all()
        verdict = maze.check(turned, labels[:, image])
        assert verdict.solved.all()  # the turned path is as short
        kept = (own == labels[:, image]).all(axis=1)
        if name == "identity":
            assert kept.all()
        elif name == "fliplr":
            assert 0.8 < kept.mean() < 1
        else:
            assert kept.mean() < 0.005  # but hardly ever the first


def test_real_mazes_are_disjoint_up_to_symmetry(shared_data):
    maze = Maze()
    train, _ = real(shared_data, "train")
    test, labels = real(shared_data, "test")
    assert not splits.seen_in(maze, test, train).any()
    assert not splits.duplicates(maze, np.concatenate([train, test])).any()
    turned, _ = maze.transform(puzzles.rng(0, "test"), test, labels)
    assert splits.seen_in(maze, turned, test).all()


QUESTION = """
S    #
 ###  
    G 
"""  # noqa: W291
VERDICTS = {
    "S    #|o###  |ooooG ": (True, True),  # the label
    "Soooo#| ###o |    G ": (True, True),  # another shortest path
    "Soooo#| ###oo|    Go": (True, False),  # longer
    "Soooo#|o###o |ooooG ": (True, False),  # both at once: no loose end, but not shortest
    "S    #| ###  |    G ": (False, False),  # nothing marked
    "Soooo#| ###  |    G ": (False, False),  # does not arrive
    "Soooo#|o###o |    G ": (False, False),  # a loose end
    "Soooo#| ###o | oo G ": (False, False),  # a piece apart
    "So   #| #o#  |  ooG ": (False, False),  # through walls, in steps that do not touch
    "Sooo #| ##o  |   oG ": (False, False),  # through a wall
    "Soooo | ###o |    G ": (False, False),  # a wall lost
    "Soooo#|####o |    G ": (False, False),  # a wall gained
    "ooooo#| ###o |    G ": (False, False),  # the start lost
    "Soooo#| ###o |    o ": (False, False),  # the goal lost
    "Soooo#| ###o |S   G ": (False, False),  # a second start
}


def test_verdicts_by_construction():
    maze, inputs = cells(QUESTION)
    outputs = np.stack([maze.parse(text.replace("|", "\n")) for text in VERDICTS])
    verdict = maze.check(np.repeat(inputs, len(outputs), axis=0), outputs)
    assert list(zip(verdict.valid, verdict.solved, strict=True)) == list(VERDICTS.values())
    assert np.array_equal(maze.solve(inputs)[0], outputs[0])


@given(mazes(), st.integers(0, 2**32))
def test_check_tells_shortest_from_longer_paths(case, seed):
    """A random path without crossing itself is valid, and solved exactly when it is as short as the label."""
    maze, inputs = case
    rng = puzzles.rng(seed, "walk")
    labels = maze.solve(inputs)
    verdict = maze.check(inputs, labels)
    assert verdict.valid.all()
    assert verdict.solved.all()
    start, goal = (int(np.argmax(inputs[0] == token)) for token in (START, GOAL))
    walk = [start]
    while walk[-1] != goal:
        free = [cell for cell in beside(walk[-1], *maze.shape) if inputs[0, cell] != WALL]
        there = free[rng.integers(len(free))]
        walk = walk[: walk.index(there) + 1] if there in walk else [*walk, there]  # loops are cut out
    outputs = inputs.copy()
    outputs[0, walk[1:-1]] = PATH
    verdict = maze.check(inputs, outputs)
    assert verdict.valid.all()
    assert verdict.solved[0] == (len(walk) == (labels == PATH).sum() + 2)
    if len(walk) > 2:
        outputs[0, walk[rng.integers(1, len(walk) - 1)]] = WALL
        assert not maze.check(inputs, outputs).valid.any()


@given(mazes(), st.integers(0, 2**32))
def test_outputs_may_hold_any_ids(case, seed):
    maze, inputs = case
    rng = puzzles.rng(seed, "ids")
    outputs = rng.integers(-100, 300, inputs.shape)
    maze.check(inputs, outputs)
    labels = maze.solve(inputs).astype(np.int64)
    labels[labels == FREE] = rng.choice([0, -100, 6, 255], (labels == FREE).sum())  # no symbol of a maze: blank
    assert maze.check(inputs, labels).solved.all()


@given(mazes(solvable=False), st.integers(0, 2**32))
def test_symmetric_mazes_share_canonical_form_invariant_and_fold(case, seed):
    maze, inputs = case
    images = inputs[:, maze_symmetry.images(*maze.shape)][0]
    assert (maze.canonical(images) == images[np.lexsort(images.T[::-1])[0]]).all()
    assert len(np.unique(maze.invariant(images))) == 1
    assert len(np.unique(splits.fold(maze, images))) == 1
    other = inputs.copy()
    cell = puzzles.rng(seed, "cell").choice(np.flatnonzero(inputs[0] <= FREE))
    other[0, cell] = WALL + FREE - other[0, cell]
    assert maze.invariant(other)[0] != maze.invariant(inputs)[0]
    assert not splits.seen_in(maze, other, inputs).any()


@given(mazes(), st.integers(0, 2**32))
def test_transform_computes_shortest_paths_anew_and_turns_other_labels(case, seed):
    maze, inputs = case
    inputs = np.repeat(inputs, 16, axis=0)
    turned, labels = maze.transform(puzzles.rng(seed, "turn"), inputs, maze.solve(inputs))
    assert np.array_equal(labels, maze.solve(turned))
    assert np.array_equal(maze.canonical(turned), maze.canonical(inputs))
    again, numbers = maze.transform(puzzles.rng(seed, "turn"), inputs, np.tile(np.arange(maze.seq_len), (16, 1)))
    assert np.array_equal(again, turned)
    assert np.array_equal(np.take_along_axis(inputs, numbers, axis=1), turned)


def test_every_symmetry_is_drawn():
    for rows, columns, expected in ((5, 5, 8), (5, 7, 4)):
        maze = Maze(rows, columns)
        inputs, labels = maze.generate(puzzles.rng(0, "test"), 1, kind="hard", walls=[0.4, 0.4])
        images = np.unique(inputs[:, maze_symmetry.images(rows, columns)][0], axis=0)
        assert len(images) == expected
        turned, _ = maze.transform(puzzles.rng(1, "test"), np.repeat(inputs, 200, 0), np.repeat(labels, 200, 0))
        assert np.array_equal(np.unique(turned, axis=0), images)


@given(mazes(solvable=False))
def test_text_is_read_back_in_both_forms(case):
    maze, inputs = case
    line = maze.format(inputs[0])
    rows = "\n".join(line[at : at + maze.columns] for at in range(0, maze.seq_len, maze.columns))
    for text in (line, rows, rows + "\n", "\r\n".join(rows.split("\n")), line.replace(" ", ".")):
        assert np.array_equal(maze.parse(text), inputs[0])


def raises(match, work):
    with pytest.raises(ValueError, match=match) as caught:
        work()
    assert "\n" not in str(caught.value)


def test_bad_text_is_named():
    maze = Maze(3, 4)
    raises("8 cells in one line: a 3x4 maze needs 12", lambda: maze.parse("S  G    "))
    raises("3 cells in row 2: a 3x4 maze needs 4", lambda: maze.parse("S  G\n   \n    "))
    raises("0 cells in row 2", lambda: maze.parse("S  G\n\n    "))
    raises("2 rows: a 3x4 maze needs 3", lambda: maze.parse("S  G\n    "))
    raises("has 'y' in row 2 column 3: must be # ", lambda: maze.parse("S  G\n  y \n    "))


def test_bad_mazes_are_named():
    maze = Maze(3, 4)

    def solve(*texts):
        return lambda: maze.solve(np.stack([maze.parse(text) for text in texts]))

    raises("puzzle 1: no start S", solve("S  G        ", "   G        "))
    raises("puzzle 0: no goal G", solve("S           "))
    raises("puzzle 0: two goals G: row 1 column 4 and row 3 column 4", solve("S  G       G"))
    raises("puzzle 0: 3 starts S: row 1 column 1 and row 1 column 2", solve("SSSG        "))
    raises("puzzle 0: a path o in row 2 column 1: a question has none", solve("S  Go       "))
    raises("puzzle 1: no path from S in row 1 column 1 to G in row 3 column 4", solve("S  G        ", "S ##  ##  #G"))
    raises(r"inputs\[0\] has token 0 in cell 3: must be 1 to 5", lambda: maze.solve(np.array([[3, 4, 2, 0, *[2] * 8]])))
    raises(r"inputs have shape \[1, 9\]: must be \[num, 12\]", lambda: maze.solve(np.ones((1, 9), np.int64)))
    assert not maze.check(maze.parse("   G        ")[None], maze.parse("S  G        ")[None]).valid.any()
    assert maze.difficulty(np.stack([maze.parse("S  G        "), maze.parse("S ##  ##  #G")])).tolist() == [3.0, np.inf]


def test_bad_options_are_named():
    raises(r"puzzle\.rows=2: must be a whole number of at least 3", lambda: puzzles.get("maze", rows=2))
    raises(r"puzzle\.columns=x: must be a whole number", lambda: puzzles.get("maze", columns="x"))
    raises("columns=None: inputs have 12 cells", lambda: distances(np.full((1, 12), 2)))
    raises("columns=5: inputs have 12 cells: does not divide it", lambda: distances(np.full((1, 12), 2), 5))
