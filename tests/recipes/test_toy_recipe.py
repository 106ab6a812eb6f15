"""A new kind of run: one object in the list, and nothing else."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hrm_net import cli, recipes
from hrm_net.recipes.config import TrainConfig
from hrm_net.recipes.recipe import Recipe, Run
from hrm_net.recipes.solver import SolverRecipe
from tests.commands.test_cli import SHORT


class ToyRecipe(SolverRecipe):
    """A solver whose runs are called toy: it trains as usual and says what to do next in its own words."""

    noun = "a toy"

    def owns(self, values: Mapping[str, Any]) -> bool:
        return values.get("name") == "toy"

    def train(self, run: Run, run_dir: Path) -> None:
        print(f"a toy is trained for {run.config.steps} steps")
        super().train(run, run_dir)

    def next_commands(self, config: TrainConfig, run_dir: Path) -> list[tuple[str, str]]:
        return [(f"play {run_dir}", "with the toy")]


def test_a_toy_kind_of_run_trains_is_evaluated_and_refuses_what_it_does_not_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(recipes, "RECIPES", (ToyRecipe(), *recipes.RECIPES))
    cli.train([*SHORT, "name=toy"])
    out = capsys.readouterr().out
    assert "a toy is trained for 2 steps" in out
    assert "next: play runs/toy   with the toy" in out
    with pytest.raises(SystemExit):
        cli.evaluate(["run=runs/toy", "candidates=3"])
    assert "candidates=3: must be null for a toy (" in capsys.readouterr().err


def test_every_recipe_is_a_recipe() -> None:
    assert all(isinstance(one, Recipe) for one in recipes.RECIPES)
