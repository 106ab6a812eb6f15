"""Scorers are trained at random depths, so that thinking for longer does not hurt."""

from collections import Counter
from dataclasses import replace

import pytest
import torch

from hrm_net.data.config import DataConfig, Source, Stage
from hrm_net.recipes import step_scorer as runs
from hrm_net.recipes.config import TrainConfig
from hrm_net.reward import RewardModel, StepScorer
from hrm_net.reward.config import RewardConfig
from hrm_net.reward.data import prepare as data
from hrm_net.reward.data.batches import StepBatches
from hrm_net.reward.examples import Examples, grid_inputs
from hrm_net.reward.metrics.ranking import auroc
from hrm_net.reward.scoring import run_rows, to_scores
from hrm_net.reward.validation import validation_solutions
from hrm_net.trainer.optim import OptimConfig
from puzzles.errors import UserError
from puzzles.registry import get
from puzzles.steps.rows import StepRows, StepTrajectories
from puzzles.steps.rules import step_rules
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


@pytest.mark.slow
def test_training_at_random_depth_mends_a_scorer_that_long_thought_hurts() -> None:
    """The shipped weights were trained to two segments, and eight cost them a tenth of the AUROC. A few updates at
    random depth give most of it back; as many at two segments do not."""
    six = {"name": "sudoku", "box": "2x3"}
    run = config(
        {"objectives": ["prm"], "budget": 5, "cells_per_step": 4, "candidates": 2, "validation_candidates": 4},
        puzzle=six, batch_size=128,
        data=DataConfig(puzzles=150, curriculum=[Stage(mix=[Source(targets={"clues": [18, 22]})])]),
    )  # fmt: skip
    shipped = RewardModel.from_pretrained("scorer_6x6")
    run = replace(run, model=shipped.config.core, optim=OptimConfig(name="muon", lr=3e-3, warmup_steps=0))
    source = runs.solution_source(run, step_rules(get("sudoku", box="2x3")))
    examples = data.make(source).examples()
    exact = [one.trajectories(run.reward, exact=True) for one in validation_solutions(source, 30, exact=True)]
    rows = StepTrajectories.concatenate(exact).rows
    after = {}
    for most in (2, 8):
        after[most] = tuned(replace(run, reward=replace(run.reward, max_segments=most)), shipped, examples)
    deep = {name: auroc_at(model, rows, 8) for name, model in {"shipped": shipped, **after}.items()}
    assert deep["shipped"] < auroc_at(shipped, rows, 2) - 0.08
    assert deep[8] > max(deep["shipped"], deep[2]) + 0.03
    assert deep[8] > auroc_at(after[8], rows, 2) - 0.06


def tuned(run: TrainConfig, shipped: RewardModel, examples: Examples) -> RewardModel:
    """The shipped scorer's head `prm` after eight updates."""
    state = runs.build_state(run, torch.device("cpu"), torch.float32)
    known = shipped.state_dict()
    state.model.load_state_dict({name: known[name] for name in state.model.state_dict()})
    batches = StepBatches(examples, get("sudoku", box="2x3"), budget=5, batch_size=run.batch_size, seed=0)
    for step in range(8):
        runs.train_step(state, batches(step), run)
    return state.model


def auroc_at(model: RewardModel, rows: StepRows, segments: int) -> float:
    """Of single steps by `prm`, after so many segments."""
    logits = run_rows(model, grid_inputs(rows), segments=segments).logits["prm"]
    return auroc(to_scores("prm", logits), rows.label > 0.5)
