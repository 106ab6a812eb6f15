"""One job of the study of policies: what the arms of a seed share, or one arm from the clone to its row."""

import time
from pathlib import Path
from typing import Any

from hrm_net.checkpoints import checkpoint
from hrm_net.policy.rewards import JUDGE, SCORER
from hrm_net.recipes import solver, step_scorer
from hrm_net.recipes.config import TrainConfig
from hrm_net.recipes.pair_judge import PairJudgeRecipe
from hrm_net.recipes.policy import PolicyRecipe, clone_config, load_clone, train_clone
from hrm_net.recipes.recipe import Run
from hrm_net.study import rows
from hrm_net.study.plans import Arm, config, of_domain
from hrm_net.study.policies.measure import baselines, measure, trust
from hrm_net.study.policies.plan import CHANCE, CLONE, PolicyArm, PolicyDomain, PolicySizes, overrides, shared_overrides
from hrm_net.study.run import stamp
from hrm_net.trainer.tracking import read_metrics

TRUSTED = 100  # validation puzzles that the rewards are tried on


def shared_folder(work: Path, domain: PolicyDomain, seed: int) -> Path:
    """Where the clone, the scorer and the judge of a seed lie."""
    return work / domain.name / str(seed)


def start_folder(work: Path, domain: PolicyDomain) -> Path:
    """The solver that scorers and judges of all seeds start from."""
    return work / "starts" / domain.name


def make_start(work: Path, domain: PolicyDomain, sizes: PolicySizes, seed: int) -> rows.Row:
    """Train what the arms of the seed share, or continue where it stopped. The row has the baselines, the scorers' own
    validation figures, and what their rewards say of the clone's attempts."""
    sizes, began = of_domain(sizes, domain), time.perf_counter()
    shared = shared_folder(work, domain, seed)
    run = config(overrides(domain, sizes, seed, None, shared))
    if _newest(shared / CLONE) < sizes.clone_steps:
        train_clone(clone_config(run), shared / CLONE)
    start = _solver(work, domain, sizes)
    validated = {}
    for kind, name in ((SCORER, "scorer"), (JUDGE, "judge")):
        wanted = config(shared_overrides(domain, sizes, seed, kind, start))
        if not (shared / name / name / "config.json").is_file():
            _train(kind, wanted, shared / name)
        validated[name] = _last_validations(shared / name)
    trained = time.perf_counter()
    found = baselines(run, shared / CLONE, sizes.test)
    clone, scorers = load_clone(str(shared / CLONE), run), {SCORER: shared / "scorer", JUDGE: shared / "judge"}
    found |= {
        "validated": validated,
        "trust": trust(run, clone, {kind: str(path) for kind, path in scorers.items()}, min(TRUSTED, sizes.validation)),
    }  # fmt: skip
    return {
        "domain": domain.name, "arm": rows.FRAME, "seed": seed, "metrics": found,
        "seconds": {"training": trained - began, "measuring": time.perf_counter() - trained},
        **stamp(domain, sizes, seed, None),
    }  # fmt: skip


def make_row(work: Path, domain: PolicyDomain, sizes: PolicySizes, seed: int, arm: Arm) -> rows.Row:
    """Train the arm, or continue where it stopped, and measure it. SIGTERM during training saves first (exit 143)."""
    assert isinstance(arm, PolicyArm)
    sizes, began = of_domain(sizes, domain), time.perf_counter()
    shared = shared_folder(work, domain, seed)
    changes, folder = overrides(domain, sizes, seed, arm, shared), shared / arm.name
    run = config(changes)
    if _newest(folder) < run.steps:
        PolicyRecipe().train(Run(config=run), folder)
    trained = time.perf_counter()
    return {
        "domain": domain.name, "arm": arm.name, "seed": seed, "metrics": measure(run, folder, sizes.test),
        "command": rows.training_command(changes, work),
        "seconds": {"training": trained - began, "measuring": time.perf_counter() - trained},
        **stamp(domain, sizes, seed, arm),
    }  # fmt: skip


def by_actor(row: rows.Row) -> list[rows.Row]:
    """A row of an arm as it is; that of what the arms share as one row for each baseline, and itself."""
    if row["arm"] != rows.FRAME:
        return [row]
    return [row, *(row | {"arm": name, "metrics": row["metrics"][name]} for name in (CLONE, CHANCE))]


def _solver(work: Path, domain: PolicyDomain, sizes: PolicySizes) -> Path:
    folder = start_folder(work, domain)
    told = [*domain.start, f"reward.solver_steps={sizes.solver_steps}", "threads=1", "device=cpu", *sizes.overrides]
    wanted = step_scorer.solver_config(config(told))
    if _newest(folder) < wanted.steps:
        solver.train(wanted, folder)
    return folder


def _train(kind: str, run: TrainConfig, folder: Path) -> None:
    if kind == SCORER:
        step_scorer.train(run, folder)
    else:
        PairJudgeRecipe().train(Run(config=run), folder)


def _newest(folder: Path) -> int:
    return max(checkpoint.steps(folder / "checkpoints"), default=0)


def _last_validations(folder: Path) -> list[dict[str, Any]]:
    """The records of a run's last validation, without its time."""
    records = [record for record in read_metrics(folder) if record["kind"] == "validation"]
    last = records[-1]["step"] if records else None
    return [
        {key: None if value != value else value for key, value in record.items() if key not in ("kind", "seconds")}
        for record in records if record["step"] == last
    ]  # fmt: skip
