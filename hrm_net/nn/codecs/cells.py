"""A state of one vector per cell and nothing else, so that no weight depends on the size of the puzzle."""

from jaxtyping import Float
from torch import Tensor

from hrm_net.nn.codecs.tokens import TokenCodec
from hrm_net.nn.layer_config import LayerConfig, refuse


class CellCodec(TokenCodec):
    """x = sqrt(dim) E(inputs); logits = W z. The halting head sees the largest value of each channel.

    A mean would drown what a single cell knows, such as that the path has arrived.
    """

    @classmethod
    def check(cls, config: LayerConfig) -> None:
        """Neither a prefix nor positions."""
        if config.prefix_len:
            refuse("prefix_len", config.prefix_len, "must be 0 for codec=cells")
        if config.positions != "none":
            refuse("positions", config.positions, "must be none for codec=cells, which serves any size")

    def summary(self, z: Float[Tensor, "batch token dim"]) -> Float[Tensor, "batch dim"]:
        """The maximum over the cells."""
        return z.amax(dim=1)
