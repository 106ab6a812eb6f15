"""A scorer's run killed with SIGKILL, while its solver learns or later, ends like the one that was left alone."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hrm_net import checkpoint
from tests.reward_victim import STEPS
from tests.test_kill import newest_step
from tests.test_training import assert_same, records

REPO = Path(__file__).resolve().parent.parent


def start(run_dir: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.reward_victim", str(run_dir)]
    return subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(run_dir: Path) -> checkpoint.Checkpoint:
    process = start(run_dir)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    found = checkpoint.load_newest(run_dir / "checkpoints")
    assert found is not None
    assert found.step == STEPS
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run_dir = tmp_path_factory.mktemp("whole") / "run"
    finish(run_dir)
    return run_dir


@pytest.mark.parametrize(("part", "step"), [("solver", 3), (".", 3), (".", 30)])
def test_killed_and_resumed(part: str, step: int, undisturbed: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    process = start(run_dir)
    while newest_step(run_dir / part) < step and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "the run ended before it was killed"

    resumed, whole = finish(run_dir), checkpoint.load_newest(undisturbed / "checkpoints")
    assert whole is not None
    assert_same(whole.tensors, resumed.tensors)
    assert_same(whole.state, resumed.state)
    assert records(undisturbed) == records(run_dir)
    assert {record["kind"] for record in records(run_dir)} == {"train", "validation"}
