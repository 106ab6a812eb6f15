"""A step scorer as a plain function of the shape that reinforcement learning of language models calls.

A completion is a solution in words, one step a line (`r1c2=3`); prompts and completions are texts or lists of messages.
"""

from collections.abc import Callable, Sequence
from typing import Any

from hrm_net.reward.aggregate import aggregate, check_aggregation
from hrm_net.reward.scorer import StepScorer
from puzzles.errors import UserError


def reward_function(scorer: StepScorer, how: str = "prod", *, invalid: float = 0.0) -> Callable[..., list[float]]:
    """A function `(prompts, completions, **columns) -> rewards` as TRL's trainers take it.

    The puzzles are the texts of the column `problem` where the data set has one, else the prompts themselves. A reward
    aggregates the scores of the steps by `how`; `invalid` is that of a completion which is no solution in words or
    breaks the puzzle's rules of writing. ValueError for a puzzle that is none: that is no fault of the completion.
    """
    check_aggregation(how)

    def step_scorer(prompts: Sequence[Any], completions: Sequence[Any], **columns: Any) -> list[float]:
        named = columns.get("problem")
        problems = [text_of(prompt) for prompt in prompts] if named is None else list(named)
        if len(problems) != len(completions):
            raise UserError(f"{len(completions)} completions for {len(problems)} problems: must be equally many")
        rewards = [invalid] * len(completions)
        kept: list[tuple[int, list[str]]] = []
        for i, (problem, completion) in enumerate(zip(problems, completions, strict=True)):
            scorer.check_problem(problem)
            steps = [line.strip() for line in text_of(completion).splitlines() if line.strip()]
            try:
                scorer.check(problem, steps)
            except ValueError:
                continue
            kept.append((i, steps))
        scores = scorer.score([problems[i] for i, _ in kept], [[steps] for _, steps in kept])
        for (i, _), candidates in zip(kept, scores, strict=True):
            rewards[i] = aggregate(candidates[0], how)
        return rewards

    # Trainers log rewards under the function's name.
    step_scorer.__name__ = f"{scorer.objective}_{how}"
    return step_scorer


def rubric_function(scorer: StepScorer, how: str = "prod", *, invalid: float = 0.0) -> Callable[..., float]:
    """The same for one rollout, `(prompt, completion, info) -> reward`, as verifiers' rubrics take it.

    The puzzle is the text `info["problem"]` where there is one, else the prompt.
    """
    rewards = reward_function(scorer, how, invalid=invalid)

    def step_scorer(prompt: Any, completion: Any, info: dict[str, Any] | None = None, **_: Any) -> float:
        columns = {"problem": [info["problem"]]} if info and "problem" in info else {}
        return rewards([prompt], [completion], **columns)[0]

    step_scorer.__name__ = f"{scorer.objective}_{how}"
    return step_scorer


def text_of(message: Any) -> str:
    """The text itself, or the content of the last of a list of messages. ValueError for what is neither."""
    if isinstance(message, str):
        return message
    last = message[-1] if isinstance(message, Sequence) and message else None
    content = last.get("content") if isinstance(last, dict) else None
    if not isinstance(content, str):
        raise UserError(f"{type(message).__name__}: must be a text, or messages of which the last has text as content")
    return content
