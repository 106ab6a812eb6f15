"""A step scorer as plain functions of the shape that reinforcement learning of language models calls.

    reward_function(scorer)         one reward for each completion, as TRL's trainers call it
    step_reward_function(scorer)    one for each step of each completion
    rubric_function(scorer)         one for one rollout, as the library verifiers calls it

A policy that is trained on a reward finds what pays. These rewards are therefore made so that the following holds for
every head, every aggregation and any weights, trained or not:

1. A completion that holds no *answer* is `invalid`, and that is below every answer. An answer is read without doubt
   (`hrm_net.reward.completions.solution_steps`), keeps the puzzle's rules of writing, takes at most `scorer.budget`
   steps, and is complete: a Sudoku or an ARC grid without a blank cell, a maze whose marks connect S and G.
2. Where the rules tell a solution (Sudoku, mazes), no wrong answer is above a right one.
3. The reward of an answer depends on its canonical form alone (`hrm_net.reward.canonical`), in which each cell is
   written once, with its last value: a step that changes nothing, and whatever is overwritten or erased later, change
   no reward. The canonical steps are scored as if no more were allowed, so that nothing is left to do after the last.
4. An answer that writes a value twice has the least value that an answer can have.

Let S be a right solution that writes no value twice. Then no prefix of S, and nothing that is made of S by putting in
steps (padding, junk, repetition, erasing and writing again) and ends in the same state, has a higher reward than S: it
is invalid, or wrong, or writes a value twice, or has the canonical form of S.

What is *not* guaranteed, because the score is learned: which of two right solutions is ranked higher that write the
cells in another order, or in larger or smaller steps, or (in a maze) find different paths; which of two wrong answers
is; and, in domains whose answers the rules cannot tell (ARC) or with `verify=False`, which of two complete answers is.
Rewards of single steps keep the guarantee as a sum, see `step_reward_function`. Rewards of the same rows in different
calls agree up to rounding.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

from hrm_net.reward.aggregate import aggregate, check_aggregation
from hrm_net.reward.candidates import read_list
from hrm_net.reward.canonical import Answer, read_answer
from hrm_net.reward.completions import SHOWN, find_problem, solution_steps
from puzzles.errors import UserError

if TYPE_CHECKING:
    from hrm_net.reward.scorer import StepScorer

# What a score counts as at least in sum_log, so that a right answer has a finite reward.
LEAST_SCORE = 1e-4
KINDS = ("gains", "scores")


def reward_function(
    scorer: "StepScorer", how: str | None = None, *, invalid: float | int | str | None = None, verify: bool = True
) -> Callable[..., list[float]]:
    """A function `(prompts, completions, **columns) -> rewards` as TRL's trainers take it.

    The puzzles are the texts of the column `problem` where the data set has one, else of the prompts: a prompt is a
    text, or chat messages of which the last one by the user counts, that is a puzzle or has one puzzle as a line or
    paragraph of its own.

    The value of an answer aggregates the scores of its canonical steps by `how` (None: the head's own aggregation). It
    lies between `low` = 0 and `high` = 1; with sum_log, where a score counts as at least 1e-4, between `low` =
    `scorer.budget * log(1e-4)` and `high` = 0. Where a value is written twice, it is `low`. The reward is

        the value                   of an answer that is right, or that the rules cannot tell
        low - (high - value) / 2    of an answer that is wrong by the rules
        low - (high - low)          of an invalid completion, unless `invalid` gives another number

    With `verify=False` the rules are not asked, and wrong answers get their value. `invalid` must be below the least
    reward of an answer; minus infinity, which most trainers do not survive, is `invalid="-inf"`. UserError for other
    values, and for a problem that cannot be read or has no solution; no completion is an error.
    """
    rule = _Rule.of(scorer, how, invalid, verify)

    def step_scorer(prompts: Any, completions: Any, **columns: Any) -> list[float]:
        answers = _read(scorer, prompts, completions, columns)
        return [rule.invalid if one is None else one.reward for one in _scored(scorer, answers, rule)]

    return _named(step_scorer, scorer, rule)


def step_reward_function(
    scorer: "StepScorer",
    how: str | None = None,
    *,
    kind: str = "gains",
    invalid: float | int | str | None = None,
    verify: bool = True,
) -> Callable[..., list[list[float]]]:
    """A function `(prompts, completions, **columns) -> rewards[completion][step]`, a reward for each step as written.

    `gains`: what each step adds to the reward of the whole, which is that of `reward_function` with the same `how`,
    `invalid` and `verify`. The gains of a completion sum to its reward, so whoever maximises their sum (undiscounted)
    maximises a reward with all its guarantees; a step that is not part of the canonical form gains 0, and the last step
    carries what is known only in the end: that the completion is invalid or wrong, or writes a value twice.

    `scores`: the score of each step as written, from 0 to 1, with nothing left of the budget after the last; each step
    of an invalid completion has the reward `invalid`. They say which step is wrong, and nothing is guaranteed of their
    sum: it grows with the number of steps.

    A completion in which no steps can be read counts as one invalid step.
    """
    if kind not in KINDS:
        raise UserError(f"kind={kind}: must be one of {', '.join(KINDS)}")
    rule = _Rule.of(scorer, how, invalid, verify)

    def step_scorer(prompts: Any, completions: Any, **columns: Any) -> list[list[float]]:
        answers = _read(scorer, prompts, completions, columns)
        found = _scored(scorer, answers, rule, written=kind == "scores")
        return [
            _invalid_steps(rule, answer, kind) if one is None or isinstance(answer, int) else
            one.written if kind == "scores" else _gains(rule, answer, one)
            for answer, one in zip(answers, found, strict=True)
        ]  # fmt: skip

    return _named(step_scorer, scorer, rule)


def rubric_function(
    scorer: "StepScorer", how: str | None = None, *, invalid: float | int | str | None = None, verify: bool = True
) -> Callable[..., float]:
    """`reward_function` for one rollout, `(prompt, completion, info) -> reward`, as rubrics of the library verifiers
    take it.

    The puzzle is `info["problem"]` where there is one, else in the prompt. `info` is a mapping, or one as JSON text.
    """
    rewards = reward_function(scorer, how, invalid=invalid, verify=verify)

    def step_scorer(prompt: Any, completion: Any, info: Any = None, **_: Any) -> float:
        info = _mapping(info)
        columns = {"problem": [info["problem"]]} if "problem" in info else {}
        return rewards([prompt], [completion], **columns)[0]

    step_scorer.__name__ = rewards.__name__
    return step_scorer


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rule:
    """How scores of steps become a reward."""

    how: str
    low: float
    high: float
    invalid: float
    verify: bool

    @classmethod
    def of(cls, scorer: "StepScorer", how: str | None, invalid: float | int | str | None, verify: bool) -> "_Rule":
        from hrm_net.reward.heads import HEADS

        chosen = HEADS[scorer.objective].aggregation if how is None else how
        check_aggregation(chosen)
        low, high = (scorer.budget * math.log(LEAST_SCORE), 0.0) if chosen == "sum_log" else (0.0, 1.0)
        lowest = low - (high - low) / 2 if verify else low
        value = low - (high - low) if invalid is None else invalid
        value = -math.inf if value == "-inf" else value
        if not isinstance(value, Real) or isinstance(value, bool) or not float(value) < lowest:
            bound = f"a number below {lowest:g}, the least reward of an answer by {chosen}"
            raise UserError(f"invalid={value}: must be {bound}, or -inf by that name")
        return cls(how=chosen, low=low, high=high, invalid=float(value), verify=verify)

    def value(self, scores: list[float]) -> float:
        """The aggregated scores of steps."""
        return aggregate([max(score, LEAST_SCORE) for score in scores] if self.how == "sum_log" else scores, self.how)

    def reward(self, answer: Answer, scores: list[float]) -> float:
        """The reward of an answer with these scores of its canonical steps."""
        value = self.low if answer.repeats else self.value(scores)
        return self.low - (self.high - value) / 2 if self.verify and answer.right is False else value


@dataclass(frozen=True, kw_only=True, slots=True)
class _Scored:
    """The reward of one answer, the scores of its canonical steps, and, where asked for, of those as written."""

    reward: float
    scores: list[float]
    written: list[float]


def _read(scorer: "StepScorer", prompts: Any, completions: Any, columns: Mapping[str, Any]) -> list[Answer | int]:
    """The answer in each completion; for one that is invalid the number of its steps, 0 where none can be read."""
    named = columns.get("problem")
    name = "prompts" if named is None else "problem"
    problems = _listed(name, prompts if named is None else named, "puzzles")
    completions = _listed("completions", completions, "texts, or of lists of messages")
    if len(problems) != len(completions):
        raise UserError(f"{len(completions)} completions for {len(problems)} problems: must be equally many")
    known: dict[str, Any] = {}
    found: list[Answer | int] = []
    for i, (problem, completion) in enumerate(zip(problems, completions, strict=True)):
        try:
            tokens = find_problem(scorer.puzzle, problem, known, prompt=named is None)
        except UserError as error:
            raise UserError(f"{name}[{i}]: {error}") from None
        steps = solution_steps(completion)
        if steps is None:
            found.append(0)
            continue
        try:
            path = scorer.read_candidate(tokens, steps)
        except UserError:
            found.append(len(steps))
            continue
        answer = read_answer(scorer.rules, tokens, path, steps)
        found.append(len(steps) if answer is None else answer)
    return found


def _scored(
    scorer: "StepScorer", answers: list[Answer | int], rule: _Rule, *, written: bool = False
) -> list[_Scored | None]:
    """What each answer scores, all in one call of the scorer; None for what is invalid."""
    valid = [one for one in answers if isinstance(one, Answer)]
    scores = scorer.score_read([(one.problem, one.path) for one in valid])
    raw = scorer.score_read([(one.problem, one.written) for one in valid]) if written else [[] for _ in valid]
    found = (
        _Scored(reward=rule.reward(one, mine), scores=mine, written=theirs)
        for one, mine, theirs in zip(valid, scores, raw, strict=True)
    )
    return [next(found) if isinstance(one, Answer) else None for one in answers]


def _gains(rule: _Rule, answer: Answer, found: _Scored) -> list[float]:
    gains = [0.0] * (len(answer.written.states) - 1)
    before = 0.0
    for t, place in enumerate(answer.kept):
        value = rule.value(found.scores[: t + 1])
        gains[place], before = value - before, value
    gains[-1] += found.reward - before
    return gains


def _invalid_steps(rule: _Rule, answer: Answer | int, kind: str) -> list[float]:
    num = max(1, answer) if isinstance(answer, int) else 1
    return [rule.invalid] * num if kind == "scores" else [0.0] * (num - 1) + [rule.invalid]


def _listed(name: str, values: Any, what: str) -> list[Any]:
    try:
        return read_list(values, what)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None


def _named(function: Callable[..., Any], scorer: "StepScorer", rule: _Rule) -> Callable[..., Any]:
    """Trainers log rewards under the function's name."""
    function.__name__ = f"{scorer.objective}_{rule.how}"
    return function


def _mapping(info: Any) -> Mapping[str, Any]:
    if isinstance(info, str):
        try:
            info = json.loads(info)
        except ValueError as error:
            raise UserError(f"info={info[:SHOWN]!r}: must be a mapping, or one as JSON text: {error}") from None
    if info is None:
        return {}
    if not isinstance(info, Mapping):
        raise UserError(f"info: is of type {type(info).__name__}: must be a mapping, or one as JSON text")
    return info
