"""Puzzles by name, and what is imported when."""

import subprocess
import sys

import pytest

import puzzles


def test_what_get_knows_and_refuses():
    assert puzzles.names() == sorted(puzzles.names())
    assert {"arc", "maze", "sudoku"} <= set(puzzles.names())
    rebuilt = puzzles.get("sudoku", **puzzles.get("sudoku", box="2x3").options)
    assert rebuilt.shape == (6, 6)
    with pytest.raises(ValueError, match=r"puzzle=sudoko: must be one of .*\bsudoku\b"):
        puzzles.get("sudoko")
    with pytest.raises(ValueError, match=r"puzzle\.size=9: sudoku has the options box"):
        puzzles.get("sudoku", size=9)


def test_importing_puzzles_loads_no_kernels_and_never_torch():
    program = (
        "import sys, puzzles; assert 'numba' not in sys.modules; puzzles.sudoku.count_solutions; puzzles.maze.distances"
    )
    program += "; assert 'torch' not in sys.modules and 'hrm_net' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_no_other_attribute_appears():
    with pytest.raises(AttributeError, match="no attribute 'maize'"):
        _ = puzzles.maize
    assert puzzles.get("sudoku").reference_sets["clues_36"] == {"clues": 36}


def test_random_streams_differ_by_every_part_of_their_key():
    keys = [(0, "a"), (1, "a"), (0, "b"), (0, "a", 0), (0, "a", 1), (0, "a", 0, 0)]
    assert len({puzzles.rng(*key).integers(2**62) for key in keys}) == len(keys)
    assert puzzles.rng(3, "x", 4).integers(2**62) == puzzles.rng(3, "x", 4).integers(2**62)
