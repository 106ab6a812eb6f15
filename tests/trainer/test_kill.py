"""Runs killed with SIGKILL at random moments, in processes of their own, end like the one that was left alone."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from hrm_net.checkpoints import checkpoint
from tests.paths import REPO
from tests.recipes.test_training import assert_same, records
from tests.trainer.victim import STEPS

pytestmark = pytest.mark.slow


def start(run_dir: Path, victim: str = "tests.trainer.victim") -> subprocess.Popen:
    command = [sys.executable, "-m", victim, str(run_dir)]
    return subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(run_dir: Path, victim: str = "tests.trainer.victim", steps: int = STEPS) -> checkpoint.Checkpoint:
    process = start(run_dir, victim)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    found = checkpoint.load_newest(run_dir / "checkpoints")
    assert found is not None
    assert found.step == steps
    return found


def newest_step(run_dir: Path) -> int:
    names = [path.name for path in (run_dir / "checkpoints").glob("step_*")] if run_dir.exists() else []
    return max((int(name.removeprefix("step_")) for name in names), default=0)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run_dir = tmp_path_factory.mktemp("whole") / "run"
    finish(run_dir)
    return run_dir


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_a_random_moment(seed: int, undisturbed: Path, tmp_path: Path):
    chance, run_dir = random.Random(seed), tmp_path / "run"
    process = start(run_dir)
    wanted = chance.randrange(3, STEPS - 20)
    while newest_step(run_dir) < wanted and process.poll() is None:
        time.sleep(0.002)
    time.sleep(chance.uniform(0, 0.05))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "the run ended before it was killed"
    assert 0 < newest_step(run_dir) < STEPS

    resumed = finish(run_dir)
    whole = checkpoint.load_newest(undisturbed / "checkpoints")
    assert whole is not None
    assert_same(whole.tensors, resumed.tensors)
    assert_same(whole.state, resumed.state)
    assert records(undisturbed) == records(run_dir)
    assert any(isinstance(tensor, torch.Tensor) for tensor in resumed.tensors.values())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_polite_signal_saves_where_it_was(number: signal.Signals, code: int, tmp_path: Path):
    run_dir = tmp_path / "run"
    process = start(run_dir)
    while newest_step(run_dir) < 6 and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(number)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    assert f"stopped by {number.name} at step {newest_step(run_dir)}" in out
    assert errors == ""
