"""Sudoku with boxes of 2x2, 2x3, 3x3 or 4x4 cells, in the published token ids: pad 0, blank 1, digit d is d + 1."""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Integer, UInt8, UInt64

from puzzles.base import SEVERAL_SOLUTIONS, Level, Page, Puzzle, Verdict
from puzzles.errors import UserError
from puzzles.kernels import over_chunks
from puzzles.sudoku import bands as sudoku_bands
from puzzles.sudoku import canonical as sudoku_canonical
from puzzles.sudoku import dig as sudoku_dig
from puzzles.sudoku import dig9 as sudoku_dig9
from puzzles.sudoku import hard as sudoku_hard
from puzzles.sudoku import invariant as sudoku_invariant
from puzzles.sudoku import search as sudoku_search
from puzzles.sudoku import symmetry as sudoku_symmetry
from puzzles.sudoku import text as sudoku_text
from puzzles.sudoku.search import Board
from puzzles.sudoku.text import SYMBOLS
from puzzles.symmetry import Symmetry, check_number, identity

if TYPE_CHECKING:
    from puzzles.drawing.canvas import Drawer
    from puzzles.steps.rules import StepRules

BOXES = {"2x2": (2, 2), "2x3": (2, 3), "3x3": (3, 3), "4x4": (4, 4)}  # rows x columns of a box
FEWEST = {"2x2": 4, "2x3": 8, "3x3": 22, "4x4": 100}  # clues that digging reaches often enough to wait for
FEWEST_KNOWN = {"2x2": 4, "2x3": 8, "3x3": 17, "4x4": 55}  # below: none exists (4x4 boxes: none known)
DIFFICULTY_SYMMETRIES = 16
REFERENCE_SETS: dict[str, dict[str, dict[str, Any]]] = {
    "2x2": {"clues_6": {"clues": 6}},
    "2x3": {"clues_14": {"clues": 14}, "clues_12": {"clues": 12}, "minimal": {"clues": "minimal"}},
    "3x3": {"clues_36": {"clues": 36}, "clues_30": {"clues": 30}, "minimal": {"clues": "minimal"}},
    "4x4": {"clues_150": {"clues": 150}},
}
# Clues of the page's levels, easy first.
LEVELS: dict[str, dict[str, int | str]] = {
    "2x2": {"easy": 8, "fewest": "minimal"},
    "2x3": {"easy": 18, "medium": 14, "hard": 12, "fewest": "minimal"},
    "3x3": {"easy": 45, "medium": 36, "hard": 30, "fewest": "minimal"},
    "4x4": {"easy": 180, "medium": 150, "hard": 130},
}
Clues = int | str | tuple[int, int] | list[int]
Difficulty = tuple[float | None, float | None] | list[float | None] | None


def board_of(seq_len: int) -> tuple[str, Board]:
    """The size that has `seq_len` cells."""
    for box, (box_rows, box_cols) in BOXES.items():
        if (box_rows * box_cols) ** 2 == seq_len:
            return box, sudoku_search.board(box_rows, box_cols)
    raise UserError(f"inputs have {seq_len} cells: Sudoku has 16, 36, 81 or 256")


def _values(tokens: Integer[np.ndarray, "num seq"], side: int, what: str = "inputs") -> UInt8[np.ndarray, "num seq"]:
    """Tokens to 0 (blank) .. side; UserError for other ids."""
    tokens = np.asarray(tokens)
    if tokens.ndim != 2 or tokens.shape[1] != side * side:
        raise UserError(f"{what} have shape {list(tokens.shape)}: must be [num, {side * side}]")
    if not np.issubdtype(tokens.dtype, np.integer):
        raise UserError(f"{what} have dtype {tokens.dtype}: must be integers")
    wrong = (tokens < 1) | (tokens > side + 1)
    if wrong.any():
        index, cell = np.argwhere(wrong)[0]
        raise UserError(
            f"{what}[{index}] has token {tokens[index, cell]} in cell {cell}: must be 1 (blank) to {side + 1}"
        )
    return np.ascontiguousarray(tokens - 1, dtype=np.uint8)


def _solve(grids: UInt8[np.ndarray, "num cells"], board: Board, limit: int):
    """(solutions up to limit, guesses, last solution found) of each grid."""
    counts, guesses = np.zeros((2, len(grids)), np.int64)
    answers = np.zeros_like(grids)

    def piece(start: int, stop: int) -> None:
        if board.side == 9:
            sudoku_bands.solve_many(grids, limit, start, stop, counts, guesses, answers)
        else:
            sudoku_search.solve_many(
                grids, board.side, board.units, board.peers, limit, start, stop, counts, guesses, answers
            )

    over_chunks(piece, len(grids))
    return counts, guesses, answers


def count_solutions(inputs: Integer[np.ndarray, "num seq"], limit: int) -> Integer[np.ndarray, "num"]:
    """Solutions of each puzzle, counted exactly up to `limit` (conflicting givens: 0). The size follows from seq."""
    if limit < 1:
        raise UserError(f"limit={limit}: must be at least 1")
    _, board = board_of(np.shape(inputs)[-1])
    return _solve(_values(inputs, board.side), board, limit)[0]


class Sudoku(Puzzle):
    """See `puzzles.base.Puzzle`. Option `box`: rows x columns of a box."""

    OPTIONS = ("box",)
    name = "sudoku"
    verifiable = True
    states_are_puzzles = True
    difficulty_edges = (0, 1, 5, 10, 20, 50)
    difficulty_unit = "guesses of the exact search"

    def __init__(self, box: str = "3x3") -> None:
        if box not in BOXES:
            raise UserError(f"puzzle.box={box}: must be one of {', '.join(BOXES)}")
        self.options = {"box": box}
        self.board = sudoku_search.board(*BOXES[box])
        side = self.board.side
        self.side = side
        self.vocab_size = side + 2
        self.token_symbols = "?." + SYMBOLS[:side]
        self.shape = (side, side)
        self.num_symbols = side
        self.box_rows = self.board.box_rows
        self.reference_sets = REFERENCE_SETS[box]
        self.num_symmetries = sudoku_symmetry.order(self.board)

    def _clue_range(self, clues: Clues) -> tuple[int, int]:
        """(fewest, most), or (0, 0) for minimal; UserError out of reach."""
        box, cells = self.options["box"], self.seq_len
        size = f"{self.side}x{self.side} Sudoku"
        if clues == "minimal" or (box == "3x3" and isinstance(clues, int) and clues == 17):
            if box == "4x4":
                raise UserError(f"clues={clues}: minimal puzzles are made up to 9x9, not {size}")
            return 0, 0
        if isinstance(clues, int | np.integer) and not isinstance(clues, bool):
            low = high = clues
        elif isinstance(clues, tuple | list) and len(clues) == 2 and all(isinstance(end, int) for end in clues):
            low, high = clues
        else:
            raise UserError(f"clues={clues}: must be a number, a range (low, high) or minimal")
        if low < FEWEST_KNOWN[box]:
            raise UserError(f"clues={clues}: {size} needs at least {FEWEST_KNOWN[box]}")
        if low < FEWEST[box]:
            instead = "" if box == "4x4" else ', or clues="minimal"'
            raise UserError(f"clues={clues}: {size} is generated with {FEWEST[box]} clues or more{instead}")
        if high > cells:
            raise UserError(f"clues={clues}: {size} has at most {cells}")
        if high < low:
            raise UserError(f"clues={clues}: the range is empty")
        return low, high

    def generate(
        self, rng: np.random.Generator, num: int, *, clues: Clues | None = None, difficulty: Difficulty = None
    ):
        """`num` puzzles with one solution, and their solutions.

        difficulty: [low, high], bounds of the rating, either of them null (9x9; `puzzles.sudoku.hard`). Such puzzles
        are grown by chains, a few by each. At 5.0 and above a puzzle takes 20 to 50 ms of one core, and half a second
        when it is the only one. To train on them, `python -m puzzles.sudoku.pool` writes a directory once. Without a
        difficulty each puzzle is dug from a fresh random grid:

        clues: a count, a range (drawn uniformly for each puzzle), or "minimal" (no clue can go; up to 9x9, where 17
        means the same). Default: 44 % of the cells. FEWEST is the least; there 9x9 takes 5 ms and 16x16 0.1 s a puzzle.
        The same state of rng gives the same puzzles on any number of threads.
        """
        if num < 0:
            raise UserError(f"num={num}: must be at least 0")
        if difficulty is not None:
            if clues is not None:
                raise UserError(f"clues={clues}: does not go with difficulty={difficulty}")
            generator = self.lineage_generator(difficulty=difficulty)
            assert generator is not None
            return generator(rng, num)
        low, high = self._clue_range(round(0.44 * self.seq_len) if clues is None else clues)
        seeds = rng.integers(0, 1 << 64, num, dtype=np.uint64)
        lows, highs = np.full((2, num), ((low,), (high,)), np.int64)
        grids, solutions = np.zeros((2, num, self.seq_len), np.uint8)

        def piece(start: int, stop: int) -> None:
            if self.side == 9:
                sudoku_dig9.generate_many(seeds, lows, highs, start, stop, grids, solutions)
            else:
                sudoku_dig.generate_many(
                    self.board.units, self.board.peers, seeds, lows, highs, start, stop, grids, solutions
                )

        over_chunks(piece, num)
        return grids + np.uint8(1), solutions + np.uint8(1)

    def lineage_generator(self, **targets: Any):
        """For the target `difficulty`; UserError where it is out of reach."""
        difficulty = targets.get("difficulty")
        if difficulty is None:
            return None
        if self.options["box"] != "3x3":
            raise UserError(f"difficulty={difficulty}: is generated for 9x9 Sudoku, not {self.side}x{self.side}")
        wanted = sudoku_hard.difficulty_range(difficulty)

        def generate(rng: np.random.Generator, num: int, fold: tuple[float, float] = sudoku_hard.ALL):
            grids, solutions = sudoku_hard.generate(rng, num, wanted, fold)
            return grids + np.uint8(1), solutions + np.uint8(1)

        return generate

    def solve(self, inputs: Integer[np.ndarray, "num seq"]) -> UInt8[np.ndarray, "num seq"]:
        """The only solution of each puzzle; UserError naming the first with conflicting givens, none or several."""
        grids = _values(inputs, self.side)
        counts, _, answers = _solve(grids, self.board, 2)
        if (counts != 1).any():
            index = int(np.argmax(counts != 1))
            reason = self._conflict(grids[index]) or ("no solution" if counts[index] == 0 else SEVERAL_SOLUTIONS)
            raise UserError(f"puzzle {index}: {reason}")
        return answers + np.uint8(1)

    def _conflict(self, grid: UInt8[np.ndarray, "cells"]) -> str:
        """The first digit that a row, column or box holds twice, in words; empty where no digit is."""
        for unit, cells in enumerate(self.board.units):
            given = grid[cells][grid[cells] > 0]
            digits, times = np.unique(given, return_counts=True)
            if (times > 1).any():
                digit = SYMBOLS[digits[np.argmax(times > 1)] - 1]
                return f"two {digit}s in {self._unit_name(unit)}"
        return ""

    def _unit_name(self, unit: int) -> str:
        return f"{('row', 'column', 'box')[unit // self.side]} {unit % self.side + 1}"

    def check(self, inputs: Integer[np.ndarray, "num seq"], outputs: Integer[np.ndarray, "num seq"]) -> Verdict:
        """By the rules alone. valid: keeps the givens, no digit twice in a unit; solved: valid and full.

        Outputs may hold any ids; ids that are not a digit count as blank.
        """
        grids = _values(inputs, self.side)
        filled = np.asarray(outputs).astype(np.int64) - 1
        if filled.shape != grids.shape:
            raise UserError(f"outputs have shape {list(filled.shape)}: inputs have {list(grids.shape)}")
        filled[(filled < 0) | (filled > self.side)] = 0
        keeps = ((grids == 0) | (grids == filled)).all(axis=1)
        bits = np.where(filled > 0, 1 << filled, 0)[:, self.board.units]
        clash = (np.bitwise_or.reduce(bits, axis=2) != bits.sum(axis=2)).any(axis=1)
        valid = keeps & ~clash
        return Verdict(valid=valid, solved=valid & (filled > 0).all(axis=1))

    def transform(
        self, rng: np.random.Generator, inputs: Integer[np.ndarray, "num seq"], labels: Integer[np.ndarray, "num seq"]
    ):
        """A uniformly random symmetry for each puzzle: (inputs, labels)."""
        grids, answers = _values(inputs, self.side), _values(labels, self.side, "labels")
        if len(grids) != len(answers):
            raise UserError(f"labels have {len(answers)} rows: inputs have {len(grids)}")
        chosen = sudoku_symmetry.draw(rng, len(grids), self.board)
        return (
            sudoku_symmetry.apply(chosen, grids) + np.uint8(1),
            sudoku_symmetry.apply(chosen, answers) + np.uint8(1),
        )

    def symmetries(self, rng: np.random.Generator, num: int) -> list[Symmetry]:
        """`num` different symmetries, the identity first; UserError for more than the group has."""
        check_number(num, self.num_symmetries, f"{self.side}x{self.side} Sudoku")
        found: dict[tuple[int, ...], Symmetry] = {}
        drawn = [identity(self.seq_len, self.vocab_size)]
        while True:
            for one in drawn:
                found.setdefault((*one.cells.tolist(), *one.tokens.tolist()), one)
            if len(found) == num:
                return list(found.values())
            drawn = sudoku_symmetry.as_symmetries(sudoku_symmetry.draw(rng, num - len(found), self.board))

    def canonical(self, inputs: Integer[np.ndarray, "num seq"]) -> UInt8[np.ndarray, "num seq"]:
        """The smallest symmetric puzzle; milliseconds each, up to 9x9 (UserError above)."""
        return sudoku_canonical.canonical(_values(inputs, self.side), self.board) + np.uint8(1)

    def invariant(self, inputs: Integer[np.ndarray, "num seq"]) -> UInt64[np.ndarray, "num"]:
        """Equal for symmetric puzzles; others collide only where hardly any cell is filled or empty."""
        return sudoku_invariant.invariant(_values(inputs, self.side), self.board)

    def difficulty(self, inputs: Integer[np.ndarray, "num seq"]) -> Float[np.ndarray, "num"]:
        """Guesses of the search to the first solution, mean over 16 random symmetries with a fixed seed.

        0: naked and hidden singles (9x9: and locked candidates) suffice. The mean still has noise of the order of
        a quarter of itself, depends on this solver's order of guessing and says nothing about what people find hard.
        """
        grids = _values(inputs, self.side)
        total = np.zeros(len(grids))
        for repeat in range(DIFFICULTY_SYMMETRIES):
            rng = np.random.Generator(np.random.PCG64(repeat))
            turned = sudoku_symmetry.apply(sudoku_symmetry.draw(rng, len(grids), self.board), grids)
            total += _solve(turned, self.board, 1)[1]
        return total / DIFFICULTY_SYMMETRIES

    def problem_fault(self, inputs: Integer[np.ndarray, " seq"], *, search: bool = True) -> str | None:
        """See `Puzzle.problem_fault`. Without the search: wrong tokens, and digits that a unit holds twice."""
        try:
            grid = _values(np.asarray(inputs)[None], self.side)[0]
        except UserError as error:
            return str(error).removeprefix("inputs[0] ")
        if conflict := self._conflict(grid):
            return conflict
        if not search:
            return None
        return self._fault_by_solving(inputs) if grid.any() else "no cell is given"

    def parse(self, text: str) -> UInt8[np.ndarray, " seq"]:
        """See `puzzles.sudoku.text.parse`."""
        return sudoku_text.parse(text, self.side)

    def format(self, inputs: Integer[np.ndarray, "seq"]) -> str:
        """One line, `.` for blanks."""
        grid = _values(np.asarray(inputs)[None], self.side)[0]
        return "".join("." if value == 0 else SYMBOLS[value - 1] for value in grid)

    def describe_state(
        self, inputs: Integer[np.ndarray, " seq"], state: Integer[np.ndarray, " seq"]
    ) -> tuple[str, Bool[np.ndarray, " seq"]]:
        """See `Puzzle.describe_state`. Broken are digits that a unit holds twice, and givens that were not kept."""
        lost = (inputs > 1) & (state != inputs)
        broken, clashes = lost.copy(), []
        for unit, cells in enumerate(self.board.units):
            held = state[cells]
            twice = (held > 1) & ((held[:, None] == held[None]).sum(axis=1) > 1)
            broken[cells[twice]] = True
            if twice.any():
                digit = SYMBOLS[int(held[twice].min()) - 2]
                clashes.append(f"two {digit}s in {self._unit_name(unit)}")
        blanks = int((state <= 1).sum())
        words = [f"{blanks} open"] if blanks else []
        if lost.any():
            words.append(f"{int(lost.sum())} of the givens lost")
        if clashes:
            words.append(clashes[0] + (f" and {len(clashes) - 1} more clashes" if len(clashes) > 1 else ""))
        verdict = "broken: " if broken.any() else "no rule broken, " if words else "solved"
        return verdict + ", ".join(words), broken

    def drawer(self) -> "Drawer":
        from puzzles.sudoku.drawing import DRAWER

        return DRAWER

    def step_rules(self) -> "StepRules":
        from puzzles.sudoku.step_rules import SudokuSteps

        return SudokuSteps(self)

    def step_symbols(self) -> dict[int, str]:
        return dict(enumerate(self.token_symbols[1:], start=1))

    def page(self) -> Page:
        box_rows, box_columns = BOXES[self.options["box"]]
        levels = [
            Level(
                name=name,
                label=f"{name}: " + ("no clue can go" if clues == "minimal" else f"{clues} clues"),
                targets={"clues": clues},
            )
            for name, clues in LEVELS[self.options["box"]].items()
        ]
        return Page(
            title="Sudoku",
            board="sudoku",
            levels=levels,
            symbols=SYMBOLS[: self.side],
            box=(box_rows, box_columns),
            targets=("clues",),
        )

    @classmethod
    def options_of_sizes(cls, vocab_size: int, seq_len: int) -> dict[str, Any] | None:
        for box, (rows, columns) in BOXES.items():
            side = rows * columns
            if (side + 2, side * side) == (vocab_size, seq_len):
                return {"box": box}
        return None
