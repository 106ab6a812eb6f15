"""PRMBench (arXiv 2501.03124): solutions into which errors of one kind were written, the wrong steps counted from 1.

{"modified_question", "modified_process": [step], "error_steps": [number], "classification", "idx", "question"}

`question` is the question as PRM800K words it; it may be missing.
"""

from typing import Any

from hrm_net.reward.formats.records import TextSolution, field, optional, text_or_number, texts
from puzzles.errors import UserError


def parse(row: dict[str, Any]) -> TextSolution:
    """A row as a solution; `source` is the kind of error, and every step has a label."""
    steps = texts(row, "modified_process")
    if not steps:
        raise UserError("modified_process=[]: must hold at least one step")
    labels: list[float | None] = [1.0] * len(steps)
    for i, number in enumerate(field(row, "error_steps", list)):
        if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= len(steps):
            raise UserError(f"error_steps[{i}]={number}: must be a whole number from 1 to {len(steps)}")
        labels[number - 1] = 0.0
    return TextSolution(
        problem=field(row, "modified_question", str),
        steps=steps,
        labels=labels,
        id=text_or_number(row, "idx") or "",
        source=field(row, "classification", str),
        original=optional(row, "question", str),
    )
