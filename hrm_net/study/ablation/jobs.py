"""The jobs of the ablation: each arm and seed is trained and evaluated by the project's own commands.

A job's row is a JSON file, written last. A job that was stopped continues from the last checkpoint of its training.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hrm_net.progress import Progress
from hrm_net.study.ablation.arms import Arm, Budget, fingerprint
from hrm_net.trainer.session import Interrupt, interruptible, run_lock
from hrm_net.trainer.tracking import read_metrics
from puzzles.atomic_write import write_text
from puzzles.datasets import stamp
from puzzles.errors import UserError
from puzzles.text_input import read_json_object

Row = dict[str, Any]
POLL = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Ablation:
    """Which arms and seeds are run, with which pool, and on which files of real puzzles they are measured as well."""

    work: Path
    pool: Path
    real: tuple[Path, ...]
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    budget: Budget
    # Further overrides of every training, for a run at toy size.
    overrides: tuple[str, ...] = ()

    def jobs(self) -> list[tuple[Arm, int]]:
        """Seed by seed, so that after a part of the time every arm has a row."""
        return [(arm, seed) for seed in self.seeds for arm in self.arms]

    def inputs(self) -> dict[str, str]:
        """The hashes of what the rows depend on besides their arms. UserError for a file or pool that is missing."""
        for path in self.real:
            if not path.is_file():
                raise UserError(f"--real {path}: no such file")
        if not (self.pool / stamp.STAMP).is_file():
            command = f"python -m puzzles.sudoku.pool {self.pool} --puzzles 20000"
            raise UserError(f"--pool {self.pool}: no pool; make it: {command}")
        return {path.name: stamp.file_hash(path) for path in (self.pool / stamp.STAMP, *self.real)}

    def path(self, arm: Arm, seed: int) -> Path:
        return self.work / "rows" / f"{arm.name}-{seed}.json"

    def rows(self) -> dict[tuple[str, int], Row]:
        """The rows that are there and were made with these values, by the names of their arms and their seeds."""
        inputs, found = self.inputs(), {}
        for arm, seed in self.jobs():
            path = self.path(arm, seed)
            if path.is_file():
                row = read_json_object(path)
                if row.get("hash") == fingerprint(arm, self.budget, seed, inputs):
                    found[arm.name, seed] = row
        return found


def run(ablation: Ablation) -> None:
    """Make every row that is missing, one job at a time. SystemExit(143 or 130) on a signal, once the training that
    was running has saved its state; SystemExit(1) at the end if a job failed."""
    failed = []
    with run_lock(ablation.work), interruptible() as interrupt:
        done, jobs = ablation.rows(), ablation.jobs()
        with Progress("jobs", len(jobs), done=len(done)) as progress:
            for arm, seed in jobs:
                if (arm.name, seed) in done:
                    continue
                started = time.monotonic()
                try:
                    make_row(ablation, arm, seed, interrupt)
                except subprocess.CalledProcessError:
                    if interrupt.signal is not None:
                        print("stopped; the same command continues from there", flush=True)
                        raise SystemExit(interrupt.exit_code) from None
                    failed.append(arm.name)
                    progress.say(f"{arm.name} seed {seed}: failed; see {_folder(ablation, arm, seed) / 'log.txt'}")
                    continue
                progress.say(f"{arm.name} seed {seed}: {(time.monotonic() - started) / 60:.1f} min")
                progress.advance()
    if failed:
        print(f"{len(failed)} jobs failed ({', '.join(failed)}); the same command runs them again", flush=True)
        raise SystemExit(1)


def make_row(ablation: Ablation, arm: Arm, seed: int, interrupt: Interrupt) -> None:
    """Find out how many steps fit the budget, train for as many, evaluate, and write the row."""
    budget, folder = ablation.budget, _folder(ablation, arm, seed)
    folder.mkdir(parents=True, exist_ok=True)
    steps, seconds = _steps(ablation, arm, seed, interrupt)
    command = _training(ablation, arm, seed, steps, folder / "run")
    _call(["train", *command], folder, interrupt)
    results = []
    for number, chosen in enumerate(_chosen(ablation)):
        output = folder / f"results_{number}.json"
        asked = [
            f"run={folder / 'run'}", f"output={output}", "figures=false", f"puzzles={budget.puzzles}", "batch_size=64",
            f"max_segments={min(budget.segments)}", f"curve={list(budget.segments)}".replace(" ", ""), chosen,
        ]  # fmt: skip
        _call(["evaluate", *asked], folder, interrupt)
        results.append(read_json_object(output))
    row = {
        "arm": arm.name, "seed": seed, "hash": fingerprint(arm, budget, seed, ablation.inputs()),
        "steps": steps, "seconds_per_step": seconds, "command": "python train.py " + " ".join(command),
        **results[0], "sets": {name: found for result in results for name, found in result["sets"].items()},
    }  # fmt: skip
    write_text(ablation.path(arm, seed), json.dumps(row, allow_nan=False) + "\n")


def _chosen(ablation: Ablation) -> list[str]:
    """The sets of each evaluation, as an override."""
    generated = "sets={" + ", ".join(f"{name}: {targets}" for name, targets in ablation.budget.sets.items()) + "}"
    return [generated, *(f"data={path}" for path in ablation.real)]


def _folder(ablation: Ablation, arm: Arm, seed: int) -> Path:
    return ablation.work / arm.name / str(seed)


def _training(ablation: Ablation, arm: Arm, seed: int, steps: int, run_dir: Path) -> list[str]:
    return [
        f"name=ablation/{arm.name}_{seed}", f"hydra.run.dir={run_dir}", f"seed={seed}", f"steps={steps}",
        f"threads={ablation.budget.threads}", "device=cpu", "validation.every=0", "evaluate_puzzles=0",
        "checkpoint_every=100", f"data.path={ablation.pool}", *arm.overrides, *ablation.overrides,
    ]  # fmt: skip


def _steps(ablation: Ablation, arm: Arm, seed: int, interrupt: Interrupt) -> tuple[int, float]:
    """How many steps the arm makes in its minutes, and the seconds of one, as the second half of a short run tells.

    Measured once for each arm and seed and kept, so that a job that was stopped goes on with the same number.
    """
    folder, num = _folder(ablation, arm, seed), ablation.budget.probe_steps
    path = folder / "steps.json"
    if path.is_file():
        kept = read_json_object(path)
        return kept["steps"], kept["seconds_per_step"]
    probe = folder / "probe"
    each = [f"log_every={num // 2}", "checkpoint_every=0"]
    _call(["train", *_training(ablation, arm, seed, num, probe), *each], folder, interrupt)
    seconds = {row["step"]: row["seconds"] for row in read_metrics(probe) if row["kind"] == "train"}
    each_step = (seconds[num] - seconds[num // 2]) / (num - num // 2)
    steps = max(num, round(60 * ablation.budget.minutes / each_step))
    write_text(path, json.dumps({"steps": steps, "seconds_per_step": each_step}) + "\n")
    return steps, each_step


def _call(arguments: Sequence[str], folder: Path, interrupt: Interrupt) -> None:
    """Run `train` or `evaluate` in a process of its own; its output goes to a log. CalledProcessError if it fails."""
    name, *rest = arguments
    code = f"from hrm_net.cli import {name}; {name}()"
    with (folder / "log.txt").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *rest], stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        while process.poll() is None:
            if interrupt.signal is not None:
                process.send_signal(signal.SIGTERM)
                process.wait()
                break
            time.sleep(POLL)
    if process.returncode or interrupt.signal is not None:
        raise subprocess.CalledProcessError(process.returncode or interrupt.exit_code, name)
