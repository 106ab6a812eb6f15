"""Pictures of how well step scorers do, drawn from the dictionaries that the metrics return."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.ticker import PercentFormatter

from hrm_net.evaluation.drawing import (
    COLOURS,
    FONT_SIZE,
    INK,
    MARKERS,
    SOFT,
    Record,
    add_minutes_axis,
    doubling_axis,
    new_figure,
    percent_axis,
    save,
    series,
    series_style,
    tidy,
)
from hrm_net.evaluation.results import Results
from hrm_net.reward.search.figures import write_search

# Curves that need no scorer, drawn in grey.
FRAMES = {"oracle": "--", "majority": "-.", "random": ":"}
QUADRANTS = (("right", "right"), ("right", "wrong"), ("wrong", "right"), ("wrong", "wrong"))


def write(results: Results, records: Sequence[Record], directory: Path) -> list[Path]:
    """All pictures of an evaluation in one folder: training curves where there are records, and for each set best-of-N,
    quadrants, reliability and search. Returns their paths."""
    paths = []
    if any(record["kind"] == "validation" for record in records):
        paths.append(validation_curves(records, directory / "validation.png"))
    for name, found in results.sets.items():
        end = "" if len(results.sets) == 1 else f"_{name}"
        heads: dict[str, Any] = found["heads"]
        curves = {head: row["best_of_n"][row["fixed_on_validation"]["how"]] for head, row in heads.items()}
        paths += [
            best_of_n_curves(curves | found["best_of_n"], directory / f"best_of_n{end}.png"),
            quadrant_heat_maps(
                {head: _known(row["quadrants"]) for head, row in heads.items()}, directory / f"quadrants{end}.png"
            ),
            reliability_diagram(
                {head: row["calibration"] for head, row in heads.items()}, directory / f"reliability{end}.png"
            ),
        ]
        if "search" in found:
            paths += write_search(found["search"], directory, end)
    return paths


def validation_curves(records: Sequence[Record], path: Path) -> Path:
    """By step: each head's loss on validation puzzles, and its AUROC (solid: of steps, dotted: of solutions)."""
    validations = [record for record in records if record["kind"] == "validation"]
    figure = new_figure(12.0, 4.6)
    loss_axes, auroc_axes = figure.subplots(1, 2)
    for i, head in enumerate(dict.fromkeys(record["head"] for record in validations)):
        mine = [record for record in validations if record["head"] == head]
        steps, style = series(mine, "step"), {"color": COLOURS[i % 6], "marker": MARKERS[i % 6], "markersize": 4}
        loss_axes.plot(steps, series(mine, "loss"), **style)
        auroc_axes.plot(steps, series(mine, "auroc_steps"), label=head, **style)
        auroc_axes.plot(steps, series(mine, "auroc_solutions"), linestyle=":", **style)
    loss_axes.set_title("loss on validation puzzles")
    auroc_axes.set_title("AUROC there (dotted: of solutions)")
    percent_axis(auroc_axes)
    for axes in (loss_axes, auroc_axes):
        tidy(axes)
        axes.set_xlabel("step")
        axes.set_xlim(0, max(record["step"] for record in records))
        add_minutes_axis(axes, records)
    return save(figure, path)


def _known(table: dict[str, Any]) -> dict[str, Any]:
    """The same table with NaN for figures that are not defined."""
    return {
        case: {key: float("nan") if value is None else value for key, value in row.items()}
        for case, row in table.items()
    }


def best_of_n_curves(curves: dict[str, dict[str, Any]], path: str | Path, *, title: str = "") -> Path:
    """Share solved by best-of-N over N, with bootstrap intervals: {name: Curve.summary()}.

    "oracle", "majority" and "random", which need no scorer, are drawn in grey.
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
    """Share of steps classified correctly, by whether the step before and this one are right: {name: quadrants()}.

    In the cell "step before wrong, this step right" a scorer must recognise that an error was corrected.
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
        bar.set_label("steps classified correctly", fontsize=FONT_SIZE)
        bar.ax.tick_params(labelsize=FONT_SIZE - 2, labelcolor=INK)
        bar.outline.set_visible(False)  # type: ignore[operator]
    return save(figure, path)


def reliability_diagram(found: dict[str, dict[str, Any]], path: str | Path, *, title: str = "") -> Path:
    """Share of right steps against their score: {name: reliability()}. The area of a mark is its share of all steps."""
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
    axes.set_title(title or "steps: share of right ones against their score")
    percent_axis(axes)
    tidy(axes)
    for handle in axes.get_legend().legend_handles if axes.get_legend() else ():  # type: ignore[union-attr]
        handle.set_sizes([50])  # type: ignore[union-attr]
    return save(figure, path)
