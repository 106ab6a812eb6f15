"""The rows of a data directory to be built: from CSV files or generators, augmented by the puzzle's own symmetries."""

from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Integer

import puzzles
from puzzles import splits
from puzzles.base import Puzzle
from puzzles.datasets import puzzle_files
from puzzles.datasets.dataset import Examples
from puzzles.errors import UserError

Rows = Integer[np.ndarray, "num seq"]
Group = Integer[np.ndarray, "group seq"]
Advance = Callable[[int], None]
FRUITLESS = 256  # symmetries that give nothing new before a puzzle counts as having no others
_AT_ONCE = 10_000


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
    """`num` puzzles of one fold, none symmetric to another. ValueError where there seem to be fewer."""
    inputs = labels = np.zeros((0, puzzle.seq_len), np.uint8)
    fruitless = 0
    while len(inputs) < num:
        before = len(inputs)
        more, answers = splits.generate(puzzle, rng, min(num - before, _AT_ONCE), fold, **targets)
        both = np.concatenate([inputs, more])
        fresh = ~splits.duplicates(puzzle, both)
        inputs, labels = both[fresh], np.concatenate([labels, answers])[fresh]
        advance(len(inputs) - before)
        fruitless = 0 if len(inputs) > before else fruitless + len(more)
        if fruitless >= 1000:
            raise UserError(f"--generate: {num} wanted, found only {before} that differ up to symmetry")
    return inputs, labels


def check_targets(puzzle: Puzzle, targets: dict[str, Any]) -> None:
    """ValueError, before any work, for a generator's target that is unknown or out of reach."""
    parameters = signature(puzzle.generate).parameters
    allowed = [name for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY]
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())  # then generate knows what it takes
    for name, value in targets.items():
        if name not in allowed and not open_ended:
            raise UserError(f"--generate {name}={value}: unknown target; {puzzle.name} has {', '.join(allowed)}")
    puzzle.generate(puzzles.rng(0, "check of targets"), 0, **targets)


def plain(inputs: Rows, labels: Rows, identifier: int = 0) -> Examples:
    """Every puzzle a group of its own."""
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
    """Groups of each puzzle and `num` different symmetric ones; fewer where the domain has fewer.

    Each puzzle has a random stream of its own. Labels are what `transform` makes of them: a maze's are computed anew.
    """
    groups = []
    for index in range(len(inputs)):
        rng = puzzles.rng(seed, "augment", index)
        groups.append(_group(puzzle, inputs[index : index + 1], labels[index : index + 1], num, rng))
        advance(1)
    all_inputs, all_labels = (np.concatenate(part) for part in zip(*groups, strict=True))
    found = plain(all_inputs, all_labels, identifier)
    sizes = [len(group_inputs) for group_inputs, _ in groups]
    found.group_indices = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    return found


def _group(puzzle: Puzzle, inputs: Rows, labels: Rows, num: int, rng: np.random.Generator) -> tuple[Group, Group]:
    seen = {inputs[0].tobytes()}
    kept = [(inputs[0], labels[0])]
    fruitless = 0
    while len(kept) <= num and fruitless < FRUITLESS:
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
    """The test rows, and how many symmetric to a training puzzle were left out. ValueError for any without `drop`."""
    seen = splits.seen_in(puzzle, test[0], train)
    if seen.any() and not drop:
        first = puzzle.format(test[0][np.argmax(seen)]).splitlines()
        shown = "".join(first) if len("".join(first)) <= 100 else f"{''.join(first)[:97]}..."
        count = f"{seen.sum()} of {len(seen)} test puzzles are symmetric to a training puzzle"
        raise UserError(f"{count}, the first {shown}: --drop-seen leaves them out")
    if seen.all():
        raise UserError("every test puzzle is symmetric to a training puzzle: none is left")
    return test[0][~seen], test[1][~seen], int(seen.sum())
