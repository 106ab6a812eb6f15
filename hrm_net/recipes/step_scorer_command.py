"""`python evaluate.py run=DIR` for a run that trained a step scorer: metrics of every head, results.json, pictures."""

from pathlib import Path
from typing import Any

from rich.console import Console

import puzzles
from hrm_net.evaluation.results import Results
from hrm_net.recipes.checks import check_targets
from hrm_net.recipes.config import EvaluateConfig, Targets, TrainConfig
from hrm_net.recipes.model_source import ModelSource
from hrm_net.recipes.step_scorer import load
from hrm_net.recipes.step_scorer_runs import export
from hrm_net.reward import evaluation, pictures
from hrm_net.reward.search.tables import search_tables
from hrm_net.reward.tables import tables
from hrm_net.schema import show
from hrm_net.trainer.device import resolve_compile, resolve_device, resolve_precision
from hrm_net.trainer.tracking import read_metrics
from puzzles.errors import UserError

DEFAULT_PUZZLES = 200


def prepare(config: EvaluateConfig, trained: TrainConfig) -> None:
    """ValueError, before any work, for what a step scorer can't be asked."""
    if config.data is not None:
        raise UserError(f"data={show(config.data)}: must be null for a step scorer, which judges sampled solutions")
    if config.solver.name != "none":
        raise UserError(f"solver={config.solver.name}: must be none for a step scorer, which gives no answers")
    check_targets(puzzles.get(**trained.puzzle), ((f"sets.{name}", targets) for name, targets in config.sets.items()))


def run(config: EvaluateConfig, trained: TrainConfig, source: ModelSource, output: Path, console: Console) -> Results:
    """Judge, print the tables, write the JSON file and the pictures. Returns what was written."""
    model = load(source.path, trained)
    device = resolve_device(config.device)
    model = model.to(device)
    model.forward_dtype = resolve_precision(config.precision, device)
    if resolve_compile(config.compile, device):
        model.compile_blocks()
    size = sum(p.numel() for p in model.parameters())
    console.print(f"{source.path}: {size:,} parameters, heads {', '.join(model.config.objectives)}", highlight=False)
    sets: dict[str, Targets] = config.sets or evaluation.default_sets(trained)
    results = evaluation.evaluate(
        model,
        trained,
        sets,
        num_puzzles=config.puzzles or DEFAULT_PUZZLES,
        candidates=config.candidates or trained.reward.evaluate_candidates,
        batch_size=max(config.batch_size, 256),
        seed=config.seed,
        search=config.search if config.search.on else None,
    )
    for name, found in results.sets.items():
        for table in tables(name, found):
            console.print(table)
        for table in search_tables(name, found["search"]) if config.search.on else ():
            console.print(table)
    results.write(output)
    print(f"results: {output}")
    if source.run_dir is not None and config.checkpoint is None:
        print(f"scorer: {export(source.run_dir, trained, **settings(results, trained))}")
    if config.figures:
        records = read_metrics(source.run_dir) if source.run_dir else []
        paths = pictures.write(results, records, output.with_name(f"{output.stem}_pictures"))
        print("pictures: " + "\n          ".join(map(str, paths)))
    return results


def settings(results: Results, trained: TrainConfig) -> dict[str, Any]:
    """What a scorer is told of an evaluation: hier's combination of single and merged steps."""
    if trained.reward.objectives[-1] != "hier":
        return {}
    heads = next(iter(results.sets.values()))["heads"]
    return {"fine_weight": heads["hier"]["fixed_on_validation"]["fine_weight"]}
