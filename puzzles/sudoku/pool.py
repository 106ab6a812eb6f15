"""Write a pool of Sudoku of all difficulties, most of them hard, as a data directory: once, seeded, resumable.

python -m puzzles.sudoku.pool DIR --puzzles 70000 --test-puzzles 1000 --seed 0
python -m puzzles.sudoku.pool DIR --puzzles 6000 --deep 0.7    also puzzles that a level of trial does not solve: hours
python -m puzzles.sudoku.pool DIR --unlike test.csv    leaves out what is symmetric to a puzzle of a file

The same command goes on where it was stopped; until it is done, its chains lie in .DIR.building beside the directory.
"""

import argparse
import hashlib
import json
import shutil
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

import puzzles
from puzzles import splits
from puzzles.datasets import build, dataset, puzzle_files, stamp
from puzzles.errors import UserError
from puzzles.sudoku import hard, islands
from puzzles.sudoku.hard import Found
from puzzles.text_input import read_json_object

VERSION = 5  # of what chains and islands keep for a seed; a pool that another version began is not continued
CHAINS, ISLANDS = 16, 2  # of a file
RUNGS = [2.5, 4.0, 5.0, 5.4, 5.8, 6.2], [2, 3, 20, 40, 60, 60]  # floors and quotas
# Shares: hard puzzles, random minimal puzzles, puzzles of EASY_CLUES. The real set has 1 % with 17 clues, which are too
# rare to be found: random minimal puzzles stand in for them.
HARD, MINIMAL, EASY = 0.80, 0.18, 0.02
EASY_CLUES = (33, 35)
SURPLUS = 2  # hard puzzles to choose from, for one that is wanted
# Shares of ratings, each from its edge to the next, and of clue counts, among the 372 of 500 puzzles of Sudoku-Extreme
# that are rated 2 or more.
RATINGS = {2.0: 0.048, 3.0: 0.008, 4.0: 0.048, 5.0: 0.215, 5.5: 0.317, 6.0: 0.282, 6.5: 0.082}
CLUES = {21: 0.003, 22: 0.035, 23: 0.113, 24: 0.231, 25: 0.177, 26: 0.306, 27: 0.102, 28: 0.033}


def write_pool(
    directory: str | Path,
    *,
    num: int,
    num_test: int = 0,
    seed: int = 0,
    deep: float = 0.0,
    unlike: list[Path] | None = None,
) -> str:
    """The stamp's hash of the directory written. Its splits come from the training and the evaluation fold.

    `deep` is the share of puzzles that one level of trial does not solve, at most HARD; they come from islands and take
    hours. The other hard puzzles come from chains.

    UserError where `deep` is out of range, where the directory exists, or where what is left of an interrupted run is
    damaged or of other settings.
    """
    if not 0 <= deep <= HARD:
        raise UserError(f"deep={deep:g}: must be a number from 0 to {HARD:g}")
    directory = Path(directory)
    dataset.check_absent(directory)
    files = unlike or []
    settings: dict[str, Any] = {
        "pool": VERSION,
        "puzzles": num,
        "test_puzzles": num_test,
        "seed": seed,
        "deep": deep,
        "unlike": [{"name": path.name, "sha256": stamp.file_hash(path)} for path in files],
    }
    sudoku = puzzles.get("sudoku")
    others = [puzzle_files.read_answered(path, sudoku)[0] for path in files]
    building = directory.parent / f".{directory.name}.building"
    _begin(building, settings)
    written = {}
    for split, wanted, fold in (("train", num, splits.TRAIN), ("test", num_test, splits.EVALUATION)):
        if wanted == 0:
            continue
        of_chains = _hard_puzzles(building, split, round((HARD - deep) * wanted), fold, seed)
        of_islands = _deep_puzzles(building, split, round(deep * wanted), fold, seed)
        inputs, labels = _mixed(hard.join([of_chains, of_islands]), wanted, fold, seed, split)
        fresh = np.ones(len(inputs), bool)
        for other in others:
            fresh &= ~splits.seen_in(sudoku, inputs, other)
        print(
            f"{split}: {len(inputs):,} puzzles, {(~fresh).sum()} of them left out as symmetric to one of --unlike",
            flush=True,
        )
        written[split] = dataset.from_sets(
            {"all": build.plain(inputs[fresh], labels[fresh])}, vocab_size=sudoku.vocab_size
        )
    found = dataset.write(directory, written, settings=settings)
    shutil.rmtree(building)
    return found


def _begin(building: Path, settings: dict[str, Any]) -> None:
    """The folder of unfinished work, made or found with these settings."""
    path = building / "settings.json"
    if not building.exists():
        building.mkdir(parents=True)
        path.write_text(json.dumps(settings), encoding="utf-8")
    before = read_json_object(path)
    for key, value in settings.items():
        was = before.get(key)
        if was != value:
            raise UserError(f"{path}: {key}={was}: this command has {value}; give the same, or remove {building}")


def _hard_puzzles(building: Path, split: str, wanted: int, fold: int, seed: int) -> Found:
    """Of SURPLUS times as many puzzles of chains as are wanted, those nearest to the shares of the real set."""

    def chains(number: int) -> Found:
        seeds = puzzles.rng(seed, f"pool {split}", number).integers(0, 1 << 64, CHAINS, dtype=np.uint64)
        return hard.climb(seeds, *RUNGS, fold=splits.bounds(fold))

    progress = _Progress(f"{split}, hard", SURPLUS * wanted, f"chains, {CHAINS} a file")
    found = _collected(building, split, fold, chains, progress)
    return _chosen(found, wanted, puzzles.rng(seed, f"pool choice {split}"))


def _deep_puzzles(building: Path, split: str, wanted: int, fold: int, seed: int) -> Found:
    """As many puzzles of islands as are wanted, a random choice of those kept."""

    progress = _Progress(f"{split}, deep", wanted, f"islands, {ISLANDS} a file")

    def evolved(number: int) -> Found:
        seeds = puzzles.rng(seed, f"pool islands {split}", number).integers(0, 1 << 64, ISLANDS, dtype=np.uint64)
        return islands.evolve(seeds, fold=splits.bounds(fold), tell=progress.tell_island)

    found = _collected(building, f"{split}_islands", fold, evolved, progress)
    order = puzzles.rng(seed, f"pool islands choice {split}").permutation(len(found.puzzles))
    return found.take(np.sort(order[:wanted]))


def _collected(building: Path, stem: str, fold: int, make: Callable[[int], Found], progress: "_Progress") -> Found:
    """`make`'s puzzles, file after file, until there are enough; files that exist are read."""
    found = hard.climb(np.zeros(0, np.uint64), *RUNGS)
    number = 0
    while len(found.puzzles) < progress.wanted:
        path = building / f"{stem}_{number:06d}.npz"
        old = path.exists()
        if old:
            part = _read(path)
        else:
            part = make(number)
            if fold == splits.TRAIN:  # see `splits.generate`
                own = splits.fold(puzzles.get("sudoku"), part.puzzles + np.uint8(1))
                part = part.take(np.flatnonzero(own == splits.TRAIN))
            _save(path, part)
        found = hard.join([found, part])
        number += 1
        progress.tell(len(found.puzzles), len(np.unique(found.lineages)), number, old)
    return found


def _digest(part: Found) -> str:
    found = hashlib.sha256()
    for values in (part.puzzles, part.solutions, part.ratings, part.lineages):
        found.update(np.ascontiguousarray(values).tobytes())
    return found.hexdigest()


def _save(path: Path, part: Found) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez_compressed(
            file, puzzles=part.puzzles, solutions=part.solutions, ratings=part.ratings, lineages=part.lineages,
            digest=np.array(_digest(part)),
        )  # fmt: skip
    partial.replace(path)


def _read(path: Path) -> Found:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as values:
            part = Found(values["puzzles"], values["solutions"], values["ratings"], values["lineages"])
            digest = str(values["digest"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path}: is damaged ({' '.join(str(error).split())}); remove it, and it is made again"
        ) from None
    if digest != _digest(part):
        raise UserError(f"{path}: is damaged (digest {digest[:8]} is not that of its puzzles); remove it")
    return part


def _chosen(found: Found, wanted: int, rng: np.random.Generator) -> Found:
    """As many puzzles as wanted, as near to the shares of ratings and clue counts as what was found allows."""
    edges, counts = np.array([*RATINGS]), np.array([*CLUES])
    row = np.searchsorted(edges, found.ratings, side="right") - 1
    column = np.clip(hard.clue_counts(found.puzzles), counts[0], counts[-1]) - counts[0]
    cell = np.where(row < 0, -1, row * len(counts) + column)
    shares = np.outer([*RATINGS.values()], [*CLUES.values()]).reshape(-1)
    there = np.bincount(cell[cell >= 0], minlength=len(shares))
    taken = shares_within(shares, there, wanted)
    order = rng.permutation(len(cell))
    picked = [order[cell[order] == index][: taken[index]] for index in range(len(shares))]
    return found.take(np.sort(np.concatenate(picked)))


def shares_within(shares: np.ndarray, there: np.ndarray, wanted: int) -> np.ndarray:
    """How many to take of each kind: in proportion to its share, never more than there are, `wanted` of all.

    What one kind lacks is made up by the others in proportion to theirs. UserError where there are too few of all.
    """
    if there[shares > 0].sum() < wanted:
        raise UserError(f"--puzzles {wanted}: only {there[shares > 0].sum()} are there to choose from")
    low, high = 0.0, 1.0
    while np.minimum(shares * high, there)[shares > 0].sum() < wanted:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if np.minimum(shares * middle, there).sum() >= wanted else (middle, high)
    taken = np.floor(np.minimum(shares * high, there)).astype(np.int64)
    spare = np.argsort(np.floor(np.minimum(shares * high, there)) - np.minimum(shares * high, there), kind="stable")
    for index in spare:
        if taken.sum() < wanted and taken[index] < there[index] and shares[index] > 0:
            taken[index] += 1
    return taken


def _mixed(hards: Found, wanted: int, fold: int, seed: int, split: str) -> tuple[np.ndarray, np.ndarray]:
    """(inputs, labels): the hard ones with random minimal and easy puzzles of the fold, in random order, none twice."""
    sudoku, low_high = puzzles.get("sudoku"), splits.bounds(fold)
    parts = [(hards.puzzles + np.uint8(1), hards.solutions + np.uint8(1))]
    for share, clues in ((MINIMAL, "minimal"), (EASY, EASY_CLUES)):
        rng, num = puzzles.rng(seed, f"pool {split} {clues}"), round(share * wanted)
        inputs = labels = np.zeros((0, 81), np.uint8)
        while len(inputs) < num:
            more, answers = splits.generate(sudoku, rng, num - len(inputs) + 16, fold, clues=clues)
            place = splits.place(hard.lineages(answers - np.uint8(1)))
            kept = (place >= low_high[0]) & (place < low_high[1])
            inputs, labels = np.concatenate([inputs, more[kept]]), np.concatenate([labels, answers[kept]])
        parts.append((inputs[:num], labels[:num]))
    inputs, labels = (np.concatenate(part) for part in zip(*parts, strict=True))
    fresh = np.flatnonzero(~splits.duplicates(sudoku, inputs))
    order = puzzles.rng(seed, f"pool order {split}").permutation(fresh)
    return inputs[order], labels[order]


class _Progress:
    """One line a minute, or on a terminal one that is kept up to date."""

    def __init__(self, kind: str, wanted: int, files: str) -> None:
        self.kind, self.wanted, self.files = kind, wanted, files
        self.start = self.told = time.monotonic()
        self.before = 0  # puzzles that were there when this process began to make some
        self.islands: dict[int, tuple[float, int]] = {}

    def tell(self, num: int, num_lineages: int, num_files: int, old: bool) -> None:
        now = time.monotonic()
        self.islands.clear()
        if old:
            self.before, self.start = num, now
        if not self._due() and num < self.wanted:
            return
        rate = (num - self.before) / max(now - self.start, 1e-9)
        left = f", {max(self.wanted - num, 0) / rate / 60:.0f} minutes left" if rate else ""
        made = f"{num_lineages:,} lineages, {num_files:,} files ({self.files})"
        self._print(
            f"{self.kind}: {num:,} of {self.wanted:,} puzzles, {made}, {rate:.1f}/s{left}", last=num >= self.wanted
        )

    def tell_island(self, island: int, share: float, kept: int) -> None:
        """How far the islands of a file are: minutes, in which nothing else is told."""
        self.islands[island] = share, kept
        if not self._due():
            return
        shares, found = zip(*self.islands.copy().values(), strict=True)
        done = f"{min(shares):.0%} of the longest way, {sum(found):,} puzzles kept"
        self._print(f"{self.kind}: {len(shares)} islands of the next file, {done}", last=False)

    def _due(self) -> bool:
        """Whether to print: on a terminal always, else once a minute."""
        now = time.monotonic()
        if not sys.stderr.isatty() and now - self.told < 60:
            return False
        self.told = now
        return True

    def _print(self, text: str, *, last: bool) -> None:
        terminal = sys.stderr.isatty()
        line, end = (f"\r{text}\033[K", "\n" if last else "") if terminal else (text, "\n")
        print(line, end=end, file=sys.stderr, flush=True)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line instead of the whole usage."""
        print(f"error: {message}", file=sys.stderr)
        sys.exit(2)


def _number(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text}: must be a whole number of at least {least}")
    return int(text)


def main(argv: list[str] | None = None) -> None:
    """`python -m puzzles.sudoku.pool`: a user's mistake is one line and exit code 2."""
    parser = _Parser(
        prog="python -m puzzles.sudoku.pool", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("directory", type=Path, help="the directory to write; must not exist")
    add("--puzzles", type=lambda text: _number(text, 100), default=70_000, help="training puzzles (default: 70000)")
    add("--test-puzzles", type=lambda text: _number(text, 0), default=0, help="puzzles of other lineages (default: 0)")
    add(
        "--seed", type=lambda text: _number(text, 0), default=0, help="every random choice derives from it (default: 0)"
    )
    add(
        "--deep",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="share of puzzles that one level of trial does not solve, which take hours; 0.7 is that of Sudoku-Extreme"
        " (default: %(default)s)",
    )
    add(
        "--unlike",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a CSV file; may be given several times",
    )
    given = parser.parse_args(argv)
    try:
        for path in given.unlike:
            if not path.is_file():
                raise UserError(f"--unlike {path}: no such file")
        found = write_pool(
            given.directory,
            num=given.puzzles,
            num_test=given.test_puzzles,
            seed=given.seed,
            deep=given.deep,
            unlike=given.unlike,
        )
    except (UserError, OSError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        sys.exit(130)
    print(f"{given.directory}: {found}")


if __name__ == "__main__":
    main()
