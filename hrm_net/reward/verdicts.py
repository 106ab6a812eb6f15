"""What all heads say of many rows, in one pass of the core over each, with no row stopping early."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hrm_net.reward.data.batches import GRIDS
from hrm_net.reward.judge import judge
from hrm_net.reward.model import RewardModel
from puzzles.steps.rows import StepRows


def logits_of(
    model: RewardModel, rows: StepRows, *, segments: int, batch_size: int
) -> dict[str, Float[Tensor, " rows"]]:
    """The logits of every head after so many segments, on the CPU."""
    # the last batch is filled up, so that what is compiled for training serves all
    filled = -(-len(rows) // batch_size) * batch_size
    index = np.arange(filled).clip(max=len(rows) - 1)
    columns = {name: getattr(rows, name).astype(np.int32)[index] for name in (*GRIDS, "left", "span")}
    found = judge(model, columns, segments=segments, batch_size=batch_size)
    return {name: torch.from_numpy(found.logits[name][: len(rows)]) for name in model.config.objectives}


def scores(head: str, logits: Float[Tensor, " rows"]) -> Float[np.ndarray, " rows"]:
    """In [0, 1], higher is better: the sigmoid, of `cond` 1 - h."""
    return torch.sigmoid(-logits if head == "cond" else logits).numpy()
