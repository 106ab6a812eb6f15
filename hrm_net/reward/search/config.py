"""The configuration of search, probes and hill climbing in the evaluation of a step scorer: the key `search`."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from hrm_net.schema import require


@dataclass(kw_only=True, slots=True)
class SearchConfig:
    """Search by each head of a step scorer, probes that try to fool it, and hill climbing on its score."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # none leaves it out; full measures it.
    name: Literal["none", "full"] = "none"
    # Puzzles of each set that are searched, its first ones.
    puzzles: int = 50
    # Continuations tried at each step, of which the best-scored one is taken (greedy search), several sizes; []: none.
    greedy: list[int] = field(default_factory=lambda: [1, 4, 16])
    # Hypotheses kept at each step (beam search), several sizes; []: none.
    widths: list[int] = field(default_factory=lambda: [4])
    # Continuations of each hypothesis of a beam.
    expand: int = 4
    # Solutions of each puzzle that are changed to fool a head; 0: no probes.
    probes: int = 8
    # Changes made one after another to random states, each the best of `proposals`, to raise a head's score; 0: no
    # climbing.
    climbing: int = 60
    # Changes of one cell tried before each of them.
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
