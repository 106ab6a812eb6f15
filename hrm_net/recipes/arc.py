"""The kind of run `arc`: a solver is trained on real ARC tasks, and evaluated by votes over their augmentations."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch

import puzzles
from hrm_net.data.config import DataConfig, expand_home
from hrm_net.recipes import checks, solver
from hrm_net.recipes.config import EvaluateConfig, TrainConfig
from hrm_net.recipes.model_source import ModelSource
from hrm_net.recipes.recipe import Evaluation, Run
from hrm_net.schema import require, show
from hrm_net.trainer import loop

if TYPE_CHECKING:
    from rich.console import Console

    from hrm_net.data.arc_tasks import Tasks
    from hrm_net.evaluation.results import Results


class ArcRecipe:
    """See `hrm_net.recipes.recipe.Recipe`. Every task of such a run is trained on or evaluated, so that none is left to
    validate on."""

    noun = "a solver of real ARC tasks"
    answers_by_votes = True
    refused: Mapping[str, str] = MappingProxyType(
        {
            "sets": "it is evaluated on the tests of its tasks; see data=",
            "solver": "it answers by votes",
            "search": "search needs a step scorer of puzzles",
            "candidates": "candidates are ranked by a step scorer of puzzles",
        }
    )

    def owns(self, values: Mapping[str, Any]) -> bool:
        data = checks.section(values, "data")
        return bool(data.get("tasks") or data.get("evaluation_tasks"))

    def check(self, values: dict[str, Any], *, read_data: bool = True) -> Run:
        from hrm_net.data import arc_tasks  # the kernels of ARC load when they are needed, here and below

        loaded: "tuple[Tasks, Tasks] | None" = None

        def num_puzzle_ids(puzzle: puzzles.Puzzle) -> Any:
            nonlocal loaded
            data = checks.section(values, "data")
            tasks, evaluation = (expand_home(data.get(key) or []) for key in ("tasks", "evaluation_tasks"))
            if not (checks.texts(tasks) and checks.texts(evaluation)) or puzzle.name != "arc":
                return puzzle.num_puzzle_ids  # what is wrong with them is said below
            if not read_data:
                return values["model"].get("num_puzzle_ids", puzzle.num_puzzle_ids)
            broken = "skip" if data.get("broken") == "skip" else "refuse"
            loaded = arc_tasks.load(tasks, evaluation, broken)
            augmentations = data.get("augmentations", DataConfig().augmentations)
            return arc_tasks.num_identifiers(sum(map(len, loaded)), augmentations if type(augmentations) is int else 0)

        config, puzzle = checks.puzzle_config(values, num_puzzle_ids)
        data, every = config.data, config.validation.every
        require("data.tasks", data.tasks, puzzle.name == "arc", f"[] for puzzle={puzzle.name}")
        heads = config.reward.objectives
        require("data.tasks", data.tasks, not heads, f"[] for reward.objectives={show(heads)}")
        require("validation.every", every, every == 0, "0: real tasks leave none to validate on")
        tested = bool(data.evaluation_tasks) or config.evaluate_puzzles == 0
        require("evaluate_puzzles", config.evaluate_puzzles, tested, "0 without data.evaluation_tasks")
        if loaded is None:
            return Run(config=config)
        training, evaluation = loaded
        arc_tasks.check_canvas([*training, *evaluation], canvas_of(config))
        found = arc_tasks.digest(training, evaluation)
        require("data.sha256", data.sha256, data.sha256 in (None, found), f"{found}, the tasks' own")
        data.sha256 = found
        return Run(config=config, inputs=loaded)

    def train(self, run: Run, run_dir: Path) -> None:
        from hrm_net.data import arc_tasks

        config = run.config
        loaded = run.inputs or arc_tasks.load_of(config.data)

        def build(device: torch.device, precision: torch.dtype) -> solver.SolverTraining:
            return solver.SolverTraining(config, lambda: _build_data(config, loaded), device, precision)

        loop.run(config.loop(), run_dir, build)

    def check_evaluation(self, config: EvaluateConfig, source: ModelSource) -> Any:
        from hrm_net.recipes import arc_evaluation  # tables and pictures load when they are needed

        return arc_evaluation.check(config, source)

    def evaluate(self, evaluation: Evaluation, console: "Console") -> "Results":
        from hrm_net.recipes import arc_evaluation

        return arc_evaluation.evaluate(evaluation, console)

    def next_commands(self, config: TrainConfig, run_dir: Path) -> list[tuple[str, str]]:
        return [(f"python evaluate.py run={run_dir}", "all augmentations vote")]


def canvas_of(config: TrainConfig) -> int:
    """Cells of a side of the run's canvas."""
    return config.puzzle.get("canvas", 30)


def _build_data(config: TrainConfig, loaded: "tuple[Tasks, Tasks]") -> tuple[solver.Batches, None]:
    from hrm_net.data.arc_batches import ArcBatches, task_rows

    rows = task_rows(config.data, loaded, canvas=canvas_of(config), seed=config.seed)
    for pair in rows.withheld:
        print(f"not trained on: {pair} equals a test of an evaluation task")
    return ArcBatches(rows, seed=config.seed, batch_size=config.batch_size), None
