"""What the training of a step scorer over text is told besides: the key `reward.text` of a run."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from hrm_net.schema import require

TEXT_VOCAB_SIZE = 257  # 0 is padding, a byte b is b + 1


@dataclass(kw_only=True, slots=True)
class BackboneConfig:
    """A frozen causal language model whose hidden states a text scorer reads, in place of bytes."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # Directory, or id on the Hugging Face Hub, of a causal language model and its tokenizer; null: bytes are read.
    path: str | None = None
    # Branch, tag or commit of a model on the Hub; null: its default branch.
    revision: str | None = None
    # File of the GGUF format in that directory; null: the directory holds a transformers model.
    gguf_file: str | None = None
    # Layer after which the hidden states are read: 0 for the embeddings, the number of layers for the last, normalised
    # ones; null: two thirds of the layers.
    layer: int | None = None
    # Number format that the language model computes in.
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    # Largest number of tokens of a question with its steps; a longer text is refused. null: as many as the model has
    # positions.
    max_length: int | None = None
    # Text that ends the question and each step, and that splits a text into steps.
    step_separator: str = "\n\n"
    # Directory that keeps the hidden states of training and evaluation, by hash; null: none are kept.
    cache: str | None = "~/.cache/hrm-net/states"

    @property
    def on(self) -> bool:
        """Whether a language model is read."""
        return self.path is not None

    def saved(self) -> dict[str, Any]:
        """As a saved scorer names it: with an absolute path where it is a directory."""
        assert self.path is not None
        folder = Path(self.path).expanduser()
        return asdict(self) | {"path": str(folder.resolve()) if folder.is_dir() else self.path}

    def __post_init__(self) -> None:
        prefix = "reward.text.backbone"
        if self.path is not None and self.path.startswith("~"):
            self.path = str(Path(self.path).expanduser())
        for key in ("revision", "gguf_file", "layer", "max_length"):
            value = getattr(self, key)
            require(f"{prefix}.{key}", value, value is None or self.on, f"null without {prefix}.path")
        require(f"{prefix}.layer", self.layer, self.layer is None or self.layer >= 0, "null, or at least 0")
        fits = self.max_length is None or self.max_length >= 2
        require(f"{prefix}.max_length", self.max_length, fits, "null, or at least 2")
        require(f"{prefix}.step_separator", self.step_separator, self.step_separator != "", "a text that is not empty")


@dataclass(kw_only=True, slots=True)
class TextConfig:
    """Solutions in words to learn from, for puzzle=text."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # File of PRM800K's format, one rated solution a line; for a judge (pair) also one of candidates as hrm-rank reads
    # them, or of preference pairs; null: the scorer is trained on puzzles.
    path: str | None = None
    # What a neutral rating counts as: drop (as published by HRM-reward), positive (Lightman et al.) or negative (TRL).
    neutral: Literal["drop", "positive", "negative"] = "drop"
    # Wrong turns of each finished solution that the heads which learn from outcomes are shown, each ending there.
    negatives: int = 4
    # Share of the questions that is not trained on: half of it is for validation, half for the evaluation at the end.
    held_out: float = 0.2
    # What to do with broken lines: refuse the file, or skip them and say so.
    broken: Literal["refuse", "skip"] = "refuse"
    # A language model whose hidden states are read.
    backbone: BackboneConfig = field(default_factory=BackboneConfig)

    def __post_init__(self) -> None:
        require("reward.text.negatives", self.negatives, self.negatives >= 1, "at least 1")
        require("reward.text.held_out", self.held_out, 0 < self.held_out < 1, "above 0 and below 1")
