"""What the policy imitates first: demonstrations, made from the run's seed, and batches of their choices."""

import numpy as np
import torch
from jaxtyping import Float, Integer
from torch import Tensor

import puzzles
from hrm_net.policy.config import PolicyRunConfig
from hrm_net.policy.model import PolicyModel
from hrm_net.policy.rollouts import Choices, choices
from puzzles.steps.demonstrations import Demonstrator
from puzzles.steps.full import FullSolver
from puzzles.steps.world import EditWorld, Episodes


def demonstrator(world: EditWorld, config: PolicyRunConfig) -> Demonstrator:
    """Who shows how it is done; UserError for values out of bounds."""
    regime = "edit" if config.correct else "fill"
    policy = FullSolver(world.rules, error=config.error, correct=config.correct, cells_per_step=1, regime=regime)
    return Demonstrator(world, policy, slip=config.slip)


def demonstrate(
    world: EditWorld,
    actor: Demonstrator,
    problems: Integer[np.ndarray, "num seq"],
    *,
    num: int,
    seed: int,
    purpose: str,
) -> Episodes:
    """`num` demonstrations of each problem, those of one next to each other."""
    return world.run(actor, puzzles.rng(seed, purpose), np.repeat(problems, num, axis=0))


class CloneBatches:
    """Choices of demonstrations, drawn at random as a pure function of (seed, step)."""

    def __init__(self, world: EditWorld, episodes: Episodes, *, batch_size: int, seed: int) -> None:
        self.rows, self.batch_size, self.seed = choices(world, episodes), batch_size, seed

    def __call__(self, step: int, device: torch.device) -> Choices:
        chosen = puzzles.rng(self.seed, "demonstrations", step).integers(len(self.rows), size=self.batch_size)
        batch = self.rows.take(torch.from_numpy(chosen))
        return Choices(**{name: getattr(batch, name).to(device) for name in Choices.__slots__})


def imitation_loss(model: PolicyModel, rows: Choices) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """(the mean negative log-probability of the demonstrated actions, the share of them that is the likeliest)."""
    found = rows.log_probs(model)
    return -rows.chosen(found).mean(), (found.argmax(dim=1) == rows.action).float().mean()
