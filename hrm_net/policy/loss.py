"""The loss of learning from a reward: a policy gradient, and the divergence from the clone."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def k3(log_probs: Float[Tensor, " rows"], reference: Float[Tensor, " rows"]) -> Float[Tensor, " rows"]:
    """An estimate of KL(policy || reference) from one sampled action each: exp(d) - 1 - d with d = log(reference /
    policy). It is never negative, and its mean over actions of the policy is the divergence (Schulman, 2020)."""
    d = reference - log_probs
    return d.expm1() - d


def kl(log_probs: Float[Tensor, "rows actions"], reference: Float[Tensor, "rows actions"]) -> Float[Tensor, " rows"]:
    """KL(policy || reference) of each state exactly, over its allowed actions."""
    gap = torch.where(log_probs.isneginf(), 0.0, log_probs - reference)
    return (log_probs.exp() * gap).sum(dim=1)


def entropy(log_probs: Float[Tensor, "rows actions"]) -> Float[Tensor, " rows"]:
    """The entropy of each state's choice, in nats."""
    return -(log_probs.exp() * torch.where(log_probs.isneginf(), 0.0, log_probs)).sum(dim=1)


def policy_loss(
    log_probs: Float[Tensor, " rows"],
    reference: Float[Tensor, " rows"],
    advantage: Float[Tensor, " attempts"],
    attempt: Int[Tensor, " rows"],
    *,
    beta: float,
) -> Float[Tensor, ""]:
    """-1/N sum over attempts i of A_i sum_t log p(a_t), plus beta/N sum over i and t of k3, for N attempts.

    `log_probs` and `reference` are those of the actions taken, rows of all attempts after each other; `attempt` says
    whose each is. One update is made from each set of attempts, so that probabilities need no ratio and no clipping.
    """
    gain = (advantage[attempt] * log_probs).sum()
    return (beta * k3(log_probs, reference).sum() - gain) / len(advantage)
