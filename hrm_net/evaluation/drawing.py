"""The common style of all charts: palette, axes, saving. They are drawn without pyplot, which would change globals."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, PercentFormatter
from numpy.typing import ArrayLike

Record = dict[str, Any]

# Okabe and Ito's palette, which colour-blind readers can tell apart; black is kept for text.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")
INK, GRID, SOFT = "#222222", "#e3e3e3", "#8a8a8a"
FONT_SIZE = 11


def new_figure(width: float, height: float) -> Figure:
    """Width and height in inches, of 120 dots."""
    figure = Figure(figsize=(width, height), dpi=120, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def series_style(i: int) -> tuple[str, str, str]:
    """(colour, marker, line) of the i-th of up to 36 series: no two have the same colour and marker."""
    return COLOURS[i % 6], MARKERS[(i + i // 6) % 6], ("-", "--")[i // 6 % 2]


def tidy(axes: Axes) -> None:
    """Finish axes once their curves are drawn: two spines, a faint grid, the title to the left, a legend for labels."""
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


def percent_axis(axes: Axes, top: float = 1.02) -> None:
    """A vertical axis of shares, from 0 to a little above 100 %."""
    axes.set_ylim(0, top)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))


def doubling_axis(axes: Axes, values: Collection[int]) -> None:
    """A horizontal axis in powers of two, with ticks at `values` only."""
    axes.set_xscale("log", base=2)
    axes.set_xticks(sorted(values), [str(value) for value in sorted(values)])
    axes.xaxis.set_minor_locator(NullLocator())


def add_minutes_axis(axes: Axes, records: Sequence[Record]) -> None:
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


def series(records: Sequence[Record], key: str) -> np.ndarray:
    return np.array([record[key] for record in records], float)


def save(figure: Figure, path: str | Path) -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    return path
