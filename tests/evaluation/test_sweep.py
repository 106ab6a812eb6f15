"""Tables of sweeps: means, intervals, and the runs that each number comes from."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from scipy import stats

from hrm_net.commands import report
from hrm_net.evaluation import sweep
from hrm_net.recipes import compose
from hrm_net.recipes.config import TrainConfig
from puzzles.errors import UserError
from tests.paths import REPO


def write_run(path: Path, seed: int, solved: float, lr: float = 0.1) -> Path:
    path.mkdir(parents=True)
    (path / "config.yaml").write_text(f"seed: {seed}\nname: sweep\noptim:\n  lr: {lr}\n")
    (path / "results.json").write_text(json.dumps({"sets": {"easy": {"solve_rate": solved}}}))
    records = [{"step": step, "kind": "train", "loss": 2.0 / step + seed, "seconds": step} for step in (1, 2, 3)]
    (path / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_the_interval_is_that_of_students_t():
    values = [0.2, 0.5, 0.9, 0.4]
    mean, interval = sweep.mean_and_interval(values)
    wanted = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean == pytest.approx(0.5)
    assert interval == pytest.approx((wanted.low, wanted.high))
    assert sweep.mean_and_interval([0.5]) == (0.5, None)


def test_a_report_has_every_number_with_its_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    runs = [write_run(tmp_path / "sweep" / str(i), seed, rate, lr) for i, (seed, rate, lr) in enumerate(
        [(0, 0.2, 0.1), (1, 0.4, 0.1), (0, 0.8, 0.3), (1, 0.6, 0.3)]
    )]  # fmt: skip
    for _ in range(2):  # the second time, * names the report of the first
        report.main([str(path) for path in sorted((tmp_path / "sweep").iterdir())])
    rows = json.loads((tmp_path / "sweep" / "report.json").read_text())
    assert [(row["setting"], row["set"], row["metric"]) for row in rows] == [
        ("optim.lr=0.1", "easy", "solve_rate"),
        ("optim.lr=0.3", "easy", "solve_rate"),
    ]
    assert rows[0]["mean"] == pytest.approx(0.3)
    assert rows[0]["runs"] == {str(runs[0]): 0.2, str(runs[1]): 0.4}
    assert f"[1] `{runs[0]}`" in capsys.readouterr().out
    assert (tmp_path / "sweep" / "curves.png").stat().st_size > 1000


def test_runs_that_cannot_be_reported_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    one, same = write_run(tmp_path / "a", 0, 0.1), write_run(tmp_path / "b", 0, 0.2)
    for paths, line in (([one, same], "has the seed 0 of"), ([tmp_path / "none"], "no such file")):
        with pytest.raises(SystemExit) as ended:
            report.main([str(path) for path in paths])
        assert ended.value.code == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert line in error


def test_the_sbatch_file_starts_torchrun_for_its_seed(tmp_path: Path):
    stub = tmp_path / "torchrun"
    stub.write_text('#!/bin/sh\necho "$@"\n')
    stub.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_ARRAY_TASK_ID": "2"}
    command = ["bash", str(REPO / "docs/sweep.sbatch"), "steps=5"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    wanted = "--standalone --nproc-per-node 8 train.py steps=5 seed=2 hydra.run.dir=runs/sweep/2"
    assert done.stdout.split() == wanted.split()


@pytest.mark.slow
def test_the_submitit_launcher_runs_a_sweep(tmp_path: Path):
    """By its local executor, which starts a process for each job. In a process of its own, because the checks of shapes
    in these tests cannot be pickled."""
    command = [
        sys.executable, str(REPO / "train.py"), "-m", "hydra/launcher=submitit_local", "hydra.launcher.timeout_min=5",
        "name=seeds", "seed=3", "puzzle=sudoku_4x4", "steps=1", "batch_size=2", "validation.every=0",
        "evaluate_puzzles=0", "device=cpu", "precision=fp32", "compile=false",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    run_dir = tmp_path / "runs" / "seeds" / "0"
    assert yaml.safe_load((run_dir / "config.yaml").read_text())["seed"] == 3
    assert (run_dir / "checkpoints" / "step_000001" / "manifest.json").is_file()


def test_a_launcher_that_is_not_installed_is_told_with_its_command(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(compose, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r'is not installed; run: pip install "hrm-net\[sweep\]"$'):
        compose.checked_overrides("train", ["hydra/launcher=submitit_slurm"], TrainConfig, sweep=True)
