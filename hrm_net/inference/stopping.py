"""Stop rules: when the model has spent enough segments on a puzzle, and the short texts that name the rules.

    q              the halting head's own decision
    q:0.9          the halting head's probability that the answer is right is at least 0.9
    unchanged:3    the answer has not changed for 3 segments
    residual:0.05  z_H moved by less than 5 % of its length
    rules          the puzzle's rules verify the answer
    fixed          never before the last segment

Conditions joined by + must all hold; of several rules, any one ends a row.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_net.nn.layer_config import as_json
from puzzles.errors import UserError


@dataclass(kw_only=True, slots=True)
class RowStatus:
    """What is known of each row after a segment, on the model's device.

    `unchanged` counts the segments for which the answer has not changed, `residual` is |z_H' - z_H| / |z_H'|
    (infinite after a row's first segment). `verified` checks the answers by the puzzle's rules, when it is called.
    """

    wants_to_halt: Bool[Tensor, " batch"]
    confidence: Float[Tensor, " batch"]
    unchanged: Int[Tensor, " batch"]
    residual: Float[Tensor, " batch"]
    verified: Callable[[], Tensor]


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: its `kind`, and the number that follows it, if any."""

    kind: str
    bound: float | None = None

    def __call__(self, status: RowStatus) -> Bool[Tensor, " batch"]:
        if self.bound is None:
            if self.kind == "q":
                return status.wants_to_halt
            return status.verified() if self.kind == "rules" else torch.zeros_like(status.wants_to_halt)
        if self.kind == "q":
            return status.confidence >= self.bound
        return status.unchanged >= self.bound if self.kind == "unchanged" else status.residual < self.bound


@dataclass(frozen=True, slots=True)
class StopRule:
    """Stops a row where all of `conditions` hold. `text` is how the user wrote it."""

    conditions: tuple[Condition, ...]
    text: str

    def uses(self, kind: str) -> bool:
        return any(condition.kind == kind for condition in self.conditions)

    def __call__(self, status: RowStatus) -> Bool[Tensor, " batch"]:
        stops = self.conditions[0](status)
        for condition in self.conditions[1:]:
            stops = stops & condition(status)
        return stops


def parse_stop(stop: str | Sequence[str]) -> list[StopRule]:
    """The rules that texts name; UserError of one line for a text that names none."""
    texts = [stop] if isinstance(stop, str) else stop
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise UserError(f"stop={as_json(stop)}: must be a text such as q:0.9, or a list of texts")
    if not texts:
        raise UserError("stop=[]: give at least one rule; fixed never stops early")
    return [StopRule(conditions=tuple(_parse(text, part) for part in text.split("+")), text=text) for text in texts]


def check_stop(stops: Sequence[StopRule], *, halting: str, puzzle_name: str, verifiable: bool) -> None:
    """UserError for a rule that needs what the model or the puzzle does not have."""
    for stop in stops:
        if stop.uses("q") and halting == "fixed":
            raise UserError(
                f"stop={stop.text}: the model was trained with halting=fixed, its halting head says nothing"
            )
        if stop.uses("rules") and not verifiable:
            raise UserError(f"stop={stop.text}: {puzzle_name} has no rules that verify an answer")


_BOUNDS: dict[str, tuple[Callable[[float], bool], str]] = {
    "q": (lambda bound: 0 < bound < 1, "a probability above 0 and below 1"),
    "unchanged": (lambda bound: bound >= 1 and bound.is_integer(), "a whole number of at least 1"),
    "residual": (lambda bound: 0 < bound < float("inf"), "a number above 0"),
}


def _parse(text: str, part: str) -> Condition:
    kind, colon, number = part.strip().partition(":")
    if kind not in ("q", "unchanged", "residual", "rules", "fixed"):
        raise UserError(f"stop={text}: must be made of q, q:P, unchanged:K, residual:R, rules or fixed")
    if not colon:
        if kind in ("unchanged", "residual"):
            raise UserError(f"stop={text}: {kind} needs a number: {kind}:{3 if kind == 'unchanged' else 0.05}")
        return Condition(kind)
    if kind in ("rules", "fixed"):
        raise UserError(f"stop={text}: {kind} takes no number")
    good, words = _BOUNDS[kind]
    try:
        bound = float(number)
    except ValueError:
        bound = float("nan")
    if not good(bound):
        raise UserError(f"stop={text}: {kind} must be followed by {words}")
    return Condition(kind, bound)
