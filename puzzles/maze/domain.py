"""Mazes on a grid of cells in the published token ids: pad 0, `#` wall 1, ` ` free 2, `S` 3, `G` 4, `o` path 5.

The answer is one shortest path, the first in alphabetical order of its moves under Down < Left < Right < Up: the rule
that all published Maze-Hard labels follow. A symmetry does not keep that rule, so labels are computed anew after it.
"""

from math import inf, isqrt
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int32, Integer, UInt8, UInt64

from puzzles.base import Level, Page, Puzzle, Verdict
from puzzles.errors import UserError
from puzzles.kernels import over_chunks
from puzzles.maze import bfs as maze_bfs
from puzzles.maze import hard as maze_hard
from puzzles.maze import lattice as maze_lattice
from puzzles.maze import paths as maze_paths
from puzzles.maze import symmetry as maze_symmetry
from puzzles.maze import targets as maze_targets
from puzzles.maze import waves as maze_waves
from puzzles.maze.bfs import FREE, GOAL, PATH, START, WALL
from puzzles.maze.targets import SMALLEST
from puzzles.symmetry import Symmetry, of_grid
from puzzles.text import lines_of, place, rows_of, tokens_of

if TYPE_CHECKING:
    from puzzles.drawing.canvas import Drawer
    from puzzles.steps.rules import StepRules

SYMBOLS = "# SGo"  # of ids 1 to 5
READ = {"#": WALL, "█": WALL, "X": WALL, "x": WALL, " ": FREE, ".": FREE, "\u00a0": FREE}
READ |= {"S": START, "G": GOAL, "E": GOAL, "o": PATH}
DIGITS = str.maketrans("01", ".#")  # in a text that has no other sign of walls and free cells
LATTICE_TRIES = 10_000  # mazes made for one puzzle before its targets count as out of reach
Cells = Integer[np.ndarray, "num seq"]


def _cells(tokens: Cells, seq_len: int, what: str = "inputs") -> UInt8[np.ndarray, "num seq"]:
    """Tokens as uint8; UserError for other ids than 1 to 5."""
    tokens = np.asarray(tokens)
    if tokens.ndim != 2 or tokens.shape[1] != seq_len:
        raise UserError(f"{what} have shape {list(tokens.shape)}: must be [num, {seq_len}]")
    if not np.issubdtype(tokens.dtype, np.integer):
        raise UserError(f"{what} have dtype {tokens.dtype}: must be integers")
    wrong = (tokens < WALL) | (tokens > PATH)
    if wrong.any():
        index, cell = np.argwhere(wrong)[0]
        raise UserError(f"{what}[{index}] has token {tokens[index, cell]} in cell {cell}: must be 1 to 5")
    return np.ascontiguousarray(tokens, dtype=np.uint8)


def _well_formed(cells: UInt8[np.ndarray, "num seq"]) -> Bool[np.ndarray, "num"]:
    """Which are questions: one start, one goal, no path marked."""
    return ((cells == START).sum(1) == 1) & ((cells == GOAL).sum(1) == 1) & (cells != PATH).all(1)


def _complaint(cells: UInt8[np.ndarray, "seq"], columns: int) -> str:
    """What is wrong with a maze that is not well formed, in words."""
    for token, name in ((START, "start S"), (GOAL, "goal G")):
        found = [int(cell) for cell in np.flatnonzero(cells == token)]
        if not found:
            return f"no {name}"
        if len(found) > 1:
            number = "two" if len(found) == 2 else str(len(found))
            name = name.replace(" ", "s ")
            return f"{number} {name}: {place(found[0], columns)} and {place(found[1], columns)}"
    return f"a path o in {place(int(np.argmax(cells == PATH)), columns)}: a question has none"


def _questions(inputs: Cells, seq_len: int, columns: int) -> UInt8[np.ndarray, "num seq"]:
    """Tokens as uint8; UserError naming the first maze that is not well formed."""
    cells = _cells(inputs, seq_len)
    good = _well_formed(cells)
    if not good.all():
        index = int(np.argmin(good))
        raise UserError(f"puzzle {index}: {_complaint(cells[index], columns)}")
    return cells


def _size(inputs: Cells, columns: int | None) -> tuple[int, int]:
    """(rows, columns) of mazes that are square unless columns says otherwise."""
    seq_len = np.shape(inputs)[-1]
    width = round(seq_len**0.5) if columns is None else columns
    if width < SMALLEST or seq_len % width or (columns is None and width * width != seq_len):
        hint = "a square needs none, others give columns=" if columns is None else "does not divide it"
        raise UserError(f"columns={columns}: inputs have {seq_len} cells: {hint}")
    return seq_len // width, width


def count_shortest_paths(inputs: Cells, columns: int | None = None) -> UInt64[np.ndarray, "num"]:
    """How many shortest paths lead from S to G in each maze (0: none), exact below 2^64 - 1, where counting stops.

    Mazes are taken as square unless `columns` is given.
    """
    rows, columns = _size(inputs, columns)
    cells = _questions(inputs, rows * columns, columns)
    counts = np.zeros(len(cells), np.uint64)
    over_chunks(lambda start, stop: maze_bfs.count_many(cells, rows, columns, start, stop, counts), len(cells))
    return counts


def distances(inputs: Cells, columns: int | None = None) -> Int32[np.ndarray, "num seq"]:
    """Moves from S to each cell; -1 for walls and what S does not reach. Square unless `columns` is given."""
    rows, columns = _size(inputs, columns)
    cells = _questions(inputs, rows * columns, columns)
    found = np.zeros(cells.shape, np.int32)
    over_chunks(lambda start, stop: maze_bfs.distances_many(cells, rows, columns, start, stop, found), len(cells))
    return found


class Maze(Puzzle):
    """See `puzzles.base.Puzzle`. Options `rows` and `columns`, frame included where there is one."""

    OPTIONS = ("rows", "columns")
    name = "maze"
    vocab_size = 6
    token_symbols = "?" + SYMBOLS
    verifiable = True
    difficulty_edges = (0, 10, 20, 30, 50, 80, 110, 120, 130, 150)
    difficulty_unit = "moves of the shortest path"
    auxiliary = MappingProxyType({"next_move": 4, "distance_mod_3": 3})

    def __init__(self, rows: Any = 30, columns: Any = 30) -> None:
        for key, size in (("rows", rows), ("columns", columns)):
            if not isinstance(size, int) or isinstance(size, bool) or size < SMALLEST:
                raise UserError(f"puzzle.{key}={size}: must be a whole number of at least {SMALLEST}")
        self.options = {"rows": rows, "columns": columns}
        self.rows, self.columns = rows, columns
        self.shape = (rows, columns)
        self.reference_sets = _reference_sets(rows, columns)

    def generate(
        self,
        rng: np.random.Generator,
        num: int,
        *,
        kind: Any = None,
        path: Any = None,
        walls: Any = None,
        braid: Any = None,
    ):
        """`num` mazes and their labels.

        kind: how walls are laid. hard: as in Maze-Hard, each cell is a wall with a chance drawn from `walls`, without a
        frame. dfs, prim, kruskal, wilson, division: perfect mazes on the lattice of odd cells, with a frame, odd sizes
        only. Default: dfs at odd sizes, else hard.
        path: (least, most) moves of the shortest path, null for any. Default: (109, null) for hard at 30x30, else any.
        walls: (least, most) chance of a wall, hard only. Default (0.3, 0.5).
        braid: chance of each dead end to be opened, not for hard. Default 0.
        The same state of rng gives the same mazes on any number of threads.
        """
        if num < 0:
            raise UserError(f"num={num}: must be at least 0")
        kind = maze_targets.check_kind(kind, self.shape)
        low, high = maze_targets.check_path(kind, path, self.shape)
        share = maze_targets.check_braid(kind, braid)
        chances = maze_targets.check_walls(kind, walls)
        seeds = rng.integers(0, 1 << 64, num, dtype=np.uint64)
        if kind == "hard":
            return maze_hard.generate(seeds, self.shape, chances, low, high)
        inputs, labels = np.zeros((2, num, self.seq_len), np.uint8)
        failed = np.zeros(1, np.bool_)

        def piece(start: int, stop: int) -> None:
            maze_lattice.generate_many(
                maze_lattice.KINDS[kind], *self.shape, share, low, high, LATTICE_TRIES, seeds, start, stop, inputs,
                labels, failed,
            )  # fmt: skip

        over_chunks(piece, num)
        if failed[0]:
            raise UserError(
                f"path=[{low}, {high}]: in {LATTICE_TRIES} mazes of kind={kind} braid={share} none has such a path"
            )
        return inputs, labels

    def _solve(self, cells: UInt8[np.ndarray, "num seq"]) -> tuple[np.ndarray, np.ndarray]:
        """(labels, moves) of well-formed mazes; moves are -1 without a path."""
        labels, moves = np.zeros_like(cells), np.zeros(len(cells), np.int64)
        over_chunks(lambda start, stop: maze_bfs.solve_many(cells, *self.shape, start, stop, labels, moves), len(cells))
        return labels, moves

    def solve(self, inputs: Cells) -> UInt8[np.ndarray, "num seq"]:
        """The first shortest path under Down < Left < Right < Up; UserError naming the first maze without one."""
        cells = _questions(inputs, self.seq_len, self.columns)
        labels, moves = self._solve(cells)
        if (moves < 0).any():
            index = int(np.argmax(moves < 0))
            start, goal = (place(int(np.argmax(cells[index] == token)), self.columns) for token in (START, GOAL))
            raise UserError(f"puzzle {index}: no path from S in {start} to G in {goal}")
        return labels

    def check(self, inputs: Cells, outputs: Integer[np.ndarray, "num seq"]) -> Verdict:
        """By the rules alone, whichever path is meant. Inputs with no or several S or G are never valid.

        valid: walls, S and G kept, the `o` connected with S and G, through no wall, without loose ends (each `o` has
        two marked neighbours at least, S and G one). solved: valid, and as short as can be.
        Outputs may hold any ids; ids that are not a cell of a maze count as free.
        """
        cells = _cells(inputs, self.seq_len)
        outputs = np.asarray(outputs)
        if outputs.shape != cells.shape:
            raise UserError(f"outputs have shape {list(outputs.shape)}: inputs have {list(cells.shape)}")
        known = (outputs >= WALL) & (outputs <= PATH)
        drawn = np.where(known, outputs, FREE).astype(np.uint8)
        valid = _well_formed(cells) & (np.where(drawn == PATH, FREE, drawn) == cells).all(1)
        solved = np.zeros(len(cells), bool)
        kept = np.flatnonzero(valid)
        whole, marks = np.zeros(len(kept), bool), np.zeros(len(kept), np.int64)
        shown = drawn[kept]
        over_chunks(lambda start, stop: maze_bfs.check_many(shown, *self.shape, start, stop, whole, marks), len(kept))
        valid[kept] = whole
        solved[kept] = whole & (marks + 1 == self._solve(cells[kept])[1])
        return Verdict(valid=valid, solved=solved)

    def _waves(self, inputs: Cells) -> Int32[np.ndarray, "3 num seq"]:
        """Of each cell: moves to G, the next move, and when the trace from S comes by (puzzles.maze.waves)."""
        cells = _questions(inputs, self.seq_len, self.columns)
        found = np.empty((3, *cells.shape), np.int32)
        over_chunks(lambda start, stop: maze_waves.waves_many(cells, *self.shape, start, stop, *found), len(cells))
        return found

    def auxiliary_targets(
        self, name: str, inputs: Cells
    ) -> tuple[Int32[np.ndarray, "num seq"], Int32[np.ndarray, "num seq"]]:
        """next_move: the first of down, left, right, up (0 to 3) that comes nearer to G; distance_mod_3: moves to G
        modulo 3. Asked of each cell that G reaches, once the wave from G can have come there."""
        moves, next_move, _ = self._waves(inputs)
        return {"next_move": next_move, "distance_mod_3": np.where(moves < 0, -1, moves % 3)}[name], moves

    def answer_hops(self, inputs: Cells, labels: Cells) -> Int32[np.ndarray, "num seq"]:
        """The path is known once the wave from G has reached S and the trace has come back; all else at once."""
        return self._waves(inputs)[2]

    def transform(
        self, rng: np.random.Generator, inputs: Cells, labels: Integer[np.ndarray, "num seq"]
    ) -> tuple[UInt8[np.ndarray, "num seq"], Integer[np.ndarray, "num seq"]]:
        """A uniformly random rotation or reflection that keeps the shape for each maze: (inputs, labels).

        Labels that are a shortest path are computed anew: the first path, turned, is not the first. Others are turned.
        """
        cells = _cells(inputs, self.seq_len)
        labels = np.asarray(labels)
        shortest = self.check(cells, labels).solved
        images = maze_symmetry.images(*self.shape)
        chosen = images[rng.integers(0, len(images), len(cells))]
        turned = np.take_along_axis(cells, chosen, axis=1)
        turned_labels = np.take_along_axis(labels, chosen, axis=1)
        turned_labels[shortest] = self._solve(turned[shortest])[0]
        return turned, turned_labels

    @property
    def num_symmetries(self) -> int:
        return len(maze_symmetry.images(*self.shape))

    def symmetries(self, rng: np.random.Generator, num: int) -> list[Symmetry]:
        """`num` different rotations and reflections, the identity first; UserError for more than keep the shape."""
        what = f"a {self.rows}x{self.columns} maze"
        return of_grid(rng, maze_symmetry.images(*self.shape), self.vocab_size, num, what)

    def canonical(self, inputs: Cells) -> UInt8[np.ndarray, "num seq"]:
        """The image that comes first among the rotations and reflections."""
        cells = _cells(inputs, self.seq_len)
        smallest = np.zeros_like(cells)
        images = maze_symmetry.images(*self.shape)
        over_chunks(lambda start, stop: maze_symmetry.canonical_many(cells, images, start, stop, smallest), len(cells))
        return smallest

    def invariant(self, inputs: Cells) -> UInt64[np.ndarray, "num"]:
        """Equal for mazes that are images of each other; others collide with a chance of 2^-64."""
        cells = _cells(inputs, self.seq_len)
        hashes = np.zeros(len(cells), np.uint64)
        weights = maze_symmetry.weights(*self.shape)
        over_chunks(lambda start, stop: maze_symmetry.hash_many(cells, weights, start, stop, hashes), len(cells))
        return hashes

    def difficulty(self, inputs: Cells) -> Float[np.ndarray, "num"]:
        """Moves of the shortest path; inf where there is none."""
        moves = self._solve(_questions(inputs, self.seq_len, self.columns))[1]
        return np.where(moves < 0, inf, moves)

    def parse(self, text: str) -> UInt8[np.ndarray, " seq"]:
        """Rows on lines of their own or separated by `/`, or all in one line.

        Walls are `#`, `█` or `X`, free cells blanks or `.`, the start `S`, the goal `G` or `E`, a path `o`; `1` and `0`
        are walls and free cells where no other symbol is. Every blank is a cell; only empty lines around the maze are
        dropped. To be solved, a maze must have one S, one G and no `o`: `problem_fault` says so.
        """
        lines = lines_of(text)
        if set(text) <= set("01SGEo/\r\n\ufeff"):
            lines = [line.translate(DIGITS) for line in lines]
        cells = rows_of(lines, self.shape, f"a {self.rows}x{self.columns} maze")
        return tokens_of(cells, READ, self.columns, "# (wall), blank or . (free), S, G or o")

    def format(self, inputs: Integer[np.ndarray, " seq"]) -> str:
        """One line, blanks for free cells, as published."""
        return "".join(SYMBOLS[token - 1] for token in _cells(np.asarray(inputs)[None], self.seq_len)[0])

    def format_answer(self, inputs: Integer[np.ndarray, " seq"], answer: Integer[np.ndarray, " seq"]) -> str:
        """Rows separated by `/`; padding in the answer shows what the maze has there."""
        text = self.format(np.where(answer == 0, inputs, answer))
        return "/".join(text[start : start + self.columns] for start in range(0, len(text), self.columns))

    def describe_state(
        self, inputs: Integer[np.ndarray, " seq"], state: Integer[np.ndarray, " seq"]
    ) -> tuple[str, Bool[np.ndarray, " seq"]]:
        """See `Puzzle.describe_state`. Broken are cells of a path that leads nowhere, and cells that were not kept."""
        return maze_paths.describe(self, inputs, state), maze_paths.broken_cells(self, inputs, state).reshape(-1)

    def drawer(self) -> "Drawer":
        from puzzles.maze.drawing import DRAWER

        return DRAWER

    def step_rules(self) -> "StepRules":
        from puzzles.maze.step_rules import MazeSteps

        return MazeSteps(self)

    def step_symbols(self) -> dict[int, str]:
        return {FREE: ".", PATH: "o"}

    def page(self) -> Page:
        return Page(title="Maze", board="maze", levels=self._levels(), symbols="#.SGo")

    def _levels(self) -> list[Level]:
        levels = []
        if self.rows % 2 and self.columns % 2 and self.seq_len > SMALLEST**2:
            levels += [
                Level(name="winding", label="winding: long corridors", targets={"kind": "dfs"}),
                Level(name="branching", label="branching: many short dead ends", targets={"kind": "prim"}),
                Level(name="loops", label="loops: half the dead ends opened", targets={"kind": "dfs", "braid": 0.5}),
                Level(name="rooms", label="rooms: walls that divide", targets={"kind": "division"}),
            ]
        if self.shape == (30, 30):
            label = "long: at least 109 moves, as in Maze-Hard"
            levels.append(Level(name="long", label=label, targets={"kind": "hard"}))
        random = Level(name="random", label="random walls", targets={"kind": "hard", "path": [None, None]})
        return [*levels, random]

    @classmethod
    def options_of_sizes(cls, vocab_size: int, seq_len: int) -> dict[str, Any] | None:
        """Published mazes are square."""
        side = isqrt(seq_len)
        fits = vocab_size == cls.vocab_size and side * side == seq_len and side >= SMALLEST
        return {"rows": side, "columns": side} if fits else None


def _reference_sets(rows: int, columns: int) -> dict[str, dict[str, Any]]:
    if (rows, columns) == (30, 30):
        return {"hard": {"kind": "hard"}}
    if rows % 2 == 0 or columns % 2 == 0 or rows * columns < 25:
        return {"any_path": {"kind": "hard"}}
    sets: dict[str, dict[str, Any]] = {"braided": {"kind": "dfs", "braid": 0.5}}
    if min(rows, columns) >= 11:
        sets["braided_20"] = {"kind": "dfs", "braid": 0.5, "path": [20, None]}
    return sets
