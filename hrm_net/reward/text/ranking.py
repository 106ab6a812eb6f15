"""Candidates in the order of their scores, and how often the best of N ends in the right answer."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hrm_net.reward.formats.candidates import Candidates
from hrm_net.reward.metrics.best_of_n import best_of_n, oracle, sizes_up_to
from hrm_net.reward.metrics.voting import ABSTAINS, vote
from hrm_net.reward.text.answers import answer_key, final_answer

RANDOM, MAJORITY, ORACLE, SCORER = "random", "majority", "oracle", "scorer"


def answers(problem: Candidates) -> list[str | None]:
    """The final answer of each candidate, as it is written there; None where there is none."""
    return [final_answer("\n\n".join(steps)) for steps in problem.steps]


def keys(problem: Candidates) -> list[str]:
    """The same text for candidates with the same answer, "" for those without one."""
    return ["" if answer is None else answer_key(answer) for answer in answers(problem)]


def right(problem: Candidates) -> list[bool] | None:
    """Whether each candidate ends in the right answer; None where that is not known."""
    if problem.answer is None:
        return None
    wanted = answer_key(problem.answer)
    return [key != "" and key == wanted for key in keys(problem)]


def ranked(problem: Candidates, totals: Sequence[float], steps: Sequence[Sequence[float]]) -> dict[str, Any]:
    """A line like the one that was read, its candidates best first, each with `score`, `step_scores`, `final_answer`
    and `correct` (null: not known). Equal scores keep their order."""
    correct, found = right(problem), answers(problem)
    rows = []
    for i in sorted(range(len(totals)), key=lambda i: -totals[i]):
        told = {"score": totals[i], "step_scores": list(steps[i]), "final_answer": found[i]}
        rows.append(problem.rows[i] | told | {"correct": None if correct is None else correct[i]})
    return {"problem": problem.problem, "answer": problem.answer, **problem.rest, "candidates": rows}


def accuracy(
    problems: Sequence[Candidates], totals: Sequence[Sequence[float]], rng: np.random.Generator
) -> dict[str, Any] | None:
    """How often a choice among N candidates is right, over the problems whose answer is known; None without any.

    `sizes` are N = 1, 2, 4, ... to the fewest candidates of a problem, and that number itself; for each N every way to
    choose: by the scorer (the expectation over all subsets), at random, by majority of answers, by an oracle.
    """
    known = [(one, mine, right(one)) for one, mine in zip(problems, totals, strict=True) if one.answer is not None]
    if not known:
        return None
    fewest = min(len(one.steps) for one, _, _ in known)
    sizes = sorted({*sizes_up_to(fewest), fewest})
    found: dict[str, list[list[float]]] = {name: [] for name in (SCORER, RANDOM, MAJORITY, ORACLE)}
    for one, mine, correct in known:
        scores, solved = np.array([mine], float), np.array([correct], bool)
        votes = _answer_ids(keys(one))
        found[SCORER].append([float(best_of_n(scores, solved, size)[0]) for size in sizes])
        found[RANDOM].append([float(solved.mean())] * len(sizes))
        found[MAJORITY].append([float(vote(votes, solved, size, rng)[0]) for size in sizes])
        found[ORACLE].append([float(oracle(solved, size)[0]) for size in sizes])
    means = {name: np.mean(rows, axis=0).tolist() for name, rows in found.items()}
    return {"problems": len(known), "sizes": sizes, **means}


def _answer_ids(names: Sequence[str]) -> np.ndarray:
    numbers = {name: i for i, name in enumerate(dict.fromkeys(name for name in names if name))}
    return np.array([[numbers.get(name, ABSTAINS) for name in names]], np.int64)
