"""Records of a run: exact over resumes and crashes, and wandb without and with a login."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_net.trainer.tracking import LoggerConfig, Tracker, read_metrics
from tests.paths import REPO

pytestmark = pytest.mark.slow

OFF = LoggerConfig()


def record(run_dir: Path, steps: range, resume_step: int = 0) -> bytes:
    with Tracker(run_dir, OFF, {}, resume_step) as tracker:
        for step in steps:
            tracker.log(step, kind="train", loss=step / 3)
            tracker.log(step, kind="validation", solve_rate=step / 7)
    return (run_dir / "metrics.jsonl").read_bytes()


def test_a_record_is_one_json_line_on_its_way_to_the_disk_at_once(tmp_path: Path) -> None:
    tracker = Tracker(tmp_path, OFF, {}, 0)
    tracker.log(
        5, kind="train", loss=0.1, rows=np.int64(3), norm=torch.tensor(2.5), by={"clues 30": [1, 0.5]}, best=None
    )
    tracker.log(6, loss=torch.tensor(float("nan")), peak=float("-inf"), text="größer\n")
    lines = (tmp_path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert lines[0] == (
        '{"step": 5, "kind": "train", "loss": 0.1, "rows": 3, "norm": 2.5, "by": {"clues 30": [1, 0.5]}, "best": null}'
    )
    assert json.loads(lines[1]) == {"step": 6, "loss": None, "peak": None, "text": "größer\n"}
    tracker.sync()
    tracker.close()
    assert read_metrics(tmp_path)[1]["text"] == "größer\n"


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 60))
def test_a_resumed_file_is_that_of_an_undisturbed_run_to_the_byte(
    tmp_path_factory: pytest.TempPathFactory, saved: int, ahead: int, torn: int
) -> None:
    """Killed `ahead` steps after the checkpoint of step `saved`, `torn` bytes into the next line."""
    whole = record(tmp_path_factory.mktemp("whole"), range(1, 15))
    run_dir = tmp_path_factory.mktemp("run")
    record(run_dir, range(1, saved + ahead + 1))
    with (run_dir / "metrics.jsonl").open("ab") as file:
        file.write(b'{"step": 9999, "kind": "train", "loss": 0.123456789012345678901234'[:torn])
    assert record(run_dir, range(saved + 1, 15), resume_step=saved) == whole
    assert sorted(path.name for path in run_dir.iterdir()) == ["metrics.jsonl"]


def test_a_file_that_is_not_ours_is_named_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    for line in ("nonsense", "[1]", '{"loss": 1}', '{"step": "one"}'):
        path.write_text('{"step": 1}\n' + line + "\n")
        with pytest.raises(ValueError, match=r"metrics\.jsonl: line 2 is not a record"):
            Tracker(tmp_path, OFF, {}, 1)
        assert path.read_text() == '{"step": 1}\n' + line + "\n"


def test_there_are_no_records_before_the_first(tmp_path: Path) -> None:
    assert read_metrics(tmp_path) == []
    Tracker(tmp_path, OFF, {}, 0).close()
    assert read_metrics(tmp_path) == []


@pytest.mark.parametrize("project", ["", "a/b", "50%"])
def test_a_project_that_wandb_refuses_is_refused_by_its_own_key(project: str) -> None:
    with pytest.raises(ValueError, match=rf"^logger\.project={project}: must be a name without any of "):
        LoggerConfig(project=project)


WANDB = """
import sys
from pathlib import Path
from hrm_net.trainer.tracking import LoggerConfig, Tracker

mode, resume_step, run_dir = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
try:
    logger = LoggerConfig(name="wandb", mode=mode or None, tags=("test",))
    with Tracker(run_dir, logger, {"lr": 0.1}, resume_step) as tracker:
        tracker.log(resume_step + 1, kind="train", loss=0.5)
except ValueError as error:
    print(error)
    sys.exit(2)
print("wandb" in sys.modules)
"""


def run_wandb(
    home: Path, mode: str, resume_step: int, run_dir: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """In a process that knows no login, and no server but one that nobody runs."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("WANDB") and key != "NETRC"}
    environment: dict[str, Any] = {**kept, "HOME": str(home), "WANDB_BASE_URL": "http://127.0.0.1:9", **variables}
    run_dir.mkdir(exist_ok=True)
    command = [sys.executable, "-c", WANDB, mode, str(resume_step), str(run_dir)]
    return subprocess.run(command, cwd=REPO, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_offline_needs_no_login_and_a_resumed_run_keeps_its_name(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    for resume_step in (0, 1):
        done = run_wandb(tmp_path, "offline", resume_step, run_dir)
        assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
    name = (run_dir / "wandb_id.txt").read_text().strip()
    folders = list((run_dir / "wandb").glob("offline-run-*"))
    assert len(folders) == 2
    assert all((folder / f"run-{name}.wandb").stat().st_size > 0 for folder in folders)
    assert [entry["step"] for entry in read_metrics(run_dir)] == [1, 2]


def test_online_without_login_says_at_once_what_to_do(tmp_path: Path) -> None:
    done = run_wandb(tmp_path, "online", 0, tmp_path / "run")
    expected = "logger.mode=online: nobody is logged in; run `wandb login`, or set logger.mode=offline\n"
    assert (done.returncode, done.stdout) == (2, expected), done.stderr
    assert list((tmp_path / "run").iterdir()) == []


def test_disabled_does_not_even_import_wandb(tmp_path: Path) -> None:
    done = run_wandb(tmp_path, "disabled", 0, tmp_path / "run")
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["metrics.jsonl"]


def test_the_environment_decides_where_the_logger_does_not(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    done = run_wandb(tmp_path, "", 0, run_dir, WANDB_MODE="offline", WANDB_DIR=str(tmp_path), WANDB_RUN_ID="chosen")
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
    assert len(list((tmp_path / "wandb").glob("offline-run-*/run-chosen.wandb"))) == 1
    for variables in ({"WANDB_MODE": "disabled"}, {"WANDB_DISABLED": "true"}):
        done = run_wandb(tmp_path, "", 0, tmp_path / "other", **variables)
        assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")
    done = run_wandb(tmp_path, "", 0, tmp_path / "other", WANDB_MODE="of")
    assert (done.returncode, done.stdout) == (2, "WANDB_MODE=of: must be one of online, offline, disabled\n")
