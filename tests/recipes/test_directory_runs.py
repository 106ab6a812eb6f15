"""Runs on data directories, from the command line: trained from, resumed, judged on, and refused."""

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import puzzles
from hrm_net import cli
from hrm_net.data.puzzle_sets import PuzzleSet, generated_set, read_sets
from hrm_net.recipes import check, train_config
from hrm_net.recipes.config import from_yaml, to_yaml
from hrm_net.recipes.recipe import Run
from hrm_net.recipes.solver import build_data
from hrm_net.recipes.solver_evaluation import trained_on
from puzzles import splits
from puzzles.datasets import build, dataset
from tests.puzzles.datasets.directories import change, put, split, write_both
from tests.recipes.test_config import values

pytestmark = pytest.mark.slow

SMALL = puzzles.get("sudoku", box="2x2")
NAMED = ("model=hrm_small", "data.augment=false")
FAST = (
    "puzzle=sudoku_4x4", "steps=2", "batch_size=4", "validation.every=0", "compile=false", "evaluate_puzzles=0",
    "hydra.run.dir=run",
)  # fmt: skip


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def four(elsewhere: Path) -> Path:
    build.build(elsewhere / "four", puzzle=SMALL, targets={"clues": 6}, train_puzzles=12, test_puzzles=5)
    return Path("four")


def refused(arguments: list[str], capsys: pytest.CaptureFixture, *, command=cli.train) -> str:
    with pytest.raises(SystemExit) as caught:
        command(arguments)
    assert caught.value.code == 2
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    return shown


def test_a_run_is_trained_resumed_and_judged_on_its_own_test_split(four: Path, capsys):
    cli.train([*FAST, "data.path=four", "data.augment=false", "evaluate_puzzles=4"])
    results = json.loads(Path("run/results.json").read_text())
    assert list(results["sets"]) == ["four"]
    assert results["sets"]["four"]["puzzles"] == 4
    saved = from_yaml(Path("run/config.yaml").read_text())
    assert saved.data.sha256 == dataset.read(four).digest()
    four.rename("moved")
    cli.train([*FAST, "data.path=moved", "data.augment=false", "steps=3"])
    assert Path("run/checkpoints/step_000003").is_dir()


def test_directories_are_read_once_in_a_command(four: Path, monkeypatch: pytest.MonkeyPatch):
    """Checked, trained on, kept apart from validation and from generated sets, and the test split evaluated."""
    reads, read = Counter(), dataset.read

    def counted(path: str | Path, split: str = "train") -> dataset.Dataset:
        reads[str(path), split] += 1
        return read(path, split)

    monkeypatch.setattr(dataset, "read", counted)
    cli.train([*FAST, "data.path=four", "validation.every=1", "validation.puzzles=6", "evaluate_puzzles=4"])
    assert reads == {("four", "train"): 1, ("four", "test"): 1}
    reads.clear()
    shutil.rmtree(four / "test")
    shutil.rmtree("run")
    (four / "stamp.json").unlink()
    cli.train([*FAST, "data.path=four", "evaluate_puzzles=4"])
    assert reads == {("four", "train"): 1}


def test_a_run_is_not_resumed_on_other_data(four: Path, capsys):
    cli.train([*FAST, "data.path=four"])
    build.build("other", puzzle=SMALL, targets={"clues": 6}, train_puzzles=12, test_puzzles=5, seed=1)
    shown = refused([*FAST, "data.path=other", "steps=4"], capsys)
    assert "data.sha256: " in shown
    assert "use them again, or choose another name=" in shown
    shown = refused([*FAST, "steps=4"], capsys)
    assert "data.sha256: " in shown
    put(four / "train" / "all__labels.npy", (0, 0), 2)
    assert "is not what stamp.json says" in refused([*FAST, "data.path=four", "steps=4"], capsys)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.path=nowhere"], "data.path=nowhere: nowhere: no such directory"),
        (["data.path=[]"], "data.path=[]: must be a directory or a list"),
        (["data.path=7"], "data.path=7: must be"),
        (["data.path=four", "data.puzzles=5"], "data.puzzles=5: must be null beside data.path"),
        (["data.sha256=ab"], "data.sha256=ab: must be null without data.path"),
        (["data.path=four", "data.sha256=ab"], "data.sha256=ab: must be "),
        (["data.path=four", "puzzle=sudoku_6x6"], "seq_len=16: sudoku {'box': '2x3'} has 36"),
        (["data.path=four", "model.num_puzzle_ids=2"], "model.num_puzzle_ids=2: must be 1"),
        (["data.path=words"], "vocab_size=7: sudoku {'box': '2x2'} has at most 6"),
        (["data.path=[four,named]"], "the directories have 1, 3 puzzle identifiers: must be equal"),
        (["data.path=named", "model=hrm_small"], "data.augment=true: must be false"),
        ([*NAMED, "data.path=named", "validation.every=1"], "validation.every=1: must be 0"),
        ([*NAMED, "data.path=named", "evaluate_puzzles=1"], "evaluate_puzzles=1: must be 0"),
        ([*NAMED, "data.path=[named,renamed]"], "data.path=renamed: its identifiers.json is not that of"),
    ],
)
def test_data_that_does_not_fit_is_refused_before_any_work(overrides: list[str], message: str, four: Path, capsys):
    rows = dataset.read(four).sets
    names = ["<blank>", "a", "b"]
    dataset.write("words", {"train": dataset.from_sets(rows, vocab_size=7)})
    dataset.write("named", {"train": dataset.from_sets(rows, vocab_size=6, identifiers=names)})
    dataset.write("renamed", {"train": dataset.from_sets(rows, vocab_size=6, identifiers=names[::-1])})
    assert message in refused([*FAST, *overrides], capsys)
    assert not Path("run").exists()


def test_the_model_has_the_directory_s_identifiers(four: Path):
    rows = dataset.read(four).sets
    dataset.write("named", {"train": dataset.from_sets(rows, vocab_size=6, identifiers=["<blank>", "a", "b"])})
    config = train_config(values(*FAST[:-1], *NAMED, "data.path=named"))
    assert config.model.num_puzzle_ids == 3
    shutil.rmtree("named")
    assert from_yaml(to_yaml(config)) == config


def checked(*overrides: str) -> Run:
    return check(values("puzzle=sudoku_6x6", *overrides))[1]


def validation_sets(run: Run) -> list[PuzzleSet]:
    validation = build_data(run.config, run.inputs)[1]
    assert validation is not None
    return validation.sets


def test_generated_puzzles_of_a_run_are_not_those_of_its_directory(elsewhere: Path):
    """The directory holds, turned, what validation and evaluation would generate: none of it is left in either."""
    six = puzzles.get("sudoku", box="2x3")
    watched = validation_sets(checked("validation.every=1", "validation.puzzles=6"))
    judged = generated_set(six, "clues_12", 0, 6, clues=12)
    turned = six.transform(puzzles.rng(0, "turn"), *(
        np.concatenate([getattr(one, side)[:4] for one in (*watched, judged)]) for side in ("inputs", "labels")
    ))  # fmt: skip
    rows = build.plain(*turned)
    dataset.write("seen", {"train": dataset.from_sets({"all": rows}, vocab_size=six.vocab_size)})
    run = checked("validation.every=1", "validation.puzzles=6", "data.path=seen")
    for before, after in zip(watched, validation_sets(run), strict=True):
        assert np.array_equal(after.inputs, before.inputs[4:])
    seen = trained_on(run.config, six, None)
    assert seen is not None
    again = generated_set(six, "clues_12", 0, 6, unlike=seen, clues=12)
    assert len(again) == 6
    assert not splits.seen_in(six, again.inputs, seen).any()
    assert np.array_equal(again.inputs[:2], judged.inputs[4:])


def test_evaluation_says_when_the_training_data_is_gone(four: Path, capsys):
    cli.train([*FAST, "data.path=four"])
    shutil.rmtree("four")
    shown = refused(["run=run", "figures=false"], capsys, command=cli.evaluate)
    assert "no such directory; generated sets must differ" in shown


def test_sets_of_a_directory(tmp_path: Path):
    rows = dataset.from_sets({"all": split(2).sets["set2"]}, vocab_size=6)
    rows.sets["all"].inputs, rows.sets["all"].labels = (np.tile(rows.sets["all"].inputs, 2),) * 2
    both = dataset.from_sets({"a": rows.sets["all"], "b": rows.sets["all"]}, vocab_size=6, identifiers=["<blank>"] * 3)
    dataset.write(
        tmp_path / "data",
        {
            "train": both,
            "test": dataset.from_sets({"all": rows.sets["all"]}, vocab_size=6, identifiers=["<blank>"] * 3),
        },
    )
    (only,) = read_sets(tmp_path / "data", SMALL)
    assert only.name == "data"
    assert only.puzzle_identifiers.tolist() == rows.sets["all"].example_identifiers().tolist()
    assert [one.name for one in read_sets(tmp_path / "data" / "train", SMALL)] == ["data/train/a", "data/train/b"]
    (tmp_path / "data" / "stamp.json").unlink()
    change(tmp_path / "data" / "test" / "dataset.json", ignore_label_id=1)
    (only,) = read_sets(tmp_path / "data" / "test", SMALL)
    assert np.array_equal(only.labels == -100, rows.sets["all"].labels == 1)
    with pytest.raises(ValueError, match=r"test/dataset.json: seq_len=8: sudoku .* has 16"):
        read_sets(write_both(tmp_path / "short"), SMALL)


def test_maze_hard_trains_and_is_judged_from_its_directory(shared_data: Path, elsewhere: Path, capsys):
    overrides = ["puzzle=maze_hard", f"data.path={shared_data / 'maze-hard'}", "data.augment=false", "steps=2",
                 "batch_size=2", "validation.every=0", "compile=false", "evaluate_puzzles=0", "hydra.run.dir=run",
                 "model=hrm_small", "model.max_segments=2",
        "model.hidden_size=64", "model.num_heads=2"]  # fmt: skip
    cli.train(overrides)
    more = [f"data={shared_data / 'maze-hard'}", "puzzles=3", "max_segments=1", "curve=[1]", "figures=false"]
    cli.evaluate(["run=run", *more, "compile=false", "output=mine.json"])
    found = json.loads(Path("mine.json").read_text())["sets"]["maze-hard"]
    assert found["puzzles"] == 3
