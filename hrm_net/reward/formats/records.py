"""A solution in words: what every text format is read into and written from; and typed access to the keys of a row."""

import json
from dataclasses import dataclass
from typing import Any, TypeVar

from puzzles.errors import UserError

T = TypeVar("T")


@dataclass(kw_only=True, slots=True)
class TextSolution:
    """One attempt at one problem, step by step. UserError for a label outside [0, 1], or not one label for each step.

    `labels` say how right each step is, None where nobody said; `outcome`, whether the answer that it ends in is right.
    `answer` is the right answer to the problem; `source` names who wrote the solution. `original` is the question that
    the problem was made from by rewording it; data are split by it.
    """

    problem: str
    steps: list[str]
    labels: list[float | None] | None = None
    outcome: bool | None = None
    answer: str | None = None
    id: str = ""
    source: str = ""
    original: str | None = None

    def __post_init__(self) -> None:
        if not self.steps:
            raise UserError("steps=[]: must hold at least one step")
        if self.labels is None:
            return
        if len(self.labels) != len(self.steps):
            raise UserError(f"labels: {len(self.labels)} of {len(self.steps)} steps: must be one for each step")
        for t, label in enumerate(self.labels):
            if label is not None and not 0 <= label <= 1:
                raise UserError(f"labels[{t}]={label}: must lie in 0..1")

    @property
    def question(self) -> str:
        """What data are split by: the original question, or the problem."""
        return self.problem if self.original is None else self.original

    def hard_labels(self, threshold: float) -> list[bool | None]:
        """Right or wrong for each step: a label of at least `threshold` is right. UserError without any labels."""
        check_threshold(threshold)
        if self.labels is None:
            raise UserError("labels=null: this solution has none")
        return [None if label is None else label >= threshold for label in self.labels]

    def first_error(self, threshold: float) -> int | None:
        """The first wrong step, from 0; None where all are right. UserError where an unlabelled one comes before it."""
        for t, right in enumerate(self.hard_labels(threshold)):
            if right is None:
                raise UserError(f"labels[{t}]=null: whether the first error comes before is not known")
            if not right:
                return t
        return None


def check_threshold(threshold: float) -> None:
    """UserError for a threshold that would call every label right, or none."""
    if not 0 < threshold <= 1:
        raise UserError(f"threshold={threshold}: must be above 0 and at most 1")


def field(row: dict[str, Any], key: str, kind: type[T]) -> T:
    """`row[key]`; UserError where it is missing or of another type. A truth value is not a number."""
    value = row.get(key)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        found = "is missing" if key not in row else f"is {_shown(value)}"
        raise UserError(f"{key} {found}: must be {_NAMES[kind]}")
    return value


def texts(row: dict[str, Any], key: str) -> list[str]:
    """`row[key]`, a list of texts; UserError for anything else."""
    values = field(row, key, list)
    for t, value in enumerate(values):
        if not isinstance(value, str):
            raise UserError(f"{key}[{t}] is {_shown(value)}: must be a text")
    return values


def optional(row: dict[str, Any], key: str, kind: type[T]) -> T | None:
    """`row[key]`, or None where it is missing or null; UserError for another type."""
    return None if row.get(key) is None else field(row, key, kind)


def number(value: object, name: str) -> float:
    """A JSON number or truth value as a float; UserError for anything else."""
    if not isinstance(value, bool | int | float):
        raise UserError(f"{name} is {_shown(value)}: must be a number or true or false")
    return float(value)


_NAMES: dict[type, str] = {
    str: "a text", list: "a list", dict: "an object", bool: "true or false", int: "a whole number",
}  # fmt: skip


def text_or_number(row: dict[str, Any], key: str) -> str | None:
    """`row[key]`, a text or a number, as a text; None where it is missing or null. UserError for another type."""
    value = row.get(key)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return optional(row, key, str)


def message_text(row: dict[str, Any], key: str) -> str:
    """`row[key]`, a text or (in the conversational form of TRL and others) a list of messages with their texts.

    Of several messages the texts are joined by blank lines. UserError for anything else.
    """
    messages = row.get(key)
    if not isinstance(messages, list):
        return field(row, key, str)
    parts = []
    for i, message in enumerate(messages):
        if not isinstance(message, dict):
            raise UserError(f"{key}[{i}] is {_shown(message)}: must be a message, an object with role and content")
        try:
            parts.append(field(message, "content", str))
        except UserError as error:
            raise UserError(f"{key}[{i}].{error}") from None
    if not parts:
        raise UserError(f"{key}=[]: must hold at least one message")
    return "\n\n".join(parts)


def _shown(value: object) -> str:
    """As JSON writes it, cut to 40 characters."""
    text = " ".join(json.dumps(value, ensure_ascii=False, default=repr).split())
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= 40 else f"{text[:37]}..."
