"""The augmentations of ARC tasks: a dihedral transform and a permutation of colours 1-9, with names and inverses.

A task's augmentations follow from (seed, task) alone. Index 0 is the task as it is.
"""

import re
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import UInt8, UInt64

from puzzles.arc import kernels as arc_kernels
from puzzles.arc.canvas import IDENTITY, pack
from puzzles.arc.tasks import Grid, Pair
from puzzles.base import rng
from puzzles.errors import UserError

TRIES = 5  # draws per wanted augmentation, as published
INVERSE = (0, 3, 2, 1, 4, 5, 6, 7)
SEPARATORS = {"hrm": "_", "trm": "|||"}
NAME = re.compile(r"(?s)(?P<task>.+?)(?P<separator>_|\|\|\|)t(?P<dihedral>[0-7])(?P=separator)(?P<colours>0[1-9]{9})\Z")


def dihedral(grid: Grid, number: int) -> Grid:
    """The grid under one of the eight transforms, by its published number."""
    turned = (
        np.rot90(grid, number) if number < 4 else (np.fliplr, np.flipud, np.transpose, _antitranspose)[number - 4](grid)
    )
    return np.ascontiguousarray(turned)


def _antitranspose(grid: Grid) -> Grid:
    return grid[::-1, ::-1].T


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Colour c becomes colours[c], then the grid is transformed. `index` is its place among its task's, -1: unknown."""

    dihedral: int = 0
    colours: tuple[int, ...] = tuple(range(10))
    index: int = field(default=-1, compare=False)

    def __post_init__(self) -> None:
        if self.dihedral not in range(8):
            raise UserError(f"dihedral={self.dihedral}: must be 0 to 7")
        if sorted(self.colours) != list(range(10)) or self.colours[0] != 0:
            raise UserError(f"colours={self.colours}: must be a permutation of 0 to 9 that leaves 0 in place")

    def apply(self, grid: Grid) -> Grid:
        return dihedral(np.array(self.colours, np.uint8)[grid], self.dihedral)

    def invert(self, grid: Grid) -> Grid:
        """The grid that `apply` made this of, of any size."""
        return np.argsort(self.colours).astype(np.uint8)[dihedral(grid, INVERSE[self.dihedral])]

    def name(self, task: str, style: str = "trm") -> str:
        """`task|||t3|||0123456789` (trm) or `task_t3_0123456789` (hrm); the bare task where nothing changes."""
        if style not in SEPARATORS:
            raise UserError(f"style={style}: must be one of {', '.join(SEPARATORS)}")
        if self.dihedral == 0 and self.colours == tuple(range(10)):
            return task
        return SEPARATORS[style].join([task, f"t{self.dihedral}", "".join(map(str, self.colours))])


def read_name(name: str) -> tuple[str, Augmentation]:
    """The task and the augmentation behind a name of either style."""
    found = NAME.match(name)
    if found is None:
        return name, Augmentation()
    colours = tuple(map(int, found["colours"]))
    if len(set(colours)) != 10:
        raise UserError(f"{name}: {found['colours']} is not a permutation of the colours")
    return found["task"], Augmentation(int(found["dihedral"]), colours)


def contents(
    pairs: list[Pair], dihedrals: UInt8[np.ndarray, " num"], colours: UInt8[np.ndarray, "num 10"]
) -> UInt64[np.ndarray, " num"]:
    """A hash of the pairs under each augmentation, whatever their order: equal where the augmented task is the same."""
    nothing = np.zeros((0, 0), np.uint8)
    packed = pack([grid for pair in pairs for grid in (pair.input, nothing if pair.output is None else pair.output)])
    out = np.zeros(len(dihedrals), np.uint64)
    arc_kernels.content_hashes(packed.cells, packed.starts, packed.heights, packed.widths, dihedrals, colours, out)
    return out


def draw(
    name: str, pairs: list[Pair], num: int, seed: int
) -> tuple[UInt8[np.ndarray, " found"], UInt8[np.ndarray, "found 10"]]:
    """The task itself and up to `num` augmentations of it that all differ in content: (dihedrals, colours).

    Fewer where TRIES * num draws give no more: a task with few colours or symmetric grids has few.
    """
    generator = rng(seed, f"arc augmentations of {name}")
    dihedrals, colours = np.zeros(1, np.uint8), IDENTITY[None]
    hashes = contents(pairs, dihedrals, colours)
    for _ in range(TRIES if num else 0):
        fresh_dihedrals = generator.integers(0, 8, num, dtype=np.uint8)
        fresh_colours = np.zeros((num, 10), np.uint8)
        fresh_colours[:, 1:] = 1 + np.argsort(generator.random((num, 9), np.float32), axis=1)
        dihedrals, colours = np.append(dihedrals, fresh_dihedrals), np.concatenate([colours, fresh_colours])
        hashes = np.append(hashes, contents(pairs, fresh_dihedrals, fresh_colours))
        first = np.sort(np.unique(hashes, return_index=True)[1])[: num + 1]
        dihedrals, colours, hashes = dihedrals[first], colours[first], hashes[first]
        if len(hashes) == num + 1:
            break
    return dihedrals, colours
