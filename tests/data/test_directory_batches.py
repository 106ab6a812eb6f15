"""Batches from data directories: epochs over all groups, one puzzle of each, a function of the step alone."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from hrm_net.data.directories import read_training
from hrm_net.data.directory_batches import DirectoryBatches
from puzzles import splits
from puzzles.datasets import build, dataset
from puzzles.datasets.dataset import Dataset, Examples
from tests.examples import num_examples

PUZZLE = puzzles.get("sudoku", box="2x2")


def numbered(sizes: list[list[int]], seed: int = 0) -> Dataset:
    """Groups of puzzles with so many examples: inputs repeat the example's number, labels its puzzle's."""
    flat = [size for group in sizes for size in group]
    puzzle_of = np.repeat(np.arange(len(flat)), flat)
    numbers = np.arange(sum(flat)) + 1000 * seed
    one = Examples(
        inputs=np.repeat(numbers[:, None], 16, axis=1),
        labels=np.repeat(puzzle_of[:, None] + 1, 16, axis=1),
        puzzle_identifiers=np.arange(len(flat)),
        puzzle_indices=np.concatenate([[0], np.cumsum(flat)]),
        group_indices=np.concatenate([[0], np.cumsum([len(group) for group in sizes])]),
    )
    return dataset.from_sets({"all": one}, vocab_size=10**6, identifiers=list(map(str, range(len(flat)))))


def batches(datasets: list[Dataset], batch_size: int, **more: Any) -> DirectoryBatches:
    return DirectoryBatches(PUZZLE, datasets, augment=False, seed=more.pop("seed", 3), batch_size=batch_size, **more)


def stream(made: DirectoryBatches, steps: int) -> np.ndarray:
    """The examples' numbers over so many steps."""
    return np.concatenate([made(step)["inputs"][:, 0].numpy() for step in range(steps)])


SIZES = st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=3), min_size=1, max_size=6)


@num_examples(60)
@given(sizes=SIZES, batch_size=st.integers(1, 9), seed=st.integers(0, 99))
def test_every_epoch_shows_one_whole_puzzle_of_each_group(sizes, batch_size, seed):
    found = numbered(sizes)
    one = found.sets["all"]
    steps = 3 * max(1, sum(max(group) for group in sizes) // batch_size + 1)
    shown = stream(batches([found], batch_size, seed=seed), steps)
    puzzle_of = np.repeat(np.arange(len(one.puzzle_identifiers)), np.diff(one.puzzle_indices))
    group_of = np.repeat(np.arange(len(sizes)), [len(group) for group in sizes])
    at = 0
    for _ in range(3):
        seen_groups = []
        while len(seen_groups) < len(sizes) and at < len(shown):
            puzzle = puzzle_of[shown[at]]
            size = int(np.diff(one.puzzle_indices)[puzzle])
            wanted = set(range(one.puzzle_indices[puzzle], one.puzzle_indices[puzzle] + size))
            part = shown[at : at + size].tolist()
            assert len(set(part)) == len(part)
            assert set(part) == wanted if len(part) == size else set(part) < wanted
            seen_groups.append(int(group_of[puzzle]))
            at += size
        assert len(set(seen_groups)) == len(seen_groups)


@num_examples(40)
@given(sizes=SIZES, batch_size=st.integers(1, 9), order=st.permutations(range(12)))
def test_a_batch_depends_on_the_step_alone(sizes, batch_size, order):
    """Whatever was asked before: a resumed run sees what an uninterrupted one does."""
    found = numbered(sizes)
    straight = batches([found], batch_size)
    wanted = [straight(step) for step in range(12)]
    jumping = batches([found], batch_size)
    for step in order:
        again = jumping(step)
        for key, rows in wanted[step].items():
            assert torch.equal(again[key], rows)


def test_labels_and_identifiers_belong_to_their_example():
    found = numbered([[2, 1], [3], [1, 1, 4]])
    batch = batches([found], 50)(0)
    puzzle_of = np.repeat(np.arange(6), [2, 1, 3, 1, 1, 4])[batch["inputs"][:, 0].numpy()]
    assert batch["labels"][:, 0].tolist() == (puzzle_of + 1).tolist()
    assert batch["puzzle_identifiers"].tolist() == puzzle_of.tolist()


def test_every_member_of_a_group_has_its_turn():
    counts = Counter(stream(batches([numbered([[1] * 4] * 5)], 25), 80).tolist())
    assert len(counts) == 20
    # 400 epochs, each member with probability 1/4: five standard deviations
    assert all(abs(count - 100) < 44 for count in counts.values())


def test_several_sets_and_directories_make_one_epoch():
    together = [numbered([[1]] * 3), numbered([[1]] * 4, seed=1)]
    assert sorted(stream(batches(together, 7), 1)) == [0, 1, 2, 1000, 1001, 1002, 1003]
    together[0].sets["more"] = numbered([[2]], seed=2).sets["all"]
    assert sorted(stream(batches(together, 9), 1)) == [0, 1, 2, 1000, 1001, 1002, 1003, 2000, 2001]


def test_ignored_and_padding_labels_are_not_scored():
    found = numbered([[1]])
    found.sets["all"].labels = np.array([[0, 1, 9, 0] * 4])
    for ignore, wanted in ((0, [-100, 1, 9, -100]), (None, [-100, 1, 9, -100]), (9, [-100, 1, -100, -100])):
        found.metadata.ignore_label_id = ignore
        assert batches([found], 1)(0)["labels"][0].tolist() == wanted * 4


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    inputs, labels = build.generated(PUZZLE, 6, splits.TRAIN, puzzles.rng(0, "rows"), {"clues": 6}, lambda _: None)
    one = build.augmented(PUZZLE, inputs, labels, 3, 0, lambda _: None)
    path = tmp_path_factory.mktemp("batches") / "data"
    dataset.write(path, {"train": dataset.from_sets({"all": one}, vocab_size=6)})
    return path


def test_rows_are_stored_ones_or_fresh_symmetries_of_them(directory: Path):
    stored = dataset.read(directory).sets["all"]
    known = {row.tobytes() for row in stored.inputs.astype(np.int32)}
    plain, fresh = (
        DirectoryBatches(PUZZLE, read_training(str(directory), PUZZLE), augment=augment, seed=0, batch_size=12)
        for augment in (False, True)
    )
    kept, turned = plain(2), fresh(2)
    assert {row.numpy().tobytes() for row in kept["inputs"]} <= known
    assert not {row.numpy().tobytes() for row in turned["inputs"]} <= known
    assert np.array_equal(PUZZLE.canonical(kept["inputs"].numpy()), PUZZLE.canonical(turned["inputs"].numpy()))
    for batch in (kept, turned):
        assert PUZZLE.check(batch["inputs"].numpy(), batch["labels"].numpy()).solved.all()
