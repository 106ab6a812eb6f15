"""The pictures of the study of policies: what is earned and what is solved as a policy moves away from the clone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hrm_net.evaluation.drawing import COLOURS, SOFT, new_figure, percent_axis, save, series_style, tidy
from hrm_net.study.policies.plan import ARMS, CHANCE, CLONE
from hrm_net.study.rows import Row
from hrm_net.study.tables import of_arm

COLUMNS = 4
ACTS = (("early", "stops with blanks, of attempts"), ("no_op", "does nothing, of steps"),
        ("loop", "comes back, of steps"), ("clash", "clashes, of steps"))  # fmt: skip


def paths_picture(rows: Sequence[Row], folder: Path, name: str) -> Path | None:
    """One panel for each arm: the share solved (left axis) and the reward (right axis) against sqrt(KL), one line for
    each seed, from the clone on the unseen puzzles through the validations. None where no arm has a row."""
    shown = [arm.name for arm in ARMS if of_arm(rows, arm.name)]
    if not shown:
        return None
    lines = -(-len(shown) // COLUMNS)
    figure = new_figure(4.1 * COLUMNS, 3.1 * lines)
    panels = figure.subplots(lines, COLUMNS, squeeze=False).ravel()
    for axes, arm in zip(panels, shown, strict=False):
        earned = axes.twinx()
        for row in of_arm(rows, arm):
            metrics = row["metrics"]
            way = np.sqrt([0.0, *(one["kl"] for one in metrics["curve"])])
            axes.plot(way, _from_clone(metrics, "solved"), color=COLOURS[0], linewidth=1.4)
            axes.plot(way[-1], metrics["curve"][-1]["solved"], color=COLOURS[0], marker="o", markersize=4)
            earned.plot(way, _from_clone(metrics, "proxy"), color=COLOURS[1], linestyle="--", linewidth=1.0)
        percent_axis(axes)
        earned.tick_params(labelsize=9, labelcolor=COLOURS[1], color=SOFT)
        earned.spines["top"].set_visible(False)
        axes.set_title(arm)
        tidy(axes)
    for axes in panels[len(shown) :]:
        axes.set_visible(False)
    figure.supxlabel("sqrt(KL from the clone), nats. Solid, left axis: solved. Dashed, right axis: reward")
    return save(figure, folder / f"{name}_paths.png")


def conduct_picture(rows: Sequence[Row], folder: Path, name: str) -> Path | None:
    """After the last update, by arm: solved beside fooled; length and blanks; what steps are like. Dots are seeds, bars
    their means. None where no arm has a row."""
    shown = [arm.name for arm in ARMS if of_arm(rows, arm.name)]
    if not shown:
        return None
    shown = [*(one for one in (CHANCE, CLONE) if of_arm(rows, one)), *shown]
    figure = new_figure(16.0, 5.6)
    left, middle, right = figure.subplots(1, 3, sharey=True)
    _bars(left, rows, shown, (("solved", "solved"), ("fooled", "of the unsolved: fool the reward")))
    _bars(middle, rows, shown, (("length", "steps"), ("blanks", "blanks at the end")))
    _bars(right, rows, shown, ACTS)
    for axes in (left, right):
        axes.set_xlim(0, 1.02)
        axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
    left.set_yticks(range(len(shown)), shown)
    left.invert_yaxis()
    for axes, says in ((left, "solved, and fooled"), (middle, "length and blanks"), (right, "what attempts are like")):
        axes.set_title(says)
        tidy(axes)
        axes.legend(frameon=False, fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.08))
    return save(figure, folder / f"{name}_conduct.png")


def _from_clone(metrics: dict[str, Any], key: str) -> list[float]:
    """The clone's figure on the unseen puzzles, then those of the validations."""
    return [metrics[f"clone_{key}"], *(one[key] for one in metrics["curve"])]


def _bars(axes: Any, rows: Sequence[Row], shown: Sequence[str], keys: Sequence[tuple[str, str]]) -> None:
    thick = 0.8 / len(keys)
    for i, (key, says) in enumerate(keys):
        colour, labelled = series_style(i)[0], False
        for place, arm in enumerate(shown):
            values = [row["metrics"][key] for row in of_arm(rows, arm) if row["metrics"].get(key) is not None]
            if not values:
                continue
            at = place + (i - (len(keys) - 1) / 2) * thick
            axes.barh(at, float(np.mean(values)), height=thick, color=colour, alpha=0.65,
                      label=None if labelled else says)  # fmt: skip
            labelled = True
            axes.plot(values, [at] * len(values), linestyle="none", marker="o", markersize=2.5, color=colour)
