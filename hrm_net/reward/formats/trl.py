"""TRL's stepwise supervision: {"prompt": text, "completions": [text], "labels": [true | false | number]}.

TRL documents numbers as labels and then takes int() of them, so that every soft label below 1 becomes 0: for TRL, write
truth values by a threshold of your choice.
"""

from typing import Any, Literal

from hrm_net.reward.formats.records import TextSolution, check_threshold, field, message_text, number, optional, texts
from puzzles.errors import UserError


def parse(row: dict[str, Any]) -> TextSolution:
    """A row as a solution; `id`, `source`, `answer` and `outcome` are read if they stand beside TRL's columns."""
    labels = [number(label, f"labels[{t}]") for t, label in enumerate(field(row, "labels", list))]
    return TextSolution(
        problem=message_text(row, "prompt"),
        steps=texts(row, "completions"),
        labels=list(labels),
        outcome=optional(row, "outcome", bool),
        answer=optional(row, "answer", str),
        id=optional(row, "id", str) or "",
        source=optional(row, "source", str) or "",
    )


def row(
    solution: TextSolution,
    *,
    threshold: float | None,
    unlabelled: Literal["refuse", "cut"] = "refuse",
    extras: bool = False,
) -> dict[str, Any]:
    """The row of a solution: labels of at least `threshold` are true, the others false; None writes them as they are.

    A step without a label is a UserError, or `cut` ends the solution before it. `extras` adds the keys that TRL has no
    column for.
    """
    if threshold is not None:
        check_threshold(threshold)
    labels = [] if solution.labels is None else solution.labels
    num = next((t for t, label in enumerate(labels) if label is None), len(labels))
    if num == 0 or (num < len(solution.steps) and unlabelled == "refuse"):
        raise UserError(f"labels[{num}]=null: TRL needs a label for every step; unlabelled='cut' ends it before")
    known = [label for label in labels[:num] if label is not None]
    told: dict[str, Any] = {
        "prompt": solution.problem,
        "completions": solution.steps[:num],
        "labels": known if threshold is None else [label >= threshold for label in known],
    }
    if extras:
        told |= {key: getattr(solution, key) for key in ("id", "source", "answer", "outcome")}
    return told
