"""The shapes that trainers of language models call."""

import inspect
import math

import pytest

import puzzles
from hrm_net.reward import StepScorer, aggregate
from hrm_net.reward.reward_function import reward_function, rubric_function
from tests.reward.rewarding import small_scorer

SUDOKU = puzzles.get("sudoku", box="2x2")
SCORER = StepScorer(small_scorer("symbols", ("cond",)), SUDOKU)
GRID = "12..3.........1."
STEPS = ["r1c3=3 r1c4=4", "pass", "r4c4=2"]
EXPECTED = aggregate(SCORER.score([GRID], [[STEPS]]), "prod")[0][0]
TEXT = "\n".join(STEPS) + "\n"


def message(text: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": "Solve it."}, {"role": "user", "content": text}]


def test_rewards_are_aggregated_scores():
    rewards = reward_function(SCORER)
    found = rewards(prompts=[GRID, message(GRID)], completions=[TEXT, message(TEXT)], completion_ids=[[1], [2]])
    assert found == pytest.approx([EXPECTED, EXPECTED], abs=1e-6)
    assert all(type(reward) is float for reward in found)
    assert rewards([message("Solve the grid.")], [TEXT], problem=[GRID]) == pytest.approx([EXPECTED], abs=1e-6)
    logs = reward_function(SCORER, "sum_log")([GRID], [TEXT])
    assert math.isclose(logs[0], math.log(EXPECTED), rel_tol=1e-5)
    assert rewards.__name__ == "cond_prod"
    assert inspect.isfunction(rewards)


def test_completions_that_are_no_solution_get_the_reward_set_for_them():
    bad = ["", "I think r1c3=3", "r1c1=2", "r9c9=1", "\n".join(["pass"] * 7)]
    rewards = reward_function(SCORER, invalid=-1.0)([GRID] * 6, [*bad, TEXT])
    assert rewards[:5] == [-1.0] * 5
    assert math.isclose(rewards[5], EXPECTED, abs_tol=1e-6)
    assert reward_function(SCORER)([GRID], [""]) == [0.0]


def test_one_rollout_at_a_time():
    reward = rubric_function(SCORER)
    assert math.isclose(reward(prompt=GRID, completion=message(TEXT), answer="", state={}), EXPECTED, abs_tol=1e-6)
    assert math.isclose(reward("Solve.", TEXT, info={"problem": GRID}), EXPECTED, abs_tol=1e-6)
    assert {"prompt", "completion", "info"} < set(inspect.signature(reward).parameters)


def test_what_is_the_callers_mistake():
    with pytest.raises(ValueError, match="how=vote: must be one of"):
        reward_function(SCORER, "vote")
    rewards = reward_function(SCORER)
    for prompts, completions, text in (
        (["12"], [TEXT], "puzzle text has 2 cells"),
        ([GRID], [TEXT, TEXT], "2 completions for 1 problems"),
        ([[{"role": "user"}]], [TEXT], "must be a text, or messages"),
        ([[]], [TEXT], "must be a text, or messages"),
    ):
        with pytest.raises(ValueError, match=text):
            rewards(prompts, completions)
