"""`pqm`: a process Q-value model. Right steps rank ever higher, above a virtual first one; wrong steps rank below.

With logits Q_t, Q_0 = 0 for the virtual step, and a margin zeta = 4 as published (PQM, arXiv 2410.11287):

    L = -mean over right steps t of log [ exp Q_t / (exp Q_0 + sum_{right q <= t} exp Q_q + sum_wrong exp(Q_w + zeta)) ]

and the same term for Q_0 itself where some step is wrong; then the mean over solutions. A label counts as right from
0.5. The released code computes the same loss (3.94081 by both on one input).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from hrm_net.reward.heads.base import TRAJECTORIES, Batch, Head, labelled, mean_where, padded

ZETA = 4.0


def ranking_loss(
    logits: Float[Tensor, " rows"], batch: Batch, zeta: float = ZETA, *, kind: str = "bce"
) -> Float[Tensor, ""]:
    """The equation above; `kind` has no effect."""
    labels, mask = padded(batch["label"], batch, torch.nan)
    values, _ = padded(logits, batch, 0.0)
    right, wrong = mask & (labels >= 0.5), mask & (labels < 0.5)
    lowest = -torch.inf
    below = (values + zeta).masked_fill(~wrong, lowest)
    # The virtual step stands first, and is always finite.
    ranked = F.pad(values.masked_fill(~right, lowest), (1, 0), value=0.0)
    rising = ranked.logcumsumexp(dim=1)
    total = torch.logaddexp(rising, below.logsumexp(dim=1, keepdim=True)) if wrong.any() else rising
    counted = torch.cat([wrong.any(dim=1, keepdim=True), right], dim=1)
    each = (total - ranked.masked_fill(~counted, 0.0)).masked_fill(~counted, 0.0)
    num = counted.sum(dim=1)
    return mean_where(each.sum(dim=1) / num.clamp(min=1), num > 0)


def targets(batch: Batch) -> tuple[Bool[Tensor, " rows"], Bool[Tensor, " rows"]]:
    """Labelled single steps: positive, which is above the virtual step, from a label of 0.5."""
    return labelled(batch, merged=False), batch["label"] >= 0.5


HEAD = Head(name="pqm", needs=frozenset({TRAJECTORIES}), aggregation="prod", loss=ranking_loss, targets=targets)
