"""Votes instead of scores: the answer that most of N candidates end in, each counting one or its score."""

import math
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float, Int64, Integer

from hrm_net.reward.metrics.best_of_n import Curve, sizes_up_to
from puzzles.errors import UserError

ABSTAINS = -1


def answer_ids(
    states: Integer[np.ndarray, "puzzles candidates seq"],
    complete: Bool[np.ndarray, "puzzles candidates"] | None = None,
) -> Int64[np.ndarray, "puzzles candidates"]:
    """The same number for candidates of a puzzle that end in the same state; -1 (no vote) if it is not `complete`."""
    found = np.stack([np.unique(each, axis=0, return_inverse=True)[1].reshape(-1) for each in states])
    found = found.astype(np.int64)
    return found if complete is None else np.where(complete, found, ABSTAINS)


def vote(
    answers: Integer[np.ndarray, "puzzles candidates"],
    solved: Bool[np.ndarray, "puzzles candidates"],
    size: int,
    rng: np.random.Generator,
    *,
    weights: Float[np.ndarray, "puzzles candidates"] | None = None,
    draws: int = 64,
) -> Float[np.ndarray, " puzzles"]:
    """How often the winner of a vote among `size` candidates is right, on average over the subsets of each puzzle.

    Every candidate gives its answer one vote, or its weight (an aggregated score, at least 0). A tie counts as the
    share of the tied answers that are right; without any vote nothing is solved. The average is exact if there are at
    most `draws` subsets, or as many as candidates (so with one candidate and with all); else `draws` are drawn.
    """
    num = answers.shape[1]
    if not 1 <= size <= num:
        raise UserError(f"vote of {size}: needs 1 to {num} candidates, as many as a puzzle has")
    if weights is not None and not (weights >= 0).all():
        raise UserError(f"vote weights: least {np.min(weights)}: must be at least 0 (probabilities, not their logs)")
    share = np.empty(len(answers))
    every = None
    if math.comb(num, size) <= max(draws, num):
        every = np.array(list(combinations(range(num), size)), np.int64)
    for row, mine in enumerate(answers):
        voters = np.argsort(rng.random((draws, num)), axis=1)[:, :size] if every is None else every
        each = np.ones(num) if weights is None else weights[row]
        share[row] = _share_right(mine, solved[row], each, voters)
    return share


def _share_right(answers: np.ndarray, solved: np.ndarray, weights: np.ndarray, voters: np.ndarray) -> float:
    """Mean over the draws `voters [draws, size]`."""
    num_answers = int(answers.max()) + 1
    if num_answers == 0:
        return 0.0
    right = np.zeros(num_answers, bool)
    right[answers[solved & (answers != ABSTAINS)]] = True
    voting = answers[voters] != ABSTAINS
    place = (np.arange(len(voters))[:, None] * num_answers + answers[voters])[voting]
    shape = (len(voters), num_answers)
    votes = np.bincount(place, weights[voters][voting], len(voters) * num_answers).reshape(shape)
    voted = np.bincount(place, minlength=len(voters) * num_answers).reshape(shape) > 0
    wins = voted & np.isclose(votes, votes.max(1, keepdims=True), rtol=1e-9, atol=0)
    return float(((wins & right).sum(1) / np.maximum(wins.sum(1), 1)).mean())


def vote_curve(
    answers: Integer[np.ndarray, "puzzles candidates"],
    solved: Bool[np.ndarray, "puzzles candidates"],
    rng: np.random.Generator,
    *,
    weights: Float[np.ndarray, "puzzles candidates"] | None = None,
    sizes: list[int] | None = None,
    draws: int = 64,
) -> Curve:
    """Majority vote (or weighted by scores) for N = 1, 2, 4, ... up to 256 or the candidates."""
    sizes = sizes_up_to(answers.shape[1]) if sizes is None else sizes
    columns = [vote(answers, solved, size, rng, weights=weights, draws=draws) for size in sizes]
    return Curve(sizes=sizes, accuracy=np.stack(columns, 1))
