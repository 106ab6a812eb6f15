"""A judge's run: every way to learn halting, resuming, the evaluation, and what people do with the judge."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hrm_net.commands import rank
from hrm_net.recipes import pair_judge as runs
from hrm_net.recipes import recipe_of
from hrm_net.recipes.config import EvaluateConfig, TrainConfig
from hrm_net.recipes.recipe import Run
from hrm_net.reward.config import PolicyConfig
from hrm_net.reward.formats import jsonl
from hrm_net.reward.pair import PairJudge
from hrm_net.reward.pair import data as pair_data
from hrm_net.reward.pair.config import PairConfig
from puzzles import registry, rng
from puzzles.steps.prefixes import PrefixPairs
from tests.recipes.reward_victim import config as reward_config
from tests.recipes.test_training import assert_same, final, records
from tests.reward.rewarding import refusal

pytestmark = pytest.mark.slow

PUZZLE = registry.get("sudoku", box="2x2")


def some_pairs(policy, rules, generator, problems, *, steps: int, budget: int, pairs: int) -> PrefixPairs:
    """Right and wrong prefixes, without the search for those that look alike, which 4x4 Sudoku has too few of."""
    answers = rules.targets(problems, problems, problems)
    sides = []
    for right in (True, False):
        wrong = np.where(answers == 2, 3, 2)
        sides.append(np.array(problems))
        for row, answer, other in zip(sides[-1], answers, wrong, strict=True):
            cells = generator.permutation(np.flatnonzero(row == 1))[:steps]
            row[cells] = answer[cells] if right else other[cells]
    alive = generator.random(len(problems)) < 0.5
    good, bad = sides
    return PrefixPairs(
        problem=problems, first=np.where(alive[:, None], good, bad), second=np.where(alive[:, None], bad, good),
        first_alive=alive, place=np.arange(len(problems)), left=budget - steps,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def quick_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair_data, "sample_pairs", some_pairs)


def config(halting: str = "closed", pair: dict[str, Any] | None = None, **changes: Any) -> TrainConfig:
    judge = PairConfig(
        **{"steps": [1, 2], "halting": halting, "warmup": 0.5, "rollouts": 4, "mean_segments": 2.0, **(pair or {})}
    )
    reward = {
        "objectives": ["pair"], "regime": "fill", "budget": 16, "cells_per_step": 1, "segments": 3,
        "policy": PolicyConfig(error=0.3), "pair": judge,
    }  # fmt: skip
    return reward_config(reward, **{"steps": 8, "evaluate_sets": {"few": {"clues": 6}}, **changes})


def train(run: TrainConfig, run_dir: Path) -> None:
    runs.PairJudgeRecipe().train(Run(config=run), run_dir)


@pytest.mark.parametrize("halting", ["closed", "exact", "grpo"])
def test_a_run_that_was_cut_off_ends_like_one_that_was_not(
    halting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off after the warm-up, when there is a price and a judge from which not to stray."""
    run = config(halting, checkpoint_every=5, batch_size=16)
    train(run, tmp_path / "whole")
    calls, update = 0, runs.PairTraining.update

    def dies(self: runs.PairTraining) -> None:
        nonlocal calls
        calls += 1
        if calls == 7:
            raise KeyboardInterrupt
        update(self)

    monkeypatch.setattr(runs.PairTraining, "update", dies)
    with pytest.raises(KeyboardInterrupt):
        train(run, tmp_path / "cut")
    monkeypatch.setattr(runs.PairTraining, "update", update)
    train(run, tmp_path / "cut")
    one, two = final(tmp_path / "whole"), final(tmp_path / "cut")
    assert_same(one.tensors, two.tensors)
    assert_same(one.state, two.state)
    assert records(tmp_path / "whole") == records(tmp_path / "cut")
    assert all(torch.isfinite(tensor).all() for tensor in one.tensors.values())
    assert (one.state["before"] is not None) == (halting == "grpo")
    judge = PairJudge.from_pretrained(tmp_path / "whole" / "judge")
    assert judge.segments == 3
    assert judge.stop is not None


def test_a_judge_is_trained_evaluated_and_ranks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from hrm_net.commands import evaluate

    monkeypatch.chdir(tmp_path)
    run = config()
    assert isinstance(recipe_of(run), runs.PairJudgeRecipe)
    train(run, Path("runs/run"))
    told = [record for record in records(Path("runs/run")) if record["kind"] == "validation"]
    assert all(0 <= share <= 1 for record in told for share in record["by_segment"])
    assert len(told[-1]["by_segment"]) == 3
    asked = EvaluateConfig(run="runs/run", puzzles=12, compile="false", precision="fp32", device="cpu")
    found = evaluate.run(*evaluate.check(asked)).sets["few"]
    assert set(found) >= {"prefixes", "complete", "stop"}
    assert found["complete"]["rules_only"] == 1.0
    for group in (found["prefixes"], found["complete"]):
        assert len(group["by_segment"]) == 6
        assert 1 <= group["segments"] <= 3
        assert sum(group["stopped_after"]) == group["games"] == sum(row["games"] for row in group["by_difficulty"])
        assert 0 <= group["counts_only"] <= 1
    assert Path("runs/run/results_pictures/judge.png").is_file()
    assert json.loads(Path("runs/run/results.json").read_text())["sets"]["few"] == json.loads(json.dumps(found))

    problems, answers = PUZZLE.generate(rng(1, "test"), 2, clues=7)
    lines = []
    for problem, answer in zip(problems, answers, strict=True):
        cell = int(np.flatnonzero(problem == 1)[0])
        states = [np.where(np.arange(16) == cell, value, problem) for value in range(2, 6)]
        states.append(answer)
        texts: list[Any] = [PUZZLE.format(state) for state in states]
        texts[0] = {"steps": [f"r{cell // 4 + 1}c{cell % 4 + 1}=1"]}
        lines.append({"problem": PUZZLE.format(problem), "candidates": texts, "id": 7})
    lines.append({"problem": lines[0]["problem"], "candidates": [lines[1]["candidates"][1]]})
    jsonl.write("some.jsonl", lines)
    capsys.readouterr()
    for kind, games in (("knockout", 4), ("round_robin", 10)):
        rank.main(["--by", "pair", "--run", "runs/run", "--kind", kind, "some.jsonl", "--device", "cpu"])
        rows = jsonl.read("some.ranked.jsonl", dict).items
        assert [row["games"] for row in rows] == [games, games]
        assert rows[0]["id"] == 7
        assert [one["score"] for one in rows[0]["candidates"]] == sorted(
            (one["score"] for one in rows[0]["candidates"]), reverse=True
        )
        assert sum(one["can_come_right"] for one in rows[0]["candidates"]) == 2
        out = capsys.readouterr()
        assert f"{2 * games} games" in out.out
        assert "some.jsonl:3: " in out.err
        assert "is a candidate of another problem" in out.err


def test_the_games_of_a_run_are_made_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = runs.step_scorer.scorer_inputs(config()).source
    made, digest = pair_data.prepare(source, tmp_path)
    assert set(made.steps.tolist()) == {0, 1, 2}
    monkeypatch.setattr(pair_data, "make", lambda *_: pytest.fail("made again"))
    read, again = pair_data.prepare(source, tmp_path)
    assert digest == again
    np.testing.assert_array_equal(made.first, read.first)
    other = runs.step_scorer.scorer_inputs(config(pair={"games": 9})).source
    line = "pairs was made with pair.games=4, not 9: use it again, or choose another name="
    assert line in refusal(lambda: pair_data.prepare(other, tmp_path))
    (tmp_path / "pairs" / "pairs.npz").write_bytes(b"x")
    assert "pairs.npz: missing or damaged" in refusal(lambda: pair_data.prepare(source, tmp_path))


def test_complete_solutions_play_against_a_right_one() -> None:
    source = runs.step_scorer.scorer_inputs(config(pair={"complete": 0.9})).source
    pairs = pair_data.make(source)
    pairs = pairs.take(pairs.complete)
    better = np.where(pairs.better[:, None], pairs.first, pairs.second)
    assert PUZZLE.check(pairs.problem, better).solved.all()
    assert not PUZZLE.check(pairs.problem, pairs.worse).solved.any()
    assert (pairs.worse > 1).all()


@pytest.mark.parametrize(
    ("pair", "changes", "line"),
    [
        ({"steps": [4, 2]}, {}, "reward.pair.steps=[4, 2]: must be two numbers, the fewest of at least 1 and the most"),
        ({"steps": [1, 16]}, {}, "reward.pair.steps=[1, 16]: must be below reward.budget=16"),
        ({"mean_segments": 4.0}, {}, "reward.pair.mean_segments=4.0: must be at most reward.segments=3"),
        ({"rollouts": 1}, {}, "reward.pair.rollouts=1: must be at least 2, to compare within a group"),
        ({"halting": "grpo", "rollouts": 30}, {}, "batch_size=24: must be at least reward.pair.rollouts=30"),
    ],
)
def test_a_mistake_is_one_line(pair: dict[str, Any], changes: dict[str, Any], line: str) -> None:
    from dataclasses import asdict

    def check() -> None:
        values = asdict(config(**changes)) | {}
        values["reward"]["pair"] |= pair
        runs.PairJudgeRecipe().check(values)

    assert refusal(check).startswith(line)
