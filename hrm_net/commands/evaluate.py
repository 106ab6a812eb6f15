"""What `python evaluate.py` does, and `python train.py` at its end: find the model, and let its recipe evaluate it."""

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from hrm_net.checkpoints.reference import UnknownValuesError
from hrm_net.distributed.group import current
from hrm_net.evaluation.evaluate import CURVE, HEADLINE
from hrm_net.evaluation.results import Results
from hrm_net.recipes import Evaluation, Recipe, Run, recipe_of
from hrm_net.recipes.config import EvaluateConfig
from hrm_net.recipes.model_source import ModelSource, find_model
from hrm_net.recipes.recipe import check_options
from hrm_net.trainer.device import GRAPHS, resolve_compile, resolve_device, resolve_precision
from puzzles.arc.tasks import NAMED
from puzzles.errors import UserError

FEW_AUGMENTATIONS = 8  # that vote at the end of training


def check(config: EvaluateConfig, inputs: object = None) -> tuple[Recipe, Evaluation]:
    """The kind of the model and the checked evaluation; UserError, before any work, for whatever can be known to fail.

    `inputs`: what the model's recipe read and built for its run, where this command has just trained it.
    """
    device = resolve_device(config.device)
    resolve_precision(config.precision, device)
    if config.compile == "true":
        resolve_compile(config.compile, device)
    for path in config.data_files():
        if not Path(path).exists() and path not in NAMED:
            raise UserError(f"data={path}: no such file or directory")
    source = _find(config)
    source.inputs = inputs
    output = Path(config.output) if config.output else (source.run_dir or Path("runs/shipped")) / "results.json"
    if output.is_dir():
        raise UserError(f"output={output}: is a directory; give the name of a JSON file")
    if output.suffix != ".json":
        raise UserError(f"output={output}: must end in .json")
    recipe = recipe_of(source.values)
    check_options(config, source, recipe)
    built = recipe.check_evaluation(config, source)
    return recipe, Evaluation(config=config, source=source, output=output, inputs=built)


def run(recipe: Recipe, evaluation: Evaluation) -> Results:
    """Evaluate, print the tables, write the JSON file and the pictures. Returns what was written.

    Of several processes, which share the batches out, rank 0 prints and writes what one process would.
    """
    # a file or a pipe has no width, and the table needs more than the 80 columns then assumed
    console = Console(width=None if sys.stdout.isatty() else 120)
    if current().is_main:
        return recipe.evaluate(evaluation, console)
    with tempfile.TemporaryDirectory() as nowhere:
        silent = replace(evaluation.config, figures=False)
        output = Path(nowhere) / evaluation.output.name
        return recipe.evaluate(replace(evaluation, config=silent, output=output), console)


def after_training(recipe: Recipe, trained: Run, run_dir: Path) -> None:
    """The evaluation that ends a training run, no deeper than the headline's segments, and what to type next."""
    config = trained.config
    asked = EvaluateConfig(
        run=str(run_dir),
        puzzles=config.evaluate_puzzles,
        augmentations=None if "augmentations" in recipe.refused else FEW_AUGMENTATIONS,
        batch_size=config.batch_size,
        curve=[segments for segments in CURVE if segments <= HEADLINE],
        seed=config.seed,
        device=config.device,
        precision=config.precision,
        compile="true" if config.compile == GRAPHS else config.compile,
    )
    run(*check(asked, trained.inputs))
    commands = [
        *recipe.next_commands(config, run_dir),
        (f"the same command with steps={2 * config.steps}", "trains on from here"),
        ("python train.py --help", "experiments and keys"),
    ]
    for place, (command, what) in enumerate(commands):
        print(f"{'      ' if place else 'next: '}{command}   {what}")


def _find(config: EvaluateConfig) -> ModelSource:
    """The model. The length of a published one may come from the data directory that it is to be evaluated on."""
    try:
        return find_model(config.run, config.checkpoint, config.reference)
    except UnknownValuesError as error:
        lengths = [length for path in config.data_files() if (length := _seq_len(Path(path))) is not None]
        if not lengths or "seq_len" not in error.keys:
            raise
        return find_model(config.run, config.checkpoint, config.reference | {"seq_len": lengths[0]})


def _seq_len(path: Path) -> int | None:
    """The length that a data directory's dataset.json gives; None where there is none."""
    for file in (path / "test" / "dataset.json", path / "train" / "dataset.json", path / "dataset.json"):
        if file.is_file():
            try:
                found = json.loads(file.read_text(encoding="utf-8"))
            except ValueError as error:
                raise UserError(f"{file}: not JSON: {error}") from None
            length = found.get("seq_len") if isinstance(found, dict) else None
            return length if type(length) is int else None
    return None
