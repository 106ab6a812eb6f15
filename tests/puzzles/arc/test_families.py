"""Procedural ARC families: examples verify at every size, bad sizes are refused, the two sides share no code."""

import ast
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from puzzles import rng as stream
from puzzles.arc.families import FAMILIES, Family
from tests.examples import num_examples
from tests.paths import REPO

pytestmark = pytest.mark.slow

FOLDER = REPO / "puzzles" / "arc" / "families"
EACH = pytest.mark.parametrize("family", FAMILIES.values(), ids=list(FAMILIES))

NAMES = """
    gravity flood_fill symmetry_completion drop_objects move_to_wall project_shadow shoot_rays
    bouncing_ray paint_bucket hollow box_interior outline fill_bounding_box reflect_across
    mirror rotate mirror_tile scale_up scale_by_colours shrink tile
    self_tile crop_largest largest_object crop_frame odd_one_out denoise recolour_by_size
    stamp count_objects most_common_colour histogram sort_bars rank_bars draw_lines
    crosshairs diagonals extend_pattern mask_and mask_or mask_xor stencil
    swap_colours colour_key
""".split()  # noqa: SIM905


@st.composite
def sizes(draw, family: Family) -> dict[str, int]:
    """Any sizes within bounds, the extremes more often than not."""
    least = next(side for side in range(1, 31) if family.input_side(side) >= family.least_side)
    chosen = {"max_side": draw(st.sampled_from([least, 10, 30]) | st.integers(least, 30))}
    for key, size in family.bounds(chosen["max_side"]).items():
        chosen[key] = draw(st.sampled_from([size.low, size.default, size.high]) | st.integers(size.low, size.high))
    return chosen


@EACH
@num_examples(25)
@given(data=st.data(), seed=st.integers(0, 2**32))
def test_any_example_is_well_formed_and_verifies(family, data, seed):
    chosen = data.draw(sizes(family))
    grids = family.generate(np.random.default_rng(seed), **chosen)
    again = family.generate(np.random.default_rng(seed), **chosen)
    for grid, other in zip(grids, again, strict=True):
        assert grid.dtype == np.uint8
        assert grid.ndim == 2
        assert min(grid.shape) >= 1
        assert max(grid.shape) <= chosen["max_side"]
        assert grid.max() <= 9
        assert grid.flags.c_contiguous
        np.testing.assert_array_equal(grid, other)
    assert not np.array_equal(*grids)
    assert not np.shares_memory(*grids)
    assert family.verify(*grids)


@EACH
def test_examples_differ(family):
    rng = stream(0, "families")
    inputs = [family.generate(rng)[0] for _ in range(100)]
    assert len({(grid.shape, grid.tobytes()) for grid in inputs}) >= 95
    assert len({grid.shape for grid in inputs}) > 1


@EACH
def test_min_side_and_max_side_bound_the_input(family):
    high = family.input_side(10)
    for seed in range(20):
        grid = family.generate(np.random.default_rng(seed), min_side=high)[0]
        assert max(grid.shape) <= high
        # a middle line or a whole enlargement needs a side that fits it; the panels of masks count once
        assert max(grid.shape) >= high - 2


@EACH
def test_a_size_out_of_bounds_is_refused_by_name_before_any_draw(family):
    rng = np.random.default_rng(0)
    state = rng.bit_generator.state
    for key, size in family.bounds().items():
        for value in (size.low - 1, size.high + 1):
            with pytest.raises(ValueError, match=rf"^{key}={value}: .*{size.low} to {size.high}$") as caught:
                family.generate(rng, **{key: value})
            assert "\n" not in str(caught.value)
    for side in (0, 31):
        with pytest.raises(ValueError, match=rf"^max_side={side}: .* to 30$"):
            family.generate(rng, max_side=side)
    with pytest.raises(ValueError, match=r"^weight=3: .*min_side"):
        family.generate(rng, weight=3)
    assert rng.bit_generator.state == state


def test_the_order_gives_identifiers_and_so_never_changes():
    assert list(FAMILIES) == NAMES
    assert all(name == family.name and family.doc.endswith(".") for name, family in FAMILIES.items())


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.startswith("puzzles")}


def test_generators_and_verifiers_share_no_code():
    verifiers = sorted((FOLDER / "verifiers").glob("*.py"))
    makers = [path for path in sorted(FOLDER.glob("*.py")) if path.name not in ("__init__.py", "family.py")]
    assert len(verifiers) >= 8
    assert len(makers) >= 8
    for path in verifiers:
        assert all(name.startswith("puzzles.arc.families.verifiers") for name in imported(path)), path
    for path in makers:
        assert all(name.startswith("puzzles.arc.families.draw") for name in imported(path)), path
