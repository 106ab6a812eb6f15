"""What the counter counts, against formulas written out by hand for every kind of block and codec."""

import pytest

from hrm_net.evaluation.flops import segment_flops
from hrm_net.nn.config import HRMConfig
from hrm_net.nn.layer_config import swiglu_width
from hrm_net.trainer.throughput import update_flops
from tests.models import SMALL, VARIANTS

SIZES = [{}, {"h_layers": 3, "l_layers": 1, "h_cycles": 3, "l_cycles": 2}, {"hidden_size": 32, "expansion": 2.0}]


def swiglu(rows: int, dim: int, width: int) -> int:
    return 2 * rows * dim * 3 * width


def block_flops(config: HRMConfig) -> int:
    dim, tokens, cells, width = config.hidden_size, config.num_tokens, config.seq_len, config.mlp_width
    if config.block == "symbol":
        mix = swiglu(config.num_symbols * dim, cells, round(config.cell_expansion * cells))
        return mix + 2 * cells * config.num_symbols * dim * dim + swiglu(cells * config.num_symbols, dim, width)
    if config.block == "relational":  # triads of rows and of columns, rows, columns and boxes; cells over their symbols
        side = config.grid_width
        units = config.num_symbols * side * (config.box_rows + side // config.box_rows + 3) + cells
        return swiglu(cells * config.num_symbols, dim, width) + 2 * units * 2 * dim * 2 * width
    mlp = swiglu(tokens, dim, width)
    if config.block == "mixer":
        return mlp + swiglu(dim, tokens, swiglu_width(tokens, config.expansion, config.mlp_multiple))
    if config.block == "grid":
        return mlp + 2 * cells * 9 * dim * dim + 2 * 2 * dim * dim  # and the first token: hears the mean, is heard
    return mlp + 2 * tokens * dim * 4 * dim + 2 * 2 * tokens * tokens * dim


def by_hand_readout(config: HRMConfig) -> int:
    outputs = config.num_symbols if config.codec == "symbols" else config.vocab_size
    return 2 * config.seq_len * outputs * config.hidden_size


def by_hand(config: HRMConfig) -> int:
    h_layers = config.l_layers if config.stacks == "shared" else config.h_layers
    blocks = config.h_cycles * (config.l_cycles * config.l_layers + h_layers)
    return blocks * block_flops(config) + by_hand_readout(config) + 2 * config.hidden_size * 2


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_counts_what_its_formula_says(variant: str, sizes: dict):
    config = HRMConfig(**{**SMALL, **VARIANTS[variant], **sizes})
    assert segment_flops(config) == by_hand(config)


def test_the_published_model_needs_no_memory_to_be_counted():
    config = HRMConfig(vocab_size=12, seq_len=900)
    assert segment_flops(config) == by_hand(config)


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_update_is_a_segment_and_twice_what_has_gradients(variant: str):
    """With one cycle all of a segment has them; Q-learning repeats the stacks and the halting head."""
    one = {"h_cycles": 1, "l_cycles": 1}
    config = HRMConfig(**{**SMALL, **VARIANTS[variant], **one})
    segment = segment_flops(config)
    repeated = segment - by_hand_readout(config) if config.halting == "q_learning" else 0
    # one outer product in the backward pass of the symbols is not counted
    assert update_flops(config) == pytest.approx(3 * segment + repeated, rel=1e-3)
