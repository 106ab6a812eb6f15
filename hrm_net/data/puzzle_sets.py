"""Named sets of puzzles to be scored on: read from a CSV file or a data directory, or generated from the evaluation
fold."""

import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Integer
from torch import Tensor

import puzzles
from hrm_net.data import directories as data_directories
from puzzles import splits
from puzzles.base import Puzzle
from puzzles.datasets import dataset, puzzle_files, stamp
from puzzles.errors import UserError

Batch = dict[str, Tensor]
PAD = 0  # the token id of padding, in every domain
IGNORE = -100  # the label of a cell that is not scored
Rows = Integer[np.ndarray, "num seq"]
Others = Integer[np.ndarray, "others seq"]


def ignored(labels: Rows, ignore: int | None) -> Rows:
    """The labels with a data set's own id for "not scored" made ours; padding is not scored anyway."""
    return labels if ignore in (None, PAD) else np.where(labels == ignore, IGNORE, labels.astype(np.int32))


def scored(labels: Integer[np.ndarray, "*shape"]) -> Integer[np.ndarray, "*shape"]:
    """The labels as losses and scores take them: int32, padding ignored."""
    return np.where(labels == PAD, IGNORE, labels.astype(np.int32))


@dataclass(slots=True)
class PuzzleSet:
    """Puzzles with their answers under the name that tables and files show. Labels of 0 or -100 are not scored."""

    name: str
    puzzle: Puzzle
    inputs: Rows
    labels: Rows
    puzzle_identifiers: Integer[np.ndarray, " num"] = field(default=None)  # type: ignore[assignment]  # zeros

    def __post_init__(self) -> None:
        if self.puzzle_identifiers is None:
            self.puzzle_identifiers = np.zeros(len(self.inputs), np.int32)
        if len(self.inputs) == 0:
            raise UserError(f"set {self.name}: has no puzzles")
        if self.inputs.shape != self.labels.shape or self.inputs.shape[1] != self.puzzle.seq_len:
            shapes = f"inputs {self.inputs.shape}, labels {self.labels.shape}"
            raise UserError(f"set {self.name}: {shapes}: must both be [num, {self.puzzle.seq_len}]")

    def __len__(self) -> int:
        return len(self.inputs)

    def first(self, num: int) -> "PuzzleSet":
        """At most `num` puzzles, the first ones."""
        parts = (self.inputs, self.labels, self.puzzle_identifiers)
        return PuzzleSet(self.name, self.puzzle, *(part[:num] for part in parts))


def generated_set(
    puzzle: Puzzle, name: str, seed: int, num: int, *, unlike: Others | None = None, **targets: Any
) -> PuzzleSet:
    """`num` puzzles of the evaluation fold, no two symmetric to each other; equal arguments give equal sets.

    None is symmetric to a row of `unlike`. UserError where the domain has too few such puzzles.
    """
    if num < 1:
        raise UserError(f"set {name}: num={num}: must be at least 1")
    generator = puzzles.rng(seed, "evaluation", zlib.crc32(name.encode()))
    inputs = labels = np.zeros((0, puzzle.seq_len), np.uint8)
    fruitless = 0
    while len(inputs) < num:
        draws = min(num - len(inputs), 10_000)
        more, answers = splits.generate(puzzle, generator, draws, splits.EVALUATION, **targets)
        both = np.concatenate([inputs, more])
        fresh = ~splits.duplicates(puzzle, both)
        if unlike is not None:
            fresh[len(inputs) :] &= ~splits.seen_in(puzzle, more, unlike)
        fruitless = 0 if fresh[len(inputs) :].any() else fruitless + draws
        if fruitless >= 1000:
            found = f"found only {len(inputs)} in the evaluation fold that differ up to symmetry"
            raise UserError(f"set {name}: num={num}: {found}")
        inputs, labels = both[fresh], np.concatenate([labels, answers])[fresh]
    return PuzzleSet(name, puzzle, inputs, labels, np.full(num, puzzle.puzzle_identifier(**targets), np.int32))


def read_sets(path: str | Path, puzzle: Puzzle) -> list[PuzzleSet]:
    """The sets behind `data=PATH`: one of a CSV file, named like the file, or those of a data directory.
    UserError for anything unreadable."""
    path = Path(path)
    if path.is_dir():
        return read_directory(path, puzzle)
    if not path.is_file():
        raise UserError(f"data={path}: no such file")
    return [read_csv(path, puzzle)]


def read_csv(path: str | Path, puzzle: Puzzle, name: str | None = None) -> PuzzleSet:
    """A set of the puzzles of a file, in any form that `puzzles.datasets.puzzle_files` reads.

    Puzzles without an answer are solved exactly. UserError naming file and line of a bad one: a wrong size or symbol,
    an answer that breaks the rules or its question, or, without an answer, no solution or several.
    """
    path = Path(path)
    inputs, labels = puzzle_files.read_answered(path, puzzle)
    return PuzzleSet(name or path.stem, puzzle, inputs, labels)


def read_directory(path: str | Path, puzzle: Puzzle) -> list[PuzzleSet]:
    """The sets of a data directory's test split, or of one split where `path` is that split's own folder.

    Named like the directory; NAME/SET where there are several. Shapes, ids and the stamp are checked; the answers are
    believed, whatever the puzzle's rules say of them. UserError of one line for anything else.
    """
    path = Path(path)
    name, split = path.resolve().name, "test"
    if (path / dataset.METADATA).is_file() and name in stamp.SPLITS:
        split = name
        path, name = path.parent if path.name == split else path / "..", f"{path.resolve().parent.name}/{split}"
    found = dataset.read(path, split)
    data_directories.check_sizes(path / split / dataset.METADATA, found.metadata, puzzle)
    return [
        PuzzleSet(
            f"{name}/{key}" if len(found.sets) > 1 else name,
            puzzle,
            one.inputs,
            ignored(one.labels, found.metadata.ignore_label_id),
            one.example_identifiers(),
        )
        for key, one in found.sets.items()
    ]


def as_batch(
    inputs: Integer[np.ndarray, "batch seq"],
    labels: Integer[np.ndarray, "batch seq"],
    identifiers: Integer[np.ndarray, " batch"],
) -> Batch:
    """Tensors under the names a model expects; padding is not a label."""
    return {
        "inputs": torch.from_numpy(inputs.astype(np.int32)),
        "labels": torch.from_numpy(scored(labels)),
        "puzzle_identifiers": torch.from_numpy(identifiers.astype(np.int32)),
    }
