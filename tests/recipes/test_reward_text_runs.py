"""From a file of rated solutions to ranked candidates: training, resuming, evaluating and ranking with the commands."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from hrm_net import cli
from hrm_net.checkpoints import checkpoint
from hrm_net.commands import rank as rank_command
from hrm_net.recipes import recipe_of, train_config
from hrm_net.reward.formats import jsonl, prm800k
from hrm_net.reward.formats.prm800k import Completion, RatedStep, Record
from tests.recipes.test_config import values

pytestmark = pytest.mark.slow

SMALL = [
    "experiment=reward_text", "reward.text.path=rated.jsonl", "batch_size=8", "puzzle.length=32", "compile=false",
    "model.hidden_size=16", "model.num_heads=2", "model.max_segments=2", "precision=fp32", "validation.every=2",
    "device=cpu",
]  # fmt: skip


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with 30 rated solutions of which one can be read off the first word, and candidates."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)

    def step():
        rated = [Completion(text=f"{'yes' if good else 'no'} {rng.integers(99)}", rating=good) for good in (1, -1, 0)]
        return RatedStep(completions=rated, human=None, chosen=0)

    records = [
        Record(problem=f"question {i}", answer="1", steps=[step(), step()], finish_reason="solution") for i in range(30)
    ]
    jsonl.write("rated.jsonl", [prm800k.row(record) for record in records])
    lines = [
        {"question": f"another {i}", "answer": "1", "candidates": [{"steps": ["no 5", "It is 2"]}, "yes 5\nIt is 1"]}
        for i in range(4)
    ]
    jsonl.write("candidates.jsonl", lines)
    return tmp_path


def train(*overrides: str) -> None:
    cli.train([*SMALL, *overrides])


def rank(*arguments: str) -> None:
    rank_command.main([*arguments])


def refused(capsys: pytest.CaptureFixture[str], job, *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        job(*arguments)
    err = capsys.readouterr().err
    assert (caught.value.code, err.count("\n")) == (2, 1)
    return err


def test_a_run_is_judged_and_ranks(here, capsys):
    train("name=whole", "steps=2")
    out = capsys.readouterr().out
    assert "AUROC of steps" in out
    assert "unseen questions" in out
    results = json.loads((here / "runs" / "whole" / "results.json").read_text())
    heads = results["sets"]["test"]["heads"]
    assert set(heads) == {"orm", "prm", "pqm", "hier", "cond"}
    assert heads["hier"]["auroc_merged"] is not None
    cli.evaluate(["run=runs/whole", "output=again.json", "device=cpu", "precision=fp32"])
    assert json.loads((here / "again.json").read_text())["sets"] == results["sets"]
    capsys.readouterr()
    rank("--run", "runs/whole", "--head", "hier", "--fine-weight", "0.5", "--device", "cpu", "candidates.jsonl")
    out = capsys.readouterr().out
    assert "8 candidates to 4 problems, ranked by hier, prod" in out
    assert out.splitlines()[-1].split() == ["oracle", "50.0", "100.0"]
    rows = jsonl.read("candidates.ranked.jsonl", dict).items
    assert [row["problem"] for row in rows] == [f"another {i}" for i in range(4)]
    for row in rows:
        totals = [one["score"] for one in row["candidates"]]
        assert totals == sorted(totals, reverse=True)
        for one in row["candidates"]:
            assert one["score"] == pytest.approx(np.prod(one["step_scores"]))


def test_stopped_and_resumed_is_the_same_run(here, monkeypatch):
    from hrm_net.trainer import loop

    train("name=whole", "steps=4", "evaluate_puzzles=0")
    saved = loop._due
    monkeypatch.setattr(
        loop, "_due", lambda step, every: (_ for _ in ()).throw(KeyboardInterrupt) if step == 3 else saved(step, every)
    )
    with pytest.raises(SystemExit):
        train("name=parts", "steps=4", "evaluate_puzzles=0", "checkpoint_every=2")
    monkeypatch.setattr(loop, "_due", saved)
    train("name=parts", "steps=4", "evaluate_puzzles=0", "checkpoint_every=2")
    whole, parts = (checkpoint.load_newest(here / "runs" / name / "checkpoints") for name in ("whole", "parts"))
    assert whole is not None
    assert parts is not None
    assert whole.step == parts.step == 4
    for name, tensor in whole.tensors.items():
        torch.testing.assert_close(parts.tensors[name], tensor, rtol=0, atol=0)


def test_broken_lines_and_answers_that_are_not_known(here, capsys):
    train("name=one", "steps=1", "evaluate_puzzles=0", "reward.objectives=[prm]", "validation.every=0")
    with Path("candidates.jsonl").open("a") as file:
        file.write('{"question": "q"}\n')
    capsys.readouterr()
    rank("--run", "runs/one", "candidates.jsonl", "--output", "best.jsonl", "--device", "cpu")
    out, err = capsys.readouterr()
    assert err == "left out: candidates.jsonl:5: candidates is missing: must be a list\n"
    assert "4 problems, ranked by prm, prod" in out
    assert "candidates.jsonl:5: " in refused(capsys, rank, "--run", "runs/one", "candidates.jsonl", "--strict")
    jsonl.write("unknown.jsonl", [{"problem": "p", "candidates": ["a"]}])
    rank("--run", "runs/one", "unknown.jsonl", "--device", "cpu")
    assert "no line has an answer" in capsys.readouterr().out
    assert "head=cond: must be one of prm" in refused(
        capsys, rank, "--run", "runs/one", "unknown.jsonl", "--head", "cond"
    )
    told = refused(capsys, rank, "--run", "runs/one", "unknown.jsonl", "--output", "unknown.jsonl")
    assert "is the file that is read" in told
    assert "holds a solver" in refused(capsys, rank, "--run", "sudoku_9x9", "unknown.jsonl")
    assert "data=rated.jsonl: must be null" in refused(
        capsys, lambda *a: cli.evaluate([*a]), "run=runs/one", "data=rated.jsonl"
    )


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["reward.text.path=none.jsonl"], "reward.text.path=none.jsonl: no such file; curl"),
        (["reward.text.path=null"], "reward.text.path=null: must be a file"),
        (["reward.objectives=[]"], "reward.objectives=[]: must be heads"),
        (["reward.start=sudoku_9x9"], "reward.start=sudoku_9x9: must be null"),
        (["puzzle.length=8"], "puzzle.length=8: must be a whole number"),
        (["+puzzle.box=2x2"], "puzzle.box"),
        (["reward.text.held_out=1"], "reward.text.held_out=1"),
        (["reward.text.neutral=maybe"], "reward.text.neutral=maybe"),
        (["model.block=grid"], "grid_width"),
        (["data.path=x"], "data.path=x: must be null"),
        (["puzzle=sudoku"], "puzzle.length=32: sudoku has the options box"),
    ],
)
def test_mistakes_are_told_before_any_work(here, capsys, overrides, told):
    assert told in refused(capsys, train, *overrides)
    assert not (here / "runs").exists()


def test_texts_need_their_own_puzzle():
    with pytest.raises(ValueError, match=r"reward\.text\.path=rated\.jsonl: must be null unless puzzle=text"):
        train_config(values("reward=text", "reward.text.path=rated.jsonl"))


def test_a_text_run_may_be_composed_without_its_file():
    config = train_config(values("experiment=reward_text"), read_data=False)
    assert recipe_of(config).noun == "a step scorer of texts"
    assert (config.model.vocab_size, config.model.seq_len) == (257, config.puzzle["length"])
