"""Pictures of puzzles: any state of any puzzle as terminal text, PNG, strip of segments or GIF.

A state is a row of token ids, as a model's arg-max gives it. A domain draws its boards by its own `Puzzle.drawer`;
captions, strips and animations are the same for all.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Integer
from PIL import Image

from puzzles.base import Puzzle
from puzzles.drawing.canvas import WHITE, Row, below, beside, panel, sheet, with_margin
from puzzles.errors import UserError

States = Sequence[Row] | Integer[np.ndarray, "segments seq"]

IMAGE, STRIP = (40, 640), (26, 420)  # most pixels of a cell and of a board's longer side


def render_text(
    puzzle: Puzzle, inputs: Row, outputs: Row | None = None, *, labels: Row | None = None, colour: bool = False
) -> str:
    """The puzzle, or the state `outputs` of it, as lines of text without a final newline.

    With `colour` ANSI codes tell what was given, filled in, and wrong. Wrong are Sudoku cells that differ from `labels`
    or overwrite a given, and cells that break a maze's path.
    """
    return puzzle.drawer().text(puzzle, *_rows(puzzle, inputs, outputs, labels), colour)


def still_texts(puzzle: Puzzle, inputs: Row, labels: Row | None, *, colour: bool = False) -> list[tuple[str, str]]:
    """(name, text) of what a state needs beside it to be understood: an ARC task's puzzle, its and a maze's target."""
    states = {"puzzle": inputs, "target": None if labels is None else _as_state(labels)}
    shown = [(name, states[name]) for name in puzzle.drawer().beside]
    return [(name, render_text(puzzle, inputs, state, colour=colour)) for name, state in shown if state is not None]


def render_image(
    puzzle: Puzzle,
    inputs: Row,
    outputs: Row | None = None,
    labels: Row | None = None,
    *,
    previous: Row | None = None,
    cell: int | None = None,
) -> Image.Image:
    """An RGB picture with `cell` pixels a cell; by default 40, fewer on large boards.

    What is given, filled in and wrong differs in colour (as in render_text); cells that changed since the state
    `previous` lie on yellow where their ground is free.
    """
    drawer = puzzle.drawer()
    inputs, outputs, labels = _rows(puzzle, inputs, outputs, labels)
    changed = np.zeros(len(inputs), bool) if previous is None else np.asarray(previous) != outputs
    cell = cell or _cell(puzzle, inputs, [outputs], IMAGE)
    return drawer.board(puzzle, inputs, outputs, labels, changed, cell)


def render_strip(
    puzzle: Puzzle,
    inputs: Row,
    frames: States,
    labels: Row | None = None,
    *,
    captions: Sequence[str] | None = None,
    columns: int = 5,
    cell: int | None = None,
) -> Image.Image:
    """The puzzle and its states in reading order, `columns` boards a row, under captions ("segment 1", ...).

    The target ends the strip where wrong cells do not say what belongs there. `cell` is by default at most 26 pixels.
    """
    cell = cell or _cell(puzzle, inputs, [*frames, *_known(labels)], STRIP)
    panels = _panels(puzzle, inputs, frames, labels, captions, cell)
    if labels is not None and "target" in puzzle.drawer().beside:
        panels.append(_target(puzzle, inputs, labels, cell))
    return sheet(panels, columns, cell)


def render_gif(
    puzzle: Puzzle,
    inputs: Row,
    frames: States,
    labels: Row | None,
    path: str | Path,
    *,
    captions: Sequence[str] | None = None,
    cell: int | None = None,
    seconds: float = 0.6,
) -> Path:
    """Writes an endless animation: the puzzle, then its states, `seconds` each, the last one four times as long.

    What a state needs to be understood, as an ARC task's input and target, stands beside it all the time.
    """
    cell = cell or _cell(puzzle, inputs, [*frames, *_known(labels)], IMAGE)
    panels = _panels(puzzle, inputs, frames, labels, captions, cell)
    still = _still(puzzle, inputs, labels, cell)
    size = (max(each.width for each in panels), max(each.height for each in panels))
    panels = [_placed(each, size) for each in panels]
    panels = [with_margin(beside([*still, each], cell), cell // 2) for each in panels]
    palette = _common_palette(panels)
    images = [each.quantize(palette=palette, dither=Image.Dither.NONE) for each in panels]
    step = int(1000 * seconds)
    durations = [2 * step] + [step] * (len(images) - 2) + [4 * step]
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    images[0].save(path, save_all=True, append_images=images[1:], duration=durations, loop=0, optimize=False)
    return path


def render_pair(
    puzzle: Puzzle,
    inputs: Row,
    outputs: Row,
    labels: Row | None,
    *,
    cell: int | None = None,
    caption: str = "prediction",
) -> Image.Image:
    """The target (where it is known) and the prediction side by side; an ARC task's input before them."""
    cell = cell or _cell(puzzle, inputs, [outputs, *_known(labels)], STRIP)
    panels = _still(puzzle, inputs, labels, cell)
    if labels is not None and "target" not in puzzle.drawer().beside:
        panels.append(_target(puzzle, inputs, labels, cell))
    words, colour = _verdict(puzzle, inputs, outputs, labels)
    board = render_image(puzzle, inputs, outputs, labels, cell=cell)
    return beside([*panels, panel(board, caption, words, colour, size=_type_size(puzzle, cell))], cell)


def render_gallery(
    puzzle: Puzzle,
    inputs: Integer[np.ndarray, "num seq"],
    outputs: Integer[np.ndarray, "num seq"],
    labels: Integer[np.ndarray, "num seq"],
    *,
    captions: Sequence[str],
    columns: int = 2,
    cell: int | None = None,
) -> Image.Image:
    """A pair (see render_pair) for every puzzle, each under its caption."""
    if not 0 < len(captions) == len(inputs) == len(outputs) == len(labels):
        raise UserError(f"captions: {len(captions)} for {len(inputs)} puzzles")
    if cell is None:
        rows = zip(inputs, outputs, labels, strict=True)
        cell = min(_cell(puzzle, question, [state, label], STRIP) for question, state, label in rows)
    pairs = [
        panel(render_pair(puzzle, *rows, cell=cell), caption, size=max(13, cell // 2))
        for caption, *rows in zip(captions, inputs, outputs, labels, strict=True)
    ]
    return sheet(pairs, columns, 2 * cell)


def verdict(puzzle: Puzzle, inputs: Row, state: Row, labels: Row | None = None) -> str:
    """In a few words, how good a state is: mazes by the rules, others by the labels, "" where these are needed."""
    return _verdict(puzzle, inputs, state, labels)[0]


def mistakes(puzzle: Puzzle, inputs: Row, state: Row, labels: Row | None = None) -> str:
    """The verdict and what is wrong, in a line."""
    return puzzle.drawer().mistakes(puzzle, *_rows(puzzle, inputs, state, labels))


def _rows(puzzle: Puzzle, inputs: Row, outputs: Row | None, labels: Row | None) -> tuple[Row, Row, Row | None]:
    rows = [None if row is None else np.asarray(row).astype(np.int64) for row in (inputs, outputs, labels)]
    for name, row in zip(("inputs", "outputs", "labels"), rows, strict=True):
        if row is not None and row.shape != (puzzle.seq_len,):
            raise UserError(f"{name}: one {puzzle.name} has shape ({puzzle.seq_len},), not {row.shape}")
    assert rows[0] is not None
    return rows[0], rows[0] if rows[1] is None else rows[1], rows[2]


def _known(labels: Row | None) -> list[Row]:
    return [] if labels is None else [labels]


def _as_state(labels: Row) -> Row:
    """Labels with padding where nothing is scored."""
    return np.maximum(np.asarray(labels).astype(np.int64), 0)


def _cell(puzzle: Puzzle, inputs: Row, states: Sequence[Row], most: tuple[int, int]) -> int:
    """Pixels of a cell for the largest of the boards."""
    drawer = puzzle.drawer()
    side = max(max(drawer.extent(puzzle, *_rows(puzzle, inputs, state, None)[:2])) for state in [inputs, *states])
    return max(4, min(most[0], most[1] // side))


def _verdict(puzzle: Puzzle, inputs: Row, state: Row, labels: Row | None) -> tuple[str, str]:
    return puzzle.drawer().verdict(puzzle, *_rows(puzzle, inputs, state, labels))


def _type_size(puzzle: Puzzle, cell: int) -> int:
    return max(11, int(cell * 0.5), min(13, max(puzzle.shape) * cell // 32))


def _panels(
    puzzle: Puzzle, inputs: Row, frames: States, labels: Row | None, captions: Sequence[str] | None, cell: int
) -> list[Image.Image]:
    """Captioned boards: the puzzle itself, then every frame."""
    if len(frames) == 0:
        raise UserError("frames: at least one state is needed")
    if captions is None:
        captions = [f"segment {i + 1}" for i in range(len(frames))]
    if len(captions) != len(frames):
        raise UserError(f"captions: {len(captions)} for {len(frames)} frames")
    panels = [_plain(puzzle, inputs, inputs, "puzzle", cell)]
    previous = None
    for caption, frame in zip(captions, frames, strict=True):
        board = render_image(puzzle, inputs, frame, labels, previous=previous, cell=cell)
        words, colour = _verdict(puzzle, inputs, frame, labels)
        panels.append(panel(board, caption, words, colour, size=_type_size(puzzle, cell)))
        previous = frame
    return panels


def _plain(puzzle: Puzzle, inputs: Row, state: Row, caption: str, cell: int) -> Image.Image:
    board = render_image(puzzle, inputs, state, cell=cell)
    return panel(board, caption, size=_type_size(puzzle, cell))


def _target(puzzle: Puzzle, inputs: Row, labels: Row, cell: int) -> Image.Image:
    return _plain(puzzle, inputs, _as_state(labels), "target", cell)


def _still(puzzle: Puzzle, inputs: Row, labels: Row | None, cell: int) -> list[Image.Image]:
    """The boards that stand beside every state of this kind of puzzle."""
    wanted = puzzle.drawer().beside
    boards = [_plain(puzzle, inputs, inputs, "puzzle", cell)] if "puzzle" in wanted else []
    return boards if labels is None or "target" not in wanted else [*boards, _target(puzzle, inputs, labels, cell)]


def _placed(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """At the upper left of a white ground, so that all frames are of one size."""
    if image.size == size:
        return image
    ground = Image.new("RGB", size, WHITE)
    ground.paste(image, (0, 0))
    return ground


def _common_palette(images: list[Image.Image]) -> Image.Image:
    """One palette for all frames, so that colours do not flicker: that of all frames stacked."""
    return below(images, 0).quantize(colors=128, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
