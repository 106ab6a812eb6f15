"""Solutions to learn from and to be measured on: sampled from a policy, labelled by the answer or by rollouts."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Integer
from torch import nn

from hrm_net.data.config import DataConfig, Targets
from hrm_net.reward.config import RewardConfig
from puzzles.steps.attempts import Attempts, attempts
from puzzles.steps.full import FullSolver
from puzzles.steps.labels import BatchLabels, label_states
from puzzles.steps.policies import CarelessSolver, Policy, RandomPolicy, sample_states
from puzzles.steps.rows import StepRows, StepTrajectories, rows_of, trajectories_of
from puzzles.steps.rules import StepRules
from puzzles.steps.slips import Slipping

Grids = Integer[np.ndarray, "num seq"]


def build_policy(config: RewardConfig, rules: StepRules, solver: nn.Module | None = None) -> Policy:
    """The policy that `config.policy` names; `solver` is the model that the policy `hrm` samples."""
    policy = config.policy
    if policy.name == "random":
        return RandomPolicy(rules, cells_per_step=config.cells_per_step, regime=config.regime)
    if policy.name == "full":
        full = FullSolver(
            rules,
            error=policy.error,
            correct=policy.correct if config.regime == "edit" else 0.0,
            cells_per_step=config.cells_per_step,
            regime=config.regime,
        )
        return Slipping(rules, full, slip=policy.slip) if policy.slip else full
    if policy.name == "careless":
        return CarelessSolver(
            rules,
            error=policy.error,
            correct=policy.correct if config.regime == "edit" else 0.0,
            doubt=policy.doubt,
            cells_per_step=config.cells_per_step,
            regime=config.regime,
        )
    from hrm_net.reward.data.hrm_policy import HRMPolicy

    assert solver is not None, policy
    return HRMPolicy(
        solver,
        rules.puzzle,
        rules,
        temperature=policy.temperature,
        cells_per_step=config.cells_per_step,
        regime=config.regime,
    )


def policy_values(config: RewardConfig) -> dict[str, Any]:
    """The values of `config.policy` that solutions depend on, without those at which they are as before there were
    such values."""
    return {key: value for key, value in asdict(config.policy).items() if key != "slip" or value}


@dataclass(kw_only=True, slots=True)
class SolutionSource:
    """Where the solutions of a run come from: puzzles of the last stage of `data.curriculum`, solutions by `policy`,
    labels as `reward` says. All random streams derive from `seed`, the run's."""

    rules: StepRules
    policy: Policy
    reward: RewardConfig
    data: DataConfig
    seed: int

    def targets(self) -> dict[str, Targets]:
        """The generator targets of each source of the mix, by its name."""
        return self.data.last_targets()


@dataclass(kw_only=True, slots=True)
class Solutions:
    """Attempts at puzzles, those of one puzzle next to each other, with exact labels and the labels that a scorer
    learns from; often the two are the same."""

    attempts: Attempts
    exact: BatchLabels
    training_labels: BatchLabels

    def trajectories(self, config: RewardConfig, *, exact: bool = False) -> StepTrajectories:
        """The single steps of every attempt, its outcome, and its error step by the configuration's convention.
        `exact`: labelled by whether the step is right, whatever the training labels are."""
        labels, fine = (self.exact, "ok") if exact else (self.training_labels, config.fine)
        return trajectories_of(self.attempts, labels, fine=fine, error=config.error)

    def merged(self, config: RewardConfig, *, exact: bool = False) -> StepRows:
        """Every step but an attempt's first, merged with the one before."""
        return rows_of(self.attempts, self.exact if exact else self.training_labels, fine=None, coarse=config.coarse)


def sample(
    policy: Policy, rules: StepRules, rng: np.random.Generator, problems: Grids, config: RewardConfig, *, num: int,
    rollouts: bool = False,
) -> Solutions:  # fmt: skip
    """`num` attempts at each problem that does not come solved; with `rollouts` these give the training labels."""
    rows = np.repeat(problems, num, axis=0)
    states, lengths = sample_states(policy, rules, rng, rows, config.budget)
    if config.cut:
        ends = rng.random(len(lengths)) < config.cut
        lengths = np.where(ends, np.minimum(lengths, 1 + rng.integers(np.maximum(lengths, 1))), lengths)
    begun = lengths > 0
    found = attempts(
        rules.puzzle, rows[begun], states[begun], lengths[begun],
        budget=config.budget, cells_per_step=config.cells_per_step, regime=config.regime,
    )  # fmt: skip
    if config.cut:
        found = replace(found, budget=found.lengths.copy())
    exact = label_states(rules, found)
    training_labels = by_rollouts(policy, rules, rng, found, exact, config) if rollouts else exact
    return Solutions(attempts=found, exact=exact, training_labels=training_labels)


def by_rollouts(
    policy: Policy,
    rules: StepRules,
    rng: np.random.Generator,
    found: Attempts,
    exact: BatchLabels,
    config: RewardConfig,
) -> BatchLabels:
    """Labels of single and merged steps by `children` rollouts from the state after each: the share that comes right
    within the budget, or (mc_hard) whether at least one does. Outcome and error step stay exact."""
    from puzzles.trees.trees import monte_carlo

    chosen, t = np.nonzero(found.live)
    left = found.budget[chosen] - t - 1
    problems, after = found.problems[chosen], found.states[chosen, t + 1]
    share = monte_carlo(policy, rules, rng, problems, after, left, config.children)
    values = np.zeros(exact.ok.shape, np.float32)
    values[chosen, t] = share > 0 if config.labels == "mc_hard" else share
    merged = values.copy()
    merged[:, :1] = np.nan
    label = f"mc(k={config.children},policy={policy.name})"
    provenance = exact.provenance | dict.fromkeys(("ok", "second", "net"), label)
    return replace(exact, ok=values, second=merged, net=merged, provenance=provenance)
