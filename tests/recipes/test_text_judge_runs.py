"""A judge of texts: its files, training that learns and resumes, the evaluation, and ranking by the command."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hrm_net import cli
from hrm_net.checkpoints import checkpoint
from hrm_net.commands import rank as rank_command
from hrm_net.recipes import text_judge as runs
from hrm_net.reward import TextJudge
from hrm_net.reward.formats import jsonl, prm800k
from hrm_net.reward.formats.prm800k import Completion, RatedStep, Record
from hrm_net.reward.text import preferences
from hrm_net.reward.text.config import TextConfig
from hrm_net.reward.text.games import ByteReader
from tests.language_models import save_llama
from tests.reward.rewarding import refusal

SMALL = [
    "reward.text.path=candidates.jsonl", "batch_size=16", "compile=false", "model.hidden_size=16", "model.num_heads=2",
    "reward.segments=2", "model.max_segments=2", "reward.pair.mean_segments=2", "precision=fp32", "device=cpu",
    "validation.every=4", "checkpoint_every=5", "optim.warmup_steps=0", "name=small",
]  # fmt: skip
BYTES = ["experiment=pair_text", "puzzle.length=48"]
STATES = [
    "experiment=pair_language_model", "puzzle.length=24", "reward.text.backbone.path=llama",
    "reward.text.backbone.cache=states",
]  # fmt: skip


def lines(num: int = 40) -> list[dict[str, Any]]:
    """Questions with two right candidates and two wrong ones, which the first word of the last step gives away."""
    rng = np.random.default_rng(0)

    def candidate(good: bool) -> dict[str, Any]:
        steps = [f"let {rng.integers(99)}", f"{'aye' if good else 'nay'} {rng.integers(9)}"]
        return {"steps": steps, "correct": good}

    return [
        {"problem": f"question {i}", "candidates": [candidate(good) for good in (True, False, True, False)]}
        for i in range(num)
    ]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    jsonl.write("candidates.jsonl", lines())
    return tmp_path


def read(rows: list[dict[str, Any]], most: int = 100) -> dict[str, preferences.JudgedGames]:
    jsonl.write("some.jsonl", rows)
    return preferences.read(TextConfig(path="some.jsonl"), ByteReader(length=32), most=most, seed=0)[0]


def test_right_candidates_play_against_wrong_ones(here: Path) -> None:
    sets = read(lines())
    assert sum(len(one) for one in sets.values()) == 40 * 4
    questions = [{one.problem for one in each.candidates} for each in sets.values()]
    assert sum(map(len, questions)) == len(set.union(*questions)) == 40
    for one in sets.values():
        for first, second, better in zip(one.games.first, one.games.second, one.better, strict=True):
            good, bad = (first, second) if better else (second, first)
            assert one.candidates[good].problem == one.candidates[bad].problem
            assert one.candidates[good].steps[-1].startswith("aye")
            assert one.candidates[bad].steps[-1].startswith("nay")
        assert 0.2 < one.better.mean() < 0.8
    assert sum(len(one) for one in read(lines(), most=3).values()) == 40 * 3


def test_the_right_answer_says_which_candidates_are_right(here: Path) -> None:
    rows = [
        {"question": f"q{i}", "answer": "1/2", "candidates": ["It is 0.5", "It is 2", "It is 3"]} for i in range(40)
    ]
    games = read(rows)["train"]
    good = {
        games.candidates[a if right else b].steps[-1]
        for a, b, right in zip(games.games.first, games.games.second, games.better, strict=True)
    }
    assert good == {"It is 0.5"}


def test_pairs_and_rated_steps_are_games(here: Path) -> None:
    pairs = [{"prompt": f"p{i}", "chosen": "one\n\ntwo", "rejected": "three"} for i in range(40)]
    games = read(pairs)["train"]
    assert {one.steps for one in games.candidates} == {("one", "two"), ("three",)}
    texts = (("a", 1), ("b", -1), ("c", 0), ("d", -1))
    step = RatedStep(completions=[Completion(text=text, rating=rating) for text, rating in texts], human=None, chosen=0)
    records = [Record(problem=f"r{i}", answer="1", steps=[step, step], finish_reason="solution") for i in range(40)]
    games = read([prm800k.row(one) for one in records])["train"]
    assert {one.steps for one in games.candidates} == {
        ("a",), ("b",), ("d",), ("a", "a"), ("a", "b"), ("a", "d"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"problem": "q"}, "has none of the keys candidates, chosen, label"),
        ({"problem": "q", "candidates": ["a"]}, "candidates[0]: has no `correct`, and the line has no `answer`"),
        (
            {"problem": "q", "candidates": [{"text": "a", "correct": 1}]},
            "candidates[0].correct=1: must be true or false",
        ),
        (
            {"problem": "q", "candidates": [{"text": "a", "correct": True}, {"text": "a", "correct": False}]},
            "candidates[1]: is called right and, as another candidate, wrong",
        ),
        ({"prompt": "q", "chosen": "a", "rejected": "a"}, "chosen and rejected are the same text"),
    ],
)
def test_a_broken_line_is_told_by_its_number(here: Path, row: dict, told: str) -> None:
    said = refusal(lambda: read([*lines(3), row]))
    assert "some.jsonl:4: " in said
    assert told in said
    assert "\n" not in said


def test_too_few_questions_are_refused(here: Path) -> None:
    assert "none fall to the" in refusal(lambda: read(lines(1)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bytes", "states"])
def test_a_judge_learns_what_is_planted_and_ranks(kind: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if kind == "states":
        save_llama(here / "llama")
    cli.train([*(BYTES if kind == "bytes" else STATES), *SMALL, "steps=90", "validation.every=30", "optim.lr=3e-3"])
    found = json.loads(Path("runs/small/results.json").read_text())["sets"]["test"]
    assert found["by_segment"][1] > 0.9
    assert len(found["by_segment"]) == 4
    assert 0 <= found["counts_only"] <= 1
    judge = TextJudge.from_pretrained("runs/small")
    games = [(f"question {40 + i}", [f"let {10 + i}", f"aye {i}"], [f"let {30 - i}", f"nay {i}"]) for i in range(9)]
    assert (judge.compare(*(list(column) for column in zip(*games, strict=True))).probability > 0.5).mean() > 0.8
    rows = [
        {"question": f"question {50 + i}", "answer": "1", "candidates": [["nay 2"], ["aye 1"], ["nay 3"]]}
        for i in range(5)
    ]
    for row in rows:
        row["candidates"] = [{"steps": ["let 44", *steps]} for steps in row["candidates"]]
    jsonl.write("new.jsonl", rows)
    capsys.readouterr()
    for run in ("runs/small", "runs/small/judge"):
        rank_command.main(["--by", "pair", "--run", run, "--kind", "round_robin", "new.jsonl", "--device", "cpu"])
        ranked = jsonl.read("new.ranked.jsonl", dict).items
        assert [row["candidates"][0]["correct"] for row in ranked] == [True] * 5
        assert [row["games"] for row in ranked] == [3] * 5
        out = capsys.readouterr().out
        assert "15 games" in out
        scorer = next(row for row in out.splitlines() if row.split()[:1] == ["scorer"])
        assert scorer.split()[-1] == "100.0"
    with pytest.raises(SystemExit):
        rank_command.main(["--run", "runs/small", "new.jsonl"])
    err = capsys.readouterr().err
    assert "hrm-rank --by pair --run runs/small FILE" in err
    assert err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("halting", ["closed", "grpo"])
def test_a_run_that_was_cut_off_ends_like_one_that_was_not(
    halting: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = [*BYTES, *SMALL, "steps=8", f"reward.pair.halting={halting}", "reward.pair.rollouts=4"]
    cli.train([*changes, "name=whole"])
    calls, update = 0, runs.TextPairTraining.update

    def dies(self: runs.TextPairTraining) -> None:
        nonlocal calls
        calls += 1
        if calls == 7:
            raise RuntimeError("cut off")
        update(self)

    monkeypatch.setattr(runs.TextPairTraining, "update", dies)
    with pytest.raises(SystemExit):
        cli.train([*changes, "name=cut"])
    monkeypatch.setattr(runs.TextPairTraining, "update", update)
    cli.train([*changes, "name=cut"])
    saved = [checkpoint.best(Path("runs", name, "checkpoints")) for name in ("whole", "cut")]
    one, two = (checkpoint.load(path) for path in saved if path is not None)
    assert one.tensors.keys() == two.tensors.keys()
    assert all(torch.equal(one.tensors[key], two.tensors[key]) for key in one.tensors)
    jsonl.write("candidates.jsonl", lines(41))
    with pytest.raises(SystemExit) as caught:
        cli.train([*changes, "name=cut", "steps=9"])
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("puzzle.length=33", "puzzle.length=33: must be even for reward.objectives=[pair]"),
        ("reward.pair.mean_segments=9", "reward.pair.mean_segments=9.0: must be at most reward.segments=2"),
        ("reward.text.path=nowhere.jsonl", "reward.text.path=nowhere.jsonl: no such file"),
        ("reward.pair.games=0", "reward.pair.games=0: must be at least 1"),
    ],
)
def test_mistakes_are_told_before_any_work(
    override: str, told: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.train([*BYTES, *SMALL, "name=never", override])
    err = capsys.readouterr().err
    assert (caught.value.code, err.count("\n")) == (2, 1)
    assert told in err
    assert not Path("runs/never").exists()
