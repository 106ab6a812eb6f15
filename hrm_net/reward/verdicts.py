"""What all heads say of many rows, in one pass of the core over each."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hrm_net.reward.batches import GRIDS
from hrm_net.reward.model import RewardModel
from puzzles.step_rows import StepRows


def as_tensors(rows: StepRows) -> dict[str, Tensor]:
    """The columns that a model is shown, on the CPU."""
    names = (*GRIDS, "left", "span")
    return {name: torch.from_numpy(getattr(rows, name).astype(np.int32)) for name in names}


@torch.no_grad()
def logits_of(
    model: RewardModel, rows: StepRows, *, segments: int, batch_size: int
) -> dict[str, Float[Tensor, " rows"]]:
    """The logits of every head after so many segments, in fp32 on the CPU; no row stops early."""
    device = model.core.H_init.device
    columns = as_tensors(rows)
    training = model.training
    model.eval()
    parts = []
    for first in range(0, len(rows), batch_size):
        # The last batch is filled up: what is compiled serves it too.
        index = torch.arange(first, first + batch_size).clamp(max=len(rows) - 1)
        batch = {name: column[index].to(device) for name, column in columns.items()}
        state = model.initial_state(batch)
        for _ in range(segments):
            state, out = model(state, batch)
        parts.append({name: logit.float().cpu() for name, logit in out.logits.items()})
    model.train(training)
    return {name: torch.cat([part[name] for part in parts])[: len(rows)] for name in model.config.objectives}


def scores(head: str, logits: Float[Tensor, " rows"]) -> Float[np.ndarray, " rows"]:
    """In [0, 1], higher is better: the sigmoid, of `cond` 1 - h."""
    return torch.sigmoid((-logits if head == "cond" else logits).double()).numpy()
