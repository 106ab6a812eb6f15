"""The hazard of going wrong at each step, as probabilities of whole solutions, in log space throughout.

    h(t) = Pr(z = t | z >= t)      S(t) = Pr(z > t) = prod_{k <= t} (1 - h(k))
    p(t) = Pr(z = t) = h(t) S(t-1)      W(T) = 1 - S(T) = sum_t p(t)

for the first step z after which a solution can no longer come right (conditional reward, arXiv 2509.26578). The reward
of a step is r(t) = log(1 - h(t)), so the rewards of a solution sum to log S(T). Functions take the logits of h; where
`mask` is false a solution has ended and its hazard is 0.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor


def log_rewards(logits: Float[Tensor, "num step"], mask: Bool[Tensor, "num step"]) -> Float[Tensor, "num step"]:
    """r(t) = log(1 - h(t)); 0 after the end."""
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
