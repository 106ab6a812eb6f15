"""A model and the puzzle it solves, as the page needs them: what can be generated, and solutions by segments."""

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

import puzzles
from hrm_net.commands.solve import answer_text, question
from hrm_net.serve.judge import judge
from hrm_net.serve.limits import Refusal
from hrm_net.solver import DEFAULT_STOP, model_config, solve
from puzzles.base import Puzzle
from puzzles.maze.domain import Maze
from puzzles.sudoku.domain import SYMBOLS, Sudoku

SEGMENTS = 16
# Clues of the levels, easy first.
LEVELS: dict[str, dict[str, int | str]] = {
    "2x2": {"easy": 8, "fewest": "minimal"},
    "2x3": {"easy": 18, "medium": 14, "hard": 12, "fewest": "minimal"},
    "3x3": {"easy": 45, "medium": 36, "hard": 30, "fewest": "minimal"},
    "4x4": {"easy": 180, "medium": 150, "hard": 130},
}


@dataclass(kw_only=True, slots=True)
class Served:
    """One model at work. `origin`: where its weights come from, in words."""

    puzzle: Puzzle
    model: nn.Module
    origin: str

    @property
    def name(self) -> str:
        return self.puzzle.name

    @property
    def stop(self) -> str:
        return DEFAULT_STOP[model_config(self.model).halting]

    def describe(self) -> dict[str, Any]:
        """What the page must know before anything is asked."""
        rows, columns = self.puzzle.shape
        told = {
            "name": self.name, "rows": rows, "columns": columns, "model": self.origin, "stop": self.stop,
            "segments": SEGMENTS, "levels": [{"name": name, "label": label} for name, label, _ in self.levels()],
        }  # fmt: skip
        if isinstance(self.puzzle, Sudoku):
            box_rows, box_columns = str(self.puzzle.options["box"]).split("x")
            told |= {"symbols": SYMBOLS[:rows], "box": [int(box_rows), int(box_columns)]}
        return told

    def levels(self) -> list[tuple[str, str, dict[str, Any]]]:
        """(name, label, targets of `Puzzle.generate`) of what can be generated."""
        if isinstance(self.puzzle, Sudoku):
            clues = LEVELS[self.puzzle.options["box"]]
            return [
                (
                    name,
                    f"{name}: " + ("no clue can go" if number == "minimal" else f"{number} clues"),
                    {"clues": number},
                )
                for name, number in clues.items()
            ]
        rows, columns = self.puzzle.shape
        found: list[tuple[str, str, dict[str, Any]]] = []
        if rows % 2 and columns % 2 and rows * columns > 9:
            found += [
                ("winding", "winding: long corridors", {"kind": "dfs"}),
                ("branching", "branching: many short dead ends", {"kind": "prim"}),
                ("loops", "loops: half the dead ends opened", {"kind": "dfs", "braid": 0.5}),
                ("rooms", "rooms: walls that divide", {"kind": "division"}),
            ]
        if (rows, columns) == (30, 30):
            found.append(("long", "long: at least 109 moves, as in Maze-Hard", {"kind": "hard"}))
        return [*found, ("random", "random walls", {"kind": "hard", "path": [None, None]})]

    def generate(self, level: Any, clues: Any, seed: int) -> dict[str, Any]:
        """A fresh puzzle as text. `clues` (Sudoku) goes before `level`; Refusal 400 for what cannot be had."""
        targets = {name: targets for name, _, targets in self.levels()}
        if clues is not None:
            if not isinstance(self.puzzle, Sudoku):
                raise Refusal(400, f"clues={clues}: {self.name} takes a level")
            if clues != "minimal" and (not isinstance(clues, int) or isinstance(clues, bool)):
                raise Refusal(400, f"clues={str(clues)[:40]}: must be a number or minimal")
            chosen = {"clues": clues}
        elif isinstance(level, str) and level in targets:
            chosen = targets[level]
        else:
            raise Refusal(400, f"level={level}: must be one of {', '.join(targets)}")
        try:
            inputs, _ = self.puzzle.generate(puzzles.rng(seed, "serve"), 1, **chosen)
        except ValueError as error:
            raise Refusal(400, str(error)) from None
        return {"puzzle": self.name, "text": as_text(self.puzzle, inputs[0], inputs[0]), "seed": seed}

    def solve(self, text: Any, segments: int = SEGMENTS, think_on: bool = False) -> dict[str, Any]:
        """What the model answers after each segment, until it halts or, with `think_on`, for all `segments`.

        `halted_at`: the segment whose answer the stop rule takes; null where it takes none within `segments`.
        """
        if not isinstance(text, str):
            raise Refusal(400, "text: must be a string, the puzzle")
        try:
            inputs = question(text, self.puzzle)
        except ValueError as error:
            raise Refusal(400, str(error)) from None
        began = time.perf_counter()
        # one more, to tell the rule's word from the end of the segments
        found = solve(self.model, self.puzzle, inputs[None], max_segments=segments + 1, batch_size=1, trace=True)
        seconds = time.perf_counter() - began
        halted_at = int(found.segments[0]) if found.segments[0] <= segments else None
        if think_on:
            found = solve(
                self.model, self.puzzle, inputs[None], max_segments=segments, stop="fixed", batch_size=1, trace=True
            )
        assert found.trace is not None
        steps = found.trace[0]
        shown = [
            self._segment(inputs, *step)
            for step in list(zip(steps.states, steps.confidence, steps.residual, strict=True))[:segments]
        ]
        answered = shown[(halted_at or len(shown)) - 1]
        return {
            "puzzle": self.name, "text": as_text(self.puzzle, inputs, inputs), "answer": answered["grid"],
            "solved": answered["solved"], "halted_at": halted_at, "stop": self.stop, "most": segments,
            "seconds": round(seconds, 4), "segments": shown,
        }  # fmt: skip

    def _segment(self, inputs: np.ndarray, state: np.ndarray, confidence: float, residual: float) -> dict[str, Any]:
        state = state.astype(inputs.dtype)
        words, broken = judge(self.puzzle, inputs, state)
        return {
            "grid": as_text(self.puzzle, inputs, state),
            "confidence": round(confidence, 6),
            "residual": round(residual, 6) if math.isfinite(residual) else None,
            "verdict": words,
            "solved": bool(self.puzzle.check(inputs[None], state[None]).solved[0]),
            "broken": np.flatnonzero(broken).tolist(),
        }

    def warm(self) -> None:
        """Compiles and loads what the first puzzles would wait for."""
        text = self.generate(self.levels()[0][0], None, 0)["text"]
        self.solve(text, segments=1)


def as_text(puzzle: Puzzle, inputs: np.ndarray, state: np.ndarray) -> str:
    """As `hrm-solve` writes it, free cells of a maze as dots."""
    text = answer_text(puzzle, inputs, state)
    return text.replace(" ", ".") if isinstance(puzzle, Maze) else text
