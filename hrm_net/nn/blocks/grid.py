"""Mixing on a grid: every cell with its eight neighbours, and all cells with the first token."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from hrm_net.nn.blocks.block import Block
from hrm_net.nn.layer_config import LayerConfig, refuse
from hrm_net.nn.layers import Linear, SwiGLU, rms_norm


class GridMixer(nn.Module):
    """cells += conv3x3(cells) + W_out first; first += W_in mean(cells). Further tokens of the prefix get zeros.

    On 225 cells it costs an eighth of attention (benchmarks/training_step.py).
    """

    def __init__(self, dim: int, prefix_len: int, grid_width: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.prefix_len, self.grid_width = prefix_len, grid_width
        # One matrix from the nine cells of a 3x3 patch to the one in its middle, so that Muon can orthogonalise it.
        self.near = Linear(9 * dim, dim, generator=generator)
        self.inward = Linear(dim, dim, generator=generator)
        self.outward = Linear(dim, dim, generator=generator)

    def forward(self, z: Float[Tensor, "batch token dim"]) -> Float[Tensor, "batch token dim"]:
        first, rest, cells = z[:, :1], z[:, 1 : self.prefix_len], z[:, self.prefix_len :]
        to_first = self.inward(cells.mean(dim=1, keepdim=True))
        to_cells = self._convolved(cells) + self.outward(first)
        return torch.cat([to_first, torch.zeros_like(rest), to_cells], dim=1)

    def _convolved(self, cells: Float[Tensor, "batch seq dim"]) -> Float[Tensor, "batch seq dim"]:
        """Channels stay the last axis in memory, the layout in which convolutions are fastest on CPU and GPU."""
        grid = cells.unflatten(1, (-1, self.grid_width)).permute(0, 3, 1, 2)
        kernel = self.near.weight.to(cells.dtype).unflatten(1, (-1, 3, 3))
        return F.conv2d(grid, kernel, padding=1).permute(0, 2, 3, 1).flatten(1, 2)


class GridBlock(Block):
    """z = norm(z + mix(neighbours)); z = norm(z + SwiGLU(channels))."""

    def __init__(self, config: LayerConfig, generator: torch.Generator | None = None) -> None:
        super().__init__(config)
        self.mix = GridMixer(config.hidden_size, config.prefix_len, config.grid_width, generator)
        self.mlp = SwiGLU(config.hidden_size, config.mlp_width, generator)

    @classmethod
    def check(cls, config: LayerConfig) -> None:
        """The cells fill a grid, and there is a first token."""
        super().check(config)
        if config.grid_width == 0 or config.seq_len % config.grid_width:
            refuse("grid_width", config.grid_width, f"must divide seq_len={config.seq_len} for block=grid")
        if config.prefix_len == 0:
            refuse("prefix_len", 0, "block=grid needs a first token, through which distant cells exchange information")
        cls.refuse_rotary(config)

    def forward(self, z: Float[Tensor, "batch token dim"]) -> Float[Tensor, "batch token dim"]:
        z = rms_norm(z + self.mix(z))
        return rms_norm(z + self.mlp(z))
