"""What evaluation must know of data directories: those to judge on, and those that a model was trained from."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Integer

from hrm_net.data import directories as data_directories
from hrm_net.data.puzzle_sets import read_directory
from hrm_net.recipes.config import TrainConfig
from puzzles.base import Puzzle
from puzzles.errors import UserError


def check_directories(data: Sequence[str], sets: Collection[str], trained: TrainConfig | None, puzzle: Puzzle) -> None:
    """ValueError, before any work, for a directory that cannot be read, or that generated sets need and is not there.

    `data`: what was asked for; `sets`: names of generated sets asked for.
    """
    for path in data or ([] if sets else own_tests(trained)):
        if Path(path).is_dir():
            read_directory(path, puzzle)
    if sets or not (data or own_tests(trained)):
        trained_on(trained, puzzle)


def own_tests(trained: TrainConfig | None) -> list[str]:
    """The directories that a run was trained from, as far as they have a test split."""
    path = None if trained is None else trained.data.path
    return [] if path is None else [name for name in data_directories.names(path) if data_directories.has_test(name)]


def trained_on(trained: TrainConfig | None, puzzle: Puzzle) -> Integer[np.ndarray, "num seq"] | None:
    """Puzzles to which the training rows of the run's directories are symmetric; None for a run of generated puzzles.

    ValueError where the directories are gone or hold something else: nothing is disjoint from the unknown.
    """
    if trained is None or trained.data.path is None:
        return None
    if trained.model.num_puzzle_ids > 1 or puzzle.num_puzzle_ids > 1:
        raise UserError(
            "sets: the run's data.path names puzzles of its own, generated ones are not among them; use data="
        )
    try:
        datasets = data_directories.read_training(trained.data.path, puzzle)
    except ValueError as error:
        raise UserError(
            f"{error}; generated sets must differ from what the run was trained on, data= needs no such"
        ) from None
    if data_directories.digest(datasets) != trained.data.sha256:
        raise UserError(f"data.path={trained.data.path}: holds something else than when the run was trained; use data=")
    return data_directories.originals(datasets)
