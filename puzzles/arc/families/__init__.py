"""Procedural rules on ARC grids, each with a generator, a verifier that shares no code with it, and sizes.

`FAMILIES[name].generate(rng, max_side=10, **sizes)` makes examples (input, output) without end, and
`FAMILIES[name].verify(input, output)` refuses every other output. A family's place in FAMILIES gives its puzzle
identifier: new ones go to the end.
"""

from math import isqrt
from typing import Any

from puzzles.arc.families import cellwise, copies, filling, lines, objects, physics, quantities
from puzzles.arc.families import verifiers as rules
from puzzles.arc.families.family import Family, Size

__all__ = ["FAMILIES", "Family", "Size"]

# what input and output may undergo alike: (turns and mirrors, permutations of the colours 1..9)
BOTH, TURNS, RECOLOURS, NEITHER = (True, True), (True, False), (False, True), (False, False)


def _half(side: int) -> int:
    return side // 2


def _percent(default: int, low: int = 5, high: int = 80) -> Size:
    return Size(doc="the chance of a cell to be coloured, in percent", default=default, low=low, high=high)


def _colours(default: int, low: int = 1, high: int = 9) -> Size:
    return Size(doc="colours to draw from", default=default, low=low, high=high)


def _most(what: str, default: int, low: int = 1, high: int = 9) -> Size:
    return Size(doc=f"at most so many {what}", default=default, low=low, high=high)


def _rule(
    make: Any, holds: Any, sides: tuple[int, int], keeps: tuple[bool, bool], input_side: Any = int, **sizes: Size
) -> Family:
    """A family named and described as its generator is; sides: the least of an input and the default of min_side."""
    return Family(
        name=make.__name__,
        doc=make.__doc__,
        make=make,
        holds=holds,
        least_side=sides[0],
        usual_side=sides[1],
        sizes=sizes,
        input_side=input_side,
        dihedral=keeps[0],
        colours=keeps[1],
    )


_TABLE = (
    _rule(physics.gravity, rules.physics.gravity, (3, 5), RECOLOURS, percent=_percent(30), colours=_colours(4)),
    _rule(
        filling.flood_fill,
        rules.filling.flood_fill,
        (3, 6),
        TURNS,
        objects=_most("frames drawn", 3),
        gaps=_most("cells of the walls taken out", 2, 0, 9),
    ),
    _rule(
        copies.symmetry_completion,
        rules.copies.symmetry_completion,
        (4, 5),
        BOTH,
        colours=_colours(4, 2, 9),
        holes=_most("rectangles hidden", 2, 1, 6),
    ),
    _rule(physics.drop_objects, rules.physics.drop_objects, (4, 6), RECOLOURS, objects=_most("objects", 4)),
    _rule(
        physics.move_to_wall, rules.physics.move_to_wall, (4, 5), BOTH, percent=_percent(25), colours=_colours(3, 1, 8)
    ),
    _rule(physics.project_shadow, rules.physics.project_shadow, (4, 6), BOTH, objects=_most("objects", 4)),
    _rule(
        physics.shoot_rays,
        rules.physics.shoot_rays,
        (4, 6),
        BOTH,
        dots=_most("dots", 3),
        obstacles=_most("obstacles", 4, 0, 20),
    ),
    _rule(physics.bouncing_ray, rules.physics.bouncing_ray, (4, 5), RECOLOURS),
    _rule(filling.paint_bucket, rules.filling.paint_bucket, (4, 6), BOTH, objects=_most("objects", 4)),
    _rule(filling.hollow, rules.filling.hollow, (4, 6), BOTH, objects=_most("objects", 4)),
    _rule(filling.box_interior, rules.filling.box_interior, (4, 7), TURNS, objects=_most("objects", 4)),
    _rule(filling.outline, rules.filling.outline, (4, 6), TURNS, objects=_most("objects", 3)),
    _rule(filling.fill_bounding_box, rules.filling.fill_bounding_box, (4, 6), TURNS, objects=_most("objects", 3)),
    _rule(
        copies.reflect_across,
        rules.copies.reflect_across,
        (3, 5),
        BOTH,
        percent=_percent(40),
        colours=_colours(3, 1, 8),
    ),
    _rule(copies.mirror, rules.copies.mirror, (3, 4), RECOLOURS, percent=_percent(40), colours=_colours(4)),
    _rule(copies.rotate, rules.copies.rotate, (3, 4), RECOLOURS, percent=_percent(40), colours=_colours(4)),
    _rule(
        copies.mirror_tile,
        rules.copies.mirror_tile,
        (2, 2),
        RECOLOURS,
        input_side=_half,
        percent=_percent(50),
        colours=_colours(4),
    ),
    _rule(
        copies.scale_up,
        rules.copies.scale_up,
        (2, 2),
        BOTH,
        input_side=_half,
        percent=_percent(50),
        colours=_colours(4),
    ),
    _rule(
        copies.scale_by_colours,
        rules.copies.scale_by_colours,
        (2, 2),
        BOTH,
        input_side=_half,
        percent=_percent(60, 20, 80),
        colours=_colours(3, 2, 4),
    ),
    _rule(copies.shrink, rules.copies.shrink, (4, 6), BOTH, percent=_percent(60), colours=_colours(4)),
    _rule(copies.tile, rules.copies.tile, (2, 2), BOTH, input_side=_half, percent=_percent(50), colours=_colours(4)),
    _rule(
        copies.self_tile,
        rules.copies.self_tile,
        (2, 2),
        BOTH,
        input_side=isqrt,
        percent=_percent(50),
        colours=_colours(4),
    ),
    _rule(objects.crop_largest, rules.objects.crop_largest, (5, 7), BOTH, objects=_most("objects", 4, 2, 9)),
    _rule(objects.largest_object, rules.objects.largest_object, (5, 7), BOTH, objects=_most("objects", 4, 2, 9)),
    _rule(
        objects.crop_frame,
        rules.objects.crop_frame,
        (4, 7),
        BOTH,
        percent=_percent(30, 5, 60),
        colours=_colours(4, 1, 8),
    ),
    _rule(
        objects.odd_one_out,
        rules.objects.odd_one_out,
        (7, 8),
        BOTH,
        objects=_most("objects", 5, 3, 9),
        cells=_most("cells of an object", 4, 3, 6),
    ),
    _rule(
        objects.denoise,
        rules.objects.denoise,
        (5, 6),
        BOTH,
        objects=_most("objects", 3),
        specks=_most("single cells", 6, 1, 30),
    ),
    _rule(
        objects.recolour_by_size,
        rules.objects.recolour_by_size,
        (4, 6),
        TURNS,
        objects=_most("objects", 5),
        cells=_most("cells of an object", 4, 1, 6),
    ),
    _rule(objects.stamp, rules.objects.stamp, (6, 8), BOTH, dots=_most("dots", 3)),
    _rule(quantities.count_objects, rules.quantities.count_objects, (4, 5), RECOLOURS, objects=_most("objects", 6)),
    _rule(
        quantities.most_common_colour,
        rules.quantities.most_common_colour,
        (3, 4),
        BOTH,
        percent=_percent(50),
        colours=_colours(4, 2, 9),
    ),
    _rule(
        quantities.histogram,
        rules.quantities.histogram,
        (3, 5),
        RECOLOURS,
        colours=_colours(4, 2, 9),
        most=_most("cells of one colour", 6, 2, 30),
    ),
    _rule(quantities.sort_bars, rules.quantities.sort_bars, (3, 5), RECOLOURS, bars=_most("bars", 5, 2, 9)),
    _rule(quantities.rank_bars, rules.quantities.rank_bars, (3, 5), NEITHER, bars=_most("bars", 4, 2, 9)),
    _rule(
        lines.draw_lines,
        rules.lines.draw_lines,
        (3, 6),
        BOTH,
        pairs=_most("pairs of dots", 3, 1, 7),
        singles=_most("dots without a partner", 1, 0, 2),
    ),
    _rule(lines.crosshairs, rules.lines.crosshairs, (3, 5), TURNS, dots=_most("dots", 3, 2, 8)),
    _rule(lines.diagonals, rules.lines.diagonals, (3, 5), BOTH, dots=_most("dots", 2)),
    _rule(
        lines.extend_pattern,
        rules.lines.extend_pattern,
        (5, 6),
        BOTH,
        period=_most("period of the pattern", 4, 2, 14),
        colours=_colours(4, 2, 9),
    ),
    _rule(cellwise.mask_and, rules.cellwise.mask_and, (3, 5), TURNS, percent=_percent(50)),
    _rule(cellwise.mask_or, rules.cellwise.mask_or, (3, 5), TURNS, percent=_percent(40)),
    _rule(cellwise.mask_xor, rules.cellwise.mask_xor, (3, 5), TURNS, percent=_percent(50)),
    _rule(cellwise.stencil, rules.cellwise.stencil, (3, 5), BOTH, percent=_percent(50), colours=_colours(4, 1, 7)),
    _rule(cellwise.swap_colours, rules.cellwise.swap_colours, (3, 4), BOTH, percent=_percent(50)),
    _rule(
        cellwise.colour_key,
        rules.cellwise.colour_key,
        (5, 6),
        RECOLOURS,
        keys=_most("rows of the key", 3, 1, 4),
        percent=_percent(60),
    ),
)
FAMILIES: dict[str, Family] = {family.name: family for family in _TABLE}
