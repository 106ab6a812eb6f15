"""The kinds of run, and the one function that says which of them a configuration belongs to."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from hrm_net.recipes.arc import ArcRecipe
from hrm_net.recipes.config import TrainConfig
from hrm_net.recipes.pair_judge import PairJudgeRecipe
from hrm_net.recipes.policy import PolicyRecipe
from hrm_net.recipes.recipe import Evaluation, Recipe, Run
from hrm_net.recipes.solver import SolverRecipe
from hrm_net.recipes.step_scorer import StepScorerRecipe
from hrm_net.recipes.text_judge import TextJudgeRecipe
from hrm_net.recipes.text_scorer import TextScorerRecipe

__all__ = ["RECIPES", "Evaluation", "Recipe", "Run", "check", "recipe_of", "train_config"]

# From the most specific to the most general: the first that owns a configuration has it.
RECIPES: tuple[Recipe, ...] = (
    TextJudgeRecipe(),
    TextScorerRecipe(),
    ArcRecipe(),
    PolicyRecipe(),
    PairJudgeRecipe(),
    StepScorerRecipe(),
    SolverRecipe(),
)


def recipe_of(run: Mapping[str, Any] | TrainConfig) -> Recipe:
    """The kind of a run, by its configuration or by the values that one is made of."""
    values = asdict(run) if isinstance(run, TrainConfig) else run
    return next(recipe for recipe in RECIPES if recipe.owns(values))


def check(values: dict[str, Any], *, read_data: bool = True) -> tuple[Recipe, Run]:
    """The kind and the checked run that composed values make; UserError of one line for the first mistake."""
    recipe = recipe_of(values)
    return recipe, recipe.check(values, read_data=read_data)


def train_config(values: dict[str, Any], *, read_data: bool = True) -> TrainConfig:
    """The checked configuration alone. With read_data=False no data is read; `model.num_puzzle_ids` must then be known,
    as it is of a run that has begun."""
    return check(values, read_data=read_data)[1].config
