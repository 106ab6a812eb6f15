"""Training of a step scorer on solutions in words; its update is that of every step scorer."""

import hashlib
import math
from pathlib import Path

import torch
from torch import Tensor

from hrm_net.recipes.config import TrainConfig
from hrm_net.recipes.step_scorer import ScorerTraining
from hrm_net.reward import objectives
from hrm_net.reward.heads import MERGED_ROWS, SINGLE_ROWS, TRAJECTORIES, any_needs
from hrm_net.reward.model import RewardModel
from hrm_net.reward.scoring import run_rows, to_scores
from hrm_net.reward.text import data as text_data
from hrm_net.reward.text import judging as text_judging
from hrm_net.reward.text.data import TRAIN, VALIDATION, TextBatches, TextSet
from hrm_net.reward.text.rows import FINE
from hrm_net.trainer.tracking import Tracker
from puzzles.errors import UserError


class TextTraining(ScorerTraining):
    """Training on texts, as the loop drives it."""

    def begin(self) -> None:
        config, reward = self.config, self.config.reward
        self.sets, notes = text_data.read(reward.text, config.model.seq_len, config.seed)
        digest = hashlib.sha256(Path(str(reward.text.path)).read_bytes()).hexdigest()
        if self.data_digest not in (None, digest):
            raise UserError(
                f"reward.text.path={reward.text.path}: is another file than the run began with; choose another name="
            )
        self.data_digest = digest
        for note in notes:
            print(note, flush=True)
        train = self.sets[TRAIN]
        merged, alone, whole = (any_needs(reward.objectives, data) for data in (MERGED_ROWS, SINGLE_ROWS, TRAJECTORIES))
        batches = TextBatches(
            (train.lone if merged else train.lone.take(train.lone.span == FINE)) if alone else None,
            train.trajectories if whole else None,
            batch_size=config.batch_size, seed=config.seed, error_share=reward.error_share,
        )  # fmt: skip
        self.batches = batches
        print(f"learning from {train.describe()}", flush=True)
        if batches.too_long:
            print(f"{batches.too_long} solutions have more steps than go into a batch: left out", flush=True)

    def look(self, tracker: Tracker) -> tuple[float, list[str]]:
        """Minus the sum of the heads' losses on the validation questions, and a line to show."""
        held_out, state = self.sets[VALIDATION], self.state
        losses, scores = losses_and_scores(self.model, held_out, self.config)
        told = text_judging.judged(held_out, scores, text_judging.thresholds(held_out, scores))
        for head, found in told.items():
            tracker.log(
                state.step, kind="validation", seconds=state.seconds, head=head, loss=losses[head].item(), **found
            )
        aurocs = {head: found["auroc_solutions" if head == "orm" else "auroc_steps"] for head, found in told.items()}
        shown = ", ".join(
            f"{head} {'not defined' if math.isnan(value) else f'{value:.3f}'}" for head, value in aurocs.items()
        )
        line = f"  step {state.step}: AUROC of steps (orm: of solutions) on validation questions: {shown}"
        return -sum(loss.item() for loss in losses.values()), [line]


def losses_and_scores(
    model: RewardModel, held_out: TextSet, config: TrainConfig
) -> tuple[dict[str, Tensor], text_judging.Scores]:
    """Of every head over a whole set; scores of the rows as `TextSet.rows` has them."""
    rows = text_data.columns(held_out.rows)
    found = run_rows(model, rows, segments=config.reward.segments, batch_size=config.batch_size)
    logits = {head: torch.from_numpy(values) for head, values in found.logits.items()}
    batch = text_data.batch_of(held_out)
    losses = objectives.losses(logits, batch, loss=config.reward.loss)
    return losses, {head: to_scores(head, values) for head, values in found.logits.items()}
