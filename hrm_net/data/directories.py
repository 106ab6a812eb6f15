"""The data directories that a run is trained from (`data.path`): found, checked against the puzzle, hashed."""

from pathlib import Path

import numpy as np
from jaxtyping import Integer

from puzzles.base import Puzzle
from puzzles.datasets import dataset, stamp
from puzzles.datasets.dataset import Dataset, Metadata
from puzzles.errors import UserError


def names(path: str | list[str]) -> list[str]:
    """One directory or several."""
    return [path] if isinstance(path, str) else path


def num_identifiers(path: str | list[str], puzzle: Puzzle) -> int:
    """Puzzle identifiers of the directories, by metadata alone; UserError for sizes that are not the puzzle's."""
    found = []
    for name in names(path):
        try:
            metadata = dataset.read_metadata(name)
        except UserError as error:
            raise UserError(f"data.path={name}: {error}") from None
        check_sizes(Path(name) / stamp.SPLITS[0] / dataset.METADATA, metadata, puzzle)
        found.append(metadata.num_puzzle_identifiers)
    if not found:
        raise UserError("data.path=[]: must be a directory or a list of at least one")
    if len(set(found)) > 1:
        raise UserError(
            f"data.path: the directories have {', '.join(map(str, found))} puzzle identifiers: must be equal"
        )
    return found[0]


def check_sizes(path: Path, metadata: Metadata, puzzle: Puzzle) -> None:
    """UserError where `path`, a dataset.json, speaks of longer rows or of more tokens than the puzzle has."""
    if metadata.seq_len != puzzle.seq_len:
        raise UserError(f"{path}: seq_len={metadata.seq_len}: {puzzle.name} {puzzle.options} has {puzzle.seq_len}")
    if metadata.vocab_size > puzzle.vocab_size:
        bound = f"{puzzle.name} {puzzle.options} has at most {puzzle.vocab_size}"
        raise UserError(f"{path}: vocab_size={metadata.vocab_size}: {bound}")


def read_training(path: str | list[str], puzzle: Puzzle) -> list[Dataset]:
    """The training split of each directory, wholly checked. UserError where their identifiers mean other things."""
    num_identifiers(path, puzzle)
    found = [dataset.read(name) for name in names(path)]
    for name, one in zip(names(path), found, strict=True):
        if one.metadata.num_puzzle_identifiers > 1 and one.identifiers != found[0].identifiers:
            raise UserError(f"data.path={name}: its {dataset.IDENTIFIERS} is not that of {names(path)[0]}")
    return found


def digest(datasets: list[Dataset]) -> str:
    """Hash of all that is trained on."""
    hashes = [one.digest() for one in datasets]
    return hashes[0] if len(hashes) == 1 else stamp.digest(hashes)


def originals(datasets: list[Dataset]) -> Integer[np.ndarray, "num seq"]:
    """Inputs to which every training row is symmetric: those of each group's first puzzle."""
    return np.concatenate([one.inputs[one.originals()] for found in datasets for one in found.sets.values()])


def has_test(name: str) -> bool:
    """Whether a directory has a test split of its own."""
    return (Path(name) / stamp.SPLITS[1] / dataset.METADATA).is_file()
