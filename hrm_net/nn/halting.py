"""Who stops when: adaptive computation time by Q-learning, by a halting score alone, or not at all."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

HALTING = ("q_learning", "halt_only", "fixed")


def wants_to_halt(
    halting: str, q_halt: Float[Tensor, " batch"], q_continue: Float[Tensor, " batch"]
) -> Bool[Tensor, " batch"]:
    """The halting head's verdict on each row.

    Q-learning compares the two values (HRM, section 2); halting alone asks whether the answer is likely right (TRM).
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
    generator: torch.Generator | None,
) -> Bool[Tensor, " batch"]:
    """Rows that end here: at the last segment, or where the head wants to, unless exploration keeps them thinking.

    With probability `exploration` a row must reach a segment drawn from 2..max_segments before it may stop.
    """
    last = steps >= max_segments
    if exploration == 0 or max_segments < 2:
        return last | wants
    # Drawn on the CPU: the stream is then the same on every device.
    explores = torch.rand(steps.shape, generator=generator) < exploration
    floor = torch.where(explores, torch.randint(2, max_segments + 1, steps.shape, generator=generator), 0)
    return last | (wants & (steps >= floor.to(steps.device)))


def continue_target(
    next_q_halt: Float[Tensor, " batch"], next_q_continue: Float[Tensor, " batch"], last: Bool[Tensor, " batch"]
) -> Float[Tensor, " batch"]:
    """Bootstrapped target in [0, 1] for Q(continue): the better value one segment on; at the last, its Q(halt)."""
    return torch.where(last, next_q_halt, torch.maximum(next_q_halt, next_q_continue)).sigmoid()
