"""Ranked candidates, and how often the best of N is right: against counting by hand."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrm_net.reward.formats import candidates
from hrm_net.reward.text import ranking


def problem(answers, right: str | None = "1"):
    told = [{"text": f"It is {one}", "by": i} for i, one in enumerate(answers)]
    return candidates.parse({"problem": "p", "answer": right, "id": 7, "candidates": told})


def accuracy(problems, totals, rng):
    return ranking.accuracy([ranking.read_answers(one) for one in problems], totals, rng)


def test_a_line_comes_back_best_first_with_what_it_held():
    one = problem(["1", "2", "1.0"])
    found = ranking.ranked(one, ranking.read_answers(one), [0.5, 0.9, 0.5], [[0.5], [0.9, 1.0], [0.5]])
    assert [row["by"] for row in found["candidates"]] == [1, 0, 2]
    assert [row["correct"] for row in found["candidates"]] == [False, True, True]
    assert [row["final_answer"] for row in found["candidates"]] == ["2", "1", "1.0"]
    assert found["candidates"][0] == {
        "text": "It is 2", "by": 1, "score": 0.9, "step_scores": [0.9, 1.0], "final_answer": "2", "correct": False,
    }  # fmt: skip
    assert (found["problem"], found["answer"], found["id"]) == ("p", "1", 7)
    again = candidates.parse(found)
    assert (again.answer, len(again.steps)) == ("1", 3)


def test_nothing_is_right_where_no_answer_is_known():
    unknown = problem(["1", "2"], right=None)
    answers = ranking.read_answers(unknown)
    found = ranking.ranked(unknown, answers, [0.1, 0.2], [[0.1], [0.2]])
    assert [row["correct"] for row in found["candidates"]] == [None] * 2
    assert ranking.accuracy([answers], [[0.1, 0.2]], np.random.default_rng(0)) is None


@given(st.lists(st.tuples(st.sampled_from("123"), st.sampled_from([0.0, 0.25, 0.5, 1.0])), min_size=3, max_size=6))
def test_accuracy_is_the_mean_over_all_subsets(drawn):
    """Ties count as the share that is right."""
    answers, scores = [one for one, _ in drawn], [score for _, score in drawn]
    found = accuracy([problem(answers)], [scores], np.random.default_rng(0))
    assert found is not None
    for column, size in enumerate(found["sizes"]):
        values, lucky = [], []
        for subset in combinations(range(len(drawn)), size):
            most = max(scores[i] for i in subset)
            kept = [answers[i] == "1" for i in subset if scores[i] == most]
            values.append(np.mean(kept))
            lucky.append(any(answers[i] == "1" for i in subset))
        assert found["scorer"][column] == pytest.approx(np.mean(values))
        assert found["oracle"][column] == pytest.approx(np.mean(lucky))
        assert found["random"][column] == pytest.approx(np.mean([one == "1" for one in answers]))
    assert found["sizes"][-1] == len(drawn)


def test_a_majority_of_equal_answers_wins_however_they_are_written():
    found = accuracy([problem(["0.5", "1/2", "1", "3", "-"], right="0.5")], [[0.0] * 5], np.random.default_rng(0))
    assert found is not None
    assert found["majority"][-1] == 1.0
    assert found["problems"] == 1


def test_problems_of_different_numbers_of_candidates():
    problems = [problem(["1", "2", "2"]), problem(["2", "1"]), problem(["9"], right=None)]
    found = accuracy(problems, [[3.0, 2.0, 1.0], [0.0, 1.0], [0.0]], np.random.default_rng(0))
    assert found is not None
    assert (found["problems"], found["sizes"]) == (2, [1, 2])
    assert found["scorer"] == pytest.approx([(1 / 3 + 1 / 2) / 2, (2 / 3 + 1) / 2])
