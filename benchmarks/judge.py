"""Comparisons of a judge: python benchmarks/judge.py [CORES] [GAMES]

Prints the seconds for 10,000 comparisons (or GAMES, scaled to 10,000) of unfinished 6x6 Sudoku at a mean of four
segments, where games that stop early leave the batch, and beside it the seconds where every game runs as deep as the
deepest. The aim is two minutes on two cores.
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
from hrm_net.reward.pair.games import GridGames, trace_games
from hrm_net.reward.pair.validation import choose_stop

GAMES, MEAN, FIRST = 10_000, 4.0, 300


def main() -> None:
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    num = int(sys.argv[2]) if len(sys.argv) > 2 else GAMES
    print(hardware(), f"{torch.get_num_threads()} core(s)")
    judge = PairJudge.from_pretrained("pair_sudoku_6x6")
    problems, first, second = games(judge.puzzle, num)
    some = slice(0, FIRST)
    shown = GridGames(problem=problems[some], first=first[some], second=second[some])
    trace = trace_games(judge.model, shown, segments=judge.segments, batch_size=FIRST)
    judge.stop = choose_stop(trace, MEAN)
    found, adaptive = timed(judge, problems, first, second)
    scaled = adaptive * GAMES / num
    print(f"{num:,} comparisons at a mean of {found.segments.mean():.2f} segments: {adaptive:.1f} s of CPU time,")
    print(f"{scaled:.0f} s for {GAMES:,}, {scaled * MEAN / found.segments.mean():.0f} s at a mean of exactly {MEAN:g}")
    deep, part = PairJudge(judge.model, judge.puzzle), slice(0, num // 5)  # it has read no problem yet either
    _, fixed = timed(deep, problems[part], first[part], second[part])
    print(f"with {judge.segments} segments for all: {5 * fixed / adaptive:.2f} times as long")


def games(puzzle: puzzles.Puzzle, num: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Different games: a problem, and two states with four cells written, all rightly in one, one wrongly in the
    other."""
    rng = puzzles.rng(0, "benchmark of judges")
    problems, answers = puzzle.generate(rng, num, clues=[9, 14])
    first, second = problems.copy(), problems.copy()
    for i in range(num):
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
