"""Brain-inspired recurrent reasoning: the Hierarchical Reasoning Model as a plain PyTorch module.

    from hrm_net import HRM, HRMConfig

`hrm_net.model` is the paper in one file; all that trains or evaluates stays out until imported.
"""

from hrm_net.hrm_config import HRMConfig
from hrm_net.model import HRM, Carry, Output
from hrm_net.reference import load_reference, save_reference

__all__ = ["HRM", "Carry", "HRMConfig", "Output", "load_reference", "save_reference"]
