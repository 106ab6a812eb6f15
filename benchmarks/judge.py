"""Comparisons of a judge on one core: python benchmarks/judge.py [CORES]

Prints the seconds for 10,000 comparisons of unfinished 6x6 Sudoku at a mean of four segments, games that stop early
leaving the batch, and beside it the seconds where every game runs as deep as the deepest. The aim is two minutes on two
cores.
"""

import os
import sys
import time

os.environ["NUMBA_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = sys.argv[1] if len(sys.argv) > 1 else "1"

import numpy as np
import torch
from sudoku import hardware

import puzzles
from hrm_net.reward.pair import PairJudge
from hrm_net.reward.pair.games import trace_games
from hrm_net.reward.pair.validation import choose_stop

GAMES, MEAN = 10_000, 4.0


def main() -> None:
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    print(hardware(), f"{torch.get_num_threads()} core(s)")
    judge = PairJudge.from_pretrained("pair_sudoku_6x6")
    problems, first, second = games(judge.puzzle)
    some = slice(0, 1000)
    trace = trace_games(judge.model, problems[some], first[some], second[some], segments=judge.segments, batch_size=500)
    judge.stop = choose_stop(trace, MEAN)
    found, adaptive = timed(judge, problems, first, second)
    judge.stop = None
    _, fixed = timed(judge, problems, first, second)
    print(f"{GAMES:,} comparisons at a mean of {found.segments.mean():.2f} segments: {adaptive:.1f} s")
    print(f"all of them with {judge.segments} segments: {fixed:.1f} s, {fixed / adaptive:.2f} times as long")


def games(puzzle) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Different games: a problem, and two states with four cells written, rightly in one and wrongly in part in the
    other."""
    rng = puzzles.rng(0, "benchmark of judges")
    problems, answers = puzzle.generate(rng, GAMES, clues=[9, 14])
    first, second = problems.copy(), problems.copy()
    for i in range(GAMES):
        cells = rng.permutation(np.flatnonzero(problems[i] == 1))[:4]
        first[i, cells] = second[i, cells] = answers[i, cells]
        second[i, cells[0]] = rng.choice([value for value in range(2, 8) if value != answers[i, cells[0]]])
    return problems.astype(np.uint8), first.astype(np.uint8), second.astype(np.uint8)


def timed(judge: PairJudge, problems: np.ndarray, first: np.ndarray, second: np.ndarray):
    """What the judge says, and the CPU seconds of this process that it took."""
    start = time.process_time()
    found = judge.compare(problems, first, second)
    return found, time.process_time() - start


if __name__ == "__main__":
    main()
