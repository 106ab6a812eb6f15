"""The loss of a segment: cross-entropy of the answer and of the halting head."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_net.nn.carry import Output

IGNORE = -100


def stablemax_cross_entropy(
    logits: Float[Tensor, "*batch vocab"], labels: Int[Tensor, "*batch"]
) -> Float[Tensor, "*batch"]:
    """-log(s(x_label) / sum s(x)) with s(x) = x + 1 above zero and 1 / (1 - x) below; 0 where the label is ignored.

    This is a softmax with a slower exponential (HRM, section 2), computed at least in fp32. The published code computes
    in fp64, which makes no difference to training and does not exist on MPS.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    # Both branches of `where` get a gradient, so each is kept finite where the other is taken.
    s = torch.where(logits >= 0, logits.clamp(min=0) + 1, 1 / (1 - logits.clamp(max=0)))
    picked = s.gather(-1, labels.clamp(min=0).long()[..., None])[..., 0]
    return torch.where(labels == IGNORE, 0.0, s.sum(dim=-1).log() - picked.log())


def softmax_cross_entropy(
    logits: Float[Tensor, "*batch vocab"], labels: Int[Tensor, "*batch"]
) -> Float[Tensor, "*batch"]:
    """-log softmax(x)_label; 0 where the label is ignored."""
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    flat = F.cross_entropy(logits.flatten(0, -2), labels.long().flatten(), ignore_index=IGNORE, reduction="none")
    return flat.view(labels.shape)


CROSS_ENTROPY = {"stablemax": stablemax_cross_entropy, "softmax": softmax_cross_entropy}


def row_losses(
    logits: Float[Tensor, "batch seq vocab"],
    labels: Int[Tensor, "batch seq"],
    kind: str,
    inputs: Int[Tensor, "batch seq"] | None = None,
) -> Float[Tensor, " batch"]:
    """Mean cross-entropy over the scored cells of each row; 0 for a row without any.

    With `inputs`, the cells that the answer changes count half, however few they are, and those it keeps the other
    half.
    """
    losses, scored = CROSS_ENTROPY[kind](logits, labels), labels != IGNORE
    if inputs is None:
        return losses.sum(dim=-1) / scored.sum(dim=-1).clamp(min=1)
    changed = scored & (labels != inputs)
    of_changed, of_kept = (
        (losses * half).sum(dim=-1) / half.sum(dim=-1).clamp(min=1) for half in (changed, scored & ~changed)
    )
    return 0.5 * (of_changed + of_kept)


@dataclass(kw_only=True, slots=True)
class SegmentLoss:
    """Sums over the rows of one segment; divide by the batch size before the backward pass.

    total = lm + (q_halt + q_continue) / 2, and only `total` carries gradients. `exact` marks the rows in which every
    scored cell is right, `cell_accuracy` is the share of right cells in each row.
    """

    total: Float[Tensor, ""]
    lm: Float[Tensor, ""]
    q_halt: Float[Tensor, ""]
    q_continue: Float[Tensor, ""]
    exact: Bool[Tensor, " batch"]
    cell_accuracy: Float[Tensor, " batch"]


def segment_loss(
    out: Output,
    labels: Int[Tensor, "batch seq"],
    kind: str,
    asked: Int[Tensor, "batch seq"] | None = None,
    inputs: Int[Tensor, "batch seq"] | None = None,
) -> SegmentLoss:
    """The loss of one segment (HRM, section 2: deep supervision), summed over rows.

    The answer counts as the mean over a row's scored cells, or over those of `asked`, labels for the time being.
    `inputs` balances them as in `row_losses`. Q(halt) is trained towards whether the whole row is right.
    """
    scored = labels != IGNORE
    num_scored = scored.sum(dim=-1).clamp(min=1)
    lm = row_losses(out.logits, labels if asked is None else asked, kind, inputs).sum()
    right = scored & (out.logits.argmax(dim=-1) == labels)
    exact = right.sum(dim=-1) == scored.sum(dim=-1)
    q_halt = F.binary_cross_entropy_with_logits(out.q_halt, exact.to(out.q_halt.dtype), reduction="sum")
    q_continue = torch.zeros_like(q_halt)
    if out.target_q_continue is not None:
        q_continue = F.binary_cross_entropy_with_logits(out.q_continue, out.target_q_continue, reduction="sum")
    return SegmentLoss(
        total=lm + 0.5 * (q_halt + q_continue),
        lm=lm.detach(),
        q_halt=q_halt.detach(),
        q_continue=q_continue.detach(),
        exact=exact,
        cell_accuracy=right.sum(dim=-1) / num_scored,
    )
