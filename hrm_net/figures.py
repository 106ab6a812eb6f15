"""Charts of training and evaluation as PNG files, drawn without pyplot so that nothing global is touched."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, PercentFormatter
from numpy.typing import ArrayLike

from hrm_net.results import Results

Record = dict[str, Any]

# Okabe and Ito's palette, which colour-blind readers can tell apart; black is kept for text.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")
INK, GRID, SOFT = "#222222", "#e3e3e3", "#8a8a8a"
FONT_SIZE = 11


def learning_curves(records: Sequence[Record], path: str | Path) -> Path:
    """Training loss, and share of every monitor set solved (dotted: of cells right), by step, with minutes above."""
    named = {record["set"] for record in records if record["kind"] == "monitor"}
    figure = _figure(10.0 if len(named) <= 4 else 12.0, 4.6)
    loss_axes, solve_axes = figure.subplots(1, 2)
    train = [record for record in records if record["kind"] == "train"]
    steps, losses = _series(train, "step"), _series(train, "loss")
    loss_axes.plot(steps, losses, color=COLOURS[0], linewidth=0.8, alpha=0.35, label="each record")
    loss_axes.plot(steps, _smooth(losses), color=COLOURS[0], linewidth=2, label="smoothed")
    if len(losses) and (losses > 0).all():
        loss_axes.set_yscale("log")
    loss_axes.set_title("training loss")
    monitor = [record for record in records if record["kind"] == "monitor"]
    for i, name in enumerate(dict.fromkeys(record["set"] for record in monitor)):
        mine = [record for record in monitor if record["set"] == name]
        steps, style = _series(mine, "step"), {"color": COLOURS[i % 6]}
        solve_axes.plot(steps, _series(mine, "solve_rate"), marker=MARKERS[i % 6], markersize=5, label=name, **style)
        if "cell_accuracy" in mine[0]:
            solve_axes.plot(steps, _series(mine, "cell_accuracy"), linestyle=":", linewidth=1.5, **style)
    solve_axes.set_title("monitor puzzles solved (dotted: cells right)")
    _percent_axis(solve_axes)
    for axes in (loss_axes, solve_axes):
        _tidy(axes)
        axes.set_xlabel("step")
        axes.set_xlim(0, max((record["step"] for record in records), default=1))
        _minutes_above(axes, records)
    return _save(figure, path)


def accuracy_by_segments(results: Results, path: str | Path) -> Path:
    """Share solved after 1, 2, 4, ... segments, a line a set; a dashed line where the headline figure is taken."""
    figure = _figure(7.0 if len(results.sets) <= 4 else 8.6, 4.6)
    axes = figure.subplots()
    depths: set[int] = set()
    for i, (name, row) in enumerate(results.sets.items()):
        curve = {int(depth): value["solve_rate"] for depth, value in row["by_segments"].items()}
        axes.plot(
            list(curve),
            list(curve.values()),
            color=COLOURS[i % 6],
            marker=MARKERS[i % 6],
            markersize=6,
            label=name,
            clip_on=False,
        )
        depths |= set(curve)
    axes.set_xscale("log", base=2)
    axes.set_xticks(sorted(depths), [str(depth) for depth in sorted(depths)])
    axes.xaxis.set_minor_locator(NullLocator())
    headline = max((row["max_segments"] for row in results.sets.values()), default=1)
    if headline < max(depths, default=1):
        axes.axvline(headline, color=SOFT, linestyle="--", linewidth=1, zorder=0)
    axes.set_xlabel("segments")
    axes.set_title("puzzles solved by the arg-max of one pass")
    _percent_axis(axes)
    _tidy(axes)
    return _save(figure, path)


def calibration_diagram(results: Results, path: str | Path) -> Path:
    """Share of puzzles exactly right against the halting head's probability of that.

    The area of a mark is its share of the set's puzzles.
    """
    figure = _figure(5.8 if len(results.sets) <= 4 else 9.6, 5.4)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=SOFT, linestyle="--", linewidth=1, zorder=1)
    for i, (name, row) in enumerate(results.sets.items()):
        bins = row["calibration"]["bins"]
        confidence, accuracy = ([part[key] for part in bins] for key in ("confidence", "accuracy"))
        area = [30 + 400 * part["puzzles"] / row["puzzles"] for part in bins]
        style = {"color": COLOURS[i % 6], "clip_on": False}
        axes.plot(confidence, accuracy, linewidth=1.2, alpha=0.7, zorder=2, **style)
        label = f"{name} (ECE {100 * row['calibration']['ece']:.1f} %)"
        axes.scatter(
            confidence,
            accuracy,
            s=area,
            marker=MARKERS[i % 6],
            alpha=0.75,
            linewidths=0,
            label=label,
            zorder=3,
            **style,
        )
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.set_aspect("equal")
    axes.set_xlabel("stated probability of being right")
    axes.set_title("halting head: stated against real share of right answers")
    _percent_axis(axes)
    _tidy(axes)
    for handle in axes.get_legend().legend_handles:  # type: ignore[union-attr]
        handle.set_sizes([50])  # type: ignore[union-attr]
    return _save(figure, path)


def difficulty_bars(results: Results, path: str | Path) -> Path:
    """Share solved by difficulty bucket, with 95 % intervals and the number of puzzles on top of each bar."""
    figure = _figure(max(7.0, 2.2 * len(results.sets) + 3), 4.6)
    axes = figure.subplots()
    buckets = list(dict.fromkeys(bucket for row in results.sets.values() for bucket in row["by_difficulty"]))
    buckets.sort(key=lambda bucket: int(bucket.rstrip("+").split("-")[0]))
    width = 0.8 / max(1, len(results.sets))
    for i, (name, row) in enumerate(results.sets.items()):
        present = [
            (j, row["by_difficulty"][bucket]) for j, bucket in enumerate(buckets) if bucket in row["by_difficulty"]
        ]
        x = np.array([j for j, _ in present]) + (i - (len(results.sets) - 1) / 2) * width
        height = np.array([part["solve_rate"] for _, part in present])
        low, high = np.array([part["interval"] for _, part in present]).T
        axes.bar(x, height, width * 0.92, color=COLOURS[i % 6], label=name)
        spread = np.clip([height - low, high - height], 0, None)
        axes.errorbar(x, height, spread, fmt="none", ecolor=INK, elinewidth=1, capsize=2)
        for at, top, (_, part) in zip(x, high, present, strict=True):
            axes.annotate(
                f"{part['puzzles']:,}",
                (at, top),
                (0, 3),
                textcoords="offset points",
                ha="center",
                fontsize=FONT_SIZE - 3,
                color=SOFT,
            )
    axes.set_xticks(range(len(buckets)), buckets)
    axes.set_xlabel("difficulty: " + ", ".join(dict.fromkeys(row["difficulty_unit"] for row in results.sets.values())))
    axes.set_title("puzzles solved by difficulty")
    _percent_axis(axes, top=1.08)
    _tidy(axes)
    axes.grid(False, axis="x")
    axes.legend(
        frameon=False, fontsize=FONT_SIZE - 1, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(results.sets)
    )
    return _save(figure, path)


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), dpi=120, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _tidy(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(SOFT)
    axes.grid(True, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=FONT_SIZE - 1, color=SOFT, labelcolor=INK, which="both")
    axes.set_title(axes.get_title(), loc="left", fontsize=FONT_SIZE + 1, color=INK, pad=10)
    axes.set_title("", loc="center")
    axes.set_xlabel(axes.get_xlabel(), fontsize=FONT_SIZE)
    entries = len(axes.get_legend_handles_labels()[0])
    if entries:  # many would lie on the curves
        beside: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1.02, 0.5)} if entries > 4 else {}
        axes.legend(frameon=False, fontsize=FONT_SIZE - 1, **beside)


def _percent_axis(axes: Axes, top: float = 1.02) -> None:
    axes.set_ylim(0, top)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))


def _minutes_above(axes: Axes, records: Sequence[Record]) -> None:
    """A second scale with the minutes of training at which the steps were reached."""
    steps, first = np.unique([record["step"] for record in records], return_index=True)
    if len(steps) < 2:
        return
    minutes = np.maximum.accumulate([records[i]["seconds"] / 60 for i in first]) + np.arange(len(steps)) * 1e-9

    def interpolate(known: np.ndarray, values: np.ndarray) -> Callable[[ArrayLike], np.ndarray]:
        slope = (values[-1] - values[0]) / (known[-1] - known[0])

        def function(at: ArrayLike) -> np.ndarray:  # straight on beyond the ends
            x = np.asarray(at, float)
            return np.interp(x, known, values) + slope * (np.minimum(x - known[0], 0) + np.maximum(x - known[-1], 0))

        return function

    above = axes.secondary_xaxis("top", functions=(interpolate(steps, minutes), interpolate(minutes, steps)))
    above.set_xlabel("minutes", fontsize=FONT_SIZE - 1, color=SOFT)
    above.tick_params(labelsize=FONT_SIZE - 2, labelcolor=SOFT, color=SOFT)
    above.spines["top"].set_color(GRID)


def _series(records: Sequence[Record], key: str) -> np.ndarray:
    return np.array([record[key] for record in records], float)


def _smooth(values: np.ndarray) -> np.ndarray:
    """Running mean over a thirtieth of the records, weighted by closeness in time, without a lag at the ends."""
    if len(values) < 3:
        return values
    reach = max(1.0, len(values) / 30)
    distance = np.arange(len(values))[:, None] - np.arange(len(values))
    weights = np.exp(-0.5 * (distance / reach) ** 2)
    return weights @ values / weights.sum(axis=1)


def _save(figure: Figure, path: str | Path) -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    return path
