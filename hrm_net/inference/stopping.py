"""When a puzzle has been thought about enough: stop rules, and the short texts that name them.

    q            the halting head says so            q:0.9           its probability of being right is at least 0.9
    unchanged:3  the answer stayed for 3 segments    residual:0.05   z_H moved by less than 5 % of its length
    rules        the puzzle's rules verify the answer                fixed           never early

Rules joined by + must all hold; of several rules, any one ends a row.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from puzzles.errors import UserError


@dataclass(kw_only=True, slots=True)
class Look:
    """What is known of each row after a segment, on the model's device.

    `unchanged` counts the segments that the answer has stayed what it is, `residual` is |z_H' - z_H| / |z_H'|
    (infinite after a row's first segment). `verified` asks the puzzle's rules, when called.
    """

    wants_to_halt: Bool[Tensor, " batch"]
    confidence: Float[Tensor, " batch"]
    unchanged: Int[Tensor, " batch"]
    residual: Float[Tensor, " batch"]
    verified: Callable[[], Tensor]


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition: `kind` with its number, where it has one."""

    kind: str
    bound: float | None = None

    def __call__(self, look: Look) -> Bool[Tensor, " batch"]:
        if self.bound is None:
            if self.kind == "q":
                return look.wants_to_halt
            return look.verified() if self.kind == "rules" else torch.zeros_like(look.wants_to_halt)
        if self.kind == "q":
            return look.confidence >= self.bound
        return look.unchanged >= self.bound if self.kind == "unchanged" else look.residual < self.bound


@dataclass(frozen=True, slots=True)
class StopRule:
    """Stops a row where every one of `rules` holds."""

    rules: tuple[Rule, ...]
    text: str

    def uses(self, kind: str) -> bool:
        return any(rule.kind == kind for rule in self.rules)

    def __call__(self, look: Look) -> Bool[Tensor, " batch"]:
        stops = self.rules[0](look)
        for rule in self.rules[1:]:
            stops = stops & rule(look)
        return stops


def parse_stop(stop: str | Sequence[str]) -> list[StopRule]:
    """The rules that texts name; ValueError of one line for a text that names none."""
    texts = [stop] if isinstance(stop, str) else list(stop)
    if not texts:
        raise UserError("stop=[]: give at least one rule; fixed never stops early")
    return [StopRule(rules=tuple(_parse(text, part) for part in text.split("+")), text=text) for text in texts]


def check_stop(stops: Sequence[StopRule], *, halting: str, puzzle_name: str, verifiable: bool) -> None:
    """ValueError for a rule that the model or the puzzle cannot serve."""
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


def _parse(text: str, part: str) -> Rule:
    kind, colon, number = part.strip().partition(":")
    if kind not in ("q", "unchanged", "residual", "rules", "fixed"):
        raise UserError(f"stop={text}: must be made of q, q:P, unchanged:K, residual:R, rules or fixed")
    if not colon:
        if kind in ("unchanged", "residual"):
            raise UserError(f"stop={text}: {kind} needs a number: {kind}:{3 if kind == 'unchanged' else 0.05}")
        return Rule(kind)
    if kind in ("rules", "fixed"):
        raise UserError(f"stop={text}: {kind} takes no number")
    good, words = _BOUNDS[kind]
    try:
        bound = float(number)
    except ValueError:
        bound = float("nan")
    if not good(bound):
        raise UserError(f"stop={text}: {kind} must be followed by {words}")
    return Rule(kind, bound)
