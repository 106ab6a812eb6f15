"""`python evaluate.py` for a solver of real ARC tasks: votes over augmentations, scores, submission.json, pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from hrm_net.data import arc_tasks
from hrm_net.data.arc_batches import task_rows
from hrm_net.data.arc_tasks import Tasks
from hrm_net.evaluation.arc import Rankings, evaluate_tasks, write_pictures
from hrm_net.evaluation.figures import learning_curves
from hrm_net.evaluation.results import Results
from hrm_net.provenance import provenance
from hrm_net.recipes.arc import canvas_of
from hrm_net.recipes.config import EvaluateConfig, TrainConfig
from hrm_net.recipes.model_source import ModelSource
from hrm_net.recipes.recipe import Evaluation
from hrm_net.recipes.solver_evaluation import load_model, pictures_folder, print_paths
from hrm_net.schema import show
from hrm_net.trainer.tracking import read_metrics
from puzzles.arc.score import PASSES, write_submission
from puzzles.arc.tasks import Task, load_tasks
from puzzles.errors import UserError

Loaded = tuple[Tasks, Tasks]  # training and evaluation tasks


@dataclass(kw_only=True, slots=True)
class Asked:
    """What a model is evaluated on: tasks with their tests under a name, and all tasks of its run."""

    name: str
    tasks: list[Task]
    loaded: Loaded


def check(config: EvaluateConfig, source: ModelSource) -> Asked:
    assert source.config is not None
    loaded = source.inputs or arc_tasks.load_of(source.config.data)
    name, tasks = _asked_tasks(config, source.config, loaded)
    return Asked(name=name, tasks=tasks, loaded=loaded)


def evaluate(evaluation: Evaluation, console: Console) -> Results:
    """Ask, vote, print, write. Returns what was written."""

    config, source, asked = evaluation.config, evaluation.source, evaluation.inputs
    trained, tasks, name = source.config, asked.tasks, asked.name
    assert trained is not None
    model = load_model(config, source, console)
    rows = task_rows(trained.data, asked.loaded, canvas=canvas_of(trained), seed=trained.seed).with_tests(tasks)
    places = {group.name: place for place, group in enumerate(rows.groups)}
    questions = rows.questions(config.augmentations, tasks=[places[task.name] for task in tasks])
    rankings, metrics = evaluate_tasks(
        model, questions, tasks, max_segments=config.max_segments, batch_size=config.batch_size, seed=config.seed
    )
    results = Results(sets={name: metrics}, **provenance(config.seed))
    _print_results(results, name, console)
    results.write(evaluation.output)
    print(f"results: {evaluation.output}")
    print(f"submission: {write_answers(evaluation.output, rankings, tasks)}")
    if config.figures:
        directory = pictures_folder(evaluation.output)
        records = read_metrics(source.run_dir) if source.run_dir else []
        paths = [learning_curves(records, directory / "learning_curves.png")] if records else []
        paths += write_pictures(
            model, questions, tasks, rankings, directory,
            max_segments=config.max_segments, batch_size=config.batch_size,
        )  # fmt: skip
        print_paths(paths)
    return results


def _asked_tasks(config: EvaluateConfig, trained: TrainConfig, loaded: Loaded) -> tuple[str, list[Task]]:
    """What is asked, in words, and the tasks with their tests: the run's evaluation tasks, or those in `data` which
    are among them by name. At most `puzzles` of them."""
    training, evaluation = loaded
    if config.data is None:
        if not evaluation:
            raise UserError("data=null: the run has no data.evaluation_tasks: there is nothing to evaluate it on")
        name, found = " + ".join(trained.data.evaluation_tasks), evaluation
    else:
        sources = config.data_files()
        found = [task for source in sources for task in _known(source, training, evaluation)]
        name = " + ".join(sources)
        if len({task.name for task in found}) < len(found):
            raise UserError(f"data={show(config.data)}: has a task twice")
    arc_tasks.check_canvas(found, canvas_of(trained))
    return name, found[: config.puzzles]


def _known(source: str, training: Sequence[Task], evaluation: Sequence[Task]) -> list[Task]:
    """The tasks of a source, all of which the model must have an embedding for."""
    try:
        found = load_tasks(source)
    except UserError as error:
        raise UserError(f"data={error!s}" if str(error).startswith(source) else f"data={source}: {error}") from None
    learned, evaluated = {task.name for task in training}, {task.name for task in evaluation}
    for task in found:
        if task.name in learned:
            raise UserError(f"data={source}: task {task.name} was trained on, its tests too")
        if task.name not in evaluated:
            raise UserError(
                f"data={source}: task {task.name}: the model has no embedding for it, as its demonstrations "
                "were not trained on"
            )
        if not task.test:
            raise UserError(f"data={source}: task {task.name} has no test")
    return found


def _print_results(results: Results, name: str, console: Console) -> None:
    metrics = results.sets[name]
    console.print(
        f"{name}: {metrics['tasks']} tasks, {metrics['puzzles']} tests, {metrics['questions']:,} questions "
        f"with augmentations, {metrics['seconds']:,.0f} s",
        highlight=False,
    )
    if "scores" not in metrics:
        print("no scores: not all answers are known")
        return
    console.print(scores_table(results))
    solved, cells = 100 * metrics["solve_rate"], 100 * metrics["cell_accuracy"]
    console.print(f"without votes: {solved:.1f} % of tests, {cells:.1f} % of cells", highlight=False)


def scores_table(results: Results) -> Table:
    """The three rules by name, at each number of tries."""
    table = Table(title="Right within K tries, ranked by votes", title_justify="left")
    table.add_column("rule")
    for most in PASSES:
        table.add_column(f"K={most}", justify="right")
    for row in results.sets.values():
        for rule, shares in row["scores"].items():
            table.add_row(rule, *(f"{100 * shares[str(most)]:.2f} %" for most in PASSES))
    return table


def write_answers(output: Path, rankings: Rankings, tasks: Sequence[Task]) -> Path:
    """submission.json beside results.json; NAME_submission.json beside NAME.json."""
    path = output.with_name("submission.json" if output.stem == "results" else f"{output.stem}_submission.json")
    write_submission(path, rankings, tasks)
    return path
