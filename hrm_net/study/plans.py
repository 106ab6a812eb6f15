"""The two plans: `full`, whose numbers reports/protocol.md fixes, and `toy`, which shows in minutes that all runs."""

import hashlib
import json
from dataclasses import asdict, dataclass

from hrm_net.study.arms import ARMS, Arm
from hrm_net.study.domains import Domain, Sizes

# A core small enough that hundreds of thousands of steps are judged in minutes, and that learns to solve in one.
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
    """Domains, the one that decides first, the sizes, and the arms."""

    name: str
    domains: tuple[Domain, ...]
    sizes: Sizes
    arms: tuple[Arm, ...] = ARMS

    @property
    def digest(self) -> str:
        """Of everything in it: what a protocol names, so that a later change is seen."""
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
