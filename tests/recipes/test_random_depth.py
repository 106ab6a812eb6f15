"""Scorers are trained at random depths, so that thinking for longer does not hurt."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

import puzzles
from hrm_net.recipes import step_scorer as runs
from hrm_net.reward import RewardModel, StepScorer
from hrm_net.reward.baseline import cross_validated
from hrm_net.reward.config import PolicyConfig, RewardConfig
from hrm_net.reward.data.solutions import build_policy, sample
from hrm_net.reward.examples import grid_inputs
from hrm_net.reward.metrics.ranking import auroc
from hrm_net.reward.scoring import run_rows, to_scores
from puzzles import splits
from puzzles.base import Puzzle
from puzzles.errors import UserError
from puzzles.registry import get
from puzzles.steps.rows import StepRows
from puzzles.steps.rules import step_rules
from puzzles.steps.visible import counts_and_rules
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
    with pytest.raises(UserError, match="segments=9: must be at most 8"):
        StepScorer.from_pretrained("scorer_6x6", segments=9)
    assert runs.model_config(config()).max_segments == 8


@pytest.mark.slow
def test_the_shipped_scorer_gains_by_longer_thought_and_serves_a_size_it_never_saw() -> None:
    """Two segments have a gradient; four times as many do no harm. Its weights hold no cell of 6x6 Sudoku."""
    shipped = StepScorer.from_pretrained("scorer_6x6", objective="prm")
    rows, places = steps(shipped.puzzle, {"clues": [10, 22]}, budget=7)
    found = {segments: auroc_at(shipped.model, rows, segments) for segments in (1, 2, 4, 8)}
    counted = auroc(cross_validated(counts_and_rules(shipped.rules, rows), rows.label > 0.5, places), rows.label > 0.5)
    assert found[1] < found[2]
    assert min(found[4], found[8]) > found[2] - 0.005
    assert found[2] > counted + 0.01
    small = get("sudoku", box="2x2")
    rows, places = steps(small, {"clues": [4, 6]}, budget=4)
    assert auroc_at(shipped.resized(small).model, rows, 8) > 0.97


def steps(puzzle: Puzzle, targets: dict[str, list[int]], *, budget: int) -> tuple[StepRows, np.ndarray]:
    """(single steps of solutions of 12 unseen puzzles, labelled by whether each is right; the puzzle of each)."""
    reward = RewardConfig(
        objectives=["prm"], budget=budget, cells_per_step=4, policy=PolicyConfig(name="full", error=0.15, correct=0.3)
    )
    rules = step_rules(puzzle)
    problems, answers = splits.generate(puzzle, puzzles.rng(3, "steps"), 12, splits.EVALUATION, **targets)
    rules.remember(problems, answers)
    made = sample(build_policy(reward, rules), rules, puzzles.rng(3, "solutions"), problems, reward, num=12)
    rows = made.trajectories(reward, exact=True).rows
    return rows, np.unique(rows.problem, axis=0, return_inverse=True)[1].reshape(-1)


def auroc_at(model: RewardModel, rows: StepRows, segments: int) -> float:
    """Of single steps by `prm`, after so many segments."""
    logits = run_rows(model, grid_inputs(rows), segments=segments).logits["prm"]
    return auroc(to_scores("prm", logits), rows.label > 0.5)
