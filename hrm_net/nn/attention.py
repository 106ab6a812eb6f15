"""Attention without a mask, through one function, on whatever the machine has; and rotary positions."""

from importlib.util import find_spec

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from puzzles.errors import UserError

BACKENDS = ("auto", "explicit", "sdpa", "flash")
HAS_FLASH = find_spec("flash_attn") is not None


def check_backend(backend: str) -> None:
    """Raise UserError for a backend that is unknown, or that was asked for by name and is not installed."""
    if backend not in BACKENDS:
        raise UserError(f"model.attention={backend}: must be one of {', '.join(BACKENDS)}")
    if backend == "flash" and not HAS_FLASH:
        raise UserError("model.attention=flash: flash-attn is not installed; run: pip install 'hrm-net[flash]'")


def attend(
    q: Float[Tensor, "batch head query dim"],
    k: Float[Tensor, "batch head key dim"],
    v: Float[Tensor, "batch head key dim"],
    backend: str = "auto",
) -> Float[Tensor, "batch head query dim"]:
    """softmax(q k^T / sqrt(dim)) v, without a mask.

    `auto` takes explicit matrix products for bf16 on a CPU, where the backward pass of PyTorch's fused attention is
    three to five times slower (benchmarks/attention.py), flash-attn on a GPU where it is installed, and SDPA otherwise.
    """
    if backend == "auto":
        backend = _automatic(q)
    if backend == "flash":
        from flash_attn import flash_attn_func  # pyright: ignore[reportMissingImports]

        return flash_attn_func(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)).transpose(1, 2)
    if backend == "sdpa":
        return F.scaled_dot_product_attention(q, k, v)
    scores = (q * q.shape[-1] ** -0.5) @ k.mT
    if not torch.compiler.is_compiling():
        return scores.softmax(dim=-1) @ v
    # Written out, because the compiler would turn matmul, softmax, matmul back into the slow SDPA.
    weights = (scores - scores.amax(dim=-1, keepdim=True)).float().exp()
    return ((weights.to(v.dtype) @ v) / weights.sum(dim=-1, keepdim=True)).to(v.dtype)


def _automatic(q: Tensor) -> str:
    if q.device.type == "cpu":
        return "explicit" if q.dtype == torch.bfloat16 else "sdpa"
    if HAS_FLASH and q.device.type == "cuda" and q.dtype in (torch.float16, torch.bfloat16):
        return "flash"
    return "sdpa"


def rotary_angles(positions: Float[Tensor, " token"], dim: int, theta: float = 10000.0) -> Float[Tensor, "token half"]:
    """angle[p, i] = p * theta^(-2 i / dim), for each of `dim / 2` planes at each position."""
    frequencies = theta ** (-torch.arange(0, dim, 2, dtype=torch.float32) / dim)
    return positions[:, None] * frequencies


def rotary_table(
    prefix_len: int, seq_len: int, head_dim: int, grid_width: int = 0
) -> tuple[Float[Tensor, "token dim"], Float[Tensor, "token dim"]]:
    """Cosines and sines for the prefix and the cells, along the sequence or, given a grid width, by row and column.

    In two dimensions, half of the planes turn with the row and half with the column; the prefix lies in a row above the
    grid.
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
    """x rotated by the angles of its position; plane i consists of the numbers i and i + dim / 2 of the last axis."""
    first, second = x.chunk(2, dim=-1)
    return (x * cos + torch.cat([-second, first], dim=-1) * sin).to(x.dtype)
