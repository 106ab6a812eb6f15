"""Preference pairs: {"prompt": text, "chosen": text, "rejected": text}, as RewardBench and TRL's trainers take them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hrm_net.reward.formats.prm800k import Record
from hrm_net.reward.formats.records import TextSolution, message_text
from puzzles.errors import UserError

SEPARATOR = "\n\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two ways to go on from one prompt, the better one first. UserError where they are the same text."""

    prompt: str
    chosen: str
    rejected: str

    def __post_init__(self) -> None:
        if self.chosen == self.rejected:
            raise UserError("chosen and rejected are the same text: one must be better than the other")


def parse(row: dict[str, Any]) -> Pair:
    """A row as a pair, of texts or of conversations (lists of messages); further columns are ignored."""
    return Pair(
        prompt=message_text(row, "prompt"), chosen=message_text(row, "chosen"), rejected=message_text(row, "rejected")
    )


def row(pair: Pair) -> dict[str, Any]:
    """The row of a pair."""
    return {"prompt": pair.prompt, "chosen": pair.chosen, "rejected": pair.rejected}


def outcome_pairs(solutions: Sequence[TextSolution], rng: np.random.Generator, *, most: int) -> list[Pair]:
    """For each problem, at most `most` pairs of a solution with a right outcome and one with a wrong outcome, drawn
    without repetition; solutions of unknown outcome are left out. UserError for a solution that is called both."""
    if most < 1:
        raise UserError(f"most={most}: must be at least 1")
    by_problem: dict[str, tuple[list[str], list[str]]] = {}
    for one in solutions:
        if one.outcome is not None:
            by_problem.setdefault(one.problem, ([], []))[int(one.outcome)].append(SEPARATOR.join(one.steps))
    found = []
    for problem, (wrong, right) in by_problem.items():
        if set(wrong) & set(right):
            raise UserError(f"problem {problem[:60]!r}: the same solution has a right and a wrong outcome")
        num = len(right) * len(wrong)
        for which in rng.permutation(num)[:most].tolist():
            chosen, rejected = divmod(which, len(wrong))
            found.append(Pair(prompt=problem, chosen=right[chosen], rejected=wrong[rejected]))
    return found


def step_pairs(record: Record) -> list[Pair]:
    """Every completion rated 1 against every one rated -1 of the same step; the prompt ends with the steps before.

    UserError for a text that is rated both.
    """
    found, before = [], [record.problem]
    for step in record.steps:
        prompt = SEPARATOR.join(before)
        completions = step.completions or []
        right, wrong = ([one.text for one in completions if one.rating == rating] for rating in (1, -1))
        found += [Pair(prompt=prompt, chosen=a, rejected=b) for a in right for b in wrong]
        if step.taken is None:
            break
        before.append(step.taken.text)
    return found
