"""The picture of a domain: best of N prefixes of every arm, beside counts and rules, chance and an oracle.

Arms have colours, the rows to compare them with are grey and have no band.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hrm_net.evaluation.drawing import INK, SOFT, doubling_axis, new_figure, percent_axis, save, series_style, tidy
from hrm_net.reward.baseline import NAME
from hrm_net.study.claims import estimate
from hrm_net.study.plans import Arm
from hrm_net.study.rows import FRAME, Row, at
from hrm_net.study.tables import of_arm

PANELS = {"policy": "the policy goes on", "solver": "an exact solver goes on"}
BESIDE = {NAME: (SOFT, "", "--"), "random": (SOFT, "", ":"), "oracle": (INK, "", "-")}  # colour, marker, line


def best_of_n_picture(rows: Sequence[Row], arms: Sequence[Arm], folder: Path, name: str) -> Path | None:
    """Means over seeds of the share that comes right, over N; None where no arm has a row."""
    found = {arm.name: of_arm(rows, arm.name) for arm in arms}
    found = {arm: mine for arm, mine in found.items() if mine}
    frames = of_arm(rows, FRAME)
    if not found or not frames:
        return None
    figure = new_figure(11.0, 5.4)
    panels = list(figure.subplots(1, len(PANELS), sharey=True))
    for axes, (key, title) in zip(panels, PANELS.items(), strict=True):
        curves = {arm: [at(row["metrics"], f"prefix.{key}") for row in mine] for arm, mine in found.items()}
        curves[NAME] = [at(row["metrics"], f"counts_and_rules.prefix.{key}") for row in frames]
        for frame in ("random", "oracle"):
            curves[frame] = [at(row["metrics"], f"prefix.{key}.{frame}") for row in frames]
        for i, (arm, mine) in enumerate(curves.items()):
            _draw(axes, i, arm, mine)
        doubling_axis(axes, set(curves["oracle"][0]["sizes"]))
        percent_axis(axes)
        axes.set_xlabel("N prefixes")
        axes.set_title(title)
        tidy(axes)
        if axes is not panels[-1] and (legend := axes.get_legend()):
            legend.remove()
    return save(figure, folder / f"{name}_prefixes.png")


def _draw(axes: Any, place: int, name: str, curves: Sequence[dict[str, Any]]) -> None:
    """The mean over seeds, and for an arm its 95 % interval, which ends at 0 and 100 %."""
    colour, marker, line = BESIDE.get(name) or series_style(place)
    means = [estimate(column) for column in zip(*(curve["accuracy"] for curve in curves), strict=True)]
    sizes = curves[0]["sizes"]
    axes.plot(sizes, [one.mean for one in means], color=colour, marker=marker, markersize=5, linestyle=line, label=name)
    if name not in BESIDE:
        low, high = (np.array([getattr(one, end) for one in means], float).clip(0, 1) for end in ("low", "high"))
        axes.fill_between(sizes, low, high, color=colour, alpha=0.1, linewidth=0)
