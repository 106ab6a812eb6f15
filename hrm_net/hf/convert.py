"""A trained step scorer over a language model as a folder that transformers loads."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from hrm_net.hf.configuration import HRMRewardConfig
from hrm_net.hf.modeling import HRMForTokenClassification
from hrm_net.hf.steps import StepMarks
from hrm_net.recipes.text_scorer import find_text_scorer
from hrm_net.reward.model import RewardModel
from hrm_net.reward.text.scorer import TextScorer
from puzzles.errors import UserError


def save_for_transformers(run: str | Path | TextScorer, directory: str | Path, objective: str | None = None) -> None:
    """Write config.json, model.safetensors, the tokenizer and the file that `auto_map` names.

    `run` is the directory of a training run or of a saved scorer, or a scorer; `objective` the head (None: the
    scorer's, or the run's last one). The folder holds the language model's weights up to the layer that is read, and
    loads as `HRMForTokenClassification` and as `HRMForSequenceClassification`. UserError for a scorer that reads bytes,
    for a run over puzzles, and for a judge, which has no score for one text.
    """
    scorer = run if isinstance(run, TextScorer) else find_text_scorer(str(run), objective)
    if scorer.backbone is None:
        raise UserError(f"{run}: this scorer reads bytes, not a language model; reward.text.backbone.path trains one")
    target = Path(directory)
    if target.is_file() or (target.is_dir() and any(target.iterdir())):
        raise UserError(f"{directory}: must be a new or empty directory")
    model = as_transformers_model(scorer, objective)
    model.save_pretrained(target)
    scorer.backbone.tokenizer.save_pretrained(target)


def objective_of(directory: str | Path) -> str:
    """The head that a folder of `save_for_transformers` holds."""
    (head,) = HRMRewardConfig.from_pretrained(directory).reward_config().objectives
    return head


def as_transformers_model(scorer: TextScorer, objective: str | None = None) -> HRMForTokenClassification:
    """The same scorer with one head, sharing the language model."""
    backbone, model = scorer.backbone, scorer.model
    assert backbone is not None
    head = objective or scorer.objective
    if head not in model.config.objectives:
        raise UserError(f"objective={head}: must be one of {', '.join(model.config.objectives)}, the model's")
    if model.config.core.stacks == "shared":
        raise UserError("model.core.stacks=shared: transformers cannot save weights that two modules share; use two")
    language: Any = backbone.model
    reward = replace(model.config, objectives=[head], segments=scorer.segments or model.config.segments)
    config = HRMRewardConfig(
        backbone=language.config.to_dict(),
        layer=backbone.layer,
        reward=asdict(reward),
        marks=StepMarks.of(backbone.tokenizer, backbone.separator).to_dict(),
        pad_token_id=backbone.tokenizer.pad_token_id,
    )
    made = HRMForTokenClassification(config)
    made.backbone.load_state_dict(language.state_dict())
    made.backbone.to(dtype=language.dtype)
    made.scorer.load_state_dict(_one_head(model, head))
    return made.eval()


def _one_head(model: RewardModel, head: str) -> dict[str, Any]:
    return {
        name: tensor
        for name, tensor in model.state_dict().items()
        if not name.startswith("heads.") or name.startswith(f"heads.{head}.")
    }
