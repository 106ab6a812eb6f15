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


@runtime_checkable
class TouchedRows(Protocol):
    """A table of which an update touches a few rows (`hrm_net.nn.embedding`): their ids, and copies with gradients."""

    local_ids: Tensor | None
    local_rows: Tensor | None


@torch.no_grad()
def sum_gradients(group: Group, params: Sequence[Tensor], table: TouchedRows | None, loss: Tensor) -> Tensor:
    """Make every gradient the sum over all processes, and give the sum of their `loss`.

    A parameter without a gradient on every process keeps none. The touched rows of the puzzle `table` become those of
    all processes, in the order of ranks, with their gradients, as the published code gathers them.
    """
    if group.alone:
        return loss.detach()
    has = torch.tensor([param.grad is not None for param in params], dtype=torch.float32, device=loss.device)
    grads = [torch.zeros_like(param) if param.grad is None else param.grad for param in params]
    parts = [loss.detach().float().reshape(1), has, *(grad.float().reshape(-1) for grad in grads)]
    whole = group.sum_(torch.cat(parts))
    total, present, *summed = whole.split([part.numel() for part in parts])
    for param, grad, num in zip(params, summed, present.tolist(), strict=True):
        param.grad = grad.view_as(param).to(param.dtype) if num else None
    if table is not None and table.local_rows is not None and table.local_ids is not None:
        _gather_rows(group, table)
    return total[0]


def _gather_rows(group: Group, table: TouchedRows) -> None:
    assert table.local_rows is not None
    assert table.local_ids is not None
    rows = table.local_rows.detach()
    grad = table.local_rows.grad
    every = group.gather(torch.zeros_like(rows) if grad is None else grad)
    table.local_ids = group.gather(table.local_ids)
    table.local_rows = group.gather(rows)
    table.local_rows.grad = every
