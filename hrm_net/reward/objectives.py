"""The losses of all heads of a model together, and of its halting head. `heads.base` describes a batch."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from hrm_net.reward.heads import HEADS
from hrm_net.reward.heads.base import Batch, mean_where


def losses(logits: dict[str, Tensor], batch: Batch, *, loss: str = "bce") -> dict[str, Tensor]:
    """The loss of each head by name, scalars in at least fp32. `loss`: bce or mse, for the heads that learn labels of
    steps."""
    return {name: HEADS[name].loss(_wide(values), batch, kind=loss) for name, values in logits.items()}


def halting_loss(q_halt: Float[Tensor, " rows"], logits: dict[str, Tensor], batch: Batch) -> Float[Tensor, ""]:
    """Cross-entropy of the halting head against: the logit of every head has its right sign on this row."""
    right, known = right_signs(logits, batch)
    wide = _wide(q_halt)
    return mean_where(F.binary_cross_entropy_with_logits(wide, right.to(wide.dtype), reduction="none"), known)


@torch.no_grad()
def right_signs(logits: dict[str, Tensor], batch: Batch) -> tuple[Bool[Tensor, " rows"], Bool[Tensor, " rows"]]:
    """(rows on which no head's logit has the wrong sign, rows on which some head's has a right one)."""
    right = torch.ones_like(batch["span"], dtype=torch.bool)
    known = torch.zeros_like(right)
    for name, values in logits.items():
        where, positive = HEADS[name].targets(batch)
        right &= ~where | ((values >= 0) == positive)
        known |= where
    return right, known


def _wide(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))
