"""`python evaluate.py` for a judge: tables, results.json, pictures."""

from typing import Any

from rich.console import Console
from rich.table import Table

from hrm_net.evaluation.results import Results
from hrm_net.progress import Progress
from hrm_net.recipes import step_scorer
from hrm_net.recipes.recipe import Evaluation
from hrm_net.recipes.solver_evaluation import pictures_folder, print_paths
from hrm_net.reward.pair import evaluation as pair_evaluation
from hrm_net.reward.pair import figures
from hrm_net.trainer.device import resolve_device, resolve_precision
from hrm_net.trainer.tracking import read_metrics

DEFAULT_PUZZLES = 200
KINDS = {"prefixes": "unfinished", "complete": "complete"}


def evaluate(evaluation: Evaluation, console: Console) -> Results:
    """Judge games of unseen puzzles, print the tables, write the JSON file and the pictures."""
    config, source, solutions = evaluation.config, evaluation.source, evaluation.inputs
    trained = source.config
    assert trained is not None
    device = resolve_device(config.device)
    model = step_scorer.load(source.path, trained).to(device)
    model.forward_dtype = resolve_precision(config.precision, device)
    size = sum(p.numel() for p in model.parameters())
    console.print(f"{source.path}: {size:,} parameters, a judge of two candidates", highlight=False)
    with Progress("evaluating", None, transient=True):
        results = pair_evaluation.evaluate(
            model,
            solutions,
            config.sets or trained.evaluate_sets or solutions.targets(),
            validation_puzzles=trained.validation.puzzles,
            num_puzzles=config.puzzles or DEFAULT_PUZZLES,
            batch_size=max(config.batch_size, 256),
            seed=config.seed,
        )
    for name, found in results.sets.items():
        console.print(accuracy_table(name, found))
        console.print(difficulty_table(found["prefixes"]))
    results.write(evaluation.output)
    print(f"results: {evaluation.output}")
    if config.figures:
        records = read_metrics(source.run_dir) if source.run_dir else []
        print_paths(figures.write(results, records, pictures_folder(evaluation.output)))
    return results


def accuracy_table(name: str, found: dict[str, Any]) -> Table:
    """Of one set: right verdicts after a fixed number of segments, where the judge stops by itself, and by counting."""
    title = f"{name}: right verdicts on games of {found['puzzles']:,} puzzles, after 1, 2, 4, ... segments"
    table = Table(
        title=title, title_justify="left",
        caption=f"The judge stops at a halting probability of {found['stop']:g}.", caption_justify="left",
    )  # fmt: skip
    depth = len(found["prefixes"]["by_segment"])
    shown = [1 << i for i in range(depth.bit_length()) if 1 << i <= depth]
    table.add_column("candidates", no_wrap=True)
    headings = ("games", *(f"after {m}" for m in shown), "by itself", "segments", "counts only")
    for heading in headings:
        table.add_column(heading, justify="right")
    for kind, words in KINDS.items():
        if kind in found:
            row = found[kind]
            table.add_row(
                words, f"{row['games']:,}", *(f"{row['by_segment'][m - 1]:.1%}" for m in shown),
                f"{row['accuracy']:.1%}", f"{row['segments']:.2f}",
                f"{row['counts_only']:.1%}",
            )  # fmt: skip
    return table


def difficulty_table(found: dict[str, Any]) -> Table:
    """Unfinished games by difficulty."""
    rank = found["spearman_segments_difficulty"]
    told = "is not defined" if rank is None else f"is {rank:.2f}"
    table = Table(
        title="Unfinished candidates, by how far one must think to see that the worse one cannot come right",
        title_justify="left", caption=f"Spearman's correlation of segments and difficulty {told}.",
        caption_justify="left",
    )  # fmt: skip
    for heading in ("difficulty", "games", "one segment", "by itself", "mean segments"):
        table.add_column(heading, justify="right")
    for row in found["by_difficulty"]:
        table.add_row(
            f"{row['least']:g} to {row['most']:g}", f"{row['games']:,}", f"{row['accuracy_one_segment']:.1%}",
            f"{row['accuracy']:.1%}", f"{row['segments']:.2f}",
        )  # fmt: skip
    return table
