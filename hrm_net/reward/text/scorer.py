"""Scores for the steps of solutions in words, by a trained step scorer over text."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from hrm_net.reward.examples import Examples, as_inputs
from hrm_net.reward.formats.records import TextSolution
from hrm_net.reward.heads import HEADS
from hrm_net.reward.model import RewardModel
from hrm_net.reward.scoring import run_rows, to_scores
from hrm_net.reward.text.examples import TextExample, examples_of, step_examples
from puzzles.errors import UserError


@dataclass(kw_only=True, slots=True)
class TextScorer:
    """One head of a model over text. ValueError for a model that reads puzzles, or has no such head.

    `fine_weight` is the share of the single step's score where the head is `hier`, the rest that of the step merged
    with the one before. `segments` None: as many as the model scores with by default, and at most as
    many as it was trained to; with `stop`, a row ends once the halting head is that sure.
    """

    model: RewardModel
    objective: str
    fine_weight: float = 1.0
    segments: int | None = None
    stop: float | None = None
    batch_size: int = 64

    def __post_init__(self) -> None:
        config = self.model.config
        if config.inputs != "text":
            raise UserError(f"inputs={config.inputs}: this model scores puzzles, not texts")
        if self.objective not in config.objectives:
            raise UserError(f"head={self.objective}: must be one of {', '.join(config.objectives)}, the model's")
        if not 0 <= self.fine_weight <= 1:
            raise UserError(f"fine_weight={self.fine_weight}: must lie in 0..1")
        if self.fine_weight < 1 and not HEADS[self.objective].scores_pairs:
            raise UserError(f"fine_weight={self.fine_weight}: must be 1 for head={self.objective}, which has one score")
        if self.stop is not None and not 0 < self.stop <= 1:
            raise UserError(f"stop={self.stop}: must be a probability above 0, or null")
        for key in ("segments", "batch_size"):
            value = getattr(self, key)
            if value is not None and value < 1:
                raise UserError(f"{key}={value}: must be at least 1")
        config.check_depth(self.segments or config.segments)

    def score(self, problems: Sequence[str], outputs: Sequence[Sequence[Sequence[str]]]) -> list[list[list[float]]]:
        """[problem][candidate][step], in [0, 1]; `outputs` holds the steps of each candidate to each problem.

        ValueError for a problem without a candidate, or a candidate without a step.
        """
        if len(problems) != len(outputs):
            raise UserError(f"{len(outputs)} lists of candidates for {len(problems)} problems: must be equally many")
        merged = self.fine_weight < 1
        examples: list[TextExample] = []
        for i, (problem, candidates) in enumerate(zip(problems, outputs, strict=True)):
            if not candidates:
                raise UserError(f"problem {i}: candidates=[]: must be at least one")
            for steps in candidates:
                one = TextSolution(problem=problem, steps=list(steps))
                examples += step_examples(one, coarse=merged)
        found = self.score_rows(examples_of(examples, [], self.model.config.core.seq_len))
        scores, at = [], 0
        for candidates in outputs:
            scores.append([])
            for steps in candidates:
                fine = found[at : at + len(steps)].copy()
                at += len(steps)
                if merged:
                    coarse = found[at : at + len(steps) - 1]
                    fine[1:] = self.fine_weight * fine[1:] + (1 - self.fine_weight) * coarse
                    at += len(steps) - 1
                scores[-1].append(fine.tolist())
        return scores

    def score_rows(self, rows: Examples) -> Float64[np.ndarray, " rows"]:
        """Of each row by itself: the probability that the step is right, of `cond` that it does not go wrong here."""
        segments = self.segments or self.model.config.segments
        found = run_rows(
            self.model, as_inputs(rows.inputs), segments=segments, stop=self.stop, batch_size=self.batch_size
        )
        return to_scores(self.objective, found.logits[self.objective])
