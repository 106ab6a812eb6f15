"""The pictures of a page: means over seeds of the rows' values."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.ticker import NullLocator

from hrm_net.evaluation.drawing import doubling_axis, new_figure, save, series_style, tidy
from hrm_net.reward import figures
from hrm_net.reward.search import figures as search_figures
from hrm_net.study.claims import estimate
from hrm_net.study.plans import Arm
from hrm_net.study.rows import FRAME, Row, at
from hrm_net.study.tables import CASES, FRAMES, of_arm

SHARES = (0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)


def write(rows: Sequence[Row], arms: Sequence[Arm], folder: Path, name: str) -> list[Path]:
    """Best-of-N, its shortfall, quadrants, reliability and hill climbing of arms that have rows. Returns the paths."""
    present = [arm.name for arm in arms if of_arm(rows, arm.name)]
    found = {arm: of_arm(rows, arm) for arm in present}
    curves = {arm: _curve([at(row["metrics"], "test.chosen") for row in mine]) for arm, mine in found.items()}
    for frame in FRAMES if of_arm(rows, FRAME) else ():
        curves[frame] = _curve([at(row["metrics"], f"test.best_of_n.{frame}") for row in of_arm(rows, FRAME)])
    quadrants = {arm: _quadrants([row["metrics"]["test"]["quadrants"] for row in mine]) for arm, mine in found.items()}
    # One seed's: bins of several cannot be averaged.
    reliability = {arm: mine[0]["metrics"]["test"]["calibration"] for arm, mine in found.items()}
    climbs = {arm: _means([row["metrics"]["climb"] for row in mine]) for arm, mine in found.items()}
    return [
        figures.best_of_n_curves(curves, folder / f"{name}_best_of_n.png"),
        shortfall_curves(_shortfalls(found, of_arm(rows, FRAME)), folder / f"{name}_shortfall.png"),
        figures.quadrant_heat_maps(quadrants, folder / f"{name}_quadrants.png"),
        figures.reliability_diagram(reliability, folder / f"{name}_reliability.png"),
        search_figures.climbing_curves(climbs, folder / f"{name}_climbing.png"),
    ]


def shortfall_curves(curves: dict[str, dict[str, Any]], path: Path) -> Path:
    """The share of puzzles that an oracle solves and best-of-N does not, over N: {arm: sizes, mean, low, high}.

    The scale is logarithmic above a tenth of a percent, where arms that are close to the oracle still differ.
    """
    figure = new_figure(9.6, 5.0)
    axes = figure.subplots()
    for i, (arm, curve) in enumerate(curves.items()):
        colour, marker, line = series_style(i)
        axes.plot(curve["sizes"], curve["mean"], color=colour, marker=marker, markersize=6, linestyle=line, label=arm)
        axes.fill_between(curve["sizes"], curve["low"], curve["high"], color=colour, alpha=0.12, linewidth=0)
    doubling_axis(axes, {size for curve in curves.values() for size in curve["sizes"]})
    axes.set_yscale("symlog", linthresh=0.001)
    axes.set_ylim(0, 0.5)
    axes.set_yticks(SHARES, [f"{100 * share:g} %" for share in SHARES])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("N candidates")
    axes.set_title("puzzles that an oracle solves with N candidates, and the best-scored of them does not")
    tidy(axes)
    return save(figure, path)


def _shortfalls(found: dict[str, list[Row]], frames: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """For each arm, with intervals over the seeds whose oracle is known."""
    oracles = {row["seed"]: at(row["metrics"], "test.best_of_n.oracle.accuracy") for row in frames}
    curves = {}
    for arm, mine in found.items():
        paired = [row for row in mine if row["seed"] in oracles]
        if not paired:
            continue
        missed = [np.subtract(oracles[row["seed"]], at(row["metrics"], "test.chosen.accuracy")) for row in paired]
        told = [estimate(column) for column in np.array(missed).T.tolist()]
        curves[arm] = {"sizes": at(paired[0]["metrics"], "test.chosen.sizes")} | {
            key: [getattr(one, key) for one in told] for key in ("mean", "low", "high")
        }
    return curves


def _curve(curves: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The mean with its interval over seeds if there are enough, else the mean of the intervals over puzzles."""
    columns = list(zip(*(curve["accuracy"] for curve in curves), strict=True))
    found = [estimate(column) for column in columns]
    low, high = ([getattr(one, end) for one in found] for end in ("low", "high"))
    if any(math.isnan(value) for value in low):
        low, high = (np.mean([curve[end] for curve in curves], axis=0).tolist() for end in ("low", "high"))
    return {"sizes": curves[0]["sizes"], "accuracy": [one.mean for one in found], "low": low, "high": high}


def _quadrants(tables: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    found = {}
    for case in CASES:
        shares = [table[case]["accuracy"] for table in tables if table[case]["accuracy"] is not None]
        num = sum(table[case]["num"] for table in tables)
        found[case] = {"num": num, "accuracy": float(np.mean(shares)) if shares else math.nan}
    return found


def _means(climbs: Sequence[dict[str, list[float]]]) -> dict[str, list[float]]:
    return {key: np.mean([climb[key] for climb in climbs], axis=0).tolist() for key in climbs[0]}
