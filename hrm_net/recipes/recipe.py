"""What a kind of run is: the Protocol behind `hrm_net.recipes.RECIPES`, and what its parts hand to each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from hrm_net.recipes.config import EvaluateConfig, TrainConfig
from hrm_net.recipes.model_source import ModelSource
from hrm_net.schema import show
from puzzles.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from hrm_net.evaluation.results import Results


@dataclass(kw_only=True, slots=True)
class Run:
    """A checked configuration, and what its recipe read and built while it checked it, for the run to use.

    `inputs` is None for a configuration whose data was not to be read; training then reads it.
    """

    config: TrainConfig
    inputs: Any = None


@dataclass(kw_only=True, slots=True)
class Evaluation:
    """A checked evaluation: what is asked, of which weights, where the results go, and what the recipe built for it."""

    config: EvaluateConfig
    source: ModelSource
    output: Path
    inputs: Any = None


@runtime_checkable
class Recipe(Protocol):
    """One kind of run. A new one is a file in this folder and a line in `hrm_net/recipes/__init__.py`."""

    # What it trains, as a noun phrase with its article.
    noun: str
    # Whether its models answer tasks by votes over augmentations (hrm-solve).
    answers_by_votes: bool
    # Keys of an evaluation that it does not take, each with the reason.
    refused: Mapping[str, str]

    def owns(self, values: Mapping[str, Any]) -> bool:
        """Whether a run's values (keys as in conf/train.yaml, perhaps not checked yet) are of this kind, unless a kind
        before it in the list has claimed them."""
        ...

    def check(self, values: dict[str, Any], *, read_data: bool = True) -> Run:
        """The configuration that `values` make, with the model's sizes filled in. UserError for the first mistake.

        With `read_data` everything else that can be known to fail is tried, and what was read for it is handed on.
        """
        ...

    def train(self, run: Run, run_dir: Path) -> None:
        """Run, or resume, the training in `run_dir`."""
        ...

    def check_evaluation(self, config: EvaluateConfig, source: ModelSource) -> Any:
        """What `evaluate` needs as `Evaluation.inputs`. UserError, before any work, for what cannot be asked."""
        ...

    def evaluate(self, evaluation: Evaluation, console: "Console") -> "Results":
        """Evaluate, print the tables, write the JSON file and the pictures. Returns what was written."""
        ...

    def next_commands(self, config: TrainConfig, run_dir: Path) -> list[tuple[str, str]]:
        """What people do with such a run once it is trained: (command, what it does)."""
        ...


# Keys of an evaluation that not every kind of run takes, each with the value that leaves it out.
_OPTIONAL: dict[str, Any] = {
    "data": None,
    "sets": {},
    "solver": "none",
    "search": "none",
    "candidates": None,
    "augmentations": None,
}


def check_options(config: EvaluateConfig, source: ModelSource, recipe: Recipe) -> None:
    """UserError for a key of an evaluation that is set and that the recipe does not take."""
    for key, unset in _OPTIONAL.items():
        value = getattr(config, key)
        value = value.name if key in ("solver", "search") else value
        if key in recipe.refused and value != unset:
            bound = f"{show(unset)} for {recipe.noun} ({source.path}); {recipe.refused[key]}"
            raise UserError(f"{key}={show(value)}: must be {bound}")
