"""Puzzles by name, and what is imported when."""

import subprocess
import sys

import pytest

import puzzles
from puzzles import registry


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


@pytest.mark.parametrize(
    ("name", "options", "text", "others"),
    [
        ("sudoku", "box='2x2'", "1234341221434321", ("puzzles.maze", "puzzles.arc")),
        ("maze", "rows=3, columns=3", "S../.../..G", ("puzzles.sudoku", "puzzles.arc")),
        ("arc", "canvas=5", "12/34", ("puzzles.sudoku", "puzzles.maze")),
    ],
)
def test_a_domain_loads_no_other_and_no_pictures(name, options, text, others):
    """Reading, checking and describing a puzzle is NumPy alone: neither another domain's kernels nor Pillow load."""
    program = (
        f"import sys, puzzles; p = puzzles.get({name!r}, {options}); x = p.parse({text!r}); p.describe_state(x, x)\n"
        f"p.problem_fault(x, search=False); p.format_answer(x, x); p.page(); p.step_symbols()\n"
        f"loaded = [m for m in sys.modules if m.startswith(({', '.join(map(repr, others))}, 'PIL'))]\n"
        "assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


@pytest.mark.parametrize(
    ("sizes", "options"),
    [
        ((11, 81), {"name": "sudoku", "box": "3x3"}),
        ((18, 256), {"name": "sudoku", "box": "4x4"}),
        ((6, 16), {"name": "sudoku", "box": "2x2"}),
        ((6, 25), {"name": "maze", "rows": 5, "columns": 5}),
        ((12, 900), {"name": "arc", "canvas": 30}),
    ],
)
def test_sizes_tell_the_puzzle(sizes, options):
    assert registry.of_sizes(*sizes) == options
    puzzle = puzzles.get(**options)
    assert (puzzle.vocab_size, puzzle.seq_len) == sizes


@pytest.mark.parametrize("sizes", [(11, 80), (7, 81), (2, 2), (6, 4)])
def test_sizes_of_no_puzzle_are_refused(sizes):
    with pytest.raises(puzzles.UserError, match="no puzzle here has such inputs"):
        registry.of_sizes(*sizes)


def test_no_other_attribute_appears():
    with pytest.raises(AttributeError, match="no attribute 'maize'"):
        _ = puzzles.maize
    assert puzzles.get("sudoku").reference_sets["clues_36"] == {"clues": 36}


def test_random_streams_differ_by_every_part_of_their_key():
    keys = [(0, "a"), (1, "a"), (0, "b"), (0, "a", 0), (0, "a", 1), (0, "a", 0, 0)]
    assert len({puzzles.rng(*key).integers(2**62) for key in keys}) == len(keys)
    assert puzzles.rng(3, "x", 4).integers(2**62) == puzzles.rng(3, "x", 4).integers(2**62)
