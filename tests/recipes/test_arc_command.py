"""`train.py` and `evaluate.py` on real ARC tasks: runs, what they refuse, what they leave behind."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
import yaml

from hrm_net import cli
from hrm_net.data import arc_tasks
from hrm_net.recipes.config import from_yaml
from tests.puzzles.arc.arc_folders import SIDE, folder, plain_score, two_folders

pytestmark = pytest.mark.slow

TINY = [
    "puzzle=arc", f"puzzle.canvas={SIDE}", "model=hrm_small", "model.hidden_size=8", "model.num_heads=2",
    "model.h_layers=1", "model.l_layers=1", "model.max_segments=2", "optim=adamw", "batch_size=3", "steps=2",
    "validation.every=0", "compile=false", "precision=fp32", "data.augmentations=3", "name=run",
    "data.tasks=[training]", "data.evaluation_tasks=[evaluation]",
]  # fmt: skip


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory but for the two folders of tasks."""
    monkeypatch.chdir(tmp_path)
    return two_folders(tmp_path)


@pytest.fixture
def trained(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Path, str]:
    """A run of two steps, and what it printed."""
    cli.train([*TINY, "evaluate_puzzles=2"])
    return elsewhere / "runs" / "run", capsys.readouterr().out


def test_broken_tasks_are_skipped_where_the_run_says_so_and_told(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    large = {"input": [[0]] * 31, "output": [[1]]}
    (elsewhere / "training" / "large.json").write_text(json.dumps([large, large]))
    with pytest.raises(SystemExit) as caught:
        cli.train([*TINY, "evaluate_puzzles=0"])
    assert caught.value.code == 2
    assert "large.json: examples[0].input: has 31 rows" in capsys.readouterr().err
    cli.train([*TINY, "evaluate_puzzles=0", "data.broken=skip"])
    err = capsys.readouterr().err
    assert "data.tasks=training: skipped 2 beside " in err
    assert err.count("skipped") == 1
    assert from_yaml((elsewhere / "runs" / "run" / "config.yaml").read_text()).data.broken == "skip"


def test_a_run_trains_judges_and_writes_a_submission(
    trained: tuple[Path, str], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = trained
    for text in (
        "Right within K tries", "all_tests", "mean_per_task", "share_of_outputs",
        "submission: runs/run/submission.json", "evaluation: 2 tasks, 4 tests, 16 questions",
    ):  # fmt: skip
        assert text in out
    assert list(json.loads((run / "submission.json").read_text())) == ["x", "y"]

    cli.evaluate(["run=runs/run", "augmentations=1", "max_segments=2", "compile=false", "output=runs/run/my.json"])
    capsys.readouterr()
    submission = json.loads((run / "my_submission.json").read_text())
    assert [(name, len(tests)) for name, tests in submission.items()] == [("x", 2), ("y", 2), ("z", 2)]
    assert all(list(tries) == ["attempt_1", "attempt_2"] for tests in submission.values() for tries in tests)
    row = json.loads((run / "my.json").read_text())["sets"]["evaluation"]
    assert (row["tasks"], row["puzzles"], row["questions"]) == (3, 6, 12)
    files = {name: json.loads((elsewhere / "evaluation" / f"{name}.json").read_text()) for name in "xyz"}
    ours = tuple(row["scores"][rule]["2"] for rule in ("all_tests", "mean_per_task", "share_of_outputs"))
    assert ours == pytest.approx(plain_score(submission, files))
    pictures = {path.name for path in (run / "my_pictures").iterdir()}
    assert pictures == {f"{kind}_{name}.png" for kind in ("task", "votes") for name in "xyz"} | {"learning_curves.png"}

    before = (run / "my.json").read_text(), (run / "my_submission.json").read_text()
    cli.evaluate(["run=runs/run", "augmentations=1", "max_segments=2", "compile=false", "output=runs/run/two.json",
                  "figures=false", "batch_size=5"])  # fmt: skip
    assert (run / "two_submission.json").read_text() == before[1]


def refused(argv: list[str], capsys: pytest.CaptureFixture[str], command=cli.evaluate) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        command(argv)
    err = capsys.readouterr().err
    assert (caught.value.code, err.count("\n")) == (2, 1), err
    return err.removeprefix("error: ").strip()


def test_what_a_run_on_tasks_cannot_be_asked(
    trained: tuple[Path, str], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder(elsewhere / "new", "xq")
    for argv, line in {
        "data=new": "data=new: task q: the model has no embedding for it",
        "data=training": "data=training: task a was trained on, its tests too",
        "data=nowhere": "data=nowhere: no such file or directory",
        "+sets.few.family=gravity": "sets=",
        "solver=curve": "solver=curve: must be none",
        "augmentations=-1": "augmentations=-1: must be null or at least 0",
    }.items():
        assert refused(["run=runs/run", argv], capsys).startswith(line), argv
    (elsewhere / "training").rename(elsewhere / "moved")
    assert refused(["run=runs/run"], capsys).startswith("data.tasks=training: no such file or folder")
    (elsewhere / "moved").rename(elsewhere / "training")
    folder(elsewhere / "training", "c", seed=9)
    assert refused(["run=runs/run"], capsys).startswith("data.sha256=")
    line = refused([*TINY, "evaluate_puzzles=2", "steps=3"], capsys, cli.train)
    assert "was begun with other values (data.sha256: " in line


def test_other_tests_of_known_tasks_and_unknown_answers(
    trained: tuple[Path, str], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As Kaggle gives them: one file, no answers, here with one test where the run's task has two."""
    known = json.loads((elsewhere / "evaluation" / "y.json").read_text())
    challenge = {"y": {"train": known["train"], "test": [{"input": [[1, 2, 3]] * 3}]}}
    (elsewhere / "my_challenges.json").write_text(json.dumps(challenge))
    argv = ["run=runs/run", "data=my_challenges.json", "max_segments=1", "output=out/results.json", "compile=false"]
    cli.evaluate([*argv])
    assert "no scores: not all answers are known" in capsys.readouterr().out
    submission = json.loads((elsewhere / "out" / "submission.json").read_text())
    assert [(name, len(tests)) for name, tests in submission.items()] == [("y", 1)]
    assert "scores" not in json.loads((elsewhere / "out" / "results.json").read_text())["sets"]["my_challenges.json"]
    (elsewhere / "my_solutions.json").write_text(json.dumps({"y": [[[1]]]}))
    cli.evaluate(argv)
    assert "scores" in json.loads((elsewhere / "out" / "results.json").read_text())["sets"]["my_challenges.json"]


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("data.tasks=[nowhere]", "data.tasks=nowhere: no such file or folder"),
        ("data.evaluation_tasks=[]", "evaluate_puzzles=2: must be 0 without data.evaluation_tasks"),
        ("validation.every=5", "validation.every=5: must be 0: real tasks leave none"),
        ("data.puzzles=5", "data.puzzles=5: must be null beside data.path"),
        ("data.augmentations=-1", "data.augmentations=-1: must be at least 0"),
        ("data.sha256=abc", "data.sha256=abc: must be "),
        ("puzzle.canvas=4", "puzzle.canvas=4: task a: train[0].input is "),
        ("data.evaluation_tasks=[training]", "data.evaluation_tasks: task a is there twice"),
        ("data.tasks=training", "data.tasks=training: must be a list of text"),
        ("data.path=training", 'data.tasks=["training"]: must be [] beside data.path'),
        ("puzzle=sudoku_4x4", 'data.tasks=["training"]: must be [] for puzzle=sudoku'),
    ],
)
def test_what_no_run_begins_with(override: str, line: str, elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = [one for one in TINY if override != "puzzle=sudoku_4x4" or not one.startswith("puzzle")]
    assert refused([*argv, "evaluate_puzzles=2", override], capsys, cli.train).startswith(line)
    assert not (elsewhere / "runs").exists()


def test_tasks_are_read_once_in_a_command(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads, read = Counter(), arc_tasks.read_tasks

    def counted(source: str, **how: Any) -> Any:
        reads[source] += 1
        return read(source, **how)

    monkeypatch.setattr(arc_tasks, "read_tasks", counted)
    cli.train([*TINY, "evaluate_puzzles=2"])
    assert reads == {"training": 1, "evaluation": 1}


def test_the_saved_configuration_needs_no_tasks(trained: tuple[Path, str], elsewhere: Path) -> None:
    """It holds the table's size and the hash; names of models' sizes are as they were."""
    text = (trained[0] / "config.yaml").read_text()
    for name in ("training", "evaluation"):
        (elsewhere / name).rename(elsewhere / f"{name}_gone")
    config = from_yaml(text)
    assert config.model.num_puzzle_ids == 1 + 6 * 4
    assert config.data.sha256 == yaml.safe_load(text)["data"]["sha256"]
    assert len(config.data.sha256 or "") == 64


def test_resuming_gives_the_same_weights(elsewhere: Path) -> None:
    common = [*TINY, "evaluate_puzzles=0", "model.max_segments=3", "optim.warmup_steps=0", "optim.min_lr_ratio=1"]
    cli.train([*common, "steps=4", "name=whole"])
    cli.train([*common, "steps=2", "name=halves"])
    cli.train([*common, "steps=4", "name=halves"])
    whole, halves = (
        safetensors.torch.load_file(elsewhere / "runs" / name / "checkpoints" / "step_000004" / "model.safetensors")
        for name in ("whole", "halves")
    )
    assert all(torch.equal(whole[key], halves[key]) for key in whole)
    assert whole["codec.puzzle_embedding.weight"].any()
