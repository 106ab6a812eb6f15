"""Generated mazes beside the real Maze-Hard: python benchmarks/maze_hard.py [directory] [picture.png]

Prints a table (mean, standard deviation, two-sample Kolmogorov-Smirnov statistic and p) and draws the histograms.
The directory is in the published layout, by default ../shared/data/maze-hard; the first 1,000 of its mazes are used.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("agg")

import numpy as np
from matplotlib import pyplot as plt

import puzzles
from puzzles.maze.domain import WALL, Maze, count_shortest_paths, distances

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "maze-hard"
NUM = 1000


def statistics(maze: Maze, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """What the two sets are compared in, one number a maze."""
    free = (inputs != WALL).reshape(-1, *maze.shape)
    squares = free[:, 1:, 1:] & free[:, 1:, :-1] & free[:, :-1, 1:] & free[:, :-1, :-1]
    return {
        "share of walls": (inputs == WALL).mean(1),
        "moves of the shortest path": maze.difficulty(inputs),
        "share of free cells within reach": (distances(inputs) >= 0).sum(1) / free.sum((1, 2)),
        "open 2x2 squares": squares.sum((1, 2)).astype(float),
        "shortest paths, log10": np.log10(count_shortest_paths(inputs).astype(float)),
    }


def kolmogorov_smirnov(one: np.ndarray, two: np.ndarray) -> tuple[float, float]:
    """(statistic, asymptotic p with Stephens' correction); ties make p too large."""
    both = np.sort(np.concatenate([one, two]))
    shares = [np.searchsorted(np.sort(sample), both, side="right") / len(sample) for sample in (one, two)]
    statistic = float(np.abs(shares[0] - shares[1]).max())
    root = np.sqrt(len(one) * len(two) / (len(one) + len(two)))
    terms = np.arange(1, 101)
    x = (root + 0.12 + 0.11 / root) * statistic
    p = 2 * np.sum((-1.0) ** (terms - 1) * np.exp(-2 * (terms * x) ** 2))
    return statistic, float(np.clip(p, 0, 1))


def draw(path: str, ours: dict[str, np.ndarray], real: dict[str, np.ndarray]) -> None:
    figure, axes = plt.subplots(1, len(ours), figsize=(4 * len(ours), 3.2), layout="constrained")
    for axis, name in zip(axes, ours, strict=True):
        bins = np.histogram_bin_edges(np.concatenate([ours[name], real[name]]), 30)
        if name.startswith("moves"):
            bins = np.arange(108.5, 154.5, 2)
        axis.hist(real[name], bins, color="#bbbbbb", label="real")
        axis.hist(ours[name], bins, histtype="step", color="#0a6ebd", linewidth=1.6, label="generated")
        axis.set_xlabel(name)
    axes[0].set_ylabel("mazes")
    axes[0].legend(frameon=False)
    figure.savefig(path, dpi=110)


def exact_or_bernoulli(walls: np.ndarray, generated: np.ndarray) -> None:
    """Which rule laid the walls: an exact count of 30 to 50 % can't give less than 270 of 900."""
    low, ours = (walls < 270).sum(), (generated < 270).mean() * len(walls)
    print(f"fewer than 270 walls: {low} of {len(walls)} real ones, {ours:.1f} expected from a chance for each cell, 0")
    print("from an exact count of 30 to 50 % of the cells")


def main() -> None:
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA
    picture = sys.argv[2] if len(sys.argv) > 2 else "maze_hard.png"
    if not (data / "train" / "all__inputs.npy").exists():
        raise SystemExit(f"{data}: no train/all__inputs.npy there; give a directory in the published layout")
    maze = Maze()
    inputs = np.load(data / "train" / "all__inputs.npy")[:NUM]
    made, _ = maze.generate(puzzles.rng(0, "benchmark"), NUM)
    real, ours = statistics(maze, inputs), statistics(maze, made)
    print(f"{'':34} {'real':>8} {'SD':>7} {'made':>8} {'SD':>7} {'KS':>7} {'p':>7}")
    for name in ours:
        statistic, p = kolmogorov_smirnov(ours[name], real[name])
        means = [f"{sample[name].mean():8.4g} {sample[name].std():7.3g}" for sample in (real, ours)]
        print(f"{name:34} {means[0]} {means[1]} {statistic:7.4f} {p:7.4f}")
    exact_or_bernoulli(np.round(real["share of walls"] * 900), np.round(ours["share of walls"] * 900))
    draw(picture, ours, real)
    print(f"histograms: {picture}")


if __name__ == "__main__":
    main()
