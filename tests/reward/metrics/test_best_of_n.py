"""Best-of-N and votes against enumeration of every subset; intervals that cover; noise-free identities."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrm_net.reward.metrics import best_of_n as bon
from hrm_net.reward.metrics.bootstrap import interval, resampled_means
from hrm_net.reward.metrics.voting import answer_ids, vote, vote_curve


@st.composite
def candidates(draw, most=7):
    num = draw(st.integers(1, most))
    level = st.sampled_from([-math.inf, 0.0, 0.25, 0.5, 1.0])  # few values: many ties
    scores = draw(st.lists(level, min_size=num, max_size=num))
    solved = draw(st.lists(st.booleans(), min_size=num, max_size=num))
    return np.array([scores]), np.array([solved]), draw(st.integers(1, num))


def _enumerated(scores, values, size):
    """Mean over all subsets of the mean value of their best-scored members."""
    found = []
    for subset in combinations(range(len(scores)), size):
        best = max(scores[i] for i in subset)
        found.append(np.mean([values[i] for i in subset if scores[i] == best]))
    return np.mean(found)


@given(candidates())
def test_best_of_n_is_the_mean_over_all_subsets(case):
    scores, solved, size = case
    assert bon.best_of_n(scores, solved, size) == pytest.approx(_enumerated(scores[0], solved[0], size))
    assert bon.selection_weights(scores, size).sum() == pytest.approx(1)


@given(candidates())
def test_oracle_is_best_of_n_by_the_truth_and_random_by_a_constant(case):
    _, solved, size = case
    assert bon.oracle(solved, size) == pytest.approx(bon.best_of_n(solved.astype(float), solved, size))
    constant = bon.best_of_n(np.zeros(solved.shape), solved, size)
    assert constant == pytest.approx(solved.mean())
    assert bon.random_curve(solved, [size]).accuracy[:, 0] == pytest.approx(constant)


@given(candidates(), st.integers(0, 2**32))
def test_order_of_candidates_and_monotone_maps_change_nothing(case, seed):
    scores, solved, size = case
    order = np.random.default_rng(seed).permutation(scores.shape[1])
    expected = bon.best_of_n(scores, solved, size)
    assert bon.best_of_n(scores[:, order], solved[:, order], size) == pytest.approx(expected)
    assert bon.best_of_n(np.exp(scores) * 3 - 7, solved, size) == pytest.approx(expected)


def test_large_numbers_stay_exact():
    scores, solved = np.arange(512.0)[None], np.zeros((1, 512), bool)
    solved[0, -1] = True
    assert bon.best_of_n(scores, solved, 256) == pytest.approx(256 / 512, rel=1e-12)
    solved[0, :] = np.arange(512) == 510  # second best: kept when it is drawn and the best is not
    assert bon.best_of_n(scores, solved, 256) == pytest.approx(256 / 512 * 256 / 511, rel=1e-12)


def test_curve_rises_with_a_good_scorer_and_falls_with_a_fooled_one():
    solved = np.tile(np.arange(8) < 4, (3, 1))
    good = bon.best_of_n_curve(solved * 1.0, solved)
    assert good.sizes == [1, 2, 4, 8]
    assert good.accuracy.mean(0) == pytest.approx([0.5, 1 - 6 / 28, 1 - 1 / 70, 1])
    fooled = bon.best_of_n_curve(1.0 - solved, solved)
    summary = fooled.summary(np.random.default_rng(0))
    assert summary["hacking_index"] == pytest.approx(0.5)
    assert summary["hacking_index_interval"] == pytest.approx([0.5, 0.5])  # all puzzles alike
    assert summary["score"] == pytest.approx([0.5, 1 - 6 / 28, 1 - 1 / 70, 1])
    assert summary["kl"] == pytest.approx([0, math.log(2) - 1 / 2, math.log(4) - 3 / 4, math.log(8) - 7 / 8])
    gap = bon.paired_difference(good, fooled, np.random.default_rng(0))
    for key in ("difference", "low", "high"):
        assert gap[key] == pytest.approx([0, 4 / 7, 34 / 35, 1])


def test_curve_without_finite_scores_tells_no_mean_score():
    curve = bon.best_of_n_curve(np.array([[-math.inf, 0.0]]), np.array([[False, True]]))
    assert curve.score is None
    assert curve.accuracy.tolist() == [[0.5, 1.0]]
    assert curve.summary(np.random.default_rng(0))["score"] is None


@pytest.mark.parametrize(
    ("scores", "size", "words"),
    [
        ([[0.0, 1.0]], 3, "best-of-3: needs 1 to 2 candidates"),
        ([[0.0, 1.0]], 0, "best-of-0"),
        ([[0.0, 1.0], [math.nan, 1.0]], 1, "scores of puzzle 1: NaN"),
    ],
)
def test_what_cannot_be_ranked_is_named(scores, size, words):
    with pytest.raises(ValueError, match=words):
        bon.selection_weights(np.array(scores), size)


def test_sizes_stop_at_the_candidates():
    assert bon.sizes_up_to(1) == [1]
    assert bon.sizes_up_to(100) == [1, 2, 4, 8, 16, 32, 64]
    assert bon.sizes_up_to(512)[-1] == 256
    with pytest.raises(ValueError, match="candidates=0"):
        bon.sizes_up_to(0)


def test_bootstrap_covers_the_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(300):
        low, high = interval(rng.normal(size=(60, 1)), rng, repeats=300)
        hits += bool(low[0] <= 0 <= high[0])
    assert 0.90 <= hits / 300 <= 0.98


def test_bootstrap_draws_puzzles_whole_and_is_seeded():
    values = np.random.default_rng(0).normal(size=(20, 1)) * [1.0, 2.0]
    means = resampled_means(values, np.random.default_rng(5), 50)
    assert means[:, 1] == pytest.approx(2 * means[:, 0])
    assert (means == resampled_means(values, np.random.default_rng(5), 50)).all()
    with pytest.raises(ValueError, match="at least one puzzle"):
        resampled_means(np.zeros((0, 2)), np.random.default_rng(0))


@st.composite
def voters(draw):
    num = draw(st.integers(1, 6))
    answers = draw(st.lists(st.integers(-1, 3), min_size=num, max_size=num))
    right = draw(st.sets(st.integers(0, 3)))
    weights = draw(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=num, max_size=num))
    return np.array([answers]), np.array([[a in right for a in answers]]), np.array([weights])


def _winner(answers, solved, weights):
    votes = {}
    for answer, weight in zip(answers, weights, strict=True):
        if answer != -1:
            votes[answer] = votes.get(answer, 0) + weight
    right = {a for a, s in zip(answers, solved, strict=True) if s}
    tied = [a for a in votes if votes[a] == max(votes.values())]
    return float(np.mean([a in right for a in tied])) if tied else 0.0


@given(voters())
def test_vote_of_all_is_exact(case):
    answers, solved, weights = case
    rng = np.random.default_rng(0)
    num = answers.shape[1]
    assert vote(answers, solved, num, rng) == pytest.approx(_winner(answers[0], solved[0], np.ones(num)))
    assert vote(answers, solved, num, rng, weights=weights) == pytest.approx(_winner(answers[0], solved[0], weights[0]))


def test_vote_of_some_comes_close_to_all_subsets():
    answers, solved = np.array([[0, 0, 1, 1, 1, 2, -1]]), np.array([[True, True, *[False] * 5]])
    every = [_winner(answers[0][list(some)], solved[0][list(some)], np.ones(4)) for some in combinations(range(7), 4)]
    found = vote(answers, solved, 4, np.random.default_rng(0), draws=4000)
    assert found == pytest.approx(np.mean(every), abs=0.02)


def test_votes_are_exact_where_the_subsets_are_few():
    """A vote of one is the share of right candidates, whatever is drawn."""
    rng = np.random.default_rng(1)
    answers = rng.integers(-1, 4, (5, 40))
    solved = answers == 2
    one = vote_curve(answers, solved, np.random.default_rng(0), sizes=[1])
    np.testing.assert_allclose(one.accuracy[:, 0], solved.mean(1), rtol=1e-12)
    few, right = answers[:, :8], solved[:, :8]
    for size in (2, 3, 7):
        every = [
            np.mean([_winner(a[list(some)], s[list(some)], np.ones(size)) for some in combinations(range(8), size)])
            for a, s in zip(few, right, strict=True)
        ]
        np.testing.assert_allclose(vote(few, right, size, np.random.default_rng(0)), every, rtol=1e-12)


def test_answers_are_told_apart_by_their_cells():
    states = np.array([[[1, 2], [1, 2], [2, 1]], [[3, 3], [1, 1], [3, 3]]], np.uint8)
    ids = answer_ids(states)
    assert ids[0, 0] == ids[0, 1] != ids[0, 2]
    assert ids[1, 0] == ids[1, 2] != ids[1, 1]
    complete = np.array([[True, False, True], [True] * 3])
    assert (answer_ids(states, complete) == -1).tolist() == [[False, True, False], [False] * 3]


def test_log_scores_are_no_votes():
    answers, solved = np.array([[0, 1]]), np.array([[True, False]])
    with pytest.raises(ValueError, match=r"vote weights: least -0\.5"):
        vote(answers, solved, 2, np.random.default_rng(0), weights=np.array([[0.1, -0.5]]))
    with pytest.raises(ValueError, match="vote of 3"):
        vote(answers, solved, 3, np.random.default_rng(0))
