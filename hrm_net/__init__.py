"""The Hierarchical Reasoning Model as a plain PyTorch module, with all that trains, evaluates and runs it.

    from hrm_net import HRM, HRMConfig

Read `hrm_net.model` first, then `hrm_net.nn.core`. Every name here loads its module when it is first asked for: a
command can set what PyTorch reads when it is loaded, and whoever needs the model alone loads PyTorch and nothing
heavier.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hrm_net.checkpoints.reference import load_reference, save_reference
    from hrm_net.model import HRM, Carry, Output
    from hrm_net.nn.config import HRMConfig
    from hrm_net.solver import Solution, solve

__all__ = ["HRM", "Carry", "HRMConfig", "Output", "Solution", "load_reference", "save_reference", "solve"]


def __getattr__(name: str) -> Any:
    if name in ("HRM", "Carry", "Output"):
        from hrm_net import model as module
    elif name == "HRMConfig":
        from hrm_net.nn import config as module
    elif name in ("solve", "Solution"):
        from hrm_net import solver as module
    elif name in ("load_reference", "save_reference"):
        from hrm_net.checkpoints import reference as module
    else:
        raise AttributeError(f"module 'hrm_net' has no attribute {name!r}")
    return getattr(module, name)
