"""Domains, sizes and arms of the second protocol, as plain values; reports/protocol.md fixes the digest of `SECOND`."""

from dataclasses import dataclass, replace

from hrm_net.study.plans import ARMS, BY_NAME, Arm, Domain, Learning, Plan

A = ("prm", "prm_count", "prm_noise", "hier", "hier_hnc")
B = ("orm", "prm_steps", "prm_alive", "pqm", "cond", "cond_0")
SHARED = ("orm", "prm_steps", "pqm", "cond")
SECOND_ARMS = tuple(arm for arm in ARMS if arm.name in (*A, *B))


@dataclass(frozen=True, kw_only=True, slots=True)
class PrefixDomain(Domain):
    """A domain, its arms, and how its prefixes are made. `other_policy` ends with blanks where it fails."""

    arms: tuple[str, ...]
    # Arms that are heads of one network, which the first of them trains: all learn from the same whole solutions.
    shared: tuple[str, ...]
    # Domains of the same name here start from one solver, whatever the seed: the first job that needs it trains it.
    core: str
    # The run whose solver that is, as overrides of `python train.py`; none: the domain's own, with `solver_steps`.
    start: tuple[str, ...] = ()
    # Segments at which every step is scored, at most the deepest that is trained (`reward.max_segments`).
    depth: int
    # Steps of a prefix.
    prefix_steps: int
    # Errors an edit of the policies that write prefixes of which few, and of which half, can still come right.
    few_error: float
    half_error: float
    # How close prefixes must be for counts and rules, see `puzzles.steps.prefixes`.
    width: float = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class PrefixSizes(Learning):
    """How much of everything there is."""

    # Puzzles drawn, prefixes of each, and the chance of each to come right: for best-of-N.
    few: tuple[int, int, float]
    # The same for what is ranked within a puzzle, and for the single steps.
    half: tuple[int, int, float]
    # Puzzles and complete solutions of each, for either policy; those that are tampered with.
    complete: tuple[int, int]
    probe: tuple[int, int]


class SecondPlan(Plan):
    """A plan whose rows `hrm_net.study.second.run` makes. The arms of an experiment run in the domains that name
    them."""

    __slots__ = ()

    def arms_of(self, domain: Domain) -> tuple[Arm, ...]:
        assert isinstance(domain, PrefixDomain)
        return tuple(BY_NAME[name] for name in domain.arms)


# Two segments an update, half of the updates after up to six earlier ones: heads learn to look ahead over segments.
DEPTH = ("model.gradient=last_cycle", "model.max_segments=8", "reward.segments=2", "reward.max_segments=8")
CORE = (
    "model=relational", "optim=muon", "reward=steps", "model.hidden_size=16", "model.mlp_multiple=16",
    "model.h_layers=1", "model.l_layers=1", "model.h_cycles=1", "model.l_cycles=2", *DEPTH,
)  # fmt: skip
GRID = (
    "model=grid", "optim=muon", "reward=steps", "model.hidden_size=32", "model.h_layers=1", "model.l_layers=1",
    "model.positions=learned", *DEPTH,
)  # fmt: skip
CARELESS = "reward.policy.name=careless"
FILL = ("reward.regime=fill", "reward.policy.name=full", "reward.policy.correct=0")

SUDOKU_FILL = PrefixDomain(
    name="sudoku_6x6_fill",
    says="6x6 Sudoku of 9 to 14 clues, wrong values stay (fill)",
    seeds=(3, 4, 5),
    overrides=(
        "puzzle=sudoku_6x6", *CORE, "data.curriculum=[{mix: [{targets: {clues: [9, 14]}}]}]", *FILL,
        "reward.budget=5", "reward.cells_per_step=6", "reward.policy.error=0.045",
    ),
    targets={"clues": [9, 14]},
    other_policy=(CARELESS,),
    probe_targets={"clues": [12, 14]},
    probe_policy=(),
    arms=B,
    shared=SHARED,
    core="sudoku_6x6",
    start=("experiment=pair_sudoku_6x6",),
    depth=8,
    prefix_steps=1,
    few_error=0.2,
    half_error=0.2,
)  # fmt: skip
SUDOKU_EDIT = PrefixDomain(
    name="sudoku_6x6_edit",
    says="6x6 Sudoku of 12 to 14 clues, what is wrong may be mended (edit)",
    seeds=(6, 7, 8, 9, 10),
    overrides=(
        "puzzle=sudoku_6x6", *CORE, "data.curriculum=[{mix: [{targets: {clues: [12, 14]}}]}]",
        "reward.regime=edit", "reward.budget=4", "reward.cells_per_step=6", "reward.policy.name=full",
        "reward.policy.error=0.08", "reward.policy.correct=0.3",
    ),
    targets={"clues": [12, 14]},
    other_policy=(CARELESS,),
    probe_targets={"clues": [14, 14]},
    probe_policy=(),
    arms=A,
    shared=(),
    core="sudoku_6x6",
    start=("experiment=pair_sudoku_6x6",),
    depth=8,
    prefix_steps=1,
    few_error=0.25,
    half_error=0.25,
)  # fmt: skip
MAZE = PrefixDomain(
    name="maze_9x9_fill",
    says="braided mazes of 4x4 rooms (9x9 cells), wrong marks stay (fill)",
    seeds=(3, 4, 5),
    overrides=(
        "puzzle=maze", "puzzle.rows=9", "puzzle.columns=9", *GRID,
        "data.curriculum=[{mix: [{targets: {kind: dfs, braid: 0.5, path: [12, 20]}}]}]", *FILL,
        "reward.budget=4", "reward.cells_per_step=5", "reward.policy.error=0.07",
    ),
    targets={"kind": "dfs", "braid": 0.5, "path": [12, 20]},
    other_policy=(CARELESS,),
    probe_targets={"kind": "dfs", "braid": 0.5, "path": [12, 14]},
    probe_policy=(),
    arms=B[:-1],
    shared=SHARED,
    core="maze_9x9",
    depth=8,
    prefix_steps=1,
    few_error=0.2,
    half_error=0.1,
    width=0.02,
)  # fmt: skip
ARC = PrefixDomain(
    name="arc_7_fill",
    says="one ARC family, outlines on a canvas of 7x7 cells, which no verifier checks (fill)",
    seeds=(3, 4, 5),
    overrides=(
        "puzzle=arc", "puzzle.canvas=7", *GRID,
        "data.curriculum=[{mix: [{targets: {family: outline, translate: false}}]}]", *FILL,
        "reward.budget=5", "reward.cells_per_step=10", "reward.policy.error=0.022",
    ),
    targets={"family": "outline", "translate": False},
    other_policy=(CARELESS,),
    probe_targets={"family": "outline", "translate": False},
    probe_policy=(),
    arms=B[:-1],
    shared=SHARED,
    core="arc_7",
    depth=8,
    prefix_steps=1,
    few_error=0.08,
    half_error=0.05,
)  # fmt: skip
TINY = PrefixDomain(
    name="sudoku_4x4_fill",
    says="4x4 Sudoku of 4 or 5 clues (fill)",
    seeds=(0, 1),
    overrides=(
        "puzzle=sudoku_4x4", *CORE, "data.curriculum=[{mix: [{targets: {clues: [4, 5]}}]}]", *FILL,
        "reward.budget=3", "reward.cells_per_step=4", "reward.policy.error=0.085", "reward.max_segments=2",
    ),
    targets={"clues": [4, 5]},
    other_policy=(CARELESS,),
    probe_targets={"clues": [5, 5]},
    probe_policy=(),
    arms=("orm", "cond", "hier_hnc"),
    shared=("orm", "cond"),
    core="sudoku_4x4",
    depth=2,
    prefix_steps=1,
    few_error=0.2,
    half_error=0.2,
)  # fmt: skip
SIZES = PrefixSizes(
    solver_steps=800, steps=250, batch_size=64, puzzles=2000, candidates=2, trees=100, height=4,
    few=(60, 64, 0.04), half=(90, 32, 0.5), complete=(30, 16), probe=(30, 4),
    special={
        "sudoku_6x6_edit": {"steps": 750, "few": (120, 64, 0.04), "half": (140, 32, 0.5)},
        "maze_9x9_fill": {"half": (160, 32, 0.5)},
        "arc_7_fill": {"puzzles": 300, "candidates": 8},
    },
)  # fmt: skip
DOMAINS = (SUDOKU_FILL, SUDOKU_EDIT, MAZE, ARC)
SECOND = SecondPlan(name="second", domains=DOMAINS, sizes=SIZES, arms=SECOND_ARMS)
PILOT = SecondPlan(
    name="pilot",
    domains=tuple(replace(domain, seeds=(100,)) for domain in DOMAINS),
    sizes=SIZES,
    arms=SECOND_ARMS,
)
TOY = SecondPlan(
    name="second_toy", domains=(TINY,), arms=SECOND_ARMS,
    sizes=PrefixSizes(
        solver_steps=4, steps=4, batch_size=24, puzzles=24, candidates=2, trees=4, height=2,
        few=(8, 4, 0.2), half=(12, 4, 0.5), complete=(6, 4), probe=(6, 2), overrides=("compile=false",),
    ),
)  # fmt: skip
SECOND_PLANS = {plan.name: plan for plan in (SECOND, PILOT, TOY)}
