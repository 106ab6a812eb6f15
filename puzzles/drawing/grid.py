"""Any domain drawn as a grid of its symbols: what was given dark, what was filled in blue, what is wrong red."""

import numpy as np
from jaxtyping import Bool
from PIL import Image, ImageDraw

from puzzles.base import Puzzle
from puzzles.drawing.canvas import (
    BLUE,
    CHANGED_GROUND,
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


def _marks(
    puzzle: Puzzle, inputs: Row, outputs: Row, labels: Row | None
) -> tuple[Bool[np.ndarray, " seq"], Bool[np.ndarray, " seq"]]:
    """(filled in, wrong) per cell. A cell that still holds what the problem has there is not an answer yet."""
    filled = outputs != inputs
    if labels is not None:
        return filled, filled & (outputs != labels) & (labels > 0)
    return filled, puzzle.describe_state(inputs, outputs)[1]


def text(puzzle: Puzzle, inputs: Row, outputs: Row, labels: Row | None, colour: bool) -> str:
    filled, wrong = _marks(puzzle, inputs, outputs, labels)

    def paint(cell: int) -> str:
        symbol = _symbol(puzzle, int(outputs[cell]))
        style = RED if wrong[cell] else BLUE if filled[cell] else ""
        return style + symbol + RESET if colour and style else symbol

    rows, columns = puzzle.shape
    return "\n".join(" ".join(paint(row * columns + column) for column in range(columns)) for row in range(rows))


def _symbol(puzzle: Puzzle, token: int) -> str:
    return puzzle.token_symbols[token] if 0 <= token < len(puzzle.token_symbols) else "?"


def board(
    puzzle: Puzzle, inputs: Row, outputs: Row, labels: Row | None, changed: Bool[np.ndarray, " seq"], cell: int
) -> Image.Image:
    filled, wrong = _marks(puzzle, inputs, outputs, labels)
    rows, columns = puzzle.shape
    image = Image.new("RGB", (columns * cell + 1, rows * cell + 1), WHITE)
    draw, face = ImageDraw.Draw(image), font(max(8, int(cell * 0.62)))
    rise = face.getbbox("5", anchor="ls")[1]
    for index in range(rows * columns):
        x, y = index % columns * cell, index // columns * cell
        ground = CHANGED_GROUND if changed[index] else WHITE if filled[index] else GIVEN_GROUND
        draw.rectangle((x, y, x + cell, y + cell), fill=WRONG_GROUND if wrong[index] else ground, outline=THIN_RULE)
        place = (x + cell / 2, y + cell / 2 - rise / 2)
        colour = WRONG if wrong[index] else FILLED if filled[index] else INK
        draw.text(place, _symbol(puzzle, int(outputs[index])), fill=colour, font=face, anchor="ms")
    return image


def verdict(puzzle: Puzzle, inputs: Row, outputs: Row, labels: Row | None) -> tuple[str, str]:
    """By the labels where they are known, else by the rules; cells with labels of 0 and below are not scored."""
    if labels is not None:
        wrong = int(((outputs != labels) & (labels > 0)).sum())
        return (f"{wrong} wrong", WRONG) if wrong else ("all right", FILLED)
    if not puzzle.verifiable:
        return "", INK
    words = puzzle.describe_state(inputs, outputs)[0]
    return words, FILLED if words == "solved" else INK


def mistakes(puzzle: Puzzle, inputs: Row, outputs: Row, labels: Row | None) -> str:
    return verdict(puzzle, inputs, outputs, labels)[0]


def extent(puzzle: Puzzle, inputs: Row, outputs: Row) -> tuple[int, int]:
    return puzzle.shape


DRAWER = Drawer(text=text, board=board, verdict=verdict, mistakes=mistakes, extent=extent, beside=())
