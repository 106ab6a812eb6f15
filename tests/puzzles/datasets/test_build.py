"""Built directories: the same bytes for the same arguments, splits that no symmetry connects, faults in one line."""

import csv
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

import puzzles
from puzzles import build as build_command
from puzzles import splits
from puzzles.datasets import build, dataset
from tests.conftest import REPO

SMALL = puzzles.get("sudoku", box="2x3")


def write_csv(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def rows() -> list[dict[str, object]]:
    """Forty 6x6 puzzles, none symmetric to another, with further columns."""
    inputs, labels = build.generated(SMALL, 40, splits.TRAIN, puzzles.rng(0, "rows"), {"clues": 12}, lambda _: None)
    return [
        {"source": "s, t", "rating": i, "answer": SMALL.format(label), "question": SMALL.format(row)}
        for i, (row, label) in enumerate(zip(inputs, labels, strict=True))
    ]


@pytest.fixture
def files(tmp_path: Path, rows: list[dict[str, object]]) -> tuple[Path, Path]:
    return write_csv(tmp_path / "train.csv", rows[:30]), write_csv(tmp_path / "test.csv", rows[30:])


def tree(path: Path) -> dict[str, str]:
    """Every file's hash."""
    found = (file for file in sorted(path.rglob("*")) if file.is_file())
    return {file.relative_to(path).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in found}


def test_csv_rows_become_groups_of_an_original_and_its_symmetries(tmp_path: Path, files: tuple[Path, Path], rows):
    train_csv, test_csv = files
    build.build(tmp_path / "data", puzzle=SMALL, train_csv=train_csv, test_csv=test_csv, augmentations=5)
    train = dataset.read(tmp_path / "data").sets["all"]
    assert train.group_indices.tolist() == list(range(0, 181, 6))
    originals = train.inputs[train.originals()]
    assert [SMALL.format(row) for row in originals] == [row["question"] for row in rows[:30]]
    assert np.array_equal(SMALL.canonical(train.inputs), np.repeat(SMALL.canonical(originals), 6, axis=0))
    assert SMALL.check(train.inputs, train.labels).solved.all()
    assert len({row.tobytes() for row in train.inputs}) == 180
    test = dataset.read(tmp_path / "data", "test").sets["all"]
    assert [SMALL.format(row) for row in test.inputs] == [row["question"] for row in rows[30:]]
    assert [SMALL.format(row) for row in test.labels] == [row["answer"] for row in rows[30:]]
    assert len(test.group_indices) == 11


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path, files: tuple[Path, Path]):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        build.build(tmp_path / name, puzzle=SMALL, train_csv=files[0], train_puzzles=9, augmentations=2, seed=seed)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    first, other = (dataset.read(tmp_path / name).sets["all"].inputs for name in "ac")
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("threads", ["1", "3"])
def test_any_number_of_threads_gives_the_same_bytes(tmp_path: Path, threads: str):
    arguments = ["--option", "box=2x3", "--generate", "clues=[12,14]", "--train-puzzles", "80", "--test-puzzles", "40"]
    command = [sys.executable, "-m", "puzzles.build", str(tmp_path / threads), *arguments, "--augmentations", "2"]
    # the affinity bounds the threads as well: lifted where the machine has more cores
    code = f"import os; os.sched_getaffinity = lambda _: set(range(8)); import runpy, sys; sys.argv = {command[2:]!r}; "
    code += "runpy.run_module('puzzles.build', run_name='__main__')"
    environment = os.environ | {"NUMBA_NUM_THREADS": threads, "PYTHONPATH": str(REPO)}
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=environment)
    build.build(
        tmp_path / "here", puzzle=SMALL, targets={"clues": [12, 14]}, train_puzzles=80, test_puzzles=40, augmentations=2
    )
    assert tree(tmp_path / threads) == tree(tmp_path / "here")


def test_generated_splits_come_from_their_folds(tmp_path: Path):
    build.build(tmp_path / "data", puzzle=SMALL, targets={"clues": 12}, train_puzzles=50, test_puzzles=30)
    train, test = (dataset.read(tmp_path / "data", name).sets["all"].inputs for name in ("train", "test"))
    assert (splits.fold(SMALL, train) == splits.TRAIN).all()
    assert (splits.fold(SMALL, test) == splits.EVALUATION).all()
    assert not splits.duplicates(SMALL, np.concatenate([train, test])).any()
    assert (train > 1).sum(axis=1).tolist() == [12] * 50


def test_low_ratings_are_left_out(tmp_path: Path, files: tuple[Path, Path], rows):
    build.build(tmp_path / "data", puzzle=SMALL, train_csv=files[0], min_rating=25.0)
    found = dataset.read(tmp_path / "data").sets["all"].inputs
    assert [SMALL.format(row) for row in found] == [row["question"] for row in rows[25:30]]
    with pytest.raises(ValueError, match=r"train.csv: has 5 puzzles with a rating of at least 25: 6 are wanted"):
        build.build(tmp_path / "more", puzzle=SMALL, train_csv=files[0], min_rating=25.0, train_puzzles=6)


def test_test_puzzles_symmetric_to_training_puzzles_are_refused_or_dropped(tmp_path: Path, rows):
    turned, _ = SMALL.transform(puzzles.rng(1, "turn"), *(np.stack([SMALL.parse(rows[0]["question"])] * 2),) * 2)
    leaks = [{"question": SMALL.format(row), "answer": ""} for row in turned]
    train = write_csv(tmp_path / "train.csv", rows[:30])
    test = write_csv(tmp_path / "test.csv", [*leaks, *({"question": r["question"], "answer": ""} for r in rows[30:])])
    with pytest.raises(ValueError, match=r"2 of 12 test puzzles are symmetric to .*, the first .*--drop-seen"):
        build.build(tmp_path / "data", puzzle=SMALL, train_csv=train, test_csv=test)
    assert not (tmp_path / "data").exists()
    build.build(tmp_path / "data", puzzle=SMALL, train_csv=train, test_csv=test, drop_seen=True)
    kept = dataset.read(tmp_path / "data", "test").sets["all"].inputs
    assert [SMALL.format(row) for row in kept] == [row["question"] for row in rows[30:]]
    with pytest.raises(ValueError, match="every test puzzle is symmetric"):
        build.build(tmp_path / "none", puzzle=SMALL, train_csv=train, test_csv=train, drop_seen=True)


def test_a_puzzle_with_few_symmetric_ones_gets_those_it_has():
    """The 288 full 4x4 grids are two classes of symmetric ones, of 96 and 192: 400 cannot be had."""
    tiny = puzzles.get("sudoku", box="2x2")
    inputs, labels = tiny.generate(puzzles.rng(0, "full"), 1, clues=16)
    found = build.augmented(tiny, inputs, labels, 400, 0, lambda _: None)
    assert len(found.inputs) in (96, 192)
    assert len({row.tobytes() for row in found.inputs}) == len(found.inputs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "exactly one of them"),
        (["--generate", "clues=12", "--train-csv", "x"], "exactly one of them"),
        (["--generate", "clue=12"], "--generate clue=12: unknown target; sudoku has clues"),
        (["--generate", "clues"], "--generate clues: must be KEY=VALUE"),
        (["--generate", "clues=2"], "clues=2: "),
        (["--generate", "--min-rating", "3"], "--min-rating: does not go with --generate"),
        (["--generate", "--test-csv", "x"], "--test-csv: does not go with --generate"),
        (["--train-csv", "absent.csv"], "absent.csv: no such file"),
        (["--train-csv", "absent.csv", "--test-puzzles", "3"], "--test-puzzles 3: needs --test-csv"),
        (["--generate", "--train-puzzles", "0"], "0: must be a whole number of at least 1"),
        (["--generate", "--augmentations", "-1"], "--augmentations -1: must be at least 0"),
        (["--generate", "--seed", "-1"], "--seed -1: must be at least 0"),
        (["--generate", "--puzzle", "chess"], "puzzle=chess: must be one of"),
        (["--generate", "--option", "box=7x7"], "puzzle.box=7x7: must be one of"),
        (["--generate", "--what"], "unrecognized arguments: --what"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        build_command.main(["data", *arguments])
    assert caught.value.code == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert shown.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_bad_rows_are_named_by_file_and_line(tmp_path: Path, rows):
    path = write_csv(tmp_path / "bad.csv", [*rows[:2], {**rows[2], "question": "12"}, {**rows[3], "rating": "hard"}])
    with pytest.raises(ValueError, match=r"bad.csv:4: question: .*2 cells"):
        build.build(tmp_path / "data", puzzle=SMALL, train_csv=path)
    with pytest.raises(ValueError, match=r"bad.csv:5: rating: 'hard' is not a number"):
        build.build(tmp_path / "data", puzzle=SMALL, train_csv=path, min_rating=1.0)
    unrated = write_csv(tmp_path / "unrated.csv", [{"question": rows[0]["question"]}])
    with pytest.raises(ValueError, match=r"unrated.csv:1: the header must have a column rating or difficulty"):
        build.build(tmp_path / "data", puzzle=SMALL, train_csv=unrated, min_rating=1.0)


def test_the_command_says_what_it_wrote(tmp_path: Path, files, capsys):
    arguments = [
        "--option",
        "box=2x3",
        "--train-csv",
        str(files[0]),
        "--test-csv",
        str(files[1]),
        "--augmentations",
        "3",
    ]
    build_command.main([str(tmp_path / "data"), *arguments])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "train: 120 examples in 30 groups"
    assert lines[1] == "test: 10 examples in 10 groups"
    assert lines[2].startswith(f"{tmp_path / 'data'}: ")


def test_a_killed_build_leaves_nothing_that_reads(tmp_path: Path):
    """SIGKILL in the middle of writing: the name is free, and what lies beside it is no data directory."""
    code = "import time; from puzzles import build as command; from puzzles.datasets import dataset\n"
    code += "dataset._write_json = lambda path, _: (path.write_text('[]'), 'dataset' in path.name and time.sleep(60))\n"
    code += f"command.main([{str(tmp_path / 'data')!r}, '--option', 'box=2x2', '--generate', '--train-puzzles', '3',"
    code += "'--test-puzzles', '2'])"
    killed = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(REPO)})
    try:
        while not list(tmp_path.glob(".data.partial-*/train/dataset.json")):
            assert killed.poll() is None
            time.sleep(0.02)
        os.kill(killed.pid, signal.SIGKILL)
    finally:
        killed.kill()
        killed.wait()
    assert not (tmp_path / "data").exists()
    (left,) = tmp_path.iterdir()
    with pytest.raises(ValueError, match=r"test/dataset\.json: missing"):
        dataset.read(left, "test")


def test_real_puzzles_build(tmp_path: Path, shared_data: Path):
    sudoku = shared_data / "sudoku"
    nine = puzzles.get("sudoku")
    train_csv, test_csv = sudoku / "extreme_sample.csv", sudoku / "magictour.csv"
    build.build(
        tmp_path / "data", puzzle=nine, train_csv=train_csv, test_csv=test_csv,
        train_puzzles=20, test_puzzles=20, min_rating=2.0, augmentations=10,
    )  # fmt: skip
    found = dataset.read(tmp_path / "data")
    assert found.metadata.vocab_size == 11
    assert found.metadata.total_groups == 20
    train = found.sets["all"]
    assert nine.check(train.inputs, train.labels).solved.all()
