"""One job of the second protocol: the start and the pools of a seed with the admission test, or one arm to its row."""

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import puzzles
from hrm_net.checkpoints import checkpoint
from hrm_net.recipes import solver, step_scorer
from hrm_net.reward.data.solutions import Solutions
from hrm_net.study import rows
from hrm_net.study.plans import BY_NAME, Arm, config, of_domain, overrides
from hrm_net.study.run import arm_folder, examples, pools_folder, scorer_of, stamp
from hrm_net.study.second import measure, pools
from hrm_net.study.second.plan import PrefixDomain, PrefixSizes
from hrm_net.study.second.scores import KeptScores
from puzzles.steps.rules import StepRules, step_rules


def start_folder(work: Path, domain: PrefixDomain) -> Path:
    """The solver that all arms and seeds of a core start from."""
    return work / "starts" / domain.core


def make_start(work: Path, domain: PrefixDomain, sizes: PrefixSizes, seed: int) -> rows.Row:
    """Fill the pools, admit them, and train the solver that the arms of the seed start from. UserError where counting
    and the rules win what is compared: nothing is trained then."""
    sizes, began = of_domain(sizes, domain), time.perf_counter()
    run = config(overrides(domain, sizes, seed, None, None))
    starting = config([*domain.start, "threads=1", "device=cpu"]) if domain.start else run
    pools.make(domain, sizes, seed, pools_folder(work, domain, seed))
    rules = step_rules(puzzles.get(**run.puzzle))
    found = measure.frame(
        rules, domain.name, _load(work, domain, seed, rules), _solutions(work, domain, sizes, seed, rules)
    )
    measured = time.perf_counter()
    wanted, folder = step_scorer.solver_config(starting), start_folder(work, domain)
    if max(checkpoint.steps(folder / "checkpoints"), default=0) < wanted.steps:
        solver.train(wanted, folder)
    return {
        "domain": domain.name, "arm": rows.FRAME, "seed": seed, "metrics": found,
        "seconds": {"training": time.perf_counter() - measured, "measuring": measured - began},
        **stamp(domain, sizes, seed, None),
    }  # fmt: skip


def make_row(work: Path, domain: PrefixDomain, sizes: PrefixSizes, seed: int, arm: Arm) -> rows.Row:
    """Train the arm, or continue where it stopped, and measure it. SIGTERM during training saves first (exit 143)."""
    sizes, began = of_domain(sizes, domain), time.perf_counter()
    trained = replace(arm, name="shared", head=",".join(_heads(domain))) if arm.name in domain.shared else arm
    changes = overrides(domain, sizes, seed, trained, start_folder(work, domain))
    run, folder = config(changes), arm_folder(work, domain, seed, trained)
    if max(checkpoint.steps(folder / "checkpoints"), default=0) < run.steps:
        step_scorer.train(run, folder)
    ended = time.perf_counter()
    scorer = scorer_of(run, folder, arm.head, domain.depth)
    solutions = _solutions(work, domain, sizes, seed, scorer.rules)
    load = _load(work, domain, seed, scorer.rules)
    if trained is arm:
        found = measure.measure(scorer, seed, load, solutions)
    else:
        kept = KeptScores(scorer, folder / f"scores_{run.steps}_{domain.depth}.npz")
        found = measure.measure(kept, seed, load, solutions)
        kept.save()
    row = {
        "domain": domain.name, "arm": arm.name, "experiment": arm.experiment, "seed": seed, "metrics": found,
        "examples": examples(folder), "updates": run.steps,
        "command": rows.training_command(changes, work),
        "seconds": {"training": ended - began, "measuring": time.perf_counter() - ended},
        **stamp(domain, sizes, seed, arm),
    }  # fmt: skip
    if trained is arm:
        shutil.rmtree(folder / "steps", ignore_errors=True)
    return row


def _heads(domain: PrefixDomain) -> list[str]:
    return [BY_NAME[name].head for name in domain.shared]


def _load(work: Path, domain: PrefixDomain, seed: int, rules: StepRules) -> Callable[[str], pools.Pool]:
    return cache(lambda name: pools.load(pools_folder(work, domain, seed) / f"{name}.npz", rules))


def _solutions(
    work: Path, domain: PrefixDomain, sizes: PrefixSizes, seed: int, rules: StepRules
) -> Callable[[str], tuple[Solutions, int]]:
    folder = pools_folder(work, domain, seed)
    return cache(lambda name: pools.complete(name, domain, sizes, seed, folder, rules))
