"""The gradient of the whole batch from those of the processes' shares, in one sum and one gathering.

`DistributedDataParallel` is not used: its hooks belong to one call of `forward` before each `backward`, while an update
here calls twins of a model for other sizes, runs segments with backward passes of their own, and keeps the puzzle
table's gradient outside the parameters. The sum is the same; it is not overlapped with the backward pass.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from hrm_net.distributed.group import Group
from hrm_net.distributed.sharding import is_sharded


@runtime_checkable
class TouchedRows(Protocol):
    """A table of which an update touches a few rows (`hrm_net.nn.embedding`)."""

    def collect(self, group: Group) -> None:
        """Turn the rows that this process has touched, with their gradients, into those of all processes."""
        ...


@torch.no_grad()
def sum_gradients(group: Group, params: Sequence[Tensor], table: TouchedRows | None, loss: Tensor) -> Tensor:
    """Make every gradient the sum over all processes, and give the sum of their `loss`.

    A parameter without a gradient on every process keeps none. FSDP has summed the gradients of sharded parameters in
    the backward pass. The touched rows of the puzzle `table` are gathered with their identifiers.
    """
    if group.alone:
        return loss.detach()
    params = [param for param in params if not is_sharded(param)]
    # On the CPU, because a device would have to be waited for.
    present = group.sum_(torch.tensor([float(param.grad is not None) for param in params])).tolist()
    grads = [torch.zeros_like(param) if param.grad is None else param.grad for param in params]
    parts = [loss.detach().float().reshape(1), *(grad.float().reshape(-1) for grad in grads)]
    whole = group.sum_(torch.cat(parts))
    total, *summed = whole.split([part.numel() for part in parts])
    for param, grad, num in zip(params, summed, present, strict=True):
        param.grad = grad.view_as(param).to(param.dtype) if num else None
    if table is not None:
        table.collect(group)
    return total[0]
