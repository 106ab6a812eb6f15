"""Pictures of puzzles: any state of any puzzle as terminal text, PNG, strip of segments or GIF.

A state is a row of token ids, as a model's arg-max gives it. A puzzle kind is drawn by one function for text and one
for images, found by `puzzle.name` in TEXT and BOARDS at the end of the file; captions, strips and animations are the
same for all.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Integer
from PIL import Image, ImageDraw, ImageFont

Row = Integer[np.ndarray, " seq"]
States = Sequence[Row] | Integer[np.ndarray, "segments seq"]

BLANK = 1
DIGITS = "123456789ABCDEFG"

WHITE, INK, FILLED, WRONG = "#ffffff", "#1a1a1a", "#0a6ebd", "#c8102e"
GIVEN_GROUND, WRONG_GROUND, CHANGED_GROUND = "#eeeeee", "#fbdfe1", "#fdf3c4"
THIN_RULE, GREY = "#b9b9b9", "#6b6b6b"
BOLD, BLUE, RED, DIM, RESET = "\x1b[1m", "\x1b[34m", "\x1b[1;31m", "\x1b[2m", "\x1b[0m"


def render_text(
    puzzle: Any, inputs: Row, outputs: Row | None = None, *, labels: Row | None = None, colour: bool = False
) -> str:
    """The puzzle, or the state `outputs` of it, as lines of text without a final newline.

    With `colour` ANSI codes make givens bold, filled-in cells blue and wrong ones red: those that differ from `labels`,
    or that overwrite a given.
    """
    return _drawer(TEXT, puzzle)(puzzle, *_rows(puzzle, inputs, outputs, labels), colour)


def render_image(
    puzzle: Any,
    inputs: Row,
    outputs: Row | None = None,
    labels: Row | None = None,
    *,
    previous: Row | None = None,
    cell: int = 40,
) -> Image.Image:
    """An RGB picture with `cell` pixels a cell.

    Givens are dark on grey, filled-in cells blue, wrong ones red (as in render_text); cells that changed since the
    state `previous` lie on yellow.
    """
    inputs, outputs, labels = _rows(puzzle, inputs, outputs, labels)
    changed = np.zeros(len(inputs), bool) if previous is None else np.asarray(previous) != outputs
    return _drawer(BOARDS, puzzle)(puzzle, inputs, outputs, labels, changed, cell)


def render_strip(
    puzzle: Any,
    inputs: Row,
    frames: States,
    labels: Row | None = None,
    *,
    captions: Sequence[str] | None = None,
    columns: int = 5,
    cell: int = 26,
) -> Image.Image:
    """The puzzle and its states in reading order, `columns` boards a row, under captions ("segment 1", ...)."""
    panels = _panels(puzzle, inputs, frames, labels, captions, cell)
    width, height = panels[0].size
    columns = min(columns, len(panels))
    gap = cell
    rows = -(-len(panels) // columns)
    sheet = Image.new("RGB", (columns * (width + gap) + gap, rows * (height + gap) + gap), WHITE)
    for i, panel in enumerate(panels):
        sheet.paste(panel, (gap + i % columns * (width + gap), gap + i // columns * (height + gap)))
    return sheet


def render_gif(
    puzzle: Any,
    inputs: Row,
    frames: States,
    labels: Row | None,
    path: str | Path,
    *,
    captions: Sequence[str] | None = None,
    cell: int = 40,
    seconds: float = 0.6,
) -> Path:
    """Writes an endless animation: the puzzle, then its states, `seconds` each, the last one four times as long."""
    panels = [_with_margin(panel, cell // 2) for panel in _panels(puzzle, inputs, frames, labels, captions, cell)]
    palette = _common_palette(panels)
    images = [panel.quantize(palette=palette, dither=Image.Dither.NONE) for panel in panels]
    step = int(1000 * seconds)
    durations = [2 * step] + [step] * (len(images) - 2) + [4 * step]
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    images[0].save(path, save_all=True, append_images=images[1:], duration=durations, loop=0, optimize=False)
    return path


def verdict(state: Row, labels: Row) -> str:
    """In words, how many cells differ from the labels; labels below 0 don't count."""
    labels = np.asarray(labels).astype(np.int64)
    wrong = int(((np.asarray(state) != labels) & (labels >= 0)).sum())
    return f"{wrong} wrong" if wrong else "all right"


def font(size: int) -> ImageFont.FreeTypeFont:
    """The scalable typeface that comes inside Pillow."""
    loaded = ImageFont.load_default(size=size)
    if not isinstance(loaded, ImageFont.FreeTypeFont):
        raise ValueError("pictures of puzzles need a Pillow built with FreeType")
    return loaded


def _rows(puzzle: Any, inputs: Row, outputs: Row | None, labels: Row | None) -> tuple[Row, Row, Row | None]:
    rows = [None if row is None else np.asarray(row).astype(np.int64) for row in (inputs, outputs, labels)]
    for name, row in zip(("inputs", "outputs", "labels"), rows, strict=True):
        if row is not None and row.shape != (puzzle.seq_len,):
            raise ValueError(f"{name}: one {puzzle.name} has shape ({puzzle.seq_len},), not {row.shape}")
    assert rows[0] is not None
    return rows[0], rows[0] if rows[1] is None else rows[1], rows[2]


def _panels(
    puzzle: Any, inputs: Row, frames: States, labels: Row | None, captions: Sequence[str] | None, cell: int
) -> list[Image.Image]:
    """Captioned boards: the puzzle itself, then every frame."""
    if len(frames) == 0:
        raise ValueError("frames: at least one state is needed")
    if captions is None:
        captions = [f"segment {i + 1}" for i in range(len(frames))]
    if len(captions) != len(frames):
        raise ValueError(f"captions: {len(captions)} for {len(frames)} frames")
    panels = [_captioned(render_image(puzzle, inputs, cell=cell), "puzzle", "", cell)]
    previous = None
    for caption, frame in zip(captions, frames, strict=True):
        board = render_image(puzzle, inputs, frame, labels, previous=previous, cell=cell)
        panels.append(_captioned(board, caption, "" if labels is None else verdict(frame, labels), cell))
        previous = frame
    return panels


def _captioned(board: Image.Image, left: str, right: str, cell: int) -> Image.Image:
    size = max(11, int(cell * 0.5))
    height = int(size * 1.6)
    panel = Image.new("RGB", (board.width, board.height + height), WHITE)
    panel.paste(board, (0, height))
    draw = ImageDraw.Draw(panel)
    draw.text((1, size), left, fill=INK, font=font(size), anchor="ls")
    draw.text(
        (board.width - 1, size), right, fill=FILLED if right == "all right" else WRONG, font=font(size), anchor="rs"
    )
    return panel


def _with_margin(image: Image.Image, margin: int) -> Image.Image:
    framed = Image.new("RGB", (image.width + 2 * margin, image.height + 2 * margin), WHITE)
    framed.paste(image, (margin, margin))
    return framed


def _common_palette(images: list[Image.Image]) -> Image.Image:
    """One palette for all frames, so that colours do not flicker: that of all frames stacked."""
    stacked = Image.new("RGB", (images[0].width, sum(image.height for image in images)), WHITE)
    for i, image in enumerate(images):
        stacked.paste(image, (0, i * image.height))
    return stacked.quantize(colors=128, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


def _drawer(drawers: dict[str, Callable], puzzle: Any) -> Callable:
    if puzzle.name not in drawers:
        raise ValueError(
            f"puzzle={puzzle.name}: no drawing for it; there are drawings for {', '.join(sorted(drawers))}"
        )
    return drawers[puzzle.name]


# Sudoku


def _sudoku_box(puzzle: Any) -> tuple[int, int]:
    rows, columns = str(puzzle.options["box"]).split("x")
    return int(rows), int(columns)


def _sudoku_symbol(token: int) -> str:
    """ "" for a blank, "?" for what is no digit of the board (a model may answer with padding)."""
    if token == BLANK:
        return ""
    return DIGITS[token - 2] if 2 <= token < len(DIGITS) + 2 else "?"


def _sudoku_marks(
    inputs: Row, outputs: Row, labels: Row | None
) -> tuple[Bool[np.ndarray, " seq"], Bool[np.ndarray, " seq"]]:
    """(given, wrong) per cell. A blank is wrong nowhere: it is not an answer yet."""
    given = inputs != BLANK
    wrong = given & (outputs != inputs)
    if labels is not None:
        wrong |= (outputs != labels) & (labels >= 0) & (outputs != BLANK)
    return given, wrong


def _sudoku_text(puzzle: Any, inputs: Row, outputs: Row, labels: Row | None, colour: bool) -> str:
    rows, columns = _sudoku_box(puzzle)
    side = rows * columns
    given, wrong = _sudoku_marks(inputs, outputs, labels)

    def paint(i: int) -> str:
        symbol = _sudoku_symbol(int(outputs[i])) or "."
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


def _sudoku_board(
    puzzle: Any, inputs: Row, outputs: Row, labels: Row | None, changed: Bool[np.ndarray, " seq"], cell: int
) -> Image.Image:
    rows, columns = _sudoku_box(puzzle)
    side = rows * columns
    given, wrong = _sudoku_marks(inputs, outputs, labels)
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
        symbol = _sudoku_symbol(int(outputs[i]))
        if symbol:
            x, y = edge + (i % side + 0.5) * cell, edge + (i // side + 0.5) * cell - rise / 2
            colour = WRONG if wrong[i] else INK if given[i] else FILLED
            draw.text((x, y), symbol, fill=colour, font=face, anchor="ms", stroke_width=cell / 100 if given[i] else 0)
    return image


TEXT: dict[str, Callable[..., str]] = {"sudoku": _sudoku_text}
BOARDS: dict[str, Callable[..., Image.Image]] = {"sudoku": _sudoku_board}
