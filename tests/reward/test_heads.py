"""Losses of the heads against plain restatements in float64, and at the edges."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_net.reward.heads import HEADS
from hrm_net.reward.heads.base import last_rows, padded, places
from hrm_net.reward.heads.cond import (
    hazard_loss,
    known_errors,
    log_error_at,
    log_failure,
    log_rewards,
    log_survival,
)
from hrm_net.reward.heads.pqm import ranking_loss
from hrm_net.reward.objectives import halting_loss, losses, right_signs
from tests.examples import num_examples

LENGTHS = st.lists(st.integers(1, 5), min_size=1, max_size=4)
LOGIT = st.floats(-8, 8, width=32)


@st.composite
def batches(draw):
    """(logits, batch): whole solutions, with lone rows before, between and after them."""
    logits, trajectory, label, outcome, error = [], [], [], [], []
    for number, length in enumerate(draw(LENGTHS)):
        rows = [(-1, 1)] * draw(st.integers(0, 2)) + [(number, 1)] * length
        trajectory += [row[0] for row in rows]
        outcome.append(draw(st.booleans()))
        error.append(length if outcome[-1] else draw(st.integers(-1, length)))
    trajectory += [-1] * draw(st.integers(0, 2))
    num = len(trajectory)
    logits = draw(st.lists(LOGIT, min_size=num, max_size=num))
    label = draw(st.lists(st.sampled_from([0.0, 0.3, 0.5, 1.0, math.nan]), min_size=num, max_size=num))
    span = [draw(st.sampled_from([1, 2])) if where < 0 else 1 for where in trajectory]
    return torch.tensor(logits, dtype=torch.float64), {
        "trajectory": torch.tensor(trajectory),
        "label": torch.tensor(label, dtype=torch.float32),
        "span": torch.tensor(span),
        "outcome": torch.tensor(outcome),
        "error": torch.tensor(error),
    }


def whole(logits, batch):
    """Each solution by itself: (logits, labels, outcome, error) in plain lists."""
    for number, outcome in enumerate(batch["outcome"].tolist()):
        rows = (batch["trajectory"] == number).nonzero()[:, 0].tolist()
        yield (
            [float(logits[i]) for i in rows],
            [float(batch["label"][i]) for i in rows],
            outcome,
            int(batch["error"][number]),
        )


def every(logits: torch.Tensor) -> dict[str, torch.Tensor]:
    """All heads say the same."""
    return dict.fromkeys(HEADS, logits)


def hazards(values):
    return [1 / (1 + math.exp(-x)) for x in values]


def cross_entropy(x, y):
    p = 1 / (1 + math.exp(-x))
    return -y * math.log(p) - (1 - y) * math.log1p(-p)


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else 0.0


@given(batches())
def test_places_and_ends(drawn):
    logits, batch = drawn
    values, mask = padded(logits, batch, 7.0)
    for number, (own, *_) in enumerate(whole(logits, batch)):
        assert values[number, : len(own)].tolist() == own
        assert mask[number].tolist() == [True] * len(own) + [False] * (mask.shape[1] - len(own))
        rows = (batch["trajectory"] == number).nonzero()[:, 0]
        assert places(batch)[rows].tolist() == list(range(len(own)))
        assert last_rows(batch)[number] == rows[-1]


@given(batches())
def test_survival_identities(drawn):
    """sum of p(t) plus S(T) is 1; the rewards sum to log S(T); each quantity is what the definition says."""
    logits, batch = drawn
    values, mask = padded(logits, batch, 0.0)
    error, survive = log_error_at(values, mask), log_survival(values, mask)
    rewards, failure = log_rewards(values, mask), log_failure(values, mask)
    np.testing.assert_allclose(error.exp().sum(1) + survive[:, -1].exp(), 1, rtol=1e-12)
    np.testing.assert_allclose(rewards.sum(1), survive[:, -1], rtol=1e-12)
    np.testing.assert_allclose(failure.exp(), 1 - survive[:, -1].exp(), rtol=1e-9, atol=1e-15)
    for number, (own, *_) in enumerate(whole(logits, batch)):
        alive = 1.0
        for t, h in enumerate(hazards(own)):
            assert math.isclose(float(error[number, t].exp()), h * alive, rel_tol=1e-9)
            alive *= 1 - h
            assert math.isclose(float(survive[number, t].exp()), alive, rel_tol=1e-9)
    assert (rewards <= 0).all()


@pytest.mark.slow
@given(batches())
def test_losses_are_what_their_formulas_say(drawn):
    logits, batch = drawn
    found = losses(every(logits), batch)
    rows = list(zip(logits.tolist(), batch["label"].double().tolist(), batch["span"].tolist(), strict=True))
    labelled = [(x, y, span) for x, y, span in rows if not math.isnan(y)]
    expected = {
        "prm": mean(cross_entropy(x, y) for x, y, span in labelled if span == 1),
        "hier": mean(cross_entropy(x, y) for x, y, _ in labelled),
        "orm": mean(cross_entropy(x[-1], float(outcome)) for x, _, outcome, _ in whole(logits, batch)),
    }
    total = []
    for x, _, outcome, z in whole(logits, batch):
        h = hazards(x)
        survive = math.prod(1 - one for one in h)
        loss = -math.log(survive) if outcome else -math.log(1 - survive)
        if not outcome and 0 <= z < len(h):
            loss -= math.log(h[z] * math.prod(1 - one for one in h[:z]))
        total.append(loss)
    expected["cond"] = mean(total)
    for name, value in expected.items():
        assert math.isclose(float(found[name]), value, rel_tol=1e-6, abs_tol=1e-9), name
    squares = losses({"prm": logits}, batch, loss="mse")["prm"]
    plain = mean((1 / (1 + math.exp(-x)) - y) ** 2 for x, y, span in labelled if span == 1)
    assert math.isclose(float(squares), plain, rel_tol=1e-6, abs_tol=1e-9)


@given(batches(), st.floats(0, 6))
def test_ranking_against_a_plain_restatement(drawn, zeta):
    logits, batch = drawn
    per_solution = []
    for x, labels, _, _ in whole(logits, batch):
        wrong = sum(math.exp(q + zeta) for q, y in zip(x, labels, strict=True) if y < 0.5)
        terms = [-math.log(1 / (1 + wrong))] if wrong else []
        rising = 1.0  # exp Q_0
        for q, y in zip(x, labels, strict=True):
            if y >= 0.5:
                rising += math.exp(q)
                terms.append(-math.log(math.exp(q) / (rising + wrong)))
        if terms:
            per_solution.append(mean(terms))
    assert math.isclose(float(ranking_loss(logits, batch, zeta)), mean(per_solution), rel_tol=1e-5, abs_tol=1e-9)


@pytest.mark.parametrize("scale", [0.0, 30.0, 200.0, 1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_extreme_logits_keep_every_gradient_finite(scale: float, dtype: torch.dtype):
    g = torch.Generator().manual_seed(0)
    signs = torch.randint(0, 2, (40,), generator=g) * 2.0 - 1
    for values in (signs, torch.ones(40), -torch.ones(40)):
        logits = (scale * values).to(dtype).requires_grad_()
        batch = {
            "trajectory": torch.arange(40) // 8,
            "label": (torch.arange(40) % 3 > 0).float(),
            "span": torch.ones(40),
            "outcome": torch.tensor([True, False, False, True, False]),
            "error": torch.tensor([8, 0, 7, 8, -1]),
        }
        for loss in ("bce", "mse"):
            found = losses(every(logits), batch, loss=loss)
            for name, value in found.items():
                assert value.isfinite(), name
                (grad,) = torch.autograd.grad(value, logits, retain_graph=True)
                assert grad.isfinite().all(), name


def test_certain_hazards_still_learn():
    """All hazards near 0 on a failed solution: log(1 - S) itself would be log 0."""
    batch = {"trajectory": torch.zeros(3).long(), "outcome": torch.tensor([False]), "error": torch.tensor([-1])}
    logits = torch.full((3,), -100.0, requires_grad=True)
    loss = hazard_loss(logits, batch)
    assert math.isclose(loss.item(), 100 - math.log(3), rel_tol=1e-6)
    loss.backward()
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, torch.full((3,), -1 / 3))


def test_no_solution_no_loss():
    batch = {
        "trajectory": torch.full((3,), -1), "label": torch.full((3,), math.nan), "span": torch.ones(3),
        "outcome": torch.zeros(0, dtype=torch.bool), "error": torch.zeros(0, dtype=torch.long),
    }  # fmt: skip
    logits = torch.randn(3, requires_grad=True)
    found = losses(every(logits), batch)
    assert all(value == 0 and value.requires_grad for value in found.values())
    assert halting_loss(logits, every(logits), batch) == 0


def test_right_signs_by_hand():
    nan = math.nan
    batch = {
        "trajectory": torch.tensor([0, 0, 0, 1, 1, -1, -1]),
        "label": torch.tensor([1.0, 0.0, nan, 1.0, 1.0, 0.2, 0.9]),
        "span": torch.tensor([1, 1, 1, 1, 1, 1, 2]),
        "outcome": torch.tensor([False, True]),
        "error": torch.tensor([1, 2]),
    }

    def of(name, values):
        right, known = right_signs({name: torch.tensor(values)}, batch)
        return [bool(r) if k else None for r, k in zip(right, known, strict=True)]

    assert of("prm", [1.0, 1.0, 1.0, 1.0, -1.0, -1.0, 1.0]) == [True, False, None, True, False, True, None]
    assert of("hier", [1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0]) == [True, False, None, True, False, True, False]
    assert of("orm", [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]) == [None, None, False, None, True, None, None]
    assert of("cond", [-1.0, 1.0, 1.0, -1.0, 1.0, 1.0, 1.0]) == [True, True, None, True, False, None, None]
    right, known = right_signs({"prm": torch.ones(7), "cond": -torch.ones(7)}, batch)
    assert right.tolist()[:2] == [True, False]
    assert known.tolist() == [True, True, False, True, True, True, False]


@num_examples(20)
@given(st.integers(0, 9))
def test_shares_of_known_errors_are_nested(seed: int):
    error = np.arange(1000) % 7
    few, many = (known_errors(error, share, np.random.default_rng(seed)) for share in (0.1, 0.5))
    assert ((few == -1) | (few == error)).all()
    assert ((few == -1) | (many == error)).all()
    assert 0.05 < (few >= 0).mean() < 0.15
    assert 0.4 < (many >= 0).mean() < 0.6
    assert (known_errors(error, 1.0, np.random.default_rng(seed)) == error).all()
    assert (known_errors(error, 0.0, np.random.default_rng(seed)) == -1).all()
