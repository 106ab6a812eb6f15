"""Candidate solutions to word problems, a problem a line: {"problem", "answer", "candidates": [{"steps"} | {"text"}]}.

`question` may stand for `problem`, and a candidate may be a plain text. What else a line holds is kept.
"""

import re
from dataclasses import dataclass
from typing import Any

from hrm_net.reward.formats.records import field, texts
from hrm_net.reward.text.answers import final_answer
from puzzles.errors import UserError

_KEYS = ("problem", "question", "answer", "candidates")


@dataclass(kw_only=True, slots=True)
class Candidates:
    """A problem, its right answer where that is known, and solutions to choose from, each by its steps.

    `rows` are the candidates as they stood in the file, `rest` what else did.
    """

    problem: str
    answer: str | None
    steps: list[list[str]]
    rows: list[dict[str, Any]]
    rest: dict[str, Any]


def parse(row: dict[str, Any]) -> Candidates:
    """A line; ValueError for one without a problem or without a candidate."""
    rows = [_candidate(one, i) for i, one in enumerate(field(row, "candidates", list))]
    if not rows:
        raise UserError("candidates=[]: must be at least one")
    return Candidates(
        problem=problem_of(row),
        answer=answer_of(row),
        steps=[texts(one, "steps") if "steps" in one else split_steps(field(one, "text", str)) for one in rows],
        rows=rows,
        rest={key: value for key, value in row.items() if key not in _KEYS},
    )


def _candidate(row: object, i: int) -> dict[str, Any]:
    row = {"text": row} if isinstance(row, str) else row
    if not isinstance(row, dict) or not ("steps" in row or "text" in row):
        raise UserError(f"candidates[{i}]: must be a text, or an object with `steps` or `text`")
    if row.get("steps") == []:
        raise UserError(f"candidates[{i}].steps=[]: must be at least one")
    return row


def problem_of(row: dict[str, Any]) -> str:
    """The problem of a line of candidates, or of a file of problems such as GSM8K and MATH."""
    return field(row, "problem" if "problem" in row or "question" not in row else "question", str)


def answer_of(row: dict[str, Any]) -> str | None:
    """Its right answer; of a whole solution in its place (GSM8K: `... #### 7`) what that ends in."""
    answer = row.get("answer")
    if answer is None:
        return None
    if isinstance(answer, int | float) and not isinstance(answer, bool):
        return str(answer)
    text = field(row, "answer", str)
    return final_answer(text) if "####" in text else text


def split_steps(text: str) -> list[str]:
    """The steps of a solution that comes as one text: its paragraphs, or its lines where it is one paragraph.

    A text without any is one empty step.
    """
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]
    if len(paragraphs) == 1:
        paragraphs = [line.strip() for line in paragraphs[0].splitlines() if line.strip()]
    return paragraphs or [""]
