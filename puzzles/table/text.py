"""Texts of a table as cells: a sequence cell by cell, or a grid row by row, padded to its shape."""

import re

import numpy as np
from jaxtyping import Integer

from puzzles.errors import UserError
from puzzles.text import BYTE_ORDER_MARK, place

GAP = "\0"  # an empty cell, in texts of cells; no file has it as a symbol
UNKNOWN = -1
SPACE, LINE, TAB = "␣", "↵", "⇥"  # how white space that is a symbol is written
MOST_SHOWN = 100  # symbols that a message lists
_OTHER_SPACE = re.compile(r"[^\S\n\t]")


def sequence(text: str) -> str:
    """The cells of a text as one sequence. White space around it does not count; inside it is a symbol."""
    text = _whole(text).strip()
    if text.isalnum():
        return text
    return visible(text.replace("\r\n", "\n").replace("\r", "\n"))


def visible(text: str) -> str:
    """The text with symbols in place of white space."""
    return _OTHER_SPACE.sub(SPACE, text).replace("\n", LINE).replace("\t", TAB)


def grid(text: str, shape: tuple[int, int]) -> str:
    """The cells of a grid, row by row, smaller ones with gaps below and on the right.

    Its rows stand on lines of their own or are separated by `/`; a whole grid may stand on one line. UserError for rows
    of different lengths and for a grid that does not fit.
    """
    rows, columns = shape
    text = _whole(text).replace("\r\n", "\n").replace("\r", "\n").replace("/", "\n").strip("\n")
    lines = [line if line.isalnum() else visible(line) for line in text.split("\n")]
    text = "".join(lines)
    if len(lines) == 1 and rows > 1 and len(text) == rows * columns:
        return text
    for number, line in enumerate(lines, start=1):
        if len(line) != len(lines[0]):
            raise UserError(
                f"puzzle text has {len(line)} cells in row {number} and {len(lines[0])} in row 1: must be equal"
            )
    if len(lines) > rows or len(lines[0]) > columns:
        one_line = f", or {rows * columns} cells on one line" if rows > 1 else ""
        raise UserError(
            f"puzzle text has {len(lines)} rows of {len(lines[0])}: a table of shape {rows}x{columns} has at most "
            f"{rows} rows of {columns}{one_line}"
        )
    if len(lines) == rows and len(lines[0]) == columns:
        return "".join(lines)
    return "".join(line.ljust(columns, GAP) for line in lines).ljust(rows * columns, GAP)


def _whole(text: str) -> str:
    if GAP in text:
        raise UserError(f"puzzle text has a zero byte at place {text.index(GAP) + 1}: must be a symbol")
    return text.removeprefix(BYTE_ORDER_MARK)


def lookup(symbols: str) -> Integer[np.ndarray, " codes"]:
    """Token id by code point, `UNKNOWN` for what is none of `symbols`, whose ids are their places."""
    table = np.full(max(map(ord, symbols), default=0) + 2, UNKNOWN, np.int64)
    for token, symbol in enumerate(symbols):
        table[ord(symbol)] = token
    table[ord(GAP)] = 0
    return table


def tokens(texts: list[str], table: Integer[np.ndarray, " codes"], length: int) -> Integer[np.ndarray, "num seq"]:
    """The token ids of texts of cells, none longer than `length`, padded with 0; `UNKNOWN` for other symbols."""
    lengths = np.array([len(text) for text in texts], np.int64)
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    found = np.zeros((len(texts), length), np.int64)
    found[np.arange(length) < lengths[:, None]] = table[np.minimum(codes, len(table) - 1)]
    return found


def unknown_symbol(text: str, symbols: str, shape: tuple[int, int], known: Integer[np.ndarray, " seq"]) -> UserError:
    """The error that names the first cell of a text whose symbol is unknown."""
    at = int(np.argmax(known == UNKNOWN))
    where = f"in {place(at, shape[1])}" if shape[0] > 1 else f"at place {at + 1}"
    return UserError(f"puzzle text has {text[at]!r} {where}: must be one of {shown(symbols)}")


def shown(symbols: str) -> str:
    """Symbols as a message lists them."""
    if len(symbols) <= MOST_SHOWN:
        return symbols
    return f"{symbols[:MOST_SHOWN]}... ({len(symbols)} symbols)"
