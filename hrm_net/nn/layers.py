"""The parts that all blocks share: weights from a truncated normal, RMS norm, linear maps that cast, SwiGLU."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


def truncated_normal_(tensor: Tensor, std: float, generator: torch.Generator | None = None) -> Tensor:
    """Fill in place from a normal distribution cut at two sigma, widened so that the result has the deviation `std`.

    PyTorch's own `trunc_normal_` leaves the deviation at 0.88 of `std`; the published models start from the whole of
    it.
    """
    cut = 2.0
    mass = math.erf(cut / math.sqrt(2))
    density = math.exp(-(cut**2) / 2) / math.sqrt(2 * math.pi)
    shrinkage = math.sqrt(1 - 2 * cut * density / mass)
    with torch.no_grad():
        tensor.uniform_(-mass, mass, generator=generator).erfinv_()
        return tensor.mul_(math.sqrt(2) * std / shrinkage).clamp_(-cut * std / shrinkage, cut * std / shrinkage)


def rms_norm(x: Float[Tensor, "*batch dim"], eps: float = 1e-5) -> Float[Tensor, "*batch dim"]:
    """x / sqrt(mean(x^2) + eps) over the last axis, without a learned weight; bf16 is computed in fp32.

    `F.rms_norm` gives the same values, but its gradients round differently; TRM's mixer multiplies that by 400,000 in a
    segment, which is enough to move the official numbers (tests/checkpoints/test_parity.py).
    """
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return (wide * torch.rsqrt(wide.square().mean(dim=-1, keepdim=True) + eps)).to(x.dtype)


class Linear(nn.Module):
    """y = W x (+ b). The weights are fp32 and are cast to the dtype of the input at each call."""

    def __init__(self, dim_in: int, dim_out: int, bias: bool = False, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(truncated_normal_(torch.empty(dim_out, dim_in), dim_in**-0.5, generator))
        self.bias = nn.Parameter(torch.zeros(dim_out)) if bias else None

    def forward(self, x: Float[Tensor, "*batch dim_in"]) -> Float[Tensor, "*batch dim_out"]:
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return F.linear(x, self.weight.to(x.dtype), bias)


class SwiGLU(nn.Module):
    """down(silu(gate x) * up x) over the last axis; gate and up are one matrix."""

    def __init__(self, dim: int, width: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.gate_up_proj = Linear(dim, 2 * width, generator=generator)
        self.down_proj = Linear(width, dim, generator=generator)

    def forward(self, x: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
        gate, up = self.gate_up_proj(x).chunk(2, dim=-1)
        return self.down_proj(F.silu(gate) * up)
