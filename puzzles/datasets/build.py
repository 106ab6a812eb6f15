"""Building a data directory: puzzles from files or generators, augmented by the puzzle's own symmetries.

`build` does all of it; `python -m puzzles.build` is the same from the command line.
"""

from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Integer

import puzzles
from puzzles import splits
from puzzles.base import Puzzle
from puzzles.datasets import dataset, puzzle_files, stamp
from puzzles.datasets.dataset import Examples
from puzzles.errors import UserError

Rows = Integer[np.ndarray, "num seq"]
Group = Integer[np.ndarray, "group seq"]
Advance = Callable[[int], None]  # called with the number of puzzles that are done
Track = Callable[[str, int], Advance]  # (description, total) -> advance
DEFAULT_PUZZLES = 1000  # generated for a split where no number is given
MAX_FRUITLESS = 256  # random symmetries that give nothing new before a puzzle counts as having no others
_CHUNK = 10_000  # puzzles generated together


def build(
    directory: str | Path,
    *,
    puzzle: Puzzle,
    train_csv: Path | None = None,
    test_csv: Path | None = None,
    targets: dict[str, Any] | None = None,
    train_puzzles: int | None = None,
    test_puzzles: int | None = None,
    min_rating: float | None = None,
    augmentations: int = 0,
    drop_seen: bool = False,
    seed: int = 0,
    progress: bool = False,
) -> tuple[dict[str, dataset.Dataset], str]:
    """Write a data directory. Returns its splits by name, and the hash of its stamp.

    Puzzles come from files (`train_csv`, `test_csv`), of which `train_puzzles` and `test_puzzles` are chosen at random
    (None: all) among those with a rating of at least `min_rating`. Or they are generated with `targets`, from the
    training and the evaluation fold. The training split holds each puzzle in one group with `augmentations` symmetric
    copies, the test split the puzzles as they are. No test puzzle is symmetric to a training puzzle: UserError where
    the files have such, unless `drop_seen` leaves them out.
    """
    dataset.check_absent(directory)
    settings = {
        "puzzle": {"name": puzzle.name, **puzzle.options},
        "train_csv": _source(train_csv),
        "test_csv": _source(test_csv),
        "targets": targets,
        "train_puzzles": train_puzzles,
        "test_puzzles": test_puzzles,
        "min_rating": min_rating,
        "augmentations": augmentations,
        "seed": seed,
    }
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=not progress, transient=True) as bar:

        def track(what: str, num: int) -> Callable[[int], None]:
            task = bar.add_task(what, total=num)
            return lambda done: bar.advance(task, done)

        identifier = 0
        nums = (train_puzzles, test_puzzles)
        if train_csv is None:
            identifier = puzzle.puzzle_identifier(**(targets or {}))
            train, test = _generated(puzzle, targets or {}, nums, seed, track)
        else:
            train, test = _from_files(puzzle, train_csv, test_csv, nums, min_rating, seed)
        sets = {}
        if test is not None:
            test_inputs, test_labels, dropped = check_disjoint(puzzle, test, train[0], drop_seen)
            settings["dropped"] = dropped
            sets["test"] = plain(test_inputs, test_labels, identifier)
        advance = track("augmented puzzles", len(train[0]))
        sets["train"] = augmented(puzzle, train[0], train[1], augmentations, seed, advance, identifier)
    names = [dataset.BLANK, *map(str, range(1, puzzle.num_puzzle_ids))]
    written = {
        split: dataset.from_sets({"all": sets[split]}, vocab_size=puzzle.vocab_size, identifiers=names)
        for split in stamp.SPLITS
        if split in sets
    }
    return written, dataset.write(directory, written, settings=settings)


def _from_files(
    puzzle: Puzzle,
    train_csv: Path,
    test_csv: Path | None,
    nums: tuple[int | None, int | None],
    min_rating: float | None,
    seed: int,
):
    """(inputs, labels) of the training file and of the test file; None without a test file."""
    train = from_csv(train_csv, puzzle, nums[0], min_rating, puzzles.rng(seed, "build train"))
    if test_csv is None:
        return train, None
    return train, from_csv(test_csv, puzzle, nums[1], min_rating, puzzles.rng(seed, "build test"))


def _generated(puzzle: Puzzle, targets: dict[str, Any], nums: tuple[int | None, int | None], seed: int, track: Track):
    """(inputs, labels) of the training fold and of the evaluation fold."""
    check_targets(puzzle, targets)
    folds = []
    for name, num, fold in zip(stamp.SPLITS, nums, (splits.TRAIN, splits.EVALUATION), strict=True):
        num = num or DEFAULT_PUZZLES
        rng, advance = puzzles.rng(seed, f"build {name}"), track(f"{name} puzzles", num)
        folds.append(generated(puzzle, num, fold, rng, targets, advance))
    return folds


def _source(path: Path | None) -> dict[str, str] | None:
    """A file as the stamp records it: by name and content, not by folder."""
    if path is None:
        return None
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    return {"name": path.name, "sha256": stamp.file_hash(path)}


def from_csv(
    path: Path, puzzle: Puzzle, num: int | None, min_rating: float | None, rng: np.random.Generator
) -> tuple[Rows, Rows]:
    """(inputs, labels) of `num` random rows (None: all) with at least this rating, in the file's order."""
    texts = puzzle_files.read_texts(path, puzzle)
    if min_rating is not None:
        texts = texts.take(np.flatnonzero(puzzle_files.ratings(texts) >= min_rating))
    if num is not None:
        if num > len(texts.lines):
            rated = "" if min_rating is None else f" with a rating of at least {min_rating:g}"
            raise UserError(f"{path}: has {len(texts.lines)} puzzles{rated}: {num} are wanted")
        texts = texts.take(np.sort(rng.choice(len(texts.lines), num, replace=False)))
    return puzzle_files.answered(texts, puzzle)


def generated(
    puzzle: Puzzle, num: int, fold: int, rng: np.random.Generator, targets: dict[str, Any], advance: Advance
) -> tuple[Rows, Rows]:
    """(inputs, labels) of `num` puzzles of one fold, none symmetric to another; UserError where too few are found."""
    inputs = labels = np.zeros((0, puzzle.seq_len), np.uint8)
    fruitless = 0
    while len(inputs) < num:
        before = len(inputs)
        more, answers = splits.generate(puzzle, rng, min(num - before, _CHUNK), fold, **targets)
        both = np.concatenate([inputs, more])
        fresh = ~splits.duplicates(puzzle, both)
        inputs, labels = both[fresh], np.concatenate([labels, answers])[fresh]
        advance(len(inputs) - before)
        fruitless = 0 if len(inputs) > before else fruitless + len(more)
        if fruitless >= 1000:
            raise UserError(f"--generate: {num} wanted, found only {before} that differ up to symmetry")
    return inputs, labels


def check_targets(puzzle: Puzzle, targets: dict[str, Any]) -> None:
    """UserError, before any work, for a generator's target that is unknown or out of reach."""
    parameters = signature(puzzle.generate).parameters
    allowed = [name for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY]
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())  # generate itself checks the names
    for name, value in targets.items():
        if name not in allowed and not open_ended:
            raise UserError(f"--generate {name}={value}: unknown target; {puzzle.name} has {', '.join(allowed)}")
    puzzle.generate(puzzles.rng(0, "check of targets"), 0, **targets)


def plain(inputs: Rows, labels: Rows, identifier: int = 0) -> Examples:
    """Examples in which every puzzle is a group of its own."""
    offsets = np.arange(len(inputs) + 1, dtype=np.int32)
    return Examples(
        inputs=inputs,
        labels=labels,
        puzzle_identifiers=np.full(len(inputs), identifier, np.int32),
        puzzle_indices=offsets,
        group_indices=offsets.copy(),
    )


def augmented(
    puzzle: Puzzle, inputs: Rows, labels: Rows, num: int, seed: int, advance: Advance, identifier: int = 0
) -> Examples:
    """Examples in groups of a puzzle and `num` different puzzles symmetric to it, or as many as there are.

    Each puzzle has a random stream of its own. Labels are those that `transform` gives; a maze's are computed anew.
    """
    groups = []
    for index in range(len(inputs)):
        rng = puzzles.rng(seed, "augment", index)
        groups.append(_group(puzzle, inputs[index : index + 1], labels[index : index + 1], num, rng))
        advance(1)
    all_inputs, all_labels = (np.concatenate(part) for part in zip(*groups, strict=True))
    examples = plain(all_inputs, all_labels, identifier)
    sizes = [len(group_inputs) for group_inputs, _ in groups]
    examples.group_indices = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    return examples


def _group(puzzle: Puzzle, inputs: Rows, labels: Rows, num: int, rng: np.random.Generator) -> tuple[Group, Group]:
    seen = {inputs[0].tobytes()}
    kept = [(inputs[0], labels[0])]
    fruitless = 0
    while len(kept) <= num and fruitless < MAX_FRUITLESS:
        draws = max(num + 1 - len(kept), 8)
        turned = puzzle.transform(rng, np.repeat(inputs, draws, axis=0), np.repeat(labels, draws, axis=0))
        fruitless += draws
        for row, label in zip(*turned, strict=True):
            if row.tobytes() not in seen and len(kept) <= num:
                seen.add(row.tobytes())
                kept.append((row, label))
                fruitless = 0
    return np.stack([row for row, _ in kept]), np.stack([label for _, label in kept])


def check_disjoint(
    puzzle: Puzzle, test: tuple[Rows, Rows], train: Integer[np.ndarray, "train seq"], drop: bool
) -> tuple[Group, Group, int]:
    """The test rows that are not symmetric to a training puzzle, and the number of those left out.

    UserError where there are any, unless `drop` allows to leave them out, and where no row is left.
    """
    seen = splits.seen_in(puzzle, test[0], train)
    if seen.any() and not drop:
        first = puzzle.format(test[0][np.argmax(seen)]).splitlines()
        shown = "".join(first) if len("".join(first)) <= 100 else f"{''.join(first)[:97]}..."
        count = f"{seen.sum()} of {len(seen)} test puzzles are symmetric to a training puzzle"
        raise UserError(f"{count}, the first {shown}: --drop-seen leaves them out")
    if seen.all():
        raise UserError("every test puzzle is symmetric to a training puzzle: none is left")
    return test[0][~seen], test[1][~seen], int(seen.sum())
