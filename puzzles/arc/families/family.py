"""What a family is: one rule on ARC grids, a generator of examples of it, a verifier and the sizes it takes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Integer, UInt8

from puzzles.errors import UserError

LARGEST_SIDE = 30  # of any ARC grid
TRIES = 2000  # a maker refuses a draw that is ambiguous or changes nothing; the worst sizes need some hundred


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """One size of a family: a whole number in low..high, `default` where nobody names it."""

    doc: str
    default: int
    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One rule. The output is determined by the input alone and differs from it."""

    name: str
    doc: str  # the rule in a sentence
    make: Callable[..., Any]  # (rng, low, high, **sizes) -> (input, output), or None for a draw that will not do
    holds: Callable[[np.ndarray, np.ndarray], bool]  # the rule on two well-formed grids that differ
    least_side: int  # the smallest side of an input
    usual_side: int  # default of min_side
    sizes: dict[str, Size] = field(default_factory=dict)  # beside max_side and min_side
    input_side: Callable[[int], int] = int  # the largest input whose output keeps within max_side
    dihedral: bool  # turning or mirroring input and output alike keeps the rule
    colours: bool  # so does any permutation of the colours 1..9

    def bounds(self, max_side: int = 10) -> dict[str, Size]:
        """Every keyword of `generate` beside max_side with its bounds at this max_side."""
        high = self.input_side(max_side)
        side = Size(
            doc="the smallest side of an input", default=min(self.usual_side, high), low=self.least_side, high=high
        )
        return {"min_side": side, **self.sizes}

    def generate(
        self, rng: np.random.Generator, max_side: int = 10, **sizes: int
    ) -> tuple[UInt8[np.ndarray, "_ _"], UInt8[np.ndarray, "_ _"]]:
        """A fresh example, (input, output), no side above max_side; UserError for sizes out of bounds.

        Sizes that count things are upper limits: as many are drawn as the grid has room for.
        """
        values = self._checked(max_side, sizes)
        low = values.pop("min_side")
        high = self.input_side(max_side)
        for _ in range(TRIES):
            pair = self.make(rng, low, high, **values)
            if pair is not None and not np.array_equal(*pair):
                return pair
        raise AssertionError(f"{self.name} found no example in {TRIES} draws: max_side={max_side}, {values}")

    def verify(self, input_grid: Integer[np.ndarray, "..."], output_grid: Integer[np.ndarray, "..."]) -> bool:
        """Whether the rule makes this output of this input. Anything may be asked: no error, False where unsure."""
        if not (_is_grid(input_grid) and _is_grid(output_grid)) or np.array_equal(input_grid, output_grid):
            return False
        return bool(self.holds(input_grid.astype(np.uint8), output_grid.astype(np.uint8)))

    def _checked(self, max_side: int, sizes: dict[str, int]) -> dict[str, int]:
        """All sizes, defaults filled in."""
        least = next(side for side in range(1, LARGEST_SIDE + 1) if self.input_side(side) >= self.least_side)
        _check(self.name, "max_side", max_side, least, LARGEST_SIDE)
        bounds = self.bounds(max_side)
        for key, value in sizes.items():
            if key not in bounds:
                raise UserError(f"{key}={value}: family {self.name} takes max_side, {', '.join(bounds)}")
            _check(self.name, key, value, bounds[key].low, bounds[key].high)
        return {key: sizes.get(key, size.default) for key, size in bounds.items()}


def _check(name: str, key: str, value: Any, low: int, high: int) -> None:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or not low <= value <= high:
        raise UserError(f"{key}={value}: family {name} needs a whole number from {low} to {high}")


def _is_grid(grid: Integer[np.ndarray, "..."]) -> bool:
    sized = grid.ndim == 2 and grid.size > 0 and max(grid.shape) <= LARGEST_SIDE
    return sized and bool(grid.min() >= 0 and grid.max() <= 9)
