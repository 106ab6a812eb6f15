"""Validation of a step scorer during its run, on solutions of puzzles cut from the training side: every head's curve,
and which checkpoint is best."""

import math
import zlib

import numpy as np
import torch

import puzzles
from hrm_net.data.config import Targets
from hrm_net.reward import objectives
from hrm_net.reward.data.prepare import solutions_of
from hrm_net.reward.data.solutions import Solutions, SolutionSource
from hrm_net.reward.metrics.ranking import auroc
from hrm_net.reward.model import RewardModel
from hrm_net.reward.verdicts import logits_of, scores
from hrm_net.trainer.tracking import Tracker
from puzzles import splits
from puzzles.steps.rows import StepRows, StepTrajectories


class Validation:
    """`validation_candidates` solutions of each validation puzzle, labelled as the training's are.

    What chooses the best checkpoint is the loss of these labels: a scorer that learns from rollouts is not chosen by
    the exact labels that it never saw. Those give the AUROC that is logged beside.
    """

    def __init__(self, source: SolutionSource, *, num_puzzles: int, batch_size: int) -> None:
        self.reward, self.batch_size = source.reward, batch_size
        found = validation_solutions(source, num_puzzles)
        self.solutions = StepTrajectories.concatenate([one.trajectories(self.reward) for one in found])
        exact = StepTrajectories.concatenate([one.trajectories(self.reward, exact=True) for one in found])
        self.ok = exact.rows.label > 0.5
        merged = [StepRows.concatenate([one.merged(self.reward) for one in found])]
        self.rows = StepRows.concatenate([self.solutions.rows, *(merged if "hier" in self.reward.objectives else [])])

    def __call__(self, model: RewardModel, step: int, seconds: float, tracker: Tracker) -> tuple[float, list[str]]:
        """Minus the sum of the heads' losses, and a line to show; a record of each head is logged."""
        logits = logits_of(model, self.rows, segments=self.reward.segments, batch_size=self.batch_size)
        losses = objectives.losses(logits, self._batch(), loss=self.reward.loss)
        told = []
        for head in model.config.objectives:
            found = self._auroc(head, logits[head])
            tracker.log(
                step, kind="validation", seconds=seconds, head=head, loss=losses[head].item(), **found,
                solutions=len(self.solutions),
            )  # fmt: skip
            told.append(f"{head} {found['auroc_solutions' if head == 'orm' else 'auroc_steps']:.3f}")
        total = sum(losses[head].item() for head in model.config.objectives)
        line = f"  step {step}: AUROC of steps (orm: of solutions) on validation puzzles: {', '.join(told)}"
        return -total, [line]

    def _auroc(self, head: str, logits: torch.Tensor) -> dict[str, float]:
        """Of single steps against their exact labels, and of solutions against their outcomes."""
        mine = scores(head, logits[: len(self.ok)])
        whole = auroc(_whole(head, mine, self.solutions), self.solutions.outcome)
        return {"auroc_steps": auroc(mine, self.ok), "auroc_solutions": whole}

    def _batch(self) -> dict[str, torch.Tensor]:
        alone = len(self.rows) - len(self.solutions.rows)
        trajectory = np.pad(self.solutions.attempts(), (0, alone), constant_values=-1)
        return {
            "label": torch.from_numpy(self.rows.label),
            "span": torch.from_numpy(self.rows.span.astype(np.int32)),
            "trajectory": torch.from_numpy(trajectory),
            "outcome": torch.from_numpy(self.solutions.outcome),
            "error": torch.from_numpy(self.solutions.error),
        }


def _whole(head: str, mine: np.ndarray, solutions: StepTrajectories) -> np.ndarray:
    """A solution's score: of orm the last step's, else the product, as a sum of logs."""
    if head == "orm":
        return mine[solutions.starts[1:] - 1]
    logs = np.log(np.maximum(mine, math.ulp(0.0)))
    return np.add.reduceat(logs, solutions.starts[:-1])


def validation_solutions(source: SolutionSource, num_puzzles: int, *, exact: bool = False) -> list[Solutions]:
    """Solutions of `num_puzzles` puzzles of the validation fold for each source of the training's mix."""
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
