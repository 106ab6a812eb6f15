"""A step scorer's run, from the solver that it may start from to the folder that people pass around."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import puzzles
from hrm_net.checkpoints import checkpoint, pretrained
from hrm_net.recipes import solver as training
from hrm_net.recipes.config import TrainConfig
from hrm_net.recipes.model_source import find_model
from hrm_net.recipes.step_scorer import ScorerTraining, load, model_config
from hrm_net.recipes.text_scorer import TextTraining
from hrm_net.reward.config import RewardConfig
from hrm_net.reward.data.solutions import build_policy
from hrm_net.trainer import loop
from hrm_net.trainer.tracking import LoggerConfig
from puzzles.steps.rules import step_rules

SOLVER_BATCH = 64


def train(config: TrainConfig, run_dir: Path) -> None:
    """Run, or resume, the training of a step scorer in `run_dir`, and of the solver that it starts from, if it wants
    one; see `loop.run`. The best scorer then lies in `run_dir/scorer` too, as `StepScorer.from_pretrained` reads it."""
    solver_dir = run_dir / "solver"
    if config.reward.solver_steps and max(checkpoint.steps(run_dir / "checkpoints"), default=0) == 0:
        wanted = solver_config(config)
        if max(checkpoint.steps(solver_dir / "checkpoints"), default=0) < wanted.steps:
            print(f"first the core learns to give whole answers, in {solver_dir}")
            training.train(wanted, solver_dir)
    loop.run(config, run_dir, TextTraining if config.on_text else ScorerTraining)
    export(run_dir, config)


def solver_config(config: TrainConfig) -> TrainConfig:
    """The run in which a scorer's core learns to solve: a stream of the training fold's puzzles, no look, no end but
    `solver_steps`."""
    return replace(
        config,
        name=f"{config.name}, its solver",
        steps=config.reward.solver_steps,
        batch_size=min(config.batch_size, SOLVER_BATCH),
        stagger=True,
        data=replace(config.data, puzzles=None),
        monitor=replace(config.monitor, every=0),
        logger=LoggerConfig(),
        reward=RewardConfig(),
    )


def check(config: TrainConfig) -> None:
    """ValueError, before any work, for a scorer that cannot be: its shape, its start, or the policy's solver."""
    wanted = model_config(config)
    if config.on_text:
        return
    if config.reward.start is not None:
        wanted.check_start(find_model(config.reward.start).load().config)
    build_policy(config.reward, step_rules(puzzles.get(**config.puzzle)))


def export(run_dir: Path, config: TrainConfig, **settings: Any) -> Path:
    """`run_dir/scorer`: the best checkpoint as config.json and model.safetensors; `settings` of the scorer join it."""
    best = checkpoint.best(run_dir / "checkpoints")
    assert best is not None, run_dir
    told = {"objective": config.reward.objectives[-1], "segments": config.reward.segments} | settings
    pretrained.save(load(best, config), run_dir / "scorer", {"puzzle": config.puzzle, "scorer": told})
    return run_dir / "scorer"
