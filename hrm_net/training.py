"""Training, top to bottom: state, one step, the loop around it, monitor and checkpoints."""

import math
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import puzzles
from hrm_net import checkpoint, pretrained
from hrm_net.config import TrainConfig
from hrm_net.config_yaml import to_yaml
from hrm_net.data import build_batches, torch_generator
from hrm_net.device import resolve_compile, resolve_device, resolve_precision
from hrm_net.ema import EMA
from hrm_net.interrupts import Interrupt, interruptible
from hrm_net.losses import SegmentLoss, segment_loss
from hrm_net.model import HRM, Carry
from hrm_net.monitor import Monitor
from hrm_net.optim import Optimizers, build_optimizers, lr_scale
from hrm_net.progress import TrainingProgress
from hrm_net.resume import check_resume
from hrm_net.run_lock import run_lock
from hrm_net.tracking import Tracker
from hrm_net.window import Window


@dataclass(kw_only=True, slots=True)
class TrainState:
    """All that the next step depends on besides the configuration."""

    model: HRM
    optimizers: Optimizers
    ema: EMA | None
    carry: Carry | None
    window: Window = field(default_factory=Window)
    step: int = 0
    # Wall-clock seconds of training so far, over all processes that worked on the run.
    seconds: float = 0.0
    best_step: int | None = None
    best_score: float = -math.inf


def train(config: TrainConfig, run_dir: Path) -> None:
    """Run, or resume, the training in `run_dir`. ValueError before any work for a configuration that does not fit what
    lies there.

    On SIGTERM or SIGINT the step is finished and saved, and SystemExit(143 or 130) raised.
    """
    device = resolve_device(config.device)
    precision = resolve_precision(config.precision, device)
    with run_lock(run_dir):
        check_resume(config, run_dir)
        saved = checkpoint.load_newest(run_dir / "checkpoints")
        if saved is not None and saved.step >= config.steps:
            print(f"{run_dir} has all its {saved.step} steps; raise steps= to go on, or choose another name=")
            return
        compiled = resolve_compile(config.compile, device)
        with Tracker(run_dir, config.logger, asdict(config), saved.step if saved else 0) as tracker:
            if config.threads:
                torch.set_num_threads(config.threads)
            state = build_state(config, device, precision)
            if saved is not None:
                restore(state, saved, device)
                print(f"resuming {run_dir} at step {state.step} of {config.steps}")
            if compiled:
                state.model.compile_blocks()
            (run_dir / "config.yaml").write_text(to_yaml(config), encoding="utf-8")
            with interruptible() as interrupt:
                _loop(config, state, run_dir, tracker, interrupt)


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
    norm = state.optimizers.grad_norm()
    if not torch.isfinite(norm + loss.total.detach()):
        found = f"loss {loss.total.item()}, gradient norm {norm.item()}"
        batch_name = f"the batch of seed {config.seed}, step {state.step}"
        raise FloatingPointError(
            f"step {state.step}: {found} on {batch_name}; nothing was updated, checkpoints are whole"
        )
    optim = config.optim
    scale = lr_scale(state.step + 1, total=config.steps, warmup=optim.warmup_steps, min_ratio=optim.min_lr_ratio)
    state.optimizers.step(scale, norm)
    if state.ema is not None:
        state.ema.update(model)
    state.window.add(loss, carry)
    state.carry = carry
    state.step += 1
    return loss


def _loop(config: TrainConfig, state: TrainState, run_dir: Path, tracker: Tracker, interrupt: Interrupt) -> None:
    puzzle = puzzles.get(**config.puzzle)
    device = state.model.H_init.device
    batches = build_batches(puzzle, config.data, seed=config.seed, steps=config.steps, batch_size=config.batch_size)
    monitor = Monitor(puzzle, config)
    with TrainingProgress(config.steps, state.step) as progress:
        while state.step < config.steps:
            started = time.perf_counter()
            wanted = None if state.carry is None else state.carry.halted.cpu().numpy()
            batch = {key: rows.to(device, non_blocking=True) for key, rows in batches(state.step, wanted).items()}
            train_step(state, batch, config)
            last = state.step == config.steps
            note = _log(state, tracker) if last or _due(state.step, config.log_every) else None
            state.seconds += time.perf_counter() - started
            looks = _due(state.step, config.monitor.every) or (last and config.monitor.every > 0)
            best = looks and _look(monitor, state, tracker, progress)
            if last or best or interrupt.signal or _due(state.step, config.checkpoint_every):
                tracker.sync()
                save(state, config, run_dir)
            progress.advance(note)
            if interrupt.signal and not last:
                stopped = f"stopped by {interrupt.signal.name} at step {state.step}"
                progress.say(f"{stopped}; the same command goes on from there")
                raise SystemExit(interrupt.exit_code)


def _due(step: int, every: int) -> bool:
    """Whether something done every so many steps (0: never) falls on this one."""
    return every > 0 and step % every == 0


def _log(state: TrainState, tracker: Tracker) -> str:
    """Record the window's means; what there is to say of them."""
    record = state.window.mean()
    tracker.log(state.step, kind="train", seconds=state.seconds, **record)
    halting = f", {record['exact_accuracy']:.0%} right when halting" if record["halted"] else ""
    return f"loss {record['loss']:.3f}{halting}"


def _look(monitor: Monitor, state: TrainState, tracker: Tracker, progress: TrainingProgress) -> bool:
    """Whether the monitor finds the weights (averaged, where there is an average) better than ever."""
    started = time.perf_counter()
    with state.ema.applied(state.model) if state.ema is not None else nullcontext():
        score, lines = monitor.look(state.model, state.step, state.seconds, tracker)
    for line in lines:
        progress.say(line)
    state.seconds += time.perf_counter() - started
    if score > state.best_score:
        state.best_score, state.best_step = score, state.step
        return True
    if state.best_step is not None and monitor.falling(state.step - state.best_step):
        best = f"{state.best_score:.1%} at step {state.best_step}"
        progress.say(f"  no better than {best} since; late overfitting is known of these models, the best one is kept")
    return False


def save(state: TrainState, config: TrainConfig, run_dir: Path) -> None:
    """A checkpoint of the state; what people use of it are the averaged weights where there is an average."""
    assert state.carry is not None
    training_state: dict[str, Any] = {
        "model": pretrained.state(state.model),
        "optimizers": state.optimizers.state_dict(),
        "ema": state.ema.state_dict() if state.ema else None,
        "carry": state.carry.tensors(),
        "window": state.window.rows,
        "seconds": state.seconds,
        "best_score": state.best_score,
        "best_step": state.best_step,
    }
    shown = {**pretrained.state(state.model), **(state.ema.state_dict() if state.ema else {})}
    checkpoint.save(
        run_dir / "checkpoints",
        state.step,
        tensors=shown,
        state=training_state,
        config=to_yaml(config),
        keep=config.keep_checkpoints,
        best=state.best_step,
    )


def restore(state: TrainState, saved: checkpoint.Checkpoint, device: torch.device) -> None:
    """Make `state` what it was when `saved` was written."""
    pretrained.load_state(state.model, saved.state["model"])
    state.optimizers.load_state_dict(saved.state["optimizers"])
    if state.ema is not None:
        state.ema.load_state_dict(saved.state["ema"])
    state.carry = Carry(**{name: tensor.to(device) for name, tensor in saved.state["carry"].items()})
    state.window.rows = [row.to(device) for row in saved.state["window"]]
    state.step, state.seconds = saved.step, saved.state["seconds"]
    state.best_score, state.best_step = saved.state["best_score"], saved.state["best_step"]
