"""ARC as a domain: generated examples on the canvas, symmetries, text."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import puzzles
from hrm_net.recipes.checks import check_targets
from puzzles import splits
from puzzles.arc.augment import Augmentation
from puzzles.arc.canvas import corners, crop, to_canvas
from puzzles.arc.families import FAMILIES
from puzzles.arc.tasks import Grid
from tests.examples import num_examples

ARC: Any = puzzles.get("arc", canvas=12)
grids = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=7), elements=st.integers(0, 9))
offsets = st.tuples(st.integers(0, 5), st.integers(0, 5))


def examples(family: str, num: int, seed: int = 0, **targets: Any) -> tuple[np.ndarray, np.ndarray]:
    return ARC.generate(puzzles.rng(seed, "test"), num, family=family, **targets)


def test_it_is_a_puzzle_and_the_sizes_are_the_published_ones() -> None:
    arc = puzzles.get("arc")
    assert isinstance(arc, puzzles.Puzzle)
    assert (arc.seq_len, arc.shape, arc.vocab_size, arc.options) == (900, (30, 30), 12, {"canvas": 30})
    assert arc.num_puzzle_ids == 1 + len(FAMILIES)
    assert not arc.verifiable
    for canvas in (2, 65, True, "30"):
        with pytest.raises(ValueError, match=f"puzzle.canvas={canvas}: must be a whole number from 3 to 64"):
            puzzles.get("arc", canvas=canvas)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_lands_on_the_canvas_and_keeps_its_rule(family: str) -> None:
    inputs, labels = examples(family, 8)
    assert inputs.dtype == labels.dtype == np.uint8
    at = corners(inputs)
    np.testing.assert_array_equal(corners(labels), at)  # one offset for both
    for grid, answer in zip(crop(inputs, at), crop(labels, at), strict=True):
        assert FAMILIES[family].verify(grid, answer)
    np.testing.assert_array_equal(to_canvas(crop(inputs, at), 12, at), inputs)
    verdict = ARC.check(inputs, labels)
    assert verdict.valid.all()
    assert not verdict.solved.any()
    assert ARC.puzzle_identifier(family=family, translate=False) == 1 + list(FAMILIES).index(family)


def test_translation_is_uniform_over_what_fits_or_left_out() -> None:
    inputs, labels = examples("flood_fill", 300, max_side=10, min_side=10)
    assert {tuple(at) for at in corners(inputs).tolist()} == {(row, col) for row in range(3) for col in range(3)}
    assert (corners(examples("flood_fill", 20, translate=False)[1]) == 0).all()
    again = examples("flood_fill", 300, max_side=10, min_side=10)
    np.testing.assert_array_equal(again[0], inputs)
    np.testing.assert_array_equal(again[1], labels)
    assert examples("gravity", 0)[0].shape == (0, 144)


def test_the_sets_to_be_judged_on_can_be_made_at_small_canvases() -> None:
    for canvas in (3, 5, 10):
        arc = puzzles.get("arc", canvas=canvas)
        for targets in arc.reference_sets.values():
            inputs, _ = arc.generate(puzzles.rng(0, "test"), 2, **targets)
            assert len(splits.fold(arc, inputs)) == 2
    assert len(puzzles.get("arc", canvas=10).reference_sets) == 5


@num_examples(40)
@given(st.lists(grids, min_size=1, max_size=3), st.lists(offsets, min_size=3, max_size=3), st.integers(0, 99))
def test_transforms_keep_canonical_forms_and_places_do_not_count(
    found: list[Grid], at: list[tuple[int, int]], seed: int
) -> None:
    inputs = to_canvas(found, 12, np.array(at[: len(found)]))
    turned, answers = ARC.transform(puzzles.rng(seed, "transform"), inputs, inputs)
    np.testing.assert_array_equal(turned, answers)
    np.testing.assert_array_equal(ARC.canonical(turned), ARC.canonical(inputs))
    np.testing.assert_array_equal(ARC.invariant(turned), ARC.invariant(inputs))
    np.testing.assert_array_equal(ARC.canonical(ARC.canonical(inputs)), ARC.canonical(inputs))
    np.testing.assert_array_equal(ARC.difficulty(turned), [grid.size for grid in found])
    still = (corners(inputs) == 0).all(axis=1)
    assert (corners(turned)[still] == 0).all()


@num_examples(40)
@given(grids, grids)
def test_equal_canonical_forms_are_symmetric_grids(one: Grid, other: Grid) -> None:
    """By trying the eight transforms with the colours numbered as they appear."""

    def numbered(grid: Grid) -> tuple[Any, ...]:
        names: dict[int, int] = {0: 0}
        return grid.shape, tuple(names.setdefault(int(cell), len(names)) for cell in grid.ravel())

    for pair in ((one, other), (one, (one[::-1] + 1) % 10)):
        symmetric = numbered(pair[0]) in [numbered(Augmentation(turn).apply(pair[1])) for turn in range(8)]
        forms = ARC.canonical(to_canvas(pair, 12))
        assert np.array_equal(forms[0], forms[1]) == symmetric
        assert (len(set(ARC.invariant(to_canvas(pair, 12)).tolist())) == 1) == symmetric


def test_a_transformed_example_is_one_of_an_augmented_task() -> None:
    """Some augmentation that the draw allows maps both grids; over many draws every transform comes up."""
    inputs, labels = examples("gravity", 60, max_side=6, colours=2)
    turned, answers = ARC.transform(puzzles.rng(0, "transform"), inputs, labels)
    pairs = [crop(tokens, corners(where)) for tokens, where in ((inputs, inputs), (labels, inputs))]
    images = [crop(tokens, corners(turned)) for tokens in (turned, answers)]
    seen = set()
    for grid, answer, image, mapped in zip(*pairs, *images, strict=True):
        for turn in range(8):
            moved = [Augmentation(turn).apply(side) for side in (grid, answer)]
            if moved[0].shape != image.shape or moved[1].shape != mapped.shape:
                continue
            before, after = (np.concatenate([side.ravel() for side in two]) for two in (moved, (image, mapped)))
            names = set(zip(before.tolist(), after.tolist(), strict=True))
            if len(names) == len({b for b, _ in names}) == len({a for _, a in names}) and (0, 0) in names:
                seen.add(turn)
                break
        else:
            raise AssertionError("no augmentation maps the example")
    assert seen == set(range(8))


def test_a_grid_is_valid_whatever_its_colours_and_whatever_lies_beyond_its_border() -> None:
    inputs = ARC.parse("2,3:123/456")[None]
    right = ARC.parse("2,3:99/00/11")[None]
    junk = right.copy()
    junk[right == 0] = 7
    assert ARC.check(inputs, right).valid.all()
    assert ARC.check(inputs, junk.reshape(1, 144)).valid.tolist() == [True]
    for place, token in (((2, 3), 0), ((3, 4), 12), ((2, 5), 0), ((5, 4), 2), ((3, 5), 5)):
        broken = right.copy()
        broken[0, place[0] * 12 + place[1]] = token
        assert ARC.check(inputs, broken).valid.tolist() == [False]
    assert ARC.check(inputs, ARC.parse("2,4:99/00/11")[None]).valid.tolist() == [False]


@num_examples(40)
@given(grids, offsets)
def test_text_round_trips(grid: Grid, at: tuple[int, int]) -> None:
    tokens = to_canvas([grid], 12, np.array([at]))[0]
    text = ARC.format(tokens)
    np.testing.assert_array_equal(ARC.parse(text), tokens)
    np.testing.assert_array_equal(ARC.parse(text.replace("/", "\n") + "\n"), tokens)
    assert ":" not in ARC.format(to_canvas([grid], 12)[0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("12/3", "1 cells in row 2, 2 in row 1"),
        ("12/a3", "'a' in row 2: must be colours 0 to 9"),
        ("12/²3", "'²' in row 2"),
        ("", "puzzle text has no grid"),
        ("12//34", "0 cells in row 2"),
        ("0" * 13, "1x13 at 0,0: the canvas is 12x12"),
        ("11,0:1/1", "2x1 at 11,0: the canvas is 12x12"),
        ("-1,0:1", "'-' in row 1"),
    ],
)
def test_bad_text_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        ARC.parse(text)
    assert "\n" not in str(caught.value)


def test_the_sizes_of_a_family_are_targets_in_a_configuration() -> None:
    check_targets(ARC, [("sets.a", {"family": "gravity", "percent": 20, "max_side": 6})])
    for targets, message in (
        ({"family": "gravity", "percnt": 20}, "sets.a.percnt=20: family gravity takes"),
        ({"family": "odd_one_out", "max_side": 6}, "sets.a.max_side=6: family odd_one_out needs a whole number from 7"),
        ({"family": 3}, "sets.a.family=3: must be one of gravity"),
    ):
        with pytest.raises(ValueError, match=message):
            check_targets(ARC, [("sets.a", targets)])


def test_targets_out_of_reach_and_canvases_without_a_grid() -> None:
    rng = puzzles.rng(0, "test")
    for num in (0, 1):
        with pytest.raises(ValueError, match="family=gravty: must be one of gravity, "):
            ARC.generate(rng, num, family="gravty")
        with pytest.raises(ValueError, match=r"max_side=13: must be at most puzzle\.canvas=12"):
            ARC.generate(rng, num, max_side=13)
        with pytest.raises(ValueError, match="translate=1: must be true or false"):
            ARC.generate(rng, num, translate=1)
        with pytest.raises(ValueError, match="colours=12: family gravity needs"):
            ARC.generate(rng, num, colours=12)
        with pytest.raises(ValueError, match="clues=17: family gravity takes"):
            ARC.generate(rng, num, clues=17)
    with pytest.raises(ValueError, match="num=-1: must be at least 0"):
        ARC.generate(rng, -1)
    inputs, labels = examples("gravity", 3)
    with pytest.raises(ValueError, match="the rule is not known from one grid"):
        ARC.solve(inputs)
    stray = inputs.copy()
    stray[1, np.flatnonzero(stray[1] == 0)[-1]] = 3
    with pytest.raises(ValueError, match=r"inputs\[1\] is not one grid closed by EOS on an empty canvas"):
        ARC.difficulty(stray)
    with pytest.raises(ValueError, match=r"inputs\[0\] has no grid"):
        ARC.canonical(np.zeros((1, 144), np.uint8))
    with pytest.raises(ValueError, match=r"inputs have shape \[3, 143\]: must be \[num, 144\]"):
        ARC.invariant(inputs[:, 1:])
    with pytest.raises(ValueError, match=r"labels\[2\] has no grid where its input has one"):
        ARC.transform(rng, inputs, np.concatenate([labels[:2], 0 * labels[:1]]))


def test_text_for_the_terminal_shows_the_answer() -> None:
    inputs, labels = examples("gravity", 1)
    assert ARC.render(inputs[0]) != ARC.render(inputs[0], labels[0])
