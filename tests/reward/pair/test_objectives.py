"""The losses of verdicts and of halting against what they are by definition."""

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from hrm_net.reward.pair import objectives
from tests.models import seeded

SEGMENTS, GAMES = 4, 5


def some(seed: int = 0, games: int = GAMES) -> tuple[Tensor, Tensor, Tensor]:
    """Verdicts, halting logits and which first candidates are better."""
    generator = seeded(seed)
    d, q = torch.randn(2, SEGMENTS, games, generator=generator, dtype=torch.float64)
    return d, q, torch.rand(games, generator=generator) < 0.5


def test_the_chances_to_stop_are_those_of_a_walk_and_sum_to_one() -> None:
    _, q, _ = some()
    found = objectives.log_stop(q).exp()
    torch.testing.assert_close(found.sum(dim=0), torch.ones(GAMES, dtype=torch.float64))
    h = q.sigmoid()
    for m, game in itertools.product(range(SEGMENTS), range(GAMES)):
        chance = 1.0 if m == SEGMENTS - 1 else h[m, game].item()
        for earlier in range(m):
            chance *= 1 - h[earlier, game].item()
        assert found[m, game].item() == pytest.approx(chance)


def test_the_expected_reward_is_the_mean_over_stopping_times_and_verdicts() -> None:
    d, q, better = some()
    price, expected = 0.07, np.zeros(GAMES)
    stop = objectives.log_stop(q).exp()
    for m, game, first in itertools.product(range(SEGMENTS), range(GAMES), (True, False)):
        p = d[m, game].sigmoid().item()
        reward = (1.0 if first == bool(better[game]) else -1.0) - price * (m + 1)
        expected[game] += stop[m, game].item() * (p if first else 1 - p) * reward
    np.testing.assert_allclose(objectives.expected_reward(d, q, better, price).numpy(), expected)


def test_losses_do_not_care_which_candidate_comes_first() -> None:
    d, q, better = some()
    for swapped in (
        lambda d, better: objectives.verdict_loss(d, better),
        lambda d, better: objectives.closed_loss(d, q, better),
        lambda d, better: objectives.exact_loss(d, q, better, 0.05),
    ):
        torch.testing.assert_close(swapped(d, better), swapped(-d, ~better))


def test_closed_halting_leaves_the_verdicts_alone() -> None:
    d, q, better = (one.requires_grad_() if one.is_floating_point() else one for one in some())
    objectives.closed_loss(d, q, better).backward()
    assert d.grad is None
    assert q.grad is not None
    right = objectives.signs(better) * d > 0
    assert ((q.grad < 0) == right).all()  # a step downhill raises the halting logit where the verdict is right


@pytest.mark.parametrize("price", [0.0, 0.3])
def test_sampled_rollouts_earn_on_average_what_is_expected(price: float) -> None:
    """The advantages of a group sum to 0; and the mean reward over many rollouts is the expected one."""
    d, q, better = some(games=1)
    many = 40_000
    wide_d, wide_q, wide_better = (one.expand(*one.shape[:-1], many) for one in (d, q, better))
    found = objectives.sample(wide_d, wide_q, wide_better, price, many, seeded(1))
    assert found.advantage.mean().abs() < 1e-6
    reward = (found.first == better).double() * 2 - 1 - price * (found.stop + 1)
    assert reward.mean().item() == pytest.approx(objectives.expected_reward(d, q, better, price).item(), abs=0.02)


def test_on_the_policy_itself_the_gradient_is_that_of_the_expected_reward() -> None:
    """REINFORCE with a group's mean as its baseline points the way that the closed form points."""
    d, q, better = some(games=1)
    many, price = 200_000, 0.1
    leaves = [d.clone().requires_grad_(), q.clone().requires_grad_()]
    wide_d, wide_q = (one.expand(SEGMENTS, many) for one in leaves)
    rollouts = objectives.sample(wide_d, wide_q, better.expand(many), price, many, seeded(2))
    same = {"d_before": wide_d.detach(), "q_before": wide_q.detach()}
    objectives.grpo_loss(wide_d, wide_q, rollouts, **same, clip=0.2, kl=0.0).backward()
    exact = [d.clone().requires_grad_(), q.clone().requires_grad_()]
    objectives.exact_loss(exact[0], exact[1], better, price).backward()
    sampled, closed = (torch.cat([one.grad.flatten() for one in pair]) for pair in (leaves, exact))  # type: ignore[union-attr]
    assert torch.nn.functional.cosine_similarity(sampled, closed, dim=0) > 0.98


def test_the_ratio_is_clipped_and_the_divergence_is_that_of_the_enumerated_choices() -> None:
    d, q, better = some()
    d_before, q_before, _ = some(seed=9)
    rollouts = objectives.sample(d, q, better, 0.1, GAMES, seeded(3))
    rollouts.log_prob -= 5.0  # as if all had become far more probable since
    gained = objectives.grpo_loss(d, q, rollouts, d_before=d, q_before=q, clip=0.2, kl=0.0)
    assert gained.item() == pytest.approx(
        -torch.minimum(rollouts.advantage * np.exp(5), rollouts.advantage * 1.2).mean().item()
    )
    total = torch.zeros(GAMES, dtype=torch.float64)
    for m, first in itertools.product(range(SEGMENTS), (True, False)):
        stop, says = torch.full((GAMES,), m), torch.full((GAMES,), first)
        now = objectives.log_prob(d, q, stop, says)
        total += now.exp() * (now - objectives.log_prob(d_before, q_before, stop, says))
    torch.testing.assert_close(objectives.divergence(d, q, d_before, q_before), total)
    assert (total > 0).all()
    torch.testing.assert_close(objectives.divergence(d, q, d, q), torch.zeros(GAMES, dtype=torch.float64))
