"""Where a result comes from: commit, versions and hardware."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import torch

CPU_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_tile", "amx_bf16")


def provenance(seed: int | None) -> dict[str, Any]:
    return {"seed": seed, "commit": commit(), "versions": versions(), "hardware": hardware()}


def commit() -> str | None:
    """The checked-out commit, "-dirty" where tracked files differ from it; None outside a checkout or without git."""
    here = Path(__file__).resolve()
    try:
        # Asked first, because site-packages may lie inside somebody else's repository.
        _git(here.parent, "ls-files", "--error-unmatch", here.name)
        return _git(here.parent, "describe", "--always", "--dirty", "--abbrev=40", "--exclude", "*")
    except (OSError, subprocess.SubprocessError):
        return None


def versions() -> dict[str, str | None]:
    try:
        own = importlib.metadata.version("hrm-net")
    except importlib.metadata.PackageNotFoundError:
        own = None
    return {
        "hrm_net": own,
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def hardware() -> dict[str, Any]:
    model, flags = _cpu()
    cuda = torch.cuda.is_available()
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "cpu_flags": flags,
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if cuda else None,
    }


def _cpu() -> tuple[str, list[str]]:
    """Model name and those of CPU_FLAGS that it has."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine(), []
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    present = set(fields.get("flags", "").split())
    return fields.get("model name") or platform.machine(), [flag for flag in CPU_FLAGS if flag in present]


def _git(directory: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(directory), *arguments], capture_output=True, text=True, check=True, timeout=10
    )
    return done.stdout.strip()
