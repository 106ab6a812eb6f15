"""The block of TRM without attention: tokens are mixed by a SwiGLU."""

import torch
from jaxtyping import Float
from torch import Tensor

from hrm_net.nn.blocks.block import Block
from hrm_net.nn.layer_config import LayerConfig, swiglu_width
from hrm_net.nn.layers import SwiGLU, rms_norm


class MixerBlock(Block):
    """z = norm(z + SwiGLU over the tokens of each channel); z = norm(z + SwiGLU over the channels of each token).

    The first norm runs over the tokens of a channel, not over its channels, as published.
    """

    def __init__(self, config: LayerConfig, generator: torch.Generator | None = None) -> None:
        super().__init__(config)
        num_tokens = config.num_tokens
        token_width = swiglu_width(num_tokens, config.expansion, config.mlp_multiple)
        self.mlp_t = SwiGLU(num_tokens, token_width, generator)
        self.mlp = SwiGLU(config.hidden_size, config.mlp_width, generator)

    @classmethod
    def check(cls, config: LayerConfig) -> None:
        """There is no attention whose positions could be rotated."""
        super().check(config)
        cls.refuse_rotary(config)

    def forward(self, z: Float[Tensor, "batch token dim"]) -> Float[Tensor, "batch token dim"]:
        across = z.mT
        z = rms_norm(across + self.mlp_t(across)).mT
        return rms_norm(z + self.mlp(z))
