"""Returns, advantages, divergences and the loss, against values by hand."""

import math

import numpy as np
import pytest
import torch

from hrm_net.policy import loss
from hrm_net.policy.returns import advantages, leave_one_out
from hrm_net.policy.rewards import REWARDS, Evidence


def test_advantages_by_hand() -> None:
    returns, lengths = np.array([1.0, 0.0, 0.0, 4.0, 2.0, 0.0]), np.array([4, 2, 1, 2, 1, 5])

    def found(algorithm: str, baseline: str) -> np.ndarray:
        return advantages(returns, lengths, rollouts=3, algorithm=algorithm, baseline=baseline)

    assert leave_one_out(np.array([[1.0, 2.0, 6.0]])).tolist() == [[4.0, 3.5, 1.5]]
    assert found("rloo", "trajectory").tolist() == [1, -0.5, -0.5, 3, 0, -3]
    # rewards of a step: 1/4, 0, 0 and 2, 2, 0
    assert found("rloo", "step") == pytest.approx([1, -2 / 8, -1 / 8, 4 - 2, 2 - 1, -5 * 2])
    spread = [math.sqrt(2) / 3, math.sqrt(8 / 3)]
    wanted = [2 / 3 / spread[0], -1 / 3 / spread[0], -1 / 3 / spread[0], 2 / spread[1], 0, -2 / spread[1]]
    assert found("grpo", "trajectory") == pytest.approx(wanted, rel=1e-5)


def test_equal_returns_have_no_advantage() -> None:
    for algorithm in ("rloo", "grpo"):
        found = advantages(np.full(8, 0.7), np.arange(8) + 1, rollouts=4, algorithm=algorithm, baseline="trajectory")
        assert np.abs(found).max() < 1e-9


def test_a_mean_for_each_step_favours_the_shorter_of_two_equal_attempts() -> None:
    found = advantages(np.ones(2), np.array([2, 8]), rollouts=2, algorithm="rloo", baseline="step")
    assert found[0] > found[1]


def test_k3_has_the_mean_of_the_exact_divergence_and_is_never_negative() -> None:
    generator = torch.Generator().manual_seed(0)
    policy, reference = (torch.randn(5, 7, generator=generator, dtype=torch.float64) for _ in range(2))
    policy[:, -1] = reference[:, -1] = -torch.inf  # an action that is not allowed
    policy, reference = policy.log_softmax(1), reference.log_softmax(1)
    exact = loss.kl(policy, reference)
    allowed = slice(0, 6)
    estimate = loss.k3(policy[:, allowed].flatten(), reference[:, allowed].flatten()).view(5, 6)
    assert (estimate >= 0).all()
    assert torch.allclose((policy[:, allowed].exp() * estimate).sum(1), exact)
    assert loss.kl(policy, policy).tolist() == [0] * 5
    assert loss.entropy(torch.full((1, 4), 0.25).log()).item() == pytest.approx(math.log(4))


def test_the_gradient_of_the_loss_by_hand() -> None:
    """Without a divergence: -(A / N) (one-hot - p) at each choice."""
    logits = torch.tensor([[0.0, 1.0, -1.0], [0.5, 0.0, 0.0], [2.0, 0.0, 1.0]], requires_grad=True)
    action, attempt, advantage = torch.tensor([1, 0, 2]), torch.tensor([0, 0, 1]), torch.tensor([2.0, -3.0])
    chosen = logits.log_softmax(1).gather(1, action[:, None])[:, 0]
    loss.policy_loss(chosen, chosen.detach(), advantage, attempt, beta=5.0).backward()
    one_hot = torch.nn.functional.one_hot(action, 3)
    wanted = -(advantage[attempt] / 2)[:, None] * (one_hot - logits.detach().softmax(1))
    assert logits.grad is not None
    assert torch.allclose(logits.grad, wanted, atol=1e-6)  # at the reference the divergence has no gradient


def test_a_divergence_pulls_back_to_the_reference() -> None:
    logits = torch.tensor([[2.0, 0.0]], requires_grad=True)
    chosen = logits.log_softmax(1)[:, 0]
    loss.policy_loss(chosen, torch.tensor([math.log(0.5)]), torch.zeros(1), torch.zeros(1).long(), beta=1.0).backward()
    assert logits.grad is not None
    assert logits.grad[0, 0] > 0  # descent makes the action that is too likely less likely


EVIDENCE = Evidence(
    solved=np.array([True, False]),
    live=np.array([[True, True, True], [True, False, False]]),
    log_scores=np.log([[0.9, 0.5, 0.8], [0.95, 1.0, 1.0]]),
    wins=np.array([0.75, 0.25]),
    log_ratio=np.array([1.5, -0.5]),
    temperature=0.1,
)


def softened(*scores: float) -> float:
    weights = [math.exp(-score / 0.1) for score in scores]
    return sum(w * s for w, s in zip(weights, scores, strict=True)) / sum(weights)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("verifier", [1, 0]),
        ("orm", [0.8, 0.95]),
        ("prm_sum", [2.2, 0.95]),
        ("hier", [2.2, 0.95]),
        ("prm_min", [softened(0.9, 0.5, 0.8), 0.95]),
        ("prod", [0.36, 0.95]),
        ("cond", [math.log(0.36), math.log(0.95)]),
        ("cond_verifier", [math.log(0.36) + 1, math.log(0.95)]),
        ("pair", [0.75, 0.25]),
        ("implicit", [1.5, -0.5]),
    ],
)
def test_rewards_by_hand(name: str, wanted: list[float]) -> None:
    """The naive product rewards one right step above a whole right attempt; the sum does not."""
    assert REWARDS[name].returns(EVIDENCE) == pytest.approx(wanted)


def test_every_reward_is_tested_by_hand() -> None:
    marks = test_rewards_by_hand.pytestmark  # type: ignore[attr-defined]
    assert {case[0] for mark in marks for case in mark.args[1]} == set(REWARDS)
