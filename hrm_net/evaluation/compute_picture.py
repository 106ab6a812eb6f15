"""The chart of accuracy against compute, a panel a set."""

from pathlib import Path

from hrm_net.evaluation.drawing import COLOURS, FONT_SIZE, MARKERS, new_figure, percent_axis, save, tidy
from hrm_net.evaluation.results import Results

LABELS = {
    "depth": "one pass, so many segments",
    "stop": "one pass, stopped early",
    "verified": "restarts until verified",
}
COLUMNS = 3


def accuracy_by_compute(results: Results, path: str | Path) -> Path:
    """Share right against the segments spent on a puzzle, all its passes together; a line a way of spending them."""
    sets = {name: row["solver"] for name, row in results.sets.items() if "solver" in row}
    columns = min(COLUMNS, len(sets))
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
                linestyle="none" if label == LABELS["stop"] else "-",
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


def _lines(points: list[dict]) -> dict[str, list[dict]]:
    lines: dict[str, list[dict]] = {}
    for point in points:
        label = LABELS.get(point["kind"]) or f"restarts {point['name'].partition(' ')[2]}"
        lines.setdefault(label, []).append(point)
    return lines
