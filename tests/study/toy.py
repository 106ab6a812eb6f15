"""The jobs of a plan at toy size, as `hrm-study` starts them."""

from pathlib import Path

from hrm_net.study import command, jobs
from hrm_net.study.plans import Plan


def run_seed(plan: Plan, work: Path, seed: int = 0) -> Path:
    """Runs every job of the seed in this process; the directory of the runs."""
    for job in jobs.jobs(plan):
        if job.seed == seed:
            one = ["one", "--plan", plan.name, "--work", str(work), "--domain", job.domain.name, "--seed", str(seed)]
            command.main([*one, *(["--arm", job.arm.name] if job.arm else [])])
    return work
