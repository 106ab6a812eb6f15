"""A tiny policy's run on 4x4 Sudoku, and untrained scorers and judges for it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from hrm_net.checkpoints import pretrained
from hrm_net.data.config import DataConfig, Source, Stage
from hrm_net.evaluation.config import ValidationConfig
from hrm_net.policy.config import PolicyRunConfig
from hrm_net.recipes.config import TrainConfig
from hrm_net.reward.model import RewardModel
from hrm_net.reward.model_config import RewardModelConfig
from tests.models import seeded
from tests.trainer import victim

BUDGET = 10


def config(policy: dict[str, Any] | None = None, **changes: Any) -> TrainConfig:
    """Two puzzles an update, three attempts at each; `policy` and the other values replaced as told."""
    chosen = {"reward": "verifier", "clone_steps": 3, "clone_batch": 32, "budget": BUDGET, "rollouts": 3}
    run: dict[str, Any] = {
        "name": "policy", "steps": 6, "batch_size": 2, "checkpoint_every": 2, "log_every": 1,
        "data": DataConfig(puzzles=24, curriculum=[Stage(mix=[Source(targets={"clues": [8, 10]})])]),
        "validation": ValidationConfig(every=3, puzzles=12),
        "policy": PolicyRunConfig(**{**chosen, **(policy or {})}),
    }  # fmt: skip
    return replace(victim.config(), **{**run, **changes})


def save_scorer(folder: Path, heads: list[str], budget: int = BUDGET, **core: Any) -> str:
    """Weights of an untrained scorer (or of a judge, for the head `pair`) whose heads are not flat."""
    shape = replace(victim.config().model, num_puzzle_ids=1, box_rows=2, **core)
    wanted = RewardModelConfig(
        core=shape, objectives=heads, max_left=0 if heads == ["pair"] else budget - 1, segments=1
    )
    model = RewardModel(wanted, seeded(1))
    for head in model.heads.values():
        next(head.parameters()).data.normal_(generator=seeded(2))
    settings = {"judge": {"segments": 1, "stop": None}} if heads == ["pair"] else {}
    pretrained.save(model, folder, {"puzzle": {"name": "sudoku", "box": "2x2"}, **settings})
    return str(folder)
