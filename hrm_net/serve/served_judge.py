"""A judge of two candidates, as the page needs it: pairs to look at, and what it says of one segment by segment."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

import puzzles
from hrm_net.reward.pair.judge import PairJudge
from hrm_net.serve.refusal import Refusal
from puzzles.errors import UserError
from puzzles.steps.policies import CarelessSolver
from puzzles.steps.prefixes import sample_pairs

PUZZLES = 8  # that are tried at once for two candidates that only the solution tells apart
STEPS = (4, 3, 2, 1)  # lengths of candidates, in the order they are tried
ERROR = 0.15  # of the policy that writes them


@dataclass(kw_only=True, slots=True)
class ServedJudge:
    """A judge that is served. `origin`: where its weights come from, in words."""

    judge: PairJudge
    origin: str

    @property
    def name(self) -> str:
        return self.judge.puzzle.name

    def describe(self) -> dict[str, Any]:
        """What the page must know before anything is asked."""
        puzzle = self.judge.puzzle
        page, (rows, columns) = puzzle.page(), puzzle.shape
        return {
            "name": self.name, "title": page.title, "board": page.board, "rows": rows, "columns": columns,
            "symbols": page.symbols, "blank": page.blank, "box": page.box, "model": self.origin,
            "stop": self.judge.stop, "segments": self.judge.segments,
            "levels": [{"name": level.name, "label": level.label} for level in page.levels],
        }  # fmt: skip

    def generate(self, level: Any, seed: int) -> dict[str, Any]:
        """A fresh puzzle and two unfinished solutions of it, of which one can still come right. Refusal 400 for an
        unknown level, and for one whose puzzles have no such pair."""
        puzzle, rules = self.judge.puzzle, self.judge.rules
        levels = {one.name: one.targets for one in puzzle.page().levels}
        if not isinstance(level, str) or level not in levels:
            raise Refusal(400, f"level={str(level)[:40]}: must be one of {', '.join(levels)}")
        rng = puzzles.rng(seed, "serve pairs")
        problems, answers = puzzle.generate(rng, PUZZLES, **levels[level])
        rules.remember(problems, answers)
        policy = CarelessSolver(rules, error=ERROR)
        for steps in STEPS:
            try:
                found = sample_pairs(policy, rules, rng, problems, steps=steps, budget=puzzle.seq_len, pairs=1)
            except UserError:
                continue  # no pair of this length
            row, first, second = found.problem[0], found.first[0], found.second[0]
            grids = {"text": row, "first": first, "second": second}
            texts = {key: puzzle.format_board(row, one) for key, one in grids.items()}
            return {"puzzle": self.name, "seed": seed, **texts}
        raise Refusal(400, f"level={level}: no two candidates of its puzzles differ in hope alone; try another seed")

    def compare(self, text: Any, first: Any, second: Any) -> dict[str, Any]:
        """What the judge says after each segment: `probability` that the first is better and `halting`; `stopped_at`:
        the segment after which it stops, null where it stops at the last; and what the exact solver says of both."""
        given = {"text": text, "first": first, "second": second}
        for key, value in given.items():
            if not isinstance(value, str):
                raise Refusal(400, f"{key}: must be a string")
        began = time.perf_counter()
        try:
            problem, states = self.judge.read(text, [first, second])
            thought = self.judge.think(problem, states[0], states[1])
        except UserError as error:
            raise Refusal(400, str(error)) from None
        seconds = time.perf_counter() - began
        stopped = thought.stopped_at or len(thought.probability)
        alive = self._alive(problem, np.stack(states))
        return {
            "puzzle": self.name, "seconds": round(seconds, 4), "stopped_at": thought.stopped_at,
            "verdict": "first" if thought.probability[stopped - 1] > 0.5 else "second",
            "confidence": round(float(max(thought.probability[stopped - 1], 1 - thought.probability[stopped - 1])), 6),
            "can_come_right": {"first": bool(alive[0]), "second": bool(alive[1])},
            "segments": [
                {"probability": round(float(p), 6), "halting": round(float(h), 6)}
                for p, h in zip(thought.probability, thought.halting, strict=True)
            ],
        }  # fmt: skip

    def _alive(self, problem: np.ndarray, states: np.ndarray) -> np.ndarray:
        rules = self.judge.rules
        targets = rules.targets(np.repeat(problem[None], len(states), axis=0), states, states)
        return ((states == targets) | (states == rules.blank)).all(axis=1)

    def warm(self) -> None:
        """Compile and load what the first request would wait for."""
        pair = self.generate(self.judge.puzzle.page().levels[0].name, 0)
        self.compare(pair["text"], pair["first"], pair["second"])
