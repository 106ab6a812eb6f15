"""Training, validation and evaluation puzzles that no symmetry maps onto each other, without a list of what was seen.

A puzzle's fold is a hash of its symmetry invariant, so symmetric puzzles always share a fold. Puzzles that are grown
from each other are divided by the hash of their lineage instead (`Puzzle.lineage_generator`).
"""

from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Integer, UInt8, UInt64

from puzzles.base import Puzzle
from puzzles.errors import UserError

TRAIN, VALIDATION, EVALUATION = 0, 1, 2
NAMES = ("train", "validation", "evaluation")
SHARES = (0.90, 0.05, 0.05)
ENDS = (SHARES[0], SHARES[0] + SHARES[1], 1.0)


def fold(puzzle: Puzzle, inputs: Integer[np.ndarray, "num seq"]) -> UInt8[np.ndarray, "num"]:
    """TRAIN, VALIDATION or EVALUATION of each puzzle: 90, 5 and 5 % of the invariants."""
    return np.searchsorted(ENDS[:-1], place(puzzle.invariant(inputs)), side="right").astype(np.uint8)


def place(hashes: UInt64[np.ndarray, "num"]) -> Float[np.ndarray, "num"]:
    """Where each hash falls in [0, 1), which the folds divide."""
    scattered = hashes * np.uint64(0x9E3779B97F4A7C15)  # not the bits that other uses of the hash read
    return (scattered >> np.uint64(32)).astype(np.float64) / 2.0**32


def bounds(fold_id: int) -> tuple[float, float]:
    """The part of [0, 1) that is a fold."""
    return (0.0, *ENDS)[fold_id], ENDS[fold_id]


def generate(puzzle: Puzzle, rng: np.random.Generator, num: int, fold_id: int, **targets: Any):
    """`num` puzzles of one fold: (inputs, labels). Draws about num / share and keeps what falls in the fold.

    Where a puzzle has relatives, the fold is that of its lineage, so that relatives share one. Training puzzles must
    fall in the training fold by their own hash as well: then no evaluation set, of whatever targets, holds one.
    """
    if fold_id not in (TRAIN, VALIDATION, EVALUATION):
        raise UserError(f"fold={fold_id}: must be 0 (train), 1 (validation) or 2 (evaluation)")
    by_lineage = puzzle.lineage_generator(**targets)
    draw = partial(puzzle.generate, **targets) if by_lineage is None else partial(by_lineage, fold=bounds(fold_id))
    share = SHARES[fold_id]
    if by_lineage is not None and fold_id != TRAIN:
        return draw(rng, num)
    kept_inputs: list[np.ndarray] = []
    kept_labels: list[np.ndarray] = []
    missing = num
    while missing > 0 or not kept_inputs:
        inputs, labels = draw(rng, round(missing / share) if num else 0)
        wanted = np.flatnonzero(fold(puzzle, inputs) == fold_id)[:missing]
        kept_inputs.append(inputs[wanted])
        kept_labels.append(labels[wanted])
        missing -= len(wanted)
    return np.concatenate(kept_inputs), np.concatenate(kept_labels)


def _canonical_bytes(puzzle: Puzzle, inputs: Integer[np.ndarray, "num seq"]) -> list[bytes]:
    return [row.tobytes() for row in puzzle.canonical(inputs).astype(np.int64)]


def seen_in(
    puzzle: Puzzle, inputs: Integer[np.ndarray, "num seq"], others: Integer[np.ndarray, "others seq"]
) -> Bool[np.ndarray, "num"]:
    """Which inputs are symmetric to one of `others`. Canonical forms are computed only where invariants collide."""
    found = np.zeros(len(inputs), bool)
    hashes, other_hashes = puzzle.invariant(inputs), puzzle.invariant(others)
    suspects = np.flatnonzero(np.isin(hashes, other_hashes))
    if len(suspects):
        known = set(_canonical_bytes(puzzle, others[np.isin(other_hashes, hashes)]))
        found[suspects] = [form in known for form in _canonical_bytes(puzzle, inputs[suspects])]
    return found


def duplicates(puzzle: Puzzle, inputs: Integer[np.ndarray, "num seq"]) -> Bool[np.ndarray, "num"]:
    """Which inputs are symmetric to an earlier one."""
    repeated = np.zeros(len(inputs), bool)
    _, group, sizes = np.unique(puzzle.invariant(inputs), return_inverse=True, return_counts=True)
    suspects = np.flatnonzero(sizes[group] > 1)
    seen: set[bytes] = set()
    for index, form in zip(suspects, _canonical_bytes(puzzle, inputs[suspects]) if len(suspects) else [], strict=True):
        repeated[index] = form in seen
        seen.add(form)
    return repeated
