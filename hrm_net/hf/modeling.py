"""A frozen language model with a step scorer on its hidden states, as transformers models.

    HRMForTokenClassification     logits [batch, seq, 2]; at the last token of each step, softmax gives the score as the
                                  probability of class 1. This is where TRL's PRMTrainer puts its labels.
    HRMForSequenceClassification  logits [batch, 1]: the sigmoid is the score of the last step. TRL's GRPOTrainer and
                                  RewardTrainer, and text-classification pipelines take it.

Both have the same weights, so one folder serves both. Only the scorer is trained.
"""

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput, TokenClassifierOutput
from transformers.utils import logging

from hrm_net.hf.configuration import MODULE, HRMRewardConfig
from hrm_net.reward.heads import HEADS
from hrm_net.reward.inputs import CURRENT
from hrm_net.reward.model import RewardModel
from hrm_net.reward.text.backbone import hidden_states
from puzzles.errors import UserError
from puzzles.steps.rows import FINE

logger = logging.get_logger(__name__)
IGNORED = -100
# What a saved folder holds besides: the classes that `auto_map` names.
CODE = '''"""Loads this folder with trust_remote_code=True; needs `pip install "hrm-net[hf]"`."""

from hrm_net.hf import HRMForSequenceClassification, HRMForTokenClassification, HRMRewardConfig

__all__ = ["HRMForSequenceClassification", "HRMForTokenClassification", "HRMRewardConfig"]
'''


class HRMRewardPreTrainedModel(PreTrainedModel):
    """The language model, cut off above the layer that is read, and the scorer."""

    config_class = HRMRewardConfig
    base_model_prefix = ""
    supports_gradient_checkpointing = True  # nothing is kept of the language model's pass: it has no gradient
    _supports_sdpa = _supports_flash_attn = _supports_attention_backend = True

    def __init__(self, config: HRMRewardConfig) -> None:
        super().__init__(config)
        reward = config.reward_config()
        (self.head,) = reward.objectives
        self.marks = config.step_marks()
        self.backbone = AutoModel.from_config(config.backbone_config()).requires_grad_(False)
        self.scorer = RewardModel(reward)
        self.scorer.q_head.requires_grad_(False)  # it decides nothing here: all steps take as many segments
        self.gradient_checkpointing = False
        self.post_init()

    def train(self, mode: bool = True) -> "HRMRewardPreTrainedModel":
        """The language model stays in eval mode."""
        super().train(mode)
        self.backbone.eval()
        return self

    def save_pretrained(self, save_directory: Any, *args: Any, **options: Any) -> None:
        """As transformers does, with the file that `auto_map` names."""
        super().save_pretrained(save_directory, *args, **options)
        (Path(save_directory) / f"{MODULE}.py").write_text(CODE, encoding="utf-8")

    @classmethod
    def from_pretrained(cls, *args: Any, **options: Any) -> Any:
        """As transformers does. It builds a model without values before it loads the weights, so tables that are not
        saved (of rotary positions) are computed afterwards."""
        loaded = super().from_pretrained(*args, **options)
        model = loaded[0] if isinstance(loaded, tuple) else loaded
        fresh = dict(RewardModel(model.scorer.config).named_buffers())
        saved = model.scorer.state_dict().keys()
        with torch.no_grad():
            for name, buffer in model.scorer.named_buffers():
                if name not in saved:
                    buffer.copy_(fresh[name])
        return loaded

    def _init_weights(self, module: nn.Module) -> None:
        """Nothing: the scorer draws its own weights."""

    def step_logits(self, rows: list[list[int]], spans: list[list[tuple[int, int]]]) -> list[Float[Tensor, " steps"]]:
        """After each segment, the logits of the scores of all steps of all rows, one after another."""
        device = self.backbone.device
        length = max(len(row) for row in rows)
        ids = torch.tensor([row + [0] * (length - len(row)) for row in rows], device=device)
        mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in rows], device=device)
        with torch.no_grad():
            states = hidden_states(
                self.backbone, self.config.layer, input_ids=ids, attention_mask=mask, use_cache=False
            )
        where = [(i, first, end) for i, mine in enumerate(spans) for first, end in mine]
        inputs = self._windows(states, torch.tensor(where, device=device).reshape(-1, 3))
        state = self.scorer.initial_state(inputs)
        found = []
        for _ in range(self.scorer.config.segments):
            state, out = self.scorer(state, inputs)
            found.append(HEADS[self.head].score_logits(out.logits[self.head]).float())
        return found

    def _windows(self, states: Float[Tensor, "batch token size"], where: Int[Tensor, "steps 3"]) -> dict[str, Tensor]:
        """The rows that the scorer reads: the states at the last tokens of each step."""
        row, first, end = where.T
        length = self.scorer.config.core.seq_len
        index = end[:, None] - length + torch.arange(length, device=where.device)
        inside = index >= first[:, None]
        chosen = states[row[:, None], index.clamp(min=0)]
        return {
            "states": torch.where(inside[..., None], chosen, 0.0),
            "part": inside.int() * CURRENT,
            "span": torch.full_like(row, FINE, dtype=torch.int32),
        }


class HRMForTokenClassification(HRMRewardPreTrainedModel):
    """`logits[batch, seq, 2]`: softmax at the last separator token of each step gives the score as class 1.

    The logits of all other tokens are 0. A step reaches back to the separator before it, so the first step includes a
    question that does not end with one. The loss is the cross-entropy of the labels at these tokens, averaged over the
    segments. Labels of -100 are ignored.
    """

    def forward(
        self,
        input_ids: Int[Tensor, "batch seq"],
        attention_mask: Tensor | None = None,
        labels: Int[Tensor, "batch seq"] | None = None,
        token_type_ids: Tensor | None = None,
        return_dict: bool | None = None,
    ) -> TokenClassifierOutput | tuple:
        """ValueError where labels are given and none of them lies where a step ends: the separators differ."""
        places, rows = _rows(input_ids, attention_mask)
        spans = [self.marks.spans(row) for row in rows]
        logits = torch.zeros(*input_ids.shape, 2, device=self.backbone.device)
        at = [(i, place[end - 1]) for i, (place, mine) in enumerate(zip(places, spans, strict=True)) for _, end in mine]
        loss = None if labels is None else logits.sum()
        if at:
            where = tuple(torch.tensor(at, device=logits.device).T)
            found = [torch.stack([-one / 2, one / 2], dim=-1) for one in self.step_logits(rows, spans)]
            logits = logits.index_put(where, found[-1])
            if labels is not None:
                loss = _loss(found, labels[where])
        if labels is not None:
            _check_labels(labels, at, self.marks.separator)
        output = TokenClassifierOutput(loss=loss, logits=logits)
        return output if return_dict is not False else output.to_tuple()


class HRMForSequenceClassification(HRMRewardPreTrainedModel):
    """`logits[batch, 1]`, whose sigmoid is the score of the last step, for a question with a whole solution.

    A separator is put at the end of the text where it has none. Prompt and solution come as one text, so the steps of
    the solution cannot be told from paragraphs of the prompt: the last step alone is read. `hrm_net.reward` has reward
    functions that aggregate over steps.
    """

    def __init__(self, config: HRMRewardConfig) -> None:
        super().__init__(config)
        config.id2label, config.label2id = {0: "score"}, {"score": 0}

    def forward(
        self,
        input_ids: Int[Tensor, "batch seq"],
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        use_cache: bool | None = None,
        return_dict: bool | None = None,
    ) -> SequenceClassifierOutput | tuple:
        """With labels from 0 to 1, one for each row, the loss is their cross-entropy."""
        _, rows = _rows(input_ids, attention_mask)
        rows = [self.marks.closed(row) for row in rows]
        spans = [self.marks.spans(row)[-1:] for row in rows]
        found = [one[:, None] for one in self.step_logits(rows, spans)]
        loss = None
        if labels is not None:
            wanted = labels.reshape(-1, 1).float()
            loss = torch.stack([F.binary_cross_entropy_with_logits(one, wanted) for one in found]).mean()
        output = SequenceClassifierOutput(loss=loss, logits=found[-1])
        return output if return_dict is not False else output.to_tuple()


def _rows(input_ids: Tensor, attention_mask: Tensor | None) -> tuple[list[list[int]], list[list[int]]]:
    """The places of each row's tokens, without padding on either side, and their ids."""
    shown: Bool[Tensor, "batch seq"] = torch.ones_like(input_ids, dtype=torch.bool)
    if attention_mask is not None:
        shown = attention_mask.bool()
    places = [mine.nonzero()[:, 0].tolist() for mine in shown]
    return places, [row[mine].tolist() for row, mine in zip(input_ids, shown, strict=True)]


def _loss(found: list[Float[Tensor, "steps 2"]], labels: Int[Tensor, " steps"]) -> Float[Tensor, ""]:
    """The mean over segments and labelled steps; 0 with a gradient of 0 where none is labelled."""
    each = [F.cross_entropy(one, labels, ignore_index=IGNORED, reduction="sum") for one in found]
    return torch.stack(each).mean() / (labels != IGNORED).sum().clamp(min=1)


def _check_labels(labels: Tensor, at: list[tuple[int, int]], separator: str) -> None:
    labelled = {tuple(place) for place in (labels != IGNORED).nonzero().tolist()}
    lost = labelled - set(at)
    if not lost:
        return
    row, token = min(lost)
    reason = f"row {row} has a label at token {token}, where no separator {separator!r} ends a step"
    if lost == labelled:
        raise UserError(f"labels: {reason}; PRMConfig(step_separator=...) must be that of the model's config")
    logger.warning_once(f"labels: {reason}; such labels are left out")
