"""Where and in which precision a run computes: `auto` decided once, a request that can't be met refused."""

import os
import shutil
import sys
from importlib.util import find_spec

import torch

from puzzles.errors import UserError

# PyPI's wheels for Linux come with CUDA; for Windows see pytorch.org/get-started
INSTALL_CUDA = "pip install --force-reinstall 'torch>=2.11,<2.14'"


def resolve_device(name: str) -> torch.device:
    """`auto` takes CUDA, then Apple's MPS, then the CPU; ValueError where a device asked for by name is missing."""
    mps = torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if mps else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        if not torch.backends.cuda.is_built():
            raise UserError(f"device=cuda: this PyTorch has no CUDA; run: {INSTALL_CUDA} (or use device=cpu)")
        raise UserError("device=cuda: no CUDA device found; check it with: nvidia-smi (or use device=cpu)")
    if name == "mps" and not mps:
        raise UserError("device=mps: no Apple GPU found; use device=cpu")
    return torch.device(name)


def resolve_precision(name: str, device: torch.device) -> torch.dtype:
    """The dtype of the state and of matrix products: `auto` takes bfloat16 where the hardware multiplies it."""
    native = has_native_bf16(device)
    if name == "bf16" and device.type == "mps" and not native:
        raise UserError("precision=bf16: this device has no bfloat16; use precision=fp32")
    return torch.bfloat16 if name == "bf16" or (name == "auto" and native) else torch.float32


def has_native_bf16(device: torch.device) -> bool:
    """Whether bfloat16 matrix products run in hardware (a CPU needs AVX512-BF16 or AMX) instead of being emulated."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return False


def resolve_compile(request: str, device: torch.device) -> bool:
    """Whether to call torch.compile: `true` raises ValueError where it can't work, `auto` then says so in one line."""
    if request == "false":
        return False
    obstacle = compile_obstacle(device)
    if obstacle is None:
        return True
    if request == "true":
        raise UserError(f"compile=true: {obstacle}; or use compile=false")
    print(f"compile=auto: running eager, about half as fast ({obstacle})")
    return False


def compile_obstacle(device: torch.device) -> str | None:
    """Why torch.compile can't work here, with what mends it; None where it can."""
    if device.type == "mps":
        return "torch.compile is not used on MPS"
    if device.type == "cuda":
        return None if find_spec("triton") else "triton is not installed; run: pip install triton"
    if _cpp_compiler() is None:
        return "no C++ compiler found; install one (Debian, Ubuntu: apt install g++)"
    return None


def _cpp_compiler() -> str | None:
    """The compiler torch's CPU back end would call, or None."""
    usual = {"win32": "cl", "darwin": "clang++"}.get(sys.platform, "g++")
    return shutil.which(os.environ.get("CXX") or usual)
