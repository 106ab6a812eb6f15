"""ARC as a domain: one grid asked, one grid to answer, on a canvas of tokens: pad 0, EOS 1, colour + 2.

Procedural families (`puzzles.arc.families`) make its puzzles; the identifier says which family's rule is asked for.
Real tasks have rows of their own: see `puzzles.arc.rows`.
"""

import re
from math import isqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Integer, UInt8, UInt64

from puzzles.arc import canvas as arc_canvas
from puzzles.arc.augment import Augmentation
from puzzles.arc.families import FAMILIES, Family
from puzzles.arc.tasks import MAX_SIDE, Grid
from puzzles.base import Puzzle, Verdict, rng
from puzzles.errors import UserError
from puzzles.text import lines_of

if TYPE_CHECKING:
    from puzzles.drawing.canvas import Drawer
    from puzzles.steps.rules import StepRules

Rows = Integer[np.ndarray, "num seq"]
REFERENCE = ("gravity", "flood_fill", "symmetry_completion", "draw_lines", "count_objects")
DEFAULT = REFERENCE[0]
SMALLEST, LARGEST = 3, 64
OFFSET = re.compile(r"([0-9]{1,3}),([0-9]{1,3}):")


class Arc(Puzzle):
    """See `puzzles.base.Puzzle`. Option `canvas`: cells of a side; 30 holds every published grid."""

    OPTIONS = ("canvas",)
    name = "arc"
    vocab_size = arc_canvas.VOCAB_SIZE
    token_symbols = ".+0123456789"
    families = tuple(FAMILIES)
    difficulty_edges = (1, 10, 26, 50, 101, 226, 401)
    difficulty_unit = "cells of the input grid"

    def __init__(self, canvas: Any = 30) -> None:
        if isinstance(canvas, bool) or not isinstance(canvas, int) or not SMALLEST <= canvas <= LARGEST:
            raise UserError(f"puzzle.canvas={canvas}: must be a whole number from {SMALLEST} to {LARGEST}")
        self.options = {"canvas": canvas}
        self.canvas = canvas
        self.shape = (canvas, canvas)
        self.reference_sets = {name: {"family": name} for name in REFERENCE if self._fits(FAMILIES[name])}

    def _fits(self, family: Family) -> bool:
        side = family.bounds(self.canvas)["min_side"]
        return side.low <= side.high

    def generate(
        self,
        rng: np.random.Generator,
        num: int,
        *,
        family: Any = DEFAULT,
        translate: Any = True,
        max_side: Any = None,
        **sizes: Any,
    ):
        """`num` examples of one family's rule: (inputs, labels).

        family: one of FAMILIES. translate: a random offset on the canvas, the same for input and label; else the
        corner. max_side: the longest side of any grid, by default the canvas. Further sizes as the family has them.
        """
        if num < 0:
            raise UserError(f"num={num}: must be at least 0")
        if not isinstance(translate, bool):
            raise UserError(f"translate={translate}: must be true or false")
        maker = FAMILIES[_known(family)]
        side = min(self.canvas, MAX_SIDE) if max_side is None else max_side
        if isinstance(side, int) and side > self.canvas:
            raise UserError(f"max_side={max_side}: must be at most puzzle.canvas={self.canvas}")
        if num == 0:
            maker.generate(_any_stream(), side, **sizes)  # says what is wrong with the sizes
        pairs = [maker.generate(rng, side, **sizes) for _ in range(num)]
        offsets = self._offsets(rng, pairs) if translate else np.zeros((num, 2), np.int64)
        return self._on_canvas(pairs, offsets)

    def _offsets(self, rng: np.random.Generator, pairs: list[tuple[Grid, Grid]]) -> Integer[np.ndarray, "num 2"]:
        """Uniform among those where both grids fit."""
        sides = np.array([np.maximum(*(grid.shape for grid in pair)) for pair in pairs], np.int64).reshape(-1, 2)
        return rng.integers(0, self.canvas - sides + 1)

    def _on_canvas(self, pairs: list[tuple[Grid, Grid]], offsets: Integer[np.ndarray, "num 2"]):
        inputs, labels = (arc_canvas.to_canvas([pair[k] for pair in pairs], self.canvas, offsets) for k in (0, 1))
        return inputs, labels

    def _grids(self, inputs: Rows) -> tuple[list[Grid], Integer[np.ndarray, "num 2"]]:
        """The grids and where they lie; UserError for the first canvas that holds anything else."""
        inputs = self._sized(inputs, "inputs")
        corners = arc_canvas.corners(inputs)
        grids = arc_canvas.crop(inputs, corners)
        same = (arc_canvas.to_canvas(grids, self.canvas, corners) == inputs).all(axis=1)
        if not same.all():
            raise UserError(f"inputs[{int(np.argmin(same))}] is not one grid closed by EOS on an empty canvas")
        return grids, corners

    def _sized(self, tokens: Rows, what: str) -> Rows:
        tokens = np.asarray(tokens)
        if tokens.ndim != 2 or tokens.shape[1] != self.seq_len:
            raise UserError(f"{what} have shape {list(tokens.shape)}: must be [num, {self.seq_len}]")
        if not np.issubdtype(tokens.dtype, np.integer):
            raise UserError(f"{what} have dtype {tokens.dtype}: must be integers")
        return tokens

    def solve(self, inputs: Rows) -> UInt8[np.ndarray, "num seq"]:
        """UserError: one grid does not tell which rule is meant."""
        raise UserError("arc: the rule is not known from one grid: give the answers")

    def check(self, inputs: Rows, outputs: Rows) -> Verdict:
        """valid: a grid starts where the input's does, a rectangle of colours that EOS lines close below and right
        where they fit (what lies beyond is padding, which is not checked). solved: never, the rule is not known."""
        corners = self._grids(inputs)[1]
        outputs = self._sized(outputs, "outputs")
        if len(outputs) != len(corners):
            raise UserError(f"outputs have {len(outputs)} rows: inputs have {len(corners)}")
        valid = arc_canvas.well_formed(outputs, corners)
        return Verdict(valid=valid, solved=np.zeros(len(valid), bool))

    def transform(self, rng: np.random.Generator, inputs: Rows, labels: Rows):
        """A random dihedral transform and permutation of colours 1-9 of both grids: an example of an augmented task.

        That is another task: the family's rule may not survive it (`Family.dihedral`, `Family.colours` say). Grids
        away from the corner get a new offset.
        """
        grids, corners = self._grids(inputs)
        labels = self._sized(labels, "labels")
        if len(labels) != len(grids):
            raise UserError(f"labels have {len(labels)} rows: inputs have {len(grids)}")
        answers = arc_canvas.crop(labels, corners)
        if any(answer.size == 0 for answer in answers):
            raise UserError(
                f"labels[{[answer.size for answer in answers].index(0)}] has no grid where its input has one"
            )
        pairs = []
        for grid, answer in zip(grids, answers, strict=True):
            one = Augmentation(int(rng.integers(8)), (0, *(1 + rng.permutation(9)).tolist()))
            pairs.append((one.apply(grid), one.apply(answer)))
        offsets = self._offsets(rng, pairs)
        offsets[(corners == 0).all(axis=1)] = 0
        return self._on_canvas(pairs, offsets)

    def canonical(self, inputs: Rows) -> UInt8[np.ndarray, "num seq"]:
        """The smallest image under dihedral transforms and permutations of colours 1-9, in the corner."""
        forms = arc_canvas.canonical([[grid] for grid in self._grids(inputs)[0]])[0]
        grids = [form[2 : 2 + int(form[0]) * int(form[1])].reshape(int(form[0]), int(form[1])) for form in forms]
        return arc_canvas.to_canvas(grids, self.canvas)

    def invariant(self, inputs: Rows) -> UInt64[np.ndarray, "num"]:
        """A hash of the canonical grid: others collide with a chance of 2^-64. The offset does not count."""
        return arc_canvas.canonical([[grid] for grid in self._grids(inputs)[0]])[1]

    def difficulty(self, inputs: Rows) -> Float[np.ndarray, "num"]:
        """Cells of the input grid; this says nothing about how hard the rule is."""
        return np.array([float(grid.size) for grid in self._grids(inputs)[0]])

    def problem_fault(self, inputs: Integer[np.ndarray, " seq"], *, search: bool = True) -> str | None:
        """What keeps the canvas from being one grid; whether its rule can be applied to it is not known."""
        try:
            self._grids(np.asarray(inputs)[None])
        except UserError as error:
            return str(error).removeprefix("inputs[0] ")
        return None

    def parse(self, text: str) -> UInt8[np.ndarray, " seq"]:
        """Rows of digits, one a line or separated by `/`; `row,column:` in front places the grid off the corner."""
        lines = lines_of(text.strip())
        found = OFFSET.match(lines[0])
        offset = (int(found[1]), int(found[2])) if found else (0, 0)
        if found:
            lines[0] = lines[0][found.end() :]
        rows = ["".join(line.split()) for line in lines]
        if rows == [""]:
            raise UserError("puzzle text has no grid: rows of colours 0 to 9 are needed")
        for index, row in enumerate(rows, 1):
            for symbol in row:
                if symbol not in "0123456789":
                    raise UserError(f"puzzle text has {symbol!r} in row {index}: must be colours 0 to 9")
            if len(row) != len(rows[0]) or not row:  # the offset may stand before an empty row
                raise UserError(f"puzzle text has {len(row)} cells in row {index}, {len(rows[0])} in row 1")
        size = f"{len(rows)}x{len(rows[0])} at {offset[0]},{offset[1]}"
        if offset[0] + len(rows) > self.canvas or offset[1] + len(rows[0]) > self.canvas:
            raise UserError(f"puzzle text is {size}: the canvas is {self.canvas}x{self.canvas}")
        grid = np.array([[int(symbol) for symbol in row] for row in rows], np.uint8)
        return arc_canvas.to_canvas([grid], self.canvas, np.array([offset], np.int64))[0]

    def format(self, inputs: Integer[np.ndarray, "seq"]) -> str:
        """Rows of digits separated by `/`, the offset in front where it is not the corner."""
        (grid,), (corner,) = self._grids(np.asarray(inputs)[None])
        place = f"{corner[0]},{corner[1]}:" if corner.any() else ""
        return place + _rows_of_digits(grid)

    def format_answer(self, inputs: Integer[np.ndarray, " seq"], answer: Integer[np.ndarray, " seq"]) -> str:
        """The rows of the grid that starts where the input's does, separated by `/`; `-` where there is none."""
        corner = arc_canvas.corners(np.asarray(inputs)[None])
        (grid,) = arc_canvas.crop(np.asarray(answer)[None], corner)
        return _rows_of_digits(grid) or "-"

    def drawer(self) -> "Drawer":
        from puzzles.arc.drawing import DRAWER

        return DRAWER

    def step_rules(self) -> "StepRules":
        from puzzles.arc.step_rules import ArcSteps

        return ArcSteps(self)

    def step_symbols(self) -> dict[int, str]:
        return {arc_canvas.PAD: ".", arc_canvas.EOS: "eos"} | {arc_canvas.COLOUR + c: str(c) for c in range(10)}

    @classmethod
    def options_of_sizes(cls, vocab_size: int, seq_len: int) -> dict[str, Any] | None:
        canvas = isqrt(seq_len)
        fits = vocab_size == cls.vocab_size and canvas * canvas == seq_len and SMALLEST <= canvas <= LARGEST
        return {"canvas": canvas} if fits else None


def _rows_of_digits(grid: Grid) -> str:
    return "/".join("".join(map(str, row)) for row in grid.tolist())


def _known(family: Any) -> str:
    if not isinstance(family, str) or family not in FAMILIES:
        raise UserError(f"family={family}: must be one of {', '.join(FAMILIES)}")
    return family


def _any_stream() -> np.random.Generator:
    return rng(0, "check of targets")
