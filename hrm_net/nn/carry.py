"""What goes into a segment and what comes out of it."""

from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_net.nn.row_noise import RowNoise, ShareNoise

# `inputs` and `labels` [batch, seq], `puzzle_identifiers` [batch].
Batch = dict[str, Tensor]
# Where random numbers come from: a generator, one for more rows than these, a stream per row, or PyTorch's default one.
Randomness = torch.Generator | ShareNoise | RowNoise | None


@dataclass(kw_only=True, slots=True)
class Carry:
    """What flows from segment to segment: the detached states, and the puzzle that each row works on.

    A state is `[batch, token, dim]`, or `[batch, seq, symbol, dim]` with the symbol codec. `steps` counts the segments
    since the row took its puzzle.
    """

    z_H: Float[Tensor, "batch *state"]
    z_L: Float[Tensor, "batch *state"]
    steps: Int[Tensor, " batch"]
    halted: Bool[Tensor, " batch"]
    inputs: Int[Tensor, "batch seq"]
    labels: Int[Tensor, "batch seq"]
    puzzle_identifiers: Int[Tensor, " batch"]

    def tensors(self) -> dict[str, Tensor]:
        """All fields by name; `Carry(**tensors)` is the inverse."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(kw_only=True, slots=True)
class Output:
    """What one segment says about the puzzles in `carry.inputs` of the carry it was returned with.

    `q_halt` and `q_continue` are logits, `state` is that of H, with its gradient.
    `target_q_continue` in [0, 1] is there only in training with Q-learning.
    """

    logits: Float[Tensor, "batch seq vocab"]
    q_halt: Float[Tensor, " batch"]
    q_continue: Float[Tensor, " batch"]
    target_q_continue: Float[Tensor, " batch"] | None = None
    state: Float[Tensor, "batch *state"] | None = None
