"""Scores of solutions out of those of steps."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_net.reward.aggregate import AGGREGATIONS, aggregate, by_solution, ranking_aggregation
from tests.reward.rewarding import refusal

STEPS = st.lists(st.floats(0, 1), min_size=1, max_size=8)


@given(STEPS)
def test_each_against_numpy(scores: list[float]):
    assert aggregate(scores, "min") == min(scores)
    assert aggregate(scores, "max") == max(scores)
    assert aggregate(scores, "last") == scores[-1]
    assert math.isclose(aggregate(scores, "mean"), float(np.mean(scores)), abs_tol=1e-15)
    assert math.isclose(aggregate(scores, "prod"), float(np.prod(scores)), rel_tol=1e-9, abs_tol=1e-300)
    logs = sum(math.log(score) if score else -math.inf for score in scores)
    assert math.isclose(aggregate(scores, "sum_log"), logs, rel_tol=1e-9, abs_tol=1e-12)


@given(st.lists(st.lists(STEPS, min_size=1, max_size=3), min_size=1, max_size=3), st.sampled_from(AGGREGATIONS))
def test_nested_lists_keep_their_shape(scores: list, how: str):
    assert aggregate(scores, how) == [[aggregate(steps, how) for steps in candidates] for candidates in scores]
    assert aggregate([np.array(steps) for steps in scores[0]], how) == aggregate(scores[0], how)
    assert aggregate(torch.tensor(scores[0][0], dtype=torch.float64), how) == aggregate(scores[0][0], how)


def test_long_products_still_rank():
    low, high = [1e-4] * 100, [1.1e-4] * 100
    assert aggregate(low, "prod") == aggregate(high, "prod") == 0.0
    assert aggregate(low, "sum_log") < aggregate(high, "sum_log")
    assert aggregate([0.5, 0.0], "sum_log") == -math.inf


@given(st.lists(STEPS, min_size=1, max_size=5), st.sampled_from(AGGREGATIONS))
def test_many_solutions_at_once_are_aggregated_as_one_by_one(solutions: list, how: str):
    starts = np.cumsum([0, *map(len, solutions)])
    found = by_solution(np.concatenate([np.array(steps) for steps in solutions]), starts, how)
    assert found.tolist() == [aggregate(steps, how) for steps in solutions]


def test_solutions_by_hand():
    scores, starts = np.array([0.5, 0.25, 1.0, 0.0]), np.array([0, 2, 3, 4])
    assert by_solution(scores, starts, "prod") == pytest.approx([0.125, 1.0, 0.0])
    assert by_solution(scores, starts, "max").tolist() == [0.5, 1.0, 0.0]
    assert by_solution(scores, starts, "min").tolist() == [0.25, 1.0, 0.0]
    assert by_solution(scores, starts, "mean").tolist() == [0.375, 1.0, 0.0]
    assert by_solution(scores, starts, "last").tolist() == [0.25, 1.0, 0.0]
    assert by_solution(scores, starts, ranking_aggregation("prod"))[2] == -math.inf
    with pytest.raises(ValueError, match="solution 1: has no step"):
        by_solution(scores, np.array([0, 2, 2, 4]), "min")
    with pytest.raises(ValueError, match="how=median"):
        by_solution(scores, starts, "median")


@pytest.mark.parametrize(
    ("scores", "how", "message"),
    [
        ([0.5], "median", "how=median: must be one of min, max, mean, last, prod, sum_log"),
        ([], "min", "scores: empty"),
        ([[0.5], []], "min", r"scores\[1\]: empty"),
        ([0.5, 1.5], "min", r"scores\[1\]=1.5: must be a number from 0 to 1"),
        ([0.5, math.nan], "prod", r"scores\[1\]=nan: must be a number"),
        ([[0.5, -0.1]], "mean", r"scores\[0\]\[1\]=-0.1"),
        ([0.5, [0.5]], "min", "scores: must hold numbers alone, or lists alone"),
        (["0.5"], "min", "scores: must hold numbers alone"),
        (0.5, "prod", "scores: is of type float: must be a list of scores"),
        (None, "prod", "scores: is of type NoneType"),
        ("0.5", "prod", "scores: is of type str"),
        ({0.5: 1}, "prod", "scores: is of type dict"),
        ([None], "prod", r"scores\[0\]: is of type NoneType"),
        (torch.tensor(0.5), "prod", "scores: is of type float"),
        ([10**400], "prod", r"scores\[0\]=1000"),
    ],
)
def test_what_is_not_scores(scores: Any, how: Any, message: str):
    with pytest.raises(ValueError, match=message):
        aggregate(scores, how)


JUNK = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=3), st.binary(max_size=3),
        st.sampled_from([np.array([]), np.array(0.5), np.zeros((2, 0)), np.array(["a"]), torch.zeros(2, 2), object()]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.tuples(inner), st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
)  # fmt: skip


@given(JUNK, st.sampled_from(AGGREGATIONS))
def test_junk_is_refused_in_one_line_or_read(scores: Any, how: str):
    assert "\n" not in refusal(lambda: aggregate(scores, how))
