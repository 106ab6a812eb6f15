"""Sudoku rates on one core, beside a plain numba backtracker: python benchmarks/sudoku.py

Times are CPU time of the process, best of three, after compilation. The real lists in ../shared/data are optional.
"""

import csv
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

os.environ["NUMBA_NUM_THREADS"] = "1"

import numpy as np
from numba import njit

import puzzles
from puzzles.sudoku.domain import Sudoku, count_solutions

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "sudoku"


@njit
def naive_count(grid, limit, random):
    """Solutions up to limit by backtracking in the cell with the fewest digits left; grid ends as the last one."""
    rows, cols, boxes = np.zeros((3, 9), np.int64)
    blanks = np.empty(81, np.int64)
    num = 0
    for cell in range(81):
        if grid[cell]:
            bit = 1 << grid[cell]
            rows[cell // 9] |= bit
            cols[cell % 9] |= bit
            boxes[cell // 27 * 3 + cell % 9 // 3] |= bit
        else:
            blanks[num] = cell
            num += 1
    left = np.zeros(num + 1, np.int64)
    depth = 0
    solutions = 0
    fresh = True
    found = grid.copy()
    while depth >= 0:
        if depth == num:
            solutions += 1
            found[:] = grid
            if solutions == limit:
                break
            depth -= 1
            fresh = False
            continue
        if fresh:
            fewest, at = 10, depth
            for index in range(depth, num):
                cell = blanks[index]
                free = 1022 & ~(rows[cell // 9] | cols[cell % 9] | boxes[cell // 27 * 3 + cell % 9 // 3])
                size = 0
                mask = free
                while mask:
                    mask &= mask - 1
                    size += 1
                if size < fewest:
                    fewest, at, left[depth] = size, index, free
                    if size < 2:
                        break
            blanks[depth], blanks[at] = blanks[at], blanks[depth]
        cell = blanks[depth]
        row, col, box = cell // 9, cell % 9, cell // 27 * 3 + cell % 9 // 3
        if grid[cell]:
            bit = 1 << grid[cell]
            rows[row] ^= bit
            cols[col] ^= bit
            boxes[box] ^= bit
            grid[cell] = 0
        if left[depth] == 0:
            depth -= 1
            fresh = False
            continue
        digit = 0
        while digit == 0:
            trial = np.random.randint(1, 10) if random else 1  # noqa: NPY002 (in numba)
            while trial < 10 and not left[depth] >> trial & 1:
                trial += 1
            digit = trial if trial < 10 else 0
        left[depth] ^= 1 << digit
        grid[cell] = digit
        rows[row] |= 1 << digit
        cols[col] |= 1 << digit
        boxes[box] |= 1 << digit
        depth += 1
        fresh = True
    grid[:] = found
    return solutions


@njit
def naive_counts(grids, limit):
    total = 0
    for index in range(len(grids)):
        total += naive_count(grids[index].copy(), limit, False)
    return total


@njit
def naive_generate(num, seed):
    """Random grids, then one clue at a time taken away and the puzzle counted afresh."""
    np.random.seed(seed)  # noqa: NPY002 (numba's own stream)
    puzzle = np.zeros(81, np.uint8)
    for _ in range(num):
        puzzle[:] = 0
        naive_count(puzzle, 1, True)
        for cell in np.random.permutation(81):  # noqa: NPY002
            digit = puzzle[cell]
            puzzle[cell] = 0
            if naive_count(puzzle.copy(), 2, False) != 1:
                puzzle[cell] = digit
    return puzzle


def rate(work: Callable[[], object], num: int) -> float:
    """Items a second."""
    work()
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return num / best


def hardware() -> str:
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [
            line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        name = models[0] if models else name
    return (
        f"{name}, one core; Python {platform.python_version()}, numpy {np.__version__}, load {os.getloadavg()[0]:.1f}"
    )


def questions(name: str) -> np.ndarray:
    with (DATA / f"{name}.csv").open() as file:
        return np.stack([Sudoku().parse(row["question"]) for row in csv.DictReader(file)])


def main() -> None:
    sudoku = Sudoku()
    print(hardware())
    print(f"{'9x9 Sudoku, per second':44} {'here':>10} {'naive':>10} {'ratio':>7}")

    def row(what: str, here: float, naive: float | None = None) -> None:
        beside = f" {naive:10,.0f} {here / naive:6.1f}x" if naive else ""
        print(f"{what:44} {here:10,.0f}{beside}", flush=True)

    def made(num: int, clues: int | str) -> float:
        return rate(lambda: sudoku.generate(puzzles.rng(0, "benchmark"), num, clues=clues), num)

    row("minimal unique puzzles", made(2000, "minimal"), rate(lambda: naive_generate(50, 0), 50))
    for clues in (24, 30, 36):
        row(f"unique puzzles with {clues} clues", made(2000, clues))
    for name in ("forum_hardest", "clues17", "extreme_sample"):
        if not (DATA / f"{name}.csv").exists():
            print(f"{name}: no ../shared/data/sudoku here, left out")
            continue
        inputs = questions(name)
        part = inputs[:: max(1, len(inputs) // 200)] - np.uint8(1)
        naive = rate(lambda part=part: naive_counts(part, 2), len(part))
        row(f"uniqueness checks, {name}", rate(lambda inputs=inputs: count_solutions(inputs, 2), len(inputs)), naive)
        row(f"first solutions, {name}", rate(lambda inputs=inputs: count_solutions(inputs, 1), len(inputs)))
    inputs, labels = sudoku.generate(puzzles.rng(1, "benchmark"), 5000, clues=26)
    row("symmetry transforms", rate(lambda: sudoku.transform(puzzles.rng(2, "benchmark"), inputs, labels), 5000))
    row("invariants", rate(lambda: sudoku.invariant(inputs), 5000))
    row("canonical forms", rate(lambda: sudoku.canonical(inputs[:300]), 300))


if __name__ == "__main__":
    main()
