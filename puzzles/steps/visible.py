"""What counting and the rules alone tell about a step: the figures that no step scorer should owe its success to."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64, Int64, Integer

from puzzles.errors import UserError
from puzzles.steps.rows import StepRows
from puzzles.steps.rules import StepRules

AT_ONCE = 8192
States = Integer[np.ndarray, "num seq"]


@runtime_checkable
class VisibleRules(Protocol):
    """Step rules of a domain that say what is seen of a state without its solution."""

    def faults(self, problems: States, states: States) -> Int64[np.ndarray, "num"]:
        """How many rules a state breaks, as far as a look at it tells."""
        ...

    def counts(self, problems: States, states: States) -> Int64[np.ndarray, "num counts"]:
        """The numbers that the rules make it natural to count, as many for every state of the domain."""
        ...


def visible_rules(rules: StepRules) -> VisibleRules:
    """The rules as VisibleRules. UserError for a domain that has none."""
    if not isinstance(rules, VisibleRules):
        raise UserError(f"puzzle={rules.puzzle.name}: has no faults and counts, so counting cannot be ruled out")
    return rules


def faults(rules: StepRules, problems: States, states: States) -> Int64[np.ndarray, "num"]:
    """How many rules each state breaks at a glance."""
    seen = visible_rules(rules)
    pieces = [slice(first, first + AT_ONCE) for first in range(0, max(len(states), 1), AT_ONCE)]
    return np.concatenate([seen.faults(problems[piece], states[piece]) for piece in pieces])


def counts(rules: StepRules, problems: States, states: States) -> Int64[np.ndarray, "num counts"]:
    """What can be counted in each state."""
    seen = visible_rules(rules)
    pieces = [slice(first, first + AT_ONCE) for first in range(0, max(len(states), 1), AT_ONCE)]
    return np.concatenate([seen.counts(problems[piece], states[piece]) for piece in pieces])


def counts_and_rules(rules: StepRules, rows: StepRows) -> Float64[np.ndarray, "rows features"]:
    """The features of the baseline: of each row its edits by kind, blanks, broken rules, steps left, what the domain
    counts before and after, and where the edits and the written cells lie (means and spreads of rows and columns).

    No digit, colour or solution enters, save what the domain's `counts` hold.
    """
    problem, before, after = rows.problem, rows.before, rows.after
    editable = rules.editable(problem)
    changed, blank = before != after, np.uint8(rules.blank)
    written = editable & (after != blank)
    kinds = [
        (changed & (before == blank)).sum(axis=1), (changed & (after == blank)).sum(axis=1),
        (changed & (before != blank) & (after != blank)).sum(axis=1), (editable & (after == blank)).sum(axis=1),
        editable.sum(axis=1), rows.left, rows.span, faults(rules, problem, before), faults(rules, problem, after),
    ]  # fmt: skip
    places = [_places(rules, cells) for cells in (changed, written)]
    seen = [counts(rules, problem, state) for state in (before, after)]
    return np.concatenate([np.stack(kinds, axis=1), *seen, *places], axis=1).astype(np.float64)


def _places(rules: StepRules, cells: np.ndarray) -> Float64[np.ndarray, "rows four"]:
    """Mean and spread of the rows, and of the columns, in which the flagged cells lie."""
    height, width = rules.puzzle.shape
    number = np.maximum(cells.sum(axis=1), 1)
    found = []
    for place in np.divmod(np.arange(height * width), width):
        mean = (cells * place).sum(axis=1) / number
        found += [mean, np.sqrt(np.maximum((cells * place**2).sum(axis=1) / number - mean**2, 0))]
    return np.stack(found, axis=1)
