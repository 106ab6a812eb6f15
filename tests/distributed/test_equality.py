"""Runs of 1, 2 and 4 processes have the same curve and the same weights, up to the order of sums in fp32."""

import json
from pathlib import Path

import numpy as np
import pytest

from hrm_net.checkpoints import checkpoint
from hrm_net.trainer.throughput import RATES
from tests.distributed.processes import TINY, run

pytestmark = pytest.mark.slow

Q_LEARNING = (
    "puzzle=sudoku_4x4", "model=hrm_small", "model.hidden_size=32", "model.num_heads=2", "model.h_layers=1",
    "model.l_layers=1", "data.puzzles=16", "optim=adam_atan2", "optim.lr=1e-4", "optim.grad_clip=0.5", "steps=8",
)  # fmt: skip
# The hypotheses about a puzzle, random starts and noise draw for the rows of the whole batch. After four updates the
# relational block answers some cells with two equal logits, of which the last bit decides; the other block does not.
NOISE = (
    "puzzle=sudoku_4x4", "model=symbols", "optim=adamw", "optim.lr=1e-4", "model.state=random", "model.noise=0.05",
    "hypotheses=2", "steps=4", "validation.every=4", "validation.puzzles=10",
)  # fmt: skip
SCORER = (
    "experiment=reward_sudoku_6x6", "model.hidden_size=16", "data.puzzles=12", "batch_size=32",
    "reward.solver_steps=2", "validation.every=4", "validation.puzzles=3", "optim=adamw", "optim.lr=1e-4", "steps=4",
)  # fmt: skip
# The default job but for its size and rate. Muon orthogonalises in bf16, where the last bit of a gradient shows: by how
# much grows with the rate.
DEFAULT = ("puzzle=sudoku_4x4", "optim.lr=1e-3", "validation.every=0", "steps=5")


def curve(run_dir: Path) -> list[dict]:
    """Every record but for its time."""
    lines = (run_dir / "metrics.jsonl").read_text().splitlines()
    timed = {"seconds", *RATES}
    return [{key: value for key, value in json.loads(line).items() if key not in timed} for line in lines]


def assert_same_curve(one: Path, other: Path, tolerance: float) -> None:
    records, others = curve(one), curve(other)
    assert len(records) == len(others) > 0
    for record, again in zip(records, others, strict=True):
        assert record.keys() == again.keys()
        for key, value in record.items():
            if isinstance(value, float):
                assert again[key] == pytest.approx(value, rel=tolerance, abs=tolerance), (record["step"], key)
            else:
                assert again[key] == value, (record["step"], key)


def assert_same_weights(one: Path, other: Path, tolerance: float) -> None:
    found = [checkpoint.load_newest(run_dir / "checkpoints") for run_dir in (one, other)]
    assert found[0] is not None
    assert found[1] is not None
    for name, tensor in found[0].tensors.items():
        np.testing.assert_allclose(found[1].tensors[name], tensor, rtol=0, atol=tolerance, err_msg=name)


@pytest.mark.parametrize(
    ("job", "ways", "curves", "weights"),
    [
        (Q_LEARNING, ((2, "fsdp"), (4, "ddp")), 1e-5, 1e-5),
        (NOISE, ((2, "ddp"),), 1e-5, 1e-4),
        (SCORER, ((2, "ddp"), (4, "fsdp")), 1e-5, 1e-4),
        (DEFAULT, ((2, "ddp"), (4, "fsdp")), 1e-4, 1e-3),
    ],
    ids=["q-learning and a table", "noise and hypotheses", "step scorer", "default"],
)
def test_the_curve_does_not_depend_on_the_processes(
    job: tuple[str, ...], ways: tuple[tuple[int, str], ...], curves: float, weights: float, tmp_path: Path
):
    for size, parallel in ((1, "ddp"), *ways):
        asked = [*TINY, *job, f"parallel={parallel}", f"hydra.run.dir={tmp_path}/{size}"]
        run(size, asked, tmp_path / f"{size}_out")
    for size, _ in ways:
        assert_same_curve(tmp_path / "1", tmp_path / str(size), curves)
        assert_same_weights(tmp_path / "1", tmp_path / str(size), weights)


def test_evaluation_is_the_same_to_the_last_bit(tmp_path: Path):
    run_dir = tmp_path / "run"
    run(1, [*TINY, *NOISE, f"hydra.run.dir={run_dir}"], tmp_path / "out")
    for size in (1, 2, 4):  # 20 puzzles are three batches of 8: two ranks share them unequally, one of four has none
        output = f"output={tmp_path}/{size}.json"
        asked = [f"run={run_dir}", "puzzles=20", "batch_size=8", "max_segments=4", "curve=[1,4]", "figures=false"]
        run(size, [*asked, "compile=false", "device=cpu", output], tmp_path / f"{size}_out", "evaluate")
    found = [json.loads((tmp_path / f"{size}.json").read_text())["sets"] for size in (1, 2, 4)]
    for sets in found:
        for metrics in sets.values():
            del metrics["seconds"], metrics["puzzles_per_second"]
    assert found[0] == found[1] == found[2]
