"""A step scorer as a plain function of the shape that reinforcement learning of language models calls.

A completion is a text, or a list of chat messages of which the last one counts. `solution_steps` says how the steps are
read from it. A completion that holds no solution is *invalid* and costs nobody else's reward; a problem that is not a
sound puzzle is the caller's mistake and an error that names it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hrm_net.reward.aggregate import aggregate, check_aggregation
from hrm_net.reward.heads import HEADS
from hrm_net.reward.scorer import StepScorer
from puzzles.errors import UserError
from puzzles.steps.text import EDIT, PASS

OPEN, CLOSE, THOUGHT = "<answer>", "</answer>", "</think>"
SHOWN = 60  # characters of a problem in a message


def reward_function(scorer: StepScorer, how: str | None = None, *, invalid: float = 0.0) -> Callable[..., list[float]]:
    """A function `(prompts, completions, **columns) -> rewards` as TRL's trainers take it.

    The puzzles are the texts of the column `problem` where the data set has one, else of the prompts: a prompt is a
    text, or chat messages of which the last one by the user counts, that is a puzzle or has one puzzle as a line or
    paragraph of its own. A reward aggregates the scores of the steps by `how` (None: the head's own aggregation);
    `invalid` is the reward of a completion that holds no solution, or whose steps break the puzzle's rules of writing.
    UserError for a problem that cannot be read or has no solution.
    """
    chosen = HEADS[scorer.objective].aggregation if how is None else how
    check_aggregation(chosen)

    def step_scorer(prompts: Any, completions: Any, **columns: Any) -> list[float]:
        named = columns.get("problem")
        problems, completions = list(prompts if named is None else named), list(completions)
        if len(problems) != len(completions):
            raise UserError(f"{len(completions)} completions for {len(problems)} problems: must be equally many")
        known: dict[str, Any] = {}
        rewards, places, read = [invalid] * len(completions), [], []
        for i, (problem, completion) in enumerate(zip(problems, completions, strict=True)):
            try:
                tokens = _read_problem(scorer, problem, known, prompt=named is None)
            except UserError as error:
                raise UserError(f"{'prompts' if named is None else 'problem'}[{i}]: {error}") from None
            steps = solution_steps(completion)
            if steps is None:
                continue
            try:
                read.append((tokens, scorer.read_candidate(tokens, steps)))
            except UserError:
                continue
            places.append(i)
        for i, scores in zip(places, scorer.score_read(read), strict=True):
            rewards[i] = aggregate(scores, chosen)
        return rewards

    # Trainers log rewards under the function's name.
    step_scorer.__name__ = f"{scorer.objective}_{chosen}"
    return step_scorer


def rubric_function(scorer: StepScorer, how: str | None = None, *, invalid: float = 0.0) -> Callable[..., float]:
    """The same for one rollout, `(prompt, completion, info) -> reward`, as rubrics of the library verifiers take it.

    The puzzle is `info["problem"]` where there is one, else in the prompt. `info` is a mapping, or one as JSON text.
    """
    rewards = reward_function(scorer, how, invalid=invalid)

    def step_scorer(prompt: Any, completion: Any, info: Any = None, **_: Any) -> float:
        info = _mapping(info)
        columns = {"problem": [info["problem"]]} if "problem" in info else {}
        return rewards([prompt], [completion], **columns)[0]

    step_scorer.__name__ = rewards.__name__
    return step_scorer


def solution_steps(completion: Any) -> list[str] | None:
    """The steps of a solution in words, one a line (`r1c2=3 r4c4=1`, or `pass`); None where they are not unambiguous.

    What stands before the last `</think>` is left out. Where there is one pair of `<answer>` tags, every line between
    them must be a step. Otherwise the lines that are steps must follow each other, and prose may stand before and after
    them, unless it holds something like a step. Empty lines and the fences of a code block do not count.
    """
    text = message_text(completion)
    if text is None:
        return None
    if "<think>" in text or THOUGHT in text:
        _, closed, text = text.rpartition(THOUGHT)
        if not closed:
            return None
    prose = OPEN not in text and CLOSE not in text
    if not prose:
        if text.count(OPEN) != 1 or text.count(CLOSE) != 1:
            return None
        text = text.partition(OPEN)[2]
        if CLOSE not in text:
            return None
        text = text.partition(CLOSE)[0]
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("```")]
    places = [i for i, line in enumerate(lines) if _is_step(line)]
    if not places or places[-1] - places[0] + 1 != len(places):
        return None
    others = [line for i, line in enumerate(lines) if not places[0] <= i <= places[-1]]
    if others and (not prose or any(EDIT.search(line) for line in others)):
        return None
    return [lines[i] for i in places]


def message_text(message: Any, role: str | None = None) -> str | None:
    """The text of a completion or prompt; None where it has none.

    A text is its own; of chat messages the last one counts (with `role`, the last one of that role, where there is
    one); of a message its content; of content parts those that are text, on lines of
    their own. Calls of tools have no text.
    """
    if isinstance(message, str):
        return message
    if isinstance(message, Mapping):
        if "content" in message:
            return message_text(message["content"])
        return message_text(message.get("text")) if message.get("type", "text") in ("text", "output_text") else None
    if not isinstance(message, Sequence) or isinstance(message, bytes) or not message:
        return None
    if all(isinstance(part, Mapping) and "role" in part for part in message):
        mine = [part for part in message if part["role"] == role] or message
        return message_text(mine[-1].get("content"))
    if isinstance(message[-1], Mapping) and "content" in message[-1]:
        return message_text(message[-1])
    texts = [message_text(part) for part in message if isinstance(part, str | Mapping)]
    return "\n".join(text for text in texts if text is not None) or None


def _read_problem(scorer: StepScorer, problem: Any, known: dict[str, Any], *, prompt: bool) -> Any:
    if not prompt and not isinstance(problem, str):
        return scorer.read_problem(problem)
    text = message_text(problem, role="user")
    if text is None:
        kind = type(problem).__name__
        raise UserError(f"{kind}: must be a text, or messages of which the last has text as content")
    if text not in known:
        known[text] = _find_problem(scorer, text)
    return known[text]


def _find_problem(scorer: StepScorer, text: str) -> Any:
    """The puzzle that a text is, or the only one among its paragraphs and lines."""
    puzzle = scorer.puzzle
    whole = _parsed(scorer, text)
    if not isinstance(whole, UserError):
        return scorer.read_problem(whole)
    pieces = {piece for piece in (*text.split("\n\n"), *text.splitlines()) if piece.strip() and piece != text}
    found = {
        row.tobytes(): row for row in (_parsed(scorer, piece) for piece in pieces) if not isinstance(row, UserError)
    }
    if len(found) == 1:
        return scorer.read_problem(next(iter(found.values())))
    shown = " ".join(text.split())
    shown = shown if len(shown) <= SHOWN else shown[:SHOWN] + "..."
    if found:
        raise UserError(f"{shown!r}: holds {len(found)} different puzzles: must hold one {puzzle.name}")
    raise UserError(f"{shown!r}: {whole}")


def _parsed(scorer: StepScorer, text: str) -> Any:
    try:
        return scorer.puzzle.parse(text)
    except UserError as error:
        return error


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


def _is_step(line: str) -> bool:
    return line == PASS or all(EDIT.fullmatch(word) for word in line.split())
