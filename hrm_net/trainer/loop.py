"""What every training run goes through: lock, resume, updates, looks at how well it goes, checkpoints, a polite end."""

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from hrm_net.checkpoints import checkpoint, pretrained
from hrm_net.recipes.config import TrainConfig
from hrm_net.recipes.config_yaml import to_yaml
from hrm_net.trainer.device import resolve_compile, resolve_device, resolve_precision
from hrm_net.trainer.ema import EMA
from hrm_net.trainer.interrupts import Interrupt, interruptible
from hrm_net.trainer.optim import Optimizers, lr_scale
from hrm_net.trainer.progress import TrainingProgress
from hrm_net.trainer.resume import check_resume
from hrm_net.trainer.run_lock import run_lock
from hrm_net.trainer.tracking import Tracker


@dataclass(kw_only=True, slots=True)
class LoopState:
    """What any kind of training carries from step to step besides its weights' own kind of state."""

    optimizers: Optimizers
    ema: EMA | None
    step: int = 0
    # Wall-clock seconds of training so far, over all processes that worked on the run.
    seconds: float = 0.0
    best_step: int | None = None
    best_score: float = -math.inf


@runtime_checkable
class Job(Protocol):
    """One kind of training, as `run` drives it. Its `state` is all that the next step depends on."""

    @property
    def state(self) -> LoopState: ...

    @property
    def model(self) -> nn.Module: ...

    def tensors(self) -> dict[str, Any]:
        """What the state of this kind of training adds to `LoopState`, as a checkpoint holds it."""
        ...

    def restore(self, saved: dict[str, Any], device: torch.device) -> None:
        """Take back what `tensors` gave."""
        ...

    def compile(self) -> None:
        """Compile the model in place."""
        ...

    def begin(self) -> None:
        """Make or read the data; called once, under the lock of the run."""
        ...

    def update(self) -> None:
        """One update of the weights; counts `state.step`."""
        ...

    def means(self) -> tuple[dict[str, Any], str]:
        """The record of the steps since the last one, and what there is to say of it."""
        ...

    def look(self, tracker: Tracker) -> tuple[float, list[str]]:
        """How well it goes on data never trained on: a score, higher is better, and lines to show. Logs the details."""
        ...

    def show_score(self, score: float) -> str:
        """A score of `look` as one says it."""
        ...


def run(
    config: TrainConfig, run_dir: Path, build: Callable[[TrainConfig, Path, torch.device, torch.dtype], Job]
) -> None:
    """Run, or resume, in `run_dir` the training that `build` makes. ValueError before any work for a configuration that
    does not fit what lies there.

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
            job = build(config, run_dir, device, precision)
            if saved is not None:
                _restore(job, saved, device)
                print(f"resuming {run_dir} at step {saved.step} of {config.steps}")
            if compiled:
                job.compile()
            (run_dir / "config.yaml").write_text(to_yaml(config), encoding="utf-8")
            with interruptible() as interrupt:
                job.begin()
                _loop(config, job, run_dir, tracker, interrupt)


def move(state: LoopState, model: nn.Module, config: TrainConfig, loss: Tensor) -> None:
    """One update from the gradients at hand. FloatingPointError, before it, for a loss or gradient that is not
    finite."""
    norm = state.optimizers.grad_norm()
    if not torch.isfinite(norm + loss.detach()):
        found = f"loss {loss.item()}, gradient norm {norm.item()}"
        batch_name = f"the batch of seed {config.seed}, step {state.step}"
        raise FloatingPointError(
            f"step {state.step}: {found} on {batch_name}; nothing was updated, checkpoints are whole"
        )
    optim = config.optim
    scale = lr_scale(state.step + 1, total=config.steps, warmup=optim.warmup_steps, min_ratio=optim.min_lr_ratio)
    state.optimizers.step(scale, norm)
    if state.ema is not None:
        state.ema.update(model)


def _loop(config: TrainConfig, job: Job, run_dir: Path, tracker: Tracker, interrupt: Interrupt) -> None:
    state = job.state
    with TrainingProgress(config.steps, state.step) as progress:
        while state.step < config.steps:
            started = time.perf_counter()
            job.update()
            last = state.step == config.steps
            note = _log(job, tracker) if last or _due(state.step, config.log_every) else None
            state.seconds += time.perf_counter() - started
            looks = _due(state.step, config.monitor.every) or (last and config.monitor.every > 0)
            best = looks and _look(config, job, tracker, progress)
            if last or best or interrupt.signal or _due(state.step, config.checkpoint_every):
                tracker.sync()
                _save(config, job, run_dir)
            progress.advance(note)
            if interrupt.signal and not last:
                stopped = f"stopped by {interrupt.signal.name} at step {state.step}"
                progress.say(f"{stopped}; the same command goes on from there")
                raise SystemExit(interrupt.exit_code)


def _due(step: int, every: int) -> bool:
    """Whether something done every so many steps (0: never) falls on this one."""
    return every > 0 and step % every == 0


def _log(job: Job, tracker: Tracker) -> str:
    record, note = job.means()
    tracker.log(job.state.step, kind="train", seconds=job.state.seconds, **record)
    return note


def _look(config: TrainConfig, job: Job, tracker: Tracker, progress: TrainingProgress) -> bool:
    """Whether the weights (averaged, where there is an average) look better than ever."""
    started, state = time.perf_counter(), job.state
    with state.ema.applied(job.model) if state.ema is not None else nullcontext():
        score, lines = job.look(tracker)
    for line in lines:
        progress.say(line)
    state.seconds += time.perf_counter() - started
    if score > state.best_score:
        state.best_score, state.best_step = score, state.step
        return True
    if state.best_step is not None and _falling(config, state.step - state.best_step):
        best = f"{job.show_score(state.best_score)} at step {state.best_step}"
        progress.say(f"  no better than {best} since; late overfitting is known of these models, the best one is kept")
    return False


def _falling(config: TrainConfig, steps: int) -> bool:
    """Whether `steps` without a new best are a reason to speak up."""
    patience = config.monitor.patience * config.monitor.every
    return bool(patience) and steps % patience == 0


def _save(config: TrainConfig, job: Job, run_dir: Path) -> None:
    """A checkpoint of the state; what people use of it are the averaged weights where there is an average."""
    state = job.state
    training_state: dict[str, Any] = {
        "model": pretrained.state(job.model),
        "optimizers": state.optimizers.state_dict(),
        "ema": state.ema.state_dict() if state.ema else None,
        "seconds": state.seconds,
        "best_score": state.best_score,
        "best_step": state.best_step,
        **job.tensors(),
    }
    shown = {**pretrained.state(job.model), **(state.ema.state_dict() if state.ema else {})}
    checkpoint.save(
        run_dir / "checkpoints",
        state.step,
        tensors=shown,
        state=training_state,
        config=to_yaml(config),
        keep=config.keep_checkpoints,
        best=state.best_step,
    )


def _restore(job: Job, saved: checkpoint.Checkpoint, device: torch.device) -> None:
    """Make the job's state what it was when `saved` was written."""
    state = job.state
    pretrained.load_state(job.model, saved.state["model"])
    state.optimizers.load_state_dict(saved.state["optimizers"])
    if state.ema is not None:
        state.ema.load_state_dict(saved.state["ema"])
    state.step, state.seconds = saved.step, saved.state["seconds"]
    state.best_score, state.best_step = saved.state["best_score"], saved.state["best_step"]
    job.restore(saved.state, device)
