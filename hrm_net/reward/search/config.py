"""The configuration of search, probes and hill climbing in the evaluation of a step scorer: the key `search`."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from hrm_net.schema import require


@dataclass(kw_only=True, slots=True)
class SearchConfig:
    """Search by each head of a step scorer, probes that try to fool it, and hill climbing on its score."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # Whether anything is searched: none or full.
    name: Literal["none", "full"] = "none"
    # Number of puzzles of each set that are searched, from its first on.
    puzzles: int = 50
    # Sizes of greedy search: continuations tried at each step, of which the best-scored one is taken; []: no greedy
    # search.
    greedy: list[int] = field(default_factory=lambda: [1, 4, 16])
    # Sizes of beam search: hypotheses kept at each step; []: no beam search.
    widths: list[int] = field(default_factory=lambda: [4])
    # Number of continuations of each hypothesis of a beam.
    expand: int = 4
    # Number of solutions of each puzzle that are changed to fool a head; 0: no probes.
    probes: int = 8
    # Number of changes made one after another to random states, each the best of `proposals`, to raise a head's score;
    # 0: no hill climbing.
    climbing: int = 60
    # Number of changes of one cell that are tried before each of them.
    proposals: int = 8

    def __post_init__(self) -> None:
        for key in ("greedy", "widths"):
            values = getattr(self, key)
            good = all(value >= 1 for value in values) and len(set(values)) == len(values)
            require(f"search.{key}", values, good, "different whole numbers of at least 1")
        for key, least in (("puzzles", 1), ("expand", 1), ("proposals", 1), ("probes", 0), ("climbing", 0)):
            require(f"search.{key}", getattr(self, key), getattr(self, key) >= least, f"at least {least}")

    @property
    def on(self) -> bool:
        """Whether anything is searched."""
        return self.name != "none"
