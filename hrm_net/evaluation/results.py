"""The results of an evaluation, as a JSON file and as terminal tables."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from puzzles.atomic_write import write_text


@dataclass(kw_only=True, slots=True)
class Results:
    """Metrics by set name, and their provenance (hrm_net.provenance)."""

    sets: dict[str, dict[str, Any]]
    seed: int | None
    commit: str | None
    versions: dict[str, str | None]
    hardware: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def write(self, path: str | Path) -> Path:
        """Writes the JSON file whole or not at all, and returns its path."""
        path = Path(path)
        write_text(path, json.dumps(self.as_dict(), indent=2, allow_nan=False) + "\n")
        return path


def read_results(path: str | Path) -> Results:
    """Read what `Results.write` wrote."""
    return Results(**json.loads(Path(path).read_text()))


def results_table(results: Results) -> Table:
    """One row for each set: share solved with its 95 % interval, cells, where the halting head would stop, speed."""
    table = Table(title="Solved by the arg-max of one pass", title_justify="left")
    table.add_column("set", overflow="fold")
    for heading in ("puzzles", "solved (95 %)", "exact", "cells", "halts after", "solved there", "puzzles/s"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, row in results.sets.items():
        low, high = row["solve_rate_interval"]
        table.add_row(
            name,
            f"{row['puzzles']:,}",
            f"{_percent(row['solve_rate'])} ({100 * low:.1f}-{100 * high:.1f})",
            _percent(row["exact_accuracy"]),
            _percent(row["cell_accuracy"]),
            f"{row['mean_segments']:.1f} of {row['max_segments']}",
            _percent(row["solve_rate_at_halt"]),
            f"{row['puzzles_per_second']:,.0f}",
        )
    return table


def published_table(results: Results) -> Table:
    """One row for each set: the metrics of the published code, under its names."""
    table = Table(title="The published metrics: one pass, no row stops early", title_justify="left")
    table.add_column("set", overflow="fold")
    for heading in ("accuracy", "exact_accuracy", "q_halt_accuracy", "steps", "lm_loss"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, row in results.sets.items():
        found = row["published"]
        shares = [f"{found[key]:.4f}" for key in ("accuracy", "exact_accuracy", "q_halt_accuracy")]
        table.add_row(name, *shares, f"{found['steps']:.0f}", f"{found['lm_loss']:.4f}")
    return table


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
