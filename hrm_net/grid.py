"""Mixing on a grid: every cell with its eight neighbours, and all cells with the first token."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from hrm_net.layers import Linear, SwiGLU, rms_norm, truncated_normal_


class GridMixer(nn.Module):
    """A 3x3 convolution of each channel over the cells; the first token hears their mean, and they hear it.

    Nine shifted products instead of conv2d: the compiler fuses them into one pass over memory.
    """

    def __init__(self, dim: int, prefix_len: int, grid_width: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.prefix_len, self.grid_width = prefix_len, grid_width
        self.kernel = nn.Parameter(truncated_normal_(torch.empty(3, 3, dim), 1 / 3, generator))
        self.inward = Linear(dim, dim, generator=generator)
        self.outward = Linear(dim, dim, generator=generator)

    def forward(self, z: Float[Tensor, "batch token dim"]) -> Float[Tensor, "batch token dim"]:
        first, rest, cells = z[:, :1], z[:, 1 : self.prefix_len], z[:, self.prefix_len :]
        to_first = self.inward(cells.mean(dim=1, keepdim=True))
        to_cells = self._convolved(cells) + self.outward(first)
        return torch.cat([to_first, torch.zeros_like(rest), to_cells], dim=1)

    def _convolved(self, cells: Float[Tensor, "batch seq dim"]) -> Float[Tensor, "batch seq dim"]:
        grid = cells.unflatten(1, (-1, self.grid_width))
        rows, columns = grid.shape[1:3]
        padded, kernel = F.pad(grid, (0, 0, 1, 1, 1, 1)), self.kernel.to(cells.dtype)
        mixed = torch.zeros_like(grid)
        for i in range(3):
            for j in range(3):
                mixed = mixed + kernel[i, j] * padded[:, i : i + rows, j : j + columns]
        return mixed.flatten(1, 2)


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
