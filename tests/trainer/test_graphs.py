"""`compile=graphs`: what CUDA graphs need of a segment, on a CPU, and who may not ask for them."""

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from hrm_net import cli
from hrm_net.nn.core import RecurrentCore
from hrm_net.recipes import solver
from hrm_net.trainer import device
from puzzles.errors import UserError
from tests.models import small_batch, small_model
from tests.paths import REPO
from tests.trainer import victim
from tests.trainer.test_host_waits import Q_LEARNING, training
from tests.trainer.whole_segments import QUIET

CPU = torch.device("cpu")


def losses(job: solver.SolverTraining, steps: int = 6) -> list[float]:
    found = []
    for _ in range(steps):
        job.update()
        found.append(job.pop_metrics()[0]["loss"])
    return found


@pytest.mark.slow
def test_a_segment_is_one_graph_with_the_same_results():
    """In training, with and without gradients, for every variant without noise."""
    command = [sys.executable, "-m", "tests.trainer.whole_segments"]
    found = subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=600)
    assert found.returncode == 0, found.stderr[-2000:]
    assert found.stdout.split() == QUIET


class Reused:
    """Segments whose results are overwritten when the next step begins, as CUDA graphs overwrite theirs."""

    def __init__(self) -> None:
        self.given: list[Tensor] = []

    def __call__(self, model: RecurrentCore, z_H: Tensor, z_L: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        found = model._segment(z_H, z_L, x)
        self.given += [one.detach() for one in found]
        return found

    def begin_step(self) -> None:
        for one in self.given:
            one.fill_(torch.nan)
        self.given.clear()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["symbols", "q_learning"])
def test_nothing_that_a_step_leaves_behind_lies_in_the_memory_of_a_graph(name: str, monkeypatch: pytest.MonkeyPatch):
    config = victim.config() if name == "symbols" else replace(victim.config(), model=Q_LEARNING)
    reused, begun = Reused(), []

    def begin() -> None:
        begun.append(len(reused.given))
        reused.begin_step()

    monkeypatch.setattr(torch, "compile", lambda function, **options: reused)
    monkeypatch.setattr(torch.compiler, "cudagraph_mark_step_begin", begin)
    job = training(config)
    job.model.compile_segment(mode="reduce-overhead")
    assert losses(job) == losses(training(config))
    passes = 2 if name == "q_learning" else 1
    assert begun == [0, *[2 * passes] * 5]


def test_evaluation_runs_the_segment_as_it_is(monkeypatch: pytest.MonkeyPatch):
    def never(*arguments: Any) -> Any:
        raise AssertionError("compiled for training alone")

    monkeypatch.setattr(torch, "compile", lambda function, **options: never)
    model = small_model("hrm").eval()
    model.compile_segment(mode="reduce-overhead")
    batch = small_batch(model)
    carry, _ = model(model.initial_carry(batch), batch)
    assert carry.z_H.isfinite().all()
    with pytest.raises(AssertionError):
        model.train()(model.initial_carry(batch), batch)


@pytest.mark.slow
def test_a_model_for_another_size_is_compiled_likewise(monkeypatch: pytest.MonkeyPatch):
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(torch, "compile", lambda function, **options: asked.append(options))
    model = training(victim.config()).model
    model.compile_segment(mode="reduce-overhead")
    twin = model.fitted(training(victim.config()).sizes.puzzle)
    assert twin is model
    assert asked == [{"dynamic": False, "mode": "reduce-overhead"}]


def test_without_cuda_it_is_refused_at_once(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        cli.train(["compile=graphs", "device=cpu"])
    assert ended.value.code == 2
    line = "error: compile=graphs: CUDA graphs need an NVIDIA GPU, and device=cpu; use compile=true"
    assert capsys.readouterr().err.strip() == line


def test_where_cuda_cannot_compile_the_line_says_why(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(device, "compile_obstacle", lambda where: "triton is not installed; run: pip install triton")
    with pytest.raises(UserError, match=r"^compile=graphs: triton is not installed; .*; or use compile=false$"):
        device.resolve_compile("graphs", torch.device("cuda"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["model=hrm_small", "model.noise=0.1"], "model.noise=0.1: must be 0 for compile=graphs"),
        (["parallel=fsdp"], "parallel=fsdp: must be ddp for compile=graphs"),
        (["experiment=reward_sudoku_6x6"], "must be [] for compile=graphs"),
        (["experiment=policy_4x4"], "must be null for compile=graphs"),
    ],
)
def test_what_has_no_static_shapes_is_refused(changes: list[str], message: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        cli.train([*changes, "compile=graphs"])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_noise_is_refused_by_the_model_too():
    with pytest.raises(UserError, match=r"^model\.noise=0\.01: must be 0"):
        small_model("random_start").compile_segment()
