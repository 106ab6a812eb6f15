"""The pictures of a page: means over seeds of what the rows hold."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hrm_net.reward import figures
from hrm_net.reward.search import figures as search_figures
from hrm_net.reward.study.arms import Arm
from hrm_net.reward.study.quantities import at
from hrm_net.reward.study.rows import FRAME, Row
from hrm_net.reward.study.statistics import estimate
from hrm_net.reward.study.tables import CASES, FRAMES, of_arm


def write(rows: Sequence[Row], arms: Sequence[Arm], folder: Path, name: str) -> list[Path]:
    """Best-of-N, quadrants, reliability and hill climbing of the arms that have rows. The paths."""
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
        figures.quadrant_heat_maps(quadrants, folder / f"{name}_quadrants.png"),
        figures.reliability_diagram(reliability, folder / f"{name}_reliability.png"),
        search_figures.climbing_curves(climbs, folder / f"{name}_climbing.png"),
    ]


def _curve(curves: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The mean with the interval over seeds, where there are enough, else the mean of the intervals over puzzles."""
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
