"""Mixing by single hops: every cell hears the four cells beside it, so cheaply that many layers can be afforded."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hrm_net.nn.blocks.block import Block
from hrm_net.nn.layer_config import LayerConfig, refuse
from hrm_net.nn.layers import Linear, rms_norm

SIDES = 4  # below, left, right, above


class LocalBlock(Block):
    """z = norm(z + down(silu(gate) * up)), where gate and up are linear in the cell and in a message from each side.

    A message is a quarter of the channels of `message z`: which quarter, its direction says. So one layer is one hop,
    for little more than the price of a SwiGLU. Nothing depends on where a cell lies, nor on the size of the grid:
    beyond its border messages are zero, and one set of weights serves every size.
    """

    codecs = ("cells",)
    reach = 1

    def __init__(self, config: LayerConfig, generator: torch.Generator | None = None) -> None:
        super().__init__(config)
        dim, width = config.hidden_size, config.mlp_width
        self.grid_width, self.part = config.grid_width, dim // SIDES
        self.message = Linear(dim, dim, generator=generator)
        self.gate_up_proj = Linear(2 * dim, 2 * width, generator=generator)
        self.down_proj = Linear(width, dim, generator=generator)

    @classmethod
    def check(cls, config: LayerConfig) -> None:
        """The cells fill a grid, and the channels divide into four messages."""
        super().check(config)
        if config.grid_width == 0 or config.seq_len % config.grid_width:
            refuse("grid_width", config.grid_width, f"must divide seq_len={config.seq_len} for block=local")
        if config.hidden_size % SIDES:
            refuse("hidden_size", config.hidden_size, f"must be a multiple of {SIDES} for block=local")

    def forward(self, z: Float[Tensor, "batch seq dim"]) -> Float[Tensor, "batch seq dim"]:
        grid = self.message(z).unflatten(1, (-1, self.grid_width))
        below, left, right, above = F.pad(grid, (0, 0, 1, 1, 1, 1)).split(self.part, dim=-1)
        heard = [below[:, 2:, 1:-1], left[:, 1:-1, :-2], right[:, 1:-1, 2:], above[:, :-2, 1:-1]]
        around = torch.cat(heard, dim=-1).flatten(1, 2)
        gate, up = self.gate_up_proj(torch.cat([z, around], dim=-1)).chunk(2, dim=-1)
        return rms_norm(z + self.down_proj(F.silu(gate) * up))
