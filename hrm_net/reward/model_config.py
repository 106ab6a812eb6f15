"""The shape of a step scorer's network, as plain values."""

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from hrm_net.checkpoints.pretrained import build_config
from hrm_net.nn.config import HRMConfig
from hrm_net.nn.layer_config import as_json, check_types
from hrm_net.reward.heads import HEADS, PAIR
from puzzles.errors import UserError

INPUTS = ("grids", "text", "states")
TEXTS = ("text", "states")  # those of solutions in words
# What may differ between a solver and the scorer that starts from it: none of these values shapes or reads a weight.
FREE = (
    "num_puzzle_ids", "h_cycles", "l_cycles", "max_segments", "gradient", "state", "damping", "noise", "halting",
    "exploration", "attention",
)  # fmt: skip


@dataclass(kw_only=True, slots=True)
class RewardModelConfig:
    """A recurrent core, the heads on it, and what they are shown.

    The halting of `core` is not used: a scorer has a halting head of its own.
    """

    # The recurrent core. For text, vocab_size counts the tokens and seq_len is the length that texts are padded to; for
    # states, seq_len is the largest number of states of a step, or of two candidates together (pair).
    core: HRMConfig
    # Heads, by their names in hrm_net.reward.heads.
    objectives: list[str]
    # grids: puzzle, state before, state after; text: bytes and the part of the text each belongs to; states: hidden
    # states of a language model at the tokens of a step.
    inputs: Literal["grids", "text", "states"] = "grids"
    # The largest number of steps that can be left of the budget after a step (grids).
    max_left: int = 0
    # Segments run on each row, unless the scorer is given another number.
    segments: int = 2
    # The largest number of segments that training ran on a row; null: not known.
    max_segments: int | None = None
    # Width of the hidden states (states).
    state_size: int = 0

    def __post_init__(self) -> None:
        """UserError, naming key, value and bound, for values that no scorer can have."""
        check_types(self)
        names = f"{', '.join(HEADS)}, or {PAIR} alone"
        if not isinstance(self.objectives, list) or not all(isinstance(name, str) for name in self.objectives):
            raise UserError(f"model.objectives={as_json(self.objectives)}: must be a list of {names}")
        if self.objectives != [PAIR] and (not self.objectives or set(self.objectives) - set(HEADS)):
            raise UserError(f"model.objectives={self.objectives}: must be any of {names}, at least one")
        if len(set(self.objectives)) < len(self.objectives):
            raise UserError(f"model.objectives={self.objectives}: each at most once")
        if self.inputs not in INPUTS:
            raise UserError(f"model.inputs={self.inputs}: must be one of {', '.join(INPUTS)}")
        for key, bound in (("max_left", 0), ("segments", 1)):
            if not bound <= getattr(self, key) <= 10**6:
                raise UserError(f"model.{key}={getattr(self, key)}: must be at least {bound} and at most {10**6}")
        if self.max_segments is not None and (
            isinstance(self.max_segments, bool) or not isinstance(self.max_segments, int)
        ):
            raise UserError(f"model.max_segments={as_json(self.max_segments)}: must be a whole number or null")
        if self.max_segments is not None and not self.segments <= self.max_segments <= 10**6:
            bound = f"null, or at least segments={self.segments} and at most {10**6}"
            raise UserError(f"model.max_segments={self.max_segments}: must be {bound}")
        if self.inputs == "states" and self.objectives == [PAIR] and self.core.seq_len % 2:
            raise UserError(f"model.core.seq_len={self.core.seq_len}: must be even, half for each of two candidates")
        if self.inputs in TEXTS and self.core.codec == "symbols":
            reason = f"text has no interchangeable symbols; use tokens for inputs={self.inputs}"
            raise UserError(f"model.core.codec=symbols: {reason}")
        if not (1 <= self.state_size <= 10**6 if self.inputs == "states" else self.state_size == 0):
            bound = f"at least 1 and at most {10**6} for inputs=states, and 0 for others"
            raise UserError(f"model.state_size={self.state_size}: must be {bound}")
        if self.core.state != "fixed" or self.core.noise:
            noise = f"state={self.core.state}, noise={self.core.noise}"
            raise UserError(
                f"model.core.{noise}: a scorer must give the same score each time, which takes state=fixed, noise=0"
            )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "RewardModelConfig":
        """From what `dataclasses.asdict` made of one. UserError for a key that is unknown or missing."""
        if "core" not in values and "seq_len" in values:
            raise UserError("holds a solver, not a step scorer; load it with hrm_net.HRM.from_pretrained")
        core = values.get("core")
        if not isinstance(core, dict):
            raise UserError("model.core: must be an object of the core's values")
        return build_config(cls, {**values, "core": build_config(HRMConfig, core, "model.core.")}, "model.")

    def check_depth(self, segments: int, hint: str = "") -> None:
        """UserError for more segments than training ran, where that is known."""
        if self.max_segments is not None and segments > self.max_segments:
            raise UserError(
                f"segments={segments}: must be at most {self.max_segments}, to which the scorer was trained{hint}"
            )

    def check_start(self, solver: HRMConfig) -> None:
        """UserError for the first value that gives a solver's weights another meaning in this core."""
        solver = replace(solver, num_puzzle_ids=1)
        for key in (field.name for field in fields(HRMConfig)):
            mine, its = getattr(self.core, key), getattr(solver, key)
            if key not in FREE and mine != its:
                raise UserError(f"model.core.{key}={mine}: the solver to start from has {its}")
