"""Grids as text: rows on lines of their own, or all cells in one line."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Integer, UInt8

from puzzles.errors import UserError

BYTE_ORDER_MARK = "\ufeff"


def place(cell: int, columns: int) -> str:
    """A cell in words, counted from 1."""
    return f"row {cell // columns + 1} column {cell % columns + 1}"


def lines_of(text: str) -> list[str]:
    """The lines of a puzzle's text, whatever ends them; `/` ends a line as well. Empty lines around it are dropped."""
    text = text.removeprefix(BYTE_ORDER_MARK).replace("\r\n", "\n").replace("\r", "\n").replace("/", "\n")
    return text.strip("\n").split("\n")


def rows_of(lines: list[str], shape: tuple[int, int], what: str) -> str:
    """All cells of a grid, from lines that each hold a row, or from one line; UserError for another size."""
    rows, columns = shape
    if len(lines) == 1 and rows > 1:
        if len(lines[0]) != rows * columns:
            raise UserError(f"puzzle text has {len(lines[0])} cells in one line: {what} needs {rows * columns}")
        return lines[0]
    for row, line in enumerate(lines):
        if len(line) != columns:
            raise UserError(f"puzzle text has {len(line)} cells in row {row + 1}: {what} needs {columns}")
    if len(lines) != rows:
        raise UserError(f"puzzle text has {len(lines)} rows: {what} needs {rows}")
    return "".join(lines)


def tokens_of(cells: str, tokens: Mapping[str, int], columns: int, allowed: str) -> UInt8[np.ndarray, " seq"]:
    """The token of each cell; UserError that names the first cell of another symbol. `allowed`: what it must be."""
    for cell, symbol in enumerate(cells):
        if symbol not in tokens:
            raise UserError(f"puzzle text has {symbol!r} in {place(cell, columns)}: must be {allowed}")
    return np.array([tokens[symbol] for symbol in cells], np.uint8)


def parse_grid(text: str, shape: tuple[int, int], symbols: str, name: str) -> UInt8[np.ndarray, " seq"]:
    """A grid written with one of `symbols` a cell, by token id. White space is skipped unless it is a symbol."""
    lines = lines_of(text)
    if not any(symbol.isspace() for symbol in symbols):
        lines = [row for row in ("".join(line.split()) for line in lines) if row]
    cells = rows_of(lines or [""], shape, f"a {name} of {shape[0]}x{shape[1]}")
    tokens = {symbol: token for token, symbol in enumerate(symbols) if token > 0}
    return tokens_of(cells, tokens, shape[1], f"one of {''.join(tokens)}")


def format_grid(inputs: Integer[np.ndarray, " seq"], symbols: str) -> str:
    """All cells in one line."""
    return "".join(symbols[token] for token in np.asarray(inputs).tolist())
