"""A state with a symbol axis and weights shared along it: renaming the digits of a puzzle renames the answer.

After DEC and SE-RRM. Each cell holds one vector per symbol; a symbol knows of the others only through their mean.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from hrm_net.nn.layers import Linear, SwiGLU, rms_norm, truncated_normal_

EMPTY, GIVEN_AS_ME, GIVEN_AS_OTHER = 0, 1, 2
NOT_A_SYMBOL = -1e4


class SymbolCodec(nn.Module):
    """Token ids to roles and back: the first `num_special` ids (padding, blank) are no symbols, all others are
    alike."""

    def __init__(self, vocab_size: int, num_special: int, dim: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.num_special, self.num_symbols = num_special, vocab_size - num_special
        self.scale = dim**0.5
        self.role = nn.Parameter(truncated_normal_(torch.empty(3, dim), dim**-0.5, generator))
        self.readout = nn.Parameter(truncated_normal_(torch.empty(dim), dim**-0.5, generator))

    def embed(
        self, inputs: Int[Tensor, "batch seq"], puzzle_identifiers: Int[Tensor, " batch"], dtype: torch.dtype
    ) -> Float[Tensor, "batch seq symbol dim"]:
        """The role of each symbol at each cell: the cell is empty, or holds this symbol, or holds another."""
        symbol = (inputs - self.num_special)[..., None]
        mine = symbol == torch.arange(self.num_symbols, device=inputs.device)
        roles = torch.where(symbol < 0, EMPTY, torch.where(mine, GIVEN_AS_ME, GIVEN_AS_OTHER))
        return F.embedding(roles, self.scale * self.role).to(dtype)

    def read(self, z: Float[Tensor, "batch seq symbol dim"]) -> Float[Tensor, "batch seq vocab"]:
        """One score a symbol through one shared vector; ids that are no symbols cannot win."""
        return F.pad(z.to(self.readout.dtype) @ self.readout, (self.num_special, 0), value=NOT_A_SYMBOL)

    def summary(self, z: Float[Tensor, "batch seq symbol dim"]) -> Float[Tensor, "batch dim"]:
        """What the halting head sees: the mean over cells and symbols."""
        return z.mean(dim=(1, 2), dtype=self.readout.dtype)


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


class SymbolBlock(nn.Module):
    """z = norm(z + mix(cells)); z = norm(z + couple(mean of the other symbols)); z = norm(z + SwiGLU(channels))."""

    def __init__(
        self,
        dim: int,
        num_cells: int,
        num_symbols: int,
        width: int,
        cell_width: int,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.num_others = num_symbols - 1
        self.mix = CellMixer(num_cells, cell_width, generator)
        self.couple = Linear(dim, dim, generator=generator)
        self.mlp = SwiGLU(dim, width, generator)

    def forward(
        self, z: Float[Tensor, "seq batch symbol dim"], rotary: tuple[Tensor, Tensor] | None
    ) -> Float[Tensor, "seq batch symbol dim"]:
        z = rms_norm(z + self.mix(z))
        others = (z.sum(dim=2, keepdim=True) - z) / self.num_others
        z = rms_norm(z + self.couple(others))
        return rms_norm(z + self.mlp(z))
