"""Pictures of what step scorers are worth, drawn from the dictionaries that the metrics return."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.ticker import PercentFormatter

from hrm_net.evaluation.drawing import (
    FONT_SIZE,
    INK,
    SOFT,
    doubling_axis,
    new_figure,
    percent_axis,
    save,
    series_style,
    tidy,
)

FRAMES = {"oracle": "--", "majority": "-.", "random": ":"}  # rows that no scorer made, drawn in grey
QUADRANTS = (("right", "right"), ("right", "wrong"), ("wrong", "right"), ("wrong", "wrong"))


def best_of_n_curves(curves: dict[str, dict[str, Any]], path: str | Path, *, title: str = "") -> Path:
    """Share solved by best-of-N over N, with bootstrap intervals: {name: Curve.summary()}.

    "oracle", "majority" and "random" are drawn as grey frames.
    """
    scorers = [name for name in curves if name not in FRAMES]
    figure = new_figure(8.2 if len(curves) <= 4 else 9.6, 5.0)
    axes = figure.subplots()
    ticks: set[int] = set()
    for name, curve in curves.items():
        if name in FRAMES:
            axes.plot(curve["sizes"], curve["accuracy"], color=SOFT, linestyle=FRAMES[name], linewidth=1.5, label=name)
        else:
            colour, marker, line = series_style(scorers.index(name))
            axes.plot(curve["sizes"], curve["accuracy"], color=colour, marker=marker, markersize=6, linestyle=line,
                      label=name, clip_on=False)  # fmt: skip
            axes.fill_between(curve["sizes"], curve["low"], curve["high"], color=colour, alpha=0.15, linewidth=0)
        ticks |= set(curve["sizes"])
    doubling_axis(axes, ticks)
    axes.set_xlabel("N candidates")
    axes.set_title(title or "puzzles solved by the best-scored of N candidates")
    percent_axis(axes)
    tidy(axes)
    return save(figure, path)


def quadrant_heat_maps(tables: dict[str, dict[str, dict[str, Any]]], path: str | Path) -> Path:
    """Share of steps judged rightly, by whether the step before and this one are right: {name: quadrants()}.

    The cell "was wrong, now right" is where a scorer must see that an error is mended.
    """
    columns = min(4, len(tables))
    rows = math.ceil(len(tables) / columns)
    figure = new_figure(max(4.8, 3.1 * columns + 0.9), 3.3 * rows + 0.5)
    panels = figure.subplots(rows, columns, squeeze=False)
    image = None
    for axes, (name, table) in zip(panels.flat, tables.items(), strict=False):
        shares = np.array([[table[f"{before}_{now}"]["accuracy"] for now in ("right", "wrong")]
                           for before in ("right", "wrong")])  # fmt: skip
        image = axes.imshow(shares, vmin=0, vmax=1, cmap="cividis")
        for place, (before, now) in enumerate(QUADRANTS):
            cell = table[f"{before}_{now}"]
            text = f"{100 * cell['accuracy']:.0f} %" if cell["num"] else "none"
            ink = "white" if cell["num"] and cell["accuracy"] < 0.6 else INK
            axes.text(place % 2, place // 2 - 0.07, text, ha="center", va="center", color=ink, fontsize=FONT_SIZE + 3)
            axes.text(place % 2, place // 2 + 0.24, f"{cell['num']:,} steps", ha="center", va="center", color=ink,
                      fontsize=FONT_SIZE - 3)  # fmt: skip
        axes.set_xticks([0, 1], ["right", "wrong"])
        axes.set_yticks([0, 1], ["right", "wrong"], rotation=90, va="center")
        axes.set_title(name, loc="left", fontsize=FONT_SIZE + 1, color=INK)
        axes.set_xlabel("this step", fontsize=FONT_SIZE)
        axes.set_ylabel("step before", fontsize=FONT_SIZE)
        axes.tick_params(length=0, labelsize=FONT_SIZE - 1, labelcolor=INK)
        for spine in axes.spines.values():
            spine.set_visible(False)
    for axes in panels.flat[len(tables) :]:
        axes.set_visible(False)
    if image is not None:
        bar = figure.colorbar(image, ax=panels, shrink=0.85, format=PercentFormatter(1, symbol=" %"))
        bar.set_label("steps judged rightly", fontsize=FONT_SIZE)
        bar.ax.tick_params(labelsize=FONT_SIZE - 2, labelcolor=INK)
        bar.outline.set_visible(False)  # type: ignore[operator]
    return save(figure, path)


def reliability_diagram(found: dict[str, dict[str, Any]], path: str | Path, *, title: str = "") -> Path:
    """Share that is right against the score that was given: {name: reliability()}. A mark's area: its share of all."""
    figure = new_figure(6.2 if len(found) <= 4 else 9.6, 5.6)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=SOFT, linestyle="--", linewidth=1, zorder=1)
    for i, (name, one) in enumerate(found.items()):
        score, right = ([part[key] for part in one["bins"]] for key in ("confidence", "accuracy"))
        area = [30 + 400 * part["puzzles"] / one["num"] for part in one["bins"]]
        colour, marker, line = series_style(i)
        axes.plot(score, right, color=colour, linestyle=line, linewidth=1.2, alpha=0.7, zorder=2, clip_on=False)
        axes.scatter(score, right, s=area, marker=marker, color=colour, alpha=0.75, linewidths=0, zorder=3,
                     label=f"{name} (ECE {100 * one['ece']:.1f} %)", clip_on=False)  # fmt: skip
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.set_aspect("equal")
    axes.set_xlabel("score")
    axes.set_title(title or "steps: score against real share of right ones")
    percent_axis(axes)
    tidy(axes)
    for handle in axes.get_legend().legend_handles if axes.get_legend() else ():  # type: ignore[union-attr]
        handle.set_sizes([50])  # type: ignore[union-attr]
    return save(figure, path)
