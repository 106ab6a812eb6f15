"""The parts of a block: linear maps that cast, RMS norm, SwiGLU, rotary positions, attention, token mixing."""

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from hrm_net.nn.attention import attend


def truncated_normal_(tensor: Tensor, std: float, generator: torch.Generator | None = None) -> Tensor:
    """Fill in place from a normal cut at two sigma, widened so that the result has the standard deviation `std`.

    torch's own trunc_normal_ leaves the deviation at 0.88 of what is asked; published models get all of it.
    """
    cut = 2.0
    mass = math.erf(cut / math.sqrt(2))
    density = math.exp(-(cut**2) / 2) / math.sqrt(2 * math.pi)
    shrinkage = math.sqrt(1 - 2 * cut * density / mass)
    with torch.no_grad():
        tensor.uniform_(-mass, mass, generator=generator).erfinv_()
        return tensor.mul_(math.sqrt(2) * std / shrinkage).clamp_(-cut * std / shrinkage, cut * std / shrinkage)


def rms_norm(x: Float[Tensor, "*batch dim"], eps: float = 1e-5) -> Float[Tensor, "*batch dim"]:
    """Root-mean-square norm over the last axis without a weight, computed in fp32, or fp64 where x is."""
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return (wide * torch.rsqrt(wide.square().mean(dim=-1, keepdim=True) + eps)).to(x.dtype)


class Linear(nn.Module):
    """y = W x (+ b), with fp32 weights cast to the dtype of the input."""

    def __init__(self, dim_in: int, dim_out: int, bias: bool = False, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(truncated_normal_(torch.empty(dim_out, dim_in), dim_in**-0.5, generator))
        self.bias = nn.Parameter(torch.zeros(dim_out)) if bias else None

    def forward(self, x: Float[Tensor, "*batch dim_in"]) -> Float[Tensor, "*batch dim_out"]:
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return F.linear(x, self.weight.to(x.dtype), bias)


def swiglu_width(dim: int, expansion: float, multiple: int) -> int:
    """Hidden width of a SwiGLU: two thirds of `expansion * dim`, rounded up to a multiple."""
    return -(-round(expansion * dim * 2 / 3) // multiple) * multiple


class SwiGLU(nn.Module):
    """down(silu(gate(x)) * up(x)) over the last axis."""

    def __init__(self, dim: int, width: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.gate_up_proj = Linear(dim, 2 * width, generator=generator)
        self.down_proj = Linear(width, dim, generator=generator)

    def forward(self, x: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
        gate, up = self.gate_up_proj(x).chunk(2, dim=-1)
        return self.down_proj(F.silu(gate) * up)


def rotary_angles(positions: Float[Tensor, " token"], dim: int, theta: float = 10000.0) -> Float[Tensor, "token half"]:
    """Angle of each of `dim / 2` planes at each position."""
    frequencies = theta ** (-torch.arange(0, dim, 2, dtype=torch.float32) / dim)
    return positions[:, None] * frequencies


def rotary_table(
    prefix_len: int, seq_len: int, head_dim: int, grid_width: int = 0
) -> tuple[Float[Tensor, "token dim"], Float[Tensor, "token dim"]]:
    """Cosines and sines for the prefix and the cells, along the sequence or, given a grid width, by row and column.

    In two dimensions half of the planes turn with the row and half with the column; the prefix is a row above.
    """
    if grid_width == 0:
        angles = rotary_angles(torch.arange(prefix_len + seq_len, dtype=torch.float32), head_dim)
    else:
        cells = torch.arange(seq_len)
        prefix = torch.arange(prefix_len)
        row = torch.cat([torch.zeros_like(prefix), cells // grid_width + 1]).float()
        column = torch.cat([prefix, cells % grid_width]).float()
        angles = torch.cat([rotary_angles(row, head_dim // 2), rotary_angles(column, head_dim // 2)], dim=-1)
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos(), angles.sin()


def rotate(
    x: Float[Tensor, "batch head token dim"], cos: Float[Tensor, "token dim"], sin: Float[Tensor, "token dim"]
) -> Float[Tensor, "batch head token dim"]:
    """x turned by the angles of its position; planes pair the first half of the axis with the second."""
    first, second = x.chunk(2, dim=-1)
    return (x * cos + torch.cat([-second, first], dim=-1) * sin).to(x.dtype)


class SelfAttention(nn.Module):
    """Multi-head attention of every token to every token, one matrix for queries, keys and values."""

    def __init__(self, dim: int, num_heads: int, backend: str, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.num_heads, self.backend = num_heads, backend
        self.qkv_proj = Linear(dim, 3 * dim, generator=generator)
        self.o_proj = Linear(dim, dim, generator=generator)

    def forward(
        self, x: Float[Tensor, "batch token dim"], rotary: tuple[Tensor, Tensor] | None
    ) -> Float[Tensor, "batch token dim"]:
        q, k, v = rearrange(self.qkv_proj(x), "b t (three h d) -> three b h t d", three=3, h=self.num_heads)
        if rotary is not None:
            q, k = rotate(q, *rotary), rotate(k, *rotary)
        return self.o_proj(rearrange(attend(q, k, v, self.backend), "b h t d -> b t (h d)"))


class AttentionBlock(nn.Module):
    """z = norm(z + attention(z)); z = norm(z + SwiGLU(z)) (HRM, section 2: post-norm)."""

    def __init__(
        self, dim: int, num_heads: int, width: int, backend: str = "auto", generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.self_attn = SelfAttention(dim, num_heads, backend, generator)
        self.mlp = SwiGLU(dim, width, generator)

    def forward(
        self, z: Float[Tensor, "batch token dim"], rotary: tuple[Tensor, Tensor] | None
    ) -> Float[Tensor, "batch token dim"]:
        z = rms_norm(z + self.self_attn(z, rotary))
        return rms_norm(z + self.mlp(z))


class MixerBlock(nn.Module):
    """TRM's attention-free block: a SwiGLU over the tokens of each channel, then one over the channels of each token.

    The first norm runs over the tokens, as published.
    """

    def __init__(
        self, dim: int, num_tokens: int, width: int, token_width: int, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.mlp_t = SwiGLU(num_tokens, token_width, generator)
        self.mlp = SwiGLU(dim, width, generator)

    def forward(
        self, z: Float[Tensor, "batch token dim"], rotary: tuple[Tensor, Tensor] | None
    ) -> Float[Tensor, "batch token dim"]:
        across = z.mT
        z = rms_norm(across + self.mlp_t(across)).mT
        return rms_norm(z + self.mlp(z))
