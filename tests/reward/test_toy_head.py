"""A reward head is one file: a head that this file alone defines is trained, validated, evaluated and scored with."""

from pathlib import Path

import pytest
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hrm_net.checkpoints import checkpoint
from hrm_net.recipes import step_scorer as runs
from hrm_net.reward import StepScorer, aggregate
from hrm_net.reward.evaluation import evaluate
from hrm_net.reward.heads import HEADS, SINGLE_ROWS, Head
from hrm_net.reward.heads.base import Batch, labelled, mean_where
from puzzles import rng
from puzzles.registry import get
from tests.recipes.reward_victim import config
from tests.recipes.test_training import records

pytestmark = pytest.mark.slow


def hinge(logits: Float[Tensor, " rows"], batch: Batch, *, kind: str) -> Float[Tensor, ""]:
    """Squared hinge on the negated logit: positive says wrong."""
    rows = labelled(batch, merged=False)
    side = torch.where(rows, 1 - 2 * batch["label"].to(logits.dtype), 0.0)
    return mean_where((1 - side * logits).clamp(min=0).square(), rows)


def targets(batch: Batch) -> tuple[Bool[Tensor, " rows"], Bool[Tensor, " rows"]]:
    return labelled(batch, merged=False), batch["label"] < 0.5


TOY = Head(
    name="toy",
    needs=frozenset({SINGLE_ROWS}),
    aggregation="min",
    loss=hinge,
    targets=targets,
    score_logits=lambda logits: -logits,
)


def test_a_new_head_is_one_file_and_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"reward\.objectives\.0=toy: must be one of orm, prm, pqm, hier, cond"):
        config({"objectives": ["toy"]})
    monkeypatch.setitem(HEADS, "toy", TOY)
    run = config({"objectives": ["toy", "orm"]}, steps=8)
    runs.train(run, tmp_path / "run")
    looks = [record for record in records(tmp_path / "run") if record["kind"] == "validation"]
    assert [record["head"] for record in looks] == ["toy", "orm"]
    best = checkpoint.best(tmp_path / "run" / "checkpoints")
    assert best is not None
    found = evaluate(
        runs.load(best, run),
        runs.solution_source(run),
        {"few": {"clues": 6}},
        validation_puzzles=8,
        num_puzzles=3,
        candidates=2,
        batch_size=24,
        seed=0,
    ).sets["few"]
    assert set(found["heads"]) == {"toy", "orm"}

    scorer = StepScorer.from_pretrained(tmp_path / "run" / "scorer", objective="toy")
    problems, _ = get("sudoku", box="2x2").generate(rng(0, "test"), 1, clues=6)
    cell = int((problems[0] == 1).argmax())
    scores = scorer.score([problems[0]], [[[f"r{cell // 4 + 1}c{cell % 4 + 1}=2"]]])
    assert 0 <= aggregate(scores, TOY.aggregation)[0][0] <= 1
    assert scores.log_rewards[0][0][0] <= 0
