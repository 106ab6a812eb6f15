"""Build a data directory: seeded, stamped, the same bytes for the same arguments.

python -m puzzles.build DIR --train-csv train.csv --test-csv test.csv --train-puzzles 1000 --augmentations 1000
python -m puzzles.build DIR --generate clues=30 --train-puzzles 1000 --test-puzzles 500
python -m puzzles.build DIR --puzzle maze --train-csv train.csv --test-csv test.csv --augmentations 7
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import puzzles
from puzzles import splits
from puzzles.base import Puzzle
from puzzles.datasets import build_rows, dataset, stamp
from puzzles.errors import UserError

Track = Callable[[str, int], Callable[[int], None]]  # (what, how many) -> advance(done)
GENERATED = 1000  # puzzles of a split where nobody says how many


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
    """Write the directory; what was written, by split, and the stamp's hash.

    The training split holds groups of a puzzle and its augmentations, the test split puzzles as they are, none of them
    symmetric to a training puzzle: ValueError where files hold such, unless `drop_seen` leaves them out. Generated
    puzzles (`targets`, in place of files) come from the training and the evaluation fold.
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
            test_inputs, test_labels, dropped = build_rows.check_disjoint(puzzle, test, train[0], drop_seen)
            settings["dropped"] = dropped
            sets["test"] = build_rows.plain(test_inputs, test_labels, identifier)
        advance = track("augmented puzzles", len(train[0]))
        sets["train"] = build_rows.augmented(puzzle, train[0], train[1], augmentations, seed, advance, identifier)
    names = [dataset.BLANK, *map(str, range(1, puzzle.num_puzzle_ids))]
    written = {
        split: dataset.dataset({"all": sets[split]}, vocab_size=puzzle.vocab_size, identifiers=names)
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
    """(inputs, labels) of each file; None for a test file that nobody named."""
    train = build_rows.from_csv(train_csv, puzzle, nums[0], min_rating, puzzles.rng(seed, "build train"))
    if test_csv is None:
        return train, None
    return train, build_rows.from_csv(test_csv, puzzle, nums[1], min_rating, puzzles.rng(seed, "build test"))


def _generated(puzzle: Puzzle, targets: dict[str, Any], nums: tuple[int | None, int | None], seed: int, track: Track):
    """(inputs, labels) of the training fold and of the evaluation fold."""
    build_rows.check_targets(puzzle, targets)
    found = []
    for name, num, fold in zip(stamp.SPLITS, nums, (splits.TRAIN, splits.EVALUATION), strict=True):
        num = num or GENERATED
        rng, advance = puzzles.rng(seed, f"build {name}"), track(f"{name} puzzles", num)
        found.append(build_rows.generated(puzzle, num, fold, rng, targets, advance))
    return found


def _source(path: Path | None) -> dict[str, str] | None:
    """A file as the stamp knows it: wherever it lies."""
    if path is None:
        return None
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    return {"name": path.name, "sha256": stamp.file_hash(path)}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line instead of the whole usage."""
        print(f"error: {message}", file=sys.stderr)
        sys.exit(2)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m puzzles.build", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("directory", type=Path, help="the directory to write; must not exist")
    add("--puzzle", default="sudoku", help="the domain (default: sudoku)")
    add("--option", action="append", default=[], metavar="KEY=VALUE", help="an option of the domain, as box=2x3")
    add("--train-csv", type=Path, metavar="FILE", help="training puzzles: columns question, answer and, maybe, rating")
    add("--test-csv", type=Path, metavar="FILE", help="test puzzles; never augmented")
    add("--generate", nargs="*", metavar="KEY=VALUE", help="generate instead, with these targets, as clues=30")
    add("--train-puzzles", type=_count, metavar="NUM", help=f"a random choice of so many; generated: {GENERATED}")
    add("--test-puzzles", type=_count, metavar="NUM", help=f"a random choice of so many; generated: {GENERATED}")
    add("--min-rating", type=float, metavar="RATING", help="leave out rows of the files with a lower rating")
    add("--augmentations", type=int, default=0, metavar="NUM", help="symmetric copies of each training puzzle")
    add("--drop-seen", action="store_true", help="leave out test puzzles that are symmetric to a training puzzle")
    add("--seed", type=int, default=0, help="every random choice derives from it (default: 0)")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: must be a whole number of at least 1")
    return int(text)


def _pairs(flag: str, texts: list[str]) -> dict[str, Any]:
    """KEY=VALUE, the value read as JSON where it is some (30, [24,36]), else as text."""
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise UserError(f"{flag} {text}: must be KEY=VALUE")
        try:
            found[key] = json.loads(value)
        except ValueError:
            found[key] = value
    return found


def _arguments(argv: list[str] | None) -> dict[str, Any]:
    """Checked arguments for `build`."""
    given = vars(_parser().parse_args(argv))
    generate = given.pop("generate")
    if (generate is None) == (given["train_csv"] is None):
        raise UserError("--train-csv or --generate: exactly one of them says where puzzles come from")
    for flag in ("test_csv", "min_rating"):
        if generate is not None and given[flag] is not None:
            raise UserError(f"--{flag.replace('_', '-')}: does not go with --generate")
    if generate is None and given["test_csv"] is None and given["test_puzzles"] is not None:
        raise UserError(f"--test-puzzles {given['test_puzzles']}: needs --test-csv")
    for flag in ("augmentations", "seed"):
        if given[flag] < 0:
            raise UserError(f"--{flag} {given[flag]}: must be at least 0")
    given["puzzle"] = puzzles.get(given["puzzle"], **_pairs("--option", given.pop("option")))
    given["targets"] = None if generate is None else _pairs("--generate", generate)
    return given


def main(argv: list[str] | None = None) -> None:
    """`python -m puzzles.build`: a user's mistake is one line and exit code 2."""
    try:
        arguments = _arguments(argv)
        written, found = build(**arguments, progress=sys.stderr.isatty())
    except (ValueError, OSError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    for split, one in written.items():
        examples = one.sets["all"]
        print(f"{split}: {len(examples.inputs):,} examples in {one.metadata.total_groups:,} groups")
    print(f"{arguments['directory']}: {found}")


if __name__ == "__main__":
    main()
