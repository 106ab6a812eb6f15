"""Accuracy against compute: the gains and costs of deeper passes, early stops, restarts and the puzzle's rules.

The results hold it in a section of its own: no metric here is, or enters, `solve_rate`.
"""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Integer
from rich.table import Table
from torch import nn

import puzzles
from hrm_net.data.puzzle_sets import IGNORE, PuzzleSet, scored
from hrm_net.evaluation.config import ComputeCurveConfig
from hrm_net.evaluation.flops import segment_flops
from hrm_net.evaluation.metrics import rate, wilson
from hrm_net.evaluation.results import Results
from hrm_net.inference.restarts import Restarts
from hrm_net.inference.segments import padded_batch, run_segments
from hrm_net.inference.selection import check_selection
from hrm_net.inference.stopping import check_stop, parse_stop
from hrm_net.nn.config import HRMConfig
from hrm_net.solver import choose_answers, model_config, rule_check, run_passes, solve
from puzzles.base import Puzzle
from puzzles.errors import UserError

Point = dict[str, Any]


def check_config(config: ComputeCurveConfig, puzzle: Puzzle, model: HRMConfig) -> None:
    """UserError, before any work, for settings that the puzzle or the model does not support."""
    try:
        for text in config.stop:
            check_stop(parse_stop(text), halting=model.halting, puzzle_name=puzzle.name, verifiable=puzzle.verifiable)
        for number in config.restarts:
            Restarts(puzzle, model, number, "auto", 0)
            for select in config.select:
                check_selection(
                    select, puzzle_name=puzzle.name, verifiable=puzzle.verifiable, halting=model.halting,
                    restarts=number,
                )  # fmt: skip
    except ValueError as error:
        raise UserError(f"solver.{error}") from None


def compute_curve(
    model: nn.Module, puzzle_set: PuzzleSet, config: ComputeCurveConfig, *, batch_size: int, seed: int, compiled: bool
) -> dict[str, Any]:
    """The section `solver` of a set: `flops_a_segment` and `points`.

    Each point has a `kind` (depth: one pass of so many segments; stop: one pass that a rule ends; restarts: several
    passes, one of which is selected; verified: several passes, until the puzzle's rules accept one), a `name`,
    `accuracy` with its `interval`, and for each puzzle `segments` of all passes, `flops` and `seconds`. The seconds of
    restarts are their share, by segments, of one measured run with the most restarts.
    """
    cut = _first(puzzle_set, config.puzzles)
    flops = segment_flops(model_config(model))
    how = {"batch_size": batch_size, "seed": seed, "narrow": not compiled, "puzzle_identifiers": cut.puzzle_identifiers}
    # compiles and warms up
    solve(model, cut.puzzle, cut.inputs, max_segments=1, stop="fixed", **how)
    points = [*_depths(model, cut, config.depths, batch_size, seed)] if config.depths else []
    for text in config.stop:
        started = time.perf_counter()
        found = solve(model, cut.puzzle, cut.inputs, max_segments=config.max_segments, stop=text, **how)
        seconds = time.perf_counter() - started
        points.append(_point("stop", text, right_answers(cut, found.answers), float(found.segments.mean()), seconds))
    if config.restarts:
        points += _restarts(model, cut, config, how)
    for point in points:
        point["flops"] = point["segments"] * flops
    return {"puzzles": len(cut), "flops_a_segment": flops, "points": points}


def right_answers(puzzle_set: PuzzleSet, answers: Integer[np.ndarray, "num seq"]) -> Bool[np.ndarray, " num"]:
    """Which answers are right: by the rules, or by the stored answers where the rules cannot decide."""
    if puzzle_set.puzzle.verifiable:
        return rule_check(puzzle_set.puzzle)(puzzle_set.inputs, answers)
    labels = scored(puzzle_set.labels)
    return ((answers == labels) | (labels == IGNORE)).all(axis=1)


def _first(puzzle_set: PuzzleSet, num: int | None) -> PuzzleSet:
    return PuzzleSet(
        puzzle_set.name, puzzle_set.puzzle, puzzle_set.inputs[:num], puzzle_set.labels[:num],
        puzzle_set.puzzle_identifiers[:num],
    )  # fmt: skip


def _point(kind: str, name: str, hits: Bool[np.ndarray, " num"], segments: float, seconds: float) -> Point:
    """One point of the curve; `seconds` are those of all puzzles together."""
    return {
        "kind": kind,
        "name": name,
        "accuracy": rate(hits),
        "interval": wilson(int(hits.sum()), len(hits)),
        "segments": segments,
        "seconds": seconds / len(hits),
    }


def _depths(model: nn.Module, puzzle_set: PuzzleSet, depths: Sequence[int], batch_size: int, seed: int) -> list[Point]:
    generator = torch.Generator().manual_seed(int(puzzles.rng(seed, "solver depths").integers(2**62)))
    hits = {depth: np.zeros(len(puzzle_set), bool) for depth in sorted(set(depths))}
    seconds = dict.fromkeys(hits, 0.0)
    for start in range(0, len(puzzle_set), batch_size):
        rows = np.arange(start, min(start + batch_size, len(puzzle_set)))
        batch, busy, clock = padded_batch(puzzle_set, rows, batch_size), 0.0, time.perf_counter()
        for segment in run_segments(model, batch, max(hits), generator=generator):
            busy += time.perf_counter() - clock
            if segment.index in hits:
                part = PuzzleSet("part", puzzle_set.puzzle, puzzle_set.inputs[rows], puzzle_set.labels[rows])
                hits[segment.index][rows] = right_answers(part, segment.states[: len(rows)])
                seconds[segment.index] += busy
            clock = time.perf_counter()
    return [_point("depth", f"{depth}", hits[depth], float(depth), seconds[depth]) for depth in hits]


def _restarts(model: nn.Module, puzzle_set: PuzzleSet, config: ComputeCurveConfig, how: dict[str, Any]) -> list[Point]:
    puzzle, inputs, most = puzzle_set.puzzle, puzzle_set.inputs, max(config.restarts)
    started = time.perf_counter()
    passes = run_passes(
        model, puzzle, inputs, max_segments=config.max_segments, restarts=most,
        need_residual="residual" in config.select, **how,
    )  # fmt: skip
    pace = (time.perf_counter() - started) / passes.segments.sum()
    points = []
    for number in sorted(set(config.restarts)):
        some = passes.first(number)
        for select in config.select:
            chosen, _ = choose_answers(puzzle, inputs, some, select)
            hits = right_answers(puzzle_set, some.answers[np.arange(len(inputs)), chosen])
            spent = some.segments.copy()
            if select == "verifier":
                spent[hits[:, None] & (np.arange(number) > chosen[:, None])] = 0
            kind = "verified" if select == "verifier" else "restarts"
            name = f"{number}" if select == "verifier" else f"{number} by {select}"
            points.append(_point(kind, name, hits, float(spent.sum(axis=1).mean()), float(pace * spent.sum())))
    return points


def curve_table(results: Results) -> Table:
    """One row a point: accuracy with its 95 % interval, segments, GFLOPs and milliseconds a puzzle."""
    table = Table(title="Accuracy against compute (not solve_rate)", title_justify="left")
    table.add_column("set", overflow="fold")
    table.add_column("solver", no_wrap=True)
    for heading in ("puzzles", "right (95 %)", "segments", "GFLOPs", "ms a puzzle"):
        table.add_column(heading, justify="right", no_wrap=True)
    words = {
        "depth": "one pass of {}",
        "stop": "stop={}",
        "restarts": "restarts {}",
        "verified": "verified, of {}",
    }
    for name, row in results.sets.items():
        for point in row["solver"]["points"]:
            low, high = point["interval"]
            table.add_row(
                name,
                words[point["kind"]].format(point["name"]),
                f"{row['solver']['puzzles']:,}",
                f"{100 * point['accuracy']:.1f} % ({100 * low:.1f}-{100 * high:.1f})",
                f"{point['segments']:.2f}",
                f"{point['flops'] / 1e9:.3g}",
                f"{1000 * point['seconds']:.1f}",
            )
        table.add_section()
    return table
