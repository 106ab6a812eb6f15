"""The configuration of a step scorer over a language model, as transformers saves one."""

from typing import Any

from transformers import AutoConfig, PreTrainedConfig

from hrm_net.hf.steps import StepMarks
from hrm_net.reward.model_config import RewardModelConfig
from puzzles.errors import UserError

MODULE = "hrm_reward"
AUTO_MAP = {
    "AutoConfig": f"{MODULE}.HRMRewardConfig",
    "AutoModelForTokenClassification": f"{MODULE}.HRMForTokenClassification",
    "AutoModelForSequenceClassification": f"{MODULE}.HRMForSequenceClassification",
}


class HRMRewardConfig(PreTrainedConfig):
    """`backbone` is the configuration of the language model, and `layer` the layer that is read; `reward` is that of
    the scorer (`hrm_net.reward.RewardModelConfig` as a dict), which has one head; `marks` says where steps end
    (`hrm_net.hf.steps.StepMarks` as a dict)."""

    model_type = "hrm_reward"

    def __init__(
        self,
        backbone: dict[str, Any] | None = None,
        layer: int = 0,
        reward: dict[str, Any] | None = None,
        marks: dict[str, Any] | None = None,
        pad_token_id: int | None = None,
        **values: Any,
    ) -> None:
        self.backbone, self.layer, self.reward, self.marks = backbone, layer, reward, marks
        self.pad_token_id = pad_token_id
        values.setdefault("auto_map", AUTO_MAP)
        super().__init__(**values)

    @property
    def step_separator(self) -> str:
        """The text that ends each step; `PRMConfig(step_separator=...)` must be the same."""
        return self.step_marks().separator

    def step_marks(self) -> StepMarks:
        """Where steps end. UserError where this configuration does not say."""
        if self.marks is None:
            raise UserError("marks=null: this configuration describes no scorer; hrm_net.hf.save_for_transformers does")
        return StepMarks.from_dict(self.marks)

    def reward_config(self) -> RewardModelConfig:
        """The scorer's shape; UserError for values that no scorer can have."""
        if self.reward is None:
            raise UserError(
                "reward=null: this configuration describes no scorer; hrm_net.hf.save_for_transformers does"
            )
        return RewardModelConfig.from_dict(dict(self.reward))

    def backbone_config(self) -> Any:
        """The language model's configuration."""
        if self.backbone is None:
            raise UserError("backbone=null: this configuration names no language model")
        values = dict(self.backbone)
        return AutoConfig.for_model(values.pop("model_type"), **values)
