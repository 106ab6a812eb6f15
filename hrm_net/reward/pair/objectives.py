"""What a judge learns: verdicts, and when to stop, the latter in three ways.

With the verdict d_m of a game after segment m, the sign s = +1 where the first candidate is the better one and -1 where
the second is, and the halting probability h_m = sigmoid(q_m):

    verdicts    mean over m of -log sigmoid(s d_m)
    P(m)        h_m prod_{k < m} (1 - h_k), and what is left at the last segment: the probability to stop after m
    reward      +1 for a right verdict, -1 for a wrong one, minus price * m

`closed`: cross-entropy of h_m against "the verdict is right by now", as a step scorer's halting head learns. `exact`:
minus the expected reward, sum over m of P(m) (2 sigmoid(s d_m) - 1 - price m), which is differentiable. `grpo`: of each
game some stopping times and verdicts are sampled, each on a random symmetric image of the game. The advantage of a
sample is its reward less the mean of its game's samples, over their standard deviation (Group Relative Policy
Optimization, arXiv 2402.03300), with PPO's clipped ratio and the divergence from the judge before (arXiv 1707.06347).
A verdict between two candidates has a closed-form expected reward, so only the stopping time needs sampling; `grpo` is
there to compare with.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

Logits = Float[Tensor, "segments games"]


def signs(better: Bool[Tensor, " games"]) -> Float[Tensor, " games"]:
    """+1 where the first candidate is the better one, -1 where the second is."""
    return better.float() * 2 - 1


def verdict_loss(d: Float[Tensor, "*segments games"], better: Bool[Tensor, " games"]) -> Float[Tensor, ""]:
    """The mean cross-entropy of verdicts."""
    return F.softplus(-signs(better) * d).mean()


def closed_loss(d: Logits, q: Logits, better: Bool[Tensor, " games"]) -> Float[Tensor, ""]:
    """Cross-entropy of the halting head against: the verdict has its right sign."""
    right = (signs(better) * d.detach() > 0).to(q.dtype)
    return F.binary_cross_entropy_with_logits(q, right)


def log_stop(q: Logits) -> Logits:
    """log P(m): whatever q says at the last segment, there the game ends."""
    stay = F.pad(F.logsigmoid(-q[:-1]).cumsum(dim=0), (0, 0, 1, 0))
    return stay + torch.cat([F.logsigmoid(q[:-1]), torch.zeros_like(q[-1:])])


def expected_reward(d: Logits, q: Logits, better: Bool[Tensor, " games"], price: float) -> Float[Tensor, " games"]:
    """The mean reward of a judge that samples its stopping time and its verdict."""
    segment = torch.arange(1, len(d) + 1, device=d.device, dtype=d.dtype)[:, None]
    reward = 2 * torch.sigmoid(signs(better) * d) - 1 - price * segment
    return (log_stop(q).exp() * reward).sum(dim=0)


def exact_loss(d: Logits, q: Logits, better: Bool[Tensor, " games"], price: float) -> Float[Tensor, ""]:
    """Minus the mean expected reward."""
    return -expected_reward(d, q, better, price).mean()


@dataclass(kw_only=True, slots=True)
class Rollouts:
    """Sampled stopping times (from 0) and verdicts (whether the first is called better), their log-probability when
    they were sampled, and their advantage within their group."""

    stop: Int[Tensor, " games"]
    first: Bool[Tensor, " games"]
    log_prob: Float[Tensor, " games"]
    advantage: Float[Tensor, " games"]


@torch.no_grad()
def sample(
    d: Logits, q: Logits, better: Bool[Tensor, " games"], price: float, group: int, generator: torch.Generator
) -> Rollouts:
    """One rollout of each column; `group` columns beside each other are images of one game."""
    stop = torch.multinomial(log_stop(q).exp().T, 1, generator=generator)[:, 0]
    chance = d.gather(0, stop[None])[0].sigmoid()
    first = torch.rand(chance.shape, generator=generator, device=d.device) < chance
    reward = (first == better).float() * 2 - 1 - price * (stop + 1)
    grouped = reward.unflatten(0, (-1, group))
    advantage = (grouped - grouped.mean(dim=1, keepdim=True)) / (grouped.std(dim=1, keepdim=True) + 1e-6)
    return Rollouts(stop=stop, first=first, log_prob=log_prob(d, q, stop, first), advantage=advantage.flatten())


def log_prob(
    d: Logits, q: Logits, stop: Int[Tensor, " games"], first: Bool[Tensor, " games"]
) -> Float[Tensor, " games"]:
    """Of stopping then and saying so."""
    verdict = F.logsigmoid(signs(first) * d.gather(0, stop[None])[0])
    return log_stop(q).gather(0, stop[None])[0] + verdict


def divergence(d: Logits, q: Logits, d_before: Logits, q_before: Logits) -> Float[Tensor, " games"]:
    """The Kullback-Leibler divergence of stopping times and verdicts from those of the judge before."""
    now, before = log_stop(q), log_stop(q_before)
    p = d.sigmoid()
    verdict = p * (F.logsigmoid(d) - F.logsigmoid(d_before)) + (1 - p) * (F.logsigmoid(-d) - F.logsigmoid(-d_before))
    return (now.exp() * (now - before + verdict)).sum(dim=0)


def grpo_loss(
    d: Logits, q: Logits, rollouts: Rollouts, *, d_before: Logits, q_before: Logits, clip: float, kl: float
) -> Float[Tensor, ""]:
    """PPO's clipped objective, negated, plus `kl` times the divergence."""
    ratio = (log_prob(d, q, rollouts.stop, rollouts.first) - rollouts.log_prob).exp()
    clipped = ratio.clamp(1 - clip, 1 + clip)
    gain = torch.minimum(ratio * rollouts.advantage, clipped * rollouts.advantage)
    return -gain.mean() + kl * divergence(d, q, d_before, q_before).mean()
