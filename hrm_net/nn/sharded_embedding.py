"""The table of puzzle embeddings divided over the processes: each holds some rows, fetches those that it needs from
their owners, and sends the gradients back to them.

The sum of the gradients of equal identifiers is made in the order in which the copies of a whole table make it, so that
both give the same bits.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_net.distributed.group import Group
from hrm_net.distributed.sharding import local, part_of, sharded
from hrm_net.nn.embedding import SparsePuzzleEmbedding, sign_sgd_


@dataclass(kw_only=True, slots=True)
class Route:
    """Who asks whom for which rows, of one forward pass of all processes."""

    # Identifiers that each process asks for, and which of them are rows of this process.
    asked: Int[Tensor, "size batch"]
    mine: Bool[Tensor, "size batch"]
    # This process's identifiers in the order of their owners, and how many each owner has.
    order: Int[Tensor, " batch"]
    per_owner: list[int]

    @property
    def per_asker(self) -> list[int]:
        """How many rows of this process each process asks for."""
        return self.mine.sum(dim=1).tolist()


class ShardedPuzzleEmbedding(SparsePuzzleEmbedding):
    """`SparsePuzzleEmbedding`, of whose `weight` [num_puzzle_ids, dim] each process of `group` holds the rows `own`.

    All processes must call it together, with equally many identifiers.
    """

    def __init__(self, table: SparsePuzzleEmbedding, group: Group, device: torch.device) -> None:
        super().__init__(0, table.weight.shape[1])
        self.group, num = group, len(table.weight)
        self.own = part_of(num, group)
        self.rows_each = -(-num // group.size)
        self.weight = sharded(table.weight, group, device)
        self._route: Route | None = None

    def forward(self, puzzle_identifiers: Int[Tensor, " batch"]) -> Float[Tensor, "batch dim"]:
        """As that of the whole table."""
        route = self._plan(puzzle_identifiers)
        sent = local(self.weight).index_select(0, route.asked[route.mine] - self.own.start)
        received = self.group.exchange(sent, route.per_asker, route.per_owner)
        rows = torch.empty_like(received).index_copy_(0, route.order, received)
        if self.training and torch.is_grad_enabled():
            rows.requires_grad_()
            self.local_ids, self.local_rows, self._route = puzzle_identifiers, rows, route
        return rows

    def _plan(self, ids: Int[Tensor, " batch"]) -> Route:
        asked = self.group.gather(ids.long()).view(self.group.size, -1)
        owners = asked // self.rows_each
        wanted = owners[self.group.rank]
        return Route(
            asked=asked,
            mine=owners == self.group.rank,
            order=wanted.argsort(stable=True),
            per_owner=wanted.bincount(minlength=self.group.size).tolist(),
        )

    def collect(self, group: Group) -> None:
        """Make the touched rows those that this process owns, with the gradients of all that have asked for them."""
        route = self._route
        if route is None or self.local_rows is None:
            return
        grad = self.local_rows.grad
        grad = torch.zeros_like(self.local_rows.detach()) if grad is None else grad
        received = group.exchange(grad[route.order], route.per_owner, route.per_asker)
        self.local_ids = route.asked[route.mine] - self.own.start
        self.local_rows = torch.zeros_like(received)
        self.local_rows.grad = received

    def update(self, lr: float, weight_decay: float) -> None:
        """Sign-SGD, by each process on its own rows; after `collect`."""
        if self.local_ids is not None and self.local_rows is not None and self.local_rows.grad is not None:
            sign_sgd_(local(self.weight), self.local_ids, self.local_rows.grad, lr, weight_decay)
        self.forget()

    def forget(self) -> None:
        """Drop the rows of the last forward pass in training."""
        super().forget()
        self._route = None
