"""Winner takes all: several hypotheses about each puzzle start from different random states, and only the best learns.

Most failures of a trained HRM are a wrong path taken early. Here `hypotheses` rows share a puzzle. After each segment
the row with the lowest loss is the only one that has a gradient, its z_H is copied to the others, and each keeps its
own z_L (arXiv 2601.19085, whose single pass rose from 85.5 to 96.9 % of Sudoku-Extreme with four hypotheses on a GPU).
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_net.data.puzzle_sets import Batch
from hrm_net.nn.carry import Carry, Output
from hrm_net.nn.losses import row_losses


def repeated(batch: Batch, hypotheses: int) -> Batch:
    """Every row of a batch `hypotheses` times, copies beside each other."""
    return {key: rows.repeat_interleave(hypotheses, dim=0) for key, rows in batch.items()}


def puzzles_wanted(halted: Bool[np.ndarray, " batch"], hypotheses: int) -> Bool[np.ndarray, " puzzles"]:
    """Which puzzles have halted; the hypotheses about one halt together."""
    return halted[::hypotheses]


def winners(out: Output, labels: Int[Tensor, "batch seq"], kind: str, hypotheses: int) -> Int[Tensor, " puzzles"]:
    """The row of each puzzle's hypothesis with the lowest loss of the answer, the first of equal ones."""
    losses: Float[Tensor, " batch"] = row_losses(out.logits.detach(), labels, kind)
    best = losses.view(-1, hypotheses).argmin(dim=1)
    return best + hypotheses * torch.arange(len(best), device=best.device)


def only(out: Output, carry: Carry, rows: Int[Tensor, " puzzles"]) -> tuple[Output, Carry]:
    """What the chosen rows say, and their carry."""
    chosen = Output(
        logits=out.logits[rows],
        q_halt=out.q_halt[rows],
        q_continue=out.q_continue[rows],
        target_q_continue=None if out.target_q_continue is None else out.target_q_continue[rows],
        state=None if out.state is None else out.state[rows],
    )
    return chosen, Carry(**{name: value[rows] for name, value in carry.tensors().items()})


def follow(carry: Carry, rows: Int[Tensor, " puzzles"], hypotheses: int) -> None:
    """All hypotheses go on from the winner's z_H, or halt with it; each keeps its own z_L."""
    carry.z_H = carry.z_H[rows].repeat_interleave(hypotheses, dim=0)
    carry.halted = carry.halted[rows].repeat_interleave(hypotheses, dim=0)
