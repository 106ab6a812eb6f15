"""`cond`: conditional reward, the hazard of going wrong at each step (arXiv 2509.26578), in log space throughout.

For the first step z after which a solution can no longer come right, the sigmoid of the logit is the hazard h:

    h(t) = Pr(z = t | z >= t)           S(t) = Pr(z > t) = prod_{k <= t} (1 - h(k))
    p(t) = Pr(z = t) = h(t) S(t - 1)    W(T) = 1 - S(T) = sum_t p(t)

The reward of a step is r(t) = log(1 - h(t)), so the rewards of a solution sum to log S(T), the probability that it
comes right. The score of a step is 1 - h(t) = exp r(t): higher is better, as for every head, and `prod` is S(T). The
loss is the mean over solutions, with outcome l, of

    l L_S + (1 - l) (L_W + L_z)    L_S = -log S(T)    L_W = -log(1 - S(T))    L_z = -log p(z)

with L_z only where the error step z is known. In a solution that corrects an error, z must be the last error:
otherwise L_S and L_z contradict each other.
"""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Integer
from torch import Tensor

from hrm_net.reward.heads.base import TRAJECTORIES, UNKNOWN, Batch, Head, padded, places


def log_rewards(logits: Float[Tensor, "num step"], mask: Bool[Tensor, "num step"]) -> Float[Tensor, "num step"]:
    """r(t) = log(1 - h(t)) from the logits of h; 0 after the end of a solution, where `mask` is false."""
    return F.logsigmoid(-logits).masked_fill(~mask, 0.0)


def log_survival(logits: Float[Tensor, "num step"], mask: Bool[Tensor, "num step"]) -> Float[Tensor, "num step"]:
    """log S(t); after the end it stays at log S(T), so the last column is that of whole solutions."""
    return log_rewards(logits, mask).cumsum(dim=1)


def log_error_at(logits: Float[Tensor, "num step"], mask: Bool[Tensor, "num step"]) -> Float[Tensor, "num step"]:
    """log p(t); -inf after the end."""
    before = F.pad(log_survival(logits, mask)[:, :-1], (1, 0))
    return (F.logsigmoid(logits) + before).masked_fill(~mask, -torch.inf)


def log_failure(logits: Float[Tensor, "num step"], mask: Bool[Tensor, "num step"]) -> Float[Tensor, " num"]:
    """log W(T), as the sum of p(t): log(1 - S(T)) itself is log 0 where S(T) rounds to 1. Needs a step a solution."""
    return log_error_at(logits, mask).logsumexp(dim=1)


def hazard_loss(logits: Float[Tensor, " rows"], batch: Batch, *, kind: str = "bce") -> Float[Tensor, ""]:
    """The equation above; `kind` has no effect."""
    values, mask = padded(logits, batch, 0.0)
    if not len(values):
        return logits.sum() * 0.0
    outcome, error = batch["outcome"].bool(), batch["error"].long()
    located = (error >= 0) & (error < mask.sum(dim=1)) & ~outcome
    at = torch.where(located, error, 0)[:, None]
    survive = -log_survival(values, mask)[:, -1]
    fail = -log_failure(values, mask)
    locate = -log_error_at(values, mask).gather(1, at)[:, 0]
    return (torch.where(outcome, survive, fail) + torch.where(located, locate, 0.0)).mean()


def targets(batch: Batch) -> tuple[Bool[Tensor, " rows"], Bool[Tensor, " rows"]]:
    """The steps up to the error: the hazard should exceed 1/2 at the error and nowhere before."""
    trajectory = batch["trajectory"].long()
    whole = trajectory >= 0
    error = torch.where(batch["outcome"].bool(), torch.iinfo(torch.int64).max, batch["error"].long())
    if not len(error):
        return whole, whole
    at, place = error[trajectory.clamp(min=0)], places(batch)
    return whole & (place <= at), place == at


def known_errors(
    error: Integer[np.ndarray, " num"], share: float, rng: np.random.Generator
) -> Integer[np.ndarray, " num"]:
    """`error` with that share of the solutions' error steps kept and the rest UNKNOWN. With the same stream, a larger
    share keeps what a smaller one keeps."""
    return np.where(rng.random(len(error)) < share, error, UNKNOWN)


def negated(logits: Tensor | np.ndarray) -> Tensor | np.ndarray:
    """The logit of 1 - h."""
    return -logits


HEAD = Head(
    name="cond",
    needs=frozenset({TRAJECTORIES}),
    aggregation="prod",
    loss=hazard_loss,
    targets=targets,
    score_logits=negated,
)
