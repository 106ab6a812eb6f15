"""Sudoku as text, in the forms in which people keep it: one line, a grid on lines, rulers, .sdk and .ss files."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from jaxtyping import UInt8

from puzzles.errors import UserError
from puzzles.text import lines_of

SYMBOLS = "123456789ABCDEFG"
BLANKS = ".0_*?"
BOX_DRAWING = "".join(map(chr, range(0x2500, 0x2580)))
SKIPPED = frozenset(" \t\v\f|+:,;=" + BOX_DRAWING)  # between cells or boxes
RULED = SKIPPED | {"-", "*"}
DELETED = str.maketrans("", "", "".join(SKIPPED))
RULER_MARKS = frozenset("+=─━═")  # one of these, or -, in a line without cells makes it a ruler


def parse(text: str, side: int) -> UInt8[np.ndarray, " seq"]:
    """The tokens of one puzzle: 1 for a blank, 2 and more for digits.

    Digits are 1-9 and A-G, blanks any of `. 0 _ * ?`. White space, commas and rulers of `| + - = :` are skipped, and so
    are the comments (`#`) and headings (`[Puzzle]`) of .sdk files. `-` is a blank where the cells add up only so. In a
    16x16 grid in hexadecimal, with `0` beside another blank and without `G`, `0` stands for the digit `G`.
    """
    cells = _cells(_puzzle_lines(text), side * side)
    digits = SYMBOLS[:side]
    tokens = {symbol: token for token, symbol in enumerate(digits, start=2)}
    tokens |= {symbol.lower(): token for symbol, token in tokens.items()} | dict.fromkeys(BLANKS + "-", 1)
    if side == 16 and len(cells) == 256 and _is_hexadecimal(cells):
        tokens["0"] = tokens["G"]
    for number, symbol in enumerate(cells, start=1):
        if symbol not in tokens:
            allowed = f"{digits} or one of {' '.join(BLANKS)}"
            raise UserError(f"puzzle text has {symbol!r} at cell {number}: must be {allowed}")
    if len(cells) != side * side:
        raise UserError(f"puzzle text has {len(cells)} cells: {side}x{side} Sudoku needs {side * side}")
    return np.array([tokens[symbol] for symbol in cells], np.uint8)


def _puzzle_lines(text: str) -> list[str]:
    """The lines without comments; of a file with headings those below [Puzzle], or else below the first heading."""
    sections: dict[str, list[str]] = {"": []}
    name = ""
    for line in lines_of(text):
        bare = line.strip()
        if bare.startswith("[") and bare.endswith("]"):
            name = bare[1:-1].strip().lower()
            sections.setdefault(name, [])
        elif bare and not bare.startswith("#"):
            sections[name].append(line)
    named = [lines for name, lines in sections.items() if name and lines]
    return sections.get("puzzle") or (named[0] if named else sections[""])


def _cells(lines: list[str], wanted: int) -> str:
    """The symbols of the cells: the reading of `-` that makes `wanted` cells, or else the first.

    No two readings make `wanted` cells of different symbols: each keeps all that an earlier one keeps, and more.
    """
    readings = list(_readings(lines))
    return next((cells for cells in readings if len(cells) == wanted), readings[0])


def _readings(lines: list[str]) -> Iterator[str]:
    """The cells where `-` is part of rulers; where it is a blank beside other rulers; where it is a blank."""
    without_rulers = _cells_of(lines, RULER_MARKS | {"-"})
    yield without_rulers.replace("-", "")
    if any("-" in line for line in lines):
        yield _cells_of(lines, RULER_MARKS)
        yield _cells_of(lines, frozenset())


def _cells_of(lines: list[str], marks: frozenset[str]) -> str:
    """All cells, without the rulers, which one of `marks` tells: `---+---`, or `*-----*` at the top of an .ss grid."""
    rows = []
    for line in lines:
        used = set(line)
        ruler = used <= RULED and (not used.isdisjoint(marks) or used >= {"-", "*"})
        if not (ruler and marks):
            rows.append(line)
    return "".join("".join(rows).translate(DELETED).split())


def _is_hexadecimal(cells: str) -> bool:
    """Whether `0` is a digit of a 16x16 grid; UserError where it may be a digit as well as a blank."""
    counts = Counter(cells.upper())
    if counts["G"] or not 0 < counts["0"] <= 16:
        return False
    if any(counts[blank] for blank in BLANKS.replace("0", "") + "-"):
        return True
    if all(counts[symbol] == 16 for symbol in "0" + SYMBOLS[:15]):
        return True
    raise UserError("puzzle text has 0 but neither G nor another blank: write blanks as . since 0 may be a digit")
