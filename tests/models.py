"""Small models and batches for tests: every variant, a few thousand parameters each."""

from typing import Any

import torch

from hrm_net.model import HRM
from hrm_net.nn.config import HRMConfig

SEQ, VOCAB = 16, 6

SMALL: dict[str, Any] = {
    "vocab_size": VOCAB,
    "seq_len": SEQ,
    "hidden_size": 16,
    "num_heads": 2,
    "mlp_multiple": 8,
    "h_layers": 1,
    "l_layers": 2,
}
TRM = {"stacks": "shared", "gradient": "last_cycle", "halting": "halt_only", "prefix_len": 4, "max_segments": 4}
VARIANTS: dict[str, dict[str, Any]] = {
    "hrm": {"num_puzzle_ids": 3, "max_segments": 4},
    "hrm_learned": {"positions": "learned", "h_cycles": 3, "l_cycles": 1, "max_segments": 4},
    "rope_2d": {"positions": "rope_2d", "grid_width": 4, "halting": "fixed", "max_segments": 3},
    "trm_attention": {**TRM, "h_cycles": 3},
    "trm_mixer": {**TRM, "block": "mixer", "positions": "none", "l_cycles": 1},
    "grid": {"block": "grid", "positions": "none", "grid_width": 4, "num_puzzle_ids": 3, "max_segments": 4},
    "random_start": {"state": "random", "damping": 0.05, "noise": 0.01, "halting": "halt_only", "max_segments": 4},
    "symbols": {
        "codec": "symbols",
        "block": "symbol",
        "positions": "none",
        "prefix_len": 0,
        "halting": "halt_only",
        "max_segments": 4,
    },
}
VARIANTS["relational"] = {**VARIANTS["symbols"], "block": "relational", "grid_width": 4, "box_rows": 2}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small_model(variant: str = "hrm", **overrides: Any) -> HRM:
    return HRM(HRMConfig(**{**SMALL, **VARIANTS[variant], **overrides}), seeded())


def small_batch(model: HRM, batch: int = 3, seed: int = 1) -> dict[str, torch.Tensor]:
    """Random puzzles whose labels are symbols, never padding or blank."""
    generator, config = seeded(seed), model.config
    return {
        "inputs": torch.randint(1, config.vocab_size, (batch, config.seq_len), generator=generator),
        "labels": torch.randint(2, config.vocab_size, (batch, config.seq_len), generator=generator),
        "puzzle_identifiers": torch.randint(0, config.num_puzzle_ids, (batch,), generator=generator),
    }
