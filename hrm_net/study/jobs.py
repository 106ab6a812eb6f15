"""The jobs of a plan: their order, which are done, and running the others, each in a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hrm_net.progress import Progress
from hrm_net.study import rows
from hrm_net.study.plans import BY_NAME, Arm, Domain, Plan
from hrm_net.trainer.session import interruptible, run_lock
from puzzles.errors import UserError

POLL = 0.5
# One thread a process: the workers share the cores.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """An arm; or None: what the arms of a seed start from and are measured on, which must be done first."""

    domain: Domain
    seed: int
    arm: Arm | None

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def name(self) -> str:
        return f"{self.domain.name} seed {self.seed} {self.arm.name if self.arm else 'start and pools'}"


def jobs(plan: Plan) -> list[Job]:
    """Seed by seed, so that after a part of the time whole seeds are done; the deciding domain comes first."""
    return [
        Job(domain=domain, seed=seed, arm=arm)
        for domain in plan.domains
        for seed in domain.seeds
        for arm in (None, *plan.arms_of(domain))
    ]


def job(plan: Plan, domain: str, seed: int, arm: str | None) -> Job:
    """The job of these names. UserError for a name that the plan does not have."""
    domains = {one.name: one for one in plan.domains}
    if domain not in domains:
        raise UserError(f"domain={domain}: must be one of {', '.join(domains)}")
    arms = BY_NAME | {one.name: one for one in plan.arms}
    if arm is not None and arm not in arms:
        raise UserError(f"arm={arm}: must be one of {', '.join(arms)}")
    return Job(domain=domains[domain], seed=seed, arm=arms[arm] if arm else None)


def row_of(one: Job, plan: Plan, work: Path) -> rows.Row | None:
    """The job's row, if it was made with the values of this plan."""
    row = rows.read(rows.path_of(work / "rows", one.domain, one.seed, one.arm))
    wanted = rows.fingerprint(one.domain, plan.sizes, one.seed, one.arm)
    return row if row is not None and row["hash"] == wanted else None


def done(plan: Plan, work: Path) -> dict[Job, rows.Row]:
    found = {one: row_of(one, plan, work) for one in jobs(plan)}
    return {one: row for one, row in found.items() if row is not None}


def seconds_left(todo: list[Job], finished: dict[Job, rows.Row], workers: int) -> float | None:
    """Estimated from finished jobs, of the same domain and arm if possible; None before the first has finished."""
    took = {one: sum(row["seconds"].values()) for one, row in finished.items()}

    def guess(one: Job) -> float | None:
        kinds = (
            [s for other, s in took.items() if (other.domain, other.arm) == (one.domain, one.arm)],
            [s for other, s in took.items() if (other.arm is None) == (one.arm is None)],
            list(took.values()),
        )
        return next((sum(kind) / len(kind) for kind in kinds if kind), None)

    guesses = [guess(one) for one in todo]
    return None if None in guesses else sum(seconds for seconds in guesses if seconds) / workers


@dataclass(slots=True)
class _Running:
    one: Job
    process: subprocess.Popen
    log: Path
    began: float = field(default_factory=time.monotonic)


def run(plan: Plan, work: Path, workers: int = 2) -> None:
    """Run every job that has no row yet. SystemExit(143 or 130) on a signal, once the running jobs have saved their
    state; SystemExit(1) at the end if a job failed."""
    with run_lock(work), interruptible() as interrupt:
        todo = [one for one in jobs(plan) if row_of(one, plan, work) is None]
        finished = done(plan, work)
        total = len(jobs(plan))
        failed: list[Job] = []
        running: list[_Running] = []
        print(f"{len(finished)} of {total} jobs are done; {len(todo)} left, {workers} at a time", flush=True)
        with Progress("jobs", total, done=len(finished)) as progress:
            while (todo or running) and interrupt.signal is None:
                for ended in [one for one in running if one.process.poll() is not None]:
                    running.remove(ended)
                    row = row_of(ended.one, plan, work) if ended.process.returncode == 0 else None
                    if row is None:
                        failed.append(ended.one)
                        todo = [one for one in todo if not _needs(one, ended.one)]
                        progress.say(f"{ended.one.name}: failed; see {ended.log}")
                        continue
                    finished[ended.one] = row
                    left = seconds_left([*todo, *(other.one for other in running)], finished, workers)
                    progress.say(f"{len(finished)}/{total} {_line(ended, left)}")
                    progress.advance()
                while len(running) < workers and (ready := next(_ready(todo, [r.one for r in running]), None)):
                    todo.remove(ready)
                    running.append(_start(ready, plan, work))
                time.sleep(POLL)
        for one in running:
            one.process.send_signal(signal.SIGTERM)
        for one in running:
            one.process.wait()
        if interrupt.signal is not None:
            print(f"stopped by {interrupt.signal.name}; the same command continues from there", flush=True)
            raise SystemExit(interrupt.exit_code)
        if failed:
            print(f"{len(failed)} jobs failed; the same command runs them again", flush=True)
            raise SystemExit(1)


def _needs(one: Job, other: Job) -> bool:
    return other.arm is None and (one.domain, one.seed) == (other.domain, other.seed)


def _ready(todo: list[Job], running: list[Job]) -> Iterator[Job]:
    """Jobs that can start: the start of their seed is neither waiting nor running."""
    starts = [one for one in (*todo, *running) if one.arm is None]
    return (one for one in todo if one.arm is None or not any(_needs(one, start) for start in starts))


def _start(one: Job, plan: Plan, work: Path) -> _Running:
    log = work / "logs" / f"{rows.path_of(Path(), one.domain, one.seed, one.arm).stem}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable, "-m", "hrm_net.study.command", "one", "--plan", plan.name, "--work", str(work),
        "--domain", one.domain.name, "--seed", str(one.seed), *(["--arm", one.arm.name] if one.arm else []),
    ]  # fmt: skip
    with log.open("a") as file:
        # A group of its own: Ctrl-C in a terminal reaches it through us alone.
        process = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env={**os.environ, **ENVIRONMENT}, start_new_session=True
        )
    return _Running(one, process, log)


def _line(ended: _Running, left: float | None) -> str:
    told = f"{ended.one.name}: {(time.monotonic() - ended.began) / 60:.1f} min"
    return told if left is None else f"{told}, {left / 60:.0f} min left"
