"""Scores for the steps of solutions in words, by a trained step scorer over text.

from hrm_net.reward import TextScorer, aggregate

scorer = TextScorer.from_pretrained("runs/mine/scorer")
scores = scorer.score(["1 + 2?"], [["1 + 2 = 3", ["1 + 2 = 4", "It is 4."]]])  # [question][candidate][step]
best = aggregate(scores, "prod")  # [question][candidate]
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64

from hrm_net.checkpoints import pretrained
from hrm_net.reward.examples import Examples, as_inputs
from hrm_net.reward.formats.records import TextSolution
from hrm_net.reward.heads import HEADS, PAIR
from hrm_net.reward.model import RewardModel
from hrm_net.reward.model_config import TEXTS
from hrm_net.reward.scoring import run_rows, to_scores
from hrm_net.reward.text.backbone import Backbone
from hrm_net.reward.text.config import BackboneConfig
from hrm_net.reward.text.examples import SEPARATOR, ByteRows, RowInputs, TextExample, examples_of, step_examples
from hrm_net.reward.text.state_windows import StateRows
from puzzles.errors import UserError

# Settings that from_pretrained takes besides the head.
SETTINGS = ("fine_weight", "segments", "stop", "batch_size", "separator")
Output = str | Sequence[str]  # a text that is split at the separator, or steps


@dataclass(kw_only=True, slots=True)
class TextScorer:
    """One head of a model over text. ValueError for a model that reads puzzles, or has no such head.

    `fine_weight` is the share of the single step's score where the head is `hier`, the rest that of the step merged
    with the one before. `segments` None: as many as the model scores with by default, and at most as
    many as it was trained to; with `stop`, a row ends once the halting head is that sure. `backbone` is the language
    model whose hidden states the model reads, None for a model that reads bytes. `separator` splits texts into steps;
    None: the backbone's, or a blank line.
    """

    model: RewardModel
    objective: str
    fine_weight: float = 1.0
    segments: int | None = None
    stop: float | None = None
    batch_size: int = 64
    backbone: Backbone | None = None
    separator: str | None = None

    def __post_init__(self) -> None:
        config = self.model.config
        if config.inputs not in TEXTS:
            raise UserError(f"inputs={config.inputs}: this model scores puzzles, not texts")
        if config.objectives == [PAIR]:
            raise UserError(f"objectives=[{PAIR}]: this model compares two texts; hrm_net.reward.TextJudge does")
        if (config.inputs == "states") != (self.backbone is not None):
            needs = "a language model" if self.backbone is None else "none: it reads bytes"
            raise UserError(f"backbone: inputs={config.inputs} of this model needs {needs}")
        if self.backbone is not None and self.backbone.size != config.state_size:
            raise UserError(f"backbone: has states of width {self.backbone.size}, the model reads {config.state_size}")
        if self.separator is None:
            self.separator = SEPARATOR if self.backbone is None else self.backbone.separator
        if not self.separator:
            raise UserError('separator="": must be a text that is not empty')
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

    @classmethod
    def from_pretrained(
        cls, source: str | Path, objective: str | None = None, *, device: torch.device | str = "cpu", **settings: Any
    ) -> "TextScorer":
        """The scorer of a training run (`runs/NAME`), or of a directory such as its `scorer`.

        `objective` None: the head that is saved with it, else its last one. `settings` are those of `TextScorer`. The
        language model, where there is one, is loaded from where training found it. UserError for a directory that holds
        no scorer of texts.
        """
        if unknown := sorted(settings.keys() - set(SETTINGS)):
            raise UserError(f"{unknown[0]}={settings[unknown[0]]}: must be one of {', '.join(SETTINGS)}")
        directory = Path(source).expanduser()
        if not (directory / pretrained.CONFIG).is_file() and (directory / "scorer" / pretrained.CONFIG).is_file():
            directory /= "scorer"
        model = RewardModel.from_pretrained(directory).to(device)
        saved = pretrained.read_config(directory).get("scorer", {})
        named = saved.get("objective") if isinstance(saved, dict) else None
        backbone = saved_backbone(directory)
        found = None if backbone is None else Backbone.load(backbone, device)
        return cls(model=model, objective=objective or named or model.config.objectives[-1], backbone=found, **settings)

    @property
    def shown(self) -> RowInputs:
        """What turns texts into the rows that the model reads."""
        length = self.model.config.core.seq_len
        return ByteRows(length) if self.backbone is None else StateRows(self.backbone, length)

    def split(self, output: Output) -> list[str]:
        """The steps of an output: a text is split at the separator, and empty parts are left out."""
        if not isinstance(output, str):
            return list(output)
        assert self.separator is not None
        return [part.strip() for part in output.split(self.separator) if part.strip()]

    def score(self, problems: Sequence[str], outputs: Sequence[Sequence[Output]]) -> list[list[list[float]]]:
        """Scores `[problem][candidate][step]` in [0, 1].

        `outputs` holds the candidates of each problem: each is a text, which is split at the separator, or a list of
        steps.

        ValueError for a problem without a candidate, a candidate without a step, or a text that is too long for the
        language model.
        """
        if len(problems) != len(outputs):
            raise UserError(f"{len(outputs)} lists of candidates for {len(problems)} problems: must be equally many")
        merged = self.fine_weight < 1
        examples: list[TextExample] = []
        lengths: list[list[int]] = []
        for i, (problem, candidates) in enumerate(zip(problems, outputs, strict=True)):
            if isinstance(candidates, str):
                raise UserError(f"problem {i}: outputs[{i}] is a text: must be a list of candidates")
            if not candidates:
                raise UserError(f"problem {i}: candidates=[]: must be at least one")
            lengths.append([])
            for output in candidates:
                one = TextSolution(problem=problem, steps=self.split(output))
                lengths[-1].append(len(one.steps))
                examples += step_examples(one, coarse=merged)
        found = self.score_rows(examples_of(examples, [], self.shown))
        scores, at = [], 0
        for counts in lengths:
            scores.append([])
            for num in counts:
                fine = found[at : at + num].copy()
                at += num
                if merged:
                    coarse = found[at : at + num - 1]
                    fine[1:] = self.fine_weight * fine[1:] + (1 - self.fine_weight) * coarse
                    at += num - 1
                scores[-1].append(fine.tolist())
        return scores

    def score_rows(self, rows: Examples) -> Float64[np.ndarray, " rows"]:
        """Of each row by itself: the probability that the step is right, of `cond` that it does not go wrong here."""
        segments = self.segments or self.model.config.segments
        found = run_rows(
            self.model, as_inputs(rows.inputs), segments=segments, stop=self.stop, batch_size=self.batch_size
        )
        return to_scores(self.objective, found.logits[self.objective])


def saved_backbone(directory: Path) -> BackboneConfig | None:
    """The language model that a saved scorer names; None where it reads bytes. UserError for values it cannot have."""
    values = pretrained.read_config(directory).get("backbone")
    if values is None:
        return None
    path = directory / pretrained.CONFIG
    if not isinstance(values, dict):
        raise UserError(f"{path}: backbone: must be an object")
    try:
        return pretrained.build_config(BackboneConfig, values, "backbone.")
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
