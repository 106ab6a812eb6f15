"""Judging on real ARC tasks: votes of right and wrong augmentations, the three rules, the submission, the commands."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
import yaml

from hrm_net import cli
from hrm_net.arc_batches import task_rows
from hrm_net.arc_evaluation import judge
from hrm_net.config import DataConfig
from puzzles import arc_canvas
from puzzles.arc_rows import ArcRows, Questions
from puzzles.arc_tasks import Grid, Task, load_tasks
from tests.arc_folders import SIDE, Answering, folder

AUGMENTATIONS = 5
TINY = [
    "puzzle=arc", f"puzzle.canvas={SIDE}", "model=hrm_small", "model.hidden_size=8", "model.num_heads=2",
    "model.h_layers=1", "model.l_layers=1", "model.max_segments=2", "optim=adamw", "batch_size=3", "steps=2",
    "monitor.every=0", "compile=false", "precision=fp32", "data.augmentations=3", "name=run",
    "data.tasks=[training]", "data.evaluation_tasks=[evaluation]",
]  # fmt: skip


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory but for the two folders of tasks; two tests in each evaluation task."""
    monkeypatch.chdir(tmp_path)
    folder(tmp_path / "training", "cab")
    folder(tmp_path / "evaluation", "zxy", tests=2)
    return tmp_path


@pytest.fixture
def asked(elsewhere: Path) -> tuple[ArcRows, list[Task]]:
    config = DataConfig(tasks=["training"], evaluation_tasks=["evaluation"], augmentations=AUGMENTATIONS)
    return task_rows(config, canvas=SIDE, seed=0), load_tasks("evaluation")


def told(questions: Questions, answers: dict[tuple[str, int, int], tuple[Grid, float]]) -> Answering:
    """A model that answers (task, test, augmentation) with a grid in the task's own frame, so sure of it."""
    known = {}
    rows = zip(questions.votes_for(), questions.inputs(), questions.puzzle_identifiers, strict=True)
    for (task, test, one), canvas, name in rows:
        if (task, test, one.index) in answers:
            grid, sure = answers[task, test, one.index]
            known[canvas.tobytes(), int(name)] = (
                arc_canvas.to_canvas([one.apply(grid)], questions.rows.canvas)[0],
                sure,
            )
    return Answering(known)


def judged(model: Answering, questions: Questions, tasks: list[Task], **how: Any):
    return judge(model, questions, tasks, max_segments=3, batch_size=4, progress=False, **how)


def right(task: Task, test: int) -> Grid:
    answer = task.test[test].output
    assert answer is not None
    return answer


WRONG = (np.full((2, 3), 7, np.uint8), np.full((3, 2), 8, np.uint8))


def test_votes_over_augmentations_outdo_the_task_as_it_is(asked: tuple[ArcRows, list[Task]]) -> None:
    """x: 3 right, 2 of one wrong, 1 of another: right at K=1. y: right at K=2 in test 0, nowhere in test 1. z: nothing.

    The task as it is is wrong but for one test of y.
    """
    rows, (x, y, _) = asked
    questions = rows.questions()
    assert len(questions) == 6 * (1 + AUGMENTATIONS)
    answers: dict[tuple[str, int, int], tuple[Grid, float]] = {}
    for test in (0, 1):
        for one, grid in enumerate([WRONG[0], WRONG[0], WRONG[1], *[right(x, test)] * 3]):
            answers["x", test, one] = (grid, 0.0)
        wrong = [WRONG[0]] * 3 if test == 0 else [WRONG[0], WRONG[1], WRONG[0]]
        for one, grid in enumerate([right(y, 0)] * 2 * (test == 0) + wrong):
            answers["y", test, one] = (grid, 0.0)
    model = told(questions, answers)
    rankings, metrics = judged(model, questions, asked[1])
    assert [candidate.votes for candidate in rankings["x"][1]] == [3, 2, 1]
    assert np.array_equal(rankings["x"][1][0].grid, right(x, 1))
    assert [candidate.votes for candidate in rankings["y"][0]] == [3, 2]
    assert rankings["z"] == [[], []]
    at = {rule: [shares[most] for most in ("1", "2", "1000")] for rule, shares in metrics["scores"].items()}
    assert at == {
        "all_tests": [1 / 3, 1 / 3, 1 / 3],
        "mean_per_task": [1 / 3, 0.5, 0.5],
        "share_of_outputs": [2 / 6, 3 / 6, 3 / 6],
    }
    assert metrics["solve_rate"] == pytest.approx(1 / 6)
    assert metrics["exact_accuracy"] == pytest.approx(1 / 6)
    canvases = {key: arc_canvas.to_canvas([grid], SIDE)[0] for key, (grid, _) in answers.items() if key[2] == 0}
    targets = {
        (task.name, test): arc_canvas.to_canvas([right(task, test)], SIDE)[0] for task in asked[1] for test in (0, 1)
    }
    hits = sum(
        int(((canvases[*key, 0] == row) & (row > 0)).sum()) for key, row in targets.items() if (*key, 0) in canvases
    )
    assert metrics["cell_accuracy"] == hits / sum(int((row > 0).sum()) for row in targets.values())
    assert metrics["no_grid"] == 36 - 12 - 5 - 3
    assert model.shapes == {(4, SIDE * SIDE)}
    assert (metrics["tasks"], metrics["puzzles"], metrics["mean_segments"]) == (3, 6, 3)


def test_equal_votes_are_told_apart_by_confidence(asked: tuple[ArcRows, list[Task]]) -> None:
    rows, (x, *_) = asked
    questions = rows.questions(tasks=[rows.num_training])
    for sure in (-3.0, 3.0):
        answers = {("x", 0, 0): (WRONG[0], 0.0), ("x", 0, 1): (right(x, 0), sure)}
        rankings, metrics = judged(told(questions, answers), questions, [x])
        first, second = rankings["x"][0]
        assert np.array_equal(first.grid, right(x, 0)) == (sure > 0)
        assert metrics["scores"]["share_of_outputs"] == {
            "1": 0.5 * (sure > 0),
            **dict.fromkeys(["2", "5", "10", "100", "1000"], 0.5),
        }
        assert {round(one.confidence, 6) for one in (first, second)} == {0.5, round(1 / (1 + np.exp(-sure)), 6)}


def test_answers_come_from_the_last_segment_and_few_augmentations_may_vote(asked: tuple[ArcRows, list[Task]]) -> None:
    rows, tasks = asked
    for wanted in (0, 2, 99):
        questions = rows.questions(wanted)
        everything = {
            (task.name, test, one): (right(task, test), 0.0)
            for task in tasks for test in (0, 1) for one in range(1 + AUGMENTATIONS)
        }  # fmt: skip
        rankings, metrics = judged(told(questions, everything), questions, tasks)
        assert [one.votes for tests in rankings.values() for ranked in tests for one in ranked] == [
            1 + min(wanted, 5)
        ] * 6
        assert metrics["scores"]["all_tests"]["1"] == metrics["solve_rate"] == metrics["cell_accuracy"] == 1
        late = told(questions, everything)
        late.at = 4
        assert judged(late, questions, tasks)[1]["solve_rate"] == 0


def test_the_order_and_width_of_batches_change_nothing(asked: tuple[ArcRows, list[Task]]) -> None:
    rows, tasks = asked
    questions = rows.questions()
    answers = {("x", 0, one): (WRONG[one % 2], 0.1 * one) for one in range(5)}
    found = []
    for batch_size in (1, 5, 64):
        rankings, _ = judge(
            told(questions, answers), questions, tasks, max_segments=2, batch_size=batch_size, progress=False
        )
        found.append([(one.grid.tolist(), one.votes, one.confidence) for one in rankings["x"][0]])
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 2


def plain_score(submission: Any, tasks: dict[str, Any]) -> tuple[float, float, float]:
    """The three rules at two tries, from JSON alone."""
    found = [
        [
            pair["output"] in (tries["attempt_1"], tries["attempt_2"])
            for pair, tries in zip(task["test"], submission[name], strict=True)
        ]
        for name, task in tasks.items()
    ]
    outputs = [one for tests in found for one in tests]
    shares = [sum(tests) / len(tests) for tests in found]
    return sum(map(all, found)) / len(found), sum(shares) / len(found), sum(outputs) / len(outputs)


@pytest.fixture
def trained(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Path, str]:
    """A run of two steps, and what it printed."""
    cli.train([*TINY, "evaluate_puzzles=2"])
    return elsewhere / "runs" / "run", capsys.readouterr().out


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


def test_a_submission_is_scored_alike_by_plain_python(asked: tuple[ArcRows, list[Task]], tmp_path: Path) -> None:
    from hrm_net.arc_command import write_answers

    rows, tasks = asked
    x, y, _ = tasks
    answers = {("x", 0, 0): (right(x, 0), 0.0), ("x", 1, 0): (right(x, 1), 0.0), ("y", 1, 0): (right(y, 1), 0.0)}
    answers |= {("y", 1, 1): (WRONG[0], 9.0), ("x", 1, 1): (WRONG[0], 9.0)}
    rankings, metrics = judged(told(rows.questions(), answers), rows.questions(), tasks)
    written = json.loads(write_answers(tmp_path / "results.json", rankings, tasks).read_text())
    assert list(tmp_path.glob("*.part")) == []
    files = {name: json.loads((tmp_path / "evaluation" / f"{name}.json").read_text()) for name in "xyz"}
    assert plain_score(written, files) == (1 / 3, 0.5, 0.5)
    assert [metrics["scores"][rule]["2"] for rule in metrics["scores"]] == [1 / 3, 0.5, 0.5]
    assert written["z"] == [{"attempt_1": [[0]], "attempt_2": [[0]]}] * 2


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
        ("monitor.every=5", "monitor.every=5: must be 0: real tasks leave none"),
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


def test_the_saved_configuration_needs_no_tasks(trained: tuple[Path, str], elsewhere: Path) -> None:
    """It holds the table's size and the hash; names of models' sizes are as they were."""
    from hrm_net.config import from_yaml

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
