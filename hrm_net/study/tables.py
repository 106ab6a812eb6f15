"""The tables of the pages. `Numbers` formats every number from rows, and remembers what it wrote."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from hrm_net.study.claims import Estimate, estimate
from hrm_net.study.plans import Arm
from hrm_net.study.rows import FRAME, METRICS, TRICKS, Metric, Row, at, value_of, values_by_puzzle

FRAMES = ("oracle", "majority", "random")
CASES = ("right_right", "right_wrong", "wrong_right", "wrong_wrong")
NUMERAL = re.compile(r"\d+(?:[.,]\d+)*")
MISSING = "-"


@dataclass(slots=True)
class Numbers:
    """Formats numbers; `written` holds the numerals of everything that it formatted."""

    written: set[str] = field(default_factory=set)

    def text(self, text: object) -> str:
        """Any value of a row or a plan, as it is."""
        self.written |= set(NUMERAL.findall(str(text)))
        return str(text)

    def plain(self, value: float, percent: bool) -> str:
        if math.isnan(value):
            return MISSING
        told = f"{100 * value:.1f}" if percent else f"{value:.3f}"
        return self.text(told.removeprefix("-") if float(told) == 0 else told)

    def estimate(self, found: Estimate, percent: bool, signed: bool = False) -> str:
        """The mean and its interval in brackets; the interval of a share (not `signed`) is cut at 0 and 1."""
        told = self.plain(found.mean, percent)
        if signed and told != MISSING and float(told) > 0:
            told = f"+{told}"
        if math.isnan(found.low) or math.isnan(found.mean):
            return told
        low, high = (found.low, found.high) if signed else (max(found.low, 0.0), min(found.high, 1.0))
        return f"{told} [{self.plain(low, percent)}, {self.plain(high, percent)}]"


def of_arm(rows: Sequence[Row], name: str) -> list[Row]:
    return sorted((row for row in rows if row["arm"] == name), key=lambda row: row["seed"])


def table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first are aligned to the right."""
    ruler = ["---", *["---:"] * (len(headings) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in (headings, ruler, *lines))


def metric_table(rows: Sequence[Row], arms: Sequence[Arm], names: Sequence[str], numbers: Numbers) -> str:
    """One line for each arm, one column for each metric; shares in percent."""
    metrics = [METRICS[name] for name in names]
    lines = [
        [f"`{arm.name}`", *(_cell(of_arm(rows, arm.name), metric, numbers) for metric in metrics)]
        for arm in arms
        if of_arm(rows, arm.name)
    ]
    return table(["", *(metric.says + (", %" if metric.percent else "") for metric in metrics)], lines)


def _cell(mine: Sequence[Row], metric: Metric, numbers: Numbers) -> str:
    by_puzzle = [values_by_puzzle(metric.by_puzzle, row) for row in mine] if metric.by_puzzle else None
    return numbers.estimate(estimate([value_of(metric, row) for row in mine], by_puzzle), metric.percent)


def best_of_n_table(rows: Sequence[Row], arms: Sequence[Arm], numbers: Numbers) -> str:
    """Share of puzzles solved by the best of N, by the aggregation that validation chose; rows without an arm last."""
    named = [(f"`{arm.name}`", of_arm(rows, arm.name), "test.chosen") for arm in arms]
    named += [(name, of_arm(rows, FRAME), f"test.best_of_n.{name}") for name in FRAMES]
    named = [one for one in named if one[1]]
    sizes = at(named[0][1][0]["metrics"], f"{named[0][2]}.sizes")
    shown = [place for place in range(len(sizes)) if place % 2 == 0 or place == len(sizes) - 1]
    lines = []
    for name, mine, path in named:
        curves = [at(row["metrics"], f"{path}.accuracy") for row in mine]
        cells = [numbers.estimate(estimate([curve[place] for curve in curves]), percent=True) for place in shown]
        lines.append([name, _chosen(mine), *cells])
    return table(["", "by", *(numbers.text(f"N={sizes[place]}, %") for place in shown)], lines)


def _chosen(mine: Sequence[Row]) -> str:
    """The aggregations that the seeds chose."""
    if mine[0]["arm"] == FRAME:
        return MISSING
    fixed = [row["metrics"]["test"]["fixed_on_validation"] for row in mine]
    return ", ".join(sorted({one["how"] for one in fixed}))


def quadrant_table(rows: Sequence[Row], arms: Sequence[Arm], numbers: Numbers) -> str:
    """The share of steps judged rightly, by whether the step before and this one are right."""
    lines = []
    for arm in arms:
        mine = of_arm(rows, arm.name)
        if mine:
            found = [[at(row["metrics"], f"test.quadrants.{case}.accuracy") for row in mine] for case in CASES]
            lines.append([f"`{arm.name}`", *(numbers.estimate(estimate(_known(one)), True) for one in found)])
    return table(["", *(f"{now} after {before}, %" for before, now in (case.split("_") for case in CASES))], lines)


def probe_table(rows: Sequence[Row], arms: Sequence[Arm], numbers: Numbers) -> str:
    """How often a tampered solution ranks above an honest one that solves."""
    lines = []
    for arm in arms:
        mine = of_arm(rows, arm.name)
        cells = []
        for trick in (*TRICKS, "error_then_fix"):
            shares = [
                row["metrics"]["probes"][trick]["beats_solved"][row["metrics"]["test"]["fixed_on_validation"]["how"]]
                for row in mine
            ]
            cells.append(numbers.estimate(estimate(_known(shares)), True) if mine else MISSING)
        climbs = [[at(row["metrics"], f"climb.{key}")[-1] for row in mine] for key in ("score", "right")]
        cells += [numbers.estimate(estimate(_known(one)), True) for one in climbs] if mine else []
        if mine:
            lines.append([f"`{arm.name}`", *cells])
    tricks = [trick.replace("_", " ") for trick in (*TRICKS, "error_then_fix")]
    return table(["", *(f"{trick}, %" for trick in tricks), "climbed score, %", "cells right then, %"], lines)


def _known(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]
