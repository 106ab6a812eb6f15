"""What the training of a step scorer over text is told besides: the key `reward.text` of a run."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from hrm_net.schema import require

TEXT_VOCAB_SIZE = 257  # 0 is padding, a byte b is b + 1


@dataclass(kw_only=True, slots=True)
class TextConfig:
    """Solutions in words to learn from, for puzzle=text."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # File of PRM800K's format, one rated solution a line; null: the scorer is trained on puzzles.
    path: str | None = None
    # What a neutral rating counts as: drop (as published by HRM-reward), positive (Lightman et al.) or negative (TRL).
    neutral: Literal["drop", "positive", "negative"] = "drop"
    # Wrong turns of each finished solution that the heads which learn from outcomes are shown, each ending there.
    negatives: int = 4
    # Share of the questions that is not trained on: half of it is for validation, half for the evaluation at the end.
    held_out: float = 0.2
    # What to do with broken lines: refuse the file, or skip them and say so.
    broken: Literal["refuse", "skip"] = "refuse"

    def __post_init__(self) -> None:
        require("reward.text.negatives", self.negatives, self.negatives >= 1, "at least 1")
        require("reward.text.held_out", self.held_out, 0 < self.held_out < 1, "above 0 and below 1")
