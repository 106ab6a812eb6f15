"""The story of every training run, top to bottom: lock, resume, updates, validation, checkpoints, an orderly end."""

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
import yaml
from torch import Tensor, nn

from hrm_net.checkpoints import checkpoint, pretrained
from hrm_net.distributed.gradients import sum_gradients
from hrm_net.distributed.group import Group, current
from hrm_net.distributed.sharding import gathered_weights, is_sharded, whole
from hrm_net.nn.transfer import Reading
from hrm_net.progress import Progress
from hrm_net.trainer.device import GRAPHS, resolve_compile, resolve_device, resolve_precision
from hrm_net.trainer.ema import EMA
from hrm_net.trainer.optim import OptimConfig, Optimizers, lr_scale
from hrm_net.trainer.resume import check_resume, explain
from hrm_net.trainer.session import interruptible, run_lock
from hrm_net.trainer.throughput import Pace, Work, peak_flops
from hrm_net.trainer.tracking import LoggerConfig, SilentTracker, Tracker

LINES = 20  # that a run prints where there is no terminal, besides one at least each minute


@dataclass(kw_only=True, slots=True)
class LoopConfig:
    """The part of a run's configuration that the loop needs, as plain values."""

    steps: int
    log_every: int
    # Steps between two validations and two checkpoints; 0: none but at the end (validation: none at all).
    validate_every: int
    checkpoint_every: int
    keep_checkpoints: int
    # Validations in a row below the best after which the run prints a warning; 0: never.
    patience: int
    compile: str
    device: str
    precision: str
    threads: int
    logger: LoggerConfig
    # The whole configuration as YAML, which lies beside each checkpoint and must be the same on resume.
    text: str


@dataclass(kw_only=True, slots=True)
class LoopState:
    """What any kind of training carries from step to step besides its weights and its own kind of state."""

    optimizers: Optimizers
    ema: EMA | None
    step: int = 0
    # Wall-clock seconds of training so far, over all processes that worked on the run.
    seconds: float = 0.0
    best_step: int | None = None
    best_score: float = -math.inf
    # What was computed since the last record.
    work: Work = field(default_factory=Work)
    # The loss and the gradient norm of the last update, where the host has not looked at them yet.
    unread: "Unread | None" = None


@dataclass(kw_only=True, slots=True)
class Unread:
    """Two numbers on their way from the device: whether they are finite is looked at later."""

    step: int
    batch: str
    numbers: Reading


@runtime_checkable
class Trainable(Protocol):
    """One kind of training, as `run` drives it. Its `state` is all that the next step depends on."""

    @property
    def state(self) -> LoopState: ...

    @property
    def model(self) -> nn.Module: ...

    def state_dict(self) -> dict[str, Any]:
        """What this kind of training adds to `LoopState`, as a checkpoint holds it: that of all processes together."""
        ...

    def load_state_dict(self, saved: dict[str, Any], device: torch.device) -> None:
        """Take back what `state_dict` gave, and of rows in work this process's share."""
        ...

    def compile(self, graphs: bool) -> None:
        """Compile the model in place; with `graphs`, its segments as CUDA graphs."""
        ...

    def setup(self) -> None:
        """Make or read the data; called once, under the lock of the run."""
        ...

    def update(self) -> None:
        """One update of the weights; counts `state.step`."""
        ...

    def pop_metrics(self) -> tuple[dict[str, Any], str]:
        """The record of the steps since the last one, and the same in words."""
        ...

    def validate(self, tracker: Tracker) -> tuple[float, list[str]]:
        """How well it goes on data never trained on: a score, higher is better, and lines to show. Logs the details."""
        ...

    def format_score(self, score: float) -> str:
        """A score of `validate` in words."""
        ...


def run(config: LoopConfig, run_dir: Path, build: Callable[[torch.device, torch.dtype], Trainable]) -> None:
    """Run, or resume, in `run_dir` the training that `build` makes. UserError before any work for a configuration that
    does not fit what lies there.

    On SIGTERM or SIGINT the step is finished and saved, and SystemExit(143 or 130) raised. Several processes run this
    together (hrm_net.distributed): all compute, and rank 0 writes.
    """
    group = current()
    device = resolve_device(config.device)
    precision = resolve_precision(config.precision, device)
    group.check_device(device)
    group.check_equal([config.text, str(run_dir.absolute())], explain)
    with run_lock(run_dir) if group.is_main else nullcontext():
        group.barrier()  # until the run is locked
        check_resume(config.text, run_dir)
        saved = _newest(run_dir / "checkpoints", group)
        if saved is not None and saved.step >= config.steps:
            print(f"{run_dir} has all its {saved.step} steps; raise steps= to go on, or choose another name=")
            return
        compiled = resolve_compile(config.compile, device)
        with _tracker(config, run_dir, saved.step if saved else 0, group) as tracker:
            if config.threads:
                torch.set_num_threads(config.threads)
            job = build(device, precision)
            if saved is not None:
                _load_state(job, saved, device)
                print(f"resuming {run_dir} at step {saved.step} of {config.steps}")
            group.copy_from_main_(_weights(job))
            if compiled:
                job.compile(config.compile == GRAPHS)
            if group.is_main:
                (run_dir / "config.yaml").write_text(config.text, encoding="utf-8")
            with interruptible() as interrupt:
                job.setup()
                state, pace = job.state, _pace(device, precision, group)
                first = "compiling" if compiled else "starting"
                with Progress("step", config.steps, done=state.step, note=first, lines=LINES) as progress:
                    while state.step < config.steps:
                        pace.begin()
                        with group.noticing_loss():
                            job.update()
                        last = state.step == config.steps
                        logs = last or _due(state.step, config.log_every)
                        found = job.pop_metrics() if logs else None
                        state.seconds += pace.end(state.work)
                        note = None if found is None else _log(found, state, pace, tracker)
                        validates = _due(state.step, config.validate_every) or (last and config.validate_every > 0)
                        best = validates and _validate(config, job, tracker, progress)
                        stop = interrupt.shared(group)
                        if last or best or stop or _due(state.step, config.checkpoint_every):
                            tracker.sync()
                            _save(config, job, run_dir, group)
                        progress.advance(note)
                        if stop and not last:
                            stopped = f"stopped by {stop.name} at step {state.step}"
                            progress.say(f"{stopped}; the same command goes on from there")
                            raise SystemExit(interrupt.exit_code)


def optimizer_step(
    state: LoopState, model: nn.Module, loss: Tensor, *, optim: OptimConfig, steps: int, seed: int
) -> None:
    """One update from the gradients at hand, at the learning rate of this step of a run of `steps`.

    FloatingPointError for a loss or gradient that is not finite: before the update on a CPU; on a device that the host
    does not wait for, in the next call, or in `check_finite` before the weights are used.

    Of several processes, each comes with the gradient and the loss of its share of the batch, and all make the same
    update from their sums.
    """
    optimizers = state.optimizers
    loss = sum_gradients(current(), optimizers.params, optimizers.puzzles, loss)
    norm = optimizers.grad_norm()
    check_finite(state)
    numbers = Reading(torch.stack([loss.float(), norm.float()]))
    state.unread = Unread(step=state.step, batch=f"the batch of seed {seed}, step {state.step}", numbers=numbers)
    if numbers.arrived:
        check_finite(state)
    scale = lr_scale(state.step + 1, total=steps, warmup=optim.warmup_steps, min_ratio=optim.min_lr_ratio)
    optimizers.step(scale, norm)
    if state.ema is not None:
        state.ema.update(model)


def check_finite(state: LoopState) -> None:
    """FloatingPointError where the loss or the gradient of the last update was not finite; waits for them. It comes
    before every use of the weights, so that no checkpoint holds such an update."""
    if state.unread is None:
        return
    unread, state.unread = state.unread, None
    loss, norm = unread.numbers.array().tolist()
    if not (math.isfinite(loss) and math.isfinite(norm)):
        found = f"loss {loss}, gradient norm {norm} on {unread.batch}"
        raise FloatingPointError(f"step {unread.step}: {found}; nothing of it was saved, checkpoints are whole")


def _newest(root: Path, group: Group) -> checkpoint.Checkpoint | None:
    """The newest checkpoint that rank 0 can load, which all ranks read."""
    if group.alone:
        return checkpoint.load_newest(root)
    path = group.from_main(lambda: checkpoint.newest(root))
    return None if path is None else checkpoint.load(path)


def _tracker(config: LoopConfig, run_dir: Path, step: int, group: Group) -> Tracker:
    if not group.is_main:
        return SilentTracker()
    return Tracker(run_dir, config.logger, yaml.safe_load(config.text), step)


def _weights(job: Trainable) -> list[Tensor]:
    average = [] if job.state.ema is None else list(job.state.ema.average.values())
    return [tensor for tensor in (*pretrained.state(job.model).values(), *average) if not is_sharded(tensor)]


def _due(step: int, every: int) -> bool:
    """Whether something done every so many steps (0: never) falls on this one."""
    return every > 0 and step % every == 0


def _pace(device: torch.device, precision: torch.dtype, group: Group) -> Pace:
    peak = peak_flops(device, precision)
    return Pace(None if peak is None else peak * group.size)


def _log(found: tuple[dict[str, Any], str], state: LoopState, pace: Pace, tracker: Tracker) -> str:
    check_finite(state)
    (record, note), (rates, speed) = found, pace.pop(state.work)
    tracker.log(state.step, kind="train", seconds=state.seconds, **record, **rates)
    return note + speed


def _validate(config: LoopConfig, job: Trainable, tracker: Tracker, progress: Progress) -> bool:
    """Whether the weights (averaged, where there is an average) have the highest validation score so far."""
    started, state = time.perf_counter(), job.state
    check_finite(state)
    averaged = state.ema.applied(job.model) if state.ema is not None else nullcontext()
    with averaged, gathered_weights(job.model):
        score, lines = job.validate(tracker)
    for line in lines:
        progress.say(line)
    state.seconds += time.perf_counter() - started
    if score > state.best_score:
        state.best_score, state.best_step = score, state.step
        return True
    patience = config.patience * config.validate_every
    if state.best_step is not None and patience and (state.step - state.best_step) % patience == 0:
        best = f"{job.format_score(state.best_score)} at step {state.best_step}"
        progress.say(f"  no better than {best} since; late overfitting is known of these models, the best one is kept")
    return False


def _save(config: LoopConfig, job: Trainable, run_dir: Path, group: Group) -> None:
    """A checkpoint of the state; the weights that people use are the averaged ones where there is an average.

    Divided tensors are gathered on rank 0, so that a checkpoint does not depend on how many processes wrote it."""
    state = job.state
    check_finite(state)
    training_state: dict[str, Any] = {
        "model": pretrained.state(job.model),
        "optimizers": state.optimizers.state_dict(),
        "ema": state.ema.state_dict() if state.ema else None,
        "seconds": state.seconds,
        "best_score": state.best_score,
        "best_step": state.best_step,
        **job.state_dict(),
    }
    training_state = whole(training_state, group)
    weights = {**training_state["model"], **(training_state["ema"] or {})}
    group.on_main(
        lambda: checkpoint.save(
            run_dir / "checkpoints",
            state.step,
            tensors=weights,
            state=training_state,
            config=config.text,
            keep=config.keep_checkpoints,
            best=state.best_step,
        )
    )


def _load_state(job: Trainable, saved: checkpoint.Checkpoint, device: torch.device) -> None:
    """Make the state what it was when `saved` was written."""
    state = job.state
    pretrained.load_state(job.model, saved.state["model"])
    state.optimizers.load_state_dict(saved.state["optimizers"])
    if state.ema is not None:
        state.ema.load_state_dict(saved.state["ema"])
    state.step, state.seconds = saved.step, saved.state["seconds"]
    state.best_score, state.best_step = saved.state["best_score"], saved.state["best_step"]
    job.load_state_dict(saved.state, device)
