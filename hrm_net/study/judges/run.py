"""One job of the study of judges: the pools of a seed, or the networks of an arm and their readings."""

import time
from pathlib import Path
from typing import Any

import puzzles
from hrm_net.study import rows
from hrm_net.study.judges import pools, train
from hrm_net.study.judges.measure import measure
from hrm_net.study.judges.plan import JudgeArm, JudgeDomain, JudgeSizes
from hrm_net.study.judges.read import Reader
from hrm_net.study.plans import Arm, of_domain
from hrm_net.study.run import stamp
from puzzles.steps.rules import step_rules

COUNTS = "counts"  # the name of counts and rules among the readings


def make_start(work: Path, domain: JudgeDomain, sizes: JudgeSizes, seed: int) -> rows.Row:
    """Fill the pools and admit them. UserError where counting wins."""
    sizes, began = of_domain(sizes, domain), time.perf_counter()
    folder = train.shared_folder(work, domain, seed) / "pools"
    pools.make(domain, sizes, seed, folder)
    rules = pools.source_of(domain, sizes, seed).rules
    found = pools.frame(rules, pools.loader(folder), domain.name)
    return {
        "domain": domain.name, "arm": rows.FRAME, "seed": seed, "metrics": found,
        "seconds": {"training": 0.0, "measuring": time.perf_counter() - began},
        **stamp(domain, sizes, seed, None),
    }  # fmt: skip


def make_row(work: Path, domain: JudgeDomain, sizes: JudgeSizes, seed: int, arm: Arm) -> rows.Row:
    """Train the networks of the arm, or continue where they stopped, and measure its readings, which the row holds
    under `readings`. SIGTERM during training saves first (exit 143)."""
    assert isinstance(arm, JudgeArm)
    sizes, began = of_domain(sizes, domain), time.perf_counter()
    trained, costs = {}, {}
    for network in arm.networks:
        run = train.train(work, domain, sizes, seed, network)
        trained[network.name] = run, train.network_folder(work, domain, seed, network)
        costs[network.name] = train.training_cost(run, sizes, network)
    ended = time.perf_counter()
    load = pools.loader(train.shared_folder(work, domain, seed) / "pools")
    found: dict[str, Any] = {}
    for network in arm.networks:
        run, folder = trained[network.name]
        model, puzzle = train.load(run, folder), puzzles.get(**run.puzzle)
        rules, traces = step_rules(puzzle), {}
        for reading in (one for one in arm.readings if one.network == network.name):
            reader = Reader(
                reading=reading, network=network, model=model, puzzle=puzzle, left=run.reward.budget - 1,
                games=sizes.batch_size, traces=traces,
            )  # fmt: skip
            figures = measure(reader, rules, load, sizes, seed, _fixed(found))
            found[reading.name] = figures | {
                "training_cost": costs[network.name], "parameters": sum(p.numel() for p in model.parameters()),
            }  # fmt: skip
    return {
        "domain": domain.name, "arm": arm.name, "seed": seed, "readings": found,
        "seconds": {"training": ended - began, "measuring": time.perf_counter() - ended},
        **stamp(domain, sizes, seed, arm),
    }  # fmt: skip


def _fixed(found: dict[str, Any]) -> list[float] | None:
    """The accuracies of the judge of fixed depth after every segment."""
    return found["fixed_8"]["by_segment"] if "fixed_8" in found else None


def by_reading(row: rows.Row) -> list[rows.Row]:
    """A row of an arm as one row for each reading; the row of what needs no arm as it is, and that of `COUNTS`."""
    if row["arm"] == rows.FRAME:
        return [row, row | {"arm": COUNTS, "metrics": row["metrics"]["counts"]}]
    return [row | {"arm": name, "metrics": metrics} for name, metrics in row["readings"].items()]
