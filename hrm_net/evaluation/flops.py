"""How much arithmetic one segment of one puzzle takes, as PyTorch itself counts it."""

from dataclasses import replace

import torch
from torch.utils.flop_counter import FlopCounterMode

from hrm_net.model import HRM
from hrm_net.nn.config import HRMConfig
from hrm_net.trainer.throughput import MAPPING


def segment_flops(config: HRMConfig) -> int:
    """Multiplications and additions of all matrix products in one segment of one puzzle in eval mode.

    An [m, k] times [k, n] product counts 2 m n k, a convolution what its matrix product would, a product with a vector
    2 m k. Norms, activations, softmax and table look-ups are left out, and so is the second forward pass of Q-learning,
    which exists in training only. The segment runs on shapes alone (PyTorch's meta device), so that this neither
    computes nor allocates anything; attention is counted in its explicit form, whatever backend the config names.
    """
    with torch.device("meta"), torch.no_grad():
        model = HRM(replace(config, attention="explicit")).eval()
        row = torch.zeros(1, config.seq_len, dtype=torch.int32)
        batch = {"inputs": row, "labels": row, "puzzle_identifiers": torch.zeros(1, dtype=torch.int32)}
        carry = model.initial_carry(batch)
        with FlopCounterMode(display=False, custom_mapping=MAPPING) as counter:
            model(carry, batch)
    return counter.get_total_flops()
