"""ARC drawn in the colours of its own web site: grids, canvases of tokens, sheets of a task and of its votes.

Grids are 2-D arrays of colours 0-9. A canvas [seq] holds tokens: padding 0, end of grid 1, colours 2 to 11.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Integer
from PIL import Image, ImageDraw

from puzzles.base import Puzzle
from puzzles.drawing.canvas import (
    CROSS,
    FILLED,
    GREY,
    INK,
    ROWS_OF_PAIRS,
    WHITE,
    WRONG,
    Drawer,
    Row,
    below,
    beside,
    flow,
    half_blocks,
    on_terminal,
    panel,
    with_margin,
)
from puzzles.errors import UserError

PAD, END, FIRST = 0, 1, 2
COLOURS = (
    "#000000", "#0074D9", "#FF4136", "#2ECC40", "#FFDC00", "#AAAAAA", "#F012BE", "#FF851B", "#7FDBFF", "#870C25",
)  # fmt: skip
RULE, PAD_GROUND, END_GROUND, HATCH = "#555555", "#f4f4f4", "#d9d2c3", "#b5b5b5"
SHEET_WIDTH, LARGEST_CELL, GRID_PIXELS = 1500, 26, 330

Grid = Integer[np.ndarray, "_ _"]  # sizes differ within a call
Marks = Bool[np.ndarray, "_ _"]


def crop(canvas: Grid, corner: tuple[int, int] = (0, 0)) -> Grid:
    """The colours of the largest rectangle from `corner` that holds neither padding nor end of grid; may be empty."""
    part = canvas[corner[0] :, corner[1] :]
    runs = np.cumprod((part >= FIRST) & (part < FIRST + len(COLOURS)), axis=1).sum(axis=1)
    widths = np.minimum.accumulate(runs)
    areas = widths * np.arange(1, len(widths) + 1)
    rows = int(np.argmax(areas)) + 1
    return part[:rows, : widths[rows - 1]] - FIRST


def grid_image(grid: Grid, cell: int, wrong: Marks | None = None) -> Image.Image:
    """A grid with `cell` pixels a cell; cells in `wrong` bear a cross. An empty one is hatched."""
    _check(grid, "grid")
    return _picture(grid + FIRST if grid.size else np.full((3, 3), PAD), cell, wrong)


def render_task(
    demonstrations: Sequence[tuple[Grid, Grid]],
    test_input: Grid,
    target: Grid | None,
    predictions: Sequence[Grid],
    captions: Sequence[str] | None = None,
    *,
    cell: int | None = None,
) -> Image.Image:
    """A sheet: demonstrations as input -> output, then test input, target and predictions ("segment 1", ...).

    Crosses mark what differs from the target, where the size is right. A prediction may be empty (no grid found).
    """
    if captions is None:
        captions = [f"segment {i + 1}" for i in range(len(predictions))]
    if len(captions) != len(predictions):
        raise UserError(f"captions: {len(captions)} for {len(predictions)} predictions")
    shown = [grid for pair in demonstrations for grid in pair] + [test_input, *_known(target), *predictions]
    cell = cell or _cell_for(shown)
    shows = [_demonstration(i, pair, cell) for i, pair in enumerate(demonstrations)]
    tests = _question(test_input, target, cell)
    tests += [_compared_panel(grid, target, caption, cell) for grid, caption in zip(predictions, captions, strict=True)]
    gap = 24
    rows = [flow(panels, SHEET_WIDTH, gap) for panels in (shows, tests) if panels]
    return with_margin(below(rows, gap), gap)


def render_votes(
    test_input: Grid,
    target: Grid | None,
    votes: Sequence[tuple[Grid, int, float]],
    *,
    total: int | None = None,
    cell: int | None = None,
) -> Image.Image:
    """A sheet: test input, target, and the first two of `votes`, (grid, count, confidence) in the order of their rank.

    `total`: votes cast, by default those listed.
    """
    cell = cell or _cell_for([test_input, *_known(target), *(grid for grid, _, _ in votes[:2])])
    total = sum(count for _, count, _ in votes) if total is None else total
    panels = _question(test_input, target, cell)
    for rank, (grid, count, confidence) in enumerate(votes[:2]):
        ballot = f"{count} of {total} votes, confidence {100 * confidence:.0f} %"
        attempt = _compared_panel(grid, target, f"attempt {rank + 1}", cell)
        panels.append(below([attempt, _words(ballot)], 6))
    return with_margin(flow(panels, SHEET_WIDTH, 24), 24)


def text(puzzle: Puzzle, inputs: Row, outputs: Row, labels: Row | None, colour: bool) -> str:
    """Digits; in colour blocks, of large boards two cells a character. "." is padding and "+" the end of the grid."""
    shown = _shown(puzzle, inputs, outputs)
    if not colour:
        return "\n".join(" ".join((".+" + "0123456789")[max(0, token)] for token in row) for row in shown.tolist())
    colours = [[(PAD_GROUND, END_GROUND, *COLOURS)[max(0, token)] for token in row] for row in shown.tolist()]
    if len(colours) > ROWS_OF_PAIRS:
        return half_blocks(colours)
    wrong = _wrong(puzzle, inputs, outputs, labels)
    crosses = np.zeros(shown.shape, bool) if wrong is None else wrong
    return "\n".join(
        "".join(
            on_terminal(_contrast(ground), ground, f"{CROSS} " if crossed else "  ")
            for ground, crossed in zip(row, marks, strict=True)
        )
        for row, marks in zip(colours, crosses.tolist(), strict=True)
    )


def board(
    puzzle: Puzzle, inputs: Row, outputs: Row, labels: Row | None, changed: Bool[np.ndarray, " seq"], cell: int
) -> Image.Image:
    return _picture(_shown(puzzle, inputs, outputs), cell, _wrong(puzzle, inputs, outputs, labels))


def verdict(puzzle: Puzzle, inputs: Row, outputs: Row, labels: Row | None) -> tuple[str, str]:
    """Whether it equals the target, or by how much not; empty without one. EOS may close a right grid wrongly."""
    if labels is None:
        return "", INK
    words, colour = _compared(_grid(puzzle, inputs, outputs), _grid(puzzle, inputs, labels))
    if colour == FILLED and ((outputs != labels) & (labels > PAD)).any():
        return "right grid, wrong end", WRONG
    return words, colour


def mistakes(puzzle: Puzzle, inputs: Row, outputs: Row, labels: Row | None) -> str:
    return verdict(puzzle, inputs, outputs, labels)[0]


def extent(puzzle: Puzzle, inputs: Row, outputs: Row) -> tuple[int, int]:
    rows, columns = _shown(puzzle, inputs, outputs).shape
    return rows, columns


def _grid(puzzle: Puzzle, inputs: Row, outputs: Row) -> Grid:
    """The grid in a state: from where the input's grid begins, as both share one place on the canvas."""
    coloured = inputs.reshape(puzzle.shape) >= FIRST
    corner = (int(np.argmax(coloured.any(axis=1))), int(np.argmax(coloured.any(axis=0))))
    return crop(outputs.reshape(puzzle.shape), corner)


def _shown(puzzle: Puzzle, inputs: Row, outputs: Row) -> Grid:
    """The tokens of the grid, or the whole canvas where it holds none."""
    grid = _grid(puzzle, inputs, outputs)
    return grid + FIRST if grid.size else outputs.reshape(puzzle.shape)


def _wrong(puzzle: Puzzle, inputs: Row, outputs: Row, labels: Row | None) -> Marks | None:
    if labels is None:
        return None
    return _differing(_grid(puzzle, inputs, outputs), _grid(puzzle, inputs, labels))


def _differing(grid: Grid, target: Grid | None) -> Marks | None:
    return None if target is None or grid.shape != target.shape else grid != target


def _compared(grid: Grid, target: Grid) -> tuple[str, str]:
    if grid.size == 0:
        return "no grid", WRONG
    if grid.shape != target.shape:
        return "{}x{}, not {}x{}".format(*grid.shape, *target.shape), WRONG
    wrong = int((grid != target).sum())
    return (f"{wrong} wrong", WRONG) if wrong else ("all right", FILLED)


def _picture(tokens: Grid, cell: int, wrong: Marks | None) -> Image.Image:
    rows, columns = tokens.shape
    image = Image.new("RGB", (columns * cell + 1, rows * cell + 1), RULE)
    draw = ImageDraw.Draw(image)
    for r, c in np.ndindex(rows, columns):
        token = int(tokens[r, c])
        x, y = c * cell, r * cell
        box = (x + 1, y + 1, x + cell - 1, y + cell - 1)
        if token >= FIRST:
            draw.rectangle(box, fill=COLOURS[token - FIRST])
        else:
            draw.rectangle(box, fill=END_GROUND if token == END else PAD_GROUND)
            draw.line((x + 1, y + cell - 1, x + cell - 1, y + 1), fill=HATCH)
            if token == END:
                draw.line((x + 1, y + 1, x + cell - 1, y + cell - 1), fill=HATCH)
        if wrong is not None and wrong[r, c]:
            _cross(draw, x + cell / 2, y + cell / 2, cell * 0.22, _contrast(COLOURS[token - FIRST]))
    return image


def _cross(draw: ImageDraw.ImageDraw, x: float, y: float, arm: float, colour: str) -> None:
    for slope in (1, -1):
        draw.line((x - arm, y - slope * arm, x + arm, y + slope * arm), fill=colour, width=max(1, int(arm / 1.8)))


def _contrast(ground: str) -> str:
    return WHITE if ground in (COLOURS[0], COLOURS[1], COLOURS[6], COLOURS[9]) else INK


def _known(grid: Grid | None) -> list[Grid]:
    return [] if grid is None else [grid]


def _check(grid: Grid, what: str) -> None:
    if grid.size and not 0 <= int(grid.min()) <= int(grid.max()) < len(COLOURS):
        raise UserError(f"{what}: has colours {grid.min()} to {grid.max()}: must be 0 to 9")


def _cell_for(grids: Sequence[Grid]) -> int:
    return max(4, min(LARGEST_CELL, GRID_PIXELS // max(1, *(side for grid in grids for side in grid.shape))))


def _words(line: str, colour: str = GREY) -> Image.Image:
    return panel(Image.new("RGB", (1, 1), WHITE), "", line, colour)


def _demonstration(i: int, pair: tuple[Grid, Grid], cell: int) -> Image.Image:
    before, after = (grid_image(grid, cell) for grid in pair)
    arrow = Image.new("RGB", (26, max(before.height, after.height)), WHITE)
    draw, y = ImageDraw.Draw(arrow), min(before.height, after.height) // 2
    draw.line((2, y, 20, y), fill=INK, width=2)
    draw.polygon(((17, y - 5), (24, y), (17, y + 5)), fill=INK)
    return panel(beside([before, arrow, after], 4), f"demonstration {i + 1}")


def _question(test_input: Grid, target: Grid | None, cell: int) -> list[Image.Image]:
    panels = [panel(grid_image(test_input, cell), "test input")]
    return panels + [panel(grid_image(grid, cell), "target") for grid in _known(target)]


def _compared_panel(grid: Grid, target: Grid | None, caption: str, cell: int) -> Image.Image:
    image = grid_image(grid, cell, _differing(grid, target))
    if target is None and grid.size:
        return panel(image, caption)
    return panel(image, caption, *_compared(grid, grid if target is None else target))


DRAWER = Drawer(text=text, board=board, verdict=verdict, mistakes=mistakes, extent=extent, beside=("puzzle", "target"))
