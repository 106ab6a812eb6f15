"""A model and the puzzle that it solves, as the page needs them: new puzzles, and solutions segment by segment."""

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

import puzzles
from hrm_net.serve.refusal import Refusal
from hrm_net.solver import DEFAULT_STOP, model_config, solve
from puzzles.base import Puzzle
from puzzles.errors import UserError

SEGMENTS = 16


@dataclass(kw_only=True, slots=True)
class Served:
    """A model that is served. `origin`: where its weights come from, in words."""

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
        page = self.puzzle.page()
        rows, columns = self.puzzle.shape
        return {
            "name": self.name, "title": page.title, "board": page.board, "rows": rows, "columns": columns,
            "symbols": page.symbols, "blank": page.blank, "box": page.box, "model": self.origin, "stop": self.stop,
            "verifiable": self.puzzle.verifiable, "segments": SEGMENTS,
            "levels": [{"name": level.name, "label": level.label} for level in page.levels],
        }  # fmt: skip

    def generate(self, level: Any, targets: dict[str, Any], seed: int) -> dict[str, Any]:
        """A fresh puzzle as text. `targets`, where there are any, take the place of `level`.

        Refusal 400 for an unknown level, and for targets that are out of reach.
        """
        levels = {one.name: one.targets for one in self.puzzle.page().levels}
        if not targets:
            if not isinstance(level, str) or level not in levels:
                raise Refusal(400, f"level={str(level)[:40]}: must be one of {', '.join(levels)}")
            targets = levels[level]
        elif wrong := [name for name, value in targets.items() if isinstance(value, dict | list)]:
            raise Refusal(400, f"{wrong[0]}={str(targets[wrong[0]])[:40]}: must be a number or a word")
        try:
            inputs, _ = self.puzzle.generate(puzzles.rng(seed, "serve"), 1, **targets)
        except UserError as error:
            raise Refusal(400, str(error)) from None
        return {"puzzle": self.name, "text": self.puzzle.format_board(inputs[0], inputs[0]), "seed": seed}

    def solve(self, text: Any, segments: int = SEGMENTS, think_on: bool = False) -> dict[str, Any]:
        """What the model answers after each segment, until it halts or, with `think_on`, for all `segments`.

        `solved`: by the rules; null where the puzzle has none that tell. `halted_at`: the segment whose answer the stop
        rule takes; null where it takes none within `segments`.
        """
        if not isinstance(text, str):
            raise Refusal(400, "text: must be a string, the puzzle")
        try:
            inputs = self.puzzle.parse(text)
            if fault := self.puzzle.problem_fault(inputs, search=False):
                raise UserError(fault)
        except UserError as error:
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
            "puzzle": self.name, "text": self.puzzle.format_board(inputs, inputs), "answer": answered["grid"],
            "solved": answered["solved"], "halted_at": halted_at, "stop": self.stop, "most": segments,
            "seconds": round(seconds, 4), "segments": shown,
        }  # fmt: skip

    def _segment(self, inputs: np.ndarray, state: np.ndarray, confidence: float, residual: float) -> dict[str, Any]:
        state = state.astype(inputs.dtype)
        words, broken = self.puzzle.describe_state(inputs, state)
        return {
            "grid": self.puzzle.format_board(inputs, state),
            "confidence": round(confidence, 6),
            "residual": round(residual, 6) if math.isfinite(residual) else None,
            "verdict": words,
            "solved": bool(self.puzzle.check(inputs[None], state[None]).solved[0]) if self.puzzle.verifiable else None,
            "broken": np.flatnonzero(broken).tolist(),
        }

    def warm(self) -> None:
        """Compile and load what the first request would wait for."""
        if levels := self.puzzle.page().levels:
            self.solve(self.generate(levels[0].name, {}, 0)["text"], segments=1)
