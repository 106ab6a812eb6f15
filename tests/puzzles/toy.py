"""A whole domain in one file, as a contributor would write it: the last cell of each row is the row's parity."""

from typing import Any

import numpy as np

from puzzles.base import Puzzle, Verdict

BLANK, ZERO, ONE = 1, 2, 3


class Parity(Puzzle):
    """Rows of bits, each with a blank at its end; the answer has there whether the row's ones are odd in number."""

    OPTIONS = ("rows", "columns")
    name = "parity"
    vocab_size = 4
    token_symbols = "?.01"
    verifiable = True

    def __init__(self, rows: int = 4, columns: int = 4) -> None:
        self.options = {"rows": rows, "columns": columns}
        self.shape = (rows, columns)

    def generate(self, rng: np.random.Generator, num: int, *, ones: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
        bits = (rng.random((num, *self.shape)) < ones).astype(np.uint8)
        bits[:, :, -1] = bits[:, :, :-1].sum(axis=2) % 2
        labels = (bits + ZERO).reshape(num, self.seq_len)
        inputs = (bits + ZERO).astype(np.uint8)
        inputs[:, :, -1] = BLANK
        return inputs.reshape(num, self.seq_len), labels

    def check(self, inputs: np.ndarray, outputs: np.ndarray) -> Verdict:
        given = inputs != BLANK
        bits = (outputs == ONE).reshape(-1, *self.shape)
        kept = (~given | (inputs == outputs)).all(axis=1)
        even = (bits.sum(axis=2) % 2 == 0) | (outputs == BLANK).reshape(bits.shape).any(axis=2)
        valid = kept & even.all(axis=1)
        return Verdict(valid=valid, solved=valid & np.isin(outputs, (ZERO, ONE)).all(axis=1))

    def solve(self, inputs: np.ndarray) -> np.ndarray:
        answers = np.array(inputs, np.uint8).reshape(-1, *self.shape)
        answers[:, :, -1] = ZERO + (answers[:, :, :-1] == ONE).sum(axis=2) % 2
        return answers.reshape(len(inputs), self.seq_len)


def registered(monkeypatch: Any) -> type[Puzzle]:
    """The domain, known by its name for the length of a test."""
    from puzzles import registry

    monkeypatch.setattr(registry, "_REGISTERED", {})
    registry.register("parity", Parity)
    return Parity
