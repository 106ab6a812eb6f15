"""Pictures of a judge: accuracy against thought, and what it does with harder games."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hrm_net.evaluation.drawing import (
    COLOURS,
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


def write(results: Results, records: Sequence[Record], directory: Path) -> list[Path]:
    """All pictures of an evaluation; training curves where there are records. Returns their paths."""
    paths = []
    if any(record["kind"] == "validation" for record in records):
        paths.append(validation_curves(records, directory / "validation.png"))
    for name, found in results.sets.items():
        end = "" if len(results.sets) == 1 else f"_{name}"
        paths.append(judge_figure(found, directory / f"judge{end}.png"))
    return paths


def judge_figure(found: dict[str, Any], path: Path) -> Path:
    """Left: accuracy after a fixed number of segments, and where the judge stops by itself. Right: by difficulty."""
    figure = new_figure(12.0, 4.6)
    left, right = figure.subplots(1, 2)
    for i, (kind, label) in enumerate((("prefixes", "unfinished"), ("complete", "complete"))):
        group = found.get(kind)
        if group is None:
            continue
        segments = np.arange(1, len(group["by_segment"]) + 1)
        left.plot(segments, group["by_segment"], color=COLOURS[i], marker="o", markersize=4, label=f"{label}, fixed")
        left.plot(group["segments"], group["accuracy"], color=COLOURS[i], marker="*", markersize=14, linestyle="none",
                  label=f"{label}, stops by itself")  # fmt: skip
    prefixes = found["prefixes"]
    left.axhline(prefixes["counts_only"], color=SOFT, linestyle=":", label="unfinished, counts only")
    left.axvline(found["trained_segments"], color=SOFT, linewidth=0.8)
    left.set_title("right verdicts, by segments (line: as deep as in training)")
    doubling_axis(left, [1 << i for i in range(len(prefixes["by_segment"]).bit_length())])
    left.set_xlabel("segments")
    percent_axis(left)
    left.set_ylim(0.45, 1.01)
    levels = prefixes["by_difficulty"]
    names = [
        f"{row['least']:g}" if row["least"] == row["most"] else f"{row['least']:g} to {row['most']:g}" for row in levels
    ]
    places = np.arange(len(levels))
    right.bar(
        places - 0.2, [row["accuracy_one_segment"] for row in levels], 0.38, color=COLOURS[5], label="one segment"
    )
    right.bar(places + 0.2, [row["accuracy"] for row in levels], 0.38, color=COLOURS[0], label="stops by itself")
    for place, row in zip(places, levels, strict=True):
        right.annotate(f"{row['segments']:.1f}", (place + 0.2, row["accuracy"]), ha="center", va="bottom", fontsize=9)
    right.set_xticks(places, names)
    right.set_xlabel("difficulty (above: mean segments)")
    right.set_title("right verdicts, by difficulty")
    percent_axis(right)
    right.set_ylim(0.45, 1.06)
    for axes in (left, right):
        tidy(axes)
    return save(figure, path)


def validation_curves(records: Sequence[Record], path: Path) -> Path:
    """By step: accuracy on validation games after 1, 2, 4, ... segments, and where the judge stops."""
    validations = [record for record in records if record["kind"] == "validation"]
    figure = new_figure(8.0, 4.6)
    axes = figure.subplots()
    steps, depth = series(validations, "step"), len(validations[0]["by_segment"])
    for i, segments in enumerate(1 << i for i in range(depth.bit_length()) if 1 << i <= depth):
        values = [record["by_segment"][segments - 1] for record in validations]
        axes.plot(steps, values, color=COLOURS[i % 6], marker="o", markersize=3, label=f"{segments} segments")
    axes.set_title("right verdicts on validation games")
    percent_axis(axes)
    axes.set_ylim(0.45, 1.01)
    tidy(axes)
    axes.set_xlabel("step")
    add_minutes_axis(axes, records)
    return save(figure, path)
