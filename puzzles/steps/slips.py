"""Slips of the hand: now and then a step does nothing, or erases what was written."""

import numpy as np
from jaxtyping import Bool, Float, Int64, Integer, UInt8

from puzzles.steps.full import FullSolver
from puzzles.steps.policies import States, check_probability
from puzzles.steps.rules import StepRules
from puzzles.steps.steps import Regime


def draw_slips(
    rng: np.random.Generator, slip: float, erasable: Bool[np.ndarray, "num places"]
) -> tuple[Bool[np.ndarray, " num"], Bool[np.ndarray, " num"], Int64[np.ndarray, " num"]]:
    """(which steps do nothing, which ones erase, the place that each of these erases): each kind with probability
    `slip`, erasing where there is something to erase."""
    kind = rng.random(len(erasable))
    place = np.where(erasable, rng.random(erasable.shape), -1.0).argmax(axis=1)
    return kind < slip, (kind >= slip) & (kind < 2 * slip) & erasable.any(axis=1), place


def check_slip(slip: float) -> None:
    """UserError where nothing would be left to do without a slip."""
    check_probability("slip", slip)
    check_probability("2 * slip", 2 * slip)


class Slipping:
    """The policy `FullSolver` in the regime "edit", with the slips of `puzzles.steps.demonstrations.Demonstrator`.

    With probability `slip` a step does nothing instead, and with the same probability it erases a random written cell
    instead, where there is one. An attempt ends when it is full. UserError for a probability out of bounds.
    """

    regime: Regime = "edit"

    def __init__(self, rules: StepRules, policy: FullSolver, *, slip: float) -> None:
        check_slip(slip)
        assert policy.regime == "edit", policy.regime
        self.rules, self.policy, self.slip = rules, policy, float(slip)
        self.cells_per_step, self.ended = policy.cells_per_step, policy.ended
        self.name = f"{policy.name[:-1]},slip={slip:g})"

    def __call__(
        self, rng: np.random.Generator, problems: States, states: States, left: Integer[np.ndarray, " num"]
    ) -> tuple[UInt8[np.ndarray, "num seq"], Float[np.ndarray, " num"]]:
        """See `puzzles.steps.policies.Policy`. Log-probabilities are unknown."""
        before, (after, logp) = np.asarray(states, np.uint8), self.policy(rng, problems, states, left)
        written = self.rules.editable(problems) & (before != self.rules.blank)
        idle, erases, cell = draw_slips(rng, self.slip, written)
        after = np.where((idle | erases)[:, None], before, after)
        after[erases, cell[erases]] = self.rules.blank
        return after, logp
