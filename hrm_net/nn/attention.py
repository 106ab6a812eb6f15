"""Attention without a mask, through one function, on whatever the machine has."""

from importlib.util import find_spec

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from puzzles.errors import UserError

BACKENDS = ("auto", "explicit", "sdpa", "flash")
HAS_FLASH = find_spec("flash_attn") is not None


def check_backend(backend: str) -> None:
    """Raise ValueError for a backend that is unknown or asked for by name and not installed."""
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
    """Softmax attention without mask.

    Explicit matmuls for bf16 on a CPU, where SDPA's backward is three to five times slower (benchmarks/attention.py).
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
    # Written out, because the compiler turns matmul-softmax-matmul back into the slow SDPA.
    weights = (scores - scores.amax(dim=-1, keepdim=True)).float().exp()
    return ((weights.to(v.dtype) @ v) / weights.sum(dim=-1, keepdim=True)).to(v.dtype)


def _automatic(q: Tensor) -> str:
    if q.device.type == "cpu":
        return "explicit" if q.dtype == torch.bfloat16 else "sdpa"
    if HAS_FLASH and q.device.type == "cuda" and q.dtype in (torch.float16, torch.bfloat16):
        return "flash"
    return "sdpa"
