"""What the drawings of all puzzles share: colours, the typeface, captioned panels, sheets, cells on a terminal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Integer
from PIL import Image, ImageColor, ImageDraw, ImageFont

from puzzles.errors import UserError

Row = Integer[np.ndarray, " seq"]
Cells = Integer[np.ndarray, "rows columns"]

WHITE, INK, FILLED, WRONG = "#ffffff", "#1a1a1a", "#0a6ebd", "#c8102e"
GIVEN_GROUND, WRONG_GROUND, CHANGED_GROUND = "#eeeeee", "#fbdfe1", "#fdf3c4"
THIN_RULE, GREY = "#b9b9b9", "#6b6b6b"
BOLD, BLUE, RED, DIM, RESET = "\x1b[1m", "\x1b[34m", "\x1b[1;31m", "\x1b[2m", "\x1b[0m"
CROSS = "\N{MULTIPLICATION SIGN}"
ROWS_OF_PAIRS = 16  # on a terminal, boards with more rows take half a character a cell: 30 rows fit into 24 lines


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawer:
    """How one kind of puzzle is drawn. States are rows of token ids [seq], labels may be None.

    `text(puzzle, inputs, outputs, labels, colour) -> str`, `board(puzzle, inputs, outputs, labels, changed, cell) ->
    image`, `verdict(puzzle, inputs, outputs, labels) -> (words, their colour)`, `mistakes(puzzle, inputs, outputs,
    labels) -> words` on what is wrong, and `extent(puzzle, inputs, outputs) -> (rows, columns)` that the board shows.
    """

    text: Callable[..., str]
    board: Callable[..., Image.Image]
    verdict: Callable[..., tuple[str, str]]
    mistakes: Callable[..., str]
    extent: Callable[..., tuple[int, int]]
    beside: tuple[str, ...]  # what a state needs beside it to be understood: "puzzle", "target"


def font(size: int) -> ImageFont.FreeTypeFont:
    """The scalable typeface that comes inside Pillow."""
    loaded = ImageFont.load_default(size=size)
    if not isinstance(loaded, ImageFont.FreeTypeFont):
        raise UserError("pictures of puzzles need a Pillow built with FreeType")
    return loaded


def panel(board: Image.Image, left: str, right: str = "", colour: str = INK, *, size: int = 13) -> Image.Image:
    """The board under a line of text, `right` in `colour`; wider than the board where the words are."""
    face = font(size)
    words = face.getlength(left) + face.getlength(right) + (size // 3 if left and right else 0)
    height, width = int(size * 1.6), max(board.width, int(words) + 2)
    image = Image.new("RGB", (width, board.height + height), WHITE)
    image.paste(board, (0, height))
    draw = ImageDraw.Draw(image)
    draw.text((1, size), left, fill=INK, font=face, anchor="ls")
    draw.text((width - 1, size), right, fill=colour, font=face, anchor="rs")
    return image


def with_margin(image: Image.Image, margin: int) -> Image.Image:
    framed = Image.new("RGB", (image.width + 2 * margin, image.height + 2 * margin), WHITE)
    framed.paste(image, (margin, margin))
    return framed


def beside(images: Sequence[Image.Image], gap: int) -> Image.Image:
    """From left to right on white, tops aligned."""
    width = sum(image.width for image in images) + gap * (len(images) - 1)
    row = Image.new("RGB", (width, max(image.height for image in images)), WHITE)
    x = 0
    for image in images:
        row.paste(image, (x, 0))
        x += image.width + gap
    return row


def below(images: Sequence[Image.Image], gap: int) -> Image.Image:
    """From top to bottom on white, left edges aligned."""
    height = sum(image.height for image in images) + gap * (len(images) - 1)
    column = Image.new("RGB", (max(image.width for image in images), height), WHITE)
    y = 0
    for image in images:
        column.paste(image, (0, y))
        y += image.height + gap
    return column


def sheet(panels: Sequence[Image.Image], columns: int, gap: int) -> Image.Image:
    """In reading order in rows and columns as large as what is in them, with a margin of `gap`."""
    columns = min(columns, len(panels))
    widths = [max(image.width for image in panels[c::columns]) for c in range(columns)]
    heights = [max(image.height for image in panels[r : r + columns]) for r in range(0, len(panels), columns)]
    size = (sum(widths) + gap * (len(widths) + 1), sum(heights) + gap * (len(heights) + 1))
    image = Image.new("RGB", size, WHITE)
    for i, each in enumerate(panels):
        r, c = divmod(i, columns)
        image.paste(each, (gap + sum(widths[:c]) + c * gap, gap + sum(heights[:r]) + r * gap))
    return image


def flow(panels: Sequence[Image.Image], width: int, gap: int) -> Image.Image:
    """In reading order, a new row where the next panel would go beyond `width` pixels."""
    rows: list[list[Image.Image]] = [[]]
    for each in panels:
        if rows[-1] and sum(image.width + gap for image in rows[-1]) + each.width > width:
            rows.append([])
        rows[-1].append(each)
    return below([beside(row, gap) for row in rows], gap)


def on_terminal(foreground: str | None, background: str | None, text: str) -> str:
    """Text in 24-bit ANSI colours, "#rrggbb" each."""
    codes = [
        f"{layer};2;" + ";".join(map(str, ImageColor.getrgb(colour)))
        for layer, colour in ((38, foreground), (48, background))
        if colour is not None
    ]
    return f"\x1b[{';'.join(codes)}m{text}{RESET}"


def half_blocks(colours: Sequence[Sequence[str]]) -> str:
    """A board on a terminal in half its rows: an upper half block shows two cells, one above the other."""
    lines = []
    for r in range(0, len(colours), 2):
        lower = colours[r + 1] if r + 1 < len(colours) else [None] * len(colours[r])
        lines.append("".join(on_terminal(above, under, "▀") for above, under in zip(colours[r], lower, strict=True)))
    return "\n".join(lines)
