"""Pictures of search, probes and hill climbing, one panel for each head."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator, PercentFormatter

from hrm_net.evaluation.drawing import COLOURS, FONT_SIZE, INK, MARKERS, new_figure, percent_axis, save, tidy
from hrm_net.reward.search.tables import PROBES, called

KINDS = {"best_of_n": "best of N whole solutions", "greedy": "greedy, N per step", "beam": "beam, width x expand"}
CLIMBED = {"score": ("score", "-"), "right": ("cells right", "--"), "solved": ("puzzles solved", ":")}
COLUMNS = 4


def write_search(found: dict[str, Any], directory: Path, end: str = "") -> list[Path]:
    """A picture of each part of a section `search` that was measured; file names end in `end`. Returns the paths."""
    paths = []
    if found["heads"]["oracle"]["points"]:
        paths.append(search_curves(found, directory / f"search{end}.png"))
    if "probes" in found:
        paths.append(probe_heat_maps(found["probes"], directory / f"probes{end}.png"))
    if "climbing" in found:
        paths.append(climbing_curves(found["climbing"], directory / f"climbing{end}.png"))
    return paths


def search_curves(found: dict[str, Any], path: str | Path) -> Path:
    """Share solved against the steps that the policy proposed per puzzle, with bootstrap intervals; one line for each
    kind of search."""
    figure, panels = _panels(len(found["heads"]))
    calls = [point["policy_calls"] for row in found["heads"].values() for point in row["points"]]
    for axes, (head, row) in zip(panels, found["heads"].items(), strict=True):
        for i, (kind, words) in enumerate(KINDS.items()):
            points = sorted((p for p in row["points"] if p["kind"] == kind), key=lambda point: point["policy_calls"])
            if not points:
                continue
            x, y, low, high = ([point[key] for point in points] for key in ("policy_calls", "accuracy", "low", "high"))
            spread = np.clip([np.subtract(y, low), np.subtract(high, y)], 0, None)
            hollow = {"markerfacecolor": "none", "markersize": 12, "linestyle": "none"} if kind == "beam" else {}
            axes.errorbar(
                x, y, spread, color=COLOURS[i], marker=MARKERS[i], elinewidth=1, capsize=2, label=words,
                clip_on=False, **{"markersize": 6, **hollow},
            )  # fmt: skip
            for point in points if kind == "beam" else ():
                axes.annotate(
                    point["name"].removeprefix("beam "), (point["policy_calls"], point["accuracy"]),
                    textcoords="offset points", xytext=(0, -19), ha="center", fontsize=FONT_SIZE - 3, color=INK,
                )  # fmt: skip
        axes.set_xscale("log", base=2)
        axes.set_xlim(min(calls) / 1.3, max(calls) * 1.6)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("steps proposed per puzzle")
        axes.set_title(head if head == "oracle" else f"{called(head)} (ranked by {row['how']})")
    _finish(figure, panels, f"puzzles solved, of {found['puzzles']:,}")
    return save(figure, path)


def probe_heat_maps(found: dict[str, Any], path: str | Path) -> Path:
    """How often each probe ranks above a solved solution of its puzzle, and above a failed one."""
    figure = new_figure(5.4 + 1.5 * len(found), 4.4)
    panels = figure.subplots(1, 2, sharey=True)
    image = None
    titles = {"beats_solved": "ranked above a solved solution", "beats_failed": "ranked above a failed one"}
    for axes, (key, title) in zip(panels, titles.items(), strict=True):
        shares = np.array(
            [[_known(row["probes"][probe][key][row["how"]]) for row in found.values()] for probe in PROBES]
        )
        image = axes.imshow(shares, vmin=0, vmax=1, cmap="cividis", aspect="auto")
        for (i, j), share in np.ndenumerate(shares):
            text = "none" if math.isnan(share) else f"{100 * share:.0f} %"
            ink = "white" if share < 0.6 else INK
            axes.text(j, i, text, ha="center", va="center", color=ink, fontsize=FONT_SIZE)
        heads = [f"{head}\n{row['how']}" for head, row in found.items()]
        axes.set_xticks(range(len(heads)), heads)
        axes.set_yticks(range(len(PROBES)), list(PROBES.values()))
        axes.set_title(title, loc="left", fontsize=FONT_SIZE + 1, color=INK)
        axes.tick_params(length=0, labelsize=FONT_SIZE - 1, labelcolor=INK)
        for spine in axes.spines.values():
            spine.set_visible(False)
    if image is not None:
        bar = figure.colorbar(image, ax=panels, shrink=0.85, format=PercentFormatter(1, symbol=" %"))
        bar.ax.tick_params(labelsize=FONT_SIZE - 2, labelcolor=INK)
        bar.outline.set_visible(False)  # type: ignore[operator]
    return save(figure, path)


def climbing_curves(climbs: dict[str, dict[str, list[float]]], path: str | Path) -> Path:
    """A head's score, and what is true, while hill climbing raises the score: {name: climb()}."""
    figure, panels = _panels(len(climbs))
    for axes, (name, curve) in zip(panels, climbs.items(), strict=True):
        for i, (key, (words, style)) in enumerate(CLIMBED.items()):
            axes.plot(
                range(len(curve[key])), curve[key], color=COLOURS[i], linestyle=style, linewidth=2, label=words,
                clip_on=False,
            )  # fmt: skip
        axes.set_xlabel("changes")
        axes.set_title(name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _finish(figure, panels, "hill climbing: score and truth")
    return save(figure, path)


def _panels(num: int) -> tuple[Figure, list[Axes]]:
    columns = 3 if num in (5, 6) else min(COLUMNS, num)
    rows = -(-num // columns)
    figure = new_figure(max(7.0, 3.9 * columns), 3.7 * rows + 0.9)
    panels = list(figure.subplots(rows, columns, squeeze=False).reshape(-1))
    for axes in panels[num:]:
        axes.set_visible(False)
    return figure, panels[:num]


def _finish(figure: Figure, panels: list[Axes], title: str) -> None:
    """Shares on all axes, one legend below, one title above."""
    for axes in panels:
        percent_axis(axes)
        tidy(axes)
        if legend := axes.get_legend():
            legend.remove()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=FONT_SIZE - 1)
    figure.suptitle(title, x=0.01, ha="left", fontsize=FONT_SIZE + 2, color=INK)


def _known(share: float | None) -> float:
    return math.nan if share is None else share
