"""A text scorer as reward functions of TRL, verl and OpenRLHF."""

import math

import pytest
import torch

import hrm_net.reward
from hrm_net.nn.config import HRMConfig
from hrm_net.reward import (
    TextScorer,
    aggregate,
    openrlhf_reward_function,
    text_reward_function,
    text_step_reward_function,
    verl_reward_function,
)
from hrm_net.reward.heads import HEADS
from hrm_net.reward.model import RewardModel
from hrm_net.reward.model_config import RewardModelConfig

QUESTION, STEPS = "1 + 2?", ["1 + 2 = 3", "so it is 3", "that is all"]
TEXT = "\n\n".join(STEPS)


def scorer(objective: str = "prm") -> TextScorer:
    core = HRMConfig(vocab_size=257, seq_len=32, hidden_size=16, num_heads=2, h_layers=1, l_layers=1, mlp_multiple=16)
    model = RewardModel(
        RewardModelConfig(core=core, objectives=list(HEADS), inputs="text"), torch.Generator().manual_seed(0)
    ).eval()
    with torch.no_grad():
        for head in model.heads.values():
            head.get_parameter("weight").normal_(0, 0.3, generator=torch.Generator().manual_seed(1))
    return TextScorer(model=model, objective=objective)


@pytest.fixture(scope="module")
def prm() -> TextScorer:
    return scorer()


@pytest.mark.parametrize("how", [None, "min", "sum_log"])
def test_all_shapes_give_the_aggregated_score(prm, how):
    expected = pytest.approx(aggregate(prm.score([QUESTION], [[STEPS]]), how or "prod")[0][0])
    chat = [{"role": "user", "content": QUESTION}]
    answer = [{"role": "assistant", "content": TEXT}]
    trl = text_reward_function(prm, how)
    assert trl([chat, QUESTION], [answer, TEXT], labels=[0, 1]) == [expected] * 2
    assert trl(["Solve it."], [TEXT], question=[QUESTION]) == [expected]
    assert verl_reward_function(prm, how)("gsm8k", TEXT, "3", {"question": QUESTION}) == expected
    found = openrlhf_reward_function(prm, how)([f"<s>{QUESTION}\n\n{TEXT}<|im_end|>\n"], [QUESTION], ["3"])
    assert found["rewards"].tolist() == [pytest.approx(expected.expected, rel=1e-5)]
    assert 0 <= found["scores"].item() <= 1
    assert found["extra_logs"]["steps"].tolist() == [3.0]


@pytest.mark.parametrize("head", HEADS)
def test_gains_sum_to_the_reward(head):
    one = scorer(head)
    (gains,) = text_step_reward_function(one)([QUESTION], [TEXT])
    (reward,) = text_reward_function(one)([QUESTION], [TEXT])
    assert len(gains) == 3
    assert sum(gains) == pytest.approx(reward)
    (scores,) = text_step_reward_function(one, kind="scores")([QUESTION], [TEXT])
    assert scores == pytest.approx(one.score([QUESTION], [[STEPS]])[0][0])
    found = verl_reward_function(one, stepwise=True)("", TEXT, None, {"problem": QUESTION})
    assert found == {"score": pytest.approx(reward), "step_rewards": pytest.approx(gains)}
    found = openrlhf_reward_function(one, stepwise=True)([QUESTION + TEXT], [QUESTION], None)
    assert found["step_rewards"] == [pytest.approx(gains)]


@pytest.mark.parametrize("completion", ["", " \n\n ", None, [], [{"role": "assistant", "content": None}]])
def test_no_completion_is_an_error(prm, completion):
    assert text_reward_function(prm)([QUESTION] * 2, [completion, TEXT])[0] == -1
    assert text_step_reward_function(prm, invalid=-2)([QUESTION], [completion]) == [[-2.0]]
    assert verl_reward_function(prm)("", completion, None, {"prompt": QUESTION}) == -1


def test_mistakes_of_the_caller_are_told(prm):
    for call, told in (
        (lambda: text_reward_function(prm, "best"), "how=best: must be one of"),
        (lambda: text_reward_function(prm, invalid=math.nan), "invalid=nan: must be a finite number"),
        (lambda: text_step_reward_function(prm, kind="sums"), "kind=sums: must be one of gains, scores"),
        (lambda: text_reward_function(prm)([""], [TEXT]), r"prompts\[0\]: must be a text"),
        (lambda: text_reward_function(prm)([QUESTION], []), "0 completions for 1 prompts"),
        (lambda: verl_reward_function(prm)("", TEXT, None, {}), "extra_info: must hold the question"),
        (lambda: openrlhf_reward_function(prm)(["x"], ["y"], None), r"queries\[0\]: does not hold prompts\[0\]"),
    ):
        with pytest.raises(ValueError, match=told):
            call()


def test_the_package_exports_them():
    assert set(hrm_net.reward.__all__) >= {"TextScorer", "text_reward_function", "verl_reward_function"}
    for name in hrm_net.reward.__all__:
        assert callable(getattr(hrm_net.reward, name))
