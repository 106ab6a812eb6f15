"""Every choice that makes one recurrent reasoning model differ from another, as plain values."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le

from hrm_net import schema
from hrm_net.nn.attention import check_backend
from hrm_net.nn.blocks import BLOCKS
from hrm_net.nn.codecs import CODECS
from hrm_net.nn.layer_config import MOST, Count, LayerConfig, as_name, check_types, refuse


@dataclass(kw_only=True, slots=True)
class HRMConfig(LayerConfig):
    """Shape and variant of an `HRM`. The defaults are the published 27 M model (arXiv 2506.21734).

    UserError, naming key, value and bound, for values that no model can have.
    """

    # Blocks in the slow module H (unused when the stacks are shared).
    h_layers: Annotated[int, Ge(1), Le(1000)] = 4
    # Blocks in the fast module L.
    l_layers: Annotated[int, Ge(1), Le(1000)] = 4
    # Updates of H in a segment.
    h_cycles: Count = 2
    # Updates of L before each update of H.
    l_cycles: Count = 2
    # Segments after which a row halts whatever the head says.
    max_segments: Count = 16
    # two: H and L have weights of their own (HRM); shared: one stack plays both (TRM).
    stacks: Literal["two", "shared"] = "two"
    # one_step: through the last update of L and of H (HRM); last_cycle: through the whole last cycle of H (TRM).
    gradient: Literal["one_step", "last_cycle"] = "one_step"
    # A puzzle starts from fixed vectors (HRM) or from fresh noise at every token (EqR).
    state: Literal["fixed", "random"] = "fixed"
    # Share of the old state kept at each update (EqR: 0.05).
    damping: Annotated[float, Ge(0), Le(1)] = 0.0
    # Standard deviation of the noise added at each update, in evaluation too (EqR: 0.01).
    noise: Annotated[float, Ge(0), Le(MOST)] = 0.0
    # q_learning: compare Q(halt) and Q(continue) (HRM); halt_only: one score, no second forward pass (TRM);
    # fixed: never early.
    halting: Literal["q_learning", "halt_only", "fixed"] = "q_learning"
    # Share of training rows that are forced to run for a random minimum number of segments.
    exploration: Annotated[float, Ge(0), Le(1)] = 0.1

    def __post_init__(self) -> None:
        check_types(self)
        schema.check(self, "model")
        for key, known in (("codec", CODECS), ("block", BLOCKS)):
            if getattr(self, key) not in known:
                refuse(key, as_name(getattr(self, key)), f"must be one of {', '.join(known)}")
        BLOCKS[self.block].check(self)
        CODECS[self.codec].check(self)
        if self.prefix_len == 0 and self.num_puzzle_ids > 1:
            needs = f"num_puzzle_ids={self.num_puzzle_ids} needs a prefix of at least 1 token to hold the embedding"
            refuse("prefix_len", 0, needs)
        check_backend(self.attention)
