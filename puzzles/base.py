"""What a puzzle is: the protocol every domain follows, and explicit random streams."""

import hashlib
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Integer, UInt64


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
    num_puzzle_ids: int  # identifiers that generated puzzles carry: 1 where the inputs alone say what is asked
    difficulty_edges: tuple[int, ...]  # lower edges of the buckets that difficulty() is reported in
    difficulty_unit: str  # what difficulty() counts, in the words of an axis label
    reference_sets: dict[str, dict[str, Any]]  # targets of the sets to be judged on where nobody names others

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

    def puzzle_identifier(self, **targets: Any) -> int:
        """The identifier of puzzles generated with these targets: which of several tasks they belong to; else 0."""
        ...

    def parse(self, text: str) -> Integer[np.ndarray, "seq"]:
        """Looks at length and symbols only; ValueError in one line."""
        ...

    def format(self, inputs: Integer[np.ndarray, "seq"]) -> str:
        """Text that `parse` reads back."""
        ...

    def render(self, inputs: Integer[np.ndarray, "seq"], outputs: Integer[np.ndarray, "seq"] | None = None) -> str: ...


def rng(seed: int, purpose: str, *counters: int) -> np.random.Generator:
    """The random stream of (seed, purpose, counters): the same on every machine, independent between different keys."""
    key = hashlib.sha256(repr((int(seed), purpose, tuple(int(count) for count in counters))).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(key[:16], "little")))
