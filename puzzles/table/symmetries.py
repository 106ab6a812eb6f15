"""The symmetries that a table may name: `rows` and `columns` may change places, `dihedral` turns and mirrors the grid,
and with `symbols` those symbols that are interchangeable may change names.

`canonical` gives symmetric puzzles the same row. With dihedral and symbols alone it tells all others apart. Where rows
or columns move beside anything else, it is made of colours that are refined until they stand for a cell's surroundings
(Weisfeiler and Leman): the few puzzles that these cannot tell apart count as symmetric, never the other way round.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Integer, UInt64

NAMES = ("rows", "columns", "dihedral", "symbols")
ROUNDS = 4  # of refinement: further ones tell hardly any grids apart
_CHUNK_CELLS = 1 << 21
Rows = Integer[np.ndarray, "num seq"]
Grids = Integer[np.ndarray, "num rows columns"]


class Symmetries:
    """A group of symmetries of grids of one shape. `interchangeable`: the token ids that may change names."""

    def __init__(
        self, names: Sequence[str], shape: tuple[int, int], vocab_size: int, interchangeable: Sequence[int]
    ) -> None:
        self.shape, self.vocab_size = shape, vocab_size
        self.tokens = np.array(interchangeable if "symbols" in names else [], np.int64)
        self.rows, self.columns, self.dihedral = ("rows" in names, "columns" in names, "dihedral" in names)
        if self.dihedral and shape[0] == shape[1] and (self.rows or self.columns):
            self.rows = self.columns = True  # turning by 90 degrees makes rows of columns
        self.moves_cells = self.rows or self.columns or self.dihedral

    def transform(self, rng: np.random.Generator, *batches: Rows) -> list[Rows]:
        """The same random symmetry of each puzzle applied to all `batches`; ids of 0 and below keep their names."""
        num = len(batches[0])
        cells = self._cells(rng, num)
        names = np.tile(np.arange(self.vocab_size), (num, 1))
        if len(self.tokens):
            names[:, self.tokens] = rng.permuted(np.tile(self.tokens, (num, 1)), axis=1)
        return [_renamed(np.take_along_axis(rows, cells, axis=1), names) for rows in batches]

    def _cells(self, rng: np.random.Generator, num: int) -> Integer[np.ndarray, "num seq"]:
        """The cell that each place takes its symbol from."""
        rows, columns = self.shape
        places = np.tile(np.arange(rows * columns).reshape(1, rows, columns), (num, 1, 1))
        if self.dihedral:
            images = np.stack(_images(places[:1]), axis=1)[0]
            places = images[rng.integers(len(images), size=num)]
        for axis, free in ((1, self.rows), (2, self.columns)):
            if free:
                order = rng.permuted(np.tile(np.arange(self.shape[axis - 1]), (num, 1)), axis=1)
                places = np.take_along_axis(places, order[:, :, None] if axis == 1 else order[:, None, :], axis=axis)
        return places.reshape(num, -1)

    def canonical(self, inputs: Rows) -> Integer[np.ndarray, "num seq"]:
        """See the module."""
        if not self.moves_cells and not len(self.tokens):
            return inputs
        size = max(1, _CHUNK_CELLS // max(inputs.shape[1], self.vocab_size))
        parts = [inputs[start : start + size].astype(np.int64) for start in range(0, len(inputs), size)]
        form = self._refined if self.rows or self.columns else self._smallest_image
        return np.concatenate([form(part) for part in parts]) if parts else inputs

    def _smallest_image(self, inputs: Rows) -> Rows:
        grids = inputs.reshape(-1, *self.shape)
        images = [image.reshape(inputs.shape) for image in (_images(grids) if self.dihedral else [grids])]
        best = self._named_in_order(images[0])
        for image in images[1:]:
            other = self._named_in_order(image)
            first = (other != best).argmax(axis=1)[:, None]  # 0 where they are equal
            smaller = np.take_along_axis(other, first, 1) < np.take_along_axis(best, first, 1)
            best = np.where(smaller, other, best)
        return best

    def _named_in_order(self, rows: Rows) -> Rows:
        """Interchangeable symbols renamed in the order in which they appear."""
        if not len(self.tokens):
            return rows
        there = np.stack([rows == token for token in self.tokens], axis=1)
        first = np.where(there.any(axis=2), there.argmax(axis=2), rows.shape[1])
        names = np.tile(np.arange(self.vocab_size), (len(rows), 1))
        ranks = first.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
        names[:, self.tokens] = np.sort(self.tokens)[ranks]
        return _renamed(rows, names)

    def _refined(self, inputs: Rows) -> Rows:
        grids = inputs.reshape(-1, *self.shape)
        hashes = np.stack([self._colours(image) for image in (_images(grids) if self.dihedral else [grids])])
        found = np.zeros(inputs.shape, np.int64)
        found[:, 0] = hashes.min(axis=0).view(np.int64)
        return found

    def _counts(self, grids: Grids) -> UInt64[np.ndarray, "num rows vocab"]:
        """How often each row has each symbol."""
        num, rows, _ = grids.shape
        places = (np.arange(num * rows) * self.vocab_size).reshape(num, rows, 1) + grids
        counts = np.bincount(places.ravel(), minlength=num * rows * self.vocab_size)
        return counts.reshape(num, rows, self.vocab_size).astype(np.uint64)

    def _colours(self, grids: Grids) -> UInt64[np.ndarray, "num"]:
        """A hash of the colours of rows, columns and symbols, which names and free places do not change."""
        num, (rows, columns) = len(grids), self.shape
        in_rows, in_columns = (
            np.tile(_mixed(np.zeros(size, np.uint64) if free else np.arange(1, size + 1, dtype=np.uint64)), (num, 1))
            for size, free in ((rows, self.rows), (columns, self.columns))
        )
        symbols = np.arange(1, self.vocab_size + 1, dtype=np.uint64)
        symbols[self.tokens] = 0
        symbols = np.tile(_mixed(symbols), (num, 1))
        flat = grids.reshape(num, -1)
        at = (np.arange(num)[:, None] * self.vocab_size + flat).ravel()
        # how often each line has each symbol, without which balanced grids would all look alike
        counts = [self._counts(lines) for lines in (grids, grids.swapaxes(1, 2))] if len(self.tokens) else []
        for _ in range(ROUNDS):
            names = np.take_along_axis(symbols, flat, axis=1).reshape(grids.shape)
            seen_in_rows = _mixed(names * _ODD + in_columns[:, None, :]).sum(axis=2, dtype=np.uint64)
            seen_in_columns = _mixed(names * _ODD + in_rows[:, :, None]).sum(axis=1, dtype=np.uint64)
            if len(self.tokens):
                places = _mixed(in_rows[:, :, None] * _ODD + in_columns[:, None, :])
                seen = np.zeros(num * self.vocab_size, np.uint64)
                np.add.at(seen, at, places.ravel())
                for lines, colours in zip(counts, (in_rows, in_columns), strict=True):
                    seen += _mixed(lines * _ODD + colours[:, :, None]).sum(axis=1, dtype=np.uint64).ravel()
                seen_in_rows += _mixed(counts[0] * _ODD + symbols[:, None, :]).sum(axis=2, dtype=np.uint64)
                seen_in_columns += _mixed(counts[1] * _ODD + symbols[:, None, :]).sum(axis=2, dtype=np.uint64)
                symbols = _mixed(symbols * _ODD + seen.reshape(symbols.shape))
            in_rows = _mixed(in_rows * _ODD + seen_in_rows)
            in_columns = _mixed(in_columns * _ODD + seen_in_columns)
        whole = [_mixed(part).sum(axis=1, dtype=np.uint64) for part in (in_rows, in_columns, symbols)]
        return _mixed(_mixed(whole[0] * _ODD + whole[1]) * _ODD + whole[2])


def _images(grids: Grids) -> list[Grids]:
    """The eight images of square grids, the four of others, the grids themselves first."""
    mirrored = [grids, grids[:, ::-1], grids[:, :, ::-1], grids[:, ::-1, ::-1]]
    square = grids.shape[1] == grids.shape[2]
    return mirrored + [image.swapaxes(1, 2) for image in mirrored] if square else mirrored


def _renamed(rows: Rows, names: Integer[np.ndarray, "num vocab"]) -> Rows:
    return np.where(rows > 0, np.take_along_axis(names, np.maximum(rows, 0), axis=1), rows).astype(rows.dtype)


_ODD = np.uint64(0x9E3779B97F4A7C15)


def _mixed(values: UInt64[np.ndarray, "*any"]) -> UInt64[np.ndarray, "*any"]:
    """A bijection of 64-bit numbers that scatters them (splitmix64)."""
    values = values + _ODD
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
