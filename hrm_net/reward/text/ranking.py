"""Candidates in the order of their scores, and how often the best of N ends in the right answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hrm_net.reward.formats.candidates import Candidates
from hrm_net.reward.metrics.best_of_n import best_of_n, oracle, sizes_up_to
from hrm_net.reward.metrics.voting import ABSTAINS, vote
from hrm_net.reward.pair.tournament import Ranking
from hrm_net.reward.text.answers import final_answer
from hrm_net.reward.text.equivalence import same_answer

RANDOM, MAJORITY, ORACLE, SCORER = "random", "majority", "oracle", "scorer"


@dataclass(kw_only=True, slots=True)
class Answers:
    """The final answers of a problem's candidates: as they are written (None: there is none), the same number for
    those that are the same (`ABSTAINS` for none), and which are right (None: not known)."""

    found: list[str | None]
    groups: list[int]
    right: list[bool] | None


def read_answers(problem: Candidates, same: Callable[[str, str], bool] = same_answer) -> Answers:
    """The answers of the candidates, compared with the right one and with each other by `same`."""
    found = [final_answer("\n\n".join(steps)) for steps in problem.steps]
    known: dict[str, int] = {}  # the group of each text
    firsts: list[str] = [] if problem.answer is None else [problem.answer]
    for text in dict.fromkeys(answer for answer in found if answer is not None):
        group = next((i for i, first in enumerate(firsts) if same(first, text)), len(firsts))
        if group == len(firsts):
            firsts.append(text)
        known[text] = group
    groups = [ABSTAINS if answer is None else known[answer] for answer in found]
    right = None if problem.answer is None else [group == 0 for group in groups]
    return Answers(found=found, groups=groups, right=right)


def ranked(
    problem: Candidates, answers: Answers, totals: Sequence[float], steps: Sequence[Sequence[float]]
) -> dict[str, Any]:
    """A line like the one that was read, its candidates best first, each with `score`, `step_scores`, `final_answer`
    and `correct` (null: not known). Equal scores keep their order."""
    rows = []
    for i in sorted(range(len(totals)), key=lambda i: -totals[i]):
        added = {"score": totals[i], "step_scores": list(steps[i]), "final_answer": answers.found[i]}
        rows.append(problem.rows[i] | added | {"correct": None if answers.right is None else answers.right[i]})
    return {"problem": problem.problem, "answer": problem.answer, **problem.rest, "candidates": rows}


def ranked_by_games(problem: Candidates, answers: Answers, found: Ranking) -> dict[str, Any]:
    """`ranked` by a tournament: each candidate has the tournament's `score`, and the line the games and segments that
    the order took."""
    rows = []
    for i in found.order:
        added = {"score": found.scores[i], "final_answer": answers.found[i]}
        rows.append(problem.rows[i] | added | {"correct": None if answers.right is None else answers.right[i]})
    told = {"games": found.games, "segments": found.segments}
    return {"problem": problem.problem, "answer": problem.answer, **problem.rest, **told, "candidates": rows}


def place_scores(found: Ranking) -> list[float]:
    """Of each candidate, in the order they came in: a score by which `accuracy` chooses what the tournament ranked
    first."""
    scores = [0.0] * len(found.order)
    for place, i in enumerate(found.order):
        scores[i] = -float(place)
    return scores


def accuracy(
    answers: Sequence[Answers], totals: Sequence[Sequence[float]], rng: np.random.Generator
) -> dict[str, Any] | None:
    """How often a choice among N candidates is right, over the problems whose answer is known; None without any.

    `sizes` are N = 1, 2, 4, ... to the fewest candidates of a problem, and that number itself; for each N every way to
    choose: by the scorer (the expectation over all subsets), at random, by majority of answers, by an oracle.
    """
    known = [(one, mine) for one, mine in zip(answers, totals, strict=True) if one.right is not None]
    if not known:
        return None
    fewest = min(len(one.groups) for one, _ in known)
    sizes = sorted({*sizes_up_to(fewest), fewest})
    shares: dict[str, list[list[float]]] = {name: [] for name in (SCORER, RANDOM, MAJORITY, ORACLE)}
    for one, mine in known:
        scores, solved, groups = np.array([mine], float), np.array([one.right], bool), np.array([one.groups], np.int64)
        shares[SCORER].append([float(best_of_n(scores, solved, size)[0]) for size in sizes])
        shares[RANDOM].append([float(solved.mean())] * len(sizes))
        shares[MAJORITY].append([float(vote(groups, solved, size, rng)[0]) for size in sizes])
        shares[ORACLE].append([float(oracle(solved, size)[0]) for size in sizes])
    means = {name: np.mean(rows, axis=0).tolist() for name, rows in shares.items()}
    return {"problems": len(known), "sizes": sizes, **means}
