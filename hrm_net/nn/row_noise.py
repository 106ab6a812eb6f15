"""Random numbers for batches that are more, or less, than what a process computes.

Both kinds can stand where `HRM.forward` takes a `torch.Generator`: a `RowNoise` in eval mode, for a batch whose rows
come and go; a `ShareNoise` for one that several processes share.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor


@dataclass(frozen=True, kw_only=True, slots=True)
class ShareNoise:
    """The numbers that `generator` draws for a batch of `total` rows, of which this process has `rows`.

    All processes draw for the whole batch from equal generators, so that a row gets the same numbers however many share
    the batch.
    """

    generator: torch.Generator
    rows: slice
    total: int

    def draw(self, shape: Sequence[int], fill: Callable[[Tensor, torch.Generator], Tensor]) -> Shaped[Tensor, "..."]:
        """This process's rows of what `fill` puts into an empty tensor of the whole batch; `shape` is that of its
        share, rows first."""
        return fill(torch.empty(self.total, *shape[1:]), self.generator)[self.rows]


def share_noise(generator: torch.Generator, rows: slice, total: int) -> torch.Generator | ShareNoise:
    """The generator itself for a process that has all rows."""
    whole = rows == slice(0, total)
    return generator if whole else ShareNoise(generator=generator, rows=rows, total=total)


class RowNoise:
    """One stream of random numbers per row, so that what a row draws depends on its own seed, not on its neighbours.
    Rows without a stream get zeros.

    Numbers are drawn on the CPU, so that they are the same on every device.
    """

    def __init__(self, num_rows: int) -> None:
        self.streams: list[torch.Generator | None] = [None] * num_rows
        # Rows whose puzzle starts with the next segment.
        self.starting: set[int] = set()

    def start(self, row: int, seed: int) -> None:
        """`row` takes a new puzzle at the next segment, with a stream of its own."""
        self.streams[row] = torch.Generator().manual_seed(seed)
        self.starting.add(row)

    def stop(self, row: int) -> None:
        """`row` becomes idle."""
        self.streams[row] = None

    def select(self, rows: Sequence[int]) -> None:
        """Keep only these rows, in this order."""
        self.streams = [self.streams[row] for row in rows]

    def initial_states(
        self, like: Float[Tensor, "batch *state"], fill: Callable[[Tensor, torch.Generator], Tensor]
    ) -> Float[Tensor, "batch *state"]:
        """`fill(empty row, stream)` for each row that starts, and zeros elsewhere."""
        fresh = torch.zeros(like.shape)
        for row in sorted(self.starting):
            stream = self.streams[row]
            assert stream is not None
            fresh[row] = fill(torch.empty(like.shape[1:]), stream)
        return fresh.to(like)

    def normal(self, like: Float[Tensor, "batch *state"]) -> Float[Tensor, "batch *state"]:
        """Standard normal noise."""
        shape = like.shape[1:]
        rows = [
            torch.zeros(shape) if stream is None else torch.randn(shape, generator=stream) for stream in self.streams
        ]
        return torch.stack(rows).to(like)
