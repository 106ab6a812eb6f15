"""Losses against float64 restatements of their formulas."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_net.model import Output
from hrm_net.nn.halting import continue_target, halted_in_training, wants_to_halt
from hrm_net.nn.losses import CROSS_ENTROPY, IGNORE, row_losses, segment_loss
from tests.models import seeded


def restated(kind: str, logits: np.ndarray, label: int) -> float:
    if kind == "softmax":
        s = np.exp(logits - logits.max())
    else:
        s = np.array([x + 1 if x >= 0 else 1 / (1 - x) for x in logits])
    return float(-np.log(s[label] / s.sum()))


@pytest.mark.parametrize("kind", CROSS_ENTROPY)
@given(values=st.lists(st.floats(-30, 30, width=32), min_size=4, max_size=4), label=st.integers(0, 3))
def test_cross_entropies_follow_their_formula(kind: str, values: list[float], label: int):
    ours = CROSS_ENTROPY[kind](torch.tensor([values]), torch.tensor([label]))
    assert ours.item() == pytest.approx(restated(kind, np.array(values, np.float64), label), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("kind", CROSS_ENTROPY)
def test_gradients_are_finite_at_the_edges(kind: str):
    logits = torch.tensor([[0.0, -1e4, 1e4, -0.0]], requires_grad=True)
    CROSS_ENTROPY[kind](logits, torch.tensor([0])).sum().backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_a_segments_loss_is_its_published_sum():
    logits = torch.randn(3, 5, 4, generator=seeded())
    labels = torch.randint(0, 4, (3, 5), generator=seeded(1))
    labels[0, 3:] = IGNORE
    labels[2] = logits[2].argmax(-1)
    q_halt, q_continue, target = (
        torch.randn(3, generator=seeded(2)),
        torch.randn(3, generator=seeded(3)),
        torch.rand(3, generator=seeded(4)),
    )
    out = Output(logits=logits, q_halt=q_halt, q_continue=q_continue, target_q_continue=target)
    loss = segment_loss(out, labels, "softmax")

    rows = [
        [
            restated("softmax", logits[i, j].double().numpy(), int(labels[i, j]))
            for j in range(5)
            if labels[i, j] != IGNORE
        ]
        for i in range(3)
    ]
    lm = sum(np.mean(row) for row in rows)
    exact = [all(logits[i, j].argmax() == labels[i, j] for j in range(5) if labels[i, j] != IGNORE) for i in range(3)]

    def bce(logit: float, goal: float) -> float:
        p = 1 / (1 + np.exp(-logit))
        return -(goal * np.log(p) + (1 - goal) * np.log(1 - p))

    halting = sum(
        bce(q_halt[i].item(), float(exact[i])) + bce(q_continue[i].item(), target[i].item()) for i in range(3)
    )
    assert loss.total.item() == pytest.approx(lm + 0.5 * halting, rel=1e-5)
    assert loss.exact.tolist() == exact
    assert exact[2]


def test_without_a_target_continuing_costs_nothing():
    logits, labels = torch.zeros(2, 3, 4), torch.zeros(2, 3, dtype=torch.long)
    loss = segment_loss(
        Output(logits=logits, q_halt=torch.zeros(2), q_continue=torch.full((2,), 9.0)), labels, "stablemax"
    )
    assert loss.q_continue.item() == 0


@given(st.lists(st.booleans(), min_size=1, max_size=20), st.integers(1, 16), st.floats(0, 1), st.integers(0, 100))
def test_halting_bounds(wants: list[bool], steps: int, exploration: float, seed: int):
    tensor, at = torch.tensor(wants), torch.full((len(wants),), steps, dtype=torch.int32)
    halted = halted_in_training(tensor, at, 16, exploration, seeded(seed))
    if steps == 16:
        assert halted.all()
    else:
        assert not (halted & ~tensor).any()
    if exploration == 0:
        assert torch.equal(halted, tensor | (at >= 16))


def test_exploration_keeps_its_share_of_rows_thinking():
    num = 40_000
    wants, steps = torch.ones(num, dtype=torch.bool), torch.full((num,), 5, dtype=torch.int32)
    halted = halted_in_training(wants, steps, 16, 0.3, seeded())
    # 0.3 explore, and of the floors 2..16 eleven in fifteen lie above 5
    assert 1 - halted.float().mean().item() == pytest.approx(0.3 * 11 / 15, abs=0.01)


def test_who_wants_to_halt():
    q_halt, q_continue = torch.tensor([1.0, -1.0, 2.0]), torch.tensor([0.0, -2.0, 3.0])
    assert wants_to_halt("q_learning", q_halt, q_continue).tolist() == [True, True, False]
    assert wants_to_halt("halt_only", q_halt, q_continue).tolist() == [True, False, True]
    assert not wants_to_halt("fixed", q_halt, q_continue).any()


def test_continue_target():
    target = continue_target(torch.tensor([1.0, 1.0]), torch.tensor([2.0, 2.0]), torch.tensor([False, True]))
    torch.testing.assert_close(target, torch.tensor([2.0, 1.0]).sigmoid())


def test_a_balanced_loss_gives_half_to_the_cells_that_the_answer_changes():
    logits = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0))
    inputs = torch.tensor([[1, 1, 1, 1, 1], [1, 2, 3, 1, 1]])
    labels = torch.tensor([[1, 1, 2, 1, IGNORE], [1, 2, 3, 1, 1]])
    each = CROSS_ENTROPY["softmax"](logits, labels)
    found = row_losses(logits, labels, "softmax", inputs)
    assert found[0].item() == pytest.approx(0.5 * each[0, 2].item() + 0.5 * each[0, [0, 1, 3]].mean().item())
    assert found[1].item() == pytest.approx(0.5 * each[1].mean().item())
