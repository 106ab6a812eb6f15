"""A state with a symbol axis whose weights are shared along it: renaming the symbols renames the answer.

After DEC and SE-RRM: each cell holds one vector per symbol.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from hrm_net.nn.codecs.codec import Codec
from hrm_net.nn.layer_config import LayerConfig, refuse
from hrm_net.nn.layers import truncated_normal_

EMPTY, GIVEN_AS_ME, GIVEN_AS_OTHER = 0, 1, 2
NOT_A_SYMBOL = -1e4


class SymbolCodec(Codec):
    """x = sqrt(dim) role(cell, symbol); score(cell, symbol) = readout . z(cell, symbol).

    A role is one of three: the cell is empty, it holds this symbol, or it holds another. The first `num_special` ids
    (padding, blank) are not symbols, and all other ids are treated alike.
    """

    def __init__(self, config: LayerConfig, generator: torch.Generator | None = None) -> None:
        super().__init__(config)
        dim = config.hidden_size
        self.num_special, self.num_symbols = config.num_special, config.num_symbols
        self.scale = dim**0.5
        self.role = nn.Parameter(truncated_normal_(torch.empty(3, dim), dim**-0.5, generator))
        self.readout = nn.Parameter(truncated_normal_(torch.empty(dim), dim**-0.5, generator))

    @classmethod
    def check(cls, config: LayerConfig) -> None:
        """At least two symbols, and neither a prefix nor positions."""
        if config.num_symbols < 2:
            bound = f"must leave at least 2 symbols of vocab_size={config.vocab_size}"
            refuse("num_special", config.num_special, bound)
        if config.prefix_len:
            refuse("prefix_len", config.prefix_len, "must be 0 for codec=symbols")
        if config.positions != "none":
            refuse("positions", config.positions, "must be none for codec=symbols, whose blocks know where a cell is")

    @staticmethod
    def state_shape(config: LayerConfig) -> tuple[int, ...]:
        """(seq, symbol, dim)."""
        return config.seq_len, config.num_symbols, config.hidden_size

    @staticmethod
    def to_stacks(z: Float[Tensor, "batch seq symbol dim"]) -> Float[Tensor, "seq batch symbol dim"]:
        """Cells first, so that a mixing of the cells is one matrix product."""
        return z.transpose(0, 1).contiguous()

    @staticmethod
    def from_stacks(z: Float[Tensor, "seq batch symbol dim"]) -> Float[Tensor, "batch seq symbol dim"]:
        """Puzzles first again."""
        return z.transpose(0, 1).contiguous()

    def embed(
        self, inputs: Int[Tensor, "batch seq"], puzzle_identifiers: Int[Tensor, " batch"], dtype: torch.dtype
    ) -> Float[Tensor, "batch seq symbol dim"]:
        """The scaled embedding of the role that each symbol has at each cell."""
        symbol = (inputs - self.num_special)[..., None]
        mine = symbol == torch.arange(self.num_symbols, device=inputs.device)
        roles = torch.where(symbol < 0, EMPTY, torch.where(mine, GIVEN_AS_ME, GIVEN_AS_OTHER))
        return F.embedding(roles, self.scale * self.role).to(dtype)

    def read(self, z: Float[Tensor, "batch seq symbol dim"]) -> Float[Tensor, "batch seq vocab"]:
        """One score per symbol, by a vector that all symbols share; ids that are not symbols cannot win."""
        return F.pad(z.to(self.readout.dtype) @ self.readout, (self.num_special, 0), value=NOT_A_SYMBOL)

    def cells(self, z: Float[Tensor, "batch seq symbol dim"]) -> Float[Tensor, "batch seq dim"]:
        """The mean over the symbols."""
        return z.mean(dim=2)

    def summary(self, z: Float[Tensor, "batch seq symbol dim"]) -> Float[Tensor, "batch dim"]:
        """The mean over cells and symbols."""
        return z.mean(dim=(1, 2), dtype=self.readout.dtype)
