"""What every arm of a seed is measured on: games of two prefixes, and many prefixes of one problem for tournaments."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

import puzzles
from hrm_net.recipes.step_scorer import solution_source
from hrm_net.reward.data.solutions import SolutionSource
from hrm_net.reward.pair.data import COLUMNS, Pairs, pairs_of
from hrm_net.reward.pair.evaluation import differences, fit
from hrm_net.study.judges.plan import JudgeDomain, JudgeSizes, Network, overrides
from hrm_net.study.plans import config
from puzzles import splits
from puzzles.atomic_write import atomic_write
from puzzles.errors import UserError
from puzzles.steps.prefixes import sample_prefixes
from puzzles.steps.rules import StepRules
from puzzles.sudoku.nodes import search_nodes
from puzzles.sudoku.step_rules import SudokuSteps

# How far from a half counts and rules may be right in games that are admitted; or two standard errors, if that is more.
ADMITTED = 0.05
GAMES, SETS = ("games", "validation", "other"), ("knockout", "round_robin")
Sets = dict[
    str, np.ndarray
]  # problem [problems, seq], states [problems, candidates, seq], alive [problems, candidates]


def source_of(domain: JudgeDomain, sizes: JudgeSizes, seed: int, changes: tuple[str, ...] = ()) -> SolutionSource:
    """Where the games of a seed come from."""
    return solution_source(config([*overrides(domain, sizes, seed, Network(name="fixed"), None), *changes]))


def make(domain: JudgeDomain, sizes: JudgeSizes, seed: int, folder: Path) -> None:
    """Write the pools that do not exist yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in GAMES:
        if not (path := folder / f"{name}.npz").is_file():
            changes = domain.other_policy if name == "other" else ()
            _write(path, _games(source_of(domain, sizes, seed, changes), domain, name, getattr(sizes, name)))
    for name in SETS:
        if not (path := folder / f"{name}.npz").is_file():
            _write(path, _sets(source_of(domain, sizes, seed), domain, name, getattr(sizes, name)))


def loader(folder: Path) -> Callable[[str], Any]:
    """Pools by name: `Pairs`, or `Sets`; each is read once."""

    @cache
    def load(name: str) -> Any:
        with np.load(folder / f"{name}.npz", allow_pickle=False) as file:
            found = {key: file[key] for key in file.files}
        return Pairs(**found) if name in GAMES else found

    return load


def nodes(rules: StepRules, pairs: Pairs) -> Int64[np.ndarray, " games"]:
    """The difficulty of each game: nodes that the exact search visits until the worse candidate is refuted."""
    assert isinstance(rules, SudokuSteps)
    return search_nodes(rules, pairs.worse)


def frame(rules: StepRules, load: Callable[[str], Any], domain: str) -> dict[str, Any]:
    """What needs no arm: counts and rules, chance and the oracle. UserError where counting wins."""
    games, validation = load("games"), load("validation")
    weights = fit(differences(rules, validation), validation.better)
    counts = {
        name: float(((differences(rules, load(name)) @ weights > 0) == load(name).better).mean())
        for name in ("games", "other")
    }
    margin = max(ADMITTED, 1 / len(games) ** 0.5)
    if abs(counts["games"] - 0.5) > margin:
        bound = f"within {margin:.3f} of a half"
        raise UserError(f"{domain}: counts and rules are right in {counts['games']:.3f} of the games: must be {bound}")
    hard, sets = nodes(rules, games), load("knockout")
    return {
        "counts": {"accuracy": counts["games"], "other": counts["other"], "brier": None},
        "games": {name: len(load(name)) for name in GAMES},
        "problems": {name: len(load(name)["alive"]) for name in SETS},
        "nodes": {"mean": float(hard.mean()), "quantiles": np.quantile(hard, [0, 0.25, 0.5, 0.75, 1]).tolist()},
        "chance": float(sets["alive"].mean()), "oracle": float(sets["alive"].any(axis=1).mean()),
    }  # fmt: skip


def _games(source: SolutionSource, domain: JudgeDomain, name: str, size: tuple[int, int]) -> dict[str, np.ndarray]:
    fold = splits.VALIDATION if name == "validation" else splits.EVALUATION
    problems = _problems(source, domain, name, size[0], fold)
    pair = replace(source.reward.pair, games=size[1])
    found = pairs_of(replace(source, reward=replace(source.reward, pair=pair)), problems, f"judges {name}")
    return {column: getattr(found, column) for column in COLUMNS}


def _sets(source: SolutionSource, domain: JudgeDomain, name: str, size: tuple[int, int, float]) -> Sets:
    problems = _problems(source, domain, name, size[0], splits.EVALUATION)
    found = sample_prefixes(
        source.policy, source.rules, puzzles.rng(source.seed, f"judges {name}"), problems, steps=1,
        budget=source.reward.budget, candidates=size[1], share=size[2],
    )  # fmt: skip
    return {"problem": found.problem, "states": found.states[:, :, -1], "alive": found.alive}


def _problems(source: SolutionSource, domain: JudgeDomain, name: str, num: int, fold: int) -> np.ndarray:
    rng = puzzles.rng(source.seed, f"judges puzzles {name}")
    problems, answers = splits.generate(source.rules.puzzle, rng, num, fold, **domain.targets)
    source.rules.remember(problems, answers)
    return np.asarray(problems, np.uint8)


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    with atomic_write(path, binary=True) as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
