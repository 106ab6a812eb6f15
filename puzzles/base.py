"""What a puzzle domain is: the base class that every domain derives from, and explicit random streams."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from jaxtyping import Bool, Float, Integer, UInt64

from puzzles.errors import UserError
from puzzles.text import format_grid, parse_grid

if TYPE_CHECKING:
    from puzzles.drawing.canvas import Drawer
    from puzzles.steps.rules import StepRules


# What `Puzzle.problem_fault` says of a problem with more than one answer where it must be unique.
SEVERAL_SOLUTIONS = "several solutions"


@dataclass(kw_only=True, slots=True)
class Verdict:
    """What the rules say of a batch of answers."""

    valid: Bool[np.ndarray, "num"]  # no rule is broken
    solved: Bool[np.ndarray, "num"]  # valid, complete, and optimal where the domain asks for it


@dataclass(frozen=True, kw_only=True, slots=True)
class Level:
    """A difficulty that the page of `hrm-serve` offers."""

    name: str
    label: str  # what the page shows
    targets: dict[str, Any]  # keyword arguments of `Puzzle.generate`


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """How the page of `hrm-serve` shows a domain."""

    title: str
    levels: list[Level]
    # Which of the page's boards draws the puzzle: sudoku, maze, or grid, which draws any domain.
    board: str = "grid"
    # What a person may type into a cell, and what the text has in an empty one.
    symbols: str = ""
    blank: str = "."
    # Rows and columns of a box that the grid is ruled into; None: it has no boxes.
    box: tuple[int, int] | None = None
    # Generator targets that a request may set by name in place of a level.
    targets: tuple[str, ...] = ()


class Puzzle(ABC):
    """One domain at one size.

    A batch of puzzles is an integer array `[num, seq]` of token ids; 0 is padding. A row is a grid of `shape`, read row
    by row. `inputs` are problems, `labels` their answers, `outputs` and states anything that a model may have written.

    A new domain sets `name`, `options`, `shape`, `vocab_size` and `token_symbols`, and defines `generate` and `check`.
    With these alone it can be trained, evaluated, solved, drawn and served. All else has a default, which the
    docstrings below describe. Drawing and step rules are imported inside the methods that give them, so that a domain
    costs no more to load than what is used of it.

    A mistake of the user (a text, a puzzle, a target) raises `UserError` with a message of one line.
    """

    OPTIONS: ClassVar[tuple[str, ...]] = ()  # the keyword arguments of the constructor

    name: str
    options: dict[str, Any]  # `puzzles.get(name, **options)` builds this puzzle again
    shape: tuple[int, int]  # rows, columns
    vocab_size: int
    token_symbols: str  # one character for each token id, in texts and in drawings

    num_symbols: int = 0  # interchangeable symbols, as the digits of Sudoku; 0 where there are none
    box_rows: int = 0  # rows of a box, where rows, columns and boxes hold each symbol once; 0: no such units
    verifiable: bool = False  # whether `check` can tell a solution without a stored answer
    families: tuple[str, ...] = ()  # the rules among which `puzzle_identifier` chooses; (): there is one
    reads_data: ClassVar[bool] = False  # whether symbols and shape come from the data of a run (`puzzles.table`)
    headers: tuple[str, str] | None = None  # of the columns question and answer in files; None: the usual ones
    one_line: bool = False  # whether each line of a file without columns is a puzzle, whatever it holds
    states_are_puzzles: bool = False  # whether a partly filled state is itself a puzzle of this domain
    difficulty_edges: tuple[int, ...] = (0,)  # lower edges of the bins in which `difficulty` is reported
    difficulty_unit: str = "difficulty"  # what `difficulty` counts, as an axis label
    # What can be asked of every cell besides the answer, in training only: names, each with its number of classes.
    auxiliary: Mapping[str, int] = MappingProxyType({})
    # The targets of the evaluation sets where the user names none.
    reference_sets: Mapping[str, dict[str, Any]] = MappingProxyType({"default": {}})

    @property
    def seq_len(self) -> int:
        """Cells of the grid."""
        return self.shape[0] * self.shape[1]

    @property
    def num_puzzle_ids(self) -> int:
        """Puzzle identifiers that generated puzzles use: 1 where the inputs alone say what is asked."""
        return 1 + len(self.families)

    @abstractmethod
    def generate(
        self, rng: np.random.Generator, num: int, *_: Any, **targets: Any
    ) -> tuple[Integer[np.ndarray, "num seq"], Integer[np.ndarray, "num seq"]]:
        """`num` new puzzles and their answers. Targets are keyword-only; UserError for those that are out of reach.

        With `num=0` it only checks the targets. The same state of `rng` gives the same puzzles on every machine.
        """

    @abstractmethod
    def check(self, inputs: Integer[np.ndarray, "num seq"], outputs: Integer[np.ndarray, "num seq"]) -> Verdict:
        """Whether each output keeps the rules and solves its puzzle. Outputs may hold any ids.

        `solved` is False everywhere in a domain that is not `verifiable`.
        """

    def solve(self, inputs: Integer[np.ndarray, "num seq"]) -> Integer[np.ndarray, "num seq"]:
        """The exact answers. UserError naming the first puzzle without one, or with several where it must be unique.

        The message begins with `puzzle INDEX: `. Default: UserError, the domain has no solver.
        """
        raise UserError(f"{self.name}: has no solver: give the answers")

    def problem_fault(self, inputs: Integer[np.ndarray, " seq"], *, search: bool = True) -> str | None:
        """Why no answer to this problem can be right, in one line without a final dot; None for a sound problem.

        A problem is at fault when it breaks the rules, has no solution, or has several where the answer must be unique.
        `search=False` leaves out faults that only a search finds where such a search is slow to load or to run.
        Default: what `solve` says; None in a domain without a solver.
        """
        return self._fault_by_solving(inputs) if self.verifiable else None

    def _fault_by_solving(self, inputs: Integer[np.ndarray, " seq"]) -> str | None:
        try:
            self.solve(np.asarray(inputs)[None])
        except UserError as error:
            return str(error).removeprefix("puzzle 0: ").removeprefix("inputs[0] ")
        return None

    def transform(
        self, rng: np.random.Generator, inputs: Integer[np.ndarray, "num seq"], labels: Integer[np.ndarray, "num seq"]
    ) -> tuple[Integer[np.ndarray, "num seq"], Integer[np.ndarray, "num seq"]]:
        """A random symmetry of each puzzle, applied to its labels as well. Default: the puzzles as they are."""
        return inputs, labels

    def canonical(self, inputs: Integer[np.ndarray, "num seq"]) -> Integer[np.ndarray, "num seq"]:
        """The same row for symmetric puzzles and only for those. Default: the inputs, as without symmetries."""
        return inputs

    def invariant(self, inputs: Integer[np.ndarray, "num seq"]) -> UInt64[np.ndarray, "num"]:
        """A cheap hash: equal for symmetric puzzles, nearly always different for others. Default: of `canonical`."""
        rows = np.ascontiguousarray(self.canonical(inputs), np.int64)
        digests = [hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in rows]
        return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)

    def difficulty(self, inputs: Integer[np.ndarray, "num seq"]) -> Float[np.ndarray, "num"]:
        """How hard each puzzle is, in `difficulty_unit`. Default: 0."""
        return np.zeros(len(inputs))

    def auxiliary_targets(
        self, name: str, inputs: Integer[np.ndarray, "num seq"]
    ) -> tuple[Integer[np.ndarray, "num seq"], Integer[np.ndarray, "num seq"]]:
        """(classes, hops) of one of `auxiliary`, for problems that `generate` may have made.

        classes: -1 where nothing is asked. hops: from cell to cell, after which the class can be known where it stands.
        """
        raise KeyError(name)

    def answer_hops(
        self, inputs: Integer[np.ndarray, "num seq"], labels: Integer[np.ndarray, "num seq"]
    ) -> Integer[np.ndarray, "num seq"]:
        """Hops from cell to cell after which each cell of the answer can be known. Default: 0, at once."""
        return np.zeros(np.shape(inputs), np.int32)

    def lineage_generator(self, **targets: Any) -> Callable[..., tuple[Any, Any]] | None:
        """A generator for targets whose puzzles are grown from each other; None where each puzzle is drawn by itself.

        It is called as `generator(rng, num, fold=(low, high))` and returns puzzles whose lineages all lie in that part
        of [0, 1). Default: None.
        """
        return None

    def puzzle_identifier(self, **targets: Any) -> int:
        """The identifier of puzzles generated with these targets. Default: the place of `family` in `families`, from 1;
        0 in a domain without families."""
        if not self.families:
            return 0
        family = targets.get("family", self.families[0])
        if family not in self.families:
            raise UserError(f"family={family}: must be one of {', '.join(self.families)}")
        return 1 + self.families.index(family)

    def parse(self, text: str) -> Integer[np.ndarray, " seq"]:
        """The inputs that one puzzle's text stands for, on one line or on several; `/` separates rows as well.

        It looks at sizes and symbols only; UserError that names the place and what is allowed there. The time is linear
        in the length of any text. Default: `token_symbols`, with white space skipped unless a token is written so.
        """
        return parse_grid(text, self.shape, self.token_symbols, self.name)

    def parse_answer(self, text: str, inputs: Integer[np.ndarray, " seq"]) -> Integer[np.ndarray, " seq"]:
        """The labels that the text of the answer to `inputs` stands for; UserError as of `parse`, the default."""
        return self.parse(text)

    def format(self, inputs: Integer[np.ndarray, " seq"]) -> str:
        """One line that `parse` reads back. Default: `token_symbols`."""
        return format_grid(inputs, self.token_symbols)

    def format_answer(self, inputs: Integer[np.ndarray, " seq"], answer: Integer[np.ndarray, " seq"]) -> str:
        """A model's answer as one line. Default: as a puzzle, with the inputs where the answer holds padding."""
        return self.format(np.where(answer == 0, inputs, answer))

    def format_board(self, inputs: Integer[np.ndarray, " seq"], state: Integer[np.ndarray, " seq"]) -> str:
        """What the page's board shows, as one line. Default: the answer as `hrm-solve` writes it, with a dot for a
        blank, so that the text survives in an address."""
        return self.format_answer(inputs, state).replace(" ", ".")

    def describe_state(
        self, inputs: Integer[np.ndarray, " seq"], state: Integer[np.ndarray, " seq"]
    ) -> tuple[str, Bool[np.ndarray, " seq"]]:
        """What the rules say of a state, in a few words, and the cells that break them. Default: by `check` alone."""
        verdict = self.check(inputs[None], state[None])
        words = "solved" if verdict.solved[0] else "no rule broken" if verdict.valid[0] else "breaks a rule"
        return words, np.zeros(self.seq_len, bool)

    def render(self, inputs: Integer[np.ndarray, " seq"], outputs: Integer[np.ndarray, " seq"] | None = None) -> str:
        """The puzzle, or a state of it, as text for a terminal."""
        from puzzles.drawing.render import render_text

        return render_text(self, inputs, outputs)

    def drawer(self) -> "Drawer":
        """How the domain is drawn. Default: a grid of symbols."""
        from puzzles.drawing.grid import DRAWER

        return DRAWER

    def step_rules(self) -> "StepRules":
        """What a step of a solution may do: needed to train and to use step scorers. Default: UserError."""
        raise UserError(f"puzzle={self.name}: has no step rules")

    def step_symbols(self) -> dict[int, str]:
        """What a step writes into a cell, by token, as `r3c5=7` has it; the blank first, as `.`. Default: UserError."""
        raise UserError(f"puzzle={self.name}: its steps have no text")

    def page(self) -> Page:
        """How the page of `hrm-serve` shows the domain. Default: a grid, with `reference_sets` as levels."""
        levels = [
            Level(name=name, label=name.replace("_", " "), targets=dict(targets))
            for name, targets in self.reference_sets.items()
        ]
        blank = "." if "." in self.token_symbols else self.token_symbols[1]
        symbols = self.token_symbols[1:].replace(blank, "")
        return Page(title=self.name.capitalize(), levels=levels, symbols=symbols, blank=blank)

    @classmethod
    def options_of_sizes(cls, vocab_size: int, seq_len: int) -> dict[str, Any] | None:
        """The options with which the domain has these sizes: it tells what a published model solves. Default: None."""
        return None


def rng(seed: int, purpose: str, *counters: int) -> np.random.Generator:
    """The random stream of (seed, purpose, counters): the same on every machine, independent between different keys."""
    key = hashlib.sha256(repr((int(seed), purpose, tuple(int(count) for count in counters))).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(key[:16], "little")))
