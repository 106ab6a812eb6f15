"""The formula against torch's own count of every small variant."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from hrm_net.evaluation.flops import segment_flops
from tests.models import VARIANTS, small_batch, small_model

SIZES = [{}, {"h_layers": 3, "l_layers": 1, "h_cycles": 3, "l_cycles": 2}, {"hidden_size": 32, "expansion": 2.0}]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_formula_counts_what_torch_counts(variant, sizes):
    # torch does not count the CPU's fused attention
    model = small_model(variant, attention="explicit", **sizes).eval()
    batch = small_batch(model, batch=5)
    with torch.no_grad():
        carry = model.initial_carry(batch)
        with FlopCounterMode(display=False) as counter:
            model(carry, batch)
    counted, config = counter.get_total_flops(), model.config
    if config.codec == "symbols":  # torch does not count products with a vector, the symbols' readout
        counted += 5 * 2 * config.seq_len * (config.vocab_size - config.num_special) * config.hidden_size
    assert counted == 5 * segment_flops(config)
