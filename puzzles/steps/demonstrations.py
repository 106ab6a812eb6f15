"""Attempts to imitate: what a policy writes, as actions of a world, with slips of the hand and a stop at the end."""

import numpy as np
from jaxtyping import Bool, Int64, Integer

from puzzles.steps.full import FullSolver
from puzzles.steps.slips import check_slip, draw_slips
from puzzles.steps.world import EditWorld

States = Integer[np.ndarray, "num seq"]


class Demonstrator:
    """Acts as a policy that edits one cell a step, and stops when nothing is blank.

    With probability `slip` it does nothing instead, and with the same probability it erases a random written cell, so
    that who imitates it knows all kinds of actions. UserError for a probability out of bounds.
    """

    def __init__(self, world: EditWorld, policy: FullSolver, *, slip: float) -> None:
        check_slip(slip)
        assert policy.cells_per_step == 1
        self.world, self.policy, self.slip = world, policy, slip

    def __call__(
        self, rng: np.random.Generator, problems: States, states: States, left: Int64[np.ndarray, "num"],
        allowed: Bool[np.ndarray, "num actions"],
    ) -> Int64[np.ndarray, "num"]:  # fmt: skip
        """See `puzzles.steps.world.Actor`."""
        world = self.world
        after, _ = self.policy(rng, problems, states, left)
        chosen = world.between(states, after)
        idle, erases, cell = draw_slips(rng, self.slip, allowed[:, world.num_writes : world.no_op])
        chosen = np.where(idle, world.no_op, chosen)
        chosen = np.where(erases, world.num_writes + cell, chosen)
        full = (states != world.rules.blank).all(axis=1)
        return np.where(full & allowed[:, world.stop], world.stop, chosen)
