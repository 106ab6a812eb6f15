"""What is compared, where and at which size, as plain values; and the run configurations that follow from them.

The plan `full` is the one whose numbers reports/protocol.md fixes; `toy` shows in minutes that everything runs.
The names of the fields enter `Plan.digest` and the fingerprints of rows, so they stay as they are.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from hrm_net.recipes import compose, train_config
from hrm_net.recipes.config import TrainConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """One way to train a step scorer. All arms of a seed share puzzles, policy, start and number of updates."""

    name: str
    experiment: Literal["A", "B", "J", "P"]
    # What it learns from, as a page says it.
    says: str
    head: str
    # Values of `reward` that differ from the domain's.
    reward: dict[str, Any] = field(default_factory=dict)

    def overrides(self) -> list[str]:
        """The overrides of `python train.py`."""
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Domain:
    """What the arms share: puzzles, core and policy. Overrides are those of `python train.py`."""

    name: str
    says: str
    seeds: tuple[int, ...]
    # Puzzle, core and policy; targets of the generator.
    overrides: tuple[str, ...]
    targets: dict[str, Any]
    # A policy whose solutions the scorers do not learn from.
    other_policy: tuple[str, ...]
    # Puzzles, and a policy, whose solutions leave room for the steps that probes add.
    probe_targets: dict[str, Any]
    probe_policy: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Learning:
    """How much there is to learn from, and for how long."""

    # Updates of the solver that the arms start from, and of each scorer; steps of solutions in a batch.
    solver_steps: int
    steps: int
    batch_size: int
    # Puzzles with whole solutions, and solutions of each; rollout trees, and their levels that are expanded.
    puzzles: int
    candidates: int
    trees: int
    height: int
    # Values that differ in a domain, by its name.
    special: dict[str, dict[str, Any]] = field(default_factory=dict)
    # Further overrides.
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes(Learning):
    """How much of everything there is."""

    # Unseen puzzles and solutions of each: for the metrics, for fixing settings, and those of the other policy.
    test: tuple[int, int]
    validation: tuple[int, int]
    other: tuple[int, int]
    # N of step-level greedy search; width and continuations of beam search.
    greedy: tuple[int, ...]
    beam: tuple[int, int]
    # Puzzles and solutions of each that are tampered with; puzzles, iterations and proposals of hill climbing.
    probe: tuple[int, int]
    climb: tuple[int, int, int]


def of_domain(sizes: Any, domain: Domain) -> Any:
    """The sizes that hold in a domain, of the type that was given."""
    return replace(sizes, **{**sizes.special.get(domain.name, {}), "special": {}})


def overrides(domain: Domain, sizes: Learning, seed: int, arm: Arm | None, start: Path | None) -> list[str]:
    """The overrides of `python train.py` that train the arm; or None: the solver that the arms start from."""
    shared = [
        *domain.overrides,
        f"seed={seed}", f"name={domain.name}_{arm.name if arm else 'start'}_{seed}",
        f"steps={sizes.steps}", f"batch_size={sizes.batch_size}", f"data.puzzles={sizes.puzzles}",
        f"reward.candidates={sizes.candidates}", f"reward.trees={sizes.trees}", f"reward.height={sizes.height}",
        "validation.every=0", "evaluate_puzzles=0", "checkpoint_every=200", "threads=1", "device=cpu",
        *sizes.overrides,
    ]  # fmt: skip
    if arm is None:
        return [*shared, f"reward.solver_steps={sizes.solver_steps}"]
    return [*shared, *arm.overrides(), *([f"reward.start={start}"] if start is not None else [])]


def config(changes: list[str]) -> TrainConfig:
    """The checked configuration that the overrides compose to."""
    checked = compose.checked_overrides("train", changes, TrainConfig, sweep=False)
    values, _ = next(compose.compose_jobs("train", checked))
    return train_config(values)


# A core small enough to score hundreds of thousands of steps in minutes and to learn to solve in one.
SMALL_CORE = (
    "optim=muon", "reward=steps", "model.hidden_size=16", "model.mlp_multiple=16", "model.h_layers=1",
    "model.l_layers=1", "model.h_cycles=1", "model.l_cycles=2", "model.max_segments=4",
)  # fmt: skip
SUDOKU = Domain(
    name="sudoku_6x6",
    says="6x6 Sudoku of 14 to 22 clues",
    seeds=(0, 1, 2, 3, 4),
    overrides=(
        "puzzle=sudoku_6x6", "model=symbols", *SMALL_CORE, "data.curriculum=[{mix: [{targets: {clues: [14, 22]}}]}]",
        "reward.regime=edit", "reward.budget=5", "reward.cells_per_step=5", "reward.segments=1",
        "reward.policy.error=0.28", "reward.policy.correct=0.3",
    ),
    targets={"clues": [14, 22]},
    other_policy=("reward.policy.error=0.18", "reward.policy.correct=0.05", "reward.policy.doubt=0.0"),
    probe_targets={"clues": [20, 22]},
    probe_policy=("reward.policy.error=0.1",),
)  # fmt: skip
MAZE = Domain(
    name="maze_9x9",
    says="braided mazes of 4x4 rooms (9x9 cells)",
    seeds=(0, 1),
    overrides=(
        "puzzle=maze", "puzzle.rows=9", "puzzle.columns=9", "model=grid", "optim=muon", "reward=steps",
        "model.hidden_size=32", "model.h_layers=1", "model.l_layers=1", "model.positions=learned",
        "model.max_segments=4", "data.curriculum=[{mix: [{targets: {kind: dfs, braid: 0.5, path: [12, 20]}}]}]",
        "reward.regime=edit", "reward.budget=5", "reward.cells_per_step=4", "reward.segments=1",
        "reward.policy.error=0.22", "reward.policy.correct=0.3",
    ),
    targets={"kind": "dfs", "braid": 0.5, "path": [12, 20]},
    other_policy=("reward.policy.error=0.12", "reward.policy.correct=0.05", "reward.policy.doubt=0.0"),
    probe_targets={"kind": "dfs", "braid": 0.5, "path": [12, 13]},
    probe_policy=("reward.policy.error=0.1",),
)  # fmt: skip
TINY = Domain(
    name="sudoku_4x4",
    says="4x4 Sudoku of 6 to 9 clues",
    seeds=(0, 1),
    overrides=(
        "puzzle=sudoku_4x4", "model=symbols", *SMALL_CORE, "model.hidden_size=8", "model.mlp_multiple=8",
        "data.curriculum=[{mix: [{targets: {clues: [6, 9]}}]}]",
        "reward.regime=edit", "reward.budget=4", "reward.cells_per_step=3", "reward.segments=1",
        "reward.policy.error=0.2", "reward.policy.correct=0.3",
    ),
    targets={"clues": [6, 9]},
    other_policy=("reward.policy.error=0.1", "reward.policy.correct=0.05", "reward.policy.doubt=0.0"),
    probe_targets={"clues": [9, 10]},
    probe_policy=("reward.policy.error=0.1",),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Domains (the first one decides), sizes and arms."""

    name: str
    domains: tuple[Domain, ...]
    sizes: Learning
    arms: tuple[Arm, ...] = ARMS

    def arms_of(self, domain: Domain) -> tuple[Arm, ...]:
        """The arms that run in a domain of the plan."""
        assert domain in self.domains
        return self.arms

    @property
    def digest(self) -> str:
        """A hash of everything in the plan, which a protocol names, so that a later change is noticed."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


FULL = Plan(
    name="full",
    domains=(SUDOKU, MAZE),
    sizes=Sizes(
        solver_steps=1200, steps=300, batch_size=256, puzzles=2000, candidates=4, trees=100, height=4,
        test=(200, 512), validation=(64, 64), other=(200, 32), greedy=(1, 4, 16), beam=(4, 4), probe=(100, 8),
        climb=(24, 30, 16),
        special={"maze_9x9": {"solver_steps": 600}},
    ),
)  # fmt: skip
TOY = Plan(
    name="toy",
    domains=(TINY,),
    sizes=Sizes(
        solver_steps=4, steps=4, batch_size=24, puzzles=24, candidates=2, trees=4, height=3, test=(6, 8),
        validation=(6, 8), other=(6, 4), greedy=(1, 2), beam=(2, 2), probe=(4, 2), climb=(2, 2, 2),
        overrides=("compile=false",),
    ),
)  # fmt: skip
PLANS = {plan.name: plan for plan in (FULL, TOY)}
