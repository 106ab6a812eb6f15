"""A table of questions and answers as a domain: whatever it knows of the task was read from the data.

Token ids: 0 an empty cell, then the end of an answer (only where answers are not as long as their questions), then the
symbols. Questions and answers begin at the first cell. What lies beyond the end of an answer is not scored.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Integer

from puzzles import registry
from puzzles.base import Level, Page, Puzzle, Verdict
from puzzles.errors import UserError
from puzzles.table import text as table_text
from puzzles.table.symmetries import NAMES, Symmetries

Rows = Integer[np.ndarray, "num seq"]
Row = Integer[np.ndarray, " seq"]
EMPTY_MARKS, END_MARKS = "·∅□▫", "¶◀■▪"  # how an empty cell and an answer's end are written: the first that is free
MOST_CELLS = 1 << 20


class Table(Puzzle):
    """See `puzzles.base.Puzzle`. The first five options are the user's, the others come from the data.

    question, answer: the headers of the columns. shape: rows and columns of grids; None: sequences. symmetries: among
    rows, columns, dihedral, symbols. symbols: those that may change names; None: all. alphabet: every symbol, each
    once. length: cells of a sequence at most. ends: whether an answer may have another length than its question, so
    that a token marks its end. examples: some (question, answer) that are not trained on, from which `generate` draws.
    """

    OPTIONS = ("question", "answer", "shape", "symmetries", "symbols", "alphabet", "length", "ends", "examples")
    name = "table"
    reads_data: ClassVar[bool] = True
    difficulty_unit = "symbols of the question"

    def __init__(
        self,
        question: Any = "question",
        answer: Any = "answer",
        shape: Any = None,
        symmetries: Any = (),
        symbols: Any = None,
        alphabet: Any = None,
        length: Any = None,
        ends: Any = None,
        examples: Any = (),
    ) -> None:
        self.headers = check_headers(question, answer)
        grid = check_shape(shape)
        names = check_symmetries(symmetries)
        if alphabet is None:
            raise UserError(
                "puzzle.alphabet=null: must be every symbol of the table; a solver's run takes it from data.path=FILE"
            )
        alphabet = check_alphabet(alphabet)
        if not isinstance(ends, bool | None) or (ends and grid is not None):
            raise UserError(f"puzzle.ends={ends}: must be {'true or false' if grid is None else 'false for grids'}")
        self.is_grid = grid is not None
        self.shape = grid or (1, check_length(length))
        if length not in (None, self.seq_len):
            raise UserError(f"puzzle.length={length}: must be null beside puzzle.shape")
        self.one_line = grid is None
        self.ends = bool(ends)
        self.alphabet = alphabet
        marks = (_free(EMPTY_MARKS, alphabet), _free(END_MARKS, alphabet))
        self.token_symbols = marks[0] + (marks[1] if self.ends else "") + alphabet
        self.vocab_size = len(self.token_symbols)
        self.dtype = np.uint8 if self.vocab_size <= 256 else np.uint16 if self.vocab_size <= 65536 else np.int32
        chosen = check_symbols(symbols, alphabet, names)
        first = self.vocab_size - len(alphabet)
        self.group = Symmetries(
            names, self.shape, self.vocab_size, [first + alphabet.index(symbol) for symbol in chosen or ()]
        )
        if self.group.moves_cells and self.ends:
            raise UserError(
                f"puzzle.symmetries={', '.join(names)}: must not move cells, since answers and questions of the data "
                "differ in length; symbols is allowed"
            )
        self.options = {
            "question": question, "answer": answer, "shape": None if grid is None else list(grid),
            "symmetries": list(names), "symbols": symbols if symbols is None else chosen, "alphabet": alphabet,
            "length": self.seq_len, "ends": self.ends, "examples": [list(pair) for pair in examples],
        }  # fmt: skip
        self._codes = table_text.lookup(self.token_symbols)
        if self.ends:  # nobody writes an end
            self._codes[ord(marks[1])] = table_text.UNKNOWN
        self.difficulty_edges = tuple(sorted({0, *(self.seq_len * part // 4 for part in (1, 2, 3))}))
        self.reference_sets = {"held_out": {}} if self.options["examples"] else {}

    def generate(self, rng: np.random.Generator, num: int) -> tuple[Rows, Rows]:
        """`num` different rows of `examples`: a table makes no puzzles of its own. UserError for more than it has."""
        pairs = self.options["examples"]
        if num > len(pairs):
            raise UserError(f"num={num}: {self.name} keeps {len(pairs)} examples and generates no others")
        chosen = [pairs[i] for i in rng.permutation(len(pairs))[:num]]
        inputs = np.array([self.parse(question) for question, _ in chosen], self.dtype).reshape(num, self.seq_len)
        labels = [self.parse_answer(answer, row) for (_, answer), row in zip(chosen, inputs, strict=True)]
        return inputs, np.array(labels, self.dtype).reshape(num, self.seq_len)

    def is_right(self, question: str, answer: str) -> bool:
        """Whether an answer is right. For a table that is `verifiable`: `register`, or a class of your own, defines it.

        Texts are as `format` and `format_answer` write them. UserError for any other table.
        """
        raise UserError(f"{self.name}: has no function that checks answers; puzzles.table.register takes one")

    def check(self, inputs: Rows, outputs: Rows) -> Verdict:
        """By `is_right` where a function was given for it; else nothing is known: valid, and never solved."""
        if not self.verifiable:
            return Verdict(valid=np.ones(len(inputs), bool), solved=np.zeros(len(inputs), bool))
        pairs = zip(np.asarray(inputs), np.asarray(outputs), strict=True)
        right = np.array([bool(self.is_right(self.format(q), self.format_answer(q, a))) for q, a in pairs], bool)
        return Verdict(valid=right, solved=right.copy())

    def describe_state(self, inputs: Row, state: Row) -> tuple[str, Any]:
        words = ("right" if self.check(inputs[None], state[None]).solved[0] else "not right") if self.verifiable else ""
        return words, np.zeros(self.seq_len, bool)

    def problem_fault(self, inputs: Row, *, search: bool = True) -> str | None:
        """A question without any symbol."""
        return None if np.any(inputs) else "the question has no symbols"

    def transform(self, rng: np.random.Generator, inputs: Rows, labels: Rows) -> tuple[Rows, Rows]:
        """A random one of the symmetries that the table names."""
        turned = self.group.transform(rng, inputs, labels)
        return turned[0], turned[1]

    def canonical(self, inputs: Rows) -> Rows:
        """See `puzzles.table.symmetries`: where rows or columns move, a few others may count as symmetric too."""
        return self.group.canonical(inputs)

    def difficulty(self, inputs: Rows) -> Float[np.ndarray, "num"]:
        return np.count_nonzero(inputs, axis=1).astype(np.float64)

    def cells(self, text: str) -> str:
        """The cells of a question or of an answer, one symbol each; of a grid all, with gaps where it has none."""
        return table_text.grid(text, self.shape) if self.is_grid else table_text.sequence(text)

    def parse(self, text: str) -> Row:
        return self._tokens(self.cells(text))

    def parse_answer(self, text: str, inputs: Row) -> Row:
        """The labels; a question's length, or a grid's cells, are those of its answer unless answers have an end."""
        cells = self.cells(text)
        labels = self._tokens(cells)
        if self.ends and len(cells) < self.seq_len:
            labels[len(cells)] = 1
        elif not self.ends and not np.array_equal(labels == 0, inputs == 0):
            numbers = [int(np.count_nonzero(row)) for row in (labels, inputs)]
            raise UserError(
                f"puzzle text has {numbers[0]} symbols and its question {numbers[1]}: must fill the same cells, "
                "as in the training data"
            )
        return labels

    def _tokens(self, cells: str) -> Row:
        what = f"a {self.name} of length {self.seq_len}"
        if not cells.strip(table_text.GAP + self.token_symbols[0]):
            raise UserError(f"puzzle text is empty: {what} has 1 to {self.seq_len} symbols")
        if len(cells) > self.seq_len:
            raise UserError(f"puzzle text has {len(cells)} symbols: {what} has at most {self.seq_len}")
        found = table_text.tokens([cells], self._codes, self.seq_len)[0]
        if found.min() < 0:
            raise table_text.unknown_symbol(cells, self.alphabet, self.shape, found)
        return found.astype(self.dtype)

    def encode(self, cells: list[str], answers: bool = False) -> Rows:
        """The token ids of texts of cells that are known to fit; those of `answers` with their ends."""
        found = table_text.tokens(cells, self._codes, self.seq_len)
        assert found.size == 0 or found.min() >= 0
        if answers and self.ends:
            lengths = np.array([len(one) for one in cells])
            short = np.flatnonzero(lengths < self.seq_len)
            found[short, lengths[short]] = 1
        return found.astype(self.dtype)

    def format(self, inputs: Row) -> str:
        """The symbols on one line; rows of grids, without empty ones around them, are separated by `/`."""
        tokens = np.asarray(inputs).reshape(self.shape)
        there = np.argwhere(tokens != 0)
        rows, columns = there.max(axis=0) + 1 if len(there) else (0, 0)
        lines = ["".join(map(self._symbol, row)) for row in tokens[:rows, :columns].tolist()]
        return "/".join(lines)

    def format_answer(self, inputs: Row, answer: Row) -> str:
        """The answer up to its end, or as many cells as the question has; `·` stands for an empty one."""
        return self.format(self._answered(np.asarray(inputs), np.asarray(answer)))

    def format_board(self, inputs: Row, state: Row) -> str:
        """All cells on one line, those without a symbol too."""
        state = np.asarray(state)
        shown = state if np.array_equal(state, inputs) else self._answered(np.asarray(inputs), state)
        return "".join(map(self._symbol, shown.tolist()))

    def _answered(self, inputs: Row, answer: Row) -> Row:
        """An answer without what lies beyond its end."""
        if not self.ends:
            return np.where(inputs != 0, answer, 0)
        ended = np.maximum.accumulate(answer == 1)
        return np.where(ended, 0, answer)

    def _symbol(self, token: int) -> str:
        return self.token_symbols[token] if 0 <= token < self.vocab_size else "?"

    def page(self) -> Page:
        levels = [Level(name="held_out", label="held out", targets={})] if self.options["examples"] else []
        return Page(
            title=self.name.capitalize(), levels=levels, board="table", symbols=self.alphabet,
            blank=self.token_symbols[0],
        )  # fmt: skip


def register(name: str, is_right: Callable[[str, str], bool]) -> type[Table]:
    """A table whose answers `is_right(question, answer)` checks, known by `name` as long as the process runs.

    Training, evaluation, `hrm_net.solve` and the other commands called from this process then take
    `puzzle=table puzzle.name=NAME`. A question may have several right answers in its data.
    """
    methods = {
        "name": name,
        "verifiable": True,
        "is_right": staticmethod(is_right),
        "__doc__": f"A table whose answers {getattr(is_right, '__name__', 'a function')} checks.",
    }
    domain = type(name.title().replace("_", ""), (Table,), methods)
    registry.register(name, domain, replace=True)
    return domain


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _free(marks: str, alphabet: str) -> str:
    others = (chr(code) for code in range(0x2460, 0x2500))
    return next(mark for mark in (*marks, *others) if mark not in alphabet)


def check_headers(question: Any, answer: Any) -> tuple[str, str]:
    """The headers of the two columns; UserError for what is none, and for equal ones."""
    for key, header in (("question", question), ("answer", answer)):
        if not isinstance(header, str) or not header.strip():
            raise UserError(f"puzzle.{key}={header}: must be the header of a column")
    if question.strip().casefold() == answer.strip().casefold():
        raise UserError(f"puzzle.answer={answer}: must be another column than puzzle.question")
    return question, answer


def check_shape(shape: Any) -> tuple[int, int] | None:
    """Rows and columns of grids; None for sequences."""
    if shape is None:
        return None
    good = isinstance(shape, list | tuple) and len(shape) == 2 and all(_is_whole(side) and side >= 1 for side in shape)
    if not good or shape[0] * shape[1] > MOST_CELLS:
        raise UserError(f"puzzle.shape={shape}: must be [rows, columns] of grids, or null for sequences")
    return shape[0], shape[1]


def check_length(length: Any) -> int:
    """The cells of a sequence."""
    if not _is_whole(length) or not 1 <= length <= MOST_CELLS:
        raise UserError(f"puzzle.length={length}: must be a whole number from 1 to {MOST_CELLS}")
    return length


def check_symmetries(names: Any) -> tuple[str, ...]:
    """The names of symmetries, each once."""
    if isinstance(names, str):
        names = [names]
    if not isinstance(names, list | tuple):
        raise UserError(f"puzzle.symmetries={names}: must be a list of {', '.join(NAMES)}")
    for name in names:
        if name not in NAMES:
            raise UserError(f"puzzle.symmetries={name}: must be among {', '.join(NAMES)}")
    return tuple(name for name in NAMES if name in names)


def check_alphabet(alphabet: Any) -> str:
    """The symbols of a table, one character each; YAML may read digits as a number."""
    alphabet = str(alphabet) if _is_whole(alphabet) else alphabet
    if not isinstance(alphabet, str) or not alphabet:
        raise UserError(f"puzzle.alphabet={alphabet}: must be a text of all symbols")
    alphabet = table_text.visible(alphabet)
    if table_text.GAP in alphabet or len(set(alphabet)) < len(alphabet):
        twice = next((symbol for symbol in alphabet if alphabet.count(symbol) > 1), "a zero byte")
        raise UserError(f"puzzle.alphabet={table_text.shown(alphabet)}: must have each symbol once, has {twice!r}")
    return alphabet


def check_symbols(symbols: Any, alphabet: str, names: Sequence[str]) -> str | None:
    """The symbols that may change names: all where none are given; None without that symmetry."""
    if "symbols" not in names:
        if symbols is not None:
            raise UserError(f"puzzle.symbols={symbols}: must be null without symbols among puzzle.symmetries")
        return None
    if symbols is None:
        return alphabet
    symbols = check_alphabet(symbols)
    for symbol in symbols:
        if symbol not in alphabet:
            raise UserError(f"puzzle.symbols={symbols}: has {symbol!r}, must be among {table_text.shown(alphabet)}")
    return symbols
