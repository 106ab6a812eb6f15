"""One job: the start and the pools of a seed, or one arm from its data to its row. Existing results are used."""

import shutil
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import puzzles
from hrm_net.checkpoints import checkpoint
from hrm_net.provenance import provenance
from hrm_net.recipes import solver, step_scorer
from hrm_net.recipes.config import TrainConfig
from hrm_net.reward.data.solutions import Solutions
from hrm_net.reward.model import RewardModel
from hrm_net.reward.scorer import StepScorer
from hrm_net.study import pool, rows
from hrm_net.study.measure import frame, measure
from hrm_net.study.plans import Arm, Domain, Learning, Sizes, config, of_domain, overrides
from hrm_net.trainer.device import resolve_compile, resolve_device, resolve_precision
from puzzles.steps.rules import StepRules, step_rules

BATCH = 128  # steps scored at once: a small core stays in the caches; with 512 it is a fifth slower


def start_folder(work: Path, domain: Domain, seed: int) -> Path:
    return work / domain.name / str(seed) / "start"


def pools_folder(work: Path, domain: Domain, seed: int) -> Path:
    return work / domain.name / str(seed) / "pools"


def arm_folder(work: Path, domain: Domain, seed: int, arm: Arm) -> Path:
    return work / domain.name / str(seed) / arm.name


def make_start(work: Path, domain: Domain, sizes: Sizes, seed: int) -> rows.Row:
    """Train the solver that the arms of the seed start from and fill the pools. Returns the row that needs no arm."""
    sizes, began = of_domain(sizes, domain), time.perf_counter()
    run = config(overrides(domain, sizes, seed, None, None))
    wanted, folder = step_scorer.solver_config(run), start_folder(work, domain, seed)
    if max(checkpoint.steps(folder / "checkpoints"), default=0) < wanted.steps:
        solver.train(wanted, folder)
    trained = time.perf_counter()
    rules = step_rules(puzzles.get(**run.puzzle))
    pool.make(domain, sizes, seed, pools_folder(work, domain, seed))
    found = frame(run, sizes, _pools(work, domain, seed, rules), rules)
    return {
        "domain": domain.name, "arm": rows.FRAME, "seed": seed, "metrics": found,
        "seconds": {"training": trained - began, "measuring": time.perf_counter() - trained},
        **stamp(domain, sizes, seed, None),
    }  # fmt: skip


def make_row(work: Path, domain: Domain, sizes: Sizes, seed: int, arm: Arm) -> rows.Row:
    """Train the arm, or continue where it stopped, and measure it. SIGTERM during training saves first (exit 143)."""
    sizes, began = of_domain(sizes, domain), time.perf_counter()
    changes = overrides(domain, sizes, seed, arm, start_folder(work, domain, seed))
    run, folder = config(changes), arm_folder(work, domain, seed, arm)
    if max(checkpoint.steps(folder / "checkpoints"), default=0) < run.steps:
        step_scorer.train(run, folder)
    trained = time.perf_counter()
    scorer = scorer_of(run, folder)
    found = measure(scorer, run, sizes, _pools(work, domain, seed, scorer.rules))
    row = {
        "domain": domain.name, "arm": arm.name, "experiment": arm.experiment, "seed": seed, "metrics": found,
        "examples": examples(folder), "updates": run.steps,
        "parameters": sum(p.numel() for p in scorer.model.parameters()),
        "command": rows.training_command(changes, work),
        "seconds": {"training": trained - began, "measuring": time.perf_counter() - trained},
        **stamp(domain, sizes, seed, arm),
    }  # fmt: skip
    shutil.rmtree(folder / "steps", ignore_errors=True)
    return row


def examples(folder: Path) -> int | None:
    """The number of rows that the arm learned from; None where its data is gone."""
    from puzzles.steps.files import load_rows, load_trajectories

    steps = folder / "steps"
    found = [len(load_rows(path)) for path in [steps / "single_rows.npz"] if path.is_file()]
    found += [len(load_trajectories(path).rows) for path in [steps / "trajectories.npz"] if path.is_file()]
    return sum(found) if found else None


def load_model(saved: Path, run: TrainConfig) -> RewardModel:
    """The network of a checkpoint, at the precision of the run and compiled where the run is."""
    model = step_scorer.load(saved, run)
    device = resolve_device(run.device)
    model.forward_dtype = resolve_precision(run.precision, device)
    if resolve_compile(run.compile, device):
        model.compile_blocks()
    return model


def scorer_of(run: TrainConfig, folder: Path, head: str | None = None, segments: int | None = None) -> StepScorer:
    """The trained scorer of a run; `head` is one of its heads, by default the first. It scores at `segments`, by
    default as many as an update learns from."""
    best = checkpoint.best(folder / "checkpoints")
    assert best is not None, folder
    model = load_model(best, run)
    named = head or str(run.reward.objectives[0])
    return StepScorer(
        model, puzzles.get(**run.puzzle), named, segments=segments or run.reward.segments, batch_size=BATCH
    )


def _pools(work: Path, domain: Domain, seed: int, rules: StepRules) -> Callable[[str], Solutions]:
    return cache(lambda name: pool.load(pools_folder(work, domain, seed) / f"{name}.npz", rules))


def stamp(domain: Domain, sizes: Learning, seed: int, arm: Arm | None) -> rows.Row:
    found = provenance(seed)
    return {"hash": rows.fingerprint(domain, sizes, seed, arm), "provenance": found}
