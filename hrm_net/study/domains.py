"""Where arms are compared and at which size, as plain values, and the configuration that follows from them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hrm_net.recipes import compose, train_config
from hrm_net.recipes.config import TrainConfig
from hrm_net.study.arms import Arm


@dataclass(frozen=True, kw_only=True, slots=True)
class Domain:
    """Puzzles, the core, the policy: all that the arms share. Overrides are those of `python train.py`."""

    name: str
    says: str
    seeds: tuple[int, ...]
    # Puzzle, core and policy, and what the generator aims at.
    overrides: tuple[str, ...]
    targets: dict[str, Any]
    # The policy whose solutions the scorers never learned from.
    other_policy: tuple[str, ...]
    # Puzzles and policy whose solutions leave room for the steps that probes add.
    probe_targets: dict[str, Any]
    probe_policy: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How much of everything."""

    # Updates of the solver that all arms of a seed start from, and of each scorer; steps of solutions in a batch.
    solver_steps: int
    steps: int
    batch_size: int
    # Puzzles that whole solutions are of, and solutions of each; trees, and levels of them that are expanded.
    puzzles: int
    candidates: int
    trees: int
    height: int
    # Unseen puzzles and solutions of each: those that are judged, those that settings are fixed on, the other policy's.
    test: tuple[int, int]
    validation: tuple[int, int]
    other: tuple[int, int]
    # N of step-level greedy search; width and continuations of beam search.
    greedy: tuple[int, ...]
    beam: tuple[int, int]
    # Puzzles and solutions of each that are tampered with; puzzles, iterations and proposals of hill climbing.
    probe: tuple[int, int]
    climb: tuple[int, int, int]
    # What differs in a domain: names of it, and the values there.
    special: dict[str, dict[str, Any]] = field(default_factory=dict)
    # Further overrides.
    overrides: tuple[str, ...] = ()


def of_domain(sizes: Sizes, domain: Domain) -> Sizes:
    """The sizes that hold in a domain."""
    values = {name: getattr(sizes, name) for name in Sizes.__dataclass_fields__}
    return Sizes(**{**values, **sizes.special.get(domain.name, {}), "special": {}})


def overrides(domain: Domain, sizes: Sizes, seed: int, arm: Arm | None, start: Path | None) -> list[str]:
    """All that `python train.py` needs to train the arm, or (None) the solver that the arms start from."""
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
    """What the overrides compose to, checked."""
    checked = compose.checked_overrides("train", changes, TrainConfig, sweep=False)
    values, _ = next(compose.compose_jobs("train", checked))
    return train_config(values)
