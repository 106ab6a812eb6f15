"""Rows and solutions from trees of rollouts, AT_ONCE trees at a time: a tree of thousands of nodes is large."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Integer

import puzzles
from hrm_net.reward.config import RewardConfig
from puzzles.errors import UserError
from puzzles.steps.attempts import attempts
from puzzles.steps.labels import label_states
from puzzles.steps.policies import Policy
from puzzles.steps.rows import StepRows, StepTrajectories
from puzzles.steps.rules import StepRules
from puzzles.trees.rows import Compressed, tree_rows, tree_trajectories
from puzzles.trees.trees import Tree, expand

AT_ONCE = 8


def make(
    config: RewardConfig,
    rules: StepRules,
    policy: Policy,
    problems: Integer[np.ndarray, "num seq"],
    seed: int,
    *,
    merged: bool,
    whole: bool,
) -> tuple[StepTrajectories | None, StepRows]:
    """(with `whole`, `candidates` paths from root to leaf of each tree; the rows of the nodes).

    compression=count gives as many rows as the same trees would give merged and compressed, from further trees where
    theirs do not suffice. UserError where the problems do not suffice either.
    """
    paths: list[StepTrajectories] = []
    rows: list[StepRows] = []
    wanted = 0
    for number, trees in _trees(config, rules, policy, problems, seed):
        first = number < config.trees
        if not first and sum(map(len, rows)) >= wanted:
            break
        rng = puzzles.rng(seed, "rows of trees", number)
        if config.compression == "count" and first:
            wanted += len(_rows(config, trees, rng, merged=True, compressed="hnc"))
            rng = puzzles.rng(seed, "rows of trees", number)
        compressed = None if config.compression in ("none", "count") else config.compression
        rows.append(_rows(config, trees, rng, merged=merged, compressed=compressed))
        if whole and first:
            rng = puzzles.rng(seed, "paths of trees", number)
            paths.append(tree_trajectories(trees, rng, config.candidates, hard=config.labels == "mc_hard"))
        if config.compression != "count" and number + len(trees) >= config.trees:
            break
    found = StepRows.concatenate(rows)
    if config.compression == "count":
        if len(found) < wanted:
            text = f"data.puzzles={len(problems)}: too few to match {wanted:,} rows by further trees"
            raise UserError(f"{text}; about {len(problems) * wanted // max(1, len(found)) + 1} are needed")
        found = found.take(slice(wanted))
    if config.labels == "exact":
        found = _by_solution(config, rules, found)
    return (StepTrajectories.concatenate(paths) if paths else None), found


def _trees(
    config: RewardConfig, rules: StepRules, policy: Policy, problems: Integer[np.ndarray, "num seq"], seed: int
) -> Iterator[tuple[int, list[Tree]]]:
    """Trees of the problems in turn, with the number of the first tree; no batch mixes the first `trees` with later
    ones."""
    first = 0
    while first < len(problems):
        last = min(first + AT_ONCE, len(problems), config.trees if first < config.trees else len(problems))
        rng = puzzles.rng(seed, "trees", first)
        height = config.budget if config.height is None else config.height
        grown = expand(
            policy, rules, rng, problems[first:last], height=height, children=config.children, budget=config.budget
        )
        yield first, grown
        first = last


def _rows(
    config: RewardConfig, trees: list[Tree], rng: np.random.Generator, *, merged: bool, compressed: Compressed | None
) -> StepRows:
    return tree_rows(trees, rng, coarse=merged, compressed=compressed, hard=config.labels == "mc_hard")


def _by_solution(config: RewardConfig, rules: StepRules, rows: StepRows) -> StepRows:
    """The same rows with exact labels; a merged pair has the label `net`."""
    # Compressed and merged rows change more cells than one step may.
    pairs = np.stack([rows.before, rows.after], axis=1)
    seq, budget = rows.problem.shape[1], config.budget
    found = label_states(
        rules,
        attempts(
            rules.puzzle, rows.problem, pairs, np.ones(len(rows), np.int64),
            budget=budget, cells_per_step=seq, regime=config.regime,
        ),
    )  # fmt: skip
    rows.label = found.ok[:, 0].astype(np.float32)
    rows.source, rows.sources = np.zeros(len(rows), np.uint8), ("exact",)
    return rows
