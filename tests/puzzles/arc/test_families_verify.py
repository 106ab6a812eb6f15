"""Verifiers of the ARC families: no other answer passes, and the symmetries a family claims are exactly its own."""

import inspect
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from puzzles.arc.families import FAMILIES
from tests.examples import num_examples
from tests.paths import REPO

pytestmark = pytest.mark.slow

EACH = pytest.mark.parametrize("family", FAMILIES.values(), ids=list(FAMILIES))
EXAMPLES = 3
GRIDS = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.integers(0, 9))


def turned(grid, turn: int):
    """One of the eight symmetries of the square."""
    grid = np.rot90(grid, turn % 4)
    return grid.T if turn >= 4 else grid


@EACH
def test_every_single_cell_change_is_refused(family):
    rng = np.random.default_rng(1)
    for _ in range(EXAMPLES):
        grid, out = family.generate(rng)
        for cell in np.ndindex(out.shape):
            for colour in set(range(10)) - {int(out[cell])}:
                wrong = out.copy()
                wrong[cell] = colour
                assert not family.verify(grid, wrong), (cell, colour)
        assert family.verify(grid, out)


@EACH
def test_wrong_shapes_and_the_input_itself_are_refused(family):
    rng = np.random.default_rng(2)
    for _ in range(20):
        grid, out = family.generate(rng)
        assert not family.verify(grid, grid)
        for wrong in (
            out[1:],
            out[:-1],
            out[:, 1:],
            out[:, :-1],
            np.pad(out, ((0, 1), (0, 0))),
            np.pad(out, ((0, 0), (0, 1))),
            np.pad(out, ((1, 0), (0, 0))),
            np.repeat(out, 2, axis=0),
            np.full((31, 31), 1),
            out[None],
            out.astype(np.int64) + 10,
            out.astype(np.int64) - 10,
        ):
            assert not family.verify(grid, wrong)
        if out.shape[0] != out.shape[1]:
            assert not family.verify(grid, out.T)


@EACH
def test_another_examples_output_is_refused(family):
    rng = np.random.default_rng(3)
    pairs = [family.generate(rng) for _ in range(30)]
    for (grid, out), (_, other) in pairwise(pairs):
        assert family.verify(grid, other) == np.array_equal(out, other)


@EACH
@num_examples(40)
@given(grid=GRIDS, out=GRIDS)
def test_any_two_grids_get_an_answer(family, grid, out):
    assert family.verify(grid, out) in (True, False)
    assert family.verify(grid, grid) is False


@EACH
def test_turning_both_grids_keeps_the_rule_exactly_where_the_family_says_so(family):
    rng = np.random.default_rng(4)
    kept = [
        family.verify(turned(grid, turn), turned(out, turn))
        for grid, out in (family.generate(rng) for _ in range(30))
        for turn in range(8)
    ]
    assert all(kept) == family.dihedral


@EACH
def test_permuting_the_colours_keeps_the_rule_exactly_where_the_family_says_so(family):
    rng = np.random.default_rng(5)
    kept = []
    for _ in range(60):
        grid, out = family.generate(rng)
        table = np.concatenate([[0], 1 + rng.permutation(9)]).astype(np.uint8)
        kept.append(family.verify(table[grid], table[out]))
    assert all(kept) == family.colours


def sizes_at(family, end: str) -> dict[str, int]:
    """All sizes at their lowest, their highest or their default value."""
    least = next(side for side in range(1, 31) if family.input_side(side) >= family.least_side)
    side = {"low": least, "default": 10, "high": 12}[end]
    return {"max_side": side} | {key: getattr(size, end) for key, size in family.bounds(side).items()}


@EACH
def test_a_verifier_answers_with_a_plain_bool_on_right_wrong_and_odd_grids(family):
    """The import hook checks the annotations of every function on the way: a NumPy boolean is not a `bool`."""
    for end in ("low", "default", "high"):
        for seed in range(12):
            rng = np.random.default_rng(seed)
            grid, out = family.generate(rng, **sizes_at(family, end))
            wrong = out.copy()
            wrong[rng.integers(wrong.shape[0]), rng.integers(wrong.shape[1])] += 1
            plain = np.full_like(grid, grid.flat[0])
            noise = rng.integers(0, 3, grid.shape).astype(np.uint8)
            pairs = [(grid, out), (grid, wrong), (out, grid), (grid, out.T.copy()), (plain, out), (noise, grid)]
            pairs += [(np.zeros_like(grid), out), (grid, np.zeros_like(out)), (noise[:1], out), (grid, noise[:, :1])]
            for first, second in pairs:
                assert type(family.holds(first, second % 10)) is bool


def predicates() -> dict[str, tuple[Any, int]]:
    """Every function of the families that takes grids alone and answers with a bool, and how many grids it takes."""
    found = {}
    for path in sorted((REPO / "puzzles" / "arc" / "families").rglob("*.py")):
        module = import_module(".".join(path.relative_to(REPO).with_suffix("").parts))
        if not hasattr(module, "Grid"):
            continue
        for name, function in inspect.getmembers(module, inspect.isfunction):
            hints = inspect.get_annotations(inspect.unwrap(function))
            if hints.pop("return", None) is bool and hints and set(hints.values()) == {module.Grid}:
                found[f"{function.__module__}.{name}"] = (function, len(hints))
    return found


def test_every_predicate_on_grids_answers_with_a_plain_bool():
    """On small grids of few colours, which are walls, frames and panels of one colour by chance."""
    functions = predicates()
    assert {"puzzles.arc.families.physics._second_wall", "puzzles.arc.families.verifiers.objects.stamp"} <= set(
        functions
    )
    rng = np.random.default_rng(0)
    for name, (function, num) in functions.items():
        for _ in range(150):
            shape = rng.integers(2, 6, 2)
            grids = [rng.choice([0, 1, 2, 5], shape, p=[0.2, 0.5, 0.2, 0.1]).astype(np.uint8) for _ in range(num)]
            for grid in grids:
                if rng.random() < 0.4:
                    grid[0] = grid[0, 0]
                if rng.random() < 0.4:
                    grid[1:] = 0
            try:
                answer = function(*grids)
            except (IndexError, ValueError):
                continue  # of another shape than this helper expects; wrong types raise others
            assert type(answer) is bool, name
