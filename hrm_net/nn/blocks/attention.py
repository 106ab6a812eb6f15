"""Every token attends to every token (HRM, section 2; TRM with attention)."""

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from hrm_net.nn.attention import attend, rotary_table, rotate
from hrm_net.nn.blocks.block import Block
from hrm_net.nn.layer_config import LayerConfig, refuse
from hrm_net.nn.layers import Linear, SwiGLU, rms_norm


class SelfAttention(nn.Module):
    """Multi-head attention with one matrix for queries, keys and values, and rotary positions where asked for."""

    def __init__(self, config: LayerConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        dim, self.num_heads, self.backend = config.hidden_size, config.num_heads, config.attention
        self.qkv_proj = Linear(dim, 3 * dim, generator=generator)
        self.o_proj = Linear(dim, dim, generator=generator)
        cos = sin = None
        if config.positions in ("rope", "rope_2d"):
            grid_width = config.grid_width if config.positions == "rope_2d" else 0
            cos, sin = rotary_table(config.prefix_len, config.seq_len, dim // config.num_heads, grid_width)
        self.rotary_cos: Tensor | None
        self.rotary_sin: Tensor | None
        self.register_buffer("rotary_cos", cos, persistent=False)
        self.register_buffer("rotary_sin", sin, persistent=False)

    def forward(self, z: Float[Tensor, "batch token dim"]) -> Float[Tensor, "batch token dim"]:
        q, k, v = rearrange(self.qkv_proj(z), "b t (three h d) -> three b h t d", three=3, h=self.num_heads)
        if self.rotary_cos is not None and self.rotary_sin is not None:
            q, k = rotate(q, self.rotary_cos, self.rotary_sin), rotate(k, self.rotary_cos, self.rotary_sin)
        return self.o_proj(rearrange(attend(q, k, v, self.backend), "b h t d -> b t (h d)"))


class AttentionBlock(Block):
    """z = norm(z + attention(z)); z = norm(z + SwiGLU(z)).

    The norms come after the sums (post-norm), unlike in most transformers.
    """

    def __init__(self, config: LayerConfig, generator: torch.Generator | None = None) -> None:
        super().__init__(config)
        self.self_attn = SelfAttention(config, generator)
        self.mlp = SwiGLU(config.hidden_size, config.mlp_width, generator)

    @classmethod
    def check(cls, config: LayerConfig) -> None:
        """Heads divide the width, and rotary planes divide the heads."""
        super().check(config)
        dim, heads, positions = config.hidden_size, config.num_heads, config.positions
        if dim % heads:
            refuse("hidden_size", dim, f"must be a multiple of num_heads={heads}")
        planes = {"rope": 2, "rope_2d": 4}.get(positions, 1)
        if dim // heads % planes:
            needs = f"positions={positions} needs heads of a multiple of {planes}, not {dim // heads}"
            refuse("hidden_size", dim, needs)
        if positions == "rope_2d" and (config.grid_width == 0 or config.seq_len % config.grid_width):
            refuse("grid_width", config.grid_width, f"must divide seq_len={config.seq_len} for positions=rope_2d")

    def forward(self, z: Float[Tensor, "batch token dim"]) -> Float[Tensor, "batch token dim"]:
        z = rms_norm(z + self.self_attn(z))
        return rms_norm(z + self.mlp(z))
