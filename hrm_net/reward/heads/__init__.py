"""The reward heads, by name. A new pointwise head is one file here and one line in `HEADS`.

`PAIR` is the one head that compares: its logit means something only beside the opponent's (`hrm_net.reward.pair`), and
it has its network to itself.
"""

from collections.abc import Iterable

from hrm_net.reward.heads import cond, hier, orm, pqm, prm
from hrm_net.reward.heads.base import MERGED_ROWS, SINGLE_ROWS, TRAJECTORIES, Head

__all__ = ["HEADS", "MERGED_ROWS", "PAIR", "SINGLE_ROWS", "TRAJECTORIES", "Head", "any_needs"]
PAIR = "pair"
HEADS: dict[str, Head] = {
    "orm": orm.HEAD,
    "prm": prm.HEAD,
    "pqm": pqm.HEAD,
    "hier": hier.HEAD,
    "cond": cond.HEAD,
}


def any_needs(objectives: Iterable[str], data: str) -> bool:
    """Whether one of these heads learns from `data`: SINGLE_ROWS, MERGED_ROWS or TRAJECTORIES."""
    return any(data in HEADS[name].needs for name in objectives)
