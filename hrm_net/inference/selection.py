"""Which of several answers to one puzzle to give, and with what confidence.

name       answer                                                    confidence
q          the most probable one by the halting head                 that probability
residual   the one whose state moved least in the last segment       the halting head's probability
vote       the most frequent one; of equals, the more probable       its share of the votes
agreement  the one whose cells agree most with the other answers'    mean share of agreeing cells
verifier   the first one that the rules verify, otherwise as q       1 where verified
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Integer

from puzzles.errors import UserError

SELECTIONS = ("q", "residual", "vote", "agreement", "verifier")
Answers = Integer[np.ndarray, "restarts seq"]
Values = Float[np.ndarray, " restarts"]


def check_selection(select: str, *, puzzle_name: str, verifiable: bool, halting: str, restarts: int) -> None:
    """UserError for a selection that is unknown, or needs what the model or the puzzle does not have."""
    if select not in SELECTIONS:
        raise UserError(f"select={select}: must be one of {', '.join(SELECTIONS)}")
    if select == "verifier" and not verifiable:
        raise UserError(f"select=verifier: {puzzle_name} has no rules that verify an answer")
    if select == "q" and halting == "fixed" and restarts > 1:
        raise UserError("select=q: the model was trained with halting=fixed: its halting head says nothing")


def choose(
    select: str,
    answers: Answers,
    confidence: Values,
    residual: Values,
    verified: Callable[[Answers], Bool[np.ndarray, " restarts"]],
) -> tuple[int, float]:
    """(index of the answer to give, confidence in it). `verified` is asked only where the selection needs it."""
    if select == "residual":
        best = int(np.argmin(residual))
        return best, float(confidence[best])
    if select == "vote":
        return _vote(answers, confidence)
    if select == "agreement":
        return _agreement(answers, confidence)
    if select == "verifier":
        right = verified(answers)
        if right.any():
            return int(np.argmax(right)), 1.0
    best = int(np.argmax(confidence))
    return best, float(confidence[best])


def _vote(answers: Answers, confidence: Values) -> tuple[int, float]:
    _, group = np.unique(answers, axis=0, return_inverse=True)
    group = group.reshape(-1)
    votes, belief = np.bincount(group), np.bincount(group, confidence)
    winner = np.lexsort((belief, votes))[-1]
    members = np.flatnonzero(group == winner)
    return int(members[np.argmax(confidence[members])]), float(votes[winner] / len(answers))


def _agreement(answers: Answers, confidence: Values) -> tuple[int, float]:
    if len(answers) == 1:
        return 0, float(confidence[0])
    same = (answers[:, None] == answers[None]).mean(axis=2)
    shares = (same.sum(axis=1) - 1) / (len(answers) - 1)
    best = int(np.lexsort((confidence, shares))[-1])
    return best, float(shares[best])
