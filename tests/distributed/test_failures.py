"""What goes wrong on one rank ends all of them within seconds, with one line that says what it was."""

import os
import signal
import socket
import time
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from hrm_net.distributed.group import Group
from hrm_net.distributed.launch import joined
from puzzles.errors import UserError
from tests.distributed.processes import TINY, Ranks, run
from tests.distributed.test_equality import Q_LEARNING, assert_same_curve

LONG = (*TINY, *Q_LEARNING, "steps=40", "checkpoint_every=10")


def wait_for_a_checkpoint(run_dir: Path, ranks: Ranks) -> None:
    while not list(run_dir.glob("checkpoints/step_*")) and all(process.is_alive() for process in ranks.processes):
        time.sleep(0.01)


@pytest.mark.slow
def test_a_killed_rank_ends_the_others_and_another_number_of_shards_goes_on(tmp_path: Path):
    run(1, [*LONG, f"hydra.run.dir={tmp_path}/whole"], tmp_path / "whole_out")
    run_dir = tmp_path / "run"
    sharded = [*LONG, "parallel=fsdp", f"hydra.run.dir={run_dir}"]
    ranks = Ranks(2, [sharded] * 2, tmp_path / "killed")
    wait_for_a_checkpoint(run_dir, ranks)
    victim = ranks.processes[1].pid
    assert victim is not None
    os.kill(victim, signal.SIGKILL)
    started = time.monotonic()
    assert ranks.codes() == [1, -signal.SIGKILL], ranks.texts()
    assert time.monotonic() - started < 15
    assert len(ranks.errors()) == 1
    assert f"rank 1 (process {victim} on {socket.gethostname()}) died" in ranks.errors()[0]

    again = run(4, sharded, tmp_path / "again")
    assert "resuming" in again.texts()[0]
    assert again.texts()[1:] == ["", "", ""]
    assert_same_curve(tmp_path / "whole", run_dir, 1e-4)


@pytest.mark.slow
def test_sigterm_to_any_rank_saves_once(tmp_path: Path):
    run_dir = tmp_path / "run"
    ranks = Ranks(2, [[*LONG, "steps=2000", f"hydra.run.dir={run_dir}"]] * 2, tmp_path / "out")
    wait_for_a_checkpoint(run_dir, ranks)
    ranks.processes[1].terminate()
    assert ranks.codes() == [143, 143], ranks.texts()
    newest = max(int(path.name[5:]) for path in run_dir.glob("checkpoints/step_*"))
    assert f"stopped by SIGTERM at step {newest};" in ranks.texts()[0]
    assert ranks.texts()[1] == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ([["batch_size=9"], ["batch_size=9"]], "error: batch_size=9: must be a multiple of 2, the number of processes"),
        ([["seed=0"], ["seed=1"]], "differs from rank 0: seed: 0 -> 1"),
        ([["steps=8"], ["step=8"]], "error: rank 1: step=8: unknown key"),
    ],
    ids=["batch does not divide", "different configurations", "one rank alone"],
)
def test_bad_input_is_one_line_and_exit_code_2(changes: list[list[str]], line: str, tmp_path: Path):
    common = [*TINY, *Q_LEARNING, f"hydra.run.dir={tmp_path}/run"]
    ranks = Ranks(2, [[*common, *own] for own in changes], tmp_path / "out")
    assert ranks.codes() == [2, 2], ranks.texts()
    assert len(ranks.errors()) == 1, ranks.texts()
    assert line in ranks.errors()[0]
    assert not (tmp_path / "run" / "checkpoints").exists()


def launched(monkeypatch: pytest.MonkeyPatch, **changes: str) -> None:
    variables = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}
    for key, value in (variables | changes).items():
        monkeypatch.setenv(key, value)


def test_a_port_in_use_is_named(monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        launched(monkeypatch, MASTER_PORT=str(port))
        with pytest.raises(UserError, match=f"MASTER_PORT={port}: in use"), joined():
            pass


def test_what_a_launcher_forgot_is_named(monkeypatch: pytest.MonkeyPatch):
    launched(monkeypatch, MASTER_PORT="")
    with pytest.raises(UserError, match="MASTER_PORT: not set beside WORLD_SIZE"), joined():
        pass


def test_a_missing_backend_is_named(monkeypatch: pytest.MonkeyPatch):
    launched(monkeypatch)
    monkeypatch.setattr(dist, "is_gloo_available", lambda: False)
    with pytest.raises(UserError, match="has no gloo backend"), joined():
        pass
    monkeypatch.setattr(dist, "is_nccl_available", lambda: False)
    with pytest.raises(UserError, match="device=cuda: 2 processes need NCCL"):
        Group(rank=0, size=2).check_device(torch.device("cuda"))
    with pytest.raises(UserError, match="device=mps: 2 processes need a backend"):
        Group(rank=0, size=2).check_device(torch.device("mps"))


def test_without_a_launcher_nothing_is_joined(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined() as group:
        assert group is None
        assert not dist.is_initialized()
