"""What one level of trial makes of hard Sudoku: real puzzles, chains towards many guesses, chains towards resistance.

python benchmarks/trial.py           (half an hour on one core; real puzzles where ../shared/data holds them)

For each set: how many puzzles one level of trial solves and the hardest refutation that it needs for these, in
candidates removed; the share of open candidates that it refutes, the cells that each of the others fills, and how many
puzzles shipped weights solve in 16 segments: `sudoku_symbols` (the baseline, trained on no hard puzzle),
`sudoku_chains` (trained on chains towards many guesses) and `sudoku_islands`.
"""

import os
import time
from pathlib import Path

os.environ["NUMBA_NUM_THREADS"] = "1"

import numpy as np

import hrm_net
import puzzles
from hrm_net.provenance import hardware
from puzzles.datasets import puzzle_files
from puzzles.sudoku import hard, resistant, trial

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "sudoku"
RATED = 5.0  # the rating from which real puzzles and puzzles of chains take part
CHAINS, SHOWN = 24, 200
MODELS = ("sudoku_symbols", "sudoku_chains", "sudoku_islands")


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
    started = time.process_time()
    found = resistant.anneal(rng.integers(0, 1 << 64, CHAINS, dtype=np.uint64))
    seconds = time.process_time() - started
    lineages = len(np.unique(found.lineages))
    sets[f"{CHAINS} chains towards resistance, {lineages} lineages, {seconds:.0f} s of CPU time"] = found.puzzles
    for name, grids in sets.items():
        shown = grids[rng.permutation(len(grids))[:SHOWN]]
        clues = hard.clue_counts(grids).mean()
        print(f"{name}: {len(grids)} puzzles, rating {np.median(hard.rate(shown)):.1f}, {clues:.1f} clues")
        hardest = trial.hardest_refutations(grids)
        solved = hardest[hardest < trial.NEVER]
        needed = f", whose hardest refutation removes {np.median(solved):.0f} candidates" if len(solved) else ""
        print(f"  one level of trial solves {len(solved)} of {len(grids)}{needed}; {candidates(shown)}")
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
