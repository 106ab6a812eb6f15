"""Sudoku drawn: givens dark on grey, filled-in cells blue, wrong ones red."""

from collections import Counter

import numpy as np
from jaxtyping import Bool
from PIL import Image, ImageDraw

from puzzles.base import Puzzle
from puzzles.drawing.canvas import (
    BLUE,
    BOLD,
    CHANGED_GROUND,
    DIM,
    FILLED,
    GIVEN_GROUND,
    INK,
    RED,
    RESET,
    THIN_RULE,
    WHITE,
    WRONG,
    WRONG_GROUND,
    Drawer,
    Row,
    font,
)
from puzzles.sudoku.text import SYMBOLS

BLANK = 1


def _box(puzzle: Puzzle) -> tuple[int, int]:
    rows, columns = str(puzzle.options["box"]).split("x")
    return int(rows), int(columns)


def _symbol(token: int) -> str:
    """ "" for a blank, "?" for a token that is not a digit of the board, as padding in a model's answer."""
    if token == BLANK:
        return ""
    return SYMBOLS[token - 2] if 2 <= token < len(SYMBOLS) + 2 else "?"


def _marks(inputs: Row, outputs: Row, labels: Row | None) -> tuple[Bool[np.ndarray, " seq"], Bool[np.ndarray, " seq"]]:
    """(given, wrong) per cell. A blank is wrong nowhere: it is not an answer yet."""
    given = inputs != BLANK
    wrong = given & (outputs != inputs)
    if labels is not None:
        wrong |= (outputs != labels) & (labels > 0) & (outputs != BLANK)
    return given, wrong


def text(puzzle: Puzzle, inputs: Row, outputs: Row, labels: Row | None, colour: bool) -> str:
    rows, columns = _box(puzzle)
    side = rows * columns
    given, wrong = _marks(inputs, outputs, labels)

    def paint(i: int) -> str:
        symbol = _symbol(int(outputs[i])) or "."
        if not colour:
            return symbol
        style = RED if wrong[i] else BOLD if given[i] else DIM if symbol == "." else BLUE
        return style + symbol + RESET

    dash = "─" * (2 * columns + 1)
    top, middle, bottom = (a + b.join([dash] * rows) + c for a, b, c in ("┌┬┐", "├┼┤", "└┴┘"))
    lines = [top]
    for r in range(side):
        if r and r % rows == 0:
            lines.append(middle)
        boxes = [
            " ".join(paint(r * side + c) for c in range(start, start + columns)) for start in range(0, side, columns)
        ]
        lines.append("│ " + " │ ".join(boxes) + " │")
    return "\n".join([*lines, bottom])


def board(
    puzzle: Puzzle, inputs: Row, outputs: Row, labels: Row | None, changed: Bool[np.ndarray, " seq"], cell: int
) -> Image.Image:
    rows, columns = _box(puzzle)
    side = rows * columns
    given, wrong = _marks(inputs, outputs, labels)
    thin, thick = max(1, cell // 40), max(2, cell // 13)
    edge = thick // 2
    length = side * cell + thick
    image = Image.new("RGB", (length, length), WHITE)
    draw = ImageDraw.Draw(image)
    for i in range(side * side):
        x, y = edge + i % side * cell, edge + i // side * cell
        ground = WRONG_GROUND if wrong[i] else GIVEN_GROUND if given[i] else CHANGED_GROUND if changed[i] else WHITE
        draw.rectangle((x, y, x + cell, y + cell), fill=ground)
    for weight, colour, box in ((thin, THIN_RULE, (1, 1)), (thick, INK, (rows, columns))):
        for step, horizontal in ((box[0], True), (box[1], False)):
            for k in range(0, side + 1, step):
                start = edge + k * cell - weight // 2  # centred on the border of two cells
                line = (
                    (0, start, length - 1, start + weight - 1)
                    if horizontal
                    else (start, 0, start + weight - 1, length - 1)
                )
                draw.rectangle(line, fill=colour)
    face = font(int(cell * 0.62))
    rise = face.getbbox("5", anchor="ls")[1]
    for i in range(side * side):
        symbol = _symbol(int(outputs[i]))
        if symbol:
            x, y = edge + (i % side + 0.5) * cell, edge + (i // side + 0.5) * cell - rise / 2
            colour = WRONG if wrong[i] else INK if given[i] else FILLED
            draw.text((x, y), symbol, fill=colour, font=face, anchor="ms", stroke_width=cell / 100 if given[i] else 0)
    return image


def verdict(puzzle: Puzzle, inputs: Row, outputs: Row, labels: Row | None) -> tuple[str, str]:
    """How many cells differ from the only solution; labels of 0 and below are not scored. Empty without labels."""
    if labels is None:
        return "", INK
    wrong = int(((outputs != labels) & (labels > 0)).sum())
    return (f"{wrong} wrong", WRONG) if wrong else ("all right", FILLED)


def mistakes(puzzle: Puzzle, inputs: Row, outputs: Row, labels: Row | None) -> str:
    """The verdict and the first rule that is broken: "5 wrong, two 7s in row 3"."""
    side, (rows, columns) = puzzle.shape[0], _box(puzzle)
    grid = outputs.reshape(side, side)
    boxes = grid.reshape(columns, rows, rows, columns).swapaxes(1, 2).reshape(side, side)
    found = [verdict(puzzle, inputs, outputs, labels)[0]]
    overwritten = int(((inputs != BLANK) & (outputs != inputs)).sum())
    if overwritten:
        found.append(f"{overwritten} of the givens lost")
    for kind, units in (("row", grid), ("column", grid.T), ("box", boxes)):
        for k, unit in enumerate(units):
            token, times = Counter(unit[unit > BLANK].tolist()).most_common(1)[0] if (unit > BLANK).any() else (0, 0)
            if times > 1:
                return ", ".join([*found, f"two {_symbol(token)}s in {kind} {k + 1}"])
    return ", ".join(found)


def extent(puzzle: Puzzle, inputs: Row, outputs: Row) -> tuple[int, int]:
    return puzzle.shape


DRAWER = Drawer(text=text, board=board, verdict=verdict, mistakes=mistakes, extent=extent, beside=())
