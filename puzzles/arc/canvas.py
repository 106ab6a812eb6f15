"""ARC grids on a square canvas of tokens: pad 0, end of grid (EOS) 1, colour + 2, as published, and back.

The grid's corner lies at an offset, (0, 0) unless translated; one EOS line lies below it and one to its right where the
canvas has room. What lies beyond is padding, which is never scored.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Integer, UInt8, UInt64

from puzzles.arc import kernels as arc_kernels
from puzzles.arc.tasks import Grid, Task
from puzzles.errors import UserError
from puzzles.kernels import over_chunks

PAD, EOS, COLOUR = 0, 1, 2
VOCAB_SIZE = 12
IDENTITY = np.arange(10, dtype=np.uint8)


@dataclass(slots=True)
class Packed:
    """Grids one after another, as the kernels read them."""

    cells: UInt8[np.ndarray, " cells"]
    starts: Integer[np.ndarray, " grids"]
    heights: Integer[np.ndarray, " grids"]
    widths: Integer[np.ndarray, " grids"]


def pack(grids: Sequence[Grid]) -> Packed:
    sizes = np.array([grid.shape for grid in grids], np.int64).reshape(-1, 2)
    ends = np.cumsum(sizes.prod(axis=1))
    cells = np.concatenate([np.zeros(0, np.uint8), *(grid.ravel() for grid in grids)])
    return Packed(cells, ends - sizes.prod(axis=1), sizes[:, 0].copy(), sizes[:, 1].copy())


def check_side(canvas: int) -> None:
    if isinstance(canvas, bool) or not isinstance(canvas, int) or not 1 <= canvas <= 64:
        raise UserError(f"canvas={canvas}: must be a whole number from 1 to 64 (30 holds every ARC grid)")


def too_large(task: Task, canvas: int) -> str:
    """Which grid of a task exceeds the canvas, in words; empty where all fit."""
    for kind, pairs in (("train", task.train), ("test", task.test)):
        for index, pair in enumerate(pairs):
            for side, grid in (("input", pair.input), ("output", pair.output)):
                if grid is not None and max(grid.shape) > canvas:
                    height, width = grid.shape
                    what = f"task {task.name}: {kind}[{index}].{side}"
                    return f"{what} is {height}x{width}: the canvas is {canvas}x{canvas}"
    return ""


def to_canvas(
    grids: Sequence[Grid], canvas: int = 30, offsets: Integer[np.ndarray, "num 2"] | None = None
) -> UInt8[np.ndarray, "num seq"]:
    """Tokens of each grid, its corner at offsets[i] = row, column; UserError for the first that does not fit."""
    check_side(canvas)
    packed = pack(grids)
    corners = np.zeros((len(grids), 2), np.int64) if offsets is None else np.asarray(offsets, np.int64)
    if corners.shape != (len(grids), 2):
        raise UserError(f"offsets have shape {list(corners.shape)}: must be [{len(grids)}, 2]")
    ends = corners + np.stack([packed.heights, packed.widths], axis=1)
    wrong = (corners < 0).any(axis=1) | (ends > canvas).any(axis=1)
    if wrong.any():
        index = int(np.argmax(wrong))
        height, width = grids[index].shape
        at = f" at offset {tuple(corners[index].tolist())}" if corners[index].any() else ""
        raise UserError(f"grid {index} is {height}x{width}{at}: the canvas is {canvas}x{canvas}")
    out = np.empty((len(grids), canvas * canvas), np.uint8)
    which = np.zeros(len(grids), np.int64)
    _place(packed, np.arange(len(grids)), np.zeros(1, np.uint8), IDENTITY[None], which, corners, canvas, out)
    return out


def _place(packed: Packed, grids, dihedrals, colours, which, offsets, canvas: int, out) -> None:
    def piece(start: int, stop: int) -> None:
        arc_kernels.place_many(
            packed.cells, packed.starts, packed.heights, packed.widths,
            grids, dihedrals, colours, which, offsets, canvas, start, stop, out,
        )  # fmt: skip

    over_chunks(piece, len(grids))


def place_transformed(
    packed: Packed,
    grids: Integer[np.ndarray, " num"],
    dihedrals: UInt8[np.ndarray, " transforms"],
    colours: UInt8[np.ndarray, "transforms 10"],
    which: Integer[np.ndarray, " num"],
    offsets: Integer[np.ndarray, "num 2"],
    canvas: int,
) -> UInt8[np.ndarray, "num seq"]:
    """Tokens of packed grid grids[i] under transform which[i], its corner at offsets[i], where it must fit."""
    out = np.empty((len(grids), canvas * canvas), np.uint8)
    _place(packed, grids, dihedrals, colours, which, offsets, canvas, out)
    return out


def side_of(seq_len: int) -> int:
    side = round(seq_len**0.5)
    if side * side != seq_len:
        raise UserError(f"canvases have {seq_len} tokens: must be a square number")
    return side


def _tokens(tokens: Integer[np.ndarray, "num seq"]) -> tuple[Integer[np.ndarray, "num seq"], int]:
    tokens = np.asarray(tokens)
    if tokens.ndim != 2 or not np.issubdtype(tokens.dtype, np.integer):
        raise UserError(f"canvases have shape {list(tokens.shape)}, dtype {tokens.dtype}: must be integers [num, seq]")
    return np.ascontiguousarray(tokens), side_of(tokens.shape[1])


def crop(tokens: Integer[np.ndarray, "num seq"], offsets: Integer[np.ndarray, "num 2"] | None = None) -> list[Grid]:
    """The largest rectangle of colours (no EOS, no padding) with its corner at the offset, as published at the origin.

    0x0 where the corner holds no colour: no prediction.
    """
    tokens, side = _tokens(tokens)
    corners = np.zeros((len(tokens), 2), np.int64) if offsets is None else np.asarray(offsets, np.int64)
    sizes = np.zeros((len(tokens), 2), np.int64)
    rows, cols = corners[:, 0].copy(), corners[:, 1].copy()
    over_chunks(lambda a, b: arc_kernels.crop_many(tokens, side, rows, cols, a, b, sizes), len(tokens))
    squares = tokens.reshape(-1, side, side)
    return [
        (squares[i, row : row + height, col : col + width] - COLOUR).astype(np.uint8)
        for i, (row, col, height, width) in enumerate(zip(rows, cols, *sizes.T, strict=True))
    ]


def corners(tokens: Integer[np.ndarray, "num seq"], what: str = "inputs") -> Integer[np.ndarray, "num 2"]:
    """Row and column of each grid's first cell; UserError for a canvas without any colour."""
    tokens, side = _tokens(tokens)
    coloured = (tokens >= COLOUR) & (tokens < VOCAB_SIZE)
    if not coloured.any(axis=1).all():
        raise UserError(f"{what}[{int(np.argmin(coloured.any(axis=1)))}] has no grid")
    return np.stack(np.divmod(coloured.argmax(axis=1), side), axis=1)


def well_formed(
    tokens: Integer[np.ndarray, "num seq"], offsets: Integer[np.ndarray, "num 2"]
) -> Bool[np.ndarray, "num"]:
    """Whether a rectangle of colours starts at the offset and EOS lines close it below and right, where they fit.

    What lies beyond those lines does not count: it is padding in the labels.
    """
    tokens, side = _tokens(tokens)
    rows, cols = offsets[:, 0].astype(np.int64), offsets[:, 1].astype(np.int64)
    valid = np.zeros(len(tokens), bool)
    over_chunks(lambda a, b: arc_kernels.well_formed(tokens, side, rows, cols, a, b, valid), len(tokens))
    return valid


def canonical(
    groups: Sequence[Sequence[Grid]],
) -> tuple[UInt8[np.ndarray, "num length"], UInt64[np.ndarray, "num"]]:
    """The smallest form of each group of grids under one dihedral transform and one permutation of colours 1-9, with a
    hash of it. All groups hold equally many grids; a form is height, width and cells of each, then zeros."""
    if not groups:
        return np.zeros((0, 0), np.uint8), np.zeros(0, np.uint64)
    packed = pack([grid for group in groups for grid in group])
    length = max(sum(2 + grid.size for grid in group) for group in groups)
    forms, hashes = np.zeros((len(groups), length), np.uint8), np.zeros(len(groups), np.uint64)

    def piece(start: int, stop: int) -> None:
        arc_kernels.canonical_many(
            packed.cells, packed.starts, packed.heights, packed.widths, len(groups[0]), start, stop, forms, hashes
        )

    over_chunks(piece, len(groups))
    return forms, hashes
