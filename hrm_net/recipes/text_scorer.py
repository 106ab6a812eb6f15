"""The kind of run `text_scorer`: heads learn to score each step of a solution in words."""

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from hrm_net.checkpoints import pretrained
from hrm_net.distributed.group import current
from hrm_net.provenance import provenance
from hrm_net.recipes import checks, step_scorer
from hrm_net.recipes.config import TEXT, EvaluateConfig, TrainConfig
from hrm_net.recipes.model_source import ModelSource, find_model
from hrm_net.recipes.recipe import Evaluation, Run
from hrm_net.recipes.step_scorer import ScorerTraining, export, model_config
from hrm_net.reward import objectives
from hrm_net.reward.data.batches import PackedBatches
from hrm_net.reward.examples import Examples, as_inputs
from hrm_net.reward.heads import HEADS, PAIR
from hrm_net.reward.model import RewardModel
from hrm_net.reward.model_config import TEXTS
from hrm_net.reward.scoring import run_rows, to_scores
from hrm_net.reward.text import data as text_data
from hrm_net.reward.text import evaluation as text_evaluation
from hrm_net.reward.text.backbone import Backbone, check_layer_exists
from hrm_net.reward.text.config import TEXT_VOCAB_SIZE, BackboneConfig
from hrm_net.reward.text.data import TEST, TRAIN, VALIDATION, notes
from hrm_net.reward.text.examples import ByteRows, RowInputs
from hrm_net.reward.text.scorer import TextScorer, saved_backbone
from hrm_net.reward.text.state_windows import StateRows
from hrm_net.schema import require, show
from hrm_net.trainer import loop
from hrm_net.trainer.device import resolve_device, resolve_precision
from hrm_net.trainer.tracking import Tracker
from puzzles.errors import UserError
from puzzles.steps.rows import FINE

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from hrm_net.evaluation.results import Results

COLUMNS = {
    "auroc_steps": "AUROC steps", "auroc_merged": "merged", "auroc_solutions": "solutions",
    "calibration_error": "calibration error", "first_error_f1": "first-error F1",
}  # fmt: skip


class TextTraining(ScorerTraining):
    """Training on texts, as the loop drives it."""

    def setup(self) -> None:
        config, reward = self.config, self.config.reward
        digest = hashlib.sha256(Path(str(reward.text.path)).read_bytes()).hexdigest()
        shown = row_inputs(config, self.device)
        if isinstance(shown, StateRows):
            digest += shown.backbone.digest()
        if self.data_digest not in (None, digest):
            raise UserError(
                f"reward.text.path={reward.text.path}: this file, or the language model, is another than the run began "
                "with; choose another name="
            )
        self.sets, sentences = text_data.read(reward.text, shown, config.seed)
        self.data_digest = digest
        for sentence in sentences:
            print(sentence, flush=True)
        train = self.sets[TRAIN]
        batches = PackedBatches(
            train.needed_by(reward.objectives),
            batch_size=config.batch_size, seed=config.seed, error_share=reward.error_share, streams="text ",
        )  # fmt: skip
        self.batches = batches
        print(f"learning from {train.describe()}", flush=True)
        if batches.too_long:
            print(f"{batches.too_long} solutions have more steps than go into a batch: left out", flush=True)

    def validate(self, tracker: Tracker) -> tuple[float, list[str]]:
        """Minus the sum of the heads' losses on the validation questions, and a line to show."""
        held_out, state = self.sets[VALIDATION], self.state
        losses, scores = losses_and_scores(self.model, held_out, self.config)
        metrics = text_evaluation.head_metrics(held_out, scores, text_evaluation.thresholds(held_out, scores))
        for head, found in metrics.items():
            tracker.log(
                state.step, kind="validation", seconds=state.seconds, head=head, loss=losses[head].item(), **found
            )
        aurocs = {head: found[f"auroc_{HEADS[head].measured_on}"] for head, found in metrics.items()}
        shown = ", ".join(
            f"{head} {'not defined' if math.isnan(value) else f'{value:.3f}'}" for head, value in aurocs.items()
        )
        line = f"  step {state.step}: AUROC of steps (orm: of solutions) on validation questions: {shown}"
        return -sum(loss.item() for loss in losses.values()), [line]


def row_inputs(config: TrainConfig, device: torch.device) -> RowInputs:
    """What turns the texts of a run into rows: their bytes, or the hidden states of its language model."""
    backbone, length = config.reward.text.backbone, config.model.seq_len
    if not backbone.on:
        return ByteRows(length)
    return StateRows(Backbone.load(backbone, device), length, backbone.cache)


def losses_and_scores(
    model: RewardModel, held_out: Examples, config: TrainConfig
) -> tuple[dict[str, Tensor], text_evaluation.Scores]:
    """Of every head over a whole set."""
    found = run_rows(model, as_inputs(held_out.inputs), segments=config.reward.segments, batch_size=config.batch_size)
    logits = {head: torch.from_numpy(values) for head, values in found.logits.items()}
    losses = objectives.losses(logits, held_out.batch(), loss=config.reward.loss)
    return losses, {head: to_scores(head, values) for head, values in found.logits.items()}


class TextScorerRecipe:
    """See `hrm_net.recipes.recipe.Recipe`. It has heads and a file, but no puzzles, policy, or solver to start from."""

    noun = "a step scorer of texts"
    answers_by_votes = False
    refused: Mapping[str, str] = MappingProxyType(
        {
            "data": "hrm-rank scores candidates in a file",
            "sets": "nothing generates texts",
            "solver": "it gives no answers",
            "search": "nothing generates texts",
            "candidates": "nothing generates texts; hrm-rank ranks those in a file",
            "augmentations": "augmentations vote for a solver of real ARC tasks",
        }
    )

    def owns(self, values: Mapping[str, Any]) -> bool:
        return checks.section(values, "puzzle").get("name") == TEXT

    def check(self, values: dict[str, Any], *, read_data: bool = True) -> Run:
        config = checks.build(_with_sizes(values))
        reward, data = config.reward, config.data
        bound = "heads for puzzle=text, which a solver can't be trained on (reward=text has them)"
        require("reward.objectives", show(reward.objectives), bool(reward.objectives), bound)
        require("reward.text.path", reward.text.path, reward.text.path is not None, "a file for puzzle=text")
        require("reward.start", reward.start, reward.start is None, "null for puzzle=text")
        require("reward.solver_steps", reward.solver_steps, reward.solver_steps == 0, "0 for puzzle=text")
        for key in ("path", "puzzles"):
            value = getattr(data, key)
            require(f"data.{key}", value, value is None, "null for puzzle=text")
        require("data.tasks", data.tasks, not data.has_tasks, "[] for puzzle=text")
        if read_data:
            text_data.check_path(reward.text)
            check_layer_exists(reward.text.backbone)
        if read_data or not reward.text.backbone.on:
            model_config(config)
        return Run(config=config)

    def train(self, run: Run, run_dir: Path) -> None:
        config = run.config
        loop.run(config.loop(), run_dir, lambda device, precision: TextTraining(config, device, precision))
        current().on_main(lambda: export(run_dir, config))

    def check_evaluation(self, config: EvaluateConfig, source: ModelSource) -> None:
        if source.config is None:
            raise UserError(
                f"{source.path}: holds a step scorer of texts without its run, which says what it is evaluated on; "
                f"hrm-rank --run {source.run_dir or source.path} FILE ranks solutions by it"
            )
        text_data.check_path(source.config.reward.text)

    def evaluate(self, evaluation: Evaluation, console: "Console") -> "Results":
        """Score every head on questions never trained on, print the table, write the JSON file."""
        from hrm_net.evaluation.results import Results

        config, source = evaluation.config, evaluation.source
        trained = source.config
        assert trained is not None
        device = resolve_device(config.device)
        model = step_scorer.load(source.path, trained).to(device)
        model.forward_dtype = resolve_precision(config.precision, device)
        sets, _ = text_data.read(trained.reward.text, row_inputs(trained, device), trained.seed)
        for sentence in notes(TEST, sets[TEST]):
            print(sentence, flush=True)
        _, on_validation = losses_and_scores(model, sets[VALIDATION], trained)
        _, on_test = losses_and_scores(model, sets[TEST], trained)
        fixed = text_evaluation.thresholds(sets[VALIDATION], on_validation)
        found = _facts(sets[TEST]) | {"heads": _plain(text_evaluation.head_metrics(sets[TEST], on_test, fixed))}
        results = Results(sets={TEST: found}, **provenance(config.seed))
        console.print(_table(found))
        results.write(evaluation.output)
        print(f"results: {evaluation.output}")
        return results

    def next_commands(self, config: TrainConfig, run_dir: Path) -> list[tuple[str, str]]:
        return [(f"hrm-rank --run {run_dir} candidates.jsonl", "solutions of your own, best first")]


def find_text_scorer(
    run: str,
    objective: str | None = None,
    *,
    device: torch.device | str = "cpu",
    precision: torch.dtype | None = None,
    **settings: Any,
) -> TextScorer:
    """The step scorer of a run over texts, or of a directory that it was saved to, with its language model where it
    has one; UserError where there is none. `objective` None: its last head; `settings` as `TextScorer` takes them."""
    model, backbone = _find_model(run)
    if model.config.inputs == "states" and backbone is None:
        raise UserError(f"{run}: scores hidden states of a language model, and does not say of which")
    if objective is not None and objective not in model.config.objectives:
        raise UserError(f"head={objective}: must be one of {', '.join(model.config.objectives)}, the model's")
    model.to(device).forward_dtype = precision
    found = None if backbone is None else Backbone.load(backbone, device)
    return TextScorer(model=model, objective=objective or model.config.objectives[-1], backbone=found, **settings)


def _find_model(run: str) -> tuple[RewardModel, BackboneConfig | None]:
    path = pretrained.shipped(run) or Path(run).expanduser()
    if (path / pretrained.CONFIG).is_file():
        if "objectives" not in pretrained.read_config(path)["model"]:
            raise UserError(f"{run}: holds a solver, not a step scorer; hrm-solve --run {run} solves puzzles by it")
        model, source, backbone = RewardModel.from_pretrained(path), None, saved_backbone(path)
    else:
        source = find_model(run)
        if source.config is None or not source.heads:
            raise UserError(f"{run}: holds a solver, not a step scorer; hrm-solve --run {run} solves puzzles by it")
        model, backbone = step_scorer.load(source.path, source.config), source.config.reward.text.backbone
    if model.config.inputs not in TEXTS:
        use = f"python evaluate.py run={run} evaluates it"
        if source is None:
            use = f"hrm_net.reward.StepScorer.from_pretrained({run!r}) loads it"
        if model.config.objectives == [PAIR]:
            raise UserError(f"{run}: holds a judge of two candidates for puzzles; hrm-rank --by pair ranks by it")
        raise UserError(f"{run}: its step scorer scores solutions of puzzles, not texts; {use}")
    if model.config.objectives == [PAIR]:
        use = f"hrm-rank --by pair --run {run} FILE ranks by it"
        raise UserError(f"{run}: holds a judge of two texts, which gives no score to one; {use}")
    return model, backbone if backbone is not None and backbone.on else None


def _with_sizes(values: dict[str, Any]) -> dict[str, Any]:
    """The same values with the model's sizes."""
    wanted, model = values.get("puzzle"), values.get("model")
    if not isinstance(wanted, dict) or not isinstance(model, dict):
        return values  # the schema says what is wrong with them
    unknown = sorted(set(wanted) - {"name", "length"})
    if unknown:
        raise UserError(f"puzzle.{unknown[0]}={show(wanted[unknown[0]])}: unknown key; text has length")
    length = wanted.get("length")
    if not isinstance(length, int) or isinstance(length, bool) or length < 16:
        raise UserError(f"puzzle.length={show(length)}: must be a whole number of at least 16, of bytes or tokens")
    sizes = {"vocab_size": TEXT_VOCAB_SIZE, "seq_len": length, "grid_width": 0, "box_rows": 0, "num_puzzle_ids": 1}
    return values | {"model": model | sizes}


def _facts(held_out: Examples) -> dict[str, Any]:
    label, span, group = (column[held_out.starts[-1] :] for column in (held_out.label, held_out.span, held_out.group))
    return {
        "questions": len(np.unique(group)),
        "steps": int((span == FINE).sum()),
        "steps_right": float((label[span == FINE] >= 0.5).mean()),
        "solutions": held_out.num_solutions,
        "solutions_right": float(held_out.outcome.mean()),
    }


def _plain(metrics: dict[str, dict[str, float]]) -> dict[str, dict[str, float | None]]:
    return {
        head: {key: float(value) if math.isfinite(value) else None for key, value in found.items()}
        for head, found in metrics.items()
    }


def _table(found: dict[str, Any]) -> "Table":
    title = (
        f"{found['steps']:,} rated steps and {found['solutions']:,} solutions to {found['questions']} unseen questions"
    )
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    table.add_column("head")
    for heading in COLUMNS.values():
        table.add_column(heading, justify="right")
    for head, row in found["heads"].items():
        table.add_row(head, *("-" if row[key] is None else f"{row[key]:.3f}" for key in COLUMNS))
    return table
