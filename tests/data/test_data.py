"""Batches as a function of the step: reproducible, of the training fold, in the wanted mix."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from hrm_net.data.config import DataConfig, Source, Stage
from hrm_net.data.generated import (
    FixedBatches,
    GeneratedBatches,
    distinct_puzzles,
    generated_batches,
    own_rows,
    torch_generator,
)
from puzzles import splits
from tests.examples import num_examples

PUZZLE = puzzles.get("sudoku", box="2x2")
EASY, HARD = Source(weight=3.0, targets={"clues": 10}), Source(weight=1.0, targets={"clues": 6})


def generated(**changes) -> GeneratedBatches:
    config = DataConfig(curriculum=[Stage(until=0.5, mix=[EASY]), Stage(until=1.0, mix=[EASY, HARD])])
    return GeneratedBatches(PUZZLE, config, **{"seed": 0, "steps": 100, "batch_size": 8, **changes})


def clues(batch: dict) -> np.ndarray:
    return (batch["inputs"].numpy() > 1).sum(axis=1)


@given(step=st.integers(0, 99))
@num_examples(20)
def test_a_batch_depends_on_seed_and_step_alone(step: int):
    one, again = generated()(step), generated()(step)
    assert all(torch.equal(one[key], again[key]) for key in one)
    for other in (generated(seed=1)(step), generated()((step + 1) % 50)):
        assert not torch.equal(one["inputs"], other["inputs"])


def test_rows_that_nobody_takes_are_not_made_and_do_not_change_the_others():
    rows = np.array([True, False] * 4)
    whole, part = generated()(60), generated()(60, rows)
    assert torch.equal(part["inputs"][rows], whole["inputs"][rows])
    assert torch.equal(part["labels"][rows], whole["labels"][rows])
    assert not part["inputs"][~rows].any()


def test_every_row_is_of_the_training_fold_with_its_answer():
    batch = generated(batch_size=64)(70)
    inputs, labels = (batch[key].numpy().astype(np.uint8) for key in ("inputs", "labels"))
    assert (splits.fold(PUZZLE, inputs) == splits.TRAIN).all()
    assert (PUZZLE.solve(inputs) == labels).all()


def test_the_curriculum_sets_the_mix():
    assert (clues(generated(batch_size=32)(49)) == 10).all()
    late = np.concatenate([clues(generated(batch_size=64)(step)) for step in range(50, 58)])
    assert set(late) == {6, 10}
    assert (late == 10).mean() == pytest.approx(0.75, abs=0.08)


def test_a_fixed_set_is_shown_whole_in_each_epoch_and_in_another_order_in_the_next():
    inputs, labels, ids = distinct_puzzles(PUZZLE, [EASY], 12, puzzles.rng(0, "test"))
    batches = FixedBatches(PUZZLE, inputs, labels, ids, augment=False, seed=0, batch_size=4)
    epochs = [np.concatenate([batches(3 * e + i)["inputs"].numpy() for i in range(3)]) for e in range(2)]
    for epoch in epochs:
        assert sorted(map(bytes, epoch.astype(np.uint8))) == sorted(map(bytes, inputs))
    assert not np.array_equal(epochs[0], epochs[1])


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("augment", [False, True])
def test_the_shares_of_all_processes_are_the_batch(size: int, augment: bool):
    inputs, labels, ids = distinct_puzzles(PUZZLE, [EASY], 12, puzzles.rng(0, "test"))
    fixed = FixedBatches(PUZZLE, inputs, labels, ids, augment=augment, seed=0, batch_size=8)
    wanted = np.arange(8) % 3 > 0
    for batches in (fixed, generated()):
        whole = batches(1, wanted)
        each = 8 // size
        slices = [slice(rank * each, (rank + 1) * each) for rank in range(size)]
        parts = [own_rows(batches, 8, rows)(1, wanted[rows]) for rows in slices]
        for key, values in whole.items():
            assert torch.equal(torch.cat([part[key] for part in parts]), values)


def test_augmentation_shows_symmetric_puzzles_with_their_answers():
    inputs, labels, ids = distinct_puzzles(PUZZLE, [EASY], 12, puzzles.rng(0, "test"))
    batch = FixedBatches(PUZZLE, inputs, labels, ids, augment=True, seed=0, batch_size=12)(0)
    shown = batch["inputs"].numpy().astype(np.uint8)
    assert sorted(PUZZLE.invariant(shown)) == sorted(PUZZLE.invariant(inputs))
    assert (PUZZLE.solve(shown) == batch["labels"].numpy()).all()
    assert not np.array_equal(np.sort(shown, axis=0), np.sort(inputs, axis=0))


def test_distinct_puzzles_are_distinct_up_to_symmetry():
    inputs, _, _ = distinct_puzzles(PUZZLE, [EASY, HARD], 20, puzzles.rng(1, "test"))
    assert len({bytes(row) for row in PUZZLE.canonical(inputs).astype(np.uint8)}) == 20


def test_more_puzzles_than_there_are_is_one_line():
    config = DataConfig(puzzles=5000, curriculum=[Stage(mix=[Source(targets={"clues": 15})])])
    with pytest.raises(ValueError, match=r"data\.puzzles=5000: only \d+ of \d+ puzzles"):
        generated_batches(PUZZLE, config, seed=0, steps=10, batch_size=4)


def test_random_streams_are_told_apart_by_each_part_of_their_key():
    keys = [(0, "a", 1), (1, "a", 1), (0, "b", 1), (0, "a", 2)]
    draws = {torch.randint(2**62, (1,), generator=torch_generator(*key)).item() for key in keys}
    assert len(draws) == len(keys)
