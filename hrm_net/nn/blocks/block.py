"""What every block is: the interface between a stack and the layers it is made of."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hrm_net.nn.layer_config import LayerConfig, refuse


class Block(nn.Module, ABC):
    """One residual layer of a stack: a state in, a state of the same shape out.

    A block is built from a `LayerConfig` alone. What it knows of the puzzle (columns of the grid, positions, which
    cells belong together) comes from that config and is kept in buffers that are not persistent, so that weights which
    do not depend on the size of the puzzle can be loaded into a model for another size (`HRM.resized`).
    """

    # Codecs whose states this block can take.
    codecs: ClassVar[tuple[str, ...]] = ("tokens",)
    # Steps between neighbouring cells that information moves in one block; None: to every cell.
    reach: ClassVar[int | None] = None

    def __init__(self, config: LayerConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()

    @classmethod
    def check(cls, config: LayerConfig) -> None:
        """Raise UserError, naming key, value and bound, for a config that this block cannot be built from.

        Types and ranges of all numbers have been checked before. A subclass extends this check.
        """
        if config.codec not in cls.codecs:
            fitting = " or ".join(f"codec={name}" for name in cls.codecs)
            refuse("codec", config.codec, f"block={config.block} does not fit; it needs {fitting}")

    @staticmethod
    def refuse_rotary(config: LayerConfig) -> None:
        """UserError for rotary positions, for blocks that have no attention."""
        if config.positions in ("rope", "rope_2d"):
            reason = f"block={config.block} has no attention to rotate; use none or learned"
            refuse("positions", config.positions, reason)

    @abstractmethod
    def forward(self, z: Float[Tensor, "*state"]) -> Float[Tensor, "*state"]:
        """The next state, in the memory layout of the codec (`Codec.to_stacks`)."""
