"""Data sets on disk in the published layout, which the code of HRM and of TRM reads as well.

    DIR/identifiers.json                the name of each puzzle identifier, the first one "<blank>"
    DIR/test_puzzles.json               TRM's ARC directories: the tasks behind the test split; kept, not read here
    DIR/stamp.json                      ours: what must lie here (`puzzles.datasets.stamp`)
    DIR/{train,test}/dataset.json       `Metadata`
    DIR/{train,test}/SET__inputs.npy and the other fields of `Examples`, for each SET of the metadata

Other files may lie beside these and are ignored. An *example* is one row; a *puzzle* is a run of examples with one
identifier; a *group* is a run of puzzles: an original and its augmentations.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Integer

from puzzles.datasets import checks as dataset_checks
from puzzles.datasets import stamp
from puzzles.errors import UserError
from puzzles.text_input import read_json, read_json_object

METADATA = "dataset.json"
IDENTIFIERS = "identifiers.json"
TEST_PUZZLES = "test_puzzles.json"
BLANK = "<blank>"


@dataclass(kw_only=True, slots=True)
class Metadata:
    """dataset.json: HRM's keys, and TRM's `total_puzzles` where there is one."""

    # The token id of padding: always 0.
    pad_id: int = 0
    # The label of cells that are not scored; None: every label but padding is scored.
    ignore_label_id: int | None = 0
    # The identifier that fills up batches and stands for no puzzle.
    blank_identifier_id: int = 0
    # Token ids lie below this number.
    vocab_size: int
    # Tokens of a row.
    seq_len: int
    # Puzzle identifiers lie below this number.
    num_puzzle_identifiers: int
    # Groups of all sets; None: not counted in the file.
    total_groups: int | None = None
    # Puzzles of all sets.
    total_puzzles: int | None = None
    # Examples of all sets, divided by their puzzles.
    mean_puzzle_examples: float | None = None
    # The names of the sets, which begin the names of their files.
    sets: list[str]


@dataclass(kw_only=True, slots=True)
class Examples:
    """One set. Puzzle p has the examples puzzle_indices[p] to puzzle_indices[p + 1], group g the puzzles likewise."""

    inputs: Integer[np.ndarray, "num seq"]
    labels: Integer[np.ndarray, "num seq"]
    puzzle_identifiers: Integer[np.ndarray, " puzzles"]
    puzzle_indices: Integer[np.ndarray, " puzzles+1"]
    group_indices: Integer[np.ndarray, " offsets"]

    def originals(self) -> Integer[np.ndarray, " originals"]:
        """The examples of each group's first puzzle: any other of the group is symmetric to them."""
        firsts = self.group_indices[:-1]
        starts, stops = self.puzzle_indices[firsts], self.puzzle_indices[firsts + 1]
        sizes = stops - starts
        return np.arange(sizes.sum()) + np.repeat(starts - (np.cumsum(sizes) - sizes), sizes)

    def example_identifiers(self) -> Integer[np.ndarray, " num"]:
        """The identifier of each example."""
        return np.repeat(self.puzzle_identifiers, np.diff(self.puzzle_indices))


FIELDS = tuple(field.name for field in fields(Examples))


@dataclass(kw_only=True, slots=True)
class Dataset:
    """One split: its sets by name. `folder` is where it was read from."""

    metadata: Metadata
    sets: dict[str, Examples]
    identifiers: list[str] | None = None
    folder: Path | None = None

    def digest(self) -> str:
        """A hash of what was read, with metadata and identifiers; it does not depend on the place."""
        assert self.folder is not None
        files = {path.name: stamp.file_hash(path) for name in self.sets for path in _paths(self.folder, name).values()}
        return stamp.digest({"metadata": asdict(self.metadata), "identifiers": self.identifiers, "files": files})


def find_split(directory: str | Path, split: str) -> Path:
    """The folder of a split. UserError where the directory or the split is missing."""
    directory = Path(directory)
    if split not in stamp.SPLITS:
        raise UserError(f"split={split}: must be one of {', '.join(stamp.SPLITS)}")
    if not directory.is_dir():
        raise UserError(f"{directory}: no such directory")
    folder = directory / split
    if not (folder / METADATA).is_file():
        has = [name for name in stamp.SPLITS if (directory / name / METADATA).is_file()]
        there = f"it has the split {' and '.join(has)}" if has else f"a data directory has {split}/{METADATA}"
        raise UserError(f"{folder / METADATA}: missing; {there}")
    return folder


def read_metadata(directory: str | Path, split: str = "train") -> Metadata:
    """dataset.json alone, checked as far as it can be without the arrays."""
    return _metadata(find_split(directory, split) / METADATA)


def read(directory: str | Path, split: str = "train") -> Dataset:
    """A split, its rows memory-mapped. UserError of one line naming the file, the fault and the bound.

    Everything is checked but the answers: whether they obey the rules of a puzzle is not asked here. A directory with a
    stamp must be as stamped.
    """
    folder = find_split(directory, split)
    root = folder.parent
    stamp.verify(root)
    metadata = _metadata(folder / METADATA)
    known = asdict(metadata)
    sets = {name: Examples(**dataset_checks.arrays(_paths(folder, name), known)) for name in metadata.sets}
    dataset_checks.totals(folder / METADATA, known, *_totals(sets))
    path = root / IDENTIFIERS
    names = None
    if path.exists():
        names = dataset_checks.identifiers(path, read_json(path), metadata.num_puzzle_identifiers)
    return Dataset(metadata=metadata, sets=sets, identifiers=names, folder=folder)


def _metadata(path: Path) -> Metadata:
    return Metadata(**dataset_checks.metadata(path, read_json_object(path)))


def _paths(folder: Path, name: str) -> dict[str, Path]:
    return {field: folder / f"{name}__{field}.npy" for field in FIELDS}


def _totals(sets: Mapping[str, Examples]) -> tuple[int, int, int]:
    """Groups, puzzles and examples of all sets."""
    groups = sum(len(examples.group_indices) - 1 for examples in sets.values())
    puzzles = sum(len(examples.puzzle_identifiers) for examples in sets.values())
    return groups, puzzles, sum(len(examples.inputs) for examples in sets.values())


def from_sets(sets: Mapping[str, Examples], *, vocab_size: int, identifiers: Sequence[str] = (BLANK,)) -> Dataset:
    """A split of these sets, its metadata counted from them; `identifiers` name 0, 1, ..."""
    assert sets, "a split has at least one set"
    groups, puzzles, examples = _totals(sets)
    metadata = Metadata(
        vocab_size=vocab_size,
        seq_len=next(iter(sets.values())).inputs.shape[1],
        num_puzzle_identifiers=len(identifiers),
        total_groups=groups,
        total_puzzles=puzzles,
        mean_puzzle_examples=examples / puzzles,
        sets=list(sets),
    )
    return Dataset(metadata=metadata, sets=dict(sets), identifiers=list(identifiers))


def write(
    directory: str | Path,
    splits: Mapping[str, Dataset],
    *,
    settings: dict[str, Any] | None = None,
    test_puzzles: dict[str, Any] | None = None,
) -> str:
    """Write "train", "test" or both and stamp them with `settings`. Returns the stamp's hash.

    Everything is written beside the directory first and renamed into place at the end, so that an interruption leaves
    no half of a data directory behind. UserError where the directory exists already.
    """
    directory = Path(directory)
    with _atomic_directory(directory) as partial:
        names = next((split.identifiers for split in splits.values() if split.identifiers), [BLANK])
        _write_json(partial / IDENTIFIERS, names)
        if test_puzzles is not None:
            _write_json(partial / TEST_PUZZLES, test_puzzles)
        for split, data in splits.items():
            assert split in stamp.SPLITS, split
            (partial / split).mkdir()
            for name, examples in data.sets.items():
                for field, path in _paths(partial / split, name).items():
                    np.save(path, np.ascontiguousarray(getattr(examples, field)), allow_pickle=False)
        for split, data in splits.items():
            _write_json(partial / split / METADATA, asdict(data.metadata))
        return stamp.write(partial, settings or {})


def check_absent(directory: str | Path) -> None:
    """UserError where a directory to be written exists already."""
    if Path(directory).exists():
        raise UserError(f"{directory}: exists already; choose another directory or remove it")


@contextmanager
def _atomic_directory(directory: Path) -> Iterator[Path]:
    """A directory beside the wanted one, renamed to it at the end and removed after an error."""
    check_absent(directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    partial = directory.parent / f".{directory.name}.partial-{os.getpid()}"
    partial.mkdir()
    try:
        yield partial
        partial.rename(directory)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _write_json(path: Path, values: Any) -> None:
    path.write_text(json.dumps(values), encoding="utf-8")
