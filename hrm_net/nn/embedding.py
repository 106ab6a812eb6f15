"""A table with one vector per puzzle, whose rows are learned by sign-SGD.

The table is a buffer, not a parameter: it has no dense gradient, no optimizer state and no moving average, so that a
million rows cost only their own memory. A forward pass in training hands out its rows as a fresh leaf tensor; the
backward pass leaves the gradient there, and `sign_sgd_` writes the updated rows back.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hrm_net.distributed.group import Group


class SparsePuzzleEmbedding(nn.Module):
    """One vector of `dim` numbers per puzzle, zero at the start, in float32 whatever the model computes in."""

    weight: Tensor

    def __init__(self, num_puzzle_ids: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(num_puzzle_ids, dim), persistent=True)
        self.local_ids: Tensor | None = None
        self.local_rows: Tensor | None = None

    def forward(self, puzzle_identifiers: Int[Tensor, " batch"]) -> Float[Tensor, "batch dim"]:
        """Rows of the table. In training mode they are a leaf tensor, kept with their ids until the next such pass.

        Under `torch.no_grad` nothing is kept, so that the second forward pass of Q-learning leaves the kept rows alone.
        """
        rows = self.weight.index_select(0, puzzle_identifiers)
        if self.training and torch.is_grad_enabled():
            rows = rows.detach().requires_grad_()
            self.local_ids, self.local_rows = puzzle_identifiers, rows
        return rows

    def collect(self, group: Group) -> None:
        """Make the touched rows and their gradients those of all processes, in the order of ranks, as the published
        code gathers them."""
        if self.local_ids is None or self.local_rows is None:
            return
        rows, grad = self.local_rows.detach(), self.local_rows.grad
        every = group.gather(torch.zeros_like(rows) if grad is None else grad)
        self.local_ids, self.local_rows = group.gather(self.local_ids), group.gather(rows)
        self.local_rows.grad = every

    def update(self, lr: float, weight_decay: float) -> None:
        """Sign-SGD on the touched rows, if any, which are then forgotten."""
        if self.local_ids is not None and self.local_rows is not None and self.local_rows.grad is not None:
            sign_sgd_(self.weight, self.local_ids, self.local_rows.grad, lr, weight_decay)
        self.forget()

    def forget(self) -> None:
        """Drop the rows of the last forward pass in training."""
        self.local_ids = self.local_rows = None


@torch.no_grad()
def sign_sgd_(
    table: Float[Tensor, "num_puzzle_ids dim"],
    ids: Int[Tensor, " batch"],
    grads: Float[Tensor, "batch dim"],
    lr: float,
    weight_decay: float,
) -> None:
    """In place, on the rows named by `ids`: `p = p * (1 - lr * weight_decay) - lr * sign(g)`.

    g is the sum of the gradients of equal ids. A row whose gradients cancel still decays, as in the published code.
    """
    ids = ids.long()
    # A place of its own for each identifier, of which equal ones share the first: their number is not asked for, which
    # would make the host wait for the device.
    place = torch.searchsorted(ids.sort().values, ids)
    signs = torch.zeros_like(grads).index_add_(0, place, grads).sign_().index_select(0, place)
    table.index_copy_(0, ids, table.index_select(0, ids).mul_(1 - lr * weight_decay).sub_(signs, alpha=lr))
