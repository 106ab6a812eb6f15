"""Candidate solutions to word problems, a problem a line: {"problem", "answer", "candidates": [{"steps"} | {"text"}]}.

The problem may also stand under `question` or `prompt`, and a candidate may be a plain text. Other keys are kept.
"""

import re
from dataclasses import dataclass
from typing import Any

from hrm_net.reward.formats.records import field, message_text, text_or_number, texts
from hrm_net.reward.text.answers import final_answer
from puzzles.errors import UserError

PROBLEM_KEYS = ("problem", "question", "prompt")  # the first of them that a line has is its problem


@dataclass(kw_only=True, slots=True)
class Candidates:
    """A problem, its right answer where that is known, and solutions to choose from, each by its steps.

    `rows` are the candidates as they stand in the file, `rest` its other keys.
    """

    problem: str
    answer: str | None
    steps: list[list[str]]
    rows: list[dict[str, Any]]
    rest: dict[str, Any]


def parse(row: dict[str, Any]) -> Candidates:
    """A line; UserError for one without a problem or without a candidate."""
    rows = [_candidate(one, i) for i, one in enumerate(field(row, "candidates", list))]
    if not rows:
        raise UserError("candidates=[]: must hold at least one candidate")
    return Candidates(
        problem=problem_of(row),
        answer=answer_of(row),
        steps=[texts(one, "steps") if "steps" in one else split_steps(field(one, "text", str)) for one in rows],
        rows=rows,
        rest={key: value for key, value in row.items() if key not in (problem_key(row), "answer", "candidates")},
    )


def _candidate(row: object, i: int) -> dict[str, Any]:
    row = {"text": row} if isinstance(row, str) else row
    if not isinstance(row, dict) or not ("steps" in row or "text" in row):
        raise UserError(f"candidates[{i}]: must be a text, or an object with `steps` or `text`")
    if row.get("steps") == []:
        raise UserError(f"candidates[{i}].steps=[]: must hold at least one step")
    return row


def problem_key(row: dict[str, Any]) -> str:
    """The key that the problem of a line stands under."""
    return next((key for key in PROBLEM_KEYS if key in row), PROBLEM_KEYS[0])


def problem_of(row: dict[str, Any]) -> str:
    """The problem of a line of candidates, or of a file of problems such as GSM8K and MATH."""
    return message_text(row, problem_key(row))


def answer_of(row: dict[str, Any]) -> str | None:
    """Its right answer; where a whole solution stands in its place (GSM8K: `... #### 7`), what that ends in."""
    text = text_or_number(row, "answer")
    if text is not None and not text.strip():
        raise UserError('answer="": must be a text that is not empty, or null')
    return final_answer(text) if text is not None and "####" in text else text


def split_steps(text: str) -> list[str]:
    """The steps of a solution that comes as one text: its paragraphs, or its lines where it is one paragraph.

    An empty text is one empty step.
    """
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]
    if len(paragraphs) == 1:
        paragraphs = [line.strip() for line in paragraphs[0].splitlines() if line.strip()]
    return paragraphs or [""]
