"""Attempts of a policy, and the log-probabilities of what it did."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64, Integer
from torch import Tensor

from hrm_net.inference.segments import inference
from hrm_net.policy.model import PolicyModel
from puzzles.steps.world import EditWorld, Episodes, draw

States = Integer[np.ndarray, "num seq"]


class Sampler:
    """A policy as a `puzzles.steps.world.Actor`, sampled at temperature 1."""

    def __init__(self, model: PolicyModel) -> None:
        self.model, self.device = model, next(model.parameters()).device

    def __call__(
        self, rng: np.random.Generator, problems: States, states: States, left: Int64[np.ndarray, "num"],
        allowed: Bool[np.ndarray, "num actions"],
    ) -> Int64[np.ndarray, "num"]:  # fmt: skip
        with inference(self.model):
            inputs = [torch.from_numpy(array).to(self.device) for array in (problems, states, left, allowed)]
            found = self.model.log_probs(*inputs)
        return draw(rng, found.double().cpu().numpy())


@dataclass(kw_only=True, slots=True)
class Choices:
    """Every choice of some attempts, one row each: what was seen, what was allowed, what was chosen, and by which
    attempt."""

    problems: Integer[Tensor, "rows seq"]
    states: Integer[Tensor, "rows seq"]
    left: Integer[Tensor, " rows"]
    allowed: Bool[Tensor, "rows actions"]
    action: Integer[Tensor, " rows"]
    attempt: Integer[Tensor, " rows"]

    def __len__(self) -> int:
        return len(self.action)

    def take(self, rows: Integer[Tensor, " some"] | slice) -> "Choices":
        """These rows alone."""
        return Choices(**{name: getattr(self, name)[rows] for name in self.__slots__})

    def log_probs(self, model: PolicyModel) -> Float[Tensor, "rows actions"]:
        """The log-probabilities that a model gives all actions."""
        return model.log_probs(self.problems, self.states, self.left, self.allowed)

    def chosen(self, log_probs: Float[Tensor, "rows actions"]) -> Float[Tensor, " rows"]:
        """Those of the actions that were taken."""
        return log_probs.gather(1, self.action[:, None])[:, 0]


def choices(world: EditWorld, episodes: Episodes, device: torch.device | str = "cpu") -> Choices:
    """The choices of attempts, attempt after attempt and in order of time."""
    attempt, t = np.nonzero(episodes.acted)
    problems, states = episodes.problems[attempt], episodes.states[attempt, t]
    allowed = world.allowed(problems, states)
    allowed[:, world.stop] &= t > 0
    arrays = {
        "problems": problems, "states": states, "left": world.budget - t, "allowed": allowed,
        "action": episodes.actions[attempt, t], "attempt": attempt,
    }  # fmt: skip
    return Choices(**{name: torch.from_numpy(array).to(device) for name, array in arrays.items()})


def log_probs(model: PolicyModel, rows: Choices, at_once: int = 2048) -> Float[Tensor, "rows actions"]:
    """`Choices.log_probs` without gradient, some rows at a time."""
    with inference(model):
        parts = [rows.take(slice(i, i + at_once)).log_probs(model) for i in range(0, max(1, len(rows)), at_once)]
    return torch.cat(parts)
