"""`python evaluate.py run=DIR` for a run over texts: every head on questions never trained on, and results.json."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from hrm_net.checkpoints import pretrained
from hrm_net.evaluation.results import Results
from hrm_net.provenance import provenance
from hrm_net.recipes import step_scorer as training
from hrm_net.recipes.config import EvaluateConfig, TrainConfig
from hrm_net.recipes.model_source import ModelSource, find_model
from hrm_net.recipes.text_scorer import losses_and_scores
from hrm_net.reward.model import RewardModel
from hrm_net.reward.text import data as text_data
from hrm_net.reward.text import judging as text_judging
from hrm_net.reward.text.data import TEST, VALIDATION, TextSet
from hrm_net.schema import show
from hrm_net.trainer.device import resolve_device, resolve_precision
from puzzles.errors import UserError

COLUMNS = {
    "auroc_steps": "AUROC steps", "auroc_merged": "merged", "auroc_solutions": "solutions",
    "calibration_error": "calibration error", "first_error_f1": "first-error F1",
}  # fmt: skip


def find_text_model(run: str) -> RewardModel:
    """The step scorer of a run over texts, or of a directory that it was saved to; ValueError where there is none."""
    if (Path(run) / pretrained.CONFIG).is_file():
        model = RewardModel.from_pretrained(run)
    else:
        source = find_model(run)
        if source.config is None or not source.config.reward.on:
            raise UserError(f"{run}: holds a solver, not a step scorer")
        model = training.load(source.path, source.config)
    if model.config.inputs != "text":
        raise UserError(f"{run}: its step scorer judges puzzles, not texts")
    return model


def prepare(config: EvaluateConfig, trained: TrainConfig) -> None:
    """ValueError, before any work, for what a step scorer over texts can't be asked."""
    if config.data is not None:
        raise UserError(f"data={show(config.data)}: must be null; hrm-rank scores candidates in a file")
    for key in ("candidates", "sets"):
        if getattr(config, key):
            raise UserError(f"{key}={show(getattr(config, key))}: must be left out for texts, which nothing generates")
    text_data.check_path(trained.reward.text)


def run(config: EvaluateConfig, trained: TrainConfig, source: ModelSource, output: Path, console: Console) -> Results:
    """Judge, print the table, write the JSON file. Returns what was written."""
    device = resolve_device(config.device)
    model = training.load(source.path, trained).to(device)
    model.forward_dtype = resolve_precision(config.precision, device)
    sets, _ = text_data.read(trained.reward.text, trained.model.seq_len, trained.seed)
    for note in sets[TEST].notes(TEST):
        print(note, flush=True)
    _, on_validation = losses_and_scores(model, sets[VALIDATION], trained)
    _, on_test = losses_and_scores(model, sets[TEST], trained)
    fixed = text_judging.thresholds(sets[VALIDATION], on_validation)
    found = _facts(sets[TEST]) | {"heads": _plain(text_judging.judged(sets[TEST], on_test, fixed))}
    results = Results(sets={TEST: found}, **provenance(config.seed))
    console.print(_table(found))
    results.write(output)
    print(f"results: {output}")
    return results


def _facts(one: TextSet) -> dict[str, Any]:
    return {
        "questions": len(np.unique(one.lone.group)),
        "steps": int((one.lone.span == 1).sum()),
        "steps_right": float((one.lone.label[one.lone.span == 1] >= 0.5).mean()),
        "solutions": len(one.trajectories.outcome),
        "solutions_right": float(one.trajectories.outcome.mean()),
    }


def _plain(told: dict[str, dict[str, float]]) -> dict[str, dict[str, float | None]]:
    return {
        head: {key: float(value) if math.isfinite(value) else None for key, value in found.items()}
        for head, found in told.items()
    }


def _table(found: dict[str, Any]) -> Table:
    title = (
        f"{found['steps']:,} rated steps and {found['solutions']:,} solutions to {found['questions']} unseen questions"
    )
    table = Table(title=title, title_justify="left")
    table.add_column("head")
    for heading in COLUMNS.values():
        table.add_column(heading, justify="right")
    for head, row in found["heads"].items():
        table.add_row(head, *("-" if row[key] is None else f"{row[key]:.3f}" for key in COLUMNS))
    return table
