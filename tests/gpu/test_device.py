"""What must hold on a GPU: the same numbers as on a CPU, bf16, compiled blocks, sharding, attention, runs and answers.

These tests run where PyTorch finds CUDA. HRM_TEST_DEVICE=cpu runs them on a CPU, so that the tests themselves are
tested (benchmarks/gpu.py --device cpu --quick).
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

import puzzles
from hrm_net import cli, solver
from hrm_net.checkpoints import checkpoint
from hrm_net.distributed.group import Group
from hrm_net.distributed.sharding import shard_model
from hrm_net.model import HRM
from hrm_net.nn.attention import HAS_FLASH, attend
from hrm_net.nn.losses import segment_loss
from hrm_net.trainer.optim import OptimConfig, build_optimizers
from hrm_net.trainer.tracking import read_metrics
from tests.models import small_batch, small_model
from tests.paths import REPO
from tests.trainer.test_host_waits import runs, training

ASKED = os.environ.get("HRM_TEST_DEVICE", "cuda")
DEVICE = torch.device(ASKED)
MISSING = DEVICE.type == "cuda" and not torch.cuda.is_available()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(MISSING, reason="there is no CUDA device")]


def losses(
    model: HRM, device: torch.device, steps: int, dtype: torch.dtype | None = None, seed: int = 1
) -> list[float]:
    """The loss of each of some steps on the same puzzles, with AdamW."""
    model = model.to(device).train()
    model.forward_dtype = dtype
    optim = build_optimizers(model, OptimConfig(name="adamw", lr=3e-3, warmup_steps=0))
    rows = {key: value.to(device) for key, value in small_batch(model, 8).items()}
    generator, carry, found = torch.Generator().manual_seed(0), model.initial_carry(rows), []
    for _ in range(steps):
        carry, out = model(carry, rows, generator=generator)
        loss = segment_loss(out, carry.labels, "softmax").total / len(rows["inputs"])
        optim.zero_grad()
        loss.backward()
        optim.step(1.0)
        found.append(loss.item())
    return found


@pytest.mark.parametrize("variant", ["hrm", "trm_mixer", "grid", "symbols"])
def test_training_in_fp32_has_the_losses_of_a_cpu(variant: str):
    on_cpu = losses(small_model(variant), torch.device("cpu"), 4)
    assert losses(small_model(variant), DEVICE, 4) == pytest.approx(on_cpu, rel=2e-3)


def test_training_in_bf16_learns():
    found = losses(small_model("hrm"), DEVICE, 30, torch.bfloat16)
    assert found[-1] < 0.8 * found[0]


@pytest.mark.skipif(DEVICE.type == "cpu", reason="tests/nn compiles on a CPU")
def test_compiled_blocks_have_the_losses_of_eager_ones():
    model = small_model("hrm")
    model.compile_blocks()
    assert losses(model, DEVICE, 4) == pytest.approx(losses(small_model("hrm"), DEVICE, 4), rel=2e-3)


@pytest.mark.parametrize("backend", ["explicit", *(["flash"] if HAS_FLASH else [])])
def test_attention_backends_agree(backend: str):
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 4, 82, 64, generator=generator).to(DEVICE, torch.bfloat16) for _ in range(3))
    torch.testing.assert_close(attend(q, k, v, backend), attend(q, k, v, "sdpa"), rtol=2e-2, atol=2e-2)


def test_sharded_over_one_process_the_losses_stay(tmp_path: Path):
    backend = "nccl" if DEVICE.type == "cuda" else "gloo"
    dist.init_process_group(backend, store=dist.FileStore(str(tmp_path / "store"), 1), rank=0, world_size=1)
    try:
        model = small_model("hrm")
        shard_model(model, model.blocks(), DEVICE, Group())
        sharded = losses(model, DEVICE, 4)
    finally:
        dist.destroy_process_group()
    assert sharded == pytest.approx(losses(small_model("hrm"), DEVICE, 4), rel=1e-5)


def test_a_run_resumes_on_the_device(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    job = [
        "puzzle=sudoku_4x4", "batch_size=8", "validation.every=0", "evaluate_puzzles=0", "compile=false",
        f"device={ASKED}", "precision=bf16", f"hydra.run.dir={tmp_path}/run",
    ]  # fmt: skip
    cli.train([*job, "steps=2"])
    cli.train([*job, "steps=4"])
    assert "resuming" in capsys.readouterr().out
    found = checkpoint.load_newest(tmp_path / "run" / "checkpoints")
    assert found is not None
    assert found.step == 4
    assert all(torch.isfinite(tensor).all() for tensor in found.tensors.values())


@pytest.mark.skipif(DEVICE.type == "cpu", reason="a CPU never waits; tests/trainer counts what would")
@pytest.mark.parametrize("name", runs())
def test_a_training_step_does_not_wait_for_the_gpu(name: str):
    """What it waits for are copies that have left long before, by their events, which this mode allows."""
    job = training(runs()[name], DEVICE)
    for _ in range(3):
        job.update()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(4):
            job.update()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    record, _ = job.pop_metrics()
    assert record["loss"] > 0


@pytest.mark.skipif(DEVICE.type == "cpu", reason="there is no CUDA device; tests/trainer/test_graphs.py needs none")
def test_a_run_with_cuda_graphs_has_the_curve_of_an_eager_one(tmp_path: Path):
    """Q-learning with its second pass, in processes of their own: a compiler cannot look through checks of types."""
    job = [
        "puzzle=sudoku_4x4", "model=hrm_small", "model.hidden_size=64", "model.num_heads=2", "batch_size=32", "steps=8",
        "optim=adamw", "validation.every=4", "validation.puzzles=20", "evaluate_puzzles=0", "log_every=1",
        "device=cuda", "precision=fp32",
    ]  # fmt: skip
    curves = []
    for how in ("false", "graphs"):
        run_dir = tmp_path / how
        command = [sys.executable, str(REPO / "train.py"), *job, f"compile={how}", f"hydra.run.dir={run_dir}"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr[-2000:]
        curves.append([record["loss"] for record in read_metrics(run_dir) if record["kind"] == "train"])
    assert curves[1] == pytest.approx(curves[0], rel=5e-3)


def test_the_shipped_model_solves():
    sudoku = puzzles.get("sudoku")
    inputs, _ = sudoku.generate(puzzles.rng(0, "gpu test"), 4, clues=36)
    solution = solver.solve(HRM.from_pretrained("sudoku_9x9").to(DEVICE), sudoku, inputs)
    assert solution.solved.mean() >= 0.75
