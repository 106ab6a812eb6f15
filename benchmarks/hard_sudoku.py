"""Hard Sudoku: puzzles a second and core, lineages, and how a pool compares with real puzzles.

python benchmarks/hard_sudoku.py                 a minute of chains on one core
python benchmarks/hard_sudoku.py POOL [PICTURE]  the histograms of a data directory, beside ../shared/data, as a picture

Times are CPU time of the process, after compilation.
"""

import os
import sys
import time
from pathlib import Path

os.environ["NUMBA_NUM_THREADS"] = "1"

import numpy as np

import puzzles
from puzzles.datasets import dataset, puzzle_files
from puzzles.sudoku import hard, pool

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "sudoku" / "extreme_sample.csv"
SECONDS = 60.0
QUANTILES = [0.1, 0.25, 0.5, 0.75, 0.9]


def rates() -> None:
    """Of the pool's chains, and of chains that stay on the rung at 5.0."""
    for name, rungs in (("the pool's rungs", pool.RUNGS), ("5.0 and above", ([5.0], [60]))):
        hard.climb(np.zeros(1, np.uint64), [0.0], [1])
        parts, chains, start = [], 0, time.process_time()
        while time.process_time() - start < SECONDS:
            seeds = puzzles.rng(0, "benchmark", chains).integers(0, 1 << 64, 4, dtype=np.uint64)
            parts.append(hard.climb(seeds, *rungs))
            chains += 4
        seconds = time.process_time() - start
        found = hard.join(parts)
        above = " ".join(f"{edge}: {(found.ratings >= edge).sum() / seconds:5.1f}" for edge in (5.0, 5.5, 6.0))
        print(f"{name}: {len(found.ratings) / seconds:.1f} puzzles a second and core, of ratings from {above}")
        lineages = len(np.unique(found.lineages))
        a_minute = f"{lineages} lineages ({lineages / seconds * 60:.0f} a minute)"
        print(f"  {chains} chains, {a_minute}; load {os.getloadavg()[0]:.1f}", flush=True)


def draw(directory: Path, picture: Path) -> None:
    """Ratings and clue counts of the training split beside the real sample; their quantiles in words."""
    from matplotlib.figure import Figure

    examples = dataset.read(directory).sets["all"]
    sets = {f"pool ({len(examples.inputs):,})": examples.inputs}
    if REAL.exists():
        sets["Sudoku-Extreme, a sample (500)"] = puzzle_files.read_answered(REAL, puzzles.get("sudoku"))[0]
    solutions = (np.asarray(examples.labels) - 1).astype(np.uint8)
    print(f"{len(np.unique(hard.lineages(solutions))):,} lineages in the pool")
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    edges, clues = np.arange(0, 8.25, 0.25), np.arange(16.5, 36.5)
    for index, (name, inputs) in enumerate(sets.items()):
        grids = (np.asarray(inputs) - 1).astype(np.uint8)
        ratings = hard.rate(grids)
        shown = ", ".join(f"{value:.1f}" for value in np.quantile(ratings, QUANTILES))
        print(f"{name}: rating at 10, 25, 50, 75, 90 %: {shown}; clues {hard.clue_counts(grids).mean():.1f}")
        style = {
            "histtype": "step" if index else "stepfilled",
            "alpha": 1.0 if index else 0.4,
            "linewidth": 1.8,
            "label": name,
        }
        for axis, values, bins in ((left, ratings, edges), (right, hard.clue_counts(grids), clues)):
            axis.hist(values, bins, weights=np.full(len(values), 100 / len(values)), **style)
    left.set(xlabel="rating: mean log2(1 + guesses) over 8 symmetries", ylabel="% of the puzzles")
    right.xaxis.get_major_locator().set_params(integer=True)
    right.set(xlabel="clues", ylabel="% of the puzzles")
    left.legend()
    figure.savefig(picture, dpi=120)
    print(picture)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        draw(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "hard_sudoku.png"))
    else:
        rates()
