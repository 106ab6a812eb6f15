"""Mixing on a grid: every cell with its eight neighbours, and all cells with the first token."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from hrm_net.nn.layers import Linear, SwiGLU, rms_norm


class GridMixer(nn.Module):
    """A 3x3 convolution over the cells; the first token hears the mean of the cells, and they hear it.

    On 225 cells an eighth of the cost of attention (benchmarks/training_step.py).
    """

    def __init__(self, dim: int, prefix_len: int, grid_width: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.prefix_len, self.grid_width = prefix_len, grid_width
        # One matrix from the nine cells around to the one amid them, so that Muon can orthogonalise it.
        self.near = Linear(9 * dim, dim, generator=generator)
        self.inward = Linear(dim, dim, generator=generator)
        self.outward = Linear(dim, dim, generator=generator)

    def forward(self, z: Float[Tensor, "batch token dim"]) -> Float[Tensor, "batch token dim"]:
        first, rest, cells = z[:, :1], z[:, 1 : self.prefix_len], z[:, self.prefix_len :]
        to_first = self.inward(cells.mean(dim=1, keepdim=True))
        to_cells = self._convolved(cells) + self.outward(first)
        return torch.cat([to_first, torch.zeros_like(rest), to_cells], dim=1)

    def _convolved(self, cells: Float[Tensor, "batch seq dim"]) -> Float[Tensor, "batch seq dim"]:
        """Channels stay the last axis in memory all the way, as convolutions on CPU and GPU like them best."""
        grid = cells.unflatten(1, (-1, self.grid_width)).permute(0, 3, 1, 2)
        kernel = self.near.weight.to(cells.dtype).unflatten(1, (-1, 3, 3))
        return F.conv2d(grid, kernel, padding=1).permute(0, 2, 3, 1).flatten(1, 2)


class GridBlock(nn.Module):
    """z = norm(z + mix(neighbours)); z = norm(z + SwiGLU(channels))."""

    def __init__(
        self, dim: int, prefix_len: int, grid_width: int, width: int, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.mix = GridMixer(dim, prefix_len, grid_width, generator)
        self.mlp = SwiGLU(dim, width, generator)

    def forward(
        self, z: Float[Tensor, "batch token dim"], rotary: tuple[Tensor, Tensor] | None
    ) -> Float[Tensor, "batch token dim"]:
        z = rms_norm(z + self.mix(z))
        return rms_norm(z + self.mlp(z))
