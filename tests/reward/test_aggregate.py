"""Scores of solutions out of those of steps."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_net.reward.aggregate import AGGREGATES, aggregate

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


@given(st.lists(st.lists(STEPS, min_size=1, max_size=3), min_size=1, max_size=3), st.sampled_from(sorted(AGGREGATES)))
def test_nested_lists_keep_their_shape(scores: list, how: str):
    assert aggregate(scores, how) == [[aggregate(steps, how) for steps in candidates] for candidates in scores]
    assert aggregate([np.array(steps) for steps in scores[0]], how) == aggregate(scores[0], how)
    assert aggregate(torch.tensor(scores[0][0], dtype=torch.float64), how) == aggregate(scores[0][0], how)


def test_long_products_still_rank():
    low, high = [1e-4] * 100, [1.1e-4] * 100
    assert aggregate(low, "prod") == aggregate(high, "prod") == 0.0
    assert aggregate(low, "sum_log") < aggregate(high, "sum_log")
    assert aggregate([0.5, 0.0], "sum_log") == -math.inf


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
    ],
)
def test_what_is_no_scores(scores: list, how: str, message: str):
    with pytest.raises(ValueError, match=message):
        aggregate(scores, how)
