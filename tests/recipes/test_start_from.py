"""A run that starts from weights that are there."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hrm_net import HRM
from hrm_net.recipes import solver
from hrm_net.recipes.config import TrainConfig
from hrm_net.recipes.model_source import export
from hrm_net.recipes.solver import SolverRecipe
from hrm_net.reward.config import RewardConfig
from puzzles.errors import UserError
from tests.trainer import victim


def config(**changes) -> TrainConfig:
    return replace(victim.config(), **changes)


def built(start_from: str | None, seed: int = 0) -> HRM:
    return solver.build_state(config(start_from=start_from, seed=seed), torch.device("cpu"), torch.float32).model


def test_weights_are_those_that_were_named_whatever_the_seed(tmp_path: Path):
    solver.train(config(steps=1, evaluate_puzzles=0), tmp_path / "first")
    export(tmp_path / "first", tmp_path / "weights")
    wanted = HRM.from_pretrained(tmp_path / "weights").state_dict()
    for name in ("first", "weights"):
        started = built(str(tmp_path / name), seed=1).state_dict()
        assert all(torch.equal(started[key], wanted[key]) for key in wanted)
    fresh = built(None, seed=1).state_dict()
    assert any(not torch.equal(fresh[key], wanted[key]) for key in wanted)


@pytest.mark.parametrize(
    ("start_from", "message"),
    [
        ("nowhere", "^start_from=nowhere: no such directory"),
        ("sudoku_chains", "^start_from=sudoku_chains: weights do not fit the model: "),
        ("scorer_6x6", "^start_from=scorer_6x6: .*holds a step scorer"),
    ],
)
def test_mistakes_name_the_key(start_from: str, message: str):
    with pytest.raises(UserError, match=message):
        built(start_from)


def test_a_step_scorer_has_a_start_of_its_own():
    with pytest.raises(ValueError, match=r"^start_from=sudoku_9x9: must be null for step scorers and judges"):
        config(start_from="sudoku_9x9", reward=RewardConfig(objectives=["prm"]))


def test_it_is_checked_before_any_work():
    values = {
        "name": "run", "model": {}, "puzzle": {"name": "sudoku", "box": "2x2"}, "start_from": "nowhere",
    }  # fmt: skip
    with pytest.raises(UserError, match=r"^start_from=nowhere: no such directory"):
        SolverRecipe().check(values)
