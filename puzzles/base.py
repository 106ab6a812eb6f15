"""What a puzzle is: the protocol every domain follows, the registry that names them, explicit random streams."""

import hashlib
import importlib
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Integer, UInt64

# Imported only when asked for, so that one domain's kernels do not delay another's start.
_CLASSES = {"sudoku": "puzzles.sudoku:Sudoku"}


@dataclass(kw_only=True, slots=True)
class Verdict:
    """Judgement by the rules. `valid`: no rule broken; `solved`: valid, complete, and optimal where asked."""

    valid: Bool[np.ndarray, "num"]
    solved: Bool[np.ndarray, "num"]


@runtime_checkable
class Puzzle(Protocol):
    """One domain at one size. Batches are integer arrays `[num, seq]` of token ids with 0 as padding."""

    name: str
    options: dict[str, Any]  # get(name, **options) rebuilds this puzzle
    seq_len: int
    vocab_size: int
    shape: tuple[int, int]  # rows, columns; their product is seq_len
    num_symbols: int  # interchangeable symbols (digits); 0 where there are none
    verifiable: bool  # check() knows the rules without a stored answer

    def generate(
        self, rng: np.random.Generator, num: int, *_: Any, **targets: Any
    ) -> tuple[Integer[np.ndarray, "num seq"], Integer[np.ndarray, "num seq"]]:
        """`num` fresh puzzles and their answers; ValueError for targets out of reach. Targets are keyword-only."""
        ...

    def solve(self, inputs: Integer[np.ndarray, "num seq"]) -> Integer[np.ndarray, "num seq"]:
        """The answers; ValueError that names the first puzzle without one, or with several where it must be unique."""
        ...

    def check(self, inputs: Integer[np.ndarray, "num seq"], outputs: Integer[np.ndarray, "num seq"]) -> Verdict: ...

    def transform(
        self, rng: np.random.Generator, inputs: Integer[np.ndarray, "num seq"], labels: Integer[np.ndarray, "num seq"]
    ) -> tuple[Integer[np.ndarray, "num seq"], Integer[np.ndarray, "num seq"]]:
        """A random symmetry for each puzzle, the same for its labels."""
        ...

    def canonical(self, inputs: Integer[np.ndarray, "num seq"]) -> Integer[np.ndarray, "num seq"]:
        """The same array for symmetric puzzles and only for those."""
        ...

    def invariant(self, inputs: Integer[np.ndarray, "num seq"]) -> UInt64[np.ndarray, "num"]:
        """Equal for symmetric puzzles, nearly always different for others; cheap."""
        ...

    def difficulty(self, inputs: Integer[np.ndarray, "num seq"]) -> Float[np.ndarray, "num"]: ...

    def parse(self, text: str) -> Integer[np.ndarray, "seq"]:
        """Looks at length and symbols only; ValueError in one line."""
        ...

    def format(self, inputs: Integer[np.ndarray, "seq"]) -> str:
        """Text that `parse` reads back."""
        ...

    def render(self, inputs: Integer[np.ndarray, "seq"], outputs: Integer[np.ndarray, "seq"] | None = None) -> str: ...


def names() -> list[str]:
    """What `get` knows."""
    return sorted(_CLASSES)


def get(name: str, **options: Any) -> Puzzle:
    """The puzzle `name` built with `options`; ValueError that lists what is allowed."""
    if name not in _CLASSES:
        raise ValueError(f"puzzle={name}: must be one of {', '.join(names())}")
    module, _, attribute = _CLASSES[name].partition(":")
    puzzle_class = getattr(importlib.import_module(module), attribute)
    unknown = sorted(set(options) - set(puzzle_class.OPTIONS))
    if unknown:
        known = ", ".join(puzzle_class.OPTIONS)
        raise ValueError(f"puzzle.{unknown[0]}={options[unknown[0]]}: {name} has the options {known}")
    return puzzle_class(**options)


def rng(seed: int, purpose: str, *counters: int) -> np.random.Generator:
    """The random stream of (seed, purpose, counters): the same on every machine, independent between different keys."""
    key = hashlib.sha256(repr((int(seed), purpose, tuple(int(count) for count in counters))).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(key[:16], "little")))
