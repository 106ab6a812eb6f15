"""Maze rates on one core: python benchmarks/maze.py [--peers [DIRECTORY]]

With --peers beside maze-dataset 1.4.2 and reasoning-gym, each in a virtual environment that is made in DIRECTORY (by
default a temporary one; needs a package index). Mazes of 15x15 rooms are 31x31 cells here. Times are CPU time of the
process after a first call, labels included; a peer that can't make a kind is told so.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path

os.environ["NUMBA_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

from sudoku import hardware

import puzzles
from puzzles.maze.domain import Maze, count_shortest_paths

LATTICE = ("dfs", "prim", "kruskal", "wilson", "division")
SECONDS = 3  # about what each row of a peer may take
PEERS: dict[str, list[list[str]]] = {  # arguments of pip
    # without its notebook; later muutils lack a name that it imports
    "maze-dataset": [
        ["--no-deps", "maze-dataset==1.4.2"],
        ["muutils<0.9", "numpy", "tqdm", "jaxtyping", "matplotlib", "zanj", "typing_extensions"],
    ],
    "reasoning-gym": [["reasoning-gym"]],
}
TIMER = """
import json, time
def rate(work, seconds):
    try:
        work(0)
    except RuntimeError as error:
        return f"{type(error).__name__}: {error}"
    start, num = time.process_time(), 0
    while time.process_time() - start < seconds:
        num += 1
        work(num)
    return num / (time.process_time() - start)
"""
PROGRAMS = {
    "maze-dataset": TIMER
    + """
import numpy as np
from maze_dataset.generation import LatticeMazeGenerators as made
from maze_dataset import SolvedMaze
names = {"dfs": "gen_dfs", "prim": "gen_prim", "kruskal": "gen_kruskal", "wilson": "gen_wilson",
         "division": "gen_recursive_division"}
def work(name):
    def one(_):
        maze = getattr(made, names[name])(np.array([15, 15]))
        SolvedMaze.from_lattice_maze(maze, maze.generate_random_path()).as_pixels()
    return one
print(json.dumps({name: rate(work(name), SECONDS) for name in names}))
""",
    "reasoning-gym": TIMER
    + """
import reasoning_gym
def work(low, high):
    data = reasoning_gym.create_dataset("maze", min_dist=low, max_dist=high, min_grid_size=30, max_grid_size=30,
                                        size=10**6, seed=1)
    return lambda i: data[i]
print(json.dumps({"hard": rate(work(109, 900), SECONDS), "any path": rate(work(1, 900), SECONDS)}))
""",
}


def rate(work: Callable[[], object], num: int) -> float:
    """Items a second of CPU time, best of three."""
    work()
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return num / best


def peer(name: str, directory: Path) -> dict[str, float | str]:
    """Rates by kind, or why there are none; the environment is made where it is missing."""
    home = directory / name
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
        for arguments in PEERS[name]:
            subprocess.run([python, "-m", "pip", "install", "-q", *arguments], check=True)
    program = PROGRAMS[name].replace("SECONDS", str(SECONDS))
    done = subprocess.run([python, "-c", program], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    arguments = sys.argv[1:]
    beside: dict[str, dict[str, float | str]] = {}
    print(hardware(), flush=True)
    if arguments[:1] == ["--peers"]:
        with tempfile.TemporaryDirectory() as scratch:
            directory = Path(arguments[1]) if len(arguments) > 1 else Path(scratch)
            beside = {name: peer(name, directory) for name in PEERS}

    def row(what: str, here: float, name: str = "", kind: str = "") -> None:
        there = beside.get(name, {}).get(kind)
        if isinstance(there, float):
            text = f"  {name} {there:9,.1f}  {here / there:9,.0f}x"
        else:
            text = f"  {name}: {there}" if there else ""
        print(f"{what:44} {here:11,.0f}{text}", flush=True)

    def made(maze: Maze, num: int, **targets: object) -> float:
        return rate(lambda: maze.generate(puzzles.rng(0, "benchmark"), num, **targets), num)

    lattice, hard = Maze(31, 31), Maze()
    print(f"{'mazes with labels, per second':44} {'here':>11}")
    for kind in LATTICE:
        row(f"{kind}, 15x15 rooms", made(lattice, 2000, kind=kind), "maze-dataset", kind)
    row("dfs, 15x15 rooms, half of dead ends opened", made(lattice, 2000, kind="dfs", braid=0.5))
    row("30x30 random walls, any path", made(hard, 2000, kind="hard", path=[1, None]), "reasoning-gym", "any path")
    row("30x30 random walls, 109 moves and more", made(hard, 400), "reasoning-gym", "hard")
    inputs, labels = hard.generate(puzzles.rng(1, "benchmark"), 400)
    print("30x30, 109 moves and more, per second")
    row("labels", rate(lambda: hard.solve(inputs), 400))
    row("checks", rate(lambda: hard.check(inputs, labels), 400))
    row("symmetries with labels", rate(lambda: hard.transform(puzzles.rng(2, "benchmark"), inputs, labels), 400))
    row("counts of shortest paths", rate(lambda: count_shortest_paths(inputs), 400))
    row("invariants", rate(lambda: hard.invariant(inputs), 400))
    row("canonical forms", rate(lambda: hard.canonical(inputs), 400))


if __name__ == "__main__":
    main()
