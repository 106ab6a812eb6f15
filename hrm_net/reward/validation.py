"""Validation during a run: every head on solutions of puzzles that are not trained on, and which checkpoint is best."""

import math
import zlib
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

import puzzles
from hrm_net.data.config import Targets
from hrm_net.reward import objectives
from hrm_net.reward.aggregate import by_solution, ranking_aggregation
from hrm_net.reward.data.prepare import solutions_of
from hrm_net.reward.data.solutions import Solutions, SolutionSource
from hrm_net.reward.examples import from_steps
from hrm_net.reward.heads import HEADS, MERGED_ROWS, any_needs
from hrm_net.reward.inputs import GRID_INPUTS
from hrm_net.reward.metrics.ranking import auroc
from hrm_net.reward.model import RewardModel
from hrm_net.reward.scoring import run_rows, to_scores
from hrm_net.trainer.tracking import Tracker
from puzzles import splits
from puzzles.steps.rows import StepRows, StepTrajectories


class Validation:
    """`validation_candidates` solutions of each validation puzzle, labelled as the training's are.

    The best checkpoint is the one with the lowest loss on these labels: a scorer that learns from rollouts is not
    chosen by exact labels that it never saw. The exact labels give the AUROC that is logged beside the loss.
    """

    def __init__(self, source: SolutionSource, *, num_puzzles: int, batch_size: int) -> None:
        self.reward, self.batch_size = source.reward, batch_size
        found = validation_solutions(source, num_puzzles)
        self.solutions = StepTrajectories.concatenate([one.trajectories(self.reward) for one in found])
        exact = StepTrajectories.concatenate([one.trajectories(self.reward, exact=True) for one in found])
        self.ok = exact.rows.label > 0.5
        merged = None
        if any_needs(self.reward.objectives, MERGED_ROWS):
            merged = StepRows.concatenate([one.merged(self.reward) for one in found])
        self.batch = from_steps(self.solutions, merged).batch()
        self.inputs = {name: self.batch[name].numpy() for name in GRID_INPUTS}

    def __call__(self, model: RewardModel, step: int, seconds: float, tracker: Tracker) -> tuple[float, list[str]]:
        """Minus the sum of the heads' losses, and a line to show; a record of each head is logged."""
        reward = self.reward
        logits = run_rows(model, self.inputs, segments=reward.segments, batch_size=self.batch_size, fill=True).logits
        tensors = {head: torch.from_numpy(values) for head, values in logits.items()}
        losses = {head: loss.item() for head, loss in objectives.losses(tensors, self.batch, loss=reward.loss).items()}
        shown = []
        for head in model.config.objectives:
            found = self._auroc(head, logits[head])
            tracker.log(
                step, kind="validation", seconds=seconds, head=head, loss=losses[head], **found,
                solutions=len(self.solutions),
            )  # fmt: skip
            shown.append(f"{head} {found[f'auroc_{HEADS[head].measured_on}']:.3f}")
        line = f"  step {step}: AUROC of steps (orm: of solutions) on validation puzzles: {', '.join(shown)}"
        return -sum(losses.values()), [line]

    def _auroc(self, head: str, logits: Float[np.ndarray, " rows"]) -> dict[str, Any]:
        """Of single steps against their exact labels, and of solutions against their outcomes."""
        scores = to_scores(head, logits[: len(self.ok)])
        how = ranking_aggregation(HEADS[head].aggregation)
        whole = by_solution(np.maximum(scores, math.ulp(0.0)), self.solutions.starts, how)
        return {"auroc_steps": auroc(scores, self.ok), "auroc_solutions": auroc(whole, self.solutions.outcome)}


def validation_solutions(source: SolutionSource, num_puzzles: int, *, exact: bool = False) -> list[Solutions]:
    """Solutions of `num_puzzles` puzzles of the validation fold for each source of the training mix."""
    found = []
    for name, targets in source.targets().items():
        problems = validation_puzzles(source, name, targets, num_puzzles)
        # The purposes of streams keep their first names here and below: others would draw other puzzles.
        purpose = f"monitor solutions {name}"
        found += solutions_of(source, problems, purpose, num=source.reward.validation_candidates, exact=exact)
    return found


def validation_puzzles(source: SolutionSource, name: str, targets: Targets, num: int) -> np.ndarray:
    """`num` puzzles of the validation fold; their answers are remembered."""
    rng = puzzles.rng(source.seed, "monitor", zlib.crc32(name.encode()))
    problems, answers = splits.generate(source.rules.puzzle, rng, num, splits.VALIDATION, **targets)
    source.rules.remember(problems, answers)
    return problems
