"""A text scorer as plain functions of the shapes that reinforcement learning of language models calls.

    text_reward_function(scorer)         (prompts, completions, **columns) -> rewards, as TRL's trainers take it
    text_step_reward_function(scorer)    the same, a list of rewards for each completion, one for each step
    verl_reward_function(scorer)         compute_score(data_source, solution_str, ground_truth, extra_info) of verl
    openrlhf_reward_function(scorer)     reward_func(queries, prompts, labels) of OpenRLHF

The reward of a completion aggregates the scores of its steps by `how` (None: the head's own aggregation), and lies in
[0, 1], or below 0 for `sum_log`. No completion is an error: one without text, or too long for the language model, gets
`invalid`. Unlike those of puzzles, these rewards rest on what the scorer has learned alone, and no rule verifies an
answer: a policy finds what pays. `prod` and `min` never grow with a further step, so they favour short solutions.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from numbers import Real
from typing import Any

import torch

from hrm_net.reward.aggregate import aggregate, check_aggregation
from hrm_net.reward.completions import message_text
from hrm_net.reward.heads import HEADS
from hrm_net.reward.text.scorer import TextScorer
from puzzles.errors import UserError

KINDS = ("gains", "scores")
# Columns of a data set, or keys of extra_info, that hold the question; the first one that is there counts.
QUESTIONS = ("question", "problem", "prompt")
# What policies end a response with.
ENDINGS = ("</s>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>")
LEAST_SCORE = 1e-6  # what a score counts as at least in sum_log, so that rewards are finite


def text_reward_function(
    scorer: TextScorer, how: str | None = None, *, invalid: float | int = -1.0
) -> Callable[..., list[float]]:
    """A function `(prompts, completions, **columns) -> rewards` as TRL's trainers take it.

    The question is the column `question` or `problem` where the data set has one, else the prompt: a text, or chat
    messages of which the last one by the user counts. UserError for a prompt without text, for an `invalid` that is not
    a finite number, and for an unknown `how`.
    """
    rule = _Rule(scorer, how, invalid)

    def text_scorer(prompts: Any, completions: Any, **columns: Any) -> list[float]:
        found = rule.scores(_questions(prompts, columns), completions)
        return [rule.invalid if steps is None else rule.value(steps) for steps in found]

    return rule.named(text_scorer)


def text_step_reward_function(
    scorer: TextScorer, how: str | None = None, *, kind: str = "gains", invalid: float | int = -1.0
) -> Callable[..., list[list[float]]]:
    """A function `(prompts, completions, **columns) -> rewards[completion][step]`.

    `gains`: what each step adds to the reward of the whole, which they sum to. `scores`: the score of each step. An
    invalid completion counts as one step.
    """
    if kind not in KINDS:
        raise UserError(f"kind={kind}: must be one of {', '.join(KINDS)}")
    rule = _Rule(scorer, how, invalid)

    def text_scorer(prompts: Any, completions: Any, **columns: Any) -> list[list[float]]:
        found = rule.scores(_questions(prompts, columns), completions)
        return [[rule.invalid] if steps is None else rule.steps(steps, kind) for steps in found]

    return rule.named(text_scorer)


def verl_reward_function(
    scorer: TextScorer, how: str | None = None, *, stepwise: bool = False, invalid: float | int = -1.0
) -> Callable[..., float | dict[str, Any]]:
    """verl's `compute_score(data_source, solution_str, ground_truth, extra_info=None)`, a number.

    The question is `extra_info["question"]`, or `problem`, or `prompt`; UserError where there is none. `stepwise` gives
    a dict with `score`, and with the gains of the steps, which sum to it, as `step_rewards`.
    """
    rule = _Rule(scorer, how, invalid)

    def compute_score(
        data_source: Any, solution_str: Any, ground_truth: Any, extra_info: Mapping[str, Any] | None = None, **_: Any
    ) -> float | dict[str, Any]:
        known = extra_info or {}
        key = next((key for key in QUESTIONS if key in known), None)
        if key is None:
            raise UserError(f"extra_info: must hold the question as {', or '.join(QUESTIONS)}")
        (steps,) = rule.scores(_texts(key, [known[key]]), [solution_str])
        score = rule.invalid if steps is None else rule.value(steps)
        if not stepwise:
            return score
        return {"score": score, "step_rewards": [score] if steps is None else rule.steps(steps, "gains")}

    return compute_score


def openrlhf_reward_function(
    scorer: TextScorer,
    how: str | None = None,
    *,
    stepwise: bool = False,
    invalid: float | int = -1.0,
    endings: Sequence[str] = ENDINGS,
) -> Callable[..., dict[str, Any]]:
    """OpenRLHF's `reward_func(queries, prompts, labels)`: a dict of `rewards`, `scores` and `extra_logs`.

    A query is a prompt with the response after it; `endings` are cut off the response. UserError for a query that does
    not hold its prompt. `scores` are the rewards cut to [0, 1]. `stepwise` adds lists of gains as `step_rewards`.
    """
    rule = _Rule(scorer, how, invalid)

    def reward_func(queries: Sequence[str], prompts: Sequence[str], labels: Any = None, **_: Any) -> dict[str, Any]:
        responses = [_response(i, *pair, endings) for i, pair in enumerate(zip(queries, prompts, strict=True))]
        found = rule.scores(_texts("prompts", prompts), responses)
        rewards = torch.tensor([rule.invalid if steps is None else rule.value(steps) for steps in found])
        logs = {"steps": torch.tensor([0.0 if steps is None else float(len(steps)) for steps in found])}
        given: dict[str, Any] = {"rewards": rewards, "scores": rewards.clamp(0, 1), "extra_logs": logs}
        if stepwise:
            given["step_rewards"] = [[rule.invalid] if steps is None else rule.steps(steps, "gains") for steps in found]
        return given

    return reward_func


class _Rule:
    """How scores of steps become rewards."""

    def __init__(self, scorer: TextScorer, how: str | None, invalid: float | int) -> None:
        self.scorer, self.how = scorer, HEADS[scorer.objective].aggregation if how is None else how
        check_aggregation(self.how)
        if not isinstance(invalid, Real) or isinstance(invalid, bool) or not math.isfinite(invalid):
            raise UserError(f"invalid={invalid}: must be a finite number")
        self.invalid = float(invalid)

    def scores(self, questions: Sequence[str], completions: Any) -> list[list[float] | None]:
        """The scores of each completion's steps, all in one call of the scorer; None for one that is invalid."""
        if len(questions) != len(completions):
            raise UserError(f"{len(completions)} completions for {len(questions)} prompts: must be equally many")
        read = [self._steps(*pair) for pair in zip(questions, completions, strict=True)]
        asked = [(question, steps) for question, steps in zip(questions, read, strict=True) if steps]
        found = (
            iter(self.scorer.score([one for one, _ in asked], [[steps] for _, steps in asked])) if asked else iter(())
        )
        return [next(found)[0] if steps else None for steps in read]

    def value(self, steps: list[float]) -> float:
        """The reward of a whole."""
        return aggregate([max(score, LEAST_SCORE) for score in steps] if self.how == "sum_log" else steps, self.how)

    def steps(self, steps: list[float], kind: str) -> list[float]:
        """A reward for each step."""
        if kind == "scores":
            return steps
        values = [0.0, *(self.value(steps[: t + 1]) for t in range(len(steps)))]
        return [after - before for before, after in pairwise(values)]

    def named(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Trainers log rewards under the function's name."""
        function.__name__ = f"{self.scorer.objective}_{self.how}"
        return function

    def _steps(self, question: str, completion: Any) -> list[str]:
        """The steps of a completion; [] for an invalid one."""
        steps = self.scorer.split(message_text(completion) or "")
        if steps and self.scorer.backbone is not None and not self.scorer.backbone.fits(question, steps):
            return []
        return steps


def _questions(prompts: Any, columns: Mapping[str, Any]) -> list[str]:
    key = next((key for key in QUESTIONS[:2] if columns.get(key) is not None), None)
    return _texts("prompts", prompts) if key is None else _texts(key, columns[key])


def _texts(name: str, values: Sequence[Any]) -> list[str]:
    found = []
    for i, value in enumerate(values):
        text = message_text(value, role="user")
        if not text:
            raise UserError(f"{name}[{i}]: must be a text, or messages of which the last has text as content")
        found.append(text)
    return found


def _response(i: int, query: str, prompt: str, endings: Sequence[str]) -> str:
    _, found, response = query.partition(prompt)
    if not found:
        raise UserError(f"queries[{i}]: does not hold prompts[{i}], so the response is not known")
    response = response.rstrip()
    while ending := next((one for one in endings if response.endswith(one)), None):
        response = response.removesuffix(ending).rstrip()
    return response
