"""The shape of a step scorer's network, as plain values."""

from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

from hrm_net.checkpoints.pretrained import build_config
from hrm_net.nn.config import HRMConfig
from hrm_net.nn.layer_config import as_json, check_types
from puzzles.errors import UserError

Objective = Literal["orm", "prm", "pqm", "hier", "cond"]
OBJECTIVES: tuple[str, ...] = get_args(Objective)
INPUTS = ("grids", "text")
# What may differ between a solver and the scorer that starts from it: none of it shapes or reads a weight.
FREE = (
    "num_puzzle_ids", "h_cycles", "l_cycles", "max_segments", "gradient", "state", "damping", "noise", "halting",
    "exploration", "attention",
)  # fmt: skip


@dataclass(kw_only=True, slots=True)
class RewardModelConfig:
    """A recurrent core, the heads on it, and what they are shown.

    Of `core` the halting is not used: scorers stop by a head of their own.
    """

    # The recurrent core. For text, vocab_size counts the tokens and seq_len is the length that texts are padded to.
    core: HRMConfig
    # Heads, any of orm, prm, pqm, hier, cond.
    objectives: list[str]
    # grids: puzzle, state before, state after; text: tokens and the part of the text each belongs to.
    inputs: Literal["grids", "text"] = "grids"
    # Most steps of the budget that can be left after a step (grids).
    max_left: int = 0
    # Segments of thinking on each step, unless the scorer is told otherwise.
    segments: int = 2

    def __post_init__(self) -> None:
        """Raise ValueError, naming key, value and bound, for values that no scorer can have."""
        check_types(self)
        names = ", ".join(OBJECTIVES)
        if not isinstance(self.objectives, list) or not all(isinstance(name, str) for name in self.objectives):
            raise UserError(f"model.objectives={as_json(self.objectives)}: must be a list of {names}")
        if not self.objectives or set(self.objectives) - set(OBJECTIVES):
            raise UserError(f"model.objectives={self.objectives}: must be any of {names}, at least one")
        if len(set(self.objectives)) < len(self.objectives):
            raise UserError(f"model.objectives={self.objectives}: each at most once")
        if self.inputs not in INPUTS:
            raise UserError(f"model.inputs={self.inputs}: must be one of {', '.join(INPUTS)}")
        for key, bound in (("max_left", 0), ("segments", 1)):
            if not bound <= getattr(self, key) <= 10**6:
                raise UserError(f"model.{key}={getattr(self, key)}: must be at least {bound} and at most {10**6}")
        if self.inputs == "text" and self.core.codec == "symbols":
            raise UserError("model.core.codec=symbols: text has no symbols that are alike; use tokens for inputs=text")
        if self.core.state != "fixed" or self.core.noise:
            noise = f"state={self.core.state}, noise={self.core.noise}"
            raise UserError(f"model.core.{noise}: a scorer says the same each time; must be state=fixed, noise=0")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "RewardModelConfig":
        """From what `dataclasses.asdict` made of one. UserError for a key that is unknown or missing."""
        if "core" not in values and "seq_len" in values:
            raise UserError("holds a solver, not a step scorer; load it with hrm_net.HRM.from_pretrained")
        core = values.get("core")
        if not isinstance(core, dict):
            raise UserError("model.core: must be an object of the core's values")
        return build_config(cls, {**values, "core": build_config(HRMConfig, core, "model.core.")}, "model.")

    def check_start(self, solver: HRMConfig) -> None:
        """ValueError for the first value in which a solver's weights would mean something else in this core."""
        solver = replace(solver, num_puzzle_ids=1)
        for key in (field.name for field in fields(HRMConfig)):
            mine, its = getattr(self.core, key), getattr(solver, key)
            if key not in FREE and mine != its:
                raise UserError(f"model.core.{key}={mine}: the solver that is the start has {its}")
