"""The figures of a policy on unseen puzzles, and what the frozen scorers say of the clone's own attempts."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Integer

import puzzles
from hrm_net.checkpoints import checkpoint
from hrm_net.policy.evaluation import Evaluation
from hrm_net.policy.implicit import ImplicitReward
from hrm_net.policy.model import PolicyModel
from hrm_net.policy.rewards import REWARDS
from hrm_net.policy.rollouts import Sampler
from hrm_net.policy.scorers import FrozenReward
from hrm_net.recipes.config import TrainConfig
from hrm_net.recipes.policy import draw_problems, load_clone, load_policy, policy_inputs, world_of
from hrm_net.reward.metrics.ranking import auroc
from hrm_net.trainer.tracking import read_metrics
from puzzles import splits
from puzzles.steps.world import EditWorld, Episodes

# What a validation of a run tells, which the pictures draw.
CURVE = ("step", "proxy", "solved", "kl", "length", "blanks", "early", "no_op", "loop", "clash", "entropy", "fooled")
ATTEMPTS = 4  # of each puzzle, whole and cut off, that the rewards are tried on


def problems_of(world: EditWorld, run: TrainConfig, test: tuple[int, int]) -> Integer[np.ndarray, "num seq"]:
    """The unseen puzzles of a seed, the attempts at one next to each other; the same for all of its arms."""
    num, each = test
    return np.repeat(draw_problems(world, run, "policy study", num, splits.EVALUATION), each, axis=0)


def measure(run: TrainConfig, folder: Path, test: tuple[int, int]) -> dict[str, Any]:
    """The policy after its last update, beside the clone, and the curve of its validations."""
    newest = checkpoint.newest(folder / "checkpoints")
    assert newest is not None, folder
    world, model = world_of(run), load_policy(newest, run)
    inputs = policy_inputs(run)
    clone, reward = inputs.start, inputs.reward
    assert clone is not None
    if reward is None:
        learned = ImplicitReward(world, clone)
        learned.load_state_dict(checkpoint.load(newest).state["learned"])
        proxy: Any = learned
    else:
        proxy = reward
    with torch.no_grad():
        evaluation = Evaluation(
            world, proxy, clone, problems_of(world, run, test), compares=proxy.compares, seed=run.seed,
            purpose="policy study attempts",
        )  # fmt: skip
        found = evaluation.figures(model) | {"clone_fooled": evaluation.of(evaluation.reference)["fooled"]}
    records = [record for record in read_metrics(folder) if record["kind"] == "validation"]
    return found | {"curve": [{key: record[key] for key in CURVE} for record in records]}


def baselines(run: TrainConfig, clone_folder: Path, test: tuple[int, int]) -> dict[str, Any]:
    """The clone and uniformly random legal writes, on the puzzles that the arms are measured on."""
    world, clone = world_of(run), load_clone(str(clone_folder), run)
    verifier = FrozenReward("verifier", world, None, temperature=run.policy.min_temperature)
    with torch.no_grad():
        evaluation = Evaluation(
            world, verifier, clone, problems_of(world, run, test), compares=False, seed=run.seed,
            purpose="policy study attempts",
        )  # fmt: skip
        return {"clone": evaluation.figures(clone), "uniform": evaluation.actor(world.legal_actor)}


def trust(run: TrainConfig, clone: PolicyModel, scorers: dict[str, str], num: int) -> dict[str, dict[str, Any]]:
    """Of every frozen reward, before any policy learns from it, on the clone's attempts at `num` validation puzzles:

    - `outcome`: the AUROC of the return for solved against unsolved attempts;
    - `stops`: the AUROC of the return for solved attempts against attempts that were cut off, with cells left blank. It
      is below 1/2 where stopping at once pays.

    `scorers` names the scorer or judge of each kind.
    """
    world = world_of(run)
    problems = np.repeat(draw_problems(world, run, "policy trust", num, splits.VALIDATION), 2 * ATTEMPTS, axis=0)
    rng = puzzles.rng(run.seed, "policy trust attempts")
    with torch.no_grad():
        episodes = world.run(Sampler(clone), rng, problems)
        cuts = np.arange(len(episodes)) % 2 == 1
        episodes = cut_off(episodes, cuts, rng)
        solved = world.solved(episodes)
        blank = (episodes.last == world.rules.blank).any(axis=1)
        found = {}
        for name, reward in REWARDS.items():
            if reward.needs is None:
                continue
            proxy = FrozenReward(name, world, scorers[reward.needs], temperature=run.policy.min_temperature)
            returns = proxy(episodes, 2 * ATTEMPTS)
            honest = ~cuts
            stopped = (cuts & blank) | (honest & solved)
            found[name] = {
                "outcome": _auroc(returns[honest], solved[honest]),
                "stops": _auroc(returns[stopped], solved[stopped]),
            }
    return found


def cut_off(episodes: Episodes, which: Bool[np.ndarray, " attempts"], rng: np.random.Generator) -> Episodes:
    """The attempts, of which those named end after a random one of their steps."""
    most = np.maximum(episodes.lengths, 1)
    lengths = np.where(which, np.minimum(1 + rng.integers(most), most), episodes.lengths)
    times = np.minimum(np.arange(episodes.states.shape[1]), lengths[:, None])
    states = np.take_along_axis(episodes.states, times[:, :, None], axis=1)
    later = np.arange(episodes.actions.shape[1]) >= lengths[:, None]
    actions = np.where(which[:, None] & later, -1, episodes.actions)
    return replace(episodes, states=states, actions=actions, lengths=lengths)


def _auroc(scores: np.ndarray, labels: np.ndarray) -> float | None:
    found = auroc(scores, labels)
    return None if np.isnan(found) else found
