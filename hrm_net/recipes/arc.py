"""`python evaluate.py run=DIR` for a run trained on real ARC tasks: votes, scores, submission.json, pictures."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from hrm_net.data import arc_tasks as arc_data
from hrm_net.data.arc_batches import check_digest, task_rows
from hrm_net.evaluation.arc import Rankings, judge
from hrm_net.evaluation.arc_pictures import write_pictures
from hrm_net.evaluation.figures import learning_curves
from hrm_net.evaluation.results import Results
from hrm_net.model import HRM
from hrm_net.provenance import provenance
from hrm_net.recipes.config import EvaluateConfig, TrainConfig
from hrm_net.recipes.model_source import ModelSource
from hrm_net.schema import show
from hrm_net.trainer.tracking import read_metrics
from puzzles.arc.score import PASSES, write_submission
from puzzles.arc.tasks import Task, load_tasks
from puzzles.errors import UserError


def prepare(config: EvaluateConfig, trained: TrainConfig) -> None:
    """ValueError, before any work, for what such a model can't be asked."""
    if config.sets:
        raise UserError(f"sets={show(config.sets)}: a model trained on real tasks is judged on their tests; use data=")
    if config.solver.name != "none":
        raise UserError(f"solver={config.solver.name}: must be none for a model trained on real tasks: votes judge it")
    asked_tasks(config, trained)


def asked_tasks(config: EvaluateConfig, trained: TrainConfig) -> tuple[str, list[Task]]:
    """What is asked, in words, and the tasks with their tests: the run's evaluation tasks, or those in `data` which
    are among them by name. At most `puzzles` of them."""
    training, evaluation = arc_data.load(trained.data.tasks, trained.data.evaluation_tasks)
    check_digest(trained.data, training, evaluation)
    if config.data is None:
        if not evaluation:
            raise UserError("data=null: the run has no data.evaluation_tasks: there is nothing to judge it by")
        name, found = _name(trained.data.evaluation_tasks), evaluation
    else:
        sources = [config.data] if isinstance(config.data, str) else config.data
        found = [task for source in sources for task in _known(source, training, evaluation)]
        name = _name(sources)
        if len({task.name for task in found}) < len(found):
            raise UserError(f"data={show(config.data)}: has a task twice")
    arc_data.check_canvas(found, trained.puzzle.get("canvas", 30))
    return name, found[: config.puzzles]


def _name(sources: Sequence[str]) -> str:
    return " + ".join(sources)


def _known(source: str, training: Sequence[Task], evaluation: Sequence[Task]) -> list[Task]:
    """The tasks of a source, all of which the model must have an embedding for."""
    try:
        found = load_tasks(source)
    except ValueError as error:
        raise UserError(f"data={error!s}" if str(error).startswith(source) else f"data={source}: {error}") from None
    learned, judged = {task.name for task in training}, {task.name for task in evaluation}
    for task in found:
        if task.name in learned:
            raise UserError(f"data={source}: task {task.name} was trained on, its tests too")
        if task.name not in judged:
            raise UserError(
                f"data={source}: task {task.name}: the model has no embedding for it, as its demonstrations "
                "were not trained on"
            )
        if not task.test:
            raise UserError(f"data={source}: task {task.name} has no test")
    return found


def run(
    config: EvaluateConfig, trained: TrainConfig, source: ModelSource, model: HRM, output: Path, console: Console
) -> Results:
    """Ask, vote, print, write. Returns what was written."""
    name, tasks = asked_tasks(config, trained)
    rows = task_rows(trained.data, canvas=trained.puzzle.get("canvas", 30), seed=trained.seed).with_tests(tasks)
    places = {group.name: place for place, group in enumerate(rows.groups)}
    questions = rows.questions(config.augmentations, tasks=[places[task.name] for task in tasks])
    rankings, metrics = judge(
        model, questions, tasks, max_segments=config.max_segments, batch_size=config.batch_size, seed=config.seed
    )
    results = Results(sets={name: metrics}, **provenance(config.seed))
    console.print(
        f"{name}: {metrics['tasks']} tasks, {metrics['puzzles']} tests, {metrics['questions']:,} questions "
        f"with augmentations, {metrics['seconds']:,.0f} s",
        highlight=False,
    )
    if "scores" in metrics:
        console.print(scores_table(results))
        console.print(
            f"without votes: {100 * metrics['solve_rate']:.1f} % of tests, "
            f"{100 * metrics['cell_accuracy']:.1f} % of cells",
            highlight=False,
        )
    else:
        print("no scores: not all answers are known")
    results.write(output)
    print(f"results: {output}")
    print(f"submission: {write_answers(output, rankings, tasks)}")
    if config.figures:
        directory = output.with_name(f"{output.stem}_pictures")
        records = read_metrics(source.run_dir) if source.run_dir else []
        paths = [learning_curves(records, directory / "learning_curves.png")] if records else []
        paths += write_pictures(model, questions, tasks, rankings, directory, config)
        print("pictures: " + "\n          ".join(map(str, paths)))
    return results


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
    part = path.with_name(path.name + ".part")
    write_submission(part, rankings, tasks)
    part.replace(path)
    return path
