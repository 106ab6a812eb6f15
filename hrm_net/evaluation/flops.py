"""How much arithmetic a segment is: multiplications and additions of its matrix products, for one puzzle.

What torch.utils.flop_counter counts (2 m n k for an [m, k] times [k, n] product, a convolution as its matrix
product); norms, activations and softmax are left out.
"""

from hrm_net.nn.config import HRMConfig
from hrm_net.nn.layer_config import swiglu_width


def segment_flops(config: HRMConfig) -> int:
    """FLOPs of one segment of one puzzle in eval mode: both modules' updates, the answer and the halting head."""
    l_updates = config.h_cycles * config.l_cycles
    h_layers = config.l_layers if config.stacks == "shared" else config.h_layers
    blocks = l_updates * config.l_layers + config.h_cycles * h_layers
    return blocks * _block(config) + _heads(config)


def _block(config: HRMConfig) -> int:
    dim, num_tokens = config.hidden_size, config.prefix_len + config.seq_len
    width = swiglu_width(dim, config.expansion, config.mlp_multiple)
    if config.block == "symbol":
        symbols = config.vocab_size - config.num_special
        cell_width = round(config.cell_expansion * config.seq_len)
        mix = _swiglu(symbols * dim, config.seq_len, cell_width)
        couple = 2 * config.seq_len * symbols * dim * dim
        return mix + couple + _swiglu(config.seq_len * symbols, dim, width)
    mlp = _swiglu(num_tokens, dim, width)
    if config.block == "mixer":
        return mlp + _swiglu(dim, num_tokens, swiglu_width(num_tokens, config.expansion, config.mlp_multiple))
    if config.block == "grid":
        convolution = 2 * config.seq_len * 9 * dim * dim
        return mlp + convolution + 2 * 2 * dim * dim  # the cells' mean to the first token, and back
    projections = 2 * num_tokens * dim * 4 * dim
    return mlp + projections + 2 * 2 * num_tokens * num_tokens * dim


def _swiglu(rows: int, dim: int, width: int) -> int:
    return 2 * rows * dim * 3 * width


def _heads(config: HRMConfig) -> int:
    dim = config.hidden_size
    if config.codec == "symbols":
        return 2 * config.seq_len * (config.vocab_size - config.num_special) * dim + 2 * dim * 2
    return 2 * config.seq_len * dim * config.vocab_size + 2 * dim * 2
