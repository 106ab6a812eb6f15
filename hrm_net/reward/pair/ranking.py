"""Candidates for puzzles in a file, ranked by a judge: {"problem", "candidates": [TEXT | {"text"} | {"steps"}]} a line.

A text is a state of the puzzle, written as the puzzle is; steps are texts such as `r1c2=3`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hrm_net.reward.formats.candidates import problem_key
from hrm_net.reward.formats.records import field, message_text, texts
from hrm_net.reward.pair.judge import PairJudge
from hrm_net.reward.pair.tournament import Ranking
from puzzles.errors import UserError


@dataclass(kw_only=True, slots=True)
class Line:
    """One problem and its candidates: as they stand in the file, and as token ids. `rest`: the line's other keys."""

    problem: str
    rows: list[dict[str, Any]]
    rest: dict[str, Any]
    tokens: np.ndarray
    states: list[np.ndarray]


def reader(judge: PairJudge) -> Callable[[dict[str, Any]], Line]:
    """What reads a line; it gives UserError for one without a sound problem, or with a candidate of another problem."""

    def read(row: dict[str, Any]) -> Line:
        key = problem_key(row)
        listed = [{"text": one} if isinstance(one, str) else one for one in field(row, "candidates", list)]
        if not listed:
            raise UserError("candidates=[]: must hold at least one candidate")
        tokens, states = judge.read(message_text(row, key), [_candidate(one, i) for i, one in enumerate(listed)])
        rest = {name: value for name, value in row.items() if name not in (key, "candidates")}
        return Line(problem=message_text(row, key), rows=listed, rest=rest, tokens=tokens, states=states)

    return read


def ranked(line: Line, ranking: Ranking, alive: list[bool]) -> dict[str, Any]:
    """A line like the one that was read, its candidates best first, each with `score` and `can_come_right` (by the
    exact solver); and the games and segments that the order took."""
    rows = [line.rows[i] | {"score": ranking.scores[i], "can_come_right": alive[i]} for i in ranking.order]
    told = {"games": ranking.games, "segments": ranking.segments}
    return {"problem": line.problem, **line.rest, **told, "candidates": rows}


def can_come_right(judge: PairJudge, line: Line) -> list[bool]:
    """Whether each candidate agrees with a solution of the problem wherever something is written."""
    states = np.stack(line.states)
    problems = np.repeat(line.tokens[None], len(states), axis=0)
    targets = judge.rules.targets(problems, states, states)
    return ((states == targets) | (states == judge.rules.blank)).all(axis=1).tolist()


def _candidate(row: Any, i: int) -> Any:
    if not isinstance(row, dict) or not ("steps" in row or "text" in row):
        raise UserError(f"candidates[{i}]: must be a text, or an object with `steps` or `text`")
    return texts(row, "steps") if "steps" in row else field(row, "text", str)
