"""The shapes that trainers of language models call."""

import inspect
import json
import math
import time
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from hrm_net.reward import StepScorer, aggregate, reward_function, rubric_function
from hrm_net.reward.completions import solution_steps
from puzzles.errors import UserError
from tests.reward.rewarding import small_scorer

SUDOKU = puzzles.get("sudoku", box="2x2")
MODEL = small_scorer("symbols", ("cond",))
with torch.no_grad():
    for parameter in MODEL.heads.parameters():
        parameter.mul_(0.05)  # scores that are far from 0 and from 1
SCORER = StepScorer(MODEL, SUDOKU)
GRID = "12..3.........1."
STEPS = [
    "r1c3=3 r1c4=4", "r2c2=4 r2c3=2 r2c4=1", "r3c1=2 r3c2=1 r3c3=4 r3c4=3 r4c1=4 r4c2=3", "r4c4=2"
]  # fmt: skip
TEXT = "\n".join(STEPS) + "\n"


def expected() -> float:
    """The product of the scores of the steps of a solution that is allowed no more than these."""
    problem = SCORER.read_problem(GRID)
    path = SCORER.read_candidate(problem, STEPS)
    path.budget = len(STEPS)
    return aggregate(SCORER.score_read([(problem, path)])[0], "prod")


EXPECTED = expected()


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
    assert reward_function(SCORER)([GRID], [""]) == [-1.0]


def test_one_rollout_at_a_time():
    reward = rubric_function(SCORER)
    assert math.isclose(reward(prompt=GRID, completion=message(TEXT), answer="", state={}), EXPECTED, abs_tol=1e-6)
    assert math.isclose(reward("Solve.", TEXT, info={"problem": GRID}), EXPECTED, abs_tol=1e-6)
    assert {"prompt", "completion", "info"} < set(inspect.signature(reward).parameters)


JSON = json.dumps({"problem": GRID})
PARTS = [{"type": "text", "text": TEXT}]


def assistant(content: Any, **more: Any) -> list[dict[str, Any]]:
    return [{"role": "assistant", "content": content, **more}]


READ = [
    TEXT, assistant(TEXT), assistant(PARTS), PARTS, assistant([{"type": "image", "url": "x"}, *PARTS]),
    [{"type": "text", "text": line} for line in STEPS], {"role": "assistant", "content": TEXT},
    f"First the corner.\n\n{TEXT}\nSo it is solved.", f"<think>Is r1c3=4? No.</think>\n{TEXT}",
    f"r1c3=4 fails, so:\n<answer>\n{TEXT}</answer>", f"```\n{TEXT}```", TEXT.replace("\n", "\r\n\r\n"),
    [*assistant(None, tool_calls=[{"id": "1"}]), {"role": "tool", "content": "x"}, *assistant(TEXT)],
]  # fmt: skip
INVALID = [
    None, "", [], {}, 3, math.nan, b"r1c3=3", assistant(None), assistant(None, tool_calls=[{"function": {}}]),
    assistant([]), assistant([{"type": "image", "url": "x"}]), assistant([{"type": "text", "text": None}]),
    [None], [[]], [{"role": "assistant"}], assistant({"text": 3}),
    "I think r1c3=3", f"Maybe r1c3=4.\n{TEXT}", f"{TEXT}No: r1c3=4",
    f"{STEPS[0]}\nthen\n{STEPS[2]}", "<answer></answer>",
    f"<answer>{TEXT}</answer><answer>{TEXT}</answer>", f"<answer>{TEXT}", f"</answer>{TEXT}<answer>",
    f"<answer>so:\n{TEXT}</answer>", f"<think>{TEXT}", "r1c1=2", "r9c9=1", "r1c3=9", "\n".join(["pass"] * 7), "\ud83d",
]  # fmt: skip


@pytest.mark.parametrize("completion", READ, ids=repr)
def test_completions_that_hold_one_solution(completion: Any):
    assert reward_function(SCORER, invalid=-1.0)([GRID], [completion]) == pytest.approx([EXPECTED], abs=1e-6)


def test_a_bad_completion_costs_nobody_elses_reward():
    rewards = reward_function(SCORER, invalid=-1.0)
    completions = [TEXT, *INVALID, TEXT]
    found = rewards([GRID] * len(completions), completions)
    assert found[1:-1] == [-1.0] * len(INVALID)
    assert [found[0], found[-1]] == pytest.approx([EXPECTED] * 2, abs=1e-6)


ANY = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=8), st.sampled_from([TEXT])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["role", "content", "type", "text", "tool_calls"]), inner, max_size=4),
        st.fixed_dictionaries({"role": st.just("assistant"), "content": inner}),
    ),
)  # fmt: skip


@pytest.mark.slow
@given(st.lists(ANY, max_size=4))
def test_no_completion_ends_a_batch(completions: list[Any]):
    found = reward_function(SCORER, invalid=-1.0)([GRID] * (len(completions) + 1), [*completions, TEXT])
    assert all(-1 <= reward <= 1 for reward in found)
    assert math.isclose(found[-1], EXPECTED, abs_tol=1e-6)


@given(st.text("r1c2=3 \n<>/answerthinkpas", max_size=60))
def test_what_is_read_from_a_text_are_its_lines(text: str):
    steps = solution_steps(text)
    lines = [line.strip() for line in text.splitlines()]
    assert steps is None or (steps and " ".join(lines).count(steps[0]) >= 1)


@pytest.mark.parametrize(
    "piece", ["r1c2=3 ", "r1c2=3\n", "r1c", "<answer>", "</think>", "pass\n", "\n", " ", "```\n", "="]
)
def test_long_completions_take_no_time(piece: str):
    text = piece * (100_000 // len(piece))
    began = time.process_time()
    reward_function(SCORER)([GRID], [text])
    assert time.process_time() - began < 2


def test_chat_prompts_hold_the_puzzle():
    rewards = reward_function(SCORER)
    user = [{"role": "system", "content": "Solve it."}, {"role": "user", "content": f"A puzzle:\n{GRID}\nGo."}]
    prompts = [
        GRID, message(GRID), user, [*user, {"role": "assistant", "content": "Steps:"}],
        [{"role": "user", "content": [{"type": "text", "text": GRID}]}],
        f"Solve this.\n\n{GRID[:8]}\n{GRID[8:]}\n\nThanks.",
    ]  # fmt: skip
    found = rewards(prompts, [TEXT] * len(prompts))
    assert found == pytest.approx([EXPECTED] * len(prompts), abs=1e-6)


@pytest.mark.parametrize("info", [{"problem": GRID}, JSON])
def test_info_is_a_mapping_or_json(info: Any):
    assert math.isclose(rubric_function(SCORER)("Solve.", TEXT, info=info), EXPECTED, abs_tol=1e-6)


def test_other_info_leaves_the_puzzle_to_the_prompt():
    for info in ({}, '{"level": 3}', None):
        assert math.isclose(rubric_function(SCORER)(GRID, TEXT, info=info), EXPECTED, abs_tol=1e-6)


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        ("11..............", r"problem\[1\]: '11\.+': two 1s in row 1"),
        ("." * 16, r"problem\[1\]: '\.+': no cell is given"),
        ("123....4........", r"problem\[1\]: '123.*': no solution"),
        (None, r"problem\[1\]: of shape \[\]"),
        ("x", r"problem\[1\]: 'x': .*"),
    ],
)
def test_a_bad_puzzle_is_an_error_that_names_it(problem: Any, message: str):
    with pytest.raises(UserError, match=message) as caught:
        reward_function(SCORER)(["Solve."] * 2, [TEXT, None], problem=[GRID, problem])
    assert "\n" not in str(caught.value)
    if problem is not None:
        with pytest.raises(UserError, match=message.replace("problem", "prompts").replace("1", "0", 1)):
            rubric_function(SCORER)(problem, TEXT)


def test_the_default_aggregation_is_the_heads():
    heads = small_scorer("symbols", ("orm", "prm"))
    assert reward_function(StepScorer(heads, SUDOKU, "orm")).__name__ == "orm_last"
    assert reward_function(StepScorer(heads, SUDOKU, "prm")).__name__ == "prm_prod"


def test_what_is_the_callers_mistake():
    with pytest.raises(ValueError, match="how=vote: must be one of"):
        reward_function(SCORER, "vote")
    rewards = reward_function(SCORER)
    for prompts, completions, text in (
        (None, [TEXT], "prompts: is of type NoneType: must be a list of puzzles"),
        ([GRID], None, "completions: is of type NoneType: must be a list of texts"),
        ([GRID], TEXT, "completions: is of type str: must be a list of texts"),
        (GRID, [TEXT], "prompts: is of type str: must be a list of puzzles"),
        (["12"], [TEXT], "puzzle text has 2 cells"),
        ([GRID], [TEXT, TEXT], "2 completions for 1 problems"),
        ([[{"role": "user"}]], [TEXT], "must be a text, or messages"),
        ([[]], [TEXT], "must be a text, or messages"),
        ([f"{GRID}\n{GRID[::-1]}"], [TEXT], "holds 2 different puzzles: must hold one sudoku"),
    ):
        with pytest.raises(ValueError, match=text):
            rewards(prompts, completions)
    for info in ("{", "[1]", 3):
        with pytest.raises(UserError, match=r"info.*must be a mapping, or one as JSON text"):
            rubric_function(SCORER)("Solve.", TEXT, info=info)
