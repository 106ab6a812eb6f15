"""Judges and scorers of texts on two processes: the curve, and the evaluation at the end, of one."""

import json
from pathlib import Path

import numpy as np
import pytest

from hrm_net.reward.formats import jsonl, prm800k
from hrm_net.reward.formats.prm800k import Completion, RatedStep, Record
from tests.distributed.processes import TINY, run
from tests.distributed.test_equality import assert_same_curve, assert_same_weights

pytestmark = pytest.mark.slow

# Rollouts of the halting head and the judge that it must not stray from; sharded, this one is a copy made whole.
JUDGE = (
    "experiment=pair_sudoku_6x6", "optim=adamw", "optim.lr=1e-4", "data.puzzles=12", "validation.puzzles=4",
    "reward.solver_steps=1", "reward.segments=2", "reward.pair.steps=[2,2]", "reward.pair.games=1", "steps=4",
    "reward.pair.halting=grpo", "reward.pair.warmup=0.5", "reward.pair.rollouts=4", "reward.pair.mean_segments=2",
    "batch_size=8", "validation.every=4",
)  # fmt: skip
TEXT = (
    "experiment=reward_text", "puzzle.length=32", "model.hidden_size=16", "model.num_heads=2", "model.max_segments=2",
    "steps=3", "validation.every=3", "evaluate_puzzles=1",
)  # fmt: skip


def rated(path: Path) -> Path:
    """A file of 30 rated solutions."""
    rng = np.random.default_rng(0)

    def step() -> RatedStep:
        found = [Completion(text=f"{'yes' if good else 'no'} {rng.integers(99)}", rating=good) for good in (1, -1, 0)]
        return RatedStep(completions=found, human=None, chosen=0)

    records = [
        Record(problem=f"question {i}", answer="1", steps=[step(), step()], finish_reason="solution") for i in range(30)
    ]
    jsonl.write(path, [prm800k.row(record) for record in records])
    return path


@pytest.mark.parametrize(
    ("job", "parallel"), [(JUDGE, "fsdp"), (TEXT, "ddp")], ids=["judge, sharded", "scorer of texts"]
)
def test_two_processes_learn_and_find_what_one_does(job: tuple[str, ...], parallel: str, tmp_path: Path):
    texts = [f"reward.text.path={rated(tmp_path / 'rated.jsonl')}"] if job is TEXT else []
    for size, way in ((1, "ddp"), (2, parallel)):
        asked = [*TINY, *job, *texts, f"parallel={way}", f"hydra.run.dir={tmp_path}/{size}"]
        run(size, asked, tmp_path / f"{size}_out")
    assert_same_curve(tmp_path / "1", tmp_path / "2", 1e-4)
    assert_same_weights(tmp_path / "1", tmp_path / "2", 1e-4)
    if job is TEXT:
        results = [json.loads((tmp_path / str(size) / "results.json").read_text())["sets"] for size in (1, 2)]
        assert results[0].keys() == results[1].keys() != set()
