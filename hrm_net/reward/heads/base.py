"""What a reward head is, and how a batch that heads learn from is laid out.

A batch holds rows, some of which form whole solutions:

    span        [rows]  1 for a single step, 2 for two steps merged into one
    label       [rows]  how right the step is, in [0, 1]; NaN where no label is known
    trajectory  [rows]  the solution that a row belongs to, counted from 0; -1 for a row by itself
    outcome     [num]   whether each solution came right
    error       [num]   z, the step that goes wrong, counted from 0: the number of steps where none does, -1 (UNKNOWN)
                        where the step is not known

beside what the model is shown. The rows of a solution stand next to each other and in order. All losses are means over
what they judge, in at least fp32, and 0 with a gradient of 0 where that is nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

# What a head learns from: the labels of single steps, those of merged steps, or whole solutions with their outcome.
SINGLE_ROWS, MERGED_ROWS, TRAJECTORIES = "single_rows", "merged_rows", "trajectories"
ALONE = -1
UNKNOWN = -1
Batch = dict[str, Tensor]


@runtime_checkable
class Loss(Protocol):
    """The loss of one head from its logits. `kind` is `reward.loss`, bce or mse, for the heads that have the choice."""

    def __call__(self, logits: Float[Tensor, " rows"], batch: Batch, /, *, kind: str) -> Float[Tensor, ""]: ...


@runtime_checkable
class Targets(Protocol):
    """(the rows whose logit has a right sign, the rows where that sign is positive): what the halting head learns."""

    def __call__(self, batch: Batch, /) -> tuple[Bool[Tensor, " rows"], Bool[Tensor, " rows"]]: ...


def as_is(logits: Any) -> Any:
    """The logit of a head whose sigmoid is the score."""
    return logits


@dataclass(frozen=True, kw_only=True)
class Head:
    """A pointwise reward head: one logit for each row, and everything that is said about that logit."""

    name: str
    # Any of SINGLE_ROWS, MERGED_ROWS and TRAJECTORIES.
    needs: frozenset[str]
    # How the scores of a solution's steps become the score of the solution where nobody chooses: a name in
    # hrm_net.reward.aggregate.
    aggregation: str
    loss: Loss
    targets: Targets
    # From the logit to the logit of the score, for tensors and arrays alike. The score is its sigmoid: a number in
    # [0, 1], higher is better.
    score_logits: Callable[[Any], Any] = as_is

    @property
    def scores_pairs(self) -> bool:
        """Whether it scores a step merged with the one before, too, so that the two scores can be weighed."""
        return MERGED_ROWS in self.needs

    @property
    def measured_on(self) -> str:
        """What its AUROC in a line of progress is of: `solutions` where only last scores are trained, else `steps`."""
        return "solutions" if self.aggregation == "last" else "steps"


def places(batch: Batch) -> Int[Tensor, " rows"]:
    """The number of each row within its solution, from 0; meaningless for a row by itself."""
    trajectory = batch["trajectory"].long()
    index = torch.arange(len(trajectory), device=trajectory.device)
    num = len(batch["outcome"])
    if not num:
        return index
    starts = torch.full((num + 1,), len(trajectory), device=trajectory.device)
    starts = starts.scatter_reduce(0, torch.where(trajectory < 0, num, trajectory), index, "amin")
    return index - starts[torch.where(trajectory < 0, num, trajectory)]


def last_rows(batch: Batch) -> Int[Tensor, " num"]:
    """The row in which each solution ends."""
    trajectory, num = batch["trajectory"].long(), len(batch["outcome"])
    last = torch.zeros(num + 1, dtype=torch.long, device=trajectory.device)
    index = torch.arange(len(trajectory), device=trajectory.device)
    return last.scatter_reduce(0, torch.where(trajectory < 0, num, trajectory), index, "amax")[:num]


def padded(
    values: Float[Tensor, " rows"], batch: Batch, fill: float
) -> tuple[Float[Tensor, "num step"], Bool[Tensor, "num step"]]:
    """The values of each solution in a row of their own, and which of those are steps."""
    trajectory, place, num = batch["trajectory"].long(), places(batch), len(batch["outcome"])
    whole = trajectory >= 0
    assert num == 0 or len(trajectory) > 0, "a solution needs a step"
    steps = int(place[whole].max()) + 1 if num else 0
    at = (trajectory[whole], place[whole])
    mask = torch.zeros(num, steps, dtype=torch.bool, device=values.device)
    mask[at] = True
    return values.new_full((num, steps), fill).index_put(at, values[whole]), mask


def labelled(batch: Batch, *, merged: bool) -> Bool[Tensor, " rows"]:
    """The rows that have a label: single steps, and merged ones only with `merged`."""
    known = ~batch["label"].isnan()
    return known if merged else known & (batch["span"] == 1)


def mean_where(values: Tensor, where: Tensor | None) -> Float[Tensor, ""]:
    """The mean of the values that count (None: all); 0, with a gradient of 0, where none does."""
    if where is None:
        return values.sum() / max(1, len(values))
    return torch.where(where, values, 0.0).sum() / where.sum().clamp(min=1)
