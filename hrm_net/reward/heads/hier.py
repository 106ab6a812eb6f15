"""`hier`: a hierarchical reward model. One head scores single steps and pairs of consecutive steps merged into one.

    L = mean over labelled rows, single and merged, of BCE(sigmoid(x), y) or (sigmoid(x) - y)^2

(HRM-reward, arXiv 2503.13551). That paper regresses the bare logit; here a score lies in [0, 1], so its sigmoid is
regressed. A row's `span` (1 or 2) is part of what the model is shown, so that the head can tell the two apart. A scorer
may combine them: `fine_weight` of the single step's score and the rest of the merged one's.
"""

from jaxtyping import Bool, Float
from torch import Tensor

from hrm_net.reward.heads.base import MERGED_ROWS, SINGLE_ROWS, Batch, Head, labelled
from hrm_net.reward.heads.prm import step_loss


def hierarchical_loss(logits: Float[Tensor, " rows"], batch: Batch, *, kind: str = "bce") -> Float[Tensor, ""]:
    """`step_loss` over labelled single and merged steps."""
    return step_loss(logits, batch, labelled(batch, merged=True), kind)


def targets(batch: Batch) -> tuple[Bool[Tensor, " rows"], Bool[Tensor, " rows"]]:
    """Labelled rows of either kind: positive from a label of 0.5."""
    return labelled(batch, merged=True), batch["label"] >= 0.5


HEAD = Head(
    name="hier",
    needs=frozenset({SINGLE_ROWS, MERGED_ROWS}),
    aggregation="prod",
    loss=hierarchical_loss,
    targets=targets,
)
