"""`python evaluate.py` for a solver: which sets, the one pass of `solve_rate`, accuracy against compute, pictures."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Integer
from rich.console import Console

import puzzles
from hrm_net.data import directories, tables
from hrm_net.data.config import Targets
from hrm_net.data.puzzle_sets import PuzzleSet, generated_set, read_sets
from hrm_net.data.sizes import size_key, sized
from hrm_net.evaluation import compute_curve, live, trace
from hrm_net.evaluation.baselines import answer_baselines, baseline_lines
from hrm_net.evaluation.evaluate import evaluate as evaluate_sets
from hrm_net.evaluation.evaluate import fitted
from hrm_net.evaluation.figures import accuracy_by_compute, write_figures
from hrm_net.evaluation.results import Results, published_table, results_table
from hrm_net.evaluation.trace import write_trace_pictures
from hrm_net.model import HRM
from hrm_net.progress import Progress
from hrm_net.recipes.checks import check_targets
from hrm_net.recipes.config import EvaluateConfig, TrainConfig
from hrm_net.recipes.model_source import ModelSource
from hrm_net.recipes.recipe import Evaluation
from hrm_net.schema import show
from hrm_net.trainer.device import resolve_compile, resolve_device, resolve_precision
from hrm_net.trainer.tracking import read_metrics
from puzzles import splits
from puzzles.base import Puzzle
from puzzles.datasets.dataset import Dataset
from puzzles.errors import UserError
from puzzles.table.data import TableData
from puzzles.table.domain import Table

if TYPE_CHECKING:
    from hrm_net.recipes.solver import SolverInputs

DEFAULT_NUM = 1000


@dataclass(kw_only=True, slots=True)
class Asked:
    """What a solver is evaluated on: sets that were read, and sets to generate, by name with their targets.

    `seen`: inputs to which the training rows of the run's directories are symmetric, where sets are generated.
    `table`: the rows that a table's run was trained on, where they are still at hand.
    """

    puzzle: Puzzle
    read: list[PuzzleSet]
    generated: dict[str, Targets]
    seen: Integer[np.ndarray, "num seq"] | None = None
    table: TableData | None = None


def check(config: EvaluateConfig, source: ModelSource, inputs: "SolverInputs | None") -> Asked:
    """UserError, before any work, for what cannot be read, generated or measured.

    `inputs`: what the run has learned from, where the same command has read it.

    By default the sets are the test splits of what the model was trained from, or generated ones: those that its run
    names or that suit the puzzle. No generated puzzle is symmetric to a training row of a directory.
    """
    puzzle, trained = puzzles.get(**source.puzzle), source.config
    if isinstance(puzzle, Table):
        asked = _asked_of_table(config, source, puzzle, None if inputs is None else inputs.table)
    else:
        asked = _asked(config, trained, puzzle, None if inputs is None else inputs.datasets)
    if config.puzzles is not None:
        asked.read = [one.first(config.puzzles) for one in asked.read]
    if config.solver.name == "curve":
        compute_curve.check_config(config.solver, puzzle, source.load().config)
    return asked


def _asked(
    config: EvaluateConfig, trained: TrainConfig | None, puzzle: Puzzle, datasets: list[Dataset] | None
) -> Asked:
    check_targets(puzzle, ((f"sets.{name}", targets) for name, targets in config.sets.items()), sizes=True)
    files = config.data_files() or ([] if config.sets else _own_tests(trained))
    found = [one for path in files for one in read_sets(path, puzzle)]
    own = trained.evaluate_sets if trained else {}
    wanted = config.sets if config.sets or found else own or puzzle.reference_sets
    seen = trained_on(trained, puzzle, datasets) if wanted else None
    return Asked(puzzle=puzzle, read=found, generated=dict(wanted), seen=seen)


def _asked_of_table(config: EvaluateConfig, source: ModelSource, puzzle: Table, table: TableData | None) -> Asked:
    """Files, the test splits of the run's directories, or else the rows that its file holds out.

    Files need nothing of what the run was trained from; where that is still there, it is told how they compare.
    """
    if config.sets:
        raise UserError(
            f"sets={show(config.sets)}: must be {{}}, since the rows of {puzzle.name} are stored; use data="
        )
    trained = source.config
    files = config.data_files() or _own_tests(trained)
    try:
        table = table or _table_of(trained, source)
    except UserError as error:
        if not files:
            raise UserError(f"{error}; data=FILE evaluates on other rows") from None
    found = [one for path in files for one in read_sets(path, puzzle)]
    if not files:
        assert table is not None
        assert trained is not None
        if len(table.evaluation[0]) == 0:
            raise UserError(
                f"data=null: data.path={trained.data.path} holds no rows out to be judged on; give data=FILE"
            )
        found = [tables.held_out(table, table.evaluation, f"puzzles={config.puzzles}")]
    return Asked(puzzle=puzzle, read=found, generated={}, table=table)


def _table_of(trained: TrainConfig | None, source: ModelSource) -> TableData:
    """What a run was trained on; UserError where it is not at hand any more."""
    if trained is None:
        raise UserError(f"data=null: {source.path} tells no rows")
    domain = tables.wanted(trained.puzzle)
    assert domain is not None
    table = tables.read(domain, trained.puzzle, trained.data.path)
    if table.sha256 != trained.data.sha256:
        raise UserError(f"data.path={trained.data.path}: holds something else than when the run was trained")
    return table


def evaluate(evaluation: Evaluation, console: Console) -> Results:
    """Evaluate, print the tables, write the JSON file and the pictures. Returns what was written."""
    config, source, asked = evaluation.config, evaluation.source, evaluation.inputs
    num = config.puzzles or DEFAULT_NUM
    sets = asked.read + [_generated(asked, name, config.seed, num) for name in asked.generated]
    model = load_model(config, source, console)
    results = evaluate_sets(
        model,
        sets,
        max_segments=config.max_segments,
        curve=config.curve,
        batch_size=config.batch_size,
        seed=config.seed,
        loss=source.loss,
    )
    console.print(results_table(results))
    console.print(published_table(results))
    if asked.table is not None:
        _compare_with_training(asked.table, sets, results, console)
    if config.solver.name == "curve":
        compiled = resolve_compile(config.compile, resolve_device(config.device))
        with Progress("accuracy against compute", len(sets), unit="sets", transient=True) as progress:
            for one in sets:
                results.sets[one.name]["solver"] = compute_curve.compute_curve(
                    fitted(model, one),
                    one,
                    config.solver,
                    batch_size=config.batch_size,
                    seed=config.seed,
                    compiled=compiled,
                )
                progress.advance()
        console.print(compute_curve.curve_table(results))
    results.write(evaluation.output)
    print(f"results: {evaluation.output}")
    if config.figures:
        _pictures(evaluation, model, sets, results, console)
    return results


def _compare_with_training(table: TableData, sets: list[PuzzleSet], results: Results, console: Console) -> None:
    """Beside each set: answers that cost nothing, and how many of its questions were trained on."""
    rows = [examples for one in table.train for examples in one.sets.values()]
    inputs, labels = (np.concatenate([getattr(one, side) for one in rows]) for side in ("inputs", "labels"))
    for one in sets:
        found = results.sets[one.name]
        found["baselines"] = answer_baselines(labels, one)
        found["trained_on"] = int(splits.seen_in(table.puzzle, one.inputs, inputs).sum())
        for line in baseline_lines(one.name, found["baselines"]):
            console.print(line, highlight=False)
        if found["trained_on"]:
            console.print(
                f"{one.name}: {found['trained_on']} of its {len(one)} questions are among those trained on",
                highlight=False,
            )


def _generated(asked: Asked, name: str, seed: int, num: int) -> PuzzleSet:
    """A set of the size that its targets name."""
    puzzle, targets = sized(asked.puzzle, asked.generated[name])
    seen = asked.seen if size_key(puzzle) == size_key(asked.puzzle) else None
    return generated_set(puzzle, name, seed, num, unlike=seen, **targets)


def load_model(config: EvaluateConfig, source: ModelSource, console: Console) -> HRM:
    """The solver as the evaluation computes with it; its size is printed."""
    device = resolve_device(config.device)
    model = source.load().to(device)
    model.forward_dtype = resolve_precision(config.precision, device)
    if resolve_compile(config.compile, device):
        model.compile_blocks()
    console.print(f"{source.path}: {sum(p.numel() for p in model.parameters()):,} parameters", highlight=False)
    return model


def _own_tests(trained: TrainConfig | None) -> list[str]:
    """The directories that a run was trained from, as far as they have a test split."""
    path = None if trained is None else trained.data.path
    return [] if path is None else [name for name in directories.names(path) if directories.has_test(name)]


def trained_on(
    trained: TrainConfig | None, puzzle: Puzzle, datasets: list[Dataset] | None
) -> Integer[np.ndarray, "num seq"] | None:
    """Inputs to which the training rows of the run's directories are symmetric; None for a run of generated puzzles.

    UserError where the directories are gone or hold something else: nothing is known to be disjoint from them then.
    """
    if trained is None or trained.data.path is None:
        return None
    if trained.model.num_puzzle_ids > 1 or puzzle.num_puzzle_ids > 1:
        raise UserError(
            "sets: the run's data.path names puzzles of its own, generated ones are not among them; use data="
        )
    if datasets is None:
        try:
            datasets = directories.read_training(trained.data.path, puzzle)
        except UserError as error:
            raise UserError(
                f"{error}; generated sets must differ from what the run was trained on, data= needs no such"
            ) from None
    if directories.digest(datasets) != trained.data.sha256:
        raise UserError(f"data.path={trained.data.path}: holds something else than when the run was trained; use data=")
    return directories.originals(datasets)


def _pictures(evaluation: Evaluation, model: HRM, sets: list[PuzzleSet], results: Results, console: Console) -> None:
    """Charts, failures beside their targets, and one puzzle filling in: in files and, on a terminal, live."""
    config, run_dir = evaluation.config, evaluation.source.run_dir
    directory = pictures_folder(evaluation.output)
    paths = write_figures(results, directory, read_metrics(run_dir) if run_dir else [])
    if config.solver.name == "curve":
        paths.append(accuracy_by_compute(results, directory / "accuracy_by_compute.png"))
    num = max(32, min(config.batch_size, 256))  # one batch costs the same however many of its rows are shown
    followed = {
        one.name: trace.traces(
            fitted(model, one), one, num, config.max_segments, batch_size=config.batch_size, seed=config.seed
        )
        for one in (sets if _own_rules(sets) else sets[-1:])
    }
    paths += write_trace_pictures(followed, directory)
    if console.is_terminal:
        live.show(trace.slowest_solved(followed[sets[-1].name][:32]), console=console)
    print_paths(paths)


def pictures_folder(output: Path) -> Path:
    """Where the pictures of an evaluation go: beside its JSON file."""
    return output.with_name(f"{output.stem}_pictures")


def print_paths(paths: list[Path]) -> None:
    """Where the pictures are."""
    print("pictures: " + "\n          ".join(map(str, paths)))


def _own_rules(sets: list[PuzzleSet]) -> bool:
    """Whether every set asks for one rule, and each for another, as its puzzle identifier says."""
    asked = [np.unique(one.puzzle_identifiers).tolist() for one in sets]
    return all(len(ids) == 1 for ids in asked) and len({ids[0] for ids in asked}) == len(sets)
