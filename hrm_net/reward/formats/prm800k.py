"""PRM800K (Lightman et al., arXiv 2305.20050): at each step several rated completions, and the one that was taken.

A rating is 1 (right), 0 (neutral), -1 (wrong) or null. What this module has no name for is kept in `rest`, so that a
record is written as it was read.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from hrm_net.reward.formats.records import TextSolution, check_threshold, optional, text_or_number
from hrm_net.reward.formats.records import field as entry
from puzzles.errors import UserError

# What a neutral rating counts as: right for Lightman et al., wrong in TRL's conversion, left out by HRM-reward.
Neutral = Literal["drop", "positive", "negative"]
ENDED_WITHOUT = ("bad_problem", "give_up")


@dataclass(kw_only=True, slots=True)
class Completion:
    """One way to go on, and what a person thought of it."""

    text: str
    rating: int | None
    rest: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True, slots=True)
class RatedStep:
    """The completions of one step; the solution goes on from `chosen`, or from the one that a person wrote."""

    completions: list[Completion] | None
    human: Completion | None
    chosen: int | None
    rest: dict[str, Any] = field(default_factory=dict)

    @property
    def taken(self) -> Completion | None:
        """What the solution goes on from; None where it ends here."""
        return self.human if self.chosen is None or self.completions is None else self.completions[self.chosen]


@dataclass(kw_only=True, slots=True)
class Record:
    """One problem with one rated solution. `finish_reason`: solution, found_error, give_up or bad_problem."""

    problem: str
    answer: str | None
    steps: list[RatedStep]
    finish_reason: str | None
    question: dict[str, Any] = field(default_factory=dict)
    label: dict[str, Any] = field(default_factory=dict)
    rest: dict[str, Any] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        """Whether the published data sets are made from it: neither given up nor a bad problem."""
        return self.finish_reason not in ENDED_WITHOUT

    @property
    def finished(self) -> bool:
        """Whether the path ends in a solution: it is said to, and no step of it was left without a choice."""
        return self.finish_reason == "solution" and all(step.taken is not None for step in self.steps)

    def path(self) -> list[Completion]:
        """The completions taken, to the first step where there is none."""
        found = []
        for step in self.steps:
            if step.taken is None:
                break
            found.append(step.taken)
        return found


def parse(row: dict[str, Any]) -> Record:
    """A line of the published files."""
    question, label = entry(row, "question", dict), entry(row, "label", dict)
    steps = []
    for t, step in enumerate(entry(label, "steps", list)):
        try:
            steps.append(_parse_step(step))
        except ValueError as error:
            raise UserError(f"label.steps[{t}]: {error}") from None
    return Record(
        problem=entry(question, "problem", str),
        answer=text_or_number(question, "ground_truth_answer"),
        steps=steps,
        finish_reason=optional(label, "finish_reason", str),
        question=_without(question, "problem", "ground_truth_answer"),
        label=_without(label, "steps", "finish_reason"),
        rest=_without(row, "question", "label"),
    )


def _parse_step(row: object) -> RatedStep:
    if not isinstance(row, dict):
        raise UserError("must be an object")
    listed, human = optional(row, "completions", list), optional(row, "human_completion", dict)
    completions = None if listed is None else [_parse_completion(one) for one in listed]
    by_text: dict[str, int] = {}
    for one in completions or []:
        if one.rating and by_text.setdefault(one.text, one.rating) != one.rating:
            raise UserError(f"the completion {one.text[:40]!r} is rated 1 and -1: must be one of them")
    chosen = optional(row, "chosen_completion", int)
    if chosen is not None and not 0 <= chosen < len(completions or []):
        raise UserError(f"chosen_completion={chosen}: must be one of {len(completions or [])} completions")
    return RatedStep(
        completions=completions,
        human=None if human is None else _parse_completion(human),
        chosen=chosen,
        rest=_without(row, "completions", "human_completion", "chosen_completion"),
    )


def _parse_completion(row: object) -> Completion:
    if not isinstance(row, dict):
        raise UserError("a completion must be an object")
    rating = optional(row, "rating", int)
    if rating not in (None, -1, 0, 1):
        raise UserError(f"rating={rating}: must be -1, 0, 1 or null")
    return Completion(text=entry(row, "text", str), rating=rating, rest=_without(row, "text", "rating"))


def _without(row: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in keys}


def row(record: Record) -> dict[str, Any]:
    """The line of a record."""
    question = {"problem": record.problem, "ground_truth_answer": record.answer, **record.question}
    steps = [_step_row(step) for step in record.steps]
    return {
        **record.rest,
        "question": question,
        "label": {"steps": steps, **record.label, "finish_reason": record.finish_reason},
    }


def _step_row(step: RatedStep) -> dict[str, Any]:
    completions = None if step.completions is None else [_completion_row(one) for one in step.completions]
    human = None if step.human is None else _completion_row(step.human)
    return {"completions": completions, "human_completion": human, "chosen_completion": step.chosen, **step.rest}


def _completion_row(completion: Completion) -> dict[str, Any]:
    return {"text": completion.text, "rating": completion.rating, **completion.rest}


def label_of(rating: int | None, neutral: Neutral) -> float | None:
    """1 right, 0 wrong, None: no label."""
    if rating == 0:
        return {"drop": None, "positive": 1.0, "negative": 0.0}[neutral]
    return None if rating is None else float(rating == 1)


def solution(record: Record, *, neutral: Neutral) -> TextSolution:
    """The path taken as a solution; what a person wrote counts as right. UserError for a record without a step.

    Its outcome is known to be right where the path was finished.
    """
    path = record.path()
    labels = [
        1.0 if one is step.human else label_of(one.rating, neutral)
        for one, step in zip(path, record.steps, strict=False)
    ]
    return TextSolution(
        problem=record.problem,
        steps=[one.text for one in path],
        labels=labels,
        outcome=True if record.finished else None,
        answer=record.answer,
        source="prm800k",
    )


def record_of(solution: TextSolution, *, wrong_below: float, right_from: float) -> Record:
    """A record with one completion a step: rated -1 below `wrong_below`, 1 from `right_from` on, 0 between."""
    check_threshold(wrong_below)
    check_threshold(right_from)
    if wrong_below > right_from:
        raise UserError(f"wrong_below={wrong_below}: must be at most right_from={right_from}")
    labels = solution.labels or [None] * len(solution.steps)
    steps = []
    for text, label in zip(solution.steps, labels, strict=True):
        rating = None if label is None else 1 if label >= right_from else -1 if label < wrong_below else 0
        completion = Completion(text=text, rating=rating, rest={"flagged": False})
        steps.append(RatedStep(completions=[completion], human=None, chosen=0))
    reason = {True: "solution", False: "found_error", None: None}[solution.outcome]
    return Record(problem=solution.problem, answer=solution.answer, steps=steps, finish_reason=reason)
