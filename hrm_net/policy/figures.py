"""The picture of a policy's run: what it earns and what it solves, as it moves away from the clone, and how it acts."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hrm_net.evaluation.drawing import COLOURS, SOFT, Record, new_figure, percent_axis, save, series, tidy

ACTS = (("early", "stops with blanks"), ("no_op", "does nothing"), ("loop", "comes back"), ("clash", "clashes"))


def write(records: Sequence[Record], reward: str, directory: Path) -> list[Path]:
    """The picture, where a run has validations. Returns its path."""
    found = [record for record in records if record["kind"] == "validation"]
    return [policy_figure(found, reward, directory / "policy.png")] if found else []


def policy_figure(validations: Sequence[Record], reward: str, path: Path) -> Path:
    """Left: proxy and share solved against sqrt(KL). Middle: shares of attempts and of steps. Right: length, blanks."""
    figure = new_figure(16.0, 4.6)
    left, middle, right = figure.subplots(1, 3)
    distance = np.sqrt(series(validations, "kl"))
    way = np.concatenate([[0.0], distance])  # from the clone on, in the order of updates

    def with_clone(key: str) -> np.ndarray:
        return np.concatenate([[validations[0][f"clone_{key}"]], series(validations, key)])

    left.plot(way, with_clone("solved"), color=COLOURS[0], marker="o", markersize=4, label="solved")
    fooled = [(d, r["fooled"]) for d, r in zip(distance, validations, strict=True) if r["fooled"] is not None]
    if fooled:
        left.plot(*zip(*fooled, strict=True), color=COLOURS[3], marker="^", markersize=4, linestyle=":",
                  label="unsolved that earn more than honest ones")  # fmt: skip
    percent_axis(left)
    left.set_xlabel("sqrt(KL from the clone), in nats")
    left.set_title("solved, and what the reward says")
    earned = left.twinx()
    earned.plot(way, with_clone("proxy"), color=COLOURS[1], marker="s", markersize=4)
    earned.set_ylabel(f"reward ({reward})", color=COLOURS[1])
    earned.spines["top"].set_visible(False)
    steps = series(validations, "step")
    for i, (key, label) in enumerate(ACTS):
        middle.plot(steps, series(validations, key), color=COLOURS[i], marker="o", markersize=3, label=label)
    percent_axis(middle)
    middle.set_title("shares of attempts (stops) and of steps")
    for i, (key, label) in enumerate((("length", "steps"), ("blanks", "blanks at the end"), ("entropy", "entropy"))):
        right.plot(steps, series(validations, key), color=COLOURS[i], marker="o", markersize=3, label=label)
    right.axhline(0, color=SOFT, linewidth=0.8)
    right.set_title("length, blanks, entropy (nats)")
    for axes in (left, middle, right):
        tidy(axes)
    for axes in (middle, right):
        axes.set_xlabel("update")
    return save(figure, path)
