"""`torchrun --max-restarts`: a rank that is killed, and the processes that its launcher starts in place of all."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.distributed.processes import CONTEXT, TINY, run
from tests.distributed.test_equality import Q_LEARNING, assert_same_curve

pytestmark = pytest.mark.slow

JOB = (*TINY, *Q_LEARNING, "steps=12", "checkpoint_every=4")


def launch(arguments: list[str], output: Path) -> None:
    """What `torchrun --standalone --nproc-per-node 2 --max-restarts 1 train.py ...` runs after it has read its options,
    with a function for the script, so that the package is imported once."""
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    with output.open("wb") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    config = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=2, max_restarts=1, rdzv_backend="c10d", rdzv_endpoint="localhost:0",
        run_id="restart", start_method="fork", monitor_interval=0.1,
    )  # fmt: skip
    elastic_launch(config, rank)(arguments)


def rank(arguments: list[str]) -> None:
    """One rank. In the first round, rank 1 is killed in step 7."""
    from hrm_net import cli
    from hrm_net.recipes.solver import SolverTraining

    update = SolverTraining.update

    def dies(self: SolverTraining) -> None:
        if self.state.step == 6 and os.environ["RANK"] == "1" and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
            os.kill(os.getpid(), signal.SIGKILL)
        update(self)

    SolverTraining.update = dies
    sys.argv = ["train.py"]
    cli.train(arguments)


def test_the_launcher_restarts_all_and_they_go_on_from_the_checkpoint(tmp_path: Path):
    run(1, [*JOB, f"hydra.run.dir={tmp_path}/whole"], tmp_path / "whole_out")
    output = tmp_path / "out.txt"
    launcher = CONTEXT.Process(target=launch, args=([*JOB, f"hydra.run.dir={tmp_path}/run"], output))
    launcher.start()
    launcher.join(180)
    launcher.kill()
    text = output.read_text()
    assert launcher.exitcode == 0, text
    assert f"resuming {tmp_path}/run at step 4 of 12" in text
    assert text.count("died; the same command goes on") == 1
    assert_same_curve(tmp_path / "whole", tmp_path / "run", 1e-5)
