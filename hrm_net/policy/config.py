"""The configuration of reward-guided learning: the key `policy` of a run."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Le

from hrm_net.data.config import expand_home
from hrm_net.policy.rewards import REWARDS
from hrm_net.schema import check, require

CLONE = "clone"  # in place of a reward: the policy imitates, and learns from nothing else


@dataclass(kw_only=True, slots=True)
class PolicyRunConfig:
    """A policy in place of a solver: it imitates demonstrations, then learns from a reward.

    The puzzles are `data.puzzles` distinct ones of the last stage of `data.curriculum`, of which `batch_size` are
    attempted in each update. Validation takes `validation.puzzles` more of the validation fold.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # Reward by name: verifier (1 for a solved puzzle, else 0), orm (score of the last step), prm_sum and prm_min (sum,
    # and softened minimum, of the scores of steps), prod (their product, the naive one), cond (sum of log(1 - h)),
    # cond_verifier (both summed), hier (sum of the scores of single and merged steps), pair (win rate within the
    # group), implicit (the log-ratio of a model that learns outcomes as it goes); clone (nothing but imitation); null:
    # no policy is trained, and no other key here has an effect.
    reward: str | None = None
    # Run directory, or name of shipped weights, of the frozen step scorer or judge behind the reward; null for rewards
    # without one.
    scorer: str | None = None
    # Run directory of the clone that learning starts from and is held to; null: one is trained first, in the directory
    # `clone` of this run.
    start: str | None = None
    # Number of updates by which the clone imitates, where this run trains it.
    clone_steps: Annotated[int, Ge(1)] = 400
    # Number of states in a batch of demonstrations.
    clone_batch: Annotated[int, Ge(1)] = 256
    # Learning rate of the clone; optim.lr is that of learning from the reward.
    clone_lr: Annotated[float, Gt(0)] = 3e-3
    # Number of demonstrations of each puzzle.
    demonstrations: Annotated[int, Ge(1)] = 2
    # Share of a demonstration's edits that go wrong: each attempt writes on until nothing is blank, right or wrong.
    error: Annotated[float, Ge(0), Le(1)] = 0.15
    # Probability that a demonstrated edit corrects a wrong cell while there is one.
    correct: Annotated[float, Ge(0), Le(1)] = 0.0
    # Probability that a demonstrated step does nothing instead, and that it erases a random written cell instead.
    slip: Annotated[float, Ge(0), Le(0.5)] = 0.02
    # Largest number of steps of an attempt.
    budget: Annotated[int, Ge(1), Le(1000)] = 16
    # Attempts at each puzzle, which are compared with each other.
    rollouts: Annotated[int, Ge(2)] = 8
    # How returns become advantages: rloo (less the mean return of the others of the group) or grpo (less the mean of
    # the group, in units of its standard deviation).
    algorithm: Literal["rloo", "grpo"] = "rloo"
    # What the mean return is a mean of: trajectory (whole attempts) or step (single steps, which favours short
    # attempts).
    baseline: Literal["trajectory", "step"] = "trajectory"
    # Weight of the divergence from the clone (the estimator k3).
    beta: Annotated[float, Ge(0)] = 0.02
    # Temperature of the softened minimum (prm_min).
    min_temperature: Annotated[float, Gt(0)] = 0.1
    # Number of segments in which an action is thought about; the last one has a gradient.
    segments: Annotated[int, Ge(1)] = 1

    def __post_init__(self) -> None:
        self.scorer, self.start = expand_home(self.scorer), expand_home(self.start)
        check(self, "policy")
        names = [*REWARDS, CLONE]
        require("policy.reward", self.reward, self.reward is None or self.reward in names,
                f"null or one of {', '.join(names)}")  # fmt: skip
        if self.reward is None:
            return
        needs = None if self.reward == CLONE else REWARDS[self.reward].needs
        what = "null" if needs is None else f"the run or the shipped weights of a {needs}"
        fits = (self.scorer is None) == (needs is None)
        require("policy.scorer", self.scorer, fits, f"{what} for policy.reward={self.reward}")
        fits = self.start is None or self.reward != CLONE
        require("policy.start", self.start, fits, f"null for policy.reward={CLONE}")

    @property
    def on(self) -> bool:
        """Whether a policy is trained."""
        return self.reward is not None
