"""A sweep of seeds as one table, with the mean and its 95 % interval, and one picture of its learning curves."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from scipy import stats

from hrm_net.evaluation.drawing import COLOURS, new_figure, save, series, tidy
from hrm_net.trainer.tracking import read_metrics
from puzzles.errors import UserError

# Keys that differ between the seeds of one setting.
OWN = ("seed", "name", "data.sha256")
METRICS = ("solve_rate", "exact_accuracy", "cell_accuracy", "mean_segments")


@dataclass(kw_only=True, slots=True)
class SweptRun:
    """A finished run: its directory, its configuration by dotted key, its results by set, and its records."""

    path: Path
    config: dict[str, Any]
    sets: dict[str, dict[str, Any]]
    records: list[dict[str, Any]]


@dataclass(kw_only=True, slots=True)
class Setting:
    """The runs that differ in their seed alone, and in words how they differ from the other settings of the sweep."""

    name: str
    runs: list[SweptRun]


def read_run(path: Path) -> SweptRun:
    """What a run's directory says of it; UserError where the run has no results yet."""
    files = [path / name for name in ("config.yaml", "results.json")]
    for file in files:
        if not file.is_file():
            raise UserError(f"{file}: no such file; {path} must be a run that has been evaluated")
    try:
        config, results = yaml.safe_load(files[0].read_text("utf-8")), json.loads(files[1].read_text("utf-8"))
        return SweptRun(path=path, config=_flat(config), sets=results["sets"], records=read_metrics(path))
    except (ValueError, KeyError, AttributeError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot be read as a run: {error}") from None


def settings(runs: Sequence[SweptRun]) -> list[Setting]:
    """The runs by setting. UserError where two runs of a setting have the same seed: they are not independent."""
    keys = sorted({key for run in runs for key in run.config})
    varied = [
        key for key in keys if key not in OWN and len({json.dumps(run.config.get(key)) for run in runs}) > 1
    ]  # fmt: skip
    found: dict[str, list[SweptRun]] = {}
    for run in runs:
        name = ", ".join(f"{key}={run.config.get(key)}" for key in varied) or "all"
        for other in found.setdefault(name, []):
            if other.config["seed"] == run.config["seed"]:
                raise UserError(f"{run.path}: has the seed {run.config['seed']} of {other.path}; leave one out")
        found[name].append(run)
    return [Setting(name=name, runs=members) for name, members in found.items()]


def mean_and_interval(values: Sequence[float]) -> tuple[float, tuple[float, float] | None]:
    """The mean, and its 95 % interval by Student's t; None where one value says nothing of the spread."""
    mean, num = float(np.mean(values)), len(values)
    if num < 2:
        return mean, None
    half = float(stats.t.ppf(0.975, num - 1)) * float(np.std(values, ddof=1)) / math.sqrt(num)
    return mean, (mean - half, mean + half)


def table(found: Sequence[Setting]) -> list[dict[str, Any]]:
    """One row for each setting, set and metric: mean, interval, and the value of each run by its directory."""
    rows = []
    for setting in found:
        for name in dict.fromkeys(name for run in setting.runs for name in run.sets):
            for metric in METRICS:
                values = {
                    str(run.path): run.sets[name][metric] for run in setting.runs if metric in run.sets.get(name, {})
                }
                if values:
                    mean, interval = mean_and_interval(list(values.values()))
                    rows.append(
                        {"setting": setting.name, "set": name, "metric": metric, "mean": mean, "interval": interval,
                         "runs": values}
                    )  # fmt: skip
    return rows


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table, each row with the values of its runs, and below it the number of each run's directory."""
    paths = list(dict.fromkeys(path for row in rows for path in row["runs"]))
    lines = ["| setting | set | metric | runs | mean | 95 % interval | of each run |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        low, high = row["interval"] or (math.nan, math.nan)
        shown = f"{low:.4f} to {high:.4f}"
        if row["interval"] is None:
            shown = "one run has none"
        elif low == high:
            shown = "none: all runs are equal"
        each = ", ".join(f"[{paths.index(path) + 1}] {value:.4f}" for path, value in row["runs"].items())
        cells = (row["setting"], row["set"], row["metric"], len(row["runs"]), f"{row['mean']:.4f}", shown, each)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    lines += ["", *(f"[{number}] `{path}`  " for number, path in enumerate(paths, start=1))]
    return "\n".join(lines) + "\n"


def curves(found: Sequence[Setting], path: Path) -> Path:
    """The training loss of every run (thin) and the mean of each setting (thick), by step."""
    figure = new_figure(8.0, 4.6)
    axes = figure.subplots()
    for number, setting in enumerate(found):
        colour, by_step = COLOURS[number % len(COLOURS)], {}
        for run in setting.runs:
            train = [record for record in run.records if record["kind"] == "train" and record["loss"] is not None]
            axes.plot(series(train, "step"), series(train, "loss"), color=colour, linewidth=0.8, alpha=0.35)
            for record in train:
                by_step.setdefault(record["step"], []).append(record["loss"])
        steps = [step for step in sorted(by_step) if len(by_step[step]) == len(setting.runs)]
        label = f"{setting.name}: mean of {len(setting.runs)}"
        axes.plot(steps, [np.mean(by_step[step]) for step in steps], color=colour, linewidth=2, label=label)
    axes.set_title("training loss")
    axes.set_xlabel("step")
    axes.legend()
    tidy(axes)
    return save(figure, path)


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    leaves: dict[str, Any] = {}
    for key, value in values.items():
        leaves |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) and value else {f"{prefix}{key}": value}
    return leaves
