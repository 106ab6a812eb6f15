"""The solutions that all arms of a seed are measured on, sampled once and kept as one .npz file for each pool."""

from pathlib import Path
from typing import Any

import numpy as np

import puzzles
from hrm_net.recipes.config import TrainConfig
from hrm_net.recipes.step_scorer import solution_source
from hrm_net.reward.data.prepare import solutions_of
from hrm_net.reward.data.solutions import Solutions
from hrm_net.study.plans import Domain, Sizes, config, overrides
from puzzles import splits
from puzzles.atomic_write import atomic_write
from puzzles.errors import UserError
from puzzles.steps.attempts import Attempts
from puzzles.steps.labels import LABELS, BatchLabels
from puzzles.steps.rules import StepRules

# The fold that the puzzles of each pool come from.
POOLS = {
    "validation": splits.VALIDATION,
    "test": splits.EVALUATION,
    "other": splits.EVALUATION,
    "probe": splits.EVALUATION,
}


def make(domain: Domain, sizes: Sizes, seed: int, folder: Path) -> None:
    """Write every pool of a domain and seed that does not exist yet.

    "test" and "validation" are sampled from the policy that the scorers learn from, "other" from another one, and
    "probe" from a policy and on puzzles that leave room for the steps that probes add.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in POOLS:
        path = folder / f"{name}.npz"
        if not path.is_file():
            save(path, *_sample(name, domain, sizes, seed))


def pool_config(name: str, domain: Domain, sizes: Sizes, seed: int) -> TrainConfig:
    """The configuration whose policy fills a pool."""
    changes = {"other": domain.other_policy, "probe": domain.probe_policy}.get(name, ())
    return config([*overrides(domain, sizes, seed, None, None), *changes])


def _sample(name: str, domain: Domain, sizes: Sizes, seed: int) -> tuple[Solutions, np.ndarray]:
    """The solutions, and the answer of each of their puzzles."""
    run = pool_config(name, domain, sizes, seed)
    source = solution_source(run)
    rules = source.rules
    num, each = getattr(sizes, name)
    targets = domain.probe_targets if name == "probe" else domain.targets
    problems, answers = splits.generate(rules.puzzle, puzzles.rng(seed, f"study {name}"), num, POOLS[name], **targets)
    rules.remember(problems, answers)
    found = joined(solutions_of(source, problems, f"study {name} solutions", num=each, exact=True))
    if len(found.attempts) != num * each:
        raise UserError(f"{domain.name}: targets={targets}: must leave something to solve in every puzzle")
    return found, answers


def joined(parts: list[Solutions]) -> Solutions:
    """All parts as one; their attempts must have equally many states."""
    attempts = Attempts(
        **{name: np.concatenate([getattr(part.attempts, name) for part in parts]) for name in Attempts.__slots__}
    )
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(part.exact, name) for part in parts]) for name in (*LABELS, "lengths")
    }
    labels = BatchLabels(**columns)
    return Solutions(attempts=attempts, exact=labels, training_labels=labels)


def save(path: Path, solutions: Solutions, answers: np.ndarray) -> None:
    """Write the file whole or not at all."""
    columns = {f"attempts.{name}": getattr(solutions.attempts, name) for name in Attempts.__slots__}
    columns |= {f"labels.{name}": getattr(solutions.exact, name) for name in (*LABELS, "lengths")}
    with atomic_write(path, binary=True) as file:
        np.savez(file, answers=answers, allow_pickle=False, **columns)


def load(path: Path, rules: StepRules) -> Solutions:
    """What `save` wrote; `rules` remember the answers."""
    with np.load(path, allow_pickle=False) as file:
        attempts = Attempts(**{name: file[f"attempts.{name}"] for name in Attempts.__slots__})
        labels = BatchLabels(**{name: file[f"labels.{name}"] for name in (*LABELS, "lengths")})
        answers = file["answers"]
    rules.remember(problems_of(attempts, len(answers)), answers)
    return Solutions(attempts=attempts, exact=labels, training_labels=labels)


def problems_of(attempts: Attempts, num: int) -> np.ndarray:
    """Each puzzle once; the attempts at one puzzle are neighbours, and every puzzle has equally many."""
    return attempts.problems[:: len(attempts) // num]
