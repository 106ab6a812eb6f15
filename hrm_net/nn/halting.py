"""Adaptive computation time: which rows halt after a segment, by Q-learning, by one halting score, or never early."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_net.nn.row_noise import ShareNoise
from hrm_net.nn.transfer import to_device

HALTING = ("q_learning", "halt_only", "fixed")


def wants_to_halt(
    halting: str, q_halt: Float[Tensor, " batch"], q_continue: Float[Tensor, " batch"]
) -> Bool[Tensor, " batch"]:
    """The halting head's own decision on each row, from its two logits.

    q_learning: Q(halt) > Q(continue) (HRM, section 2). halt_only: Q(halt) > 0, so the answer is more likely right than
    wrong (TRM). fixed: never.
    """
    if halting == "q_learning":
        return q_halt > q_continue
    if halting == "halt_only":
        return q_halt > 0
    return torch.zeros_like(q_halt, dtype=torch.bool)


def halted_in_training(
    wants: Bool[Tensor, " batch"],
    steps: Int[Tensor, " batch"],
    max_segments: int,
    exploration: float,
    generator: torch.Generator | ShareNoise | None,
) -> Bool[Tensor, " batch"]:
    """Rows that halt here: those at the last segment, and those whose head wants to and that are not exploring.

    With probability `exploration`, a row is forced to run for at least a number of segments drawn from
    2..max_segments; the draw is made anew after each segment, as published.
    """
    last = steps >= max_segments
    if exploration == 0 or max_segments < 2:
        return last | wants
    # Drawn on the CPU, so that the stream is the same on every device.
    if isinstance(generator, ShareNoise):
        floor = generator.draw(steps.shape, lambda rows, stream: _floor(rows, max_segments, exploration, stream))
    else:
        floor = _floor(steps, max_segments, exploration, generator)
    return last | (wants & (steps >= to_device(floor, steps.device)))


def _floor(
    rows: Tensor, max_segments: int, exploration: float, generator: torch.Generator | None
) -> Int[Tensor, " batch"]:
    """The least number of segments of each row; 0 for rows that do not explore."""
    explores = torch.rand(rows.shape, generator=generator) < exploration
    return torch.where(explores, torch.randint(2, max_segments + 1, rows.shape, generator=generator), 0)


def continue_target(
    next_q_halt: Float[Tensor, " batch"], next_q_continue: Float[Tensor, " batch"], last: Bool[Tensor, " batch"]
) -> Float[Tensor, " batch"]:
    """sigmoid(max(Q(halt), Q(continue)) one segment later), the target in [0, 1] for Q(continue).

    At the last segment there is only halting: sigmoid(Q(halt)).
    """
    return torch.where(last, next_q_halt, torch.maximum(next_q_halt, next_q_continue)).sigmoid()
