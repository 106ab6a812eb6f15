"""The rows of benchmarks/language_model_scorer.py: what is fitted to a language model's states, and how.

Each fit learns from the rows `train`, stops where it is best on `choose`, and scores `choose` and `test`. All of them
see the same states: heads that of a step's last token, cores those of its last tokens.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import puzzles
from hrm_net.nn.config import HRMConfig
from hrm_net.reward import objectives
from hrm_net.reward.data.batches import PackedBatches
from hrm_net.reward.examples import Examples, as_inputs
from hrm_net.reward.heads import PAIR
from hrm_net.reward.inputs import ROW_INPUTS
from hrm_net.reward.metrics.ranking import auroc
from hrm_net.reward.model import RewardModel
from hrm_net.reward.model_config import RewardModelConfig
from hrm_net.reward.pair.games import run_games, verdicts
from hrm_net.reward.pair.objectives import verdict_loss
from hrm_net.reward.scoring import run_rows, to_scores
from hrm_net.reward.text.games import StateSides, TextGames
from puzzles.steps.logistic import Logistic

WIDTH, BATCH, EVERY = 64, 64, 50


@dataclass(frozen=True, kw_only=True)
class Study:
    """What is learned from and measured.

    `measured` are the places in `examples` of the steps (or of the last steps of solutions) that are scored, `right`
    says which of them are right, `counts` holds their length and position. `contests` are lists of measured rows, from
    0, between which one chooses: completions of one step, or solutions of one question. `ends` holds the states at the
    last tokens of the whole text up to each measured row.
    """

    examples: Examples
    measured: np.ndarray
    right: np.ndarray
    counts: np.ndarray
    contests: list[np.ndarray]
    ends: StateSides | None

    @property
    def group(self) -> np.ndarray:
        """The question of each measured row."""
        return self.examples.group[self.measured]

    @cached_property
    def games(self) -> np.ndarray:
        """(right one, wrong one) of every game between rows of one contest."""
        found = [
            (a, b)
            for contest in self.contests
            for a in contest.tolist()
            for b in contest.tolist()
            if self.right[a] and not self.right[b]
        ]
        return np.array(found, np.int64).reshape(-1, 2)


@dataclass(frozen=True, kw_only=True)
class Split:
    """Measured rows to learn from, to choose by, and to score."""

    train: np.ndarray
    choose: np.ndarray
    test: np.ndarray

    @property
    def scored(self) -> np.ndarray:
        return np.concatenate([self.choose, self.test])


Fit = Callable[[Study, Split], np.ndarray]  # scores of the rows `scored`


def constant(study: Study, split: Split) -> np.ndarray:
    """The same score for all."""
    return np.full(len(split.scored), study.right[split.train].mean())


def counting(study: Study, split: Split) -> np.ndarray:
    """A logistic regression on length and position."""
    return Logistic.fit(study.counts[split.train], study.right[split.train])(study.counts[split.scored])


class GatedLinear(nn.Module):
    """w (sigmoid(A x) * B x) + b."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.both, self.out = nn.Linear(size, 2 * WIDTH), nn.Linear(WIDTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(F.glu(self.both(x)))


HEADS: dict[str, Callable[[int], nn.Module]] = {
    "linear": lambda size: nn.Linear(size, 1),
    "gated linear": GatedLinear,
    "MLP": lambda size: nn.Sequential(nn.Linear(size, WIDTH), nn.SiLU(), nn.Linear(WIDTH, 1)),
}


def fit_head(build: Callable[[int], nn.Module], study: Study, split: Split) -> np.ndarray:
    """Full-batch AdamW on standardised states of the last token."""
    torch.manual_seed(0)
    features = study.examples.inputs["states"][study.measured, -1].astype(np.float32)
    mean, scale = features[split.train].mean(0), features[split.train].std(0) + 1e-6
    x, y = torch.from_numpy((features - mean) / scale), torch.from_numpy(study.right).float()
    model, best, found = build(features.shape[1]), -1.0, np.zeros(len(split.scored))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.3)
    for update in range(300):
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(model(x[split.train])[:, 0], y[split.train]).backward()
        optimizer.step()
        if update % 10 == 9:
            with torch.no_grad():
                scores = model(x[split.scored])[:, 0].numpy()
            on_choose = auroc(scores[: len(split.choose)], study.right[split.choose])
            if on_choose > best:
                best, found = on_choose, scores
    return found


def core_model(study: Study, heads: list[str], segments: int) -> RewardModel:
    """The text scorer's network: one layer in each stack, 64 wide."""
    _, window, size = study.examples.inputs["states"].shape
    length = 2 * window if heads == [PAIR] else window
    core = HRMConfig(
        vocab_size=257, seq_len=length, hidden_size=WIDTH, num_heads=4, h_layers=1, l_layers=1, mlp_multiple=64
    )
    config = RewardModelConfig(
        core=core, objectives=heads, inputs="states", state_size=size, segments=segments, max_segments=segments
    )
    return RewardModel(config, torch.Generator().manual_seed(0)).train()


def fit_core(head: str, segments: int, steps: int, study: Study, split: Split) -> np.ndarray:
    """A core with one head, each segment with a loss of its own."""
    model, examples = core_model(study, [head], segments), study.examples
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)
    known = np.unique(study.group[split.train])
    solutions = np.isin(examples.group[examples.starts[:-1]], known) if examples.num_solutions else np.zeros(0, bool)
    single = np.isin(examples.group[examples.starts[-1] :], known)
    batches = PackedBatches(examples.take(solutions, single).needed_by([head]), batch_size=BATCH, seed=0)
    best, found = -1.0, np.zeros(len(split.scored))
    for step in range(steps):
        batch = batches(step)
        rows = {key: batch[key] for key in ROW_INPUTS if key in batch}
        state = model.initial_state(rows)
        optimizer.zero_grad()
        for _ in range(segments):
            state, out = model(state, rows)
            (objectives.losses(out.logits, batch)[head] / segments).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % EVERY == 0 or step + 1 == steps:
            scores = _scores(model, head, study, split.scored)
            on_choose = auroc(scores[: len(split.choose)], study.right[split.choose])
            if on_choose > best:
                best, found = on_choose, scores
    return found


def _scores(model: RewardModel, head: str, study: Study, rows: np.ndarray) -> np.ndarray:
    places = study.measured[rows]
    shown = as_inputs({key: column[places] for key, column in study.examples.inputs.items()})
    return to_scores(head, run_rows(model, shown, segments=model.config.segments, batch_size=256).logits[head])


def fit_pair(segments: int, steps: int, study: Study, split: Split) -> np.ndarray:
    """A judge of two texts. The score of a candidate is the sum of its verdicts against all others of its contest."""
    assert study.ends is not None
    model = core_model(study, [PAIR], segments)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)
    games = study.games[np.isin(study.games[:, 0], split.train)]
    best, found = -1.0, np.zeros(len(split.scored))
    for step in range(steps):
        chosen = puzzles.rng(0, "games of a step", step).integers(len(games), size=BATCH // 2)
        better = torch.from_numpy(puzzles.rng(0, "sides of a step", step).random(len(chosen)) < 0.5)
        first, second = np.where(better[:, None], games[chosen], games[chosen][:, ::-1]).T
        rows = TextGames(sides=study.ends, first=first, second=second).rows(np.arange(len(chosen)))
        state = model.initial_state(rows)
        optimizer.zero_grad()
        for _ in range(segments):
            state, out = model(state, rows)
            (verdict_loss(verdicts(out)[0], better) / segments).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % EVERY == 0 or step + 1 == steps:
            scores = _contested(model, study, split.scored)
            on_choose = pairs_right(study, scores, split.choose)
            if on_choose > best:
                best, found = on_choose, scores[split.scored]
    return found


def _contested(model: RewardModel, study: Study, rows: np.ndarray) -> np.ndarray:
    """Of every measured row (NaN but for those asked for): the sum of its verdicts in its contest."""
    assert study.ends is not None
    wanted = set(rows.tolist())
    pairs = [(a, b) for contest in study.contests if contest[0] in wanted for a in contest for b in contest if a < b]
    first, second = np.array(pairs, np.int64).reshape(-1, 2).T
    games = TextGames(sides=study.ends, first=first, second=second)
    found = run_games(model, games, segments=model.config.segments, stop=None, batch_size=128).logits
    total = np.full(len(study.right), math.nan)
    total[rows] = 0.0
    np.add.at(total, first, found)
    np.add.at(total, second, -found)
    return total


def pairs_right(study: Study, scores: np.ndarray, rows: np.ndarray) -> float:
    """The share of the games of these rows in which the right one has the higher of `scores` (of all measured rows); a
    draw counts half, and rows that are there twice count twice."""
    good, bad = study.games.T
    weight = np.bincount(rows, minlength=len(scores))[good]
    played = weight > 0
    gap = scores[good[played]] - scores[bad[played]]
    return float(np.average((gap > 0) + 0.5 * (gap == 0), weights=weight[played])) if played.any() else math.nan


def best_of(study: Study, scores: np.ndarray, rows: np.ndarray) -> float:
    """How often the solution with the highest score of its contest is right, as `pairs_right`; several with the same
    score share the choice."""
    contests = np.stack(study.contests)
    weight = np.bincount(rows, minlength=len(scores))[contests[:, 0]]
    mine, right = scores[contests[weight > 0]], study.right[contests[weight > 0]]
    highest = mine == mine.max(axis=1, keepdims=True)
    return float(np.average((right * highest).sum(axis=1) / highest.sum(axis=1), weights=weight[weight > 0]))
