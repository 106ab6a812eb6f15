"""Step scorers: heads that judge the steps of a solution, on the same recurrent core.

from hrm_net.reward import StepScorer, aggregate
"""

from typing import TYPE_CHECKING, Any

# Not lazily: once its module is imported, the package's name `aggregate` would be that module.
from hrm_net.reward.aggregate import aggregate

if TYPE_CHECKING:
    from hrm_net.reward.model import RewardModel, RewardModelConfig
    from hrm_net.reward.scorer import Scores, StepScorer

__all__ = ["RewardModel", "RewardModelConfig", "Scores", "StepScorer", "aggregate"]
# What `hrm_net.reward` exports, and the module each lies in: loaded when first asked for.
_HOMES = {
    "RewardModel": "model",
    "RewardModelConfig": "model_config",
    "Scores": "scorer",
    "StepScorer": "scorer",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'hrm_net.reward' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"hrm_net.reward.{_HOMES[name]}"), name)
