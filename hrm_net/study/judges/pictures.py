"""The pictures of the study of judges: accuracy against thought and by difficulty; tournaments and votes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hrm_net.evaluation.drawing import COLOURS, INK, SOFT, new_figure, percent_axis, save, series_style, tidy
from hrm_net.study.claims import estimate
from hrm_net.study.judges.plan import READINGS
from hrm_net.study.rows import FRAME, Row
from hrm_net.study.tables import of_arm

CURVES = (("fixed_8", "judge, fixed depth"), ("pointwise_8", "without the opponent"), ("prm", "process reward"))
POINTS = ("direct", "direct_flops", "closed", "exact", "grpo")
LEVELLED = ("direct", "fixed_2", "fixed_4", "fixed_8", "closed", "exact", "grpo", "pointwise_8", "prm")
LEVELS = ("easy", "middle", "hard")


def compute_picture(rows: Sequence[Row], folder: Path, name: str) -> Path | None:
    """Left: right verdicts against segments; points are judges of one segment and those that stop by themselves, the
    band is the 95 % interval over seeds of the judge. Right: by difficulty. None where no judge has a row."""
    if not of_arm(rows, "fixed_8"):
        return None
    figure = new_figure(13.0, 5.0)
    left, right = figure.subplots(1, 2)
    for i, (arm, says) in enumerate(CURVES):
        curves = [row["metrics"]["by_segment"] for row in of_arm(rows, arm)]
        if curves:
            _curve(left, curves, COLOURS[i], says, band=i == 0)
    for i, arm in enumerate(POINTS):
        mine = [row["metrics"] for row in of_arm(rows, arm)]
        if mine:
            spot = [float(np.mean([one[key] for one in mine])) for key in ("segments", "accuracy")]
            left.plot(*spot, marker="*^DPv"[i], markersize=11, linestyle="none", color=COLOURS[(i + 3) % 6], label=arm,
                      markeredgecolor="white")  # fmt: skip
    counts = [row["metrics"]["counts"]["accuracy"] for row in of_arm(rows, FRAME)]
    if counts:
        left.axhline(float(np.mean(counts)), color=SOFT, linestyle=":", label="counts and rules")
    left.set_xlabel("segments")
    left.set_title("right verdicts, by segments")
    _levels(right, rows)
    for axes in (left, right):
        percent_axis(axes)
        axes.set_ylim(0.4, 1.02)
        tidy(axes)
    return save(figure, folder / f"{name}_thought.png")


def tournament_picture(rows: Sequence[Row], folder: Path, name: str) -> Path | None:
    """Left: the best of 16 against its cost. Right: votes. None where no judge has a row."""
    if not of_arm(rows, "fixed_8"):
        return None
    named = [one.name for one in READINGS if one.network == "symbols" and of_arm(rows, one.name)]
    figure = new_figure(13.0 if named else 8.0, 5.0)
    panels = figure.subplots(1, 2 if named else 1, squeeze=False)[0]
    left, place = panels[0], 0
    for reading in READINGS:
        mine = [row["metrics"] for row in of_arm(rows, reading.name) if "best_of" in row["metrics"]]
        if mine:
            colour, marker, _ = series_style(place)
            place += 1
            spot = [float(np.mean([one[key] for one in mine])) for key in ("best_of_cost", "best_of")]
            left.plot(*spot, marker=marker, markersize=8, linestyle="none", color=colour, label=reading.name)
    frames = of_arm(rows, FRAME)
    for key, line in (("chance", ":"), ("oracle", "--")) if frames else ():
        left.axhline(float(np.mean([row["metrics"][key] for row in frames])), color=SOFT, linestyle=line, label=key)
    left.set_xlabel("row-segments for each problem")
    left.set_title("best of 16 prefixes can come right")
    if named:
        _votes(panels[1], rows, named)
    for axes in panels:
        percent_axis(axes)
        tidy(axes)
    if named:
        panels[1].set_ylim(0.4, 1.02)
    return save(figure, folder / f"{name}_tournaments.png")


def _votes(axes: Any, rows: Sequence[Row], named: Sequence[str]) -> None:
    for i, arm in enumerate(named):
        values = [row["metrics"]["voted"] for row in of_arm(rows, arm)]
        colour = COLOURS[0] if arm.startswith("votes") else COLOURS[1]
        axes.plot([i - 0.3, i + 0.3], [float(np.mean(values))] * 2, color=colour, linewidth=4, solid_capstyle="butt")
        axes.plot([i] * len(values), values, linestyle="none", marker="o", markersize=4, color=INK)
    axes.set_xticks(range(len(named)), named)
    axes.set_xlabel("dots: seeds, lines: their means")
    axes.set_title("votes, and one vote of 40 segments")


def _curve(axes: Any, curves: Sequence[Sequence[float]], colour: str, says: str, band: bool) -> None:
    """The mean over seeds, with its 95 % interval if `band`."""
    means, segments = [estimate(column) for column in zip(*curves, strict=True)], np.arange(1, len(curves[0]) + 1)
    axes.plot(segments, [one.mean for one in means], color=colour, marker="o", markersize=4, label=says)
    if band:
        low, high = (np.array([getattr(one, end) for one in means], float).clip(0, 1) for end in ("low", "high"))
        axes.fill_between(segments, low, high, color=colour, alpha=0.12, linewidth=0)


def _levels(axes: Any, rows: Sequence[Row]) -> None:
    shown = [arm for arm in LEVELLED if of_arm(rows, arm)]
    for i, arm in enumerate(shown):
        levels = [row["metrics"]["by_level"] for row in of_arm(rows, arm)]
        depth = min(len(one) for one in levels)
        means = [float(np.mean([one[level]["accuracy"] for one in levels])) for level in range(depth)]
        colour, marker, line = series_style(i)
        axes.plot(range(depth), means, color=colour, marker=marker, linestyle=line, markersize=5, label=arm)
    axes.set_xticks(range(len(LEVELS)), LEVELS)
    axes.set_xlabel("nodes of an exact search to refute the worse one")
    axes.set_title("right verdicts, by difficulty")
