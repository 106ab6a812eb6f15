"""A scorer's run killed with SIGKILL, while its solver learns or later, ends like the one that was left alone."""

import signal
import time
from pathlib import Path

import pytest

from hrm_net.checkpoints import checkpoint
from tests.recipes.reward_victim import STEPS
from tests.recipes.test_training import assert_same, records
from tests.trainer.test_kill import finish, newest_step, start

pytestmark = pytest.mark.slow

VICTIM = "tests.recipes.reward_victim"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run_dir = tmp_path_factory.mktemp("whole") / "run"
    finish(run_dir, VICTIM, STEPS)
    return run_dir


@pytest.mark.parametrize(("part", "step"), [("solver", 3), (".", 3), (".", 30)])
def test_killed_and_resumed(part: str, step: int, undisturbed: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    process = start(run_dir, VICTIM)
    while newest_step(run_dir / part) < step and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "the run ended before it was killed"

    resumed, whole = finish(run_dir, VICTIM, STEPS), checkpoint.load_newest(undisturbed / "checkpoints")
    assert whole is not None
    assert_same(whole.tensors, resumed.tensors)
    assert_same(whole.state, resumed.state)
    assert records(undisturbed) == records(run_dir)
    assert {record["kind"] for record in records(run_dir)} == {"train", "validation"}
