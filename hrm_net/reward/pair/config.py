"""The configuration of a judge's training: the key `reward.pair` of a run."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from hrm_net.schema import require


@dataclass(kw_only=True, slots=True)
class PairConfig:
    """A judge of two candidates (`reward.objectives: [pair]`): its games, and how it learns when to stop."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # Fewest and most steps of the prefixes that play; the training puzzles are shared out evenly among the lengths
    # (puzzles).
    steps: list[int] = field(default_factory=lambda: [2, 8])
    # Largest number of games of each puzzle, or of each question.
    games: int = 4
    # Share of the puzzles whose games are between complete solutions, where the rules alone decide (puzzles).
    complete: float = 0.1
    # Share of the steps in which verdicts alone are learned, before the halting head is.
    warmup: float = 0.6
    # How the halting head learns: closed (whether the verdict is already right), exact (expected reward over all
    # stopping times) or grpo (sampled stopping times and verdicts, compared within a group).
    halting: Literal["closed", "exact", "grpo"] = "closed"
    # Mean number of segments that the judge is set to, on validation games.
    mean_segments: float = 3.0
    # Price of a segment beside a reward of 1 for a right verdict and -1 for a wrong one, at first: every validation
    # moves it towards `mean_segments` (exact, grpo).
    price: float = 0.02
    # Sampled stopping times and verdicts of each game, each under a symmetry of its own (grpo).
    rollouts: int = 8
    # How far a probability may move from that of the rollouts before it earns nothing more (grpo).
    clip: float = 0.2
    # Weight of the divergence from the judge at the end of the warm-up (grpo).
    kl: float = 0.01

    def __post_init__(self) -> None:
        ordered = len(self.steps) == 2 and 1 <= self.steps[0] <= self.steps[1]
        require("reward.pair.steps", self.steps, ordered, "two numbers, the fewest of at least 1 and the most")
        for key in ("complete", "warmup"):
            require(f"reward.pair.{key}", getattr(self, key), 0 <= getattr(self, key) <= 1, "in 0..1")
        require("reward.pair.complete", self.complete, self.complete < 1, "below 1, to leave prefixes to learn from")
        require("reward.pair.games", self.games, self.games >= 1, "at least 1")
        require("reward.pair.rollouts", self.rollouts, self.rollouts >= 2, "at least 2, to compare within a group")
        require("reward.pair.mean_segments", self.mean_segments, self.mean_segments >= 1, "at least 1")
        for key in ("price", "clip"):
            require(f"reward.pair.{key}", getattr(self, key), getattr(self, key) > 0, "above 0")
        require("reward.pair.kl", self.kl, self.kl >= 0, "at least 0")
