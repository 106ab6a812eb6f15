"""Training of a step scorer: one update thinks for some segments on a batch of steps, each segment with a loss of its
own (deep supervision), and what the loop of every run (hrm_net/trainer/loop.py) asks of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import puzzles
from hrm_net.checkpoints import checkpoint, pretrained
from hrm_net.data.generated import torch_generator
from hrm_net.recipes.config import TrainConfig
from hrm_net.recipes.model_source import find_model
from hrm_net.reward import objectives
from hrm_net.reward.data import prepare as data
from hrm_net.reward.data.batches import StepBatches
from hrm_net.reward.model import RewardModel
from hrm_net.reward.model_config import RewardModelConfig
from hrm_net.reward.validation import Validation
from hrm_net.trainer import loop
from hrm_net.trainer.ema import EMA
from hrm_net.trainer.optim import build_optimizers
from hrm_net.trainer.tracking import Tracker
from puzzles.errors import UserError
from puzzles.steps.rules import step_rules


@dataclass(kw_only=True, slots=True)
class ScorerState(loop.LoopState):
    """All that the next step depends on besides configuration and data."""

    model: RewardModel
    # Losses of each step since the last record, in the order of `names`.
    window: list[Tensor] = field(default_factory=list)


def load(path: Path, config: TrainConfig) -> RewardModel:
    """The scorer of a run's checkpoint, in eval mode, in fp32 on the CPU."""
    model = RewardModel(model_config(config))
    try:
        pretrained.load_state(model, checkpoint.load(path).tensors)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    return model.eval()


def model_config(config: TrainConfig) -> RewardModelConfig:
    """The scorer's shape; ValueError for values that no scorer can have."""
    reward = config.reward
    heads = [str(head) for head in reward.objectives]
    if config.on_text:
        return RewardModelConfig(core=config.model, objectives=heads, inputs="text", segments=reward.segments)
    return RewardModelConfig(core=config.model, objectives=heads, max_left=reward.budget, segments=reward.segments)


def build_state(
    config: TrainConfig, device: torch.device, precision: torch.dtype, start: str | None = None
) -> ScorerState:
    """A fresh scorer, or one whose core is that of the solver `start`, with its optimizers, from the run's seed."""
    generator = torch_generator(config.seed, "weights")
    if start is None:
        model = RewardModel(model_config(config), generator)
    else:
        model = RewardModel.from_solver(model_config(config), find_model(start).load(), generator)
    model = model.to(device).train()
    model.forward_dtype = precision
    ema = EMA(model, config.optim.ema) if config.optim.ema else None
    return ScorerState(model=model, optimizers=build_optimizers(model, config.optim), ema=ema)


def train_step(state: ScorerState, batch: dict[str, Tensor], config: TrainConfig) -> Tensor:
    """One update; the losses of the last segment, in the order of `names`. FloatingPointError, before the update, for a
    loss or gradient that is not finite."""
    model, segments = state.model, config.reward.segments
    state.optimizers.zero_grad()
    inner = model.initial_state(batch)
    total = torch.zeros((), device=batch["span"].device)
    for _ in range(segments):
        inner, out = model(inner, batch)
        losses = objectives.losses(out.logits, batch, loss=config.reward.loss)
        halting = objectives.halting_loss(out.q_halt, out.logits, batch)
        loss = (torch.stack([*losses.values()]).sum() + halting) / segments
        loss.backward()
        total += loss.detach()
    loop.move(state, model, config, total)
    state.step += 1
    return torch.stack([total, halting.detach(), *(losses[name].detach() for name in model.config.objectives)])


def names(model: RewardModel) -> list[str]:
    """What `train_step` gives."""
    return ["loss", "halting_loss", *(f"{head}_loss" for head in model.config.objectives)]


class ScorerTraining:
    """Training on steps, as the loop drives it."""

    def __init__(self, config: TrainConfig, run_dir: Path, device: torch.device, precision: torch.dtype) -> None:
        self.config, self.run_dir, self.device = config, run_dir, device
        begun = bool(checkpoint.steps(run_dir / "checkpoints"))  # then its weights come from there
        start = str(run_dir / "solver") if config.reward.solver_steps else config.reward.start
        self.state = build_state(config, device, precision, None if begun else start)
        self.data_digest: str | None = None
        self.batches: Callable[[int], dict[str, Tensor]]

    @property
    def model(self) -> RewardModel:
        return self.state.model

    def tensors(self) -> dict[str, Any]:
        return {"window": self.state.window, "data": self.data_digest}

    def restore(self, saved: dict[str, Any], device: torch.device) -> None:
        self.state.window = [row.to(device) for row in saved["window"]]
        self.data_digest = saved["data"]

    def compile(self) -> None:
        self.model.compile_blocks()

    def begin(self) -> None:
        config, reward = self.config, self.config.reward
        puzzle = puzzles.get(**config.puzzle)
        rules = step_rules(puzzle)
        found, digest = data.prepare(config, rules, self.run_dir)
        if self.data_digest not in (None, digest):
            folder = self.run_dir / "steps"
            raise UserError(f"{folder}: holds other solutions than the run began with; choose another name=")
        self.data_digest = digest
        examples = found.examples()
        print(f"learning from {examples.describe()}", flush=True)
        self.batches = StepBatches(
            examples, puzzle,
            budget=reward.budget, batch_size=config.batch_size, seed=config.seed, augment=config.data.augment,
            error_share=reward.error_share,
        )  # fmt: skip
        self.validation = Validation(config, rules) if config.monitor.every else None

    def update(self) -> None:
        batch = self.batches(self.state.step)
        batch = {key: column.to(self.device, non_blocking=True) for key, column in batch.items()}
        self.state.window.append(train_step(self.state, batch, self.config))

    def means(self) -> tuple[dict[str, Any], str]:
        means = torch.stack(self.state.window).mean(dim=0).tolist()
        self.state.window.clear()
        record = dict(zip(names(self.model), means, strict=True))
        return record, f"loss {record['loss']:.3f}"

    def look(self, tracker: Tracker) -> tuple[float, list[str]]:
        assert self.validation is not None
        return self.validation.look(self.model, self.state.step, self.state.seconds, tracker)

    def show_score(self, score: float) -> str:
        return f"a loss of {-score:.4f}"
