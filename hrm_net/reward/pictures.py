"""All pictures of a step scorer's evaluation in one folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hrm_net.evaluation.drawing import (
    COLOURS,
    MARKERS,
    Record,
    add_minutes_axis,
    new_figure,
    percent_axis,
    save,
    series,
    tidy,
)
from hrm_net.evaluation.results import Results
from hrm_net.reward import figures
from hrm_net.reward.search.figures import write_search


def write(results: Results, records: Sequence[Record], directory: Path) -> list[Path]:
    """Training curves where there are records, and of each set best-of-N, quadrants and reliability. The paths."""
    paths = []
    if any(record["kind"] == "validation" for record in records):
        paths.append(validation_curves(records, directory / "validation.png"))
    for name, found in results.sets.items():
        end = "" if len(results.sets) == 1 else f"_{name}"
        heads: dict[str, Any] = found["heads"]
        curves = {head: row["best_of_n"][row["fixed_on_validation"]["how"]] for head, row in heads.items()}
        paths += [
            figures.best_of_n_curves(curves | found["best_of_n"], directory / f"best_of_n{end}.png"),
            figures.quadrant_heat_maps(
                {head: _known(row["quadrants"]) for head, row in heads.items()}, directory / f"quadrants{end}.png"
            ),
            figures.reliability_diagram(
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
    """Undefined figures as the pictures want them."""
    return {
        case: {key: float("nan") if value is None else value for key, value in row.items()}
        for case, row in table.items()
    }
