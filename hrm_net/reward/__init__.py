"""Step scorers, the reward models of this package: they score each step of a solution, on the same recurrent core.

    from hrm_net.reward import StepScorer, aggregate

    scorer = StepScorer.from_pretrained("scorer_6x6", objective="cond")
    scores = scorer.score(problems, outputs)  # scores[problem][candidate][step] in [0, 1], higher is better
    totals = aggregate(scores, "prod")  # totals[problem][candidate]

To somebody who comes from language models: a puzzle is the prompt, a candidate is a completion, a step is one edit of
the grid (`r1c2=3`), and a row, which the model scores, is a step with the state before it and the state after it.

    heads/       the objectives, one file each: orm, prm, pqm, hier, cond
    examples.py  rows with labels, of puzzles and of texts       model.py     the network
    scoring.py   rows through a model                            scorer.py    what people call
    data/        solutions of puzzles to learn from              text/        solutions in words
    metrics/     ranking, best-of-N, first error, votes          search/      search by a head, attempts to fool it
    pair/        a judge that compares two candidates, tournaments
    formats/     files of other projects                         reward_function.py  rewards that trainers call
"""

from typing import TYPE_CHECKING, Any

# Not lazily: once their modules are imported, the package's names `aggregate` and `reward_function` would be those.
from hrm_net.reward.aggregate import aggregate
from hrm_net.reward.reward_function import reward_function, rubric_function, step_reward_function

if TYPE_CHECKING:
    from hrm_net.reward.model import RewardModel, RewardModelConfig
    from hrm_net.reward.scorer import Scores, StepScorer
    from hrm_net.reward.text.judge import TextJudge
    from hrm_net.reward.text.rewards import (
        openrlhf_reward_function,
        text_reward_function,
        text_step_reward_function,
        verl_reward_function,
    )
    from hrm_net.reward.text.scorer import TextScorer

__all__ = [
    "RewardModel", "RewardModelConfig", "Scores", "StepScorer", "TextJudge", "TextScorer", "aggregate",
    "openrlhf_reward_function", "reward_function", "rubric_function", "step_reward_function", "text_reward_function",
    "text_step_reward_function", "verl_reward_function",
]  # fmt: skip
# What `hrm_net.reward` exports, and the module each lies in: loaded when first asked for.
_HOMES = {
    "RewardModel": "model",
    "RewardModelConfig": "model_config",
    "Scores": "scorer",
    "StepScorer": "scorer",
    "TextJudge": "text.judge",
    "TextScorer": "text.scorer",
    "openrlhf_reward_function": "text.rewards",
    "text_reward_function": "text.rewards",
    "text_step_reward_function": "text.rewards",
    "verl_reward_function": "text.rewards",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'hrm_net.reward' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"hrm_net.reward.{_HOMES[name]}"), name)
