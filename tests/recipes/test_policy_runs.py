"""A policy's run: resuming, its evaluation, rewards with and without a scorer, and mistakes told in one line."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from hrm_net import recipes
from hrm_net.commands import evaluate
from hrm_net.recipes import policy as runs
from hrm_net.recipes import recipe_of
from hrm_net.recipes.config import EvaluateConfig, TrainConfig, from_yaml, to_yaml
from hrm_net.recipes.model_source import find_model
from hrm_net.recipes.recipe import Run
from puzzles.errors import UserError
from tests.policy.acting import config, save_scorer
from tests.recipes.test_training import assert_same, final, records

pytestmark = pytest.mark.slow


def train(run: TrainConfig, run_dir: Path) -> None:
    runs.PolicyRecipe().train(Run(config=run), run_dir)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run_dir = tmp_path_factory.mktemp("policy") / "run"
    train(config(), run_dir)
    return run_dir


@pytest.mark.parametrize("reward", ["verifier", "implicit"])
def test_a_run_that_was_cut_off_ends_like_one_that_was_not(
    reward: str, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, update = config({"reward": reward}), runs.RewardTraining.update
    if reward != "verifier":
        whole = tmp_path / "whole"
        train(run, whole)
    calls = 0

    def dies(self: runs.RewardTraining) -> None:
        nonlocal calls
        calls += 1
        if calls == 6:
            raise KeyboardInterrupt
        update(self)

    monkeypatch.setattr(runs.RewardTraining, "update", dies)
    with pytest.raises(KeyboardInterrupt):
        train(run, tmp_path / "cut")
    monkeypatch.setattr(runs.RewardTraining, "update", update)
    train(run, tmp_path / "cut")
    one, two = final(whole), final(tmp_path / "cut")
    assert_same(one.tensors, two.tensors)
    assert_same(one.state, two.state)
    assert records(whole) == records(tmp_path / "cut")
    clone = final(whole / "clone").tensors
    assert_same(one.state["clone"], clone)  # the reference stays
    assert any((one.tensors[name] != clone[name]).any() for name in clone) or reward == "verifier"


def test_an_evaluation_has_its_baselines_in_the_same_table(
    whole: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    output = tmp_path / "results.json"
    asked = EvaluateConfig(
        run=str(whole), puzzles=8, output=str(output), compile="false", precision="fp32", device="cpu"
    )
    recipe, checked = evaluate.check(asked)
    assert isinstance(recipe, runs.PolicyRecipe)
    found = evaluate.run(recipe, checked).sets["unseen"]
    assert found.keys() == {"puzzles", "reward", "policy", "clone", "uniform_legal"}
    assert found["clone"]["kl"] == 0
    assert found["uniform_legal"]["clash"] == 0
    assert json.loads(output.read_text())["sets"]["unseen"] == found
    assert (tmp_path / "results_pictures" / "policy.png").is_file()
    text = capsys.readouterr().out
    assert "uniform legal" in text
    validation = [record for record in records(whole) if record["kind"] == "validation"]
    assert [record["step"] for record in validation] == [3, 6]
    assert {"proxy", "solved", "kl", "length", "blanks", "early", "no_op", "loop", "clash", "entropy", "fooled"} <= (
        validation[0].keys()
    )


def test_rewards_with_a_frozen_model_learn_from_a_clone_that_is_there(whole: Path, tmp_path: Path) -> None:
    scorer = save_scorer(tmp_path / "run" / "scorer", ["orm", "prm", "hier", "cond"])
    judge = save_scorer(tmp_path / "judge", ["pair"])
    for reward, folder in (("cond", str(Path(scorer).parent)), ("pair", judge)):
        start = str(whole / "clone")
        run = config({"reward": reward, "scorer": folder, "start": start, "algorithm": "grpo"}, steps=1)
        train(run, tmp_path / reward)
        assert not (tmp_path / reward / "clone").exists()
        assert_same(final(tmp_path / reward).state["clone"], final(whole / "clone").tensors)


STUDIED = ("orm", "prm_sum", "prm_min", "prod", "cond_verifier", "hier", "implicit")


@pytest.mark.parametrize("reward", STUDIED)
def test_every_reward_of_the_study_moves_the_policy(reward: str, whole: Path, tmp_path: Path) -> None:
    scorer = None
    if reward != "implicit":
        scorer = str(Path(save_scorer(tmp_path / "run" / "scorer", ["orm", "prm", "hier", "cond"])).parent)
    run = config({"reward": reward, "scorer": scorer, "start": str(whole / "clone")}, steps=2)
    train(run, tmp_path / reward)
    found, clone = final(tmp_path / reward), final(whole / "clone").tensors
    assert any((found.tensors[name] != clone[name]).any() for name in clone)
    told = [record for record in records(tmp_path / reward) if record["kind"] == "validation"]
    assert all(math.isfinite(record[key]) for record in told for key in ("proxy", "kl", "entropy"))
    assert told[-1]["kl"] > 0
    if reward == "prod":
        assert 0 <= told[-1]["proxy"] <= 1
    elif reward == "cond_verifier":
        assert told[-1]["proxy"] <= 1  # log-probabilities of steps, and one for a solved puzzle


def test_the_weight_of_the_divergence_acts_from_the_second_update_on(whole: Path, tmp_path: Path) -> None:
    """At the first one the policy is the clone, and the divergence has neither value nor gradient."""
    scorer, ends = str(Path(save_scorer(tmp_path / "run" / "scorer", ["prm"])).parent), {}
    for steps in (1, 2):
        for beta in (0.0, 0.02, 0.1):
            run = config(
                {"reward": "prm_sum", "scorer": scorer, "start": str(whole / "clone"), "beta": beta}, steps=steps
            )
            train(run, tmp_path / f"{steps}_{beta}")
            ends[steps, beta] = final(tmp_path / f"{steps}_{beta}").tensors
    for beta in (0.02, 0.1):
        assert all((ends[1, beta][name] == ends[1, 0.0][name]).all() for name in ends[1, beta])
        assert any((ends[2, beta][name] != ends[2, 0.0][name]).any() for name in ends[2, beta])


def test_a_clone_alone_is_a_run(tmp_path: Path) -> None:
    train(config({"reward": "clone"}, batch_size=16), tmp_path)
    found = [record["loss"] for record in records(tmp_path) if record["kind"] == "validation"]
    assert len(found) == 2
    assert isinstance(recipe_of(find_model(str(tmp_path)).values), runs.PolicyRecipe)


def test_a_run_without_a_policy_keeps_no_values_of_one() -> None:
    run = config()
    assert from_yaml(to_yaml(run)) == run
    off = config({"reward": None})
    assert "\npolicy:" not in to_yaml(off)
    assert from_yaml(to_yaml(off)).policy.reward is None


def told(**policy: Any) -> str:
    """The one line for a run whose values are wrong."""
    changes = {key: policy.pop(key) for key in ("puzzle", "data", "model") if key in policy}
    values = json.loads(json.dumps(asdict(config())))
    for key, value in (changes | {"policy": policy}).items():
        values[key] |= value
    with pytest.raises(UserError) as caught:
        recipes.check(values)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_mistakes_are_told_in_one_line_before_any_work(whole: Path, tmp_path: Path) -> None:
    names = "verifier, orm, prm_sum, prm_min, prod, cond, cond_verifier, hier, pair, implicit, clone"
    assert told(reward="prn") == f"policy.reward=prn: must be null or one of {names}"
    bound = "the run or the shipped weights of a step scorer for policy.reward=orm"
    assert told(reward="orm") == f"policy.scorer=null: must be {bound}"
    assert told(scorer="runs/x") == "policy.scorer=runs/x: must be null for policy.reward=verifier"
    missing = "holds no step scorer; python train.py experiment=policy_scorer_4x4 trains one"
    assert told(reward="orm", scorer="runs/x") == f"policy.scorer=runs/x: {missing}"
    judge = save_scorer(tmp_path / "judge", ["pair"])
    assert told(reward="orm", scorer=judge) == f"policy.scorer={judge}: {missing}"
    small = save_scorer(tmp_path / "small", ["prm"], budget=4)
    assert told(reward="cond", scorer=small) == f"policy.scorer={small}: has the heads prm, not cond"
    most = f"at most 4, the budget that policy.scorer={small} was trained to"
    assert told(reward="prm_sum", scorer=small) == f"policy.budget=10: must be {most}"
    other = told(reward="prm_sum", scorer="scorer_6x6")
    assert other.startswith("policy.scorer=scorer_6x6: is for sudoku {'box': '2x3'")
    start = str(whole / "clone")
    assert told(start=start, budget=9) == f"policy.budget=9: must be 10, as policy.start={start} has it"
    assert told(start="scorer_6x6").startswith("policy.start=scorer_6x6: holds no policy; python train.py")
    assert told(data={"puzzles": None}) == "data.puzzles=null: must be a number for policy.reward=verifier"
    assert told(model={"noise": 0.1}).startswith("model.noise=0.1: must be 0 for a policy")
    assert told(rollouts=1) == "policy.rollouts=1: must be at least 2"


def test_a_policy_is_not_taken_for_a_solver(whole: Path) -> None:
    with pytest.raises(UserError, match="holds a policy, which acts step by step and gives no answer at once; python"):
        find_model(str(whole)).load()
