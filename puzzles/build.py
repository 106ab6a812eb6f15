"""Build a data directory from files or generators. The same arguments give the same bytes.

python -m puzzles.build DIR --train-csv train.csv --test-csv test.csv --train-puzzles 1000 --augmentations 1000
python -m puzzles.build DIR --generate clues=30 --train-puzzles 1000 --test-puzzles 500
python -m puzzles.build DIR --puzzle maze --train-csv train.csv --test-csv test.csv --augmentations 7
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, NoReturn

import puzzles
from puzzles.datasets.build import DEFAULT_PUZZLES, build
from puzzles.errors import UserError


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
    add("directory", type=Path, help="the directory to write, which must not exist")
    add("--puzzle", default="sudoku", help="the domain (default: sudoku)")
    add("--option", action="append", default=[], metavar="KEY=VALUE", help="an option of the domain, as box=2x3")
    add(
        "--train-csv",
        type=Path,
        metavar="FILE",
        help="training puzzles: a CSV file with a column question and perhaps answer and rating",
    )
    add("--test-csv", type=Path, metavar="FILE", help="test puzzles; never augmented")
    add("--generate", nargs="*", metavar="KEY=VALUE", help="generate puzzles instead, with these targets, as clues=30")
    add(
        "--train-puzzles",
        type=_count,
        metavar="NUM",
        help=f"choose NUM puzzles at random; generated: {DEFAULT_PUZZLES}",
    )
    add(
        "--test-puzzles",
        type=_count,
        metavar="NUM",
        help=f"choose NUM puzzles at random; generated: {DEFAULT_PUZZLES}",
    )
    add("--min-rating", type=float, metavar="RATING", help="leave out puzzles of the files with a lower rating")
    add("--augmentations", type=int, default=0, metavar="NUM", help="symmetric copies of each training puzzle")
    add("--drop-seen", action="store_true", help="leave out test puzzles that are symmetric to a training puzzle")
    add("--seed", type=int, default=0, help="the seed of every random choice (default: 0)")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: must be a whole number of at least 1")
    return int(text)


def _pairs(flag: str, texts: list[str]) -> dict[str, Any]:
    """The values by key, each read as JSON where it is JSON (30, [24,36]), else as text."""
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
        written, digest = build(**arguments, progress=sys.stderr.isatty())
    except (UserError, OSError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    for split, data in written.items():
        examples = data.sets["all"]
        print(f"{split}: {len(examples.inputs):,} examples in {len(examples.group_indices) - 1:,} groups")
    print(f"{arguments['directory']}: {digest}")


if __name__ == "__main__":
    main()
