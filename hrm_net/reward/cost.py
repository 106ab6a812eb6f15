"""How much arithmetic a step scorer's network takes, as PyTorch itself counts it."""

from dataclasses import replace

import torch
from torch import Tensor

from hrm_net.reward.inputs import GRIDS, Rows
from hrm_net.reward.model import RewardModel
from hrm_net.reward.model_config import RewardModelConfig
from hrm_net.trainer.throughput import RowCost, countable, row_cost


def scorer_cost(config: RewardModelConfig) -> RowCost:
    """Of one segment of one row. A language model that has given the row its hidden states is left out."""
    with torch.device("meta"):
        model = RewardModel(replace(config, core=countable(config.core))).train()
        rows = _one_row(config)

        def forward() -> Tensor:
            _, out = model(model.initial_state(rows), rows)
            return torch.stack([*out.logits.values(), out.q_halt]).sum()

        return row_cost(forward)


def _one_row(config: RewardModelConfig) -> Rows:
    seq = (1, config.core.seq_len)
    rows: Rows = {"span": torch.ones(1, dtype=torch.int32)}
    if config.inputs == "grids":
        grids = {name: torch.zeros(seq, dtype=torch.int32) for name in GRIDS}
        return rows | grids | {"left": torch.zeros(1, dtype=torch.int32)}
    shown = {"tokens": torch.zeros(seq, dtype=torch.int32)}
    if config.inputs == "states":
        shown = {"states": torch.zeros(*seq, config.state_size)}
    return rows | shown | {"part": torch.zeros(seq, dtype=torch.int32)}
