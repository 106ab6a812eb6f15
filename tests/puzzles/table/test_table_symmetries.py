"""The named symmetries: what is symmetric has one canonical form and one fold, and nothing else where that is exact."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from puzzles import splits
from puzzles.table.domain import Table
from puzzles.table.symmetries import NAMES, Symmetries
from tests.examples import num_examples
from tests.puzzles.table.writing import write

SUBSETS = [list(names) for num in range(1, 5) for names in itertools.combinations(NAMES, num)]
EACH = pytest.mark.parametrize("names", SUBSETS, ids="+".join)


def table(names: list[str], shape: tuple[int, int], symbols: str | None = None) -> Table:
    found = puzzles.get("table", alphabet=".abc", shape=list(shape), symmetries=names, symbols=symbols)
    assert isinstance(found, Table)
    return found


@EACH
@num_examples(15)
@given(seed=st.integers(0, 2**32), shape=st.sampled_from([(3, 3), (2, 4), (1, 5), (4, 4)]))
def test_symmetric_puzzles_share_their_canonical_form_and_their_fold(names, seed, shape) -> None:
    puzzle = table(names, shape, "abc" if "symbols" in names else None)
    rng = np.random.default_rng(seed)
    inputs = rng.integers(1, 5, (20, puzzle.seq_len)).astype(np.uint8)
    turned, labels = puzzle.transform(rng, inputs, np.where(inputs == 1, -100, inputs.astype(np.int32)))
    assert np.array_equal(puzzle.canonical(turned), puzzle.canonical(inputs))
    assert np.array_equal(splits.fold(puzzle, turned), splits.fold(puzzle, inputs))
    assert splits.seen_in(puzzle, turned, inputs).all()
    # the labels were turned alike, and cells that are not scored stay so
    blank = 1 if "symbols" in names else None
    if blank:
        assert np.array_equal(labels == -100, turned == blank)
    assert np.array_equal(labels[labels > 0], turned[labels > 0])


@pytest.mark.parametrize(
    "names", [["dihedral"], ["symbols"], ["dihedral", "symbols"], ["rows"], ["columns"]], ids="+".join
)
def test_other_puzzles_have_other_forms_where_the_form_is_exact(names) -> None:
    """On all 2x2 grids of four symbols, of which three are interchangeable, against orbits that are searched."""
    puzzle = table(names, (2, 2), "abc" if "symbols" in names else None)
    grids = np.array(list(itertools.product(range(1, 5), repeat=4)), np.uint8)
    rng = np.random.default_rng(0)
    images = [puzzle.transform(rng, grids, grids)[0] for _ in range(1500)]
    orbits = [frozenset(image[i].tobytes() for image in images) for i in range(len(grids))]
    forms = [row.tobytes() for row in puzzle.canonical(grids)]
    assert len(set(forms)) == len(set(orbits))
    assert len(set(zip(forms, orbits, strict=True))) == len(set(orbits))


def test_refined_colours_tell_grids_apart_that_differ_in_their_rows_alone() -> None:
    """Same counts of symbols, in rows and columns that cannot be moved onto each other."""
    group = Symmetries(["rows", "columns", "symbols"], (3, 3), 4, [1, 2, 3])
    grids = np.array([[1, 1, 2, 2, 2, 1, 3, 3, 3], [1, 1, 1, 2, 2, 2, 3, 3, 3], [1, 2, 3, 2, 3, 1, 3, 1, 2]])
    assert len(np.unique(group.canonical(grids), axis=0)) == 3


def test_no_question_is_on_both_sides_up_to_symmetry(tmp_path: Path) -> None:
    """Rows that hold every puzzle several times, each time turned and renamed."""
    puzzle = table(["dihedral", "symbols"], (3, 3))
    rng = np.random.default_rng(0)
    inputs = np.tile(rng.integers(1, 5, (150, 9)), (4, 1)).astype(np.uint8)
    inputs, _ = puzzle.transform(rng, inputs, inputs)
    rows = list({(puzzle.format(row), puzzle.format(row)) for row in inputs})
    data = puzzles.table.read(write(tmp_path / "t.csv", rows), shape=[3, 3], symmetries=["dihedral", "symbols"])
    trained = data.train[0].sets["all"].inputs
    held = [data.validation[0], data.evaluation[0]]
    assert min(map(len, held)) > 0
    for one in held:
        assert not splits.seen_in(data.puzzle, one, trained).any()
        assert not splits.duplicates(data.puzzle, one).any()
    assert not splits.seen_in(data.puzzle, *held).any()
    plain = puzzles.table.read(tmp_path / "t.csv", shape=[3, 3])
    fold = plain.validation[0]
    assert splits.seen_in(data.puzzle, fold, plain.train[0].sets["all"].inputs).any(), "the symmetries matter here"
