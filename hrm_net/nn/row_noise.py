"""Random numbers for a batch whose rows come and go: what a row draws depends on its own seed, not on its neighbours.

Stands where a `torch.Generator` may stand in `HRM.forward`.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor


class RowNoise:
    """One stream a row, drawn on the CPU so that it is the same on every device. Rows without one get zeros."""

    def __init__(self, num_rows: int) -> None:
        self.streams: list[torch.Generator | None] = [None] * num_rows
        self.starting: set[int] = set()

    def begin(self, row: int, seed: int) -> None:
        """`row` takes a new puzzle at the next segment, with a stream of its own."""
        self.streams[row] = torch.Generator().manual_seed(seed)
        self.starting.add(row)

    def end(self, row: int) -> None:
        self.streams[row] = None

    def keep(self, rows: Sequence[int]) -> None:
        """Only these rows stay, in this order."""
        self.streams = [self.streams[row] for row in rows]

    def starts(
        self, like: Float[Tensor, "batch *state"], fill: Callable[[Tensor, torch.Generator], Tensor]
    ) -> Float[Tensor, "batch *state"]:
        """What `fill(empty row, stream)` makes of the rows that begin; zeros elsewhere."""
        fresh = torch.zeros(like.shape)
        for row in sorted(self.starting):
            stream = self.streams[row]
            assert stream is not None
            fresh[row] = fill(torch.empty(like.shape[1:]), stream)
        return fresh.to(like)

    def normal(self, like: Float[Tensor, "batch *state"]) -> Float[Tensor, "batch *state"]:
        """Standard normal noise."""
        shape = like.shape[1:]
        rows = [torch.zeros(shape) if one is None else torch.randn(shape, generator=one) for one in self.streams]
        return torch.stack(rows).to(like)
