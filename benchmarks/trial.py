"""What one level of trial makes of hard Sudoku: real puzzles, puzzles of chains and puzzles of islands.

python benchmarks/trial.py           (half an hour on one core; real puzzles where ../shared/data holds them)
python benchmarks/trial.py POOL      also the deep puzzles of a data directory that puzzles.sudoku.pool has written

For each set: how many puzzles one level of trial solves, the share of open candidates that it refutes, the cells that
each of the others fills, and how many puzzles the shipped weights `sudoku_symbols` (the baseline, trained on no
hard puzzle) and `sudoku_chains` (trained on chains) solve in 16 segments.
"""

import os
import sys
import time
from pathlib import Path

os.environ["NUMBA_NUM_THREADS"] = "1"

import numpy as np

import hrm_net
import puzzles
from hrm_net.provenance import hardware
from puzzles.datasets import dataset, puzzle_files
from puzzles.sudoku import hard, islands, trial

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "sudoku"
RATED = 5.0  # the rating from which real puzzles and puzzles of chains take part
ISLANDS, SHOWN = 2, 200
MODELS = ("sudoku_symbols", "sudoku_chains")


def main() -> None:
    print(hardware())
    sudoku = puzzles.get("sudoku")
    rng = puzzles.rng(0, "trial benchmark")
    sets: dict[str, np.ndarray] = {}
    for name in ("extreme_sample", "forum_hardest"):
        path = REAL / f"{name}.csv"
        if path.is_file():
            grids = (puzzle_files.read_answered(path, sudoku)[0] - 1).astype(np.uint8)
            sets[f"{name}, rated {RATED:g} and more"] = grids[hard.rate(grids) >= RATED]
    sets[f"chains, rated {RATED:g} and more"] = hard.generate(rng, 400, (RATED, np.inf))[0]
    for seed in rng.integers(0, 1 << 64, ISLANDS, dtype=np.uint64):
        started = time.process_time()
        found = islands.evolve(np.array([seed]))
        seconds = time.process_time() - started
        lineages = len(np.unique(found.lineages))
        sets[f"an island ({seconds / 60:.0f} minutes of CPU time, {lineages} lineages)"] = found.puzzles
    for directory in sys.argv[1:]:
        grids = (np.asarray(dataset.read(Path(directory)).sets["all"].inputs) - 1).astype(np.uint8)
        sets[f"{directory}, deep"] = grids[~trial.solved_by_trial(grids)]
    for name, grids in sets.items():
        shown = grids[rng.permutation(len(grids))[:SHOWN]]
        print(f"{name}: {len(grids)} puzzles, rating {np.median(hard.rate(shown)):.1f}")
        print(f"  one level of trial solves {trial.solved_by_trial(grids).sum()} of {len(grids)}; {candidates(shown)}")
        for model in MODELS:
            solver = hrm_net.HRM.from_pretrained(model)
            solved = hrm_net.solve(solver, sudoku, shown + np.uint8(1), max_segments=16).solved
            print(f"  {model} solves {solved.sum()} of {len(shown)}", flush=True)


def candidates(grids: np.ndarray) -> str:
    """Medians over the puzzles that propagation leaves open."""
    refuted, cells = trial.outcomes(grids)
    share, filled = np.nanmedian(refuted), np.nanmedian(cells)
    return f"{share:.1%} of the candidates are refuted, each of the others fills {filled:.1f} cells"


if __name__ == "__main__":
    main()
