"""What is compared: each arm is a head, what it learns from and how, as values of `conf/reward`."""

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """One way to train a step scorer; all arms of a seed share puzzles, policy, start and number of updates."""

    name: str
    experiment: Literal["A", "B"]
    # What it learns, as a page says it.
    says: str
    head: str
    # Values of `reward` that differ from the domain's.
    reward: dict[str, Any] = field(default_factory=dict)

    def overrides(self) -> list[str]:
        """As `python train.py` takes them."""
        values = {"objectives": f"[{self.head}]", **self.reward}
        return [f"reward.{key}={value}" for key, value in values.items()]


ROLLOUTS = {"data": "trees", "labels": "mc_soft"}
SOLUTIONS = {"data": "trajectories", "labels": "exact"}

ARMS = (
    Arm(name="prm", experiment="A", says="steps, Monte-Carlo labels of trees", head="prm", reward=ROLLOUTS),
    Arm(
        name="prm_count", experiment="A", says="as prm, from as many examples as hier_hnc", head="prm",
        reward={**ROLLOUTS, "compression": "count"},
    ),
    Arm(
        name="prm_noise", experiment="A", says="as prm, with the compression's label noise alone", head="prm",
        reward={**ROLLOUTS, "compression": "noise"},
    ),
    Arm(name="hier", experiment="A", says="steps and merged pairs, not compressed", head="hier", reward=ROLLOUTS),
    Arm(
        name="hier_hnc", experiment="A", says="steps and merged pairs of trees and compressed trees", head="hier",
        reward={**ROLLOUTS, "compression": "hnc"},
    ),
    Arm(
        name="prm_exact", experiment="A", says="as prm, labels by the solution", head="prm",
        reward={"data": "trees", "labels": "exact"},
    ),
    Arm(name="orm", experiment="B", says="outcomes of whole solutions", head="orm", reward=SOLUTIONS),
    Arm(name="prm_steps", experiment="B", says="steps of whole solutions", head="prm", reward=SOLUTIONS),
    Arm(
        name="prm_alive", experiment="B", says="whether solutions can still come right after each step", head="prm",
        reward={**SOLUTIONS, "fine": "alive"},
    ),
    Arm(name="pqm", experiment="B", says="the ranking of steps of whole solutions", head="pqm", reward=SOLUTIONS),
    Arm(name="cond", experiment="B", says="hazards, every error located", head="cond", reward=SOLUTIONS),
    Arm(
        name="cond_50", experiment="B", says="hazards, half of the errors located", head="cond",
        reward={**SOLUTIONS, "error_share": 0.5},
    ),
    Arm(
        name="cond_10", experiment="B", says="hazards, a tenth of the errors located", head="cond",
        reward={**SOLUTIONS, "error_share": 0.1},
    ),
    Arm(
        name="cond_0", experiment="B", says="hazards from outcomes alone", head="cond",
        reward={**SOLUTIONS, "error_share": 0.0},
    ),
)  # fmt: skip
BY_NAME = {arm.name: arm for arm in ARMS}
