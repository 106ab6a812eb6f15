"""What `python evaluate.py` does, and `python train.py` at its end: load, judge, show, write."""

import json
import sys
from pathlib import Path

import numpy as np
from rich.console import Console

import puzzles
from hrm_net.commands import live
from hrm_net.data.puzzle_sets import PuzzleSet, generated_set, read_sets
from hrm_net.evaluation import compute_curve, trace
from hrm_net.evaluation.compute_picture import accuracy_by_compute
from hrm_net.evaluation.directories import check_directories, own_tests, trained_on
from hrm_net.evaluation.evaluate import CURVE, HEADLINE, evaluate
from hrm_net.evaluation.pictures import write_figures, write_followed
from hrm_net.evaluation.results import Results, published_table, results_table
from hrm_net.model import HRM
from hrm_net.recipes.checks import check_targets
from hrm_net.recipes.config import EvaluateConfig, TrainConfig
from hrm_net.recipes.model_source import ModelSource, find_model
from hrm_net.trainer.device import resolve_compile, resolve_device, resolve_precision
from hrm_net.trainer.tracking import read_metrics
from puzzles.arc.tasks import NAMED
from puzzles.base import Puzzle
from puzzles.errors import UserError

DEFAULT_NUM = 1000
FEW_AUGMENTATIONS = 8  # that vote at the end of training


def prepare(config: EvaluateConfig) -> None:
    """ValueError, before any work, for whatever can be known to fail."""
    device = resolve_device(config.device)
    resolve_precision(config.precision, device)
    if config.compile == "true":
        resolve_compile(config.compile, device)
    for path in _files(config):
        if not Path(path).exists() and path not in NAMED:
            raise UserError(f"data={path}: no such file or directory")
    source = _source(config)
    trained = source.config
    _check_output(_output(config, source))
    if config.search.on and (trained is None or trained.on_text or not trained.reward.on):
        bound = f"none: {source.path} is no step scorer of puzzles, by which to search"
        raise UserError(f"search={config.search.name}: must be {bound}")
    if trained is not None and trained.on_text:
        from hrm_net.recipes import text_scorer_command as text_command

        text_command.prepare(config, trained)
        return
    puzzle = puzzles.get(**source.puzzle)
    if config.candidates is not None and (trained is None or not trained.reward.on):
        raise UserError(f"candidates={config.candidates}: {source.path} is no step scorer, which ranks candidates")
    if trained is not None and trained.data.has_tasks:
        from hrm_net.recipes import arc as arc_command  # its kernels load when they are needed

        arc_command.prepare(config, trained)
    elif trained is not None and trained.reward.on:
        from hrm_net.recipes import step_scorer_command as reward_command

        reward_command.prepare(config, trained)
    elif config.augmentations is not None:
        raise UserError(f"augmentations={config.augmentations}: {source.path} was not trained on real ARC tasks")
    else:
        check_targets(puzzle, ((f"sets.{name}", targets) for name, targets in config.sets.items()))
        check_directories(_files(config), config.sets, source.config, puzzle)
    if config.solver.name == "curve":
        compute_curve.check_config(config.solver, puzzle, source.load().config)


def _check_output(output: Path) -> None:
    if output.is_dir():
        raise UserError(f"output={output}: is a directory; give the name of a JSON file")
    if output.suffix != ".json":
        raise UserError(f"output={output}: must end in .json")


def run(config: EvaluateConfig) -> Results:
    """Evaluate, print the table, write the JSON file and the pictures. Returns what was written."""
    source = _source(config)
    # a file or a pipe has no width, and the table needs more than the 80 columns then assumed
    console = Console(width=None if sys.stdout.isatty() else 120)
    if source.config is not None and source.config.on_text:
        from hrm_net.recipes import text_scorer_command as text_command

        return text_command.run(config, source.config, source, _output(config, source), console)
    if source.config is not None and source.config.data.has_tasks:
        from hrm_net.recipes import arc as arc_command

        model = _load(config, source)
        _tell_size(console, source, model)
        return arc_command.run(config, source.config, source, model, _output(config, source), console)
    if source.config is not None and source.config.reward.on:
        from hrm_net.recipes import step_scorer_command as reward_command

        return reward_command.run(config, source.config, source, _output(config, source), console)
    sets = _sets(config, puzzles.get(**source.puzzle), source.config)
    model = _load(config, source)
    _tell_size(console, source, model)
    results = evaluate(
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
    if config.solver.name == "curve":
        _solver(config, model, sets, results, console)
    output = _output(config, source)
    results.write(output)
    print(f"results: {output}")
    if config.figures:
        _pictures(config, source, model, sets, results, output.with_name(f"{output.stem}_pictures"), console)
    return results


def _solver(config: EvaluateConfig, model: HRM, sets: list[PuzzleSet], results: Results, console: Console) -> None:
    """Adds each set's section `solver`, and prints them."""
    compiled = resolve_compile(config.compile, resolve_device(config.device))
    for one in sets:
        results.sets[one.name]["solver"] = compute_curve.compute_curve(
            model, one, config.solver, batch_size=config.batch_size, seed=config.seed, compiled=compiled
        )
    console.print(compute_curve.curve_table(results))


def _tell_size(console: Console, source: ModelSource, model: HRM) -> None:
    console.print(f"{source.path}: {sum(p.numel() for p in model.parameters()):,} parameters", highlight=False)


def after_training(config: TrainConfig, run_dir: Path) -> None:
    """The evaluation that ends a training run, no deeper than the headline's segments, and what to type next."""
    run(
        EvaluateConfig(
            run=str(run_dir),
            puzzles=config.evaluate_puzzles,
            augmentations=FEW_AUGMENTATIONS if config.data.has_tasks else None,
            batch_size=config.batch_size,
            curve=[segments for segments in CURVE if segments <= HEADLINE],
            seed=config.seed,
            device=config.device,
            precision=config.precision,
            compile=config.compile,
        )
    )
    if config.data.has_tasks:
        print(f"next: python evaluate.py run={run_dir}   all augmentations vote")
    elif config.on_text:
        print(f"next: hrm-rank --run {run_dir} candidates.jsonl   solutions of your own, best first")
    elif config.reward.on:
        more = f"puzzles={config.evaluate_puzzles} candidates={4 * config.reward.evaluate_candidates}"
        print(f"next: python evaluate.py run={run_dir} {more}   more solutions of each puzzle")
        print(f"      python evaluate.py run={run_dir} search=full   search by each head, attempts to fool it")
    else:
        print(f"next: python evaluate.py run={run_dir} data=FILE.csv   your own puzzles, in a column `question`")
    print(f"      the same command with steps={2 * config.steps}   trains on from here")
    print("      python train.py --help   experiments and keys")


def _source(config: EvaluateConfig) -> ModelSource:
    """The model. The length of a published one may come from the data directory that it is to be judged on."""
    try:
        return find_model(config.run, config.checkpoint, config.reference)
    except ValueError as error:
        lengths = [length for path in _files(config) if (length := _seq_len(Path(path))) is not None]
        if not lengths or "do not tell" not in str(error) or "seq_len" not in str(error):
            raise
        return find_model(config.run, config.checkpoint, config.reference | {"seq_len": lengths[0]})


def _seq_len(path: Path) -> int | None:
    """What the dataset.json of a data directory says; None for anything else."""
    for file in (path / "test" / "dataset.json", path / "dataset.json"):
        if file.is_file():
            try:
                found = json.loads(file.read_text(encoding="utf-8"))
            except ValueError as error:
                raise UserError(f"{file}: no JSON: {error}") from None
            length = found.get("seq_len") if isinstance(found, dict) else None
            return length if type(length) is int else None
    return None


def _files(config: EvaluateConfig) -> list[str]:
    if config.data is None:
        return []
    return [config.data] if isinstance(config.data, str) else config.data


def _sets(config: EvaluateConfig, puzzle: Puzzle, trained: TrainConfig | None) -> list[PuzzleSet]:
    """The sets asked for: files and generated ones. By default the test splits of what the model was trained from, or
    generated ones, those that its run names or that suit the puzzle; none of these is symmetric to a training row of a
    directory."""
    files = _files(config) or ([] if config.sets else own_tests(trained))
    found = [cut for path in files for cut in read_sets(path, puzzle)]
    if config.puzzles is not None:
        for one in found:
            one.inputs, one.labels = one.inputs[: config.puzzles], one.labels[: config.puzzles]
            one.puzzle_identifiers = one.puzzle_identifiers[: config.puzzles]
    own = trained.evaluate_sets if trained else {}
    wanted = config.sets if config.sets or found else own or puzzle.reference_sets
    num = config.puzzles or DEFAULT_NUM
    seen = trained_on(trained, puzzle) if wanted else None
    return found + [
        generated_set(puzzle, name, config.seed, num, unlike=seen, **targets) for name, targets in wanted.items()
    ]


def _load(config: EvaluateConfig, source: ModelSource) -> HRM:
    device = resolve_device(config.device)
    model = source.load().to(device)
    model.forward_dtype = resolve_precision(config.precision, device)
    if resolve_compile(config.compile, device):
        model.compile_blocks()
    return model


def _output(config: EvaluateConfig, source: ModelSource) -> Path:
    if config.output is not None:
        return Path(config.output)
    return (source.run_dir or Path("runs/shipped")) / "results.json"


def _pictures(
    config: EvaluateConfig,
    source: ModelSource,
    model: HRM,
    sets: list[PuzzleSet],
    results: Results,
    directory: Path,
    console: Console,
) -> None:
    """Charts, failures beside their targets, and one puzzle filling in: in files and, on a terminal, live."""
    records = read_metrics(source.run_dir) if source.run_dir else []
    paths = write_figures(results, directory, records)
    if config.solver.name == "curve":
        paths.append(accuracy_by_compute(results, directory / "accuracy_by_compute.png"))
    num = max(32, min(config.batch_size, 256))  # one batch costs the same however many of its rows are looked at
    followed = {
        one.name: trace.traces(model, one, num, config.max_segments, batch_size=config.batch_size, seed=config.seed)
        for one in (sets if _own_rules(sets) else sets[-1:])
    }
    paths += write_followed(followed, directory)
    if console.is_terminal:
        live.show(trace.most_telling(followed[sets[-1].name][:32]), console=console)
    print("pictures: " + "\n          ".join(map(str, paths)))


def _own_rules(sets: list[PuzzleSet]) -> bool:
    """Whether every set asks for one rule, and each for another, as its puzzle identifier says."""
    asked = [np.unique(one.puzzle_identifiers).tolist() for one in sets]
    return all(len(ids) == 1 for ids in asked) and len({ids[0] for ids in asked}) == len(sets)
