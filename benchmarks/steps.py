"""Exact step labels on one core: python benchmarks/steps.py

Prints the CPU seconds for 100,000 steps after a first call, as arrays of attempts and one attempt at a time.
"""

import os
import time
from typing import Any

os.environ["NUMBA_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from sudoku import hardware

import puzzles
from puzzles.steps.attempts import attempts, to_trajectories
from puzzles.steps.labels import exact_labels, label_states
from puzzles.steps.rules import step_rules

CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("sudoku", {"box": "2x3"}, {"clues": 14}),
    ("sudoku", {"box": "3x3"}, {"clues": 30}),
    ("maze", {"rows": 15, "columns": 15}, {"kind": "hard", "walls": [0.0, 0.3]}),
]
PUZZLES, EACH, STEPS = 100, 100, 10


def main() -> None:
    print(hardware())
    for name, options, targets in CASES:
        puzzle = puzzles.get(name, **options)
        rules, rng = step_rules(puzzle), puzzles.rng(0, "benchmark")
        problems = np.repeat(puzzle.generate(rng, PUZZLES, **targets)[0], EACH, axis=0)
        states = [rules.start(problems)]
        for _ in range(STEPS):  # one random legal edit
            legal = rules.legal(problems, states[-1]).reshape(len(problems), -1)
            chosen = (legal * rng.random(legal.shape, np.float32)).argmax(axis=1)
            rows = np.flatnonzero(legal.any(axis=1))
            states.append(states[-1].copy())
            cells, values = np.divmod(chosen[rows], puzzle.vocab_size)
            states[-1][rows, cells] = values
        made = attempts(
            puzzle, problems, np.stack(states, 1), np.full(len(problems), STEPS), budget=60, cells_per_step=1,
            regime="fill",
        )  # fmt: skip
        label_states(rules, made)
        start = time.process_time()
        label_states(rules, made)
        arrays = time.process_time() - start
        some = to_trajectories(puzzle, made.take(np.arange(0, len(made), EACH)))
        start = time.process_time()
        for one in some:
            exact_labels(rules, [one])
        objects = (time.process_time() - start) * EACH
        size = "x".join(map(str, puzzle.shape))
        print(f"{name} {size}: {arrays:.2f} s as arrays, {objects:.2f} s one by one: {objects / arrays:.1f} times")


if __name__ == "__main__":
    main()
