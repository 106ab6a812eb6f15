"""What it takes to fool each head: probes made of the solutions it was judged on, and hill climbing on its score."""

from typing import Any

import numpy as np

import puzzles
from hrm_net.reward.config import RewardConfig
from hrm_net.reward.judging import Choices, Exam
from hrm_net.reward.row_scores import RowScores
from hrm_net.reward.search.climbing import climb
from hrm_net.reward.search.config import SearchConfig
from hrm_net.reward.search.probes import probe
from puzzles.steps.attempts import Attempts
from puzzles.steps.rules import StepRules


def measure_probes(
    shared: RowScores, one: Exam, choices: dict[str, Choices], config: SearchConfig, reward: RewardConfig,
    rules: StepRules, *, seed: int,
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """By head of the model: `how` its tables are read, and `probes` (hrm_net.reward.search.probes.probe). Of hier only
    the single steps are scored."""
    attempts = first_attempts(one, reward, config.puzzles, config.probes)
    found = {}
    for head in shared.model.config.objectives:
        rng = puzzles.rng(seed, f"probes {one.name}")  # the same for all, so that they see the same attempts
        how = choices["hier_fine" if head == "hier" else head].how
        found[head] = {"how": how, "probes": probe(shared.head(head), rules, rng, attempts)}
    return found


def measure_climbing(
    shared: RowScores, one: Exam, config: SearchConfig, rules: StepRules, *, seed: int
) -> dict[str, dict[str, list[float]]]:
    """By head of the model: its score, the share of cells right and of puzzles solved after each change
    (hrm_net.reward.search.climbing.climb); all heads start from the same states."""
    problems = one.trajectories.rows.problem[one.trajectories.starts[:-1]][:: one.num][: config.puzzles]
    return {
        head: climb(
            shared.head(head), rules, puzzles.rng(seed, f"climbing {one.name}"), problems,
            iterations=config.climbing, proposals=config.proposals,
        )
        for head in shared.model.config.objectives
    }  # fmt: skip


def first_attempts(one: Exam, reward: RewardConfig, num_puzzles: int, num: int) -> Attempts:
    """The first `num` solutions of each of the first puzzles, as states."""
    rows, starts = one.trajectories.rows, one.trajectories.starts
    wanted = np.arange(min(num_puzzles, len(one.solved)))[:, None] * one.num + np.arange(min(num, one.num))
    lengths = np.diff(starts)
    attempt = np.repeat(np.arange(len(lengths)), lengths)
    step = np.arange(len(rows)) - np.repeat(starts[:-1], lengths)
    states = np.zeros((len(lengths), reward.budget + 1, rows.problem.shape[1]), np.uint8)
    states[attempt, step] = rows.before
    states[attempt, step + 1] = rows.after
    problems, group = rows.problem[starts[:-1]], rows.group[starts[:-1]]
    size = len(lengths)
    return Attempts(
        problems=problems,
        states=states,
        lengths=lengths.astype(np.int64),
        budget=np.full(size, reward.budget, np.int64),
        cells_per_step=np.full(size, reward.cells_per_step, np.int64),
        fill=np.full(size, reward.regime == "fill"),
        group=group,
    ).take(wanted.reshape(-1))
