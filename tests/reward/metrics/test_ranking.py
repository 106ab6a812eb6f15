"""Metrics of scorers against their definitions, pair by pair and threshold by threshold."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from hrm_net.reward.metrics import first_error as fe
from hrm_net.reward.metrics import ranking as metrics

LEVELS = [0.0, 0.1, 0.3, 0.5, 0.9, 1.0]


@st.composite
def scored(draw, least=1, most=12):
    num = draw(st.integers(least, most))
    scores = draw(st.lists(st.sampled_from(LEVELS), min_size=num, max_size=num))
    labels = draw(st.lists(st.booleans(), min_size=num, max_size=num))
    return np.array(scores), np.array(labels)


@st.composite
def trajectories(draw):
    """(scores, starts, error) of a few trajectories, some without a step."""
    lengths = draw(st.lists(st.integers(0, 5), min_size=1, max_size=6))
    scores = draw(st.lists(st.sampled_from(LEVELS), min_size=sum(lengths), max_size=sum(lengths)))
    error = [draw(st.integers(0, length)) for length in lengths]
    return np.array(scores, float), np.cumsum([0, *lengths]), np.array(error)


def _pairs(scores, labels):
    """AUROC as the share of (right, wrong) pairs in order."""
    wins = [(a > b) + 0.5 * (a == b) for a in scores[labels] for b in scores[~labels]]
    return float(np.mean(wins)) if wins else math.nan


@given(scored())
def test_auroc_counts_pairs(case):
    assert metrics.auroc(*case) == pytest.approx(_pairs(*case), nan_ok=True)


@given(scored())
def test_auprc_sums_precision_over_recall(case):
    scores, labels = case
    total, recall = 0.0, 0.0
    for threshold in sorted(set(scores.tolist()), reverse=True):
        passed = labels[scores >= threshold]
        gained = passed.sum() / max(1, labels.sum()) - recall
        total, recall = total + gained * passed.mean(), recall + gained
    assert metrics.auprc(scores, labels) == pytest.approx(total if labels.any() else math.nan, nan_ok=True)


@given(scored(least=2, most=40))
def test_scikit_learn_gives_the_same(case):
    scores, labels = case
    assume(0 < labels.sum() < len(labels))
    assert metrics.auroc(scores, labels) == pytest.approx(roc_auc_score(labels, scores))
    assert metrics.auprc(scores, labels) == pytest.approx(average_precision_score(labels, scores))


def test_infinite_scores_are_ranked_too():
    """The logarithm of a product in which one step has no chance."""
    assert metrics.auroc(np.array([-np.inf, -1.0, -0.5]), np.array([False, True, True])) == 1.0


def test_known_average_precision():
    # the example of scikit-learn's average_precision_score
    assert metrics.auprc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])) == pytest.approx(5 / 6)


@given(scored(), st.integers(1, 3), st.integers(0, 1000))
def test_within_is_the_mean_over_groups_that_have_both_kinds(case, num, seed):
    scores, labels = case
    groups = np.random.default_rng(seed).integers(0, num, len(scores))
    each = [_pairs(scores[groups == group], labels[groups == group]) for group in range(num)]
    defined = [one for one in each if not math.isnan(one)]
    value, count = metrics.within(metrics.auroc, scores, labels, groups)
    assert count == len(defined)
    assert value == pytest.approx(np.mean(defined) if defined else math.nan, nan_ok=True)


def test_pooling_shows_what_only_ranks_inside_a_puzzle():
    """Each puzzle is ranked without a fault, on a scale of its own."""
    scores = np.array([0.9, 0.8, 0.2, 0.1])
    labels = np.array([True, False, True, False])
    found = metrics.ranking(scores, labels, np.array([7, 7, -3, -3]))
    assert found["auroc_within"] == 1.0
    assert found["auroc"] == 0.75
    assert found["auprc"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert (found["auprc_within"], found["puzzles_within"], found["num"], found["right"]) == (1.0, 2, 4, 0.5)


def test_puzzles_of_one_kind_tell_nothing_of_ranking():
    found = metrics.ranking(np.array([0.2, 0.9]), np.array([True, True]), np.array([0, 0]))
    assert math.isnan(found["auroc_within"])
    assert math.isnan(found["auprc_within"])
    assert found["puzzles_within"] == 0


def test_calibration_by_hand():
    scores = np.array([0.95, 0.95, 0.95, 0.95, 0.15])
    labels = np.array([True, True, True, False, True])
    found = metrics.reliability(scores, labels)
    assert found["ece"] == pytest.approx(0.8 * abs(0.95 - 0.75) + 0.2 * abs(0.15 - 1))
    assert found["brier"] == pytest.approx((3 * 0.05**2 + 0.95**2 + 0.85**2) / 5)
    assert [one["puzzles"] for one in found["bins"]] == [1, 4]
    with pytest.raises(ValueError, match=r"scores -0.5 to 1: must be within \[0, 1\]"):
        metrics.reliability(np.array([-0.5, 1.0]), np.array([True, False]))
    with pytest.raises(ValueError, match="at least one score"):
        metrics.reliability(np.zeros(0), np.zeros(0, bool))


def test_quadrants_hold_each_pair_of_steps():
    labels = np.array([True, False, True, True, False, False])
    starts = np.array([0, 4, 4, 6])  # the middle trajectory has no step
    previous, has = metrics.previous_labels(labels, starts)
    assert has.tolist() == [False, True, True, True, False, True]
    assert previous[has].tolist() == [True, False, True, False]
    scores = np.array([0.9, 0.2, 0.4, 0.6, 0.1, 0.7])
    table = metrics.quadrants(scores[has], labels[has], previous[has])
    assert table["right_wrong"] == {"num": 1, "score": 0.2, "accepted": 0.0, "accuracy": 1.0}
    assert table["wrong_right"] == {"num": 1, "score": 0.4, "accepted": 0.0, "accuracy": 0.0}
    assert table["right_right"] == {"num": 1, "score": 0.6, "accepted": 1.0, "accuracy": 1.0}
    assert table["wrong_wrong"] == {"num": 1, "score": 0.7, "accepted": 1.0, "accuracy": 0.0}
    assert metrics.auroc_by_previous(scores[has], labels[has], previous[has]) == {"after_wrong": 0, "after_right": 1}
    empty = metrics.quadrants(np.zeros(0), np.zeros(0, bool), np.zeros(0, bool))["wrong_right"]
    assert empty["num"] == 0
    assert math.isnan(empty["score"])


@given(scored(), st.sampled_from(LEVELS))
def test_step_f1_by_hand(case, threshold):
    scores, labels = case
    found = metrics.step_f1(scores, labels, threshold)
    for name, said, true in (
        ("f1", scores >= threshold, labels),
        ("negative_f1", scores < threshold, ~labels),
    ):
        if said.any() and true.any():
            precision, recall = true[said].mean(), said[true].mean()
            harmonic = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
            assert found[name] == pytest.approx(harmonic)


def _told(scores, threshold, convention):
    below = [score < threshold for score in scores]
    if convention == "first":
        return below.index(True) if True in below else len(scores)
    run = 0
    while run < len(scores) and below[len(scores) - 1 - run]:
        run += 1
    return len(scores) - run


@given(trajectories(), st.sampled_from(LEVELS), st.sampled_from(fe.CONVENTIONS))
def test_errors_are_told_step_by_step(case, threshold, convention):
    scores, starts, _ = case
    expected = [_told(scores[a:b].tolist(), threshold, convention) for a, b in itertools.pairwise(starts)]
    assert fe.predicted_errors(scores, starts, threshold, convention).tolist() == expected


@given(trajectories(), st.sampled_from(fe.CONVENTIONS))
def test_no_threshold_beats_the_best_one(case, convention):
    scores, starts, error = case
    steps = np.diff(starts)
    assume((error < steps).any() and (error == steps).any())
    best = fe.first_error_f1(scores, starts, error, fe.best_threshold(scores, starts, error, convention), convention)
    others = [0.0, *LEVELS, *[level + 1e-9 for level in LEVELS]]
    assert all(fe.first_error_f1(scores, starts, error, other, convention).f1 <= best.f1 + 1e-12 for other in others)


def test_first_error_f1_is_the_harmonic_mean_of_both_accuracies():
    scores = np.array([0.9, 0.2, 0.9, 0.9, 0.1, 0.8, 0.8])
    starts, error = np.array([0, 2, 4, 6, 7]), np.array([1, 1, 0, 1])
    found = fe.first_error_f1(scores, starts, error, 0.5)
    assert (found.error_accuracy, found.right_accuracy) == (pytest.approx(2 / 3), 1.0)
    assert found.f1 == pytest.approx(0.8)
    assert (found.with_error, found.without) == (3, 1)
    assert fe.best_threshold(scores, starts, error) == pytest.approx(0.5)  # the middle of 0.2 and 0.8
    lone = fe.first_error_f1(scores[:2], starts[:2], error[:1], 0.5)
    assert math.isnan(lone.f1)


def test_auroc_of_first_errors_ignores_what_comes_after():
    scores = np.array([0.9, 0.3, 1.0, 0.0, 0.2, 0.4])
    found = fe.first_error_auroc(scores, np.array([0, 4, 6]), np.array([1, 2]))
    assert found == pytest.approx(_pairs(np.array([0.9, 0.3, 0.2, 0.4]), np.array([True, False, True, True])))


def test_unknown_conventions_are_named():
    with pytest.raises(ValueError, match="convention=middle: must be one of first, last"):
        fe.predicted_errors(np.ones(1), np.array([0, 1]), 0.5, "middle")
