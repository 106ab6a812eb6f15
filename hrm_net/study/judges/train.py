"""The networks of a seed: each one a resumable run of the training loop, all judges on the same games."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import puzzles
from hrm_net.checkpoints import checkpoint, pretrained
from hrm_net.model import HRM
from hrm_net.recipes import solver, step_scorer
from hrm_net.recipes.config import TrainConfig
from hrm_net.recipes.model_source import find_model
from hrm_net.recipes.pair_judge import PairTraining
from hrm_net.reward.inputs import Rows
from hrm_net.reward.model import RewardModel
from hrm_net.study.judges.plan import JudgeDomain, JudgeSizes, Network, overrides
from hrm_net.study.plans import config
from hrm_net.study.run import load_model
from hrm_net.trainer import loop

BACKWARD = 2  # times the cost of a forward pass


class NetworkTraining(PairTraining):
    """A judge's training, for which the row of a candidate may leave out the opponent, and labels may be shuffled."""

    network: Network

    def setup(self) -> None:
        super().setup()
        if self.network.shuffled:
            pairs = self.batches.pairs
            pairs.better = puzzles.rng(self.config.seed, "shuffled labels").permutation(pairs.better)

    def games(self, step: int, images: int = 1) -> tuple[Rows, Tensor]:
        rows, better = super().games(step, images)
        if self.network.kind == "alone":
            rows = {**rows, "before": rows["problem"]}
        return rows, better


def start_folder(work: Path, domain: JudgeDomain, core: str) -> Path:
    """The solver that all networks of a core start from, whatever the seed."""
    return work / "starts" / f"{domain.core}_{core}"


def network_folder(work: Path, domain: JudgeDomain, seed: int, network: Network) -> Path:
    return work / domain.name / str(seed) / network.name


def shared_folder(work: Path, domain: JudgeDomain, seed: int) -> Path:
    """Where the games to learn from, and the pools, of all domains of a core lie."""
    return work / "shared" / domain.core / str(seed)


def make_start(work: Path, domain: JudgeDomain, core: str) -> None:
    """Train the solver of a core, if it is not there yet."""
    wanted = step_scorer.solver_config(config([*domain.start[core], "threads=1", "device=cpu"]))
    folder = start_folder(work, domain, core)
    if newest_step(folder) < wanted.steps:
        solver.train(wanted, folder)


def newest_step(folder: Path) -> int:
    return max(checkpoint.steps(folder / "checkpoints"), default=0)


def run_config(work: Path, domain: JudgeDomain, sizes: JudgeSizes, seed: int, network: Network) -> TrainConfig:
    return config(overrides(domain, sizes, seed, network, start_folder(work, domain, network.core)))


def train(work: Path, domain: JudgeDomain, sizes: JudgeSizes, seed: int, network: Network) -> TrainConfig:
    """Train the network, or continue where it stopped; those whose halting head learns begin at the end of the warm-up
    of `fixed`, which must be trained."""
    make_start(work, domain, network.core)
    run, folder = run_config(work, domain, sizes, seed, network), network_folder(work, domain, seed, network)
    if newest_step(folder) >= run.steps:
        return run
    start = find_model(str(start_folder(work, domain, network.core))).load()
    source = step_scorer.solution_source(run)
    if network.kind == "heads":
        loop.run(run.loop(), folder, lambda device, precision: step_scorer.StepScorerTraining(
            run, source, folder, device, precision, start))  # fmt: skip
        return run
    warm = None
    if network.halting:
        fixed = network_folder(work, domain, seed, Network(name="fixed"))
        warm = checkpoint.load(fixed / "checkpoints" / f"step_{sizes.warmup:06d}")
    games = shared_folder(work, domain, seed)

    def build(device: torch.device, precision: torch.dtype) -> NetworkTraining:
        return _build(run, source, games, network, start, warm, device, precision)

    loop.run(run.loop(), folder, build)
    return run


def _build(
    run: TrainConfig, source: Any, games: Path, network: Network, start: HRM, warm: checkpoint.Checkpoint | None,
    device: torch.device, precision: torch.dtype,
) -> NetworkTraining:  # fmt: skip
    job = NetworkTraining(run, source, games, device, precision, start)
    job.network = network
    if warm is not None:
        state = job.state
        pretrained.load_state(job.model, warm.state["model"])
        state.optimizers.load_state_dict(warm.state["optimizers"])
        if state.ema is not None:
            state.ema.load_state_dict(warm.state["ema"])
        state.step = warm.step
    return job


def load(run: TrainConfig, folder: Path) -> RewardModel:
    """The network after its last update, compiled where the run is."""
    newest = checkpoint.newest(folder / "checkpoints")
    assert newest is not None, folder
    return load_model(newest, run)


def training_cost(run: TrainConfig, sizes: JudgeSizes, network: Network) -> float:
    """The row-segments of the training, a segment with a gradient counting as three without."""
    steps, rows, whole = np.arange(run.steps), 2 * sizes.batch_size, 1 + BACKWARD
    if network.kind == "heads":
        rows = sizes.heads_batch
        earlier = [step_scorer.earlier_segments(run.reward, run.seed, int(step)) for step in steps]
        return float(rows * (sum(earlier) + whole * run.reward.segments * len(steps)))
    warm = steps[: sizes.warmup] if network.halting else steps
    drawn = [int(puzzles.rng(run.seed, "depth", int(step)).integers(1, network.depth + 1)) for step in warm]
    late = len(steps) - len(warm)
    # grpo: a pass of the judge and one of the judge before, without gradient, then two updates.
    each = network.depth * (2 + 2 * whole if network.halting == "grpo" else whole)
    return float(rows * (whole * sum(drawn) + each * late))
