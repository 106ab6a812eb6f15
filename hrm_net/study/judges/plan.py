"""Domain, sizes, networks and readings of the study of judges; reports/judges/protocol.md fixes the digest of `JUDGES`.

A job (an arm of the plan) trains one or several networks and measures several readings of them: a judge that was
trained at a random depth is read after 2, 4 and 8 segments, heads of one network are read one by one.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from hrm_net.study.plans import Arm, Domain, Learning, Plan

RELATIONAL, SYMBOLS = "relational", "symbols"
DEPTH = 8  # segments, at most, in training


@dataclass(frozen=True, kw_only=True, slots=True)
class Network:
    """One training run. All networks of a seed that judge learn from the same games."""

    name: str
    # pair: a row shows the opponent; alone: it does not; heads: scalar heads that learn from whole solutions.
    kind: Literal["pair", "alone", "heads"] = "pair"
    # Most segments of an update; their number is drawn for each update.
    depth: int = DEPTH
    # Updates, as a multiple of `JudgeSizes.steps`.
    updates: float = 1.0
    # How the halting head learns, from the warm-up of the network `fixed` on; empty: verdicts are learned to the end.
    halting: Literal["", "closed", "exact", "grpo"] = ""
    # Whether the labels of its games are shuffled.
    shuffled: bool = False
    core: str = RELATIONAL


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A way to use a network, which pages call an arm."""

    name: str
    says: str
    network: str
    # Segments; None: where the halting head stops.
    depth: int | None = DEPTH
    # Symmetric images of each game whose majority decides.
    votes: int = 1
    # The scalar head (kind heads).
    head: str = ""
    # Whether tournaments and best of 16 are measured too.
    whole: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgeArm(Arm):
    """A job: networks that are trained in it, and their readings."""

    networks: tuple[Network, ...]
    readings: tuple[Reading, ...]


def _arm(name: str, says: str, networks: tuple[Network, ...], readings: tuple[Reading, ...]) -> JudgeArm:
    return JudgeArm(name=name, experiment="J", says=says, head="pair", networks=networks, readings=readings)


def _votes(num: int, depth: int = DEPTH, name: str = "") -> Reading:
    says = f"judge whose core lacks the symmetry of Sudoku, {num} vote{'s' * (num > 1)} of {depth} segments"
    return Reading(name=name or f"votes_{num}", says=says, network="symbols", depth=depth, votes=num, whole=False)


VOTES = (1, 3, 5, 9)
JUDGE_NETWORKS = (
    Network(name="fixed"), Network(name="closed", halting="closed"), Network(name="exact", halting="exact"),
    Network(name="grpo", halting="grpo"), Network(name="direct", depth=1),
    Network(name="direct_flops", depth=1, updates=(1 + DEPTH) / 2), Network(name="alone_1", kind="alone", depth=1),
    Network(name="alone_8", kind="alone"), Network(name="shuffled", shuffled=True, updates=0.5),
)  # fmt: skip
JUDGE_READINGS = (
    *(Reading(name=f"fixed_{m}", says=f"judge read after {m} segments", network="fixed", depth=m, whole=m < DEPTH)
      for m in (2, 4, 8)),
    Reading(name="closed", says="judge that stops by itself, halting learned from: is the verdict right by now",
            network="closed", depth=None),
    Reading(name="exact", says="the same, halting learned from the expected reward over all stopping times",
            network="exact", depth=None, whole=False),
    Reading(name="grpo", says="the same, halting learned from sampled stopping times and verdicts", network="grpo",
            depth=None, whole=False),
    Reading(name="direct", says="judge trained and read at one segment", network="direct", depth=1),
    Reading(name="direct_flops", says="the same, trained with as much computation as `fixed_8`",
            network="direct_flops", depth=1),
    Reading(name="pointwise_1", says="g(a) - g(b), each without its opponent (Bradley-Terry), one segment",
            network="alone_1", depth=1),
    Reading(name="pointwise_8", says="the same, eight segments", network="alone_8"),
    Reading(name="shuffled", says="as `fixed_8`, with shuffled labels and half the updates", network="shuffled",
            whole=False),
)  # fmt: skip
ARMS = (
    _arm("judge", "judges and Bradley-Terry rewards, which learn from the same games", JUDGE_NETWORKS, JUDGE_READINGS),
    _arm(
        "scorers", "scalar step scorers, heads of one network, which learn from whole solutions",
        (Network(name="heads", kind="heads", updates=1.7),),
        tuple(
            Reading(name=head, says=f"{says} learned from whole solutions, eight segments", network="heads", head=head)
            for head, says in (("orm", "outcome reward"), ("prm", "process reward"), ("cond", "conditional reward"))
        ),
    ),
    _arm(
        "votes", "a judge whose votes can differ", (Network(name="symbols", core=SYMBOLS),),
        (*(_votes(num) for num in VOTES), _votes(1, 5 * DEPTH, "depth_40")),
    ),
)  # fmt: skip
READINGS = tuple(reading for arm in ARMS for reading in arm.readings)


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgeDomain(Domain):
    """Puzzles, core and policy of the games."""

    # The jobs that run in it, by the names of their arms.
    arms: tuple[str, ...]
    # Domains of the same name here start from one solver for each core, whatever the seed.
    core: str
    # The run whose solver that is, as overrides of `python train.py`, by the name of the core.
    start: dict[str, tuple[str, ...]]
    # Overrides of the cores by name, and those of the policy whose whole solutions the scalar heads learn from.
    cores: dict[str, tuple[str, ...]]
    solutions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgeSizes(Learning):
    """How much of everything there is; `batch_size` counts games, `steps` updates."""

    # Updates in which verdicts alone are learned, before a halting head is.
    warmup: int
    # Mean number of segments that an adaptive judge is set to, on validation games.
    mean: float = 3.0
    # Steps of solutions in a batch of the scalar heads.
    heads_batch: int
    # Puzzles and games of each: to be judged, for setting the halting, of another policy.
    games: tuple[int, int]
    validation: tuple[int, int]
    other: tuple[int, int]
    # Puzzles, prefixes of each and the chance of each to come right: for knockouts, and for round robins.
    knockout: tuple[int, int, float]
    round_robin: tuple[int, int, float]
    # Games of the first pool that are voted on.
    voted: int


class JudgePlan(Plan):
    """A plan whose rows `hrm_net.study.judges.run` makes. The votes have a domain of their own, of the same puzzles, so
    that they run after all seeds of the others."""

    __slots__ = ()

    def arms_of(self, domain: Domain) -> tuple[Arm, ...]:
        assert isinstance(domain, JudgeDomain)
        return tuple(arm for arm in self.arms if arm.name in domain.arms)


SHAPE = (
    "optim=muon", "optim.warmup_steps=10", "optim.ema=0.95", "model.hidden_size=16", "model.mlp_multiple=16",
    "model.h_layers=1", "model.l_layers=1", "model.h_cycles=1", "model.l_cycles=2", "model.gradient=last_cycle",
    "model.max_segments=8",
)  # fmt: skip
CORES = {RELATIONAL: ("model=relational", *SHAPE), SYMBOLS: ("model=symbols", *SHAPE)}
FILL = ("reward.regime=fill", "reward.policy.name=full", "reward.policy.correct=0")
SUDOKU = JudgeDomain(
    name="judges_sudoku_6x6",
    says="6x6 Sudoku of 9 to 14 clues",
    seeds=(1, 2, 3, 4, 5),
    overrides=(
        "puzzle=sudoku_6x6", "data.curriculum=[{mix: [{targets: {clues: [9, 14]}}]}]", *FILL, "reward.budget=9",
        "reward.cells_per_step=3", "reward.policy.error=0.3",
    ),
    targets={"clues": [9, 14]},
    other_policy=("reward.policy.name=careless",),
    probe_targets={},
    probe_policy=(),
    arms=("judge", "scorers"),
    core="sudoku_6x6",
    start={
        RELATIONAL: ("experiment=pair_sudoku_6x6",),
        SYMBOLS: ("experiment=pair_sudoku_6x6", "model=symbols", "name=pair_sudoku_6x6_symbols"),
    },
    cores=CORES,
    solutions=("reward.policy.error=0.06",),
)  # fmt: skip
VOTED = replace(
    SUDOKU, name="judges_sudoku_6x6_votes", says="6x6 Sudoku of 9 to 14 clues, judged by votes", arms=("votes",)
)
TINY = replace(
    SUDOKU,
    name="judges_sudoku_4x4",
    says="4x4 Sudoku of 4 or 5 clues",
    seeds=(0, 1),
    overrides=(
        "puzzle=sudoku_4x4", "data.curriculum=[{mix: [{targets: {clues: [4, 5]}}]}]", *FILL, "reward.budget=6",
        "reward.cells_per_step=2", "reward.policy.error=0.3",
    ),
    targets={"clues": [4, 5]},
    core="sudoku_4x4",
    start={
        core: ("experiment=pair_sudoku_6x6", f"model={core}", "puzzle=sudoku_4x4", "reward.solver_steps=4",
               "data.curriculum=[{mix: [{targets: {clues: [4, 5]}}]}]", "validation.puzzles=4", "data.puzzles=20",
               "compile=false")
        for core in (RELATIONAL, SYMBOLS)
    },
)  # fmt: skip
SIZES = JudgeSizes(
    solver_steps=800, steps=100, warmup=60, batch_size=16, heads_batch=64, puzzles=300, candidates=4, trees=1, height=1,
    games=(80, 5), validation=(32, 5), other=(32, 5), knockout=(60, 16, 0.125), round_robin=(12, 8, 0.5), voted=160,
)  # fmt: skip
DOMAINS = (SUDOKU, VOTED)
JUDGES = JudgePlan(name="judges", domains=DOMAINS, sizes=SIZES, arms=ARMS)
PILOT = JudgePlan(
    name="judges_pilot", domains=tuple(replace(domain, seeds=(100,)) for domain in DOMAINS), sizes=SIZES, arms=ARMS
)
TINY_VOTED = replace(TINY, name="judges_sudoku_4x4_votes", arms=("votes",))
TOY = JudgePlan(
    name="judges_toy", domains=(TINY, TINY_VOTED), arms=ARMS,
    sizes=JudgeSizes(
        solver_steps=4, steps=4, warmup=2, batch_size=8, heads_batch=32, puzzles=24, candidates=2, trees=1, height=1,
        games=(10, 2), validation=(10, 2), other=(10, 2), knockout=(8, 4, 0.5), round_robin=(6, 4, 0.5), voted=8,
        overrides=("compile=false",),
    ),
)  # fmt: skip
JUDGE_PLANS = {plan.name: plan for plan in (JUDGES, PILOT, TOY)}


def overrides(domain: JudgeDomain, sizes: JudgeSizes, seed: int, network: Network, start: Path | None) -> list[str]:
    """The overrides of `python train.py` that the network's training is made of; `start`: the solver's directory."""
    heads, steps = network.kind == "heads", round(sizes.steps * network.updates)
    shared = [
        *domain.cores[network.core], f"reward={'steps' if heads else 'pair'}", *domain.overrides,
        f"seed={seed}", f"name={domain.name}_{network.name}_{seed}", f"steps={steps}", f"data.puzzles={sizes.puzzles}",
        f"reward.start={'null' if start is None else start}", "evaluate_puzzles=0", "keep_checkpoints=20",
        f"checkpoint_every={sizes.warmup}", "threads=1", "device=cpu", *sizes.overrides,
    ]  # fmt: skip
    if heads:
        told = [
            "reward.objectives=[orm,prm,cond]",
            "reward.data=trajectories",
            "reward.labels=exact",
            f"reward.candidates={sizes.candidates}",
            "reward.segments=2",
            f"reward.max_segments={network.depth}",
        ]
        return [*shared, *told, *domain.solutions, f"batch_size={sizes.heads_batch}", "validation.every=0"]
    told = [
        f"reward.segments={network.depth}",
        "reward.pair.steps=[1,1]",
        "reward.pair.games=8",
        "reward.pair.complete=0",
        f"reward.pair.mean_segments={min(sizes.mean, network.depth)}",
        f"batch_size={sizes.batch_size}",
    ]
    if not network.halting:
        return [*shared, *told, "reward.pair.warmup=1", "validation.every=0"]
    # Validation moves the price of a segment, and chooses nothing.
    told += [
        f"reward.pair.halting={network.halting}",
        f"reward.pair.warmup={sizes.warmup / sizes.steps}",
        "validation.every=10",
        "validation.puzzles=20",
    ]
    return [*shared, *told]
