"""A short training of a step scorer in a process of its own, to be killed."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from hrm_net.data.config import DataConfig, Source, Stage
from hrm_net.evaluation.config import ValidationConfig
from hrm_net.recipes import step_scorer as runs
from hrm_net.recipes.config import TrainConfig
from hrm_net.reward.config import PolicyConfig, RewardConfig
from tests.trainer import victim

STEPS = 60
REWARD: dict[str, Any] = {
    "objectives": ["orm", "prm", "pqm", "hier", "cond"],
    "budget": 4,
    "cells_per_step": 3,
    "policy": PolicyConfig(error=0.25, correct=0.3),
    "validation_candidates": 4,
    "evaluate_candidates": 8,
}


def config(reward: dict[str, Any] | None = None, **changes: Any) -> TrainConfig:
    """All heads on 4x4 Sudoku; `reward` and the other values replaced as told."""
    run: dict[str, Any] = {
        "name": "scorer",
        "steps": STEPS,
        "batch_size": 24,
        "data": DataConfig(puzzles=24, curriculum=[Stage(mix=[Source(targets={"clues": [6, 8]})])]),
        "validation": ValidationConfig(every=20, puzzles=8, targets={"few": {"clues": 6}}),
        "reward": RewardConfig(**{**REWARD, **(reward or {})}),
    }
    return replace(victim.config(), **{**run, **changes})


if __name__ == "__main__":
    runs.train(config({"solver_steps": 6}), Path(sys.argv[1]))
