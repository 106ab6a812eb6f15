"""The Hierarchical Reasoning Model as a plain PyTorch module, with all that trains, evaluates and runs it.

    from hrm_net import HRM, HRMConfig

Read `hrm_net.model` first, then `hrm_net.nn.core`. Importing the package loads PyTorch and nothing heavier.
"""

from typing import TYPE_CHECKING, Any

from hrm_net.checkpoints.reference import load_reference, save_reference
from hrm_net.model import HRM, Carry, Output
from hrm_net.nn.config import HRMConfig

if TYPE_CHECKING:
    from hrm_net.solver import Solution, solve

__all__ = ["HRM", "Carry", "HRMConfig", "Output", "Solution", "load_reference", "save_reference", "solve"]


def __getattr__(name: str) -> Any:
    """`solve` and `Solution`, whose module loads the puzzles, are imported on first use."""
    if name in ("solve", "Solution"):
        from hrm_net import solver

        return getattr(solver, name)
    raise AttributeError(f"module 'hrm_net' has no attribute {name!r}")
