"""Pictures of a latent analysis, drawn from the numbers in its JSON file."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from hrm_net.evaluation.drawing import COLOURS, FONT_SIZE, INK, MARKERS, new_figure, save, tidy

Sets = dict[str, dict[str, Any]]

COLOUR = {"H": COLOURS[0], "L": COLOURS[1]}
MARKER = {"H": MARKERS[1], "L": MARKERS[0]}
SOLVED, UNSOLVED = COLOURS[2], COLOURS[3]


def participation_ratios(sets: Sets, dim: int, path: str | Path) -> Path:
    """Bars at the end of the last segment, trained beside untrained, and a panel a set with the way there."""
    figure = new_figure(5.6 + 3.6 * len(sets), 4.6)
    bars, *curves = figure.subplots(1, 1 + len(sets), width_ratios=[1.5] + [1.0] * len(sets))
    kinds = [(module, kind) for module in ("H", "L") for kind in ("trained", "untrained")]
    top = 1.0
    for i, (module, kind) in enumerate(kinds):
        heights = np.array([one[kind][module]["participation_ratio"] for one in sets.values()])
        x = np.arange(len(sets)) + (i - 1.5) * 0.2
        bars.bar(x, heights, 0.185, **_fill(module, kind))
        for at, height in zip(x, heights, strict=True):
            bars.annotate(f"{height:.1f}", (at, height), (0, 3), textcoords="offset points", ha="center", color=INK,
                          fontsize=FONT_SIZE - 2)  # fmt: skip
        top = max(top, float(heights.max()))
    for axes, (name, one) in zip(curves, sets.items(), strict=True):
        for module, kind in kinds:
            values = one[kind][module]["participation_ratio_by_segment"]
            axes.plot(range(1, len(values) + 1), values, **_line(module, kind), markersize=5, clip_on=False)
            top = max(top, *values)
        axes.set_title(name)
        axes.set_xlabel("segment")
        axes.xaxis.get_major_locator().set_params(integer=True)
    for axes in (bars, *curves):
        axes.set_ylim(0, 1.1 * top)
        tidy(axes)
    bars.set_xticks(range(len(sets)), list(sets))
    bars.grid(False, axis="x")
    bars.set_title(f"participation ratio after the last segment (at most {dim})", loc="left", fontsize=FONT_SIZE + 1)
    handles = [Patch(**_fill(module, kind), label=f"{module}, {kind}") for module, kind in kinds]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=FONT_SIZE - 1)
    return save(figure, path)


def residual_curves(sets: Sets, path: str | Path) -> Path:
    """How far each update of H and of L moves its state, over the segments; a row a set, trained beside untrained."""
    figure = new_figure(12.0, 3.4 * len(sets) + 0.6)
    panels = figure.subplots(len(sets), 2, squeeze=False, sharex=True, sharey=True)
    for row, (name, one) in zip(panels, sets.items(), strict=True):
        for axes, kind in zip(row, ("trained", "untrained"), strict=True):
            for module in ("L", "H"):
                _residuals(axes, one[kind], module)
            axes.set_title(f"{name}, {kind}: |z' - z| / |z| of each update")
            tidy(axes)
            if legend := axes.get_legend():
                legend.remove()
        row[0].set_ylabel("residual", fontsize=FONT_SIZE)
    panels[0][0].set_ylim(bottom=0)  # of all, once they have settled on a common top
    for axes in panels[-1]:
        axes.set_xlabel("segment")
        axes.xaxis.get_major_locator().set_params(integer=True)
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=FONT_SIZE - 1)
    return save(figure, path)


def trajectory_planes(sets: Sets, path: str | Path) -> Path:
    """Each puzzle's way through the first two principal components of H and of L; a row a set."""
    shown = {name: one["trajectories"] for name, one in sets.items()}
    figure = new_figure(11.0, 4.6 * len(shown) + 0.5)
    panels = figure.subplots(len(shown), 2, squeeze=False)
    for row, (name, one) in zip(panels, shown.items(), strict=True):
        for axes, module in zip(row, ("H", "L"), strict=True):
            for points, solved in zip(np.array(one[module]["points"]), one["solved"], strict=True):
                colour, mark = (SOLVED, "o") if solved else (UNSOLVED, "X")
                axes.plot(*points.T, color=colour, linewidth=0.9, alpha=0.7)
                axes.plot(*points[-1], color=colour, marker=mark, markersize=8, markeredgecolor="white", zorder=4)
                axes.plot(*points[0], color=INK, marker="o", markersize=5, zorder=5)
            first, second = one[module]["explained"]
            axes.set_title(f"{name}: z_{module} after every update")
            axes.set_xlabel(f"component 1 ({100 * first:.0f} % of the variance)")
            axes.set_ylabel(f"component 2 ({100 * second:.0f} %)", fontsize=FONT_SIZE)
            axes.set_aspect("equal", adjustable="datalim")
            tidy(axes)
    handles = [
        Line2D([], [], color=INK, marker="o", linestyle="none", label="after the first update"),
        Line2D([], [], color=SOLVED, marker="o", markersize=8, label="solved at the end"),
        Line2D([], [], color=UNSOLVED, marker="X", markersize=8, label="not solved"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=FONT_SIZE - 1)
    return save(figure, path)


def _residuals(axes: Axes, module_figures: dict[str, Any], module: str) -> None:
    """Mean and 95 % interval at the moment of each update: segment i spans i - 1 to i."""
    updates = module_figures[module]["residuals"]
    in_segment = max(one["place"] for one in module_figures["H"]["residuals"])  # H's last update ends a segment
    x = [one["segment"] - 1 + one["place"] / in_segment for one in updates]
    mean, low, high = (np.array([one[key] for one in updates]) for key in ("mean", "low", "high"))
    axes.plot(x, mean, color=COLOUR[module], marker=MARKER[module], markersize=4, linewidth=1.2,
              label=f"{module} (mean and 95 % interval over puzzles)")  # fmt: skip
    axes.fill_between(x, low, high, color=COLOUR[module], alpha=0.25, linewidth=0)
    axes.set_xlim(0, updates[-1]["segment"])


def _fill(module: str, kind: str) -> dict[str, Any]:
    if kind == "trained":
        return {"facecolor": COLOUR[module], "edgecolor": COLOUR[module]}
    return {"facecolor": "white", "edgecolor": COLOUR[module], "hatch": "////"}


def _line(module: str, kind: str) -> dict[str, Any]:
    return {"color": COLOUR[module], "marker": MARKER[module]} | (
        {"linestyle": "--", "markerfacecolor": "white"} if kind == "untrained" else {}
    )
