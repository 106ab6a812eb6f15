"""`orm`: an outcome reward model. Its score at the last step is the probability that the solution is right.

    L = mean over solutions of BCE(sigmoid(x_T), outcome)

for the logit x_T of the last step (Cobbe et al., arXiv 2110.14168). Scores of earlier steps are not trained directly,
so a solution's score is that of its last step.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from hrm_net.reward.heads.base import TRAJECTORIES, Batch, Head, last_rows, mean_where


def outcome_loss(logits: Float[Tensor, " rows"], batch: Batch, *, kind: str = "bce") -> Float[Tensor, ""]:
    """Cross-entropy at the last step of each solution against its outcome; `kind` has no effect."""
    last = last_rows(batch)
    return mean_where(
        F.binary_cross_entropy_with_logits(logits[last], batch["outcome"].to(logits.dtype), reduction="none"), None
    )


def targets(batch: Batch) -> tuple[Bool[Tensor, " rows"], Bool[Tensor, " rows"]]:
    """Last steps only: positive where the solution came right."""
    known = torch.zeros_like(batch["span"], dtype=torch.bool)
    right = torch.zeros_like(known)
    last = last_rows(batch)
    known[last], right[last] = True, batch["outcome"].bool()
    return known, right


HEAD = Head(name="orm", needs=frozenset({TRAJECTORIES}), aggregation="last", loss=outcome_loss, targets=targets)
