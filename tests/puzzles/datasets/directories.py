"""Small random data directories, and ways to damage them."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from puzzles.datasets import dataset
from puzzles.datasets.dataset import Dataset, Examples

HRM_KEYS = {
    "pad_id", "ignore_label_id", "blank_identifier_id", "vocab_size", "seq_len", "num_puzzle_identifiers",
    "total_groups", "mean_puzzle_examples", "sets",
}  # fmt: skip


def examples(seed: int = 0, groups: int = 4, identifiers: int = 3) -> Examples:
    """Random rows: groups of 1 to 3 puzzles of 1 to 3 examples."""
    rng = np.random.default_rng(seed)
    puzzles = rng.integers(1, 4, groups)
    sizes = rng.integers(1, 4, puzzles.sum())
    return Examples(
        inputs=rng.integers(1, 6, (sizes.sum(), 8)).astype(np.uint8),
        labels=rng.integers(0, 6, (sizes.sum(), 8)).astype(np.uint8),
        puzzle_identifiers=rng.integers(0, identifiers, len(sizes)).astype(np.int32),
        puzzle_indices=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32),
        group_indices=np.concatenate([[0], np.cumsum(puzzles)]).astype(np.int32),
    )


def split(*seeds: int) -> Dataset:
    names = ["<blank>", "a", "b"]
    return dataset.from_sets({f"set{s}": examples(s) for s in seeds or (0,)}, vocab_size=6, identifiers=names)


def write_both(path: Path) -> Path:
    """Two sets to train on, one to test, stamped."""
    dataset.write(path, {"train": split(0, 1), "test": split(2)}, settings={"seed": 1})
    return path


def change(path: Path, **values: Any) -> None:
    found = json.loads(path.read_text())
    path.write_text(json.dumps(found | values))


def put(path: Path, place: tuple[int, ...] | int, value: int) -> None:
    found = np.load(path).astype(np.int64)
    found[place] = value
    np.save(path, found)
