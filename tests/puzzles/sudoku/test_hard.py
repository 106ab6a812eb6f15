"""Hard Sudoku: unique, minimal, rated as asked, of disjoint folds, the same for a seed on any number of threads."""

from pathlib import Path

import numpy as np
import pytest

import puzzles
from puzzles import splits
from puzzles.datasets import puzzle_files
from puzzles.sudoku import hard
from puzzles.sudoku.domain import count_solutions

SUDOKU = puzzles.get("sudoku")


def values(inputs: np.ndarray) -> np.ndarray:
    return (inputs - 1).astype(np.uint8)


@pytest.fixture(scope="module")
def found() -> tuple[np.ndarray, np.ndarray]:
    return SUDOKU.generate(puzzles.rng(0, "test"), 24, difficulty=(4.0, None))


def test_puzzles_are_unique_minimal_and_as_hard_as_asked(found: tuple[np.ndarray, np.ndarray]):
    inputs, labels = found
    assert inputs.shape == labels.shape == (24, 81)
    assert SUDOKU.check(inputs, labels).solved.all()
    assert (count_solutions(inputs, 2) == 1).all()
    for row in inputs:
        without = np.repeat(row[None], (row > 1).sum(), axis=0)
        without[np.arange(len(without)), np.flatnonzero(row > 1)] = 1
        assert (count_solutions(without, 2) == 2).all()
    ratings = hard.rate(values(inputs), 32)
    assert np.median(ratings) > 3.9  # those kept are the best of noisy ratings
    assert ratings.min() > 3.0
    random = SUDOKU.generate(puzzles.rng(0, "test"), 200, clues="minimal")[0]
    assert np.quantile(hard.rate(values(random)), 0.9) < 3.0


def test_a_rating_does_not_depend_on_how_the_puzzle_lies(found: tuple[np.ndarray, np.ndarray]):
    turned, _ = SUDOKU.transform(puzzles.rng(1, "test"), *found)
    difference = hard.rate(values(turned), 64) - hard.rate(values(found[0]), 64)
    assert np.abs(difference).max() < 0.6  # both have a standard error of about 0.1
    assert abs(difference.mean()) < 0.1


def test_no_two_are_symmetric_and_relatives_are_apart(found: tuple[np.ndarray, np.ndarray]):
    inputs, labels = found
    assert not splits.duplicates(SUDOKU, inputs).any()
    assert len(np.unique(hard.lineages(values(labels)))) >= 2
    for i, one in enumerate(inputs):
        for other in inputs[:i]:
            differ = one != other
            assert (one[differ] > 1).sum() + (other[differ] > 1).sum() >= 3


def test_the_same_on_any_number_of_threads(monkeypatch: pytest.MonkeyPatch):
    seeds = np.arange(5, dtype=np.uint64)
    ones = []
    for threads in (1, 3):
        monkeypatch.setattr("puzzles.kernels.num_threads", lambda threads=threads: threads)
        ones.append(hard.climb(seeds, [2.0, 3.0], [2, 2]))
    for name in ("puzzles", "solutions", "ratings", "lineages"):
        assert np.array_equal(getattr(ones[0], name), getattr(ones[1], name))
    assert len(ones[0].puzzles) >= 10
    again = hard.climb(seeds[2:3], [2.0, 3.0], [2, 2])
    assert any(np.array_equal(again.puzzles[0], puzzle) for puzzle in ones[0].puzzles)


def test_relatives_share_a_fold():
    held = {}
    for fold in (splits.TRAIN, splits.EVALUATION):
        inputs, labels = splits.generate(SUDOKU, puzzles.rng(2, "test"), 12, fold, difficulty=[2.0, None])
        held[fold] = hard.lineages(values(labels))
        place = splits.place(held[fold])
        low, high = splits.bounds(fold)
        assert ((place >= low) & (place < high)).all()
        assert len(inputs) == 12
    assert not np.isin(held[splits.TRAIN], held[splits.EVALUATION]).any()


def test_training_puzzles_are_in_the_training_fold_by_their_own_hash_too():
    inputs, _ = splits.generate(SUDOKU, puzzles.rng(3, "test"), 30, splits.TRAIN, difficulty=[1.0, None])
    assert (splits.fold(SUDOKU, inputs) == splits.TRAIN).all()


def test_symmetric_solutions_are_one_lineage_and_others_are_not():
    _, labels = SUDOKU.generate(puzzles.rng(4, "test"), 2000, clues=60)
    turned, _ = SUDOKU.transform(puzzles.rng(5, "test"), labels, labels)
    assert np.array_equal(hard.lineages(values(labels)), hard.lineages(values(turned)))
    assert len(np.unique(hard.lineages(values(labels)))) == 2000


def test_join_keeps_the_cap_and_drops_symmetric_copies():
    one = hard.climb(np.arange(2, dtype=np.uint64), [0.0], [3])
    many = hard.Found(one.puzzles, one.solutions, one.ratings, np.zeros(6, np.uint64))
    assert len(hard.join([one, one]).puzzles) == 6
    assert np.array_equal(hard.join([many]).puzzles, many.puzzles)
    whole = hard.CAP + 5
    rows = [np.where(np.arange(81) == cell, 1, one.puzzles[0]) for cell in range(whole)]
    lineages = np.ones(whole, np.uint64)
    capped = hard.Found(np.array(rows, np.uint8), np.zeros((whole, 81), np.uint8), np.zeros(whole), lineages)
    assert len(hard.join([capped]).puzzles) == hard.CAP


@pytest.mark.parametrize(
    ("difficulty", "message"),
    [
        ([9, None], r"^difficulty=\[9, None\]: ratings are generated from 0 to 6\.5 up$"),
        ([-1, None], r"^difficulty=\[-1, None\]: ratings are generated from 0 to 6\.5 up$"),
        ([5.0, 5.1], r"^difficulty=\[5\.0, 5\.1\]: the range must be at least 0\.25 wide$"),
        ("hard", r"^difficulty=hard: must be a range of ratings \[low, high\], either of them null$"),
        ([5, "much"], r"^difficulty=\[5, 'much'\]: must be a range of ratings"),
        ([True, None], r"^difficulty=\[True, None\]: must be a range of ratings"),
    ],
)
def test_out_of_reach_in_one_line(difficulty: object, message: str):
    with pytest.raises(ValueError, match=message):
        SUDOKU.generate(puzzles.rng(0, "test"), 0, difficulty=difficulty)


def test_only_nine_by_nine_and_not_beside_clues():
    with pytest.raises(ValueError, match=r"^difficulty=\[5, None\]: is generated for 9x9 Sudoku, not 4x4$"):
        puzzles.get("sudoku", box="2x2").generate(puzzles.rng(0, "test"), 0, difficulty=[5, None])
    with pytest.raises(ValueError, match=r"^clues=30: does not go with difficulty=\[5, None\]$"):
        SUDOKU.generate(puzzles.rng(0, "test"), 0, clues=30, difficulty=[5, None])


def test_none_is_symmetric_to_a_real_puzzle(found: tuple[np.ndarray, np.ndarray], shared_data: Path):
    for path in sorted((shared_data / "sudoku").glob("*.csv")):
        if path.stem == "several_solutions":
            continue
        others, _ = puzzle_files.read_answered(path, SUDOKU)
        assert not splits.seen_in(SUDOKU, found[0], others).any()


def test_ratings_of_the_real_sample(shared_data: Path):
    """The quantiles that the generator aims at, 10 to 90 %: 0, 1.6, 5.5, 6.0, 6.4."""
    path = shared_data / "sudoku" / "extreme_sample.csv"
    inputs, _ = puzzle_files.read_answered(path, SUDOKU)
    quantiles = np.quantile(hard.rate(values(inputs)), [0.1, 0.25, 0.5, 0.75, 0.9])
    assert np.abs(quantiles - [0, 1.65, 5.5, 6.0, 6.4]).max() < 0.2
