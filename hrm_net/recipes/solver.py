"""Training of a solver: its state, one step, and what the loop of every run (hrm_net/trainer/loop.py) asks of it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import puzzles
from hrm_net.data.generated import build_batches, torch_generator
from hrm_net.evaluation.validation import Monitor
from hrm_net.model import HRM, Carry
from hrm_net.nn.losses import SegmentLoss, segment_loss
from hrm_net.recipes.config import TrainConfig
from hrm_net.trainer import loop
from hrm_net.trainer.ema import EMA
from hrm_net.trainer.metric_window import Window
from hrm_net.trainer.optim import build_optimizers
from hrm_net.trainer.tracking import Tracker


@dataclass(kw_only=True, slots=True)
class TrainState(loop.LoopState):
    """All that the next step depends on besides the configuration."""

    model: HRM
    carry: Carry | None
    window: Window = field(default_factory=Window)


def train(config: TrainConfig, run_dir: Path) -> None:
    """Run, or resume, the training of a solver in `run_dir`; see `loop.run`."""
    loop.run(config, run_dir, SolverTraining)


def build_state(config: TrainConfig, device: torch.device, precision: torch.dtype) -> TrainState:
    """A fresh model with its optimizers, from the run's seed."""
    model = HRM(config.model, torch_generator(config.seed, "weights")).to(device).train()
    model.forward_dtype = precision
    ema = EMA(model, config.optim.ema) if config.optim.ema else None
    return TrainState(model=model, optimizers=build_optimizers(model, config.optim), ema=ema, carry=None)


def train_step(state: TrainState, batch: dict[str, Tensor], config: TrainConfig) -> SegmentLoss:
    """One segment and one update (deep supervision). FloatingPointError, before the update, for a loss or gradient
    that is not finite."""
    model, generator = state.model, torch_generator(config.seed, "model noise", state.step)
    before = model.initial_carry(batch) if state.carry is None else state.carry
    carry, out = model(before, batch, generator=generator)
    if config.stagger and state.step == 0:
        carry.steps += torch.arange(len(carry.steps), device=carry.steps.device) % config.model.max_segments
    loss = segment_loss(out, carry.labels, config.loss)
    state.optimizers.zero_grad()
    (loss.total / config.batch_size).backward()
    loop.move(state, model, config, loss.total)
    state.window.add(loss, carry)
    state.carry = carry
    state.step += 1
    return loss


class SolverTraining:
    """Training on whole answers, as the loop drives it."""

    def __init__(self, config: TrainConfig, run_dir: Path, device: torch.device, precision: torch.dtype) -> None:
        self.config, self.device = config, device
        self.state = build_state(config, device, precision)

    @property
    def model(self) -> HRM:
        return self.state.model

    def tensors(self) -> dict[str, Any]:
        assert self.state.carry is not None
        return {"carry": self.state.carry.tensors(), "window": self.state.window.rows}

    def restore(self, saved: dict[str, Any], device: torch.device) -> None:
        self.state.carry = Carry(**{name: tensor.to(device) for name, tensor in saved["carry"].items()})
        self.state.window.rows = [row.to(device) for row in saved["window"]]

    def compile(self) -> None:
        self.model.compile_blocks()

    def begin(self) -> None:
        config = self.config
        puzzle = puzzles.get(**config.puzzle)
        self.batches = build_batches(
            puzzle, config.data, seed=config.seed, steps=config.steps, batch_size=config.batch_size
        )
        self.monitor = Monitor(puzzle, config)

    def update(self) -> None:
        state = self.state
        wanted = None if state.carry is None else state.carry.halted.cpu().numpy()
        batch = self.batches(state.step, wanted)
        train_step(state, {key: rows.to(self.device, non_blocking=True) for key, rows in batch.items()}, self.config)

    def means(self) -> tuple[dict[str, Any], str]:
        record = self.state.window.mean()
        halting = f", {record['exact_accuracy']:.0%} right when halting" if record["halted"] else ""
        return record, f"loss {record['loss']:.3f}{halting}"

    def look(self, tracker: Tracker) -> tuple[float, list[str]]:
        return self.monitor.look(self.model, self.state.step, self.state.seconds, tracker)

    def show_score(self, score: float) -> str:
        return f"{score:.1%}"
