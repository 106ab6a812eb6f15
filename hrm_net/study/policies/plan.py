"""Domain, sizes and arms of the study of policies; reports/policies/protocol.md fixes the digest of `POLICY`.

An arm is a run of `hrm_net.recipes.policy` with a reward of its own. The arms of a seed share puzzles, clone, scorer
and judge, all of which the seed's first job trains.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hrm_net.policy.rewards import JUDGE, REWARDS, SCORER
from hrm_net.study.plans import Arm, Domain, Learning, Plan

CLONE, CHANCE = "clone", "uniform"  # the baselines among the arms of the tables


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyArm(Arm):
    """A policy that learns from a reward; `head` is the reward's name."""

    # Values of `policy` that differ from the domain's.
    policy: dict[str, Any] = field(default_factory=dict)

    @property
    def needs(self) -> str | None:
        """The kind of frozen model behind the reward; None where there is none."""
        return REWARDS[self.head].needs


def _arm(name: str, says: str, reward: str = "", **policy: Any) -> PolicyArm:
    return PolicyArm(name=name, experiment="P", says=says, head=reward or name, policy=policy)


ARMS = (
    _arm("verifier", "1 for a solved puzzle, else 0; RLOO, beta 0.02"),
    _arm("verifier_beta_0", "the same, not held to the clone (beta 0)", "verifier", beta=0.0),
    _arm("verifier_beta_01", "the same, held to the clone more closely (beta 0.1)", "verifier", beta=0.1),
    _arm("verifier_grpo", "the same as `verifier`, by GRPO", "verifier", algorithm="grpo"),
    _arm("orm", "the score of the last step by a learned outcome reward"),
    _arm("prm_sum", "the sum of the scores of a learned process reward"),
    _arm("prm_sum_step", "the same, with a mean return for each step as baseline", "prm_sum", baseline="step"),
    _arm("prm_min", "the softened minimum of these scores"),
    _arm("prod", "the product of these scores"),
    _arm("cond", "the sum of log(1 - h) of a learned conditional reward"),
    _arm("cond_verifier", "`cond` plus `verifier`"),
    _arm("hier", "the sum of the scores of single and merged steps"),
    _arm("pair", "the mean probability of a learned judge that it beats the other attempts at the puzzle"),
    _arm("implicit", "the log-ratio of a model that learns outcomes from the attempts as they come"),
)
LEARNED = ("orm", "prm_sum", "prm_min", "prod", "cond", "cond_verifier", "hier", "pair", "implicit")


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyDomain(Domain):
    """Puzzles and core of the policies, of the scorer and of the judge. `overrides` are those of the policies."""

    # Overrides of `python train.py` that train the scorer, the judge, and the solver that both start from, whatever
    # the seed.
    scorer: tuple[str, ...]
    judge: tuple[str, ...]
    start: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicySizes(Learning):
    """How much of everything there is. `steps` counts updates of a policy, `batch_size` puzzles in each."""

    # Updates of the clone, of the scorer, of the judge, and demonstrations of each puzzle.
    clone_steps: int
    scorer_steps: int
    judge_steps: int
    demonstrations: int
    # Training puzzles of the scorer and of the judge.
    scored_puzzles: int
    # Updates between two validations, and validation puzzles with one attempt each.
    every: int
    validation: int
    # Unseen puzzles that decide, and attempts at each.
    test: tuple[int, int]


class PolicyPlan(Plan):
    """A plan whose rows `hrm_net.study.policies.run` makes."""

    __slots__ = ()


SUDOKU = PolicyDomain(
    name="policies_sudoku_4x4",
    says="4x4 Sudoku of 5 to 8 clues",
    seeds=(1, 2, 3, 4, 5),
    overrides=("experiment=policy_4x4",),
    targets={"clues": [5, 8]},
    other_policy=(),
    probe_targets={},
    probe_policy=(),
    scorer=("experiment=policy_scorer_4x4",),
    judge=("experiment=pair_sudoku_4x4",),
    start=("experiment=policy_scorer_4x4",),
)
PILOTED = replace(SUDOKU, name="policies_sudoku_4x4_pilot", seeds=(100,))
TINY_CORE = ("model.hidden_size=8", "model.mlp_multiple=8", "compile=false")
TINY = replace(
    SUDOKU,
    name="policies_toy",
    seeds=(0, 1),
    overrides=("experiment=policy_4x4", "policy.budget=12", "policy.rollouts=3", *TINY_CORE),
    scorer=("experiment=policy_scorer_4x4", "validation.puzzles=4", "reward.candidates=2", *TINY_CORE),
    judge=("experiment=pair_sudoku_4x4", "validation.puzzles=24", "reward.pair.steps=[3,3]", *TINY_CORE),
    start=("experiment=policy_scorer_4x4", *TINY_CORE),
)
SIZES = PolicySizes(
    solver_steps=500, steps=60, batch_size=8, puzzles=1000, candidates=24, trees=1, height=1, clone_steps=600,
    scorer_steps=400, judge_steps=150, demonstrations=2, scored_puzzles=150, every=20, validation=200, test=(200, 4),
)  # fmt: skip
POLICY = PolicyPlan(name="policy", domains=(SUDOKU,), sizes=SIZES, arms=ARMS)
PILOT = PolicyPlan(name="policy_pilot", domains=(PILOTED,), sizes=SIZES, arms=ARMS)
TOY = PolicyPlan(
    name="policy_toy", domains=(TINY,), arms=ARMS,
    sizes=PolicySizes(
        solver_steps=4, steps=2, batch_size=2, puzzles=16, candidates=2, trees=1, height=1, clone_steps=4,
        scorer_steps=2, judge_steps=2, demonstrations=1, scored_puzzles=24, every=1, validation=6, test=(6, 2),
    ),
)  # fmt: skip
POLICY_PLANS = {plan.name: plan for plan in (POLICY, PILOT, TOY)}

PROCESS = ("threads=1", "device=cpu", "evaluate_puzzles=0")


def overrides(domain: PolicyDomain, sizes: PolicySizes, seed: int, arm: PolicyArm | None, shared: Path) -> list[str]:
    """The overrides of `python train.py` that the arm's run is made of; without an arm: those of the clone, whose
    updates `policy.clone_steps` counts. `shared` holds what the arms of the seed share."""
    told = [
        *domain.overrides, f"seed={seed}", f"name={domain.name}_{arm.name if arm else CLONE}_{seed}",
        f"steps={sizes.steps}", f"batch_size={sizes.batch_size}", f"data.puzzles={sizes.puzzles}",
        f"policy.clone_steps={sizes.clone_steps}", f"policy.demonstrations={sizes.demonstrations}",
        f"validation.every={sizes.every}", f"validation.puzzles={sizes.validation}", f"checkpoint_every={sizes.every}",
        *PROCESS, *sizes.overrides,
    ]  # fmt: skip
    if arm is None:
        return told
    scorer = {SCORER: shared / "scorer", JUDGE: shared / "judge"}.get(arm.needs or "", "null")
    told += [f"policy.reward={arm.head}", f"policy.start={shared / CLONE}", f"policy.scorer={scorer}"]
    return told + [f"policy.{key}={value}" for key, value in arm.policy.items()]


def shared_overrides(domain: PolicyDomain, sizes: PolicySizes, seed: int, kind: str, start: Path) -> list[str]:
    """The overrides of the run that trains the seed's scorer or judge (`kind`), from the solver in `start`."""
    steps = sizes.scorer_steps if kind == SCORER else sizes.judge_steps
    return [
        *(domain.scorer if kind == SCORER else domain.judge), f"seed={seed}",
        f"name={domain.name}_{'scorer' if kind == SCORER else 'judge'}_{seed}", f"steps={steps}",
        f"data.puzzles={sizes.scored_puzzles}", "reward.solver_steps=0", f"reward.start={start}",
        f"validation.every={max(1, steps // 4)}", f"checkpoint_every={max(1, steps // 4)}", *PROCESS, *sizes.overrides,
    ]  # fmt: skip
