"""Folds: symmetric puzzles share one, shares are right, sets of different folds have nothing in common."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from puzzles import splits
from puzzles.sudoku.domain import BOXES, Sudoku


@given(st.sampled_from(list(BOXES)), st.integers(0, 2**32))
def test_symmetric_puzzles_share_a_fold(box, seed):
    sudoku = Sudoku(box)
    inputs, labels = sudoku.generate(puzzles.rng(seed, "test"), 8)
    turned, _ = sudoku.transform(puzzles.rng(seed, "symmetry"), inputs, labels)
    assert np.array_equal(splits.fold(sudoku, turned), splits.fold(sudoku, inputs))


def test_folds_have_their_shares():
    sudoku = Sudoku()
    inputs, _ = sudoku.generate(puzzles.rng(0, "test"), 6000, clues=30)
    shares = np.bincount(splits.fold(sudoku, inputs), minlength=3) / len(inputs)
    assert np.allclose(shares, splits.SHARES, atol=0.013)


@pytest.mark.parametrize(("box", "clues"), [("3x3", 30), ("2x2", 5), ("2x3", 12)])
def test_sets_of_different_folds_are_disjoint_up_to_symmetry(box, clues):
    sudoku = Sudoku(box)
    sets = {
        fold: splits.generate(sudoku, puzzles.rng(1, splits.NAMES[fold]), num, fold, clues=clues)[0]
        for fold, num in ((splits.TRAIN, 800), (splits.VALIDATION, 60), (splits.EVALUATION, 60))
    }
    forms = {fold: {row.tobytes() for row in sudoku.canonical(inputs)} for fold, inputs in sets.items()}
    assert not forms[splits.TRAIN] & forms[splits.VALIDATION]
    assert not forms[splits.TRAIN] & forms[splits.EVALUATION]
    assert not forms[splits.VALIDATION] & forms[splits.EVALUATION]
    for fold, inputs in sets.items():
        assert (splits.fold(sudoku, inputs) == fold).all()
        assert not splits.seen_in(
            sudoku, inputs, np.concatenate([sets[other] for other in sets if other != fold])
        ).any()


def test_generate_gives_what_was_asked_for():
    sudoku = Sudoku("2x3")
    for num in (0, 1, 37):
        inputs, labels = splits.generate(sudoku, puzzles.rng(2, "test"), num, splits.EVALUATION, clues=14)
        assert inputs.shape == labels.shape == (num, 36)
        assert np.array_equal(sudoku.solve(inputs), labels)
    with pytest.raises(ValueError, match="fold=3: must be 0"):
        splits.generate(sudoku, puzzles.rng(2, "test"), 1, 3)


def test_symmetric_copies_are_found():
    sudoku = Sudoku()
    inputs, labels = sudoku.generate(puzzles.rng(3, "test"), 40, clues=28)
    turned, _ = sudoku.transform(puzzles.rng(4, "test"), inputs, labels)
    assert splits.seen_in(sudoku, turned[:20], inputs).all()
    assert splits.seen_in(sudoku, turned, inputs[:10]).tolist() == [True] * 10 + [False] * 30
    both = np.concatenate([inputs, turned[5:15]])
    assert splits.duplicates(sudoku, both).tolist() == [False] * 40 + [True] * 10


class Colliding(Sudoku):
    """A Sudoku whose invariant tells nothing: the canonical form must decide."""

    def invariant(self, inputs):
        return np.zeros(len(inputs), np.uint64)


def test_colliding_invariants_are_settled_by_canonical_forms():
    sudoku = Colliding("2x3")
    inputs, labels = sudoku.generate(puzzles.rng(5, "test"), 30, clues=14)
    assert not splits.duplicates(sudoku, inputs).any()
    turned, _ = sudoku.transform(puzzles.rng(6, "test"), inputs, labels)
    assert splits.seen_in(sudoku, turned, inputs[:15]).tolist() == [True] * 15 + [False] * 15
