"""`prm`: a process reward model. Its score is the probability that a single step is right.

    L = mean over labelled single steps of BCE(sigmoid(x), y)       (reward.loss=bce)
    L = mean over labelled single steps of (sigmoid(x) - y)^2       (reward.loss=mse)

with a label y in {0, 1} or a share of rollouts in [0, 1] (Lightman et al., arXiv 2305.20050; Math-Shepherd,
arXiv 2312.08935). The product of a solution's scores is the probability that no step is wrong, if steps were
independent.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from hrm_net.reward.heads.base import SINGLE_ROWS, Batch, Head, labelled, mean_where


def step_loss(
    logits: Float[Tensor, " rows"], batch: Batch, rows: Bool[Tensor, " rows"], kind: str
) -> Float[Tensor, ""]:
    """Cross-entropy (`kind` bce) or squared error (mse) of sigmoid(logit) and the label, over `rows`."""
    labels = torch.where(rows, batch["label"].to(logits.dtype), 0.0)
    if kind == "mse":
        return mean_where((logits.sigmoid() - labels).square(), rows)
    assert kind == "bce", kind
    return mean_where(F.binary_cross_entropy_with_logits(logits, labels, reduction="none"), rows)


def process_loss(logits: Float[Tensor, " rows"], batch: Batch, *, kind: str = "bce") -> Float[Tensor, ""]:
    """`step_loss` over labelled single steps."""
    return step_loss(logits, batch, labelled(batch, merged=False), kind)


def targets(batch: Batch) -> tuple[Bool[Tensor, " rows"], Bool[Tensor, " rows"]]:
    """Labelled single steps: positive from a label of 0.5."""
    return labelled(batch, merged=False), batch["label"] >= 0.5


HEAD = Head(name="prm", needs=frozenset({SINGLE_ROWS}), aggregation="prod", loss=process_loss, targets=targets)
