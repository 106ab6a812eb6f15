"""Real ARC tasks on two processes: a sharded puzzle table, and votes that are those of one process."""

import json
from pathlib import Path

import pytest

from tests.distributed.processes import run
from tests.distributed.test_equality import assert_same_curve, assert_same_weights
from tests.puzzles.arc.arc_folders import SIDE, two_folders

pytestmark = pytest.mark.slow

JOB = (
    "puzzle=arc", f"puzzle.canvas={SIDE}", "model=hrm_small", "model.hidden_size=8", "model.num_heads=2",
    "model.h_layers=1", "model.l_layers=1", "model.max_segments=2", "optim=adamw", "optim.grad_clip=0.1",
    "optim.puzzle_lr=0.01", "batch_size=6", "steps=6", "checkpoint_every=3", "log_every=1", "validation.every=0",
    "compile=false", "precision=fp32", "device=cpu", "threads=1", "data.augmentations=3", "evaluate_puzzles=0",
)  # fmt: skip


def test_a_sharded_table_learns_and_answers_as_a_replicated_one(tmp_path: Path):
    folder = two_folders(tmp_path)
    tasks = [f"data.tasks=[{folder}/training]", f"data.evaluation_tasks=[{folder}/evaluation]"]
    ways = {"one": (1, []), "sharded": (2, ["puzzle_table=sharded", "parallel=fsdp"])}
    for name, (size, changes) in ways.items():
        run(size, [*JOB, *tasks, *changes, f"hydra.run.dir={tmp_path}/{name}"], tmp_path / f"{name}_out")
    assert_same_curve(tmp_path / "one", tmp_path / "sharded", 1e-5)
    assert_same_weights(tmp_path / "one", tmp_path / "sharded", 1e-5)
    asked = [f"run={tmp_path}/sharded", "puzzles=2", "figures=false", "compile=false", "device=cpu", "precision=fp32"]
    for size in (1, 2):
        output = f"output={tmp_path}/{size}.json"
        run(size, [*asked, "max_segments=2", output], tmp_path / f"{size}_out", "evaluate")
    results = [json.loads((tmp_path / f"{size}.json").read_text())["sets"] for size in (1, 2)]
    for found in results:
        for metrics in found.values():
            del metrics["seconds"], metrics["questions_per_second"]
    assert results[0] == results[1]
    answers = [(tmp_path / f"{size}_submission.json").read_text() for size in (1, 2)]
    assert answers[0] == answers[1]
