"""Scorers are trained at random depths, so that thinking for longer does not hurt."""

from collections import Counter
from dataclasses import replace

import pytest
import torch

from hrm_net.recipes import step_scorer as runs
from hrm_net.reward import RewardModel, StepScorer
from hrm_net.reward.config import RewardConfig
from puzzles.errors import UserError
from puzzles.registry import get
from tests.recipes.reward_victim import config
from tests.reward.rewarding import toy_batch


def test_half_of_the_updates_start_afresh_and_the_others_at_every_depth() -> None:
    reward = RewardConfig(objectives=["prm"], segments=2)
    drawn = Counter(runs.earlier_segments(reward, 0, step) for step in range(2000))
    assert drawn.keys() == set(range(7))  # up to 6 + 2 segments, four times as many as the scorer runs
    assert 0.45 < drawn[0] / 2000 < 0.55
    assert all(0.06 < drawn[depth] / 2000 < 0.11 for depth in range(1, 7))
    assert runs.earlier_segments(reward, 0, 7) == runs.earlier_segments(reward, 0, 7)
    assert any(runs.earlier_segments(reward, 0, step) != runs.earlier_segments(reward, 1, step) for step in range(20))
    shallow = replace(reward, max_segments=2)
    assert {runs.earlier_segments(shallow, 0, step) for step in range(50)} == {0}


@pytest.mark.parametrize("earlier", [0, 3])
def test_earlier_segments_have_no_gradient_and_no_loss(earlier: int, monkeypatch: pytest.MonkeyPatch) -> None:
    run = config({"max_segments": 5})
    state = runs.build_state(run, torch.device("cpu"), torch.float32)
    batch = toy_batch()
    batch = {key: values.clamp(max=3) if key == "left" else values for key, values in batch.items()}
    learned = []
    state.model.register_forward_hook(lambda *_: learned.append(torch.is_grad_enabled()))
    monkeypatch.setattr(runs, "earlier_segments", lambda *_: earlier)
    runs.train_step(state, batch, run)
    assert learned == [False] * earlier + [True] * 2


def test_a_scorer_refuses_depths_that_it_was_not_trained_to() -> None:
    wanted = runs.model_config(config({"segments": 2, "max_segments": 3}))
    model = RewardModel(wanted, torch.Generator().manual_seed(0))
    puzzle = get("sudoku", box="2x2")
    assert StepScorer(model, puzzle, "prm", segments=3).segments == 3
    with pytest.raises(UserError, match=r"segments=4: must be at most 3, to which .*; untrained_depth=True allows"):
        StepScorer(model, puzzle, "prm", segments=4)
    assert StepScorer(model, puzzle, "prm", segments=4, untrained_depth=True).segments == 4
    assert StepScorer.from_pretrained("scorer_6x6", objective="prm").segments == 2
    with pytest.raises(UserError, match="segments=8: must be at most 2"):
        StepScorer.from_pretrained("scorer_6x6", segments=8)
    assert runs.model_config(config()).max_segments == 8
