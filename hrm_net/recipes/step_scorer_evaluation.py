"""`python evaluate.py` for a step scorer: tables of every head, results.json, pictures."""

from typing import Any

from rich.console import Console

from hrm_net.distributed.group import current
from hrm_net.evaluation.results import Results
from hrm_net.progress import Progress
from hrm_net.recipes.config import TrainConfig
from hrm_net.recipes.recipe import Evaluation
from hrm_net.recipes.solver_evaluation import pictures_folder, print_paths
from hrm_net.recipes.step_scorer import export, load
from hrm_net.reward import evaluation as reward_evaluation
from hrm_net.reward import figures
from hrm_net.reward.model import RewardModel
from hrm_net.reward.search.tables import search_tables
from hrm_net.reward.tables import tables
from hrm_net.trainer.device import resolve_compile, resolve_device, resolve_precision
from hrm_net.trainer.tracking import read_metrics

DEFAULT_PUZZLES = 200


def evaluate(evaluation: Evaluation, console: Console) -> Results:
    """Score, print the tables, write the JSON file and the pictures. Returns what was written."""
    config, source = evaluation.config, evaluation.source
    trained, solutions = evaluation.inputs
    device = resolve_device(config.device)
    model = RewardModel.from_pretrained(source.path) if source.config is None else load(source.path, trained)
    model = model.to(device)
    model.forward_dtype = resolve_precision(config.precision, device)
    if resolve_compile(config.compile, device):
        model.compile_blocks()
    size = sum(p.numel() for p in model.parameters())
    console.print(f"{source.path}: {size:,} parameters, heads {', '.join(model.config.objectives)}", highlight=False)
    with Progress("evaluating", None, transient=True):
        results = reward_evaluation.evaluate(
            model,
            solutions,
            config.sets or trained.evaluate_sets or solutions.targets(),
            validation_puzzles=trained.validation.puzzles,
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
    results.write(evaluation.output)
    print(f"results: {evaluation.output}")
    if source.run_dir is not None and source.config is not None and config.checkpoint is None:
        run_dir, chosen = source.run_dir, settings(results, trained)
        current().on_main(lambda: print(f"scorer: {export(run_dir, trained, **chosen)}"))
    if config.figures:
        records = read_metrics(source.run_dir) if source.run_dir else []
        print_paths(figures.write(results, records, pictures_folder(evaluation.output)))
    return results


def settings(results: Results, trained: TrainConfig) -> dict[str, Any]:
    """What a scorer keeps of an evaluation: how its head combines single and merged steps, where it scores both."""
    head = trained.reward.objectives[-1]
    weight = next(iter(results.sets.values()))["heads"][head]["fixed_on_validation"]["fine_weight"]
    return {} if weight is None else {"fine_weight": weight}
