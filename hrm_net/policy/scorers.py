"""The frozen models behind a reward, and what they say of attempts."""

from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64

from hrm_net.checkpoints import pretrained
from hrm_net.policy.rewards import JUDGE, REWARDS, SCORER, Evidence
from hrm_net.reward.examples import grid_inputs
from hrm_net.reward.heads import HEADS, PAIR
from hrm_net.reward.pair.judge import PairJudge
from hrm_net.reward.scorer import StepScorer
from hrm_net.reward.scoring import run_rows, to_log_scores
from puzzles.base import Puzzle
from puzzles.errors import UserError
from puzzles.steps.rows import COARSE, FINE, StepRows
from puzzles.steps.world import EditWorld, Episodes

# Where a run leaves its best weights.
FOLDERS = {SCORER: "scorer", JUDGE: "judge"}
TRAINS = {SCORER: "experiment=policy_scorer_4x4", JUDGE: "experiment=pair_sudoku_4x4"}


@runtime_checkable
class Proxy(Protocol):
    """A reward at work: the return of each attempt, of which those of one puzzle stand next to each other."""

    def __call__(self, episodes: Episodes, rollouts: int) -> Float64[np.ndarray, " attempts"]: ...


class FrozenReward:
    """A reward by name, with the frozen model that it needs. UserError of one line where that is missing, scores
    another puzzle, lacks the head, or was trained to fewer steps than the world's budget."""

    def __init__(self, name: str, world: EditWorld, scorer: str | None, *, temperature: float) -> None:
        self.reward, self.world, self.temperature = REWARDS[name], world, temperature
        self.scorer: StepScorer | None = None
        self.judge: PairJudge | None = None
        if self.reward.needs is None:
            return
        assert scorer is not None
        folder, puzzle = _find(scorer, self.reward.needs), world.rules.puzzle
        if self.reward.needs == JUDGE:
            self.judge = PairJudge.from_pretrained(folder)
            _check_puzzle(scorer, self.judge.puzzle, puzzle)
            return
        heads = pretrained.read_config(folder)["model"].get("objectives", [])
        if self.reward.head not in heads:
            raise UserError(f"policy.scorer={scorer}: has the heads {', '.join(heads)}, not {self.reward.head}")
        self.scorer = StepScorer.from_pretrained(folder, objective=self.reward.head)
        _check_puzzle(scorer, self.scorer.puzzle, puzzle)
        if self.scorer.budget < world.budget:
            bound = f"at most {self.scorer.budget}, the budget that policy.scorer={scorer} was trained to"
            raise UserError(f"policy.budget={world.budget}: must be {bound}")

    @property
    def compares(self) -> bool:
        """Whether a return depends on the other attempts of the group."""
        return self.judge is not None

    def __call__(self, episodes: Episodes, rollouts: int) -> Float64[np.ndarray, " attempts"]:
        return self.reward.returns(self.evidence(episodes, rollouts))

    def evidence(self, episodes: Episodes, rollouts: int) -> Evidence:
        """What the reward is computed from."""
        return Evidence(
            solved=self.world.solved(episodes), live=episodes.live, temperature=self.temperature,
            log_scores=None if self.scorer is None else log_scores(self.scorer, episodes),
            wins=None if self.judge is None else win_rates(self.judge, episodes, rollouts),
        )  # fmt: skip


def log_scores(scorer: StepScorer, episodes: Episodes) -> Float64[np.ndarray, "attempts budget"]:
    """The logarithm of the score of each step; 0 where there is none.

    The budget that a scorer is shown ends with the attempt, as in `hrm_net.reward.reward_function`: after the last step
    nothing is left. A head that scores merged steps gives the mean of the step's own score and that of the step merged
    with the one before.
    """
    found = np.zeros(episodes.live.shape)
    found[episodes.live] = _logs(scorer, episodes, FINE)
    if HEADS[scorer.objective].scores_pairs:
        later = episodes.live.copy()
        later[:, 0] = False
        found[later] = np.logaddexp(found[later], _logs(scorer, episodes, COARSE)) - np.log(2)
    return found


def win_rates(judge: PairJudge, episodes: Episodes, rollouts: int) -> Float64[np.ndarray, " attempts"]:
    """The mean probability with which the end of each attempt beats those of the others of its group."""
    groups = len(episodes) // rollouts
    first, second = np.triu_indices(rollouts, k=1)
    base = np.arange(groups)[:, None] * rollouts
    one, two = (base + first).ravel(), (base + second).ravel()
    found = judge.compare(list(episodes.problems[one]), list(episodes.last[one]), list(episodes.last[two])).probability
    wins = np.bincount(one, weights=found, minlength=len(episodes))
    wins += np.bincount(two, weights=1 - found, minlength=len(episodes))
    return wins / (rollouts - 1)


def _logs(scorer: StepScorer, episodes: Episodes, span: int) -> Float64[np.ndarray, " rows"]:
    """Of every step, or of every pair of steps, attempt after attempt."""
    attempt, t = np.nonzero(episodes.live[:, span - 1 :])
    if not len(attempt):
        return np.zeros(0)
    num = len(attempt)
    rows = StepRows(
        problem=episodes.problems[attempt], before=episodes.states[attempt, t],
        after=episodes.states[attempt, t + span], left=(episodes.lengths[attempt] - span - t).astype(np.int32),
        span=np.full(num, span, np.uint8), label=np.full(num, np.nan, np.float32), group=np.zeros(num, np.int64),
        source=np.zeros(num, np.uint8), sources=("none",),
    )  # fmt: skip
    logits = run_rows(scorer.model, grid_inputs(rows), segments=scorer.segments, batch_size=1024).logits
    return to_log_scores(scorer.objective, logits[scorer.objective])


def _find(name: str, needs: str) -> Path:
    """The directory with the weights of a scorer or judge. UserError where there are none, or of the other kind."""
    path = pretrained.shipped(name) or Path(name).expanduser()
    for folder in (path, path / FOLDERS[needs]):
        if (folder / pretrained.CONFIG).is_file():
            heads = pretrained.read_config(folder)["model"].get("objectives", [])
            if heads and (heads == [PAIR]) == (needs == JUDGE):
                return folder
    raise UserError(f"policy.scorer={name}: holds no {needs}; python train.py {TRAINS[needs]} trains one")


def _check_puzzle(name: str, has: Puzzle, wanted: Puzzle) -> None:
    if (has.name, has.options) != (wanted.name, wanted.options):
        text = f"policy.scorer={name}: is for {has.name} {has.options}"
        raise UserError(f"{text}: must be for this run's puzzle, {wanted.name} {wanted.options}")
