"""The block of the symbol codec: cells are mixed by a learned table, symbols only through their mean (after DEC)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from hrm_net.nn.blocks.block import Block
from hrm_net.nn.layer_config import LayerConfig
from hrm_net.nn.layers import Linear, SwiGLU, rms_norm


class CellMixer(nn.Module):
    """A SwiGLU over the cells, the same for every symbol and channel.

    Cells come first in the state, so that this is two plain matrix products without a transposition.
    """

    def __init__(self, num_cells: int, width: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.gate_up_proj = Linear(num_cells, 2 * width, generator=generator)
        self.down_proj = Linear(width, num_cells, generator=generator)

    def forward(self, z: Float[Tensor, "seq batch symbol dim"]) -> Float[Tensor, "seq batch symbol dim"]:
        flat = z.flatten(1)
        gate, up = (self.gate_up_proj.weight.to(z.dtype) @ flat).chunk(2, dim=0)
        return (self.down_proj.weight.to(z.dtype) @ (F.silu(gate) * up)).view_as(z)


class SymbolBlock(Block):
    """z = norm(z + mix(cells)); z = norm(z + W mean(other symbols)); z = norm(z + SwiGLU(channels)).

    All weights are the same for every symbol, so renaming the symbols of a puzzle renames its answer.
    """

    codecs = ("symbols",)

    def __init__(self, config: LayerConfig, generator: torch.Generator | None = None) -> None:
        super().__init__(config)
        dim = config.hidden_size
        self.num_others = config.num_symbols - 1
        self.mix = CellMixer(config.seq_len, max(1, round(config.cell_expansion * config.seq_len)), generator)
        self.couple = Linear(dim, dim, generator=generator)
        self.mlp = SwiGLU(dim, config.mlp_width, generator)

    def forward(self, z: Float[Tensor, "seq batch symbol dim"]) -> Float[Tensor, "seq batch symbol dim"]:
        z = rms_norm(z + self.mix(z))
        others = (z.sum(dim=2, keepdim=True) - z) / self.num_others
        z = rms_norm(z + self.couple(others))
        return rms_norm(z + self.mlp(z))
