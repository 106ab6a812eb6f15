"""Restarts: several passes over one puzzle, which differ by a symmetry of the puzzle or by the model's randomness."""

import hashlib
from collections.abc import Iterator

import numpy as np
from jaxtyping import Integer

import puzzles
from hrm_net.inference.batching import PuzzlePass
from hrm_net.nn.config import HRMConfig
from puzzles.base import Puzzle
from puzzles.errors import UserError
from puzzles.symmetry import Symmetric, Symmetry, identity

WAYS = ("auto", "random", "symmetry")


def is_random(config: HRMConfig) -> bool:
    """Whether two passes of the model differ, because it starts from random states or adds noise."""
    return config.state == "random" or config.noise > 0


class Restarts:
    """`num` passes over each puzzle; the first is over the puzzle as it is.

    Pass r applies the same symmetry r to every puzzle. What a pass draws depends on `seed`, the puzzle itself and r,
    not on the other puzzles. UserError for a way that the model or the puzzle does not offer.
    """

    def __init__(self, puzzle: Puzzle, config: HRMConfig, num: int, way: str, seed: int) -> None:
        if num < 1:
            raise UserError(f"restarts={num}: must be at least 1")
        if way not in WAYS:
            raise UserError(f"restart_by={way}: must be one of {', '.join(WAYS)}")
        self.puzzle, self.num, self.seed, self.random = puzzle, num, seed, is_random(config)
        if way == "random" and not self.random:
            raise UserError("restart_by=random: the model was trained from fixed states without noise; use symmetry")
        by_symmetry = num > 1 and (way == "symmetry" or (way == "auto" and not self.random))
        if by_symmetry and not isinstance(puzzle, Symmetric):
            raise UserError(f"restarts={num}: {puzzle.name} has no symmetries, and the model is not random")
        self.symmetries: list[Symmetry] = []
        if by_symmetry and isinstance(puzzle, Symmetric):
            self.symmetries = puzzle.symmetries(puzzles.rng(seed, "restart symmetries"), num)
        else:
            self.symmetries = [identity(puzzle.seq_len, puzzle.vocab_size)] * num

    def passes(
        self, inputs: Integer[np.ndarray, "num seq"], puzzle_identifiers: Integer[np.ndarray, " num"]
    ) -> Iterator[PuzzlePass]:
        """Passes with keys (puzzle, restart): the first over each puzzle, then the second over each, and so on."""
        for restart, symmetry in enumerate(self.symmetries):
            turned = symmetry.apply(inputs)
            for i in range(len(inputs)):
                identifier = int(puzzle_identifiers[i])
                seed = self._seed(inputs[i], identifier, restart) if self.random else 0
                yield PuzzlePass(key=(i, restart), inputs=turned[i], puzzle_identifier=identifier, seed=seed)

    def undo(self, restart: int, states: Integer[np.ndarray, "num seq"]) -> Integer[np.ndarray, "num seq"]:
        """States of pass `restart` as states of the puzzle as it is."""
        return self.symmetries[restart].invert(states)

    def _seed(self, inputs: Integer[np.ndarray, " seq"], identifier: int, restart: int) -> int:
        content = np.append(inputs.astype("<i4"), np.int32(identifier)).astype("<i4").tobytes()
        key = content + f"{self.seed} {restart}".encode()
        return int.from_bytes(hashlib.sha256(key).digest()[:7], "little")
