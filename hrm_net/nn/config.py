"""Every choice that makes one recurrent reasoning model differ from another, as plain values."""

from dataclasses import dataclass
from typing import Literal

from hrm_net.nn.attention import check_backend
from hrm_net.nn.blocks import BLOCKS
from hrm_net.nn.codecs import CODECS
from hrm_net.nn.layer_config import LayerConfig, as_name, check_types, refuse

MILLION = 10**6
# Smallest and largest value of each number. The largest ones lie far beyond any model that fits into a machine; they
# keep a slip of the pen (or a damaged file) from overflowing inside PyTorch, or from building blocks for hours.
BOUNDS: dict[str, tuple[float, float]] = {
    "vocab_size": (1, MILLION),
    "seq_len": (1, MILLION),
    "num_puzzle_ids": (1, 2**31 - 1),
    "prefix_len": (0, MILLION),
    "hidden_size": (1, MILLION),
    "num_heads": (1, MILLION),
    "mlp_multiple": (1, MILLION),
    "grid_width": (0, MILLION),
    "box_rows": (0, MILLION),
    "num_special": (0, MILLION),
    "h_layers": (1, 1000),
    "l_layers": (1, 1000),
    "h_cycles": (1, MILLION),
    "l_cycles": (1, MILLION),
    "max_segments": (1, MILLION),
    "damping": (0, 1),
    "noise": (0, MILLION),
    "exploration": (0, 1),
}
# These must lie above zero, and at most at this.
WIDEST = {"expansion": 1000, "cell_expansion": 1000}


@dataclass(kw_only=True, slots=True)
class HRMConfig(LayerConfig):
    """Shape and variant of an `HRM`. The defaults are the published 27 M model (arXiv 2506.21734).

    UserError, naming key, value and bound, for values that no model can have.
    """

    # Blocks in the slow module H (unused when the stacks are shared).
    h_layers: int = 4
    # Blocks in the fast module L.
    l_layers: int = 4
    # Updates of H in a segment.
    h_cycles: int = 2
    # Updates of L before each update of H.
    l_cycles: int = 2
    # Segments after which a row halts whatever the head says.
    max_segments: int = 16
    # two: H and L have weights of their own (HRM); shared: one stack plays both (TRM).
    stacks: Literal["two", "shared"] = "two"
    # one_step: through the last update of L and of H (HRM); last_cycle: through the whole last cycle of H (TRM).
    gradient: Literal["one_step", "last_cycle"] = "one_step"
    # A puzzle starts from fixed vectors (HRM) or from fresh noise at every token (EqR).
    state: Literal["fixed", "random"] = "fixed"
    # Share of the old state kept at each update (EqR: 0.05).
    damping: float = 0.0
    # Standard deviation of the noise added at each update, in evaluation too (EqR: 0.01).
    noise: float = 0.0
    # q_learning: compare Q(halt) and Q(continue) (HRM); halt_only: one score, no second forward pass (TRM);
    # fixed: never early.
    halting: Literal["q_learning", "halt_only", "fixed"] = "q_learning"
    # Share of training rows that are forced to run for a random minimum number of segments.
    exploration: float = 0.1

    def __post_init__(self) -> None:
        check_types(self)
        for key, (low, high) in BOUNDS.items():
            value = getattr(self, key)
            if not low <= value <= high:
                bound = f"be at least {low}" if value < low else f"be at most {high}"
                refuse(key, value, f"must {'lie in 0..1' if high == 1 else bound}")
        for key, high in WIDEST.items():
            value = getattr(self, key)
            if not 0 < value <= high:
                refuse(key, value, f"must be above 0 and at most {high}" if value > 0 else "must be above 0")
        for key, known in (("codec", CODECS), ("block", BLOCKS)):
            if getattr(self, key) not in known:
                refuse(key, as_name(getattr(self, key)), f"must be one of {', '.join(known)}")
        BLOCKS[self.block].check(self)
        CODECS[self.codec].check(self)
        if self.prefix_len == 0 and self.num_puzzle_ids > 1:
            needs = f"num_puzzle_ids={self.num_puzzle_ids} needs a prefix of at least 1 token to hold the embedding"
            refuse("prefix_len", 0, needs)
        check_backend(self.attention)
