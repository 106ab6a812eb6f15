"""Completions of language models as solutions, and their prompts as puzzles: which text counts, and what is refused.

A completion is a text, or chat messages of which the last one counts. It is never an error: what holds no unambiguous
list of steps gives None. A problem that is not a sound puzzle is the caller's mistake, and a UserError.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import UInt8

from hrm_net.reward.candidates import read_problem
from puzzles.base import Puzzle
from puzzles.errors import UserError
from puzzles.steps.text import EDIT, PASS

OPEN, CLOSE, THOUGHT = "<answer>", "</answer>", "</think>"
SHOWN = 60  # characters of a problem in a message


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


def find_problem(puzzle: Puzzle, problem: Any, known: dict[str, Any], *, prompt: bool) -> UInt8[np.ndarray, " seq"]:
    """The token ids of a puzzle given as text, as token ids (unless it is a `prompt`), or in a prompt.

    A text, or the last message of the user, is a puzzle or has one puzzle as a line or paragraph of its own. `known`
    keeps what was found in each text. UserError where there is no puzzle, or none with a solution.
    """
    if not prompt and not isinstance(problem, str):
        return read_problem(puzzle, problem)
    text = message_text(problem, role="user")
    if text is None:
        kind = type(problem).__name__
        raise UserError(f"{kind}: must be a text, or messages of which the last has text as content")
    if text not in known:
        known[text] = _in_text(puzzle, text)
    return known[text]


def _in_text(puzzle: Puzzle, text: str) -> Any:
    """The puzzle that a text is, or the only one among its paragraphs and lines."""
    whole = _parsed(puzzle, text)
    if not isinstance(whole, UserError):
        return read_problem(puzzle, whole)
    pieces = {piece for piece in (*text.split("\n\n"), *text.splitlines()) if piece.strip() and piece != text}
    found = {
        row.tobytes(): row for row in (_parsed(puzzle, piece) for piece in pieces) if not isinstance(row, UserError)
    }
    if len(found) == 1:
        return read_problem(puzzle, next(iter(found.values())))
    shown = " ".join(text.split())
    shown = shown if len(shown) <= SHOWN else shown[:SHOWN] + "..."
    if found:
        raise UserError(f"{shown!r}: holds {len(found)} different puzzles: must hold one {puzzle.name}")
    raise UserError(f"{shown!r}: {whole}")


def _parsed(puzzle: Puzzle, text: str) -> Any:
    try:
        return puzzle.parse(text)
    except UserError as error:
        return error


def _is_step(line: str) -> bool:
    return line == PASS or all(EDIT.fullmatch(word) for word in line.split())
