"""Charts of training and evaluation as PNG files."""

from collections.abc import Sequence
from pathlib import Path

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
    tidy,
)
from hrm_net.evaluation.results import Results

COMPUTE_LABELS = {
    "depth": "one pass, so many segments",
    "stop": "one pass, stopped early",
    "verified": "restarts until verified",
}
MOST_COLUMNS = 3


def write_figures(results: Results, directory: str | Path, records: Sequence[Record] = ()) -> list[Path]:
    """Charts of the results and, from metrics.jsonl's records, of the training. Returns the paths."""
    directory = Path(directory)
    paths = [learning_curves(records, directory / "learning_curves.png")] if records else []
    return [
        *paths,
        accuracy_by_segments(results, directory / "accuracy_by_segments.png"),
        difficulty_bars(results, directory / "difficulty.png"),
        calibration_diagram(results, directory / "calibration.png"),
    ]


def learning_curves(records: Sequence[Record], path: str | Path) -> Path:
    """Training loss, and share of every validation set solved (dotted: of cells right), by step, with minutes above."""
    named = {record["set"] for record in records if record["kind"] == "validation"}
    figure = new_figure(10.0 if len(named) <= 4 else 12.0, 4.6)
    loss_axes, solve_axes = figure.subplots(1, 2)
    train = [record for record in records if record["kind"] == "train"]
    steps, losses = series(train, "step"), series(train, "loss")
    loss_axes.plot(steps, losses, color=COLOURS[0], linewidth=0.8, alpha=0.35, label="each record")
    loss_axes.plot(steps, _smooth(losses), color=COLOURS[0], linewidth=2, label="smoothed")
    if len(losses) and (losses > 0).all():
        loss_axes.set_yscale("log")
    loss_axes.set_title("training loss")
    validation = [record for record in records if record["kind"] == "validation"]
    for i, name in enumerate(dict.fromkeys(record["set"] for record in validation)):
        mine = [record for record in validation if record["set"] == name]
        steps, style = series(mine, "step"), {"color": COLOURS[i % 6]}
        solve_axes.plot(steps, series(mine, "solve_rate"), marker=MARKERS[i % 6], markersize=5, label=name, **style)
        if "cell_accuracy" in mine[0]:
            solve_axes.plot(steps, series(mine, "cell_accuracy"), linestyle=":", linewidth=1.5, **style)
    solve_axes.set_title("validation puzzles solved (dotted: cells right)")
    percent_axis(solve_axes)
    for axes in (loss_axes, solve_axes):
        tidy(axes)
        axes.set_xlabel("step")
        axes.set_xlim(0, max((record["step"] for record in records), default=1))
        add_minutes_axis(axes, records)
    return save(figure, path)


def accuracy_by_segments(results: Results, path: str | Path) -> Path:
    """Share solved after 1, 2, 4, ... segments, a line for each set; dashed where `solve_rate` is measured."""
    figure = new_figure(7.0 if len(results.sets) <= 4 else 8.6, 4.6)
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
    doubling_axis(axes, depths)
    headline = max((row["max_segments"] for row in results.sets.values()), default=1)
    if headline < max(depths, default=1):
        axes.axvline(headline, color=SOFT, linestyle="--", linewidth=1, zorder=0)
    axes.set_xlabel("segments")
    axes.set_title("puzzles solved by the arg-max of one pass")
    percent_axis(axes)
    tidy(axes)
    return save(figure, path)


def calibration_diagram(results: Results, path: str | Path) -> Path:
    """Share of puzzles exactly right against the halting head's probability of that.

    The area of a mark is its share of the set's puzzles.
    """
    figure = new_figure(5.8 if len(results.sets) <= 4 else 9.6, 5.4)
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
    percent_axis(axes)
    tidy(axes)
    for handle in axes.get_legend().legend_handles:  # type: ignore[union-attr]
        handle.set_sizes([50])  # type: ignore[union-attr]
    return save(figure, path)


def difficulty_bars(results: Results, path: str | Path) -> Path:
    """Share solved by difficulty bucket, with 95 % intervals and the number of puzzles on top of each bar."""
    figure = new_figure(max(7.0, 2.2 * len(results.sets) + 3), 4.6)
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
    percent_axis(axes, top=1.08)
    tidy(axes)
    axes.grid(False, axis="x")
    axes.legend(
        frameon=False, fontsize=FONT_SIZE - 1, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(results.sets)
    )
    return save(figure, path)


def accuracy_by_compute(results: Results, path: str | Path) -> Path:
    """Share right against the segments spent on a puzzle in all its passes: a panel for each set, in it a line for each
    way to spend them."""
    sets = {name: row["solver"] for name, row in results.sets.items() if "solver" in row}
    columns = min(MOST_COLUMNS, len(sets))
    rows = -(-len(sets) // columns)
    figure = new_figure(5.2 * columns, 4.6 * rows)
    handles, labels = [], []
    panels = figure.subplots(rows, columns, squeeze=False).reshape(-1)
    for axes in panels[len(sets) :]:
        axes.set_visible(False)
    for axes, (name, solver) in zip(panels, sets.items(), strict=False):
        for i, (label, points) in enumerate(_lines(solver["points"]).items()):
            points = sorted(points, key=lambda point: point["segments"])
            axes.plot(
                [point["segments"] for point in points],
                [point["accuracy"] for point in points],
                color=COLOURS[i % 6],
                marker=MARKERS[i % 6],
                markersize=6,
                linestyle="none" if label == COMPUTE_LABELS["stop"] else "-",
                label=label,
                clip_on=False,
            )
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_xlabel(f"segments a puzzle ({solver['flops_a_segment'] / 1e9:.2g} GFLOPs each)")
        axes.set_title(f"{name}: right, of {solver['puzzles']:,} puzzles")
        percent_axis(axes)
        tidy(axes)
        handles, labels = axes.get_legend_handles_labels()
        if legend := axes.get_legend():
            legend.remove()  # one for all panels instead
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=FONT_SIZE - 1)
    return save(figure, path)


def _smooth(values: np.ndarray) -> np.ndarray:
    """Running mean over a thirtieth of the records, weighted by closeness in time, without a lag at the ends."""
    if len(values) < 3:
        return values
    reach = max(1.0, len(values) / 30)
    distance = np.arange(len(values))[:, None] - np.arange(len(values))
    weights = np.exp(-0.5 * (distance / reach) ** 2)
    return weights @ values / weights.sum(axis=1)


def _lines(points: list[dict]) -> dict[str, list[dict]]:
    lines: dict[str, list[dict]] = {}
    for point in points:
        label = COMPUTE_LABELS.get(point["kind"]) or f"restarts {point['name'].partition(' ')[2]}"
        lines.setdefault(label, []).append(point)
    return lines
