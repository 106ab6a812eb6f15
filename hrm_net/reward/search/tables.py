"""Search, probes and hill climbing as terminal tables."""

from typing import Any

from rich.table import Table

from hrm_net.reward.tables import called

ABOVE = {
    "beats_solved": "a solved solution of their puzzle; 0 % is best, 50 % for corrected errors",
    "beats_failed": "a failed solution of their puzzle; 100 % is best for corrected errors",
}
PROBES = {
    "failed": "failed solutions",
    "no_op_padding": "half solved, then idle",
    "erase_refill": "half solved, then erase and refill",
    "few_huge_steps": "failed, in few huge steps",
    "error_then_fix": "solved, with a corrected error",
}


def search_tables(name: str, found: dict[str, Any]) -> list[Table]:
    """Of the section `search` of one set: a table for each part that was measured."""
    tables = [_search(name, found)] if found["heads"]["oracle"]["points"] else []
    if "probes" in found:
        tables += [_probes(name, found["probes"], key) for key in ABOVE]
    return [*tables, _climbing(name, found)] if "climbing" in found else tables


def _search(name: str, found: dict[str, Any]) -> Table:
    table = Table(
        title=f"{name}: solved by search, first {found['puzzles']:,} puzzles; calls a puzzle", title_justify="left"
    )
    heads = found["heads"]
    for heading in ("search", "policy calls", "scorer calls", *map(called, heads)):
        table.add_column(heading, justify="left" if heading == "search" else "right", no_wrap=heading == "search")
    kind = None
    for points in zip(*(row["points"] for row in heads.values()), strict=True):
        if kind not in (None, points[0]["kind"]):
            table.add_section()
        kind = points[0]["kind"]
        calls = [_range([point[key] for point in points[:-1]]) for key in ("policy_calls", "scorer_calls")]
        table.add_row(points[0]["name"], *calls, *(_percent(point["accuracy"]) for point in points))
    return table


def _probes(name: str, found: dict[str, Any], key: str) -> Table:
    table = Table(title=f"{name}: probes ranked above {ABOVE[key]}", title_justify="left")
    for heading in ("probe", "number", "steps right", *found):
        table.add_column(heading, justify="left" if heading == "probe" else "right")
    for probe, words in PROBES.items():
        first = next(iter(found.values()))["probes"][probe]
        if probe == "failed" and key == "beats_failed":
            continue  # against themselves
        shares = (_percent(row["probes"][probe][key][row["how"]]) for row in found.values())
        table.add_row(words, f"{first['num']:,}", _percent(first["ok"]), *shares)
    return table


def _climbing(name: str, found: dict[str, Any]) -> Table:
    num = len(next(iter(found["climbing"].values()))["score"]) - 1
    table = Table(title=f"{name}: the score climbed in {num:,} changes, and the truth", title_justify="left")
    for heading in ("head", "score", "cells right", "solved"):
        table.add_column(heading, justify="left" if heading == "head" else "right")
    for head, curve in found["climbing"].items():
        cells = (f"{_percent(curve[key][0])} -> {_percent(curve[key][-1])}" for key in ("score", "right", "solved"))
        table.add_row(head, *cells)
    return table


def _range(values: list[float]) -> str:
    low, high = f"{min(values):,.1f}", f"{max(values):,.1f}"
    return low if low == high else f"{low}-{high}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
